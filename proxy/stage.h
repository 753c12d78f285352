// Where a cutover is staged: from an order and the configuration to a plan, the conductor with the
// plant that it plays on, and its words to the admin face. Main thread.
#ifndef SLUICE_STAGE_H
#define SLUICE_STAGE_H

#include "admin/context.h"
#include "admin/server.h"

struct credentials;
struct stage;

// Sets context->conductor. All borrowed; `admin` may be set later, and must be before an order.
struct stage *stage_new(struct admin_context *context, struct credentials *credentials);
void stage_set_admin(struct stage *s, struct admin *admin);
// Told of every cutover's end, after the admin face. NULL: nobody.
void stage_set_follower(struct stage *s,
                        void (*follow)(void *arg, const struct conductor_status *how), void *arg);
// At the start, before there is a stage: the reason for which the gate is closed because a cutover
// has not ended; NULL: none.
const char *stage_closed_at_start(const struct config *c);
// Then: closes its journal, starts its recovery, or asks the operator (context->unended) and keeps the
// gate closed until stage_forget.
void stage_look_back(struct stage *s, const char *active);
// One that is stuck lets go of the servers; when clients wait, the gate stays closed and the operator
// is asked, as after a crash that cannot be recovered. Then: the operator has seen to both servers, the
// journal gets its end and the gate opens. SL_ECONFLICT: there is nothing to forget.
SL_CHECKED enum sl_code stage_forget(struct stage *s, struct sl_error *err);
// admin/context.h's `cutover`.
SL_CHECKED enum sl_code stage_order(struct stage *s, const char *active,
                                    const struct cutover_order *order, struct sl_error *err);
// Ends what runs: undone, unless it is behind its release. `stopped` runs when it is over, perhaps
// inside the call; the loop must run until then.
void stage_stop(struct stage *s, void (*stopped)(void *arg), void *arg);
void stage_free(struct stage *s); // NULL is fine

#endif
