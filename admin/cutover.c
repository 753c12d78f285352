// cutover check, start, status, go, no-go, abort, report: the conductor's face.
#include <stdio.h>
#include <string.h>

#include "admin/handlers.h"
#include "base/clock.h"
#include "base/text.h"
#include "cutover/report_file.h"
#include "cutover/report_text.h"

// --- start, check ---------------------------------------------------------------------------------

// Nobody waits any more; the cutover goes on.
static void start_left(struct request *r)
{
    struct request_home *home = r->home;
    if (home->cutover != r && home->watcher != r)
        return;
    home->cutover = home->cutover == r ? NULL : home->cutover;
    home->watcher = home->watcher == r ? NULL : home->watcher;
    request_release(r);
}

static void end_watcher(struct request_home *home)
{
    struct request *r = home->watcher;
    if (r == NULL)
        return;
    home->watcher = NULL;
    request_done(r);
    request_release(r);
}

static void start_expired(struct request *r)
{
    struct sl_error err;
    (void)sl_fail(&err, SL_ETIMEOUT, "not over yet; it goes on: cutover status, cutover abort");
    request_fail(r, &err);
}

#define BY_BYTES 160
static const char *who(const struct request *r, char by[BY_BYTES])
{
    (void)snprintf(by, BY_BYTES, "%s (pid %ld)", r->peer->user, (long)r->peer->pid);
    return by;
}

// Says who, orders it, and has the request wait for the end.
static void give_order(struct request *r, struct cutover_order *order)
{
    char by[BY_BYTES];
    struct sl_error err = {0};
    order->target = r->call.positionals[0].text;
    order->by = who(r, by);
    if (r->context->cutover(r->context->arg, order, &err) != SL_OK) {
        request_fail(r, &err);
        return;
    }
    end_watcher(r->home); // it has ended that watch
    request_hold(r);
    r->home->cutover = r;
    r->leave = start_left;
    r->expired = start_expired;
}

void run_cutover_check(struct request *r)
{
    struct cutover_order order = {.check = true};
    give_order(r, &order);
}

void run_cutover_start(struct request *r)
{
    const struct value *budget = request_option(r, "budget"), *accept = request_option(r, "accept");
    struct cutover_order order = {
        .dry_run = request_option(r, "dry-run")->given,
        .ask = request_option(r, "ask")->given,
        .budget_ns = budget->given ? budget->number : 0,
        .accept = accept->given ? accept->text : NULL,
    };
    give_order(r, &order);
}

static bool is_check(const struct request *r)
{
    return r->call.command->run == run_cutover_check;
}

void cutover_said(struct request_home *home, int64_t at_ns, const char *line)
{
    const struct log_field fields[] = {LOG_MS("at_ms", at_ns), LOG_STR("what", line)};
    events_publish(home->events, "cutover", fields, sizeof fields / sizeof *fields);
    struct request *r = home->cutover != NULL ? home->cutover : home->watcher;
    // Who asked for a check gets its table at the end.
    if (r == NULL || is_check(r))
        return;
    struct answer *a = answer_new();
    answer_fact(a, "at_ms", "at", cell_of(CELL_MS, at_ns));
    answer_fact(a, "what", "what", cell_text(line));
    request_progress(r, a);
}

// --- status ---------------------------------------------------------------------------------------

static void add_status(struct answer *a, const struct conductor_status *s)
{
    bool known = s->from[0] != '\0';
    answer_fact(a, "state", "state", cell_text(conductor_state_name(s->state)));
    answer_fact(a, "from", "from", cell_text(known ? s->from : NULL));
    answer_fact(a, "to", "to", cell_text(known ? s->to : NULL));
    answer_fact(a, "by", "by", cell_text(known ? s->by : NULL));
    answer_fact(a, "dry_run", "dry run", cell_of(CELL_BOOL, s->dry_run));
    answer_fact(a, "began", "began",
                known ? cell_of(CELL_TIME, s->began_wall_us) : cell_text(NULL));
    answer_fact(a, "step", "step", cell_text(s->step[0] != '\0' ? s->step : NULL));
    answer_fact(a, "stall_ms", "stall", cell_of(CELL_MS, s->stall_ns));
    answer_fact(a, "budget_ms", "budget", cell_of(CELL_MS, s->budget_ns));
    answer_fact(a, "ended", "ended", cell_text(conductor_end_name(s->last)));
    answer_fact(a, "why", "why", cell_text(s->why[0] != '\0' ? s->why : NULL));
    answer_fact(a, "report", "report", s->number > 0 ? cell_number(s->number) : cell_text(NULL));
}

const char *cutover_needs(const struct request *r, const struct conductor_status *s, char *out,
                          size_t size)
{
    if (r->context->unended[0] != '\0')
        return r->context->unended;
    if (s->state != CONDUCTOR_STUCK)
        return NULL;
    (void)snprintf(out, size,
                   "%s: %s. It is tried again; when it will never work: cutover forget, so that"
                   " sluice lets go of the servers",
                   s->step, s->why);
    return out;
}

void run_cutover_status(struct request *r)
{
    struct conductor_status s;
    char needs[SL_ERROR_TEXT_MAX + 160];
    conductor_look(r->context->conductor, &s);
    add_status(r->answer, &s);
    answer_fact(r->answer, "needs", "needs", cell_text(cutover_needs(r, &s, needs, sizeof needs)));
    request_done(r);
}

// --- the end --------------------------------------------------------------------------------------

