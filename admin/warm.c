// warm: standby links before a move.
#include "admin/counts.h"
#include "admin/handlers.h"
#include "base/clock.h"
#include "base/text.h"

#define ROW(member, title)                                                                         \
    {                                                                                              \
#member, title, offsetof(struct warm_counts, member)                                       \
    }
static const struct count_row ROWS[] = {
    ROW(sessions, "sessions"), ROW(ready, "ready"),        ROW(opening, "opening"),
    ROW(failed, "failed"),     ROW(unable, "cannot move"),
};
#undef ROW
static const struct count_table COUNTS = {ROWS, sizeof ROWS / sizeof ROWS[0]};

// Comes about four times a second.
static void warm_moves(void *arg, const struct warm_counts *counts)
{
    struct answer *a = answer_new();
    counts_answer(&COUNTS, counts, a);
    request_progress(arg, a);
}

// Links that could not be had are no failure: their sessions are tried again at release. Those that
// are still being opened are one, and go on.
static void warmed(void *arg, const struct warm_counts *counts)
{
    struct request *r = arg;
    struct sl_error err;
    const char *backend = r->call.positionals[0].text;
    const struct log_field more[] = {LOG_STR("backend", backend), LOG_STR("owner", r->peer->user)};
    counts_publish(&COUNTS, counts, r->home->events, "warmed", more, 2);
    answer_fact(r->answer, "backend", "backend", cell_text(backend));
    counts_answer(&COUNTS, counts, r->answer);
    answer_fact(r->answer, "took_ms", "took", cell_of(CELL_MS, clock_now_ns() - r->began_ns));
    if (counts->opening > 0) {
        sl_fail(&err, SL_ETIMEOUT, "%u links are still being opened; it goes on", counts->opening);
        request_fail(r, &err);
    } else {
        request_done(r);
    }
    request_release(r);
}

static void warm_left(struct request *r)
{
    traffic_warm_cancel(r->context->traffic);
    request_release(r);
}

static void warm_off(struct request *r)
{
    struct sl_error err;
    char was[33];
    text_copy(was, sizeof was, traffic_warm_target(r->context->traffic));
    if (traffic_warm(r->context->traffic, NULL, 0, NULL, NULL, NULL, &err) != SL_OK) {
        request_fail(r, &err);
        return;
    }
    answer_fact(r->answer, "backend", "was warm", cell_text(was[0] != '\0' ? was : NULL));
    request_done(r);
}

// The run has its own deadline, and its answer then has the counts.
static void warm_on(struct request *r, const char *backend)
{
    struct sl_error err;
    request_cancel_deadline(r);
    request_hold(r);
    if (traffic_warm(r->context->traffic, backend, request_option(r, "timeout")->number, warm_moves,
                     warmed, r, &err) != SL_OK) {
        request_fail(r, &err);
        request_release(r);
        return;
    }
    r->leave = warm_left;
}

void run_warm(struct request *r)
{
    struct sl_error err;
    bool off = request_option(r, "off")->given;
    if (off != (r->call.positional_count == 0)) {
        sl_fail(&err, SL_EINVAL,
                off ? "--off goes with no backend" : "warm needs BACKEND or --off");
        request_fail(r, &err);
    } else if (off) {
        warm_off(r);
    } else {
        warm_on(r, r->call.positionals[0].text);
    }
}
