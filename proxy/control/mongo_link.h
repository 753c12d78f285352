// A direct connection to one MongoDB server: one command, one answer, and what its error means. The
// only user of libmongoc's client besides tests. Belongs to one thread; everything has a time-out.
#ifndef SLUICE_CONTROL_MONGO_LINK_H
#define SLUICE_CONTROL_MONGO_LINK_H

#include <bson/bson.h>

#include "base/error.h"
#include "control/mongo_errors.h"

struct mongo_link;

// Connects with the first command. `uri` is that of the set; what it says of time-outs goes before
// `timeout_ms` (`how`: enum mongo_uri_how). SL_EINVAL: the URI does not work for libmongoc.
SL_CHECKED enum sl_code mongo_link_new(const char *uri, const char *host, int timeout_ms,
                                       unsigned how, struct mongo_link **out, struct sl_error *err);
void mongo_link_free(struct mongo_link *l); // NULL is fine
const char *mongo_link_host(const struct mongo_link *l);

// Runs `command` on `database`. `reply` is initialised in any case and must be destroyed. Not
// MONGO_FINE: err says host, command, code and the server's words. A write's own errors (writeErrors,
// writeConcernError) count as errors.
enum mongo_answer mongo_link_run(struct mongo_link *l, const char *database, const bson_t *command,
                                 bson_t *reply, struct sl_error *err);

#endif
