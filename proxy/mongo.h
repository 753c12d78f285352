// Where manoeuvres on the MongoDB set are staged: from an order and the configuration to a plan, the
// conductor, the looker, and their words to the admin face. Main thread.
#ifndef SLUICE_MONGO_H
#define SLUICE_MONGO_H

#include "admin/context.h"
#include "admin/server.h"

struct mongo_stage;

// Sets context->mongo. Borrowed; `admin` may be set later, and must be before an order.
struct mongo_stage *mongo_stage_new(struct admin_context *context);
void mongo_stage_set_admin(struct mongo_stage *s, struct admin *admin);
// At the start: a manoeuvre that did not end is finished or undone.
void mongo_stage_look_back(struct mongo_stage *s);
// admin/context.h's functions.
SL_CHECKED enum sl_code mongo_stage_order(struct mongo_stage *s, const struct mongo_order *order,
                                          struct sl_error *err);
SL_CHECKED enum sl_code mongo_stage_look(struct mongo_stage *s, struct sl_error *err);
SL_CHECKED enum sl_code mongo_stage_forget(struct mongo_stage *s, struct sl_error *err);
// A cutover is over: what `cutover.mongo` wants follows.
void mongo_stage_follow(struct mongo_stage *s, const struct conductor_status *how);
// SL_ECONFLICT: something is under way, say while a cutover wants to start.
SL_CHECKED enum sl_code mongo_stage_check_idle(struct mongo_stage *s, struct sl_error *err);
// Ends what runs. `stopped` runs when it is over, perhaps inside the call; the loop must run until
// then.
void mongo_stage_stop(struct mongo_stage *s, void (*stopped)(void *arg), void *arg);
void mongo_stage_free(struct mongo_stage *s); // NULL is fine

#endif
