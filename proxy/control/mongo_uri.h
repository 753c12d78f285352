// A MongoDB URI as text: whom it names, and the same for one of them alone. Pure; a URI holds secrets,
// so whoever gets one wipes it.
#ifndef SLUICE_CONTROL_MONGO_URI_H
#define SLUICE_CONTROL_MONGO_URI_H

#include "base/bytes.h"
#include "control/mongo_set.h"

// The hosts of `uri`, with ports. SL_EINVAL; SL_EUNSUPPORTED for mongodb+srv.
SL_CHECKED enum sl_code mongo_uri_hosts(const char *uri, char (*hosts)[MONGO_HOST_MAX],
                                        unsigned most, unsigned *count, struct sl_error *err);
// The value of replicaSet, "" when there is none. SL_EINVAL when it is too long.
SL_CHECKED enum sl_code mongo_uri_set_name(const char *uri, char *out, size_t size,
                                           struct sl_error *err);
// Puts a URI for `host` alone into `out`: user, database, TLS and everything else as in `uri`, less
// what is meant for a set (replicaSet, read preference, retries), with a direct connection and
// `timeout_ms` for whatever time-out the URI does not set.
enum mongo_uri_how {
    MONGO_URI_PLAIN = 0,
    MONGO_URI_PATIENT = 1,   // also for those that it does set, when they are shorter
    MONGO_URI_ANONYMOUS = 2, // without the user: a server that is not in a set knows none
};
SL_CHECKED enum sl_code mongo_uri_direct(const char *uri, const char *host, int timeout_ms,
                                         unsigned how, struct buf *out, struct sl_error *err);

#endif
