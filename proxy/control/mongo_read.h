// Replies of MongoDB servers, read into plain structs: pure. Everything is optional in what a server
// says, numbers come as any of BSON's kinds, and what is missing stays as it was.
#ifndef SLUICE_CONTROL_MONGO_READ_H
#define SLUICE_CONTROL_MONGO_READ_H

#include <bson/bson.h>

#include "control/mongo_set.h"

// hello or isMaster.
void mongo_read_hello(const bson_t *reply, struct mongo_hello *out);
// replSetGetConfig's reply: begins the set anew. SL_EPROTO when it is not one.
SL_CHECKED enum sl_code mongo_read_config(const bson_t *reply, struct mongo_set *out,
                                          struct sl_error *err);
// replSetGetStatus's reply, into the members that the configuration has.
void mongo_read_status(const bson_t *reply, struct mongo_set *out);

void mongo_read_progress(const bson_t *reply, struct mongo_progress *out);

// A member's number or text; `missing` when it has none of that kind. For the few that are read alone.
int64_t mongo_read_number(const bson_t *reply, const char *path, int64_t missing);
bool mongo_read_text(const bson_t *reply, const char *path, char *out, size_t size);
bool mongo_read_true(const bson_t *reply, const char *path);

#endif
