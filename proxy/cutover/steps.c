// THE steps of a cutover, in order. What speaks to a server is in servers.c and catch_up.c; here is
// what is done to the traffic, and the table.
//
// C1. From close_target on, at every instant at least one of the two servers is fenced on disk: its
//     application accounts are locked in its own tables. So not even a restart, which forgets
//     read_only, makes two writable masters.
// C2. Accounts are unlocked only after the other server's fence has been looked at and holds, and in
//     three places only: `testers` (some of the target's), `release` (all of them) and the undo of
//     `fence` (the old one's, when every account of the target is locked again). Where there
//     is no other way to go, a fence that does not hold is made to. Of a server that does not answer
//     it is enough that it was sealed (C1).
// C3. The journal says what will be done before it is done (sequence.h).
// C4. Nothing is undone that was not done by this cutover.
// C5. A statement that timed out is not taken as not done (hand.h).
// C6. Once `release` is announced there is no way back but another cutover, not even after a crash.
//     Until then everything undoes.
// C7. The budget's clock starts with `hold`.
// C8. What cannot be known is not guessed: an undo that cannot be sure is tried again, and the gate
//     stays closed meanwhile. After a crash the journal decides, or the operator (recovery.c).
//
// invite: accounts that an earlier cutover left locked on the target are unlocked, so that standby
// links can log in; it stays read-only, an ordinary replica, until close_target locks them again.
// close_target comes right before hold, because clients that read from a replica directly are ended
// and locked out from there on; standby links have logged in before.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cutover/catch_up.h"
#include "cutover/checks.h"
#include "cutover/inspect.h"
#include "cutover/report.h"
#include "cutover/reporting.h"
#include "cutover/run.h"
#include "cutover/servers.h"
#include "cutover/steps.h"
#include "cutover/testers.h"

#define DOUBLED_MAX 3 // how often the time for an undo is doubled
#define WARM_NS (60 * NS_PER_S)
#define TRAFFIC_NS (10 * NS_PER_S) // for what only threads of ours have to do
#define BEYOND_NS (100 * NS_PER_MS)
#define SLOW_FIRST 8 // the first part of cutover.throttle
#define BASELINE_NS (NS_PER_S / 2)

struct patience run_patience(const struct run *r, int64_t limit_ns)
{
    int64_t until = clock_now_ns() + limit_ns;
    int64_t end = r->held_ns + r->plan->budget_ns;
    if (r->held_ns != 0 && !r->no_way_back && end < until)
        until = end;
    return (struct patience){.until_ns = until, .stop = r->no_way_back ? NULL : r->stop};
}

