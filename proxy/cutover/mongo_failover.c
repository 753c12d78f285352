// The steps of a failover: prefer, freeze, step down, take over, restore.
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/mongo_steps.h"

#define EDIT_NS (30 * NS_PER_S)
#define FIRST_WRITE_NS (10 * NS_PER_S)
#define BACK_NS (20 * NS_PER_S) // for the old primary to be primary again
#define NUDGE_NS (250 * NS_PER_MS)

// --- the writes that never stop -------------------------------------------------------------------

static enum sl_code begin_writes(struct mongo_run *r, struct sl_error *err)
{
    struct patience p = mongo_within(r, FIRST_WRITE_NS);
    enum sl_code code = SL_OK;
    if (r->probe == NULL)
        code = mongo_probe_start(r->plan->uri, &r->probe, err);
    return code == SL_OK ? mongo_probe_wait(r->probe, "", &p, err) : code;
}

static void end_writes(struct mongo_run *r)
{
    if (r->probe == NULL)
        return;
    mongo_probe_stop(r->probe, &r->gap);
    r->probe = NULL;
    r->measured = true;
    mongo_tell(r->conductor, "write gap %lld ms; %llu writes acknowledged, %llu tries failed",
               (long long)(r->gap.longest_ns / NS_PER_MS), (unsigned long long)r->gap.writes,
               (unsigned long long)r->gap.failures);
}

enum sl_code mongo_probe(void *arg, struct sl_error *err)
{
    return begin_writes(arg, err);
}

enum sl_code mongo_unprobe(void *arg, struct sl_error *err)
{
    (void)err;
    end_writes(arg);
    return SL_OK;
}

// --- priorities and freezes -----------------------------------------------------------------------

enum sl_code mongo_prefer(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, EDIT_NS);
    struct mongo_edit e =
        mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, r->memory.winning, MONGO_KEEP);
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

static bool differs(double a, double b)
{
    return a < b || a > b;
}

// The priority of the manoeuvre, if it is still there, becomes `to`.
static enum sl_code end_preference(struct mongo_run *r, double to, struct sl_error *err)
{
    struct mongo_set set;
    enum sl_code code = mongo_circle_look(r->circle, false, &set, err);
    int at = code == SL_OK ? mongo_find(&set, r->memory.host) : -1;
    if (code != SL_OK || at < 0 || differs(set.members[at].priority, r->memory.winning))
        return code;
    struct patience p = mongo_undoing_within(EDIT_NS);
    struct mongo_edit e = mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, to, MONGO_KEEP);
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

// A priority alone makes its member primary after a while (the set's priority takeover), also in the
// middle of this undo: then the old primary is called back.
enum sl_code mongo_unprefer(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    enum sl_code code = end_preference(r, r->memory.priority, err);
    return code == SL_OK && !r->other_leads ? mongo_unstep_down(r, err) : code;
}

// Long enough for the step-down, its catch-up, and the wait for the new primary; a freeze ends by
// itself, should nobody live to end it.
static int64_t freeze_seconds(const struct mongo_run *r)
{
    return 2 * mongo_plan_step_down_s(r->plan) + mongo_plan_catch_up_s(r->plan);
}

// The chosen one may have stepped down a moment ago: its period ends.
enum sl_code mongo_freeze(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    if (mongo_circle_freeze(r->circle, r->memory.host, 0, err) == MONGO_LACKS)
        return err->code;
    for (unsigned i = 0; i < r->memory.frozen_count; i++) {
        enum mongo_answer a =
            mongo_circle_freeze(r->circle, r->memory.frozen[i], freeze_seconds(r), err);
        if (a != MONGO_FINE)
            return err->code;
    }
    return SL_OK;
}

// Who does not answer thaws by itself; who became primary meanwhile is not frozen.
static void thaw(struct mongo_run *r)
{
    struct sl_error why = {0};
    for (unsigned i = 0; i < r->memory.frozen_count; i++)
        if (mongo_circle_freeze(r->circle, r->memory.frozen[i], 0, &why) == MONGO_LOST)
            mongo_tell(r->conductor, "%s was frozen and cannot be told: it thaws within %lld s",
                       r->memory.frozen[i], (long long)freeze_seconds(r));
}

enum sl_code mongo_unfreeze(void *arg, struct sl_error *err)
{
    (void)err;
    thaw(arg);
    return SL_OK;
}

