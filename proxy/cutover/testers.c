// Letting testers in, and out again. See testers.h, and steps.c for C1 and C2.
#include "cutover/testers.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cutover/catch_up.h"
#include "cutover/fence_file.h"
#include "cutover/report.h"
#include "cutover/run.h"
#include "cutover/servers.h"

#define SERVER_NS (5 * NS_PER_S) // for a few statements
#define DRAIN_NS (3 * NS_PER_S)  // for testers whose work is ended
#define REACH_NS NS_PER_S        // for their writes to come to the old server, both ways
#define AGAIN_NS (20 * NS_PER_MS)

static bool is_wanted(const struct run *r)
{
    return r->plan->ask && gate_exceptions_count(r->plan->testers) > 0;
}

// Those of `from` that a tester may log in with.
static void add_accounts(const struct run *r, const struct fence *from, struct fence *to)
{
    for (unsigned i = 0; i < from->count; i++) {
        if (!gate_exceptions_name(r->plan->testers, from->accounts[i].user))
            continue;
        to->accounts = mem_realloc(to->accounts, (to->count + 1) * sizeof *to->accounts);
        to->accounts[to->count++] = from->accounts[i];
    }
}

static struct fence accounts_of(const struct run *r)
{
    struct fence f = {0};
    add_accounts(r, &r->target_fence, &f);
    add_accounts(r, &r->saved, &f);
    return f;
}

enum sl_code testers_plan(void *arg, struct buf *json, struct sl_error *err)
{
    struct run *r = arg;
    (void)err;
    struct fence f = is_wanted(r) ? accounts_of(r) : (struct fence){0};
    fence_to_json(&f, json);
    fence_release(&f);
    return SL_OK;
}

enum sl_code testers_recall(void *arg, const char *json, struct sl_error *err)
{
    struct run *r = arg;
    struct fence f = {0};
    enum sl_code code = fence_from_json(json, &f, err);
    r->testers_in = code == SL_OK && f.count > 0;
    fence_release(&f);
    return code;
}

enum sl_code testers_let_in(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, SERVER_NS);
    if (!is_wanted(r))
        return SL_OK;
    struct fence f = accounts_of(r);
    position_release(&r->before_testers);
    r->testers_in = true;
    enum sl_code code = catch_up_look(r, r->target, &p, &r->before_testers, err);
    if (code == SL_OK)
        code = servers_unlock_testers(r, &f, err);
    if (code == SL_OK)
        code = r->plant->let_in(r->plant->arg, r->plan->testers, err);
    if (code == SL_OK) {
        r->report->testers_in_ns = clock_now_ns();
        r->report->testers_accounts = f.count;
        conductor_tell(r->conductor, "testers are let in on %s: %u accounts unlocked",
                       r->plan->target.name, f.count);
    }
    fence_release(&f);
    return code;
}

// --- out again ------------------------------------------------------------------------------------

// Where the log grew, for servers without GTIDs.
static void describe_log(const struct position *from, const struct position *to, struct buf *out)
{
    buf_printf(out, "its binary log from %s:%llu to %s:%llu", from->log.file,
               (unsigned long long)from->log.offset, to->log.file,
               (unsigned long long)to->log.offset);
}

// What the target has logged since testers came, and the old server does not have: "" for nothing.
static enum sl_code find_missing(struct run *r, const struct position *now,
                                 const struct patience *p, struct buf *out, struct sl_error *err)
{
    struct position old = {0};
    int64_t until = clock_now_ns() + REACH_NS;
    bool by_gtid = position_both_gtid(&r->before_testers, now);
    if (!by_gtid || !r->both_ways) {
        if (!by_gtid)
            describe_log(&r->before_testers, now, out);
        struct gtid_set added = gtid_subtract(&now->logged, &r->before_testers.logged);
        if (by_gtid)
            gtid_format(&added, out);
        gtid_release(&added);
        return SL_OK;
    }
    for (;;) { // what they wrote comes to the old server by itself
        enum sl_code code = catch_up_look(r, r->old, p, &old, err);
        if (code != SL_OK)
            return code;
        struct gtid_set missing = position_missing(now, &old);
        position_release(&old);
        bool over = missing.count == 0 || clock_now_ns() >= until;
        if (over)
            gtid_format(&missing, out);
        gtid_release(&missing);
        if (over)
            return SL_OK;
        (void)conductor_sleep(r->conductor, AGAIN_NS, &r->nobody);
    }
}

static void tell_written(struct run *r, const char *missing)
{
    char *to = r->report->testers_wrote;
    const char *target = r->plan->target.name, *old = r->plan->old.name;
    if (missing[0] == '\0') {
        conductor_tell(r->conductor, "testers wrote on %s; %s has it by replication", target, old);
        return;
    }
    text_copy(to, REPORT_PLACE_BYTES, missing);
    conductor_tell(r->conductor,
                   "WARN testers wrote on %s what %s does not have, and it stays there: %s", target,
                   old, missing);
}

static void tell_unknown(struct run *r, const char *why)
{
    (void)snprintf(r->report->testers_wrote, REPORT_PLACE_BYTES, "nobody knows what: %s", why);
    conductor_tell(r->conductor, "WARN whether testers wrote on %s is not known: %s",
                   r->plan->target.name, why);
}

// A look that fails is said as well: then nobody knows. Nor after a crash, which forgets where the
// target stood.
static void look_for_writes(struct run *r)
{
    struct position now = {0};
    struct buf missing;
    struct sl_error err;
    struct patience p = run_undo_patience(r, SERVER_NS);
    if (r->report->testers_in_ns == 0) {
        if (r->report->places[REPORT_OLD_FENCED][0] == '\0')
            tell_unknown(r, "sluice was killed while they were let in");
        return;
    }
    buf_init(&missing, GTID_TEXT_MAX);
    enum sl_code code = catch_up_look(r, r->target, &p, &now, &err);
    bool wrote = code == SL_OK && position_wrote_itself(&r->before_testers, &now);
    if (wrote)
        code = find_missing(r, &now, &p, &missing, &err);
    if (code != SL_OK) {
        tell_unknown(r, err.text);
    } else if (wrote) {
        tell_written(r, buf_text(&missing));
    }
    position_release(&now);
    buf_release(&missing);
}

// Their sessions are held from now on, and nothing of theirs is open.
static enum sl_code hold_again(struct run *r, struct sl_error *err)
{
    struct patience p = run_undo_patience(r, DRAIN_NS);
    struct drain_counts counts = {0};
    struct drain_row row;
    unsigned rows = 1;
    enum sl_code code = r->plant->let_in(r->plant->arg, NULL, err);
    if (code == SL_OK)
        code = r->plant->end_drain(r->plant->arg, err); // of an earlier try
    return code == SL_OK ? r->plant->drain(r->plant->arg, true, &p, &counts, &row, &rows, err)
                         : code;
}

enum sl_code testers_shut_out(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    if (!r->testers_in)
        return SL_OK;
    enum sl_code code = hold_again(r, err);
    if (code == SL_OK)
        code = servers_lock_testers(r, &r->report->testers_ended, err);
    if (code != SL_OK)
        return code;
    if (r->report->testers_out_ns == 0) {
        r->report->testers_out_ns = clock_now_ns();
        look_for_writes(r);
    }
    return SL_OK;
}
