// What the steps have done on a server: an errand with everything that it reads and writes, which
// lives on by itself when it had to be left behind. Internal to cutover/.
#ifndef SLUICE_CUTOVER_TASK_H
#define SLUICE_CUTOVER_TASK_H

#include "control/facts.h"
#include "control/fence.h"
#include "control/follow.h"
#include "control/hand.h"
#include "control/position.h"
#include "control/schedule.h"
#include "cutover/plan.h"

// Inputs are copied in, outputs taken out; each kind of task uses some.
struct task {
    struct errand errand;
    enum sl_code (*act)(struct task *t, struct sql *sql, struct sl_error *err);
    struct cutover_plan *plan;       // a reference
    const struct control_target *on; // one of the plan's
    struct fence fence, more;        // owned
    struct position position, other; // owned
    struct schedule events;          // owned
    struct facts facts;              // owned
    struct follow_source source;     // wiped
    uint32_t *ids;                   // heap
    unsigned id_count;
    unsigned count;    // what it counted
    int64_t number;    // an input
    char problem[256]; // what was found wrong
    // For what waits inside, and ends a little before whoever waits outside, so that it can say
    // what it waited for; never has a `stop`.
    struct patience by;
};

typedef enum sl_code task_act(struct task *t, struct sql *sql, struct sl_error *err);

struct task *task_new(struct cutover_plan *plan, const struct control_target *on, task_act *act);
void task_free(struct task *t); // NULL is fine
// hand_do; *t is NULL afterwards when it was left behind.
SL_CHECKED enum sl_code task_do(struct task **t, struct hand *h, const struct patience *p,
                                struct sl_error *err);
// What they return when a server does not answer.
static inline bool task_was_silent(enum sl_code code)
{
    return code == SL_ETIMEOUT || code == SL_EIO || code == SL_ECLOSED;
}
// The same for a task of which only the code matters. Takes it over.
SL_CHECKED enum sl_code task_once(struct task *t, struct hand *h, const struct patience *p,
                                  struct sl_error *err);

#endif
