// What a run holds: two hands, a journal, and what it has learned.
#include "cutover/run.h"

#include "base/log.h"
#include "cutover/recovery.h"
#include "cutover/report.h"

void run_begin(struct run *r, struct conductor *c, struct cutover_plan *plan,
               const struct cutover_plant *plant, const atomic_bool *stop)
{
    *r = (struct run){.plan = plan, .plant = plant, .conductor = c, .stop = stop};
    r->old = hand_new(&plan->old);
    r->target = hand_new(&plan->target);
}

void run_end(struct run *r)
{
    hand_free(r->old);
    hand_free(r->target);
    fence_release(&r->old_fence);
    fence_release(&r->target_fence);
    fence_release(&r->saved);
    schedule_release(&r->events);
    position_release(&r->fenced);
    position_release(&r->before_testers);
    report_free(r->report);
    cutover_plan_unref(r->plan);
}

enum sl_code run_open_journal(struct run *r, struct sl_error *err)
{
    struct buf data;
    if (r->plan->check)
        return SL_OK;
    buf_init(&data, 4096);
    recovery_begin_json(r->plan, &data);
    enum sl_code code = journal_create(r->plan->state_dir, &r->journal, err);
    if (code == SL_OK)
        code = journal_write(r->journal, JOURNAL_BEGIN, NULL, buf_text(&data), err);
    buf_release(&data);
    return code;
}

void run_close_journal(struct run *r, const char *how, const char *why)
{
    struct sl_error err = {0};
    struct buf data;
    buf_init(&data, 4096);
    journal_put_why(&data, how, why);
    if (r->journal != NULL && how != NULL &&
        journal_write(r->journal, JOURNAL_END, NULL, buf_text(&data), &err) != SL_OK)
        LOG_WARN("journal_not_ended", LOG_STR("why", err.text));
    buf_release(&data);
    journal_close(r->journal);
}