// A server that answers slowly shall be given the time in the end.
struct patience run_undo_patience(const struct run *r, int64_t limit_ns)
{
    unsigned doubled = r->tries < DOUBLED_MAX ? r->tries : DOUBLED_MAX;
    return (struct patience){.until_ns = clock_now_ns() + (limit_ns << doubled)};
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

// How far the target is behind the old server.
struct distance {
    bool close;           // it got there within approach_lag
    int64_t took_ns;      // so long it took, or was waited for
    int64_t transactions; // that it still lacks, -1: unknown
};

// Lag is how long the target takes to get where the old server is now. Not waited for much longer than
// is wanted: where it is a minute, slowing must not begin a minute later.
static enum sl_code measure_lag(struct run *r, const struct patience *p, struct distance *d,
                                struct sl_error *err)
{
    struct position now = {0}, there = {0};
    struct patience piece = *p;
    int64_t until = clock_now_ns() + r->plan->approach_lag_ns + BEYOND_NS;
    piece.until_ns = until < p->until_ns ? until : p->until_ns;
    *d = (struct distance){.transactions = -1};
    enum sl_code code = catch_up_look(r, r->old, p, &now, err);
    if (code == SL_OK) {
        code = catch_up_to(r, &now, &piece, &d->took_ns, err);
        d->close = code == SL_OK && d->took_ns <= r->plan->approach_lag_ns;
    }
    if (code == SL_ETIMEOUT && patience_check(p, err) == SL_OK) {
        code = catch_up_look(r, r->target, p, &there, err);
        d->transactions = code == SL_OK ? position_gap(&now, &there).transactions : -1;
    }
    position_release(&now);
    position_release(&there);
    return code;
}

// By twice as much as before, at most cutover.throttle.
static enum sl_code slow_more(struct run *r, struct sl_error *err)
{
    int64_t most = r->plan->throttle_ns;
    int64_t delay = r->slowed_by_ns > 0 ? 2 * r->slowed_by_ns : most / SLOW_FIRST;
    delay = delay < NS_PER_MS ? NS_PER_MS : delay;
    delay = delay < most ? delay : most;
    if (delay == r->slowed_by_ns)
        return SL_OK;
    enum sl_code code = r->plant->throttle(r->plant->arg, delay, err);
    if (code != SL_OK)
        return code;
    if (r->slowed_ns == 0)
        r->slowed_ns = clock_now_ns();
    r->slowed_by_ns = delay;
    r->report->slowed_by_ns = delay;
    if (r->report->slowed_from_ns == 0)
        r->report->slowed_from_ns = clock_now_ns();
    conductor_tell(r->conductor, "new units of work are slowed by %.0f ms",
                   (double)delay / (double)NS_PER_MS);
    return SL_OK;
}

static void tell_distance(struct run *r, const struct distance *d)
{
    double ms = (double)d->took_ns / (double)NS_PER_MS;
    if (d->close)
        conductor_tell(r->conductor, "%s is %.0f ms behind", r->plan->target.name, ms);
    else if (d->transactions < 0)
        conductor_tell(r->conductor, "%s is more than %.0f ms behind", r->plan->target.name, ms);
    else
        conductor_tell(r->conductor, "%s is more than %.0f ms behind, %lld transactions",
                       r->plan->target.name, ms, (long long)d->transactions);
}

// Once a second: when it does not come closer by a quarter, by itself or by what it was helped, new
// work is slowed more.
static enum sl_code come_close(struct run *r, const struct patience *p, struct sl_error *err)
{
    struct distance d;
    int64_t before = INT64_MAX; // transactions that it lacked
    int64_t judged_ns = 0;
    for (;;) {
        enum sl_code code = measure_lag(r, p, &d, err);
        if (code != SL_OK)
            return code;
        if (!d.close && clock_now_ns() - judged_ns < NS_PER_S)
            continue;
        tell_distance(r, &d);
        if (d.close)
            return SL_OK;
        bool closer =
            d.transactions >= 0 && before != INT64_MAX && d.transactions <= before - before / 4;
        judged_ns = clock_now_ns();
        before = d.transactions >= 0 ? d.transactions : INT64_MAX;
        if (!closer && (code = slow_more(r, err)) != SL_OK)
            return code;
    }
}

// Slowing goes on until the gate is closed: else the target would fall behind again.
static enum sl_code approach(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, r->plan->approach_ns);
    enum sl_code code = come_close(r, &p, err);
    if (code == SL_ETIMEOUT)
        return sl_fail(err, code,
                       "%s has not come as close as cutover.approach_lag within cutover.approach;"
                       " new units of work were slowed by %.0f ms (at most cutover.throttle)",
                       r->plan->target.name, (double)r->slowed_by_ns / (double)NS_PER_MS);
    return code;
}

static void note_end_of_slowing(struct report *r)
{
    if (r->slowed_from_ns != 0 && r->slowed_until_ns == 0)
        r->slowed_until_ns = clock_now_ns();
}

static enum sl_code end_slowing(struct run *r, struct sl_error *err)
{
    if (r->slowed_ns != 0)
        conductor_tell(r->conductor, "clients were slowed for %.1f s, by %.0f ms at most",
                       (double)(clock_now_ns() - r->slowed_ns) / (double)NS_PER_S,
                       (double)r->slowed_by_ns / (double)NS_PER_MS);
    note_end_of_slowing(r->report);
    r->slowed_ns = r->slowed_by_ns = 0;
    return r->plant->throttle(r->plant->arg, 0, err);
}

static enum sl_code stop_slowing(void *arg, struct sl_error *err)
{
    return end_slowing(arg, err);
}

// --- while clients are held ---------------------------------------------------------------------

static enum sl_code hold(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, BASELINE_NS);
    reporting_baseline(r, &p);
    note_end_of_slowing(r->report);
    r->held_ns = clock_now_ns();
    p = run_patience(r, TRAFFIC_NS);
    enum sl_code code = r->plant->hold(r->plant->arg, &p, err);
    return code == SL_OK ? end_slowing(r, err) : code;
}

static enum sl_code open_gate(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    enum sl_code code = r->plant->release(r->plant->arg, err);
    if (code == SL_OK && r->released_ns == 0)
        r->released_ns = clock_now_ns();
    return code;
}

