// A replica set as sluice talks to it: a direct link to each member, and the acts that a manoeuvre is
// made of. Which member is the primary is always asked, never taken from a driver's memory.
//
// Belongs to one thread, and blocks. A look at a server takes LOOK_MS at most, an act ACT_MS, unless
// the URI says otherwise.
#ifndef SLUICE_CONTROL_MONGO_CIRCLE_H
#define SLUICE_CONTROL_MONGO_CIRCLE_H

#include <stdatomic.h>

#include "base/error.h"
#include "control/hand.h"
#include "control/mongo_errors.h"
#include "control/mongo_set.h"

#define MONGO_CIRCLE_LOOK_MS 2000
#define MONGO_CIRCLE_ACT_MS 30000

struct mongo_circle;

// `uri` is copied, and wiped at the end. SL_EINVAL, SL_EUNSUPPORTED.
SL_CHECKED enum sl_code mongo_circle_new(const char *uri, struct mongo_circle **out,
                                         struct sl_error *err);
// Nothing is sent any more once the flag is set: everything fails as if nobody answered.
void mongo_circle_stop_by(struct mongo_circle *c, const atomic_bool *stop);
void mongo_circle_free(struct mongo_circle *c); // NULL is fine

// --- looking --------------------------------------------------------------------------------------

// Configuration and status, of the primary, or without one of the first that answers. `all`: every
// member is asked for what it alone knows, too. SL_EIO: nobody answers; SL_EDENIED: not logged in;
// SL_ECONFLICT: not a set, or another one than the URI says.
SL_CHECKED enum sl_code mongo_circle_look(struct mongo_circle *c, bool all, struct mongo_set *out,
                                          struct sl_error *err);
// The member that says it is the primary; SL_ENOTFOUND when none does. Fast: for asking often.
SL_CHECKED enum sl_code mongo_circle_leader(struct mongo_circle *c, char out[MONGO_HOST_MAX],
                                            struct sl_error *err);
// One server, which need not be a member. Without a login when `anonymous`.
SL_CHECKED enum sl_code mongo_circle_hello(struct mongo_circle *c, const char *host, bool anonymous,
                                           struct mongo_hello *out, struct sl_error *err);
// False: it does not say.
bool mongo_circle_progress(struct mongo_circle *c, const char *host, struct mongo_progress *out);

// --- acting ---------------------------------------------------------------------------------------

// Changes the configuration and waits until every healthy member has it. Finds the primary, waits for
// other changes that are under way, and does nothing when all of it is done already, so that it
// can be said again.
SL_CHECKED enum sl_code mongo_circle_edit(struct mongo_circle *c, const struct mongo_edit *edits,
                                          unsigned count, const struct patience *p,
                                          struct sl_error *err);
// Does not stand for election for so long; 0: does again, also within its step-down period.
enum mongo_answer mongo_circle_freeze(struct mongo_circle *c, const char *host, int64_t seconds,
                                      struct sl_error *err);
// MONGO_FINE, MONGO_MOVED or MONGO_LOST: it was sent, see who is primary now.
enum mongo_answer mongo_circle_step_down(struct mongo_circle *c, const char *host, int64_t seconds,
                                         int64_t catch_up, struct sl_error *err);
enum mongo_answer mongo_circle_step_up(struct mongo_circle *c, const char *host,
                                       struct sl_error *err);
// Writes sluice's own document (MONGO_PROBE_*) and has a majority acknowledge it within `limit_ms`.
#define MONGO_PROBE_DATABASE "sluice"
#define MONGO_PROBE_COLLECTION "probe"
enum mongo_answer mongo_circle_write(struct mongo_circle *c, const char *host, int64_t number,
                                     int limit_ms, struct sl_error *err);
enum mongo_answer mongo_circle_erase(struct mongo_circle *c, const char *host,
                                     struct sl_error *err);

// Waits a little; SL_ETIMEOUT or SL_ECLOSED when there is no more to wait.
SL_CHECKED enum sl_code mongo_circle_pause(const struct patience *p, struct sl_error *err);

#endif
