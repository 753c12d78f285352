// pause, resume, drain: the gate and the ladder. They wait for the workers and report on the way.
#include <stdio.h>
#include <string.h>

#include "admin/counts.h"
#include "admin/handlers.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "drain/drain.h"

#define DRAIN_GRACE (30 * NS_PER_S) // above the wait, when no --timeout is given

static void fail_with(struct request *r, enum sl_code code, const char *text)
{
    struct sl_error err = {.code = code};
    text_copy(err.text, sizeof err.text, text);
    request_fail(r, &err);
}

static void look_at_gate(struct request *r)
{
    events_look_at_gate(r->home->events, traffic_gate(r->context->traffic));
}

// --- pause ---------------------------------------------------------------------------------------

// Every worker holds: from here on no command passes to a server.
static void paused(void *arg, int64_t took_ns)
{
    struct request *r = arg;
    look_at_gate(r);
    answer_fact(r->answer, "reason", "closed for", cell_text(request_option(r, "reason")->text));
    answer_fact(r->answer, "workers", "workers", cell_number(traffic_workers(r->context->traffic)));
    answer_fact(r->answer, "took_us", "took", cell_of(CELL_US, took_ns));
    request_done(r);
    request_release(r);
}

// The gate is not opened again: half closed is not a state, and whoever asked wanted it closed.
static void pause_expired(struct request *r)
{
    fail_with(r, SL_ETIMEOUT,
              "not every worker has acknowledged in time; the gate stays closed until: resume");
}

// Shown to whoever finds the gate closed at two in the morning.
static void owner_of(const struct request *r, char *out, size_t size)
{
    snprintf(out, size, "%s (pid %ld)", r->peer->user, (long)r->peer->pid);
}

// Only the cutover itself, or whoever forgets it, knows when that is right.
static bool is_reserved(struct request *r, const char *reason)
{
    struct sl_error err;
    if (strcmp(reason, "cutover") != 0)
        return false;
    sl_fail(
        &err, SL_ECONFLICT,
        "the reason \"cutover\" belongs to the cutover: cutover status, cutover abort; after one"
        " that did not end: cutover forget");
    request_fail(r, &err);
    return true;
}

// The reason holds from the call on, the answer says that the workers hold as well.
void run_pause(struct request *r)
{
    char owner[GATE_TEXT_MAX];
    struct sl_error err;
    const struct value *period = request_option(r, "for");
    if (is_reserved(r, request_option(r, "reason")->text))
        return;
    owner_of(r, owner, sizeof owner);
    r->expired = pause_expired;
    request_hold(r);
    if (traffic_pause(r->context->traffic, request_option(r, "reason")->text, owner,
                      period->given ? period->number : 0, paused, r, &err) != SL_OK) {
        request_fail(r, &err);
        request_release(r);
    }
}

// --- resume --------------------------------------------------------------------------------------

// "a, b": the reasons that still hold.
static void list_reasons(const struct gate *g, char *out, size_t size)
{
    out[0] = '\0';
    for (unsigned i = 0; i < g->count; i++) {
        size_t at = strlen(out);
        snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", g->reasons[i].name);
    }
}

static void resumed(void *arg)
{
    struct request *r = arg;
    const struct gate *gate = traffic_gate(r->context->traffic);
    char left[GATE_REASONS_MAX * (GATE_TEXT_MAX + 2)];
    look_at_gate(r);
    answer_fact(r->answer, "gate", "gate", cell_text(gate_is_closed(gate) ? "closed" : "open"));
    if (gate_is_closed(gate)) {
        list_reasons(gate, left, sizeof left);
        answer_say(r->answer, "still closed for: %s", left);
    }
    request_done(r);
    request_release(r);
}

static bool gate_has(const struct gate *g, const char *name)
{
    bool has = false;
    for (unsigned i = 0; i < g->count; i++)
        has |= strcmp(g->reasons[i].name, name) == 0;
    return has;
}

// What to type instead, for an operator in a hurry.
static void refuse_resume(struct request *r, const struct gate *gate, const char *reason)
{
    char left[GATE_REASONS_MAX * (GATE_TEXT_MAX + 2)];
    struct sl_error err;
    list_reasons(gate, left, sizeof left);
    if (!gate_is_closed(gate))
        sl_fail(&err, SL_ECONFLICT, "the gate is open already");
    else
        sl_fail(&err, SL_ECONFLICT,
                "the gate is not closed for \"%s\" but for: %s; name it with --reason, or --all",
                reason, left);
    request_fail(r, &err);
}