// --- the step-down --------------------------------------------------------------------------------

enum sl_code mongo_step_down(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    char leader[MONGO_HOST_MAX];
    enum sl_code code = mongo_circle_leader(r->circle, leader, err);
    if (code != SL_OK)
        return code;
    // Its priority alone may have been enough, if the freezes took long.
    if (strcasecmp(leader, r->memory.host) == 0)
        return SL_OK;
    if (strcasecmp(leader, r->memory.old_primary) != 0)
        return sl_fail(err, SL_ECONFLICT, "the primary is %s by now, it was %s", leader,
                       r->memory.old_primary);
    enum mongo_answer a = mongo_circle_step_down(
        r->circle, leader, r->plan->step_down_ns / NS_PER_S, r->plan->catch_up_ns / NS_PER_S, err);
    // 4.0 closes the connection instead of an answer; a primary that dies does, too. Whether it was
    // done is seen next.
    return a == MONGO_FINE || a == MONGO_MOVED || a == MONGO_LOST ? SL_OK : err->code;
}

// Ends its step-down period and has it stand.
static void call_back(struct mongo_run *r, const char *host)
{
    struct sl_error unheard;
    (void)mongo_circle_freeze(r->circle, host, 0, &unheard);
    (void)mongo_circle_step_up(r->circle, host, &unheard);
}

// The old primary again; where that cannot be, any.
enum sl_code mongo_unstep_down(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_undoing_within(BACK_NS);
    int64_t began = clock_now_ns(), nudged = 0;
    bool thawed = false;
    for (;;) {
        char leader[MONGO_HOST_MAX] = "";
        struct sl_error why = {0};
        enum sl_code found = mongo_circle_leader(r->circle, leader, &why);
        int64_t now = clock_now_ns();
        if (found == SL_OK && strcasecmp(leader, r->memory.old_primary) == 0)
            return SL_OK;
        if (now - began > BACK_NS / 4 && !thawed) {
            thaw(r);
            thawed = true;
        }
        if (found == SL_OK && now - began > BACK_NS / 2) {
            mongo_tell(r->conductor, "%s cannot be made primary again; the primary is %s",
                       r->memory.old_primary, leader);
            r->other_leads = true;
            return SL_OK;
        }
        if (now - nudged > NUDGE_NS) {
            call_back(r, r->memory.old_primary);
            nudged = now;
        }
        if (mongo_circle_pause(&p, err) != SL_OK)
            return sl_fail(err, SL_ETIMEOUT, "%s", why.text);
    }
}

static enum sl_code wait_for_leader(struct mongo_run *r, const struct patience *p,
                                    struct sl_error *err)
{
    int64_t nudged = 0;
    char leader[MONGO_HOST_MAX] = "";
    for (;;) {
        struct sl_error why = {0}, unheard;
        bool found = mongo_circle_leader(r->circle, leader, &why) == SL_OK;
        if (found && strcasecmp(leader, r->memory.host) == 0)
            return SL_OK;
        // Older servers wait for an election time-out; a word shortens that.
        if (!found && clock_now_ns() - nudged > NUDGE_NS) {
            (void)mongo_circle_step_up(r->circle, r->memory.host, &unheard);
            nudged = clock_now_ns();
        }
        enum sl_code code = mongo_circle_pause(p, err);
        if (code == SL_ETIMEOUT)
            return sl_fail(err, code, "%s did not become primary within %lld s: %s%s",
                           r->memory.host, (long long)(r->plan->step_down_ns / NS_PER_S),
                           found ? "the primary is " : why.text, found ? leader : "");
        if (code != SL_OK)
            return code;
    }
}

enum sl_code mongo_take_over(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, r->plan->step_down_ns);
    enum sl_code code = wait_for_leader(r, &p, err);
    if (code == SL_OK)
        code = begin_writes(r, err); // after a crash nobody writes
    if (code == SL_OK)
        code = mongo_probe_wait(r->probe, r->memory.host, &p, err);
    if (code == SL_OK)
        mongo_tell(r->conductor, "%s is primary and has taken a write with majority",
                   r->memory.host);
    return code;
}

enum sl_code mongo_restore(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    enum sl_code code;
    thaw(r);
    while ((code = end_preference(r, r->memory.staying, err)) != SL_OK &&
           mongo_again(r->conductor, "restore", err))
        ;
    mongo_goes_on(r->conductor);
    end_writes(r);
    return code;
}
