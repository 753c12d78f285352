// Errands of the steps: their memory, and the one way to run them.
#include "cutover/task.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define INSIDE_NS (30 * NS_PER_MS)

static enum sl_code run(struct errand *e, struct sql *sql, struct sl_error *err)
{
    struct task *t = (struct task *)(void *)e;
    return t->act(t, sql, err);
}

static void free_errand(struct errand *e)
{
    task_free((struct task *)(void *)e);
}

struct task *task_new(struct cutover_plan *plan, const struct control_target *on, task_act *act)
{
    struct task *t = mem_zalloc(sizeof *t);
    t->errand = (struct errand){.run = run, .free = free_errand};
    t->act = act;
    t->plan = cutover_plan_ref(plan);
    t->on = on;
    return t;
}

void task_free(struct task *t)
{
    if (t == NULL)
        return;
    fence_release(&t->fence);
    fence_release(&t->more);
    position_release(&t->position);
    position_release(&t->other);
    schedule_release(&t->events);
    facts_release(&t->facts);
    explicit_bzero(&t->source, sizeof t->source);
    mem_free(t->ids);
    cutover_plan_unref(t->plan);
    mem_free(t);
}

enum sl_code task_do(struct task **t, struct hand *h, const struct patience *p,
                     struct sl_error *err)
{
    struct errand *e = &(*t)->errand;
    (*t)->by = (struct patience){.until_ns = p->until_ns - INSIDE_NS};
    enum sl_code code = hand_do(h, &e, p, err);
    if (e == NULL)
        *t = NULL;
    return code;
}

enum sl_code task_once(struct task *t, struct hand *h, const struct patience *p,
                       struct sl_error *err)
{
    enum sl_code code = task_do(&t, h, p, err);
    task_free(t);
    return code;
}