static const struct column ROWS[] = {
    {"name", "check"}, {"verdict", "verdict"}, {"evidence", "evidence"}};

void cutover_add_findings(struct answer *a, const struct preflight *found)
{
    answer_fact(a, "verdict", "verdict", cell_text(verdict_name(preflight_verdict(found))));
    answer_table(a, "rows", "", ROWS, sizeof ROWS / sizeof *ROWS);
    for (unsigned i = 0; i < found->count; i++) {
        const struct preflight_row *row = &found->rows[i];
        const struct cell cells[] = {cell_text(row->name), cell_text(verdict_name(row->verdict)),
                                     cell_text(row->evidence)};
        answer_row(a, cells);
    }
}

// Ends the request: NO is a failure, the table is its answer all the same.
static void end_check(struct request *r, const struct conductor_status *how)
{
    struct preflight found;
    struct sl_error err;
    conductor_findings(r->context->conductor, &found);
    if (found.count > 0)
        cutover_add_findings(r->answer, &found);
    if (how->last == CONDUCTOR_DONE) {
        request_done(r);
        return;
    }
    (void)sl_fail(&err, SL_ECONFLICT, "%s", how->why);
    request_fail(r, &err);
}

// Who asked for a dry run wanted it undone.
static bool is_good(const struct conductor_status *how)
{
    return how->last == CONDUCTOR_DONE || (how->dry_run && how->last == CONDUCTOR_UNDONE &&
                                           strcmp(how->why, CONDUCTOR_WAS_DRY) == 0);
}

static void add_note(struct answer *a, const struct conductor_status *how)
{
    answer_fact(a, "moved", "sessions moved", cell_number(how->moved));
    answer_fact(a, "sessions_ended", "sessions ended", cell_number(how->ended));
    answer_fact(a, "felt_max_ms", "longest stall of a client", cell_of(CELL_MS, how->felt_max_ns));
    if (how->number > 0)
        answer_say(a, "more: cutover report %u", how->number);
}

// True: it waits for the end of the watch.
static bool end_start(struct request *r, const struct conductor_status *how)
{
    struct sl_error err;
    add_status(r->answer, how);
    add_note(r->answer, how);
    if (is_good(how) && how->state == CONDUCTOR_WATCHING && request_option(r, "watch")->given)
        return true;
    if (is_good(how)) {
        request_done(r);
        return false;
    }
    (void)sl_fail(&err, SL_ECONFLICT, "%s: %s", conductor_end_name(how->last), how->why);
    request_fail(r, &err);
    return false;
}

void cutover_ended(struct request_home *home, const struct conductor_status *how)
{
    struct request *r = home->cutover;
    const struct log_field fields[] = {
        LOG_STR("from", how->from),
        LOG_STR("to", how->to),
        LOG_STR("ended", conductor_end_name(how->last)),
        LOG_MS("stall_ms", how->stall_ns),
        LOG_MS("felt_max_ms", how->felt_max_ns),
        LOG_U64("report", how->number),
        LOG_STR("why", how->why),
    };
    events_publish(home->events, "cutover_ended", fields, sizeof fields / sizeof *fields);
    if (r == NULL)
        return;
    home->cutover = NULL;
    if (is_check(r))
        end_check(r, how);
    else if (end_start(r, how))
        home->watcher = r;
    if (home->watcher != r)
        request_release(r);
}

void cutover_watched(struct request_home *home, const struct conductor_status *how)
{
    const struct log_field fields[] = {LOG_STR("to", how->to), LOG_U64("report", how->number)};
    events_publish(home->events, "cutover_watched", fields, sizeof fields / sizeof *fields);
    end_watcher(home);
}

// --- the report -----------------------------------------------------------------------------------

static void add_line(void *arg, const char *text)
{
    answer_line(arg, "%s", text);
}

void run_cutover_report(struct request *r)
{
    const struct call *call = &r->call;
    struct sl_error err;
    struct buf json;
    unsigned number = call->positional_count > 0 ? (unsigned)call->positionals[0].number : 0;
    buf_init(&json, REPORT_FILE_MAX);
    enum sl_code code = report_load(r->context->config->state_dir, &number, &json, &err);
    if (code == SL_OK)
        code = report_text(buf_text(&json), add_line, r->answer, &err);
    if (code == SL_OK) {
        json.n -= json.n > 0 && json.p[json.n - 1] == '\n' ? 1 : 0;
        answer_document(r->answer, "report", buf_text(&json));
    }
    buf_release(&json);
    if (code == SL_OK)
        request_done(r);
    else
        request_fail(r, &err);
}

// --- words ----------------------------------------------------------------------------------------

static void say(struct request *r, enum conductor_word word)
{
    struct sl_error err;
    char by[BY_BYTES];
    if (conductor_say(r->context->conductor, word, who(r, by), &err) == SL_OK)
        request_done(r);
    else
        request_fail(r, &err);
}

void run_cutover_go(struct request *r)
{
    say(r, CONDUCTOR_GO);
}

void run_cutover_no_go(struct request *r)
{
    say(r, CONDUCTOR_NO_GO);
}

void run_cutover_abort(struct request *r)
{
    say(r, CONDUCTOR_ABORT);
}

void run_cutover_forget(struct request *r)
{
    struct sl_error err;
    if (r->context->forget_cutover(r->context->arg, &err) == SL_OK)
        request_done(r);
    else
        request_fail(r, &err);
}
