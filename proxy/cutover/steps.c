// THE steps of a cutover, in order. What speaks to a server is in servers.c and catch_up.c; here is
// what is done to the traffic, and the table.
//
// C1. At every instant at least one of the two servers is fenced on disk: its application accounts
//     are locked in its own tables. So not even a restart, which forgets read_only, makes two
//     writable masters.
// C2. Accounts are unlocked only after the other server's fence has been looked at and holds, and in
//     two places only: `release` (the target's) and the undo of `fence` (the old one's).
// C3. The journal says what will be done before it is done (sequence.h).
// C4. Nothing is undone that was not done by this cutover.
// C5. A statement that timed out is not taken as not done (hand.h).
// C6. From `release` on there is no way back but another cutover. Until then everything undoes.
// C7. The budget's clock starts with `hold`.
// C8. What cannot be known is not guessed: an undo that cannot be sure is tried again, and the gate
//     stays closed meanwhile.
//
// invite: accounts that an earlier cutover left locked on the target are unlocked, so that standby
// links can log in; it stays read-only, an ordinary replica, until close_target locks them again.
// close_target comes right before hold, because clients that read from a replica directly are locked
// out from there on; standby links have logged in before.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cutover/catch_up.h"
#include "cutover/checks.h"
#include "cutover/inspect.h"
#include "cutover/run.h"
#include "cutover/servers.h"

#define WARM_NS (60 * NS_PER_S)
#define TRAFFIC_NS (10 * NS_PER_S) // for what only threads of ours have to do

struct patience run_patience(const struct run *r, int64_t limit_ns)
{
    int64_t until = clock_now_ns() + limit_ns;
    int64_t end = r->held_ns + r->plan->budget_ns;
    if (r->held_ns != 0 && r->released_ns == 0 && end < until)
        until = end;
    return (struct patience){.until_ns = until, .stop = r->released_ns == 0 ? r->stop : NULL};
}

struct patience run_undo_patience(int64_t limit_ns)
{
    return (struct patience){.until_ns = clock_now_ns() + limit_ns};
}

// --- before anybody waits -----------------------------------------------------------------------

static enum sl_code warm(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct warm_counts counts = {0};
    struct patience p = run_patience(r, WARM_NS);
    enum sl_code code = r->plant->warm(r->plant->arg, r->plan->target.name, &p, &counts, err);
    conductor_tell(r->conductor, "%u of %u sessions have a link to %s; %u cannot move now",
                   counts.ready, counts.sessions, r->plan->target.name, counts.unable);
    // A session without one gets it at the release.
    return code == SL_ETIMEOUT ? SL_OK : code;
}

static enum sl_code cool(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    return r->plant->cool(r->plant->arg, err);
}

// Lag is how long the target takes to get where the old server is now.
static enum sl_code measure_lag(struct run *r, const struct patience *p, int64_t *lag_ns,
                                struct sl_error *err)
{
    struct position now;
    enum sl_code code = catch_up_look(r, r->old, p, &now, err);
    if (code == SL_OK)
        code = catch_up_to(r, &now, p, lag_ns, err);
    position_release(&now);
    return code;
}

static enum sl_code come_close(struct run *r, const struct patience *p, bool *slowed,
                               struct sl_error *err)
{
    int64_t lag = 0;
    for (;;) {
        enum sl_code code = measure_lag(r, p, &lag, err);
        if (code != SL_OK)
            return code;
        conductor_tell(r->conductor, "%s is %.0f ms behind", r->plan->target.name,
                       (double)lag / (double)NS_PER_MS);
        if (lag <= r->plan->approach_lag_ns)
            return SL_OK;
        if (!*slowed && r->plan->throttle_ns > 0) {
            code = r->plant->throttle(r->plant->arg, r->plan->throttle_ns, err);
            if (code != SL_OK)
                return code;
            *slowed = true;
            conductor_tell(r->conductor, "new units of work are slowed by %.0f ms",
                           (double)r->plan->throttle_ns / (double)NS_PER_MS);
        }
    }
}