// The reason is looked for first, since "all" ends those of others too and has to be asked for.
void run_resume(struct request *r)
{
    struct sl_error err;
    const struct gate *gate = traffic_gate(r->context->traffic);
    const char *reason = request_option(r, "reason")->text;
    bool all = request_option(r, "all")->given;
    if (all ? !gate_is_closed(gate) : !gate_has(gate, reason)) {
        refuse_resume(r, gate, reason);
        return;
    }
    if (is_reserved(r, all && gate_has(gate, "cutover") ? "cutover" : reason))
        return;
    request_hold(r);
    if (traffic_resume(r->context->traffic, all ? NULL : reason, resumed, r, &err) != SL_OK) {
        request_fail(r, &err);
        request_release(r);
    }
}

// --- drain ---------------------------------------------------------------------------------------

#define ROW(member, title)                                                                         \
    {                                                                                              \
#member, title, offsetof(struct drain_counts, member)                                      \
    }
static const struct count_row ROWS[] = {
    ROW(sessions, "sessions"),
    ROW(settled, "at a safe point already"),
    ROW(ended_well, "reached one by themselves"),
    ROW(aborted, "aborted"),
    ROW(killed, "killed"),
    ROW(gone, "left meanwhile"),
    ROW(reading, "still reading"),
    ROW(left, "still open"),
};
#undef ROW
static const struct count_table COUNTS = {ROWS, sizeof ROWS / sizeof ROWS[0]};

// Comes about four times a second.
static void drain_moves(void *arg, const struct drain_counts *counts)
{
    struct request *r = arg;
    struct answer *a = answer_new();
    counts_answer(&COUNTS, counts, a);
    request_progress(r, a);
    counts_publish(&COUNTS, counts, r->home->events, "drain_progress", NULL, 0);
}

static void add_drained(struct answer *a, const struct drain_row *rows, unsigned count)
{
    static const struct column COLUMNS[] = {
        {"id", "id"},
        {"client", "client"},
        {"user", "user"},
        {"database", "database"},
        {"what", "what"},
        {"after_ms", "after"},
        {"obstacles", "obstacles"},
    };
    static const char *const WHAT[] = {[DRAINED_ABORTED] = "aborted",
                                       [DRAINED_KILLED] = "killed",
                                       [DRAINED_LEFT] = "still open",
                                       [DRAINED_READING] = "still reading"};
    char names[512];
    answer_table(a, "rows", "", COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
    for (unsigned i = 0; i < count; i++) {
        const struct session_row *s = &rows[i].session;
        answer_row(a,
                   (struct cell[]){cell_number(s->id), cell_text(s->client), cell_text(s->user),
                                   cell_text(s->database), cell_text(WHAT[rows[i].what]),
                                   cell_of(CELL_MS, rows[i].after_ns),
                                   cell_list(obstacle_format(s->obstacles, names, sizeof names))});
    }
}

// Sessions that are still open make it a failure with an answer: who and how many.
static void drained(void *arg, const struct drain_counts *counts, const struct drain_row *rows,
                    unsigned row_count)
{
    struct request *r = arg;
    struct sl_error err;
    counts_publish(&COUNTS, counts, r->home->events, "drain_done", NULL, 0);
    if (request_is_open(r)) {
        counts_answer(&COUNTS, counts, r->answer);
        answer_fact(r->answer, "took_ms", "took", cell_of(CELL_MS, clock_now_ns() - r->began_ns));
        add_drained(r->answer, rows, row_count);
    }
    if (counts->left > 0) {
        sl_fail(&err, SL_ETIMEOUT, "%u sessions are still open", counts->left);
        request_fail(r, &err);
    } else {
        request_done(r);
    }
    request_release(r);
}

// Nobody would hear how it ends: the run stops where it is, and the gate stays as it is.
static void drain_left(struct request *r)
{
    drain_cancel(r->context->traffic);
    request_release(r);
}

void run_drain(struct request *r)
{
    struct sl_error err;
    const struct value *wait = request_option(r, "wait"), *then = request_option(r, "then"),
                       *timeout = request_option(r, "timeout");
    int64_t wait_ns = wait->given ? wait->number : -1;
    int64_t expected = wait->given ? wait_ns : r->context->config->drain.wait_ms * NS_PER_MS;
    // The run has its own deadline, and its answer then says who is left.
    request_cancel_deadline(r);
    request_hold(r);
    if (drain_start(r->context->traffic, wait_ns, then->given ? (int)then->number : -1,
                    timeout->given ? timeout->number : expected + DRAIN_GRACE, drain_moves, drained,
                    r, &err) != SL_OK) {
        request_fail(r, &err);
        request_release(r);
        return;
    }
    r->leave = drain_left;
}