static void note_drained(struct report *r, const struct drain_row *rows, unsigned count)
{
    static const char *const words[] = {[DRAINED_ABORTED] = "aborted",
                                        [DRAINED_KILLED] = "killed",
                                        [DRAINED_LEFT] = "left",
                                        [DRAINED_READING] = "reading"};
    for (unsigned i = 0; i < count; i++) {
        struct report_drained *d = &r->drained_rows[i];
        d->what = words[rows[i].what];
        d->after_ns = rows[i].after_ns;
        text_copy(d->user, sizeof d->user, rows[i].session.user);
        text_copy(d->client, sizeof d->client, rows[i].session.client);
    }
    r->drained_count = count;
    r->drained_once = true;
}

static enum sl_code drain(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, r->plan->budget_ns);
    struct drain_row *rows = mem_array(REPORT_DRAINED_MAX, sizeof *rows);
    struct drain_counts *counts = &r->report->drained;
    unsigned count = REPORT_DRAINED_MAX;
    enum sl_code code = r->plant->drain(r->plant->arg, false, &p, counts, rows, &count, err);
    note_drained(r->report, rows, count);
    mem_free(rows);
    conductor_tell(r->conductor, "%u sessions: %u ended their work, %u aborted, %u killed, %u left",
                   counts->sessions, counts->settled + counts->ended_well, counts->aborted,
                   counts->killed, counts->left);
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
    return checks_run(r, &p, err);
}

static enum sl_code ask(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, r->plan->budget_ns);
    if (!r->plan->ask)
        return SL_OK;
    conductor_tell(r->conductor, "ready on %s: cutover go, or cutover no-go; %.1f s left",
                   r->plan->target.name, (double)(p.until_ns - clock_now_ns()) / (double)NS_PER_S);
    return conductor_wait_for_go(r->conductor, &p, err);
}

static enum sl_code release(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    r->no_way_back = true;
    conductor_no_way_back(r->conductor);
    enum sl_code code = servers_unlock_target(r, err);
    return code == SL_OK ? open_gate(r, err) : code;
}

// --- the table ----------------------------------------------------------------------------------

static const struct sequence_step all[] = {
    {.name = "preflight", .act = inspect_servers},
    {.name = "invite",
     .plan = servers_plan_invite,
     .restore = servers_recall_invite,
     .act = servers_invite,
     .undo = servers_uninvite,
     .effect = SEQUENCE_ASIDE},
    {.name = "warm", .act = warm, .undo = cool},
    {.name = "approach", .act = approach, .undo = stop_slowing},
    {.name = "close_target",
     .plan = servers_plan_target,
     .restore = servers_recall_target,
     .act = servers_close_target,
     .undo = servers_reopen_target,
     .effect = SEQUENCE_ASIDE},
    {.name = "hold", .act = hold, .undo = open_gate},
    {.name = "drain", .act = drain, .undo = end_drain},
    {.name = "fence",
     .plan = servers_plan_old,
     .restore = servers_recall_old,
     .act = servers_fence_old,
     .undo = servers_unfence_old,
     .effect = SEQUENCE_VITAL},
    {.name = "catch_up", .act = servers_catch_up},
    {.name = "promote",
     .plan = servers_plan_promote,
     .restore = servers_recall_promote,
     .act = servers_promote,
     .undo = servers_demote,
     .effect = SEQUENCE_ASIDE},
    {.name = "repoint", .act = repoint, .undo = point_back, .effect = SEQUENCE_ACTIVE},
    {.name = "verify", .act = verify},
    {.name = "testers",
     .plan = testers_plan,
     .restore = testers_recall,
     .act = testers_let_in,
     .undo = testers_shut_out,
     .effect = SEQUENCE_VITAL},
    {.name = "ask", .act = ask},
    {.name = "release",
     .plan = servers_plan_release,
     .act = release,
     .effect = SEQUENCE_VITAL,
     .final = true,
     .no_return = true},
    {.name = "turn", .act = servers_turn, .effect = SEQUENCE_VITAL},
};

// On live traffic, for the time of the drain only; undone at its end.
static const struct sequence_step dry[] = {
    {.name = "preflight", .act = inspect_servers},
    {.name = "approach", .act = approach, .undo = stop_slowing},
    {.name = "hold", .act = hold, .undo = open_gate},
    {.name = "drain", .act = drain, .undo = end_drain},
};

// Only looks.
static const struct sequence_step check[] = {
    {.name = "preflight", .act = inspect_servers},
};

void steps_all(const struct sequence_step **steps, unsigned *count)
{
    *steps = all;
    *count = sizeof all / sizeof *all;
}

void steps_of(const struct cutover_plan *plan, const struct sequence_step **steps, unsigned *count)
{
    *steps = plan->check ? check : plan->dry_run ? dry : all;
    *count = plan->check     ? sizeof check / sizeof *check
             : plan->dry_run ? sizeof dry / sizeof *dry
                             : sizeof all / sizeof *all;
}
