// The tables of MongoDB manoeuvres: steps, and what undoes them. The preflight is everybody's.
//
// M1. Votes change one at a time, and only while a majority is healthy (mongo_reconfig.h).
// M2. A primary steps down only by replSetStepDown with a catch-up period, never by force.
// M3. What was changed for the manoeuvre is put back only where it is still what sluice has set: what an
//     operator changed meanwhile is theirs.
// M4. Every act and every undo can be said again: after a crash nobody knows whether it was done.
#include "cutover/mongo_steps.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/mongo_preflight.h"

struct patience mongo_within(const struct mongo_run *r, int64_t limit_ns)
{
    return (struct patience){.until_ns = clock_now_ns() + limit_ns, .stop = r->stop};
}

// Undoing is not stopped by anybody.
struct patience mongo_undoing_within(int64_t limit_ns)
{
    return (struct patience){.until_ns = clock_now_ns() + limit_ns};
}

struct mongo_edit mongo_edit_of(enum mongo_edit_kind kind, const char *host, double priority,
                                int votes)
{
    struct mongo_edit e = {.kind = kind, .priority = priority, .votes = votes};
    text_copy(e.host, sizeof e.host, host);
    return e;
}

static enum sl_code remember(void *arg, struct buf *json, struct sl_error *err)
{
    const struct mongo_run *r = arg;
    (void)err;
    mongo_memory_write(&r->memory, json);
    return SL_OK;
}

// --- preflight ------------------------------------------------------------------------------------

static enum sl_code preflight(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct mongo_set set;
    struct mongo_hello guest;
    struct preflight found;
    struct sl_error why = {0};
    struct mongo_input in = {.plan = r->plan, .set = &set, .guest_problem = why.text};
    enum sl_code code = mongo_circle_look(r->circle, true, &set, err);
    if (code != SL_OK)
        return code;
    if (r->plan->deed == MONGO_DEED_ADD && mongo_find(&set, r->plan->host) < 0 &&
        mongo_circle_hello(r->circle, r->plan->host, true, &guest, &why) == SL_OK)
        in.guest = &guest;
    mongo_preflight_judge(&in, &found, &r->memory);
    mongo_found(r->conductor, &found);
    return preflight_check(&found, NULL, err);
}

// --- the tables -----------------------------------------------------------------------------------

static const struct sequence_step FAILOVER[] = {
    {.name = "preflight", .act = preflight},
    {.name = "probe", .plan = remember, .act = mongo_probe, .undo = mongo_unprobe},
    {.name = "prefer", .plan = remember, .act = mongo_prefer, .undo = mongo_unprefer},
    {.name = "freeze", .plan = remember, .act = mongo_freeze, .undo = mongo_unfreeze},
    {.name = "step_down", .plan = remember, .act = mongo_step_down, .undo = mongo_unstep_down},
    {.name = "take_over", .plan = remember, .act = mongo_take_over, .final = true},
    {.name = "restore", .plan = remember, .act = mongo_restore},
};

static const struct sequence_step ADD[] = {
    {.name = "preflight", .act = preflight},
    {.name = "attach", .plan = remember, .act = mongo_attach, .undo = mongo_unattach},
    {.name = "fill", .plan = remember, .act = mongo_fill},
    {.name = "vote", .plan = remember, .act = mongo_vote, .undo = mongo_unvote},
    {.name = "weigh", .plan = remember, .act = mongo_weigh, .final = true},
};

static const struct sequence_step REMOVE[] = {
    {.name = "preflight", .act = preflight},
    {.name = "silence", .plan = remember, .act = mongo_silence, .undo = mongo_unsilence},
    {.name = "leave", .plan = remember, .act = mongo_leave, .final = true},
};

static const struct {
    const struct sequence_step *steps;
    unsigned count;
} DEEDS[] = {
    [MONGO_DEED_FAILOVER] = {FAILOVER, sizeof FAILOVER / sizeof *FAILOVER},
    [MONGO_DEED_ADD] = {ADD, sizeof ADD / sizeof *ADD},
    [MONGO_DEED_REMOVE] = {REMOVE, sizeof REMOVE / sizeof *REMOVE},
};

void mongo_steps_of(const struct mongo_plan *plan, const struct sequence_step **steps,
                    unsigned *count)
{
    *steps = DEEDS[plan->deed].steps;
    *count = plan->dry_run ? 1 : DEEDS[plan->deed].count;
}

bool mongo_step_is_harmless(const char *step)
{
    return strcmp(step, "preflight") == 0 || strcmp(step, "probe") == 0;
}