// Slowing goes on until the gate is closed: else the target would fall behind again.
static enum sl_code approach(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    bool slowed = false;
    struct patience p = run_patience(r, r->plan->approach_ns);
    enum sl_code code = come_close(r, &p, &slowed, err);
    if (code == SL_ETIMEOUT)
        return sl_fail(err, code,
                       "%s has not come as close as cutover.approach_lag within"
                       " cutover.approach",
                       r->plan->target.name);
    return code;
}

static enum sl_code stop_slowing(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    return r->plant->throttle(r->plant->arg, 0, err);
}

// --- while clients are held ---------------------------------------------------------------------

static enum sl_code hold(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    r->held_ns = clock_now_ns();
    struct patience p = run_patience(r, TRAFFIC_NS);
    enum sl_code code = r->plant->hold(r->plant->arg, &p, err);
    return code == SL_OK ? r->plant->throttle(r->plant->arg, 0, err) : code;
}

static enum sl_code open_gate(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    enum sl_code code = r->plant->release(r->plant->arg, err);
    if (code == SL_OK && r->released_ns == 0)
        r->released_ns = clock_now_ns();
    return code;
}

static enum sl_code drain(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, r->plan->budget_ns);
    enum sl_code code = r->plant->drain(r->plant->arg, &p, &r->drained, err);
    conductor_tell(r->conductor, "%u sessions: %u ended their work, %u aborted, %u killed, %u left",
                   r->drained.sessions, r->drained.settled + r->drained.ended_well,
                   r->drained.aborted, r->drained.killed, r->drained.left);
    return code;
}

static enum sl_code end_drain(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    return r->plant->end_drain(r->plant->arg, err);
}

static enum sl_code repoint(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    return r->plant->repoint(r->plant->arg, r->plan->target.name, err);
}

static enum sl_code point_back(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    return r->plant->repoint(r->plant->arg, r->plan->old.name, err);
}

static enum sl_code verify(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, r->plan->budget_ns);
    enum sl_code code = checks_run(r->plan, &p, r->conductor, err);
    if (code != SL_OK || !r->plan->ask)
        return code;
    conductor_tell(r->conductor, "ready on %s: cutover go, or cutover no-go; %.1f s left",
                   r->plan->target.name, (double)(p.until_ns - clock_now_ns()) / (double)NS_PER_S);
    return conductor_wait_for_go(r->conductor, &p, err);
}

// The last moment at which a doubt stops it: the old server's fence holds, the target is opened,
// then the gate.
static enum sl_code release(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    enum sl_code code = servers_unlock_target(r, err);
    return code == SL_OK ? open_gate(r, err) : code;
}

// --- the table ----------------------------------------------------------------------------------

static const struct sequence_step all[] = {
    {"preflight", NULL, inspect_servers, NULL, false},
    {"invite", NULL, servers_invite, servers_uninvite, false},
    {"warm", NULL, warm, cool, false},
    {"approach", NULL, approach, stop_slowing, false},
    {"close_target", servers_plan_target, servers_close_target, servers_reopen_target, false},
    {"hold", NULL, hold, open_gate, false},
    {"drain", NULL, drain, end_drain, false},
    {"fence", servers_plan_old, servers_fence_old, servers_unfence_old, false},
    {"catch_up", NULL, servers_catch_up, NULL, false},
    {"promote", NULL, servers_promote, servers_demote, false},
    {"repoint", NULL, repoint, point_back, false},
    {"verify", NULL, verify, NULL, false},
    {"release", NULL, release, servers_lock_target, true},
    {"turn", NULL, servers_turn, NULL, false},
};

// On live traffic, for the time of the drain only; undone at its end.
static const struct sequence_step dry[] = {
    {"preflight", NULL, inspect_servers, NULL, false},
    {"approach", NULL, approach, stop_slowing, false},
    {"hold", NULL, hold, open_gate, false},
    {"drain", NULL, drain, end_drain, false},
};

// Only looks.
static const struct sequence_step check[] = {
    {"preflight", NULL, inspect_servers, NULL, false},
};

void steps_of(const struct cutover_plan *plan, const struct sequence_step **steps, unsigned *count)
{
    *steps = plan->check ? check : plan->dry_run ? dry : all;
    *count = plan->check     ? sizeof check / sizeof *check
             : plan->dry_run ? sizeof dry / sizeof *dry
                             : sizeof all / sizeof *all;
}
