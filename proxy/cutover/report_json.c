// The report as one JSON document. Durations and offsets are milliseconds with microseconds behind the
// point; what is not known, or has not come to pass, is left out.
//
//     { "version" : 1, "number" : 7, "kind" : "cutover", "verdict" : "done", ...
//       "timeline" : [ ... ], "preflight" : { }, "drain" : { }, "sessions" : { }, "fence" : { },
//       "throttle" : { }, "checks" : [ ], "words" : [ ], "stall" : { }, "watch" : { }, "story" : [ ] }
#include <bson/bson.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/report.h"

// --- values -------------------------------------------------------------------------------------

static void put_ms(bson_t *doc, const char *key, int64_t ns)
{
    BSON_APPEND_DOUBLE(doc, key, (double)(ns / 1000) / 1000.0);
}

static void put_number(bson_t *doc, const char *key, uint64_t n)
{
    BSON_APPEND_INT64(doc, key, n < INT64_MAX ? (int64_t)n : INT64_MAX);
}

// Servers and clients may say anything: what is not UTF-8 becomes "?".
static void put_text(bson_t *doc, const char *key, const char *text)
{
    char copy[SL_ERROR_TEXT_MAX > REPORT_PLACE_BYTES ? SL_ERROR_TEXT_MAX : REPORT_PLACE_BYTES];
    text_copy(copy, sizeof copy, text);
    text_make_printable(copy);
    BSON_APPEND_UTF8(doc, key, copy);
}

static void put_known(bson_t *doc, const char *key, const char *text)
{
    if (text[0] != '\0')
        put_text(doc, key, text);
}

static void put_rate(bson_t *doc, const char *key, double rate)
{
    BSON_APPEND_DOUBLE(doc, key, (double)(int64_t)(rate * 10 + 0.5) / 10);
}

struct array {
    bson_t in;
    uint32_t count;
};

static void array_begin(bson_t *doc, const char *key, struct array *a)
{
    a->count = 0;
    BSON_APPEND_ARRAY_BEGIN(doc, key, &a->in);
}

static void row_begin(struct array *a, bson_t *row)
{
    char text[16];
    const char *key;
    size_t n = bson_uint32_to_string(a->count++, &key, text, sizeof text);
    bson_append_document_begin(&a->in, key, (int)n, row);
}

static void row_end(struct array *a, bson_t *row)
{
    bson_append_document_end(&a->in, row);
}

static void array_end(bson_t *doc, struct array *a)
{
    bson_append_array_end(doc, &a->in);
}

// --- what was ordered ---------------------------------------------------------------------------

static void put_server(bson_t *doc, const char *key, const char *name, const char *version)
{
    bson_t server;
    BSON_APPEND_DOCUMENT_BEGIN(doc, key, &server);
    put_text(&server, "name", name);
    put_known(&server, "version", version);
    bson_append_document_end(doc, &server);
}

static void put_options(bson_t *doc, const struct cutover_plan *p)
{
    bson_t options;
    struct array accepted;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "options", &options);
    BSON_APPEND_BOOL(&options, "dry_run", p->dry_run);
    BSON_APPEND_BOOL(&options, "ask", p->ask);
    put_ms(&options, "budget_ms", p->budget_ns);
    put_ms(&options, "approach_lag_ms", p->approach_lag_ns);
    put_ms(&options, "throttle_ms", p->throttle_ns);
    put_ms(&options, "catch_up_ms", p->catch_up_ns);
    put_ms(&options, "watch_ms", p->watch_ns);
    array_begin(&options, "accepted", &accepted);
    for (unsigned i = 0; i < p->accept_count; i++) {
        char text[16];
        const char *key;
        (void)bson_uint32_to_string(accepted.count++, &key, text, sizeof text);
        put_text(&accepted.in, key, p->accept[i]);
    }
    array_end(&options, &accepted);
    bson_append_document_end(doc, &options);
}

static void put_head(bson_t *doc, const struct report *r)
{
    char began[32];
    clock_format_wall(r->began_wall_us, began, sizeof began);
    BSON_APPEND_INT32(doc, "version", 1);
    put_number(doc, "number", r->number);
    BSON_APPEND_UTF8(doc, "kind", r->plan->dry_run ? "dry_run" : "cutover");
    BSON_APPEND_UTF8(doc, "verdict", r->verdict != NULL ? r->verdict : "running");
    put_known(doc, "why", r->why);
    put_text(doc, "by", r->plan->by);
    BSON_APPEND_UTF8(doc, "began", began);
    if (r->ended_ns != 0)
        put_ms(doc, "took_ms", r->ended_ns - r->began_ns);
    put_server(doc, "from", r->plan->old.name, r->old_version);
    put_server(doc, "to", r->plan->target.name, r->target_version);
    put_options(doc, r->plan);
}

// --- what happened ------------------------------------------------------------------------------

static void put_span(bson_t *row, const char *at, const char *took, int64_t from, int64_t until,
                     int64_t began)
{
    if (from == 0)
        return;
    put_ms(row, at, from - began);
    if (until != 0)
        put_ms(row, took, until - from);
}

static void put_timeline(bson_t *doc, const struct report *r)
{
    struct array steps;
    array_begin(doc, "timeline", &steps);
    for (unsigned i = 0; i < r->step_count; i++) {
        const struct report_step *s = &r->steps[i];
        bson_t row;
        row_begin(&steps, &row);
        put_text(&row, "step", s->name);
        put_span(&row, "at_ms", "took_ms", s->began_ns, s->ended_ns, r->began_ns);
        BSON_APPEND_UTF8(&row, "result",
                         s->failed          ? "failed"
                         : s->ended_ns == 0 ? "not finished"
                                            : "done");
        put_span(&row, "undo_at_ms", "undo_took_ms", s->undo_began_ns, s->undone_ns, r->began_ns);
        row_end(&steps, &row);
    }
    array_end(doc, &steps);
}

static void put_words(bson_t *doc, const struct report *r)
{
    struct array words;
    array_begin(doc, "words", &words);
    for (unsigned i = 0; i < r->word_count; i++) {
        bson_t row;
        row_begin(&words, &row);
        put_ms(&row, "at_ms", r->words[i].at_ns);
        BSON_APPEND_UTF8(&row, "word", r->words[i].word);
        put_text(&row, "by", r->words[i].by);
        row_end(&words, &row);
    }
    array_end(doc, &words);
}

static void put_preflight(bson_t *doc, const struct preflight *found)
{
    bson_t preflight;
    struct array rows;
    if (found->count == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "preflight", &preflight);
    BSON_APPEND_UTF8(&preflight, "verdict", verdict_name(preflight_verdict(found)));
    array_begin(&preflight, "rows", &rows);
    for (unsigned i = 0; i < found->count; i++) {
        bson_t row;
        row_begin(&rows, &row);
        put_text(&row, "name", found->rows[i].name);
        BSON_APPEND_UTF8(&row, "verdict", verdict_name(found->rows[i].verdict));
        put_text(&row, "evidence", found->rows[i].evidence);
        row_end(&rows, &row);
    }
    array_end(&preflight, &rows);
    bson_append_document_end(doc, &preflight);
}

static void put_drain(bson_t *doc, const struct report *r)
{
    const struct drain_counts *c = &r->drained;
    bson_t drain;
    struct array rows;
    if (!r->drained_once)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "drain", &drain);
    put_number(&drain, "sessions", c->sessions);
    put_number(&drain, "settled", c->settled);
    put_number(&drain, "ended_well", c->ended_well);
    put_number(&drain, "aborted", c->aborted);
    put_number(&drain, "killed", c->killed);
    put_number(&drain, "gone", c->gone);
    put_number(&drain, "reading", c->reading);
    put_number(&drain, "left", c->left);
    array_begin(&drain, "rows", &rows);
    for (unsigned i = 0; i < r->drained_count; i++) {
        const struct report_drained *d = &r->drained_rows[i];
        bson_t row;
        row_begin(&rows, &row);
        BSON_APPEND_UTF8(&row, "what", d->what);
        put_text(&row, "user", d->user);
        put_text(&row, "client", d->client);
        put_ms(&row, "after_ms", d->after_ns);
        row_end(&rows, &row);
    }
    array_end(&drain, &rows);
    bson_append_document_end(doc, &drain);
}

static void put_sessions(bson_t *doc, const struct report *r)
{
    const struct felt *f = r->felt;
    bson_t sessions;
    struct array rows;
    unsigned ended = f->ends_more;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "sessions", &sessions);
    put_number(&sessions, "moved", r->after.moved - r->before.moved);
    put_number(&sessions, "moves_refused", r->after.move_refusals - r->before.move_refusals);
    put_number(&sessions, "transactions_aborted", r->after.aborted - r->before.aborted);
    array_begin(&sessions, "ended_rows", &rows);
    for (unsigned i = 0; i < f->end_count; i++) {
        const struct felt_end *e = &f->ends[i];
        bson_t row;
        row_begin(&rows, &row);
        put_number(&row, "count", e->count);
        BSON_APPEND_UTF8(&row, "reason", e->reason);
        put_text(&row, "user", e->user);
        put_known(&row, "why", e->why);
        row_end(&rows, &row);
        ended += e->count;
    }
    array_end(&sessions, &rows);
    put_number(&sessions, "ended", ended);
    if (f->ends_more > 0)
        put_number(&sessions, "ended_in_no_row", f->ends_more);
    bson_append_document_end(doc, &sessions);
}

static void put_fence(bson_t *doc, const struct report *r)
{
    static const char *const keys[] = {
        [REPORT_OLD_FENCED] = "old_behind_the_fence",
        [REPORT_OLD_CAUGHT_UP] = "old_when_caught_up",
        [REPORT_OLD_END] = "old_at_the_end",
        [REPORT_TARGET_CAUGHT_UP] = "target_before_anybody_wrote",
    };
    bson_t fence;
    if (r->places[REPORT_OLD_FENCED][0] == '\0')
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "fence", &fence);
    put_number(&fence, "accounts_locked", r->locked);
    put_number(&fence, "direct_connections_killed", r->direct);
    for (unsigned i = 0; i < REPORT_PLACE_COUNT; i++)
        put_known(&fence, keys[i], r->places[i]);
    BSON_APPEND_BOOL(&fence, "stable", !r->moved_behind_fence);
    if (r->catch_up_ns >= 0)
        put_ms(&fence, "catch_up_ms", r->catch_up_ns);
    bson_append_document_end(doc, &fence);
}

static void put_spread(bson_t *doc, const struct spread *h)
{
    if (h->count == 0)
        return;
    put_ms(doc, "p50_ms", spread_quantile(h, 500));
    put_ms(doc, "p99_ms", spread_quantile(h, 990));
    put_ms(doc, "max_ms", h->max_ns);
}

static void put_throttle(bson_t *doc, const struct report *r)
{
    bson_t throttle;
    if (r->slowed_from_ns == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "throttle", &throttle);
    put_ms(&throttle, "delay_ms", r->slowed_by_ns);
    put_ms(&throttle, "at_ms", r->slowed_from_ns - r->began_ns);
    if (r->slowed_until_ns != 0)
        put_ms(&throttle, "for_ms", r->slowed_until_ns - r->slowed_from_ns);
    put_number(&throttle, "units_slowed", r->felt->slowed.count);
    put_spread(&throttle, &r->felt->slowed);
    bson_append_document_end(doc, &throttle);
}

static void put_checks(bson_t *doc, const struct report *r)
{
    struct array checks;
    array_begin(doc, "checks", &checks);
    for (unsigned i = 0; i < r->check_count; i++) {
        const struct report_check *c = &r->checks[i];
        bson_t row;
        row_begin(&checks, &row);
        put_text(&row, "name", c->name);
        BSON_APPEND_BOOL(&row, "good", c->good);
        put_text(&row, "said", c->said);
        put_ms(&row, "took_ms", c->took_ns);
        row_end(&checks, &row);
    }
    array_end(doc, &checks);
}

static void put_testers(bson_t *doc, const struct report *r)
{
    bson_t testers;
    if (r->testers_in_ns == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "testers", &testers);
    put_ms(&testers, "at_ms", r->testers_in_ns - r->began_ns);
    put_number(&testers, "accounts_unlocked", r->testers_accounts);
    if (r->testers_out_ns != 0) {
        put_ms(&testers, "out_at_ms", r->testers_out_ns - r->began_ns);
        put_number(&testers, "connections_killed", r->testers_ended);
    }
    put_known(&testers, "wrote_what_is_undone", r->testers_wrote);
    bson_append_document_end(doc, &testers);
}

// --- what clients felt --------------------------------------------------------------------------

static void put_longest(bson_t *doc, const struct report *r)
{
    const struct felt_longest *l = &r->felt->longest;
    struct report_part parts[REPORT_PARTS_MAX];
    bson_t longest;
    struct array rows;
    char name[48];
    if (l->arrived_ns == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "longest", &longest);
    BSON_APPEND_UTF8(&longest, "kind", l->connection ? "connection" : "command");
    put_number(&longest, "session", l->session);
    put_known(&longest, "user", l->user);
    put_ms(&longest, "arrived_at_ms", l->arrived_ns - r->began_ns);
    array_begin(&longest, "parts", &rows);
    unsigned n = report_split(r, l, parts);
    for (unsigned i = 0; i < n; i++) {
        bson_t row;
        row_begin(&rows, &row);
        (void)snprintf(name, sizeof name, "%s%s", parts[i].undo ? "undo of " : "", parts[i].name);
        BSON_APPEND_UTF8(&row, "part", name);
        put_ms(&row, "ms", parts[i].ns);
        row_end(&rows, &row);
    }
    array_end(&longest, &rows);
    bson_append_document_end(doc, &longest);
}

static void put_stall(bson_t *doc, const struct report *r)
{
    const struct felt *f = r->felt;
    bson_t stall;
    if (r->held_ns == 0)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "stall", &stall);
    if (r->released_ns != 0)
        put_ms(&stall, "gate_closed_ms", r->released_ns - r->held_ns);
    put_number(&stall, "commands", f->waits.count - f->connections);
    put_number(&stall, "connections", f->connections);
    put_number(&stall, "waiting_still", f->waiting);
    put_spread(&stall, &f->waits);
    put_longest(&stall, r);
    bson_append_document_end(doc, &stall);
}

// --- the watch ----------------------------------------------------------------------------------

static void put_sample(bson_t *row, const struct watch_sample *s)
{
    put_rate(row, "commands", s->commands);
    put_rate(row, "errors", s->errors);
    for (unsigned c = 0; c < ERROR_CLASS_COUNT; c++) {
        char key[40];
        (void)snprintf(key, sizeof key, "errors_%s", error_class_name((enum error_class)c));
        if (s->by_error[c] > 0)
            put_rate(row, key, s->by_error[c]);
    }
    put_ms(row, "p50_ms", s->p50_ns);
    put_ms(row, "p99_ms", s->p99_ns);
    put_number(row, "sessions", s->sessions);
}

static void put_servers(bson_t *row, const struct watch_sample *s)
{
    if (s->target_known) {
        put_number(row, "threads_running", s->threads_running);
        put_rate(row, "queries", s->queries);
    }
    if (s->old_known && s->lag_seconds >= 0)
        BSON_APPEND_DOUBLE(row, "old_lag_s", s->lag_seconds);
    if (s->old_known && s->lag_transactions >= 0)
        BSON_APPEND_INT64(row, "old_lag_transactions", s->lag_transactions);
}

static void put_watch(bson_t *doc, const struct report *r)
{
    const struct watch *w = &r->watch;
    bson_t watch, before, row;
    struct array samples;
    if (!w->has_baseline)
        return;
    BSON_APPEND_DOCUMENT_BEGIN(doc, "watch", &watch);
    put_ms(&watch, "ordered_ms", w->ordered_ns);
    put_known(&watch, "ended", w->ended_by != NULL ? w->ended_by : "");
    put_number(&watch, "warnings", w->warnings);
    BSON_APPEND_DOCUMENT_BEGIN(&watch, "before", &before);
    put_sample(&before, &w->baseline);
    bson_append_document_end(&watch, &before);
    array_begin(&watch, "samples", &samples);
    for (unsigned i = 0; i < w->count; i++) {
        row_begin(&samples, &row);
        put_ms(&row, "at_ms", w->samples[i].at_ns);
        put_sample(&row, &w->samples[i]);
        put_servers(&row, &w->samples[i]);
        row_end(&samples, &row);
    }
    array_end(&watch, &samples);
    bson_append_document_end(doc, &watch);
}

static void put_story(bson_t *doc, const struct report *r)
{
    struct array lines;
    array_begin(doc, "story", &lines);
    for (unsigned i = 0; i < r->line_count; i++) {
        bson_t row;
        row_begin(&lines, &row);
        put_ms(&row, "at_ms", r->lines[i].at_ns);
        put_text(&row, "line", r->lines[i].text);
        row_end(&lines, &row);
    }
    array_end(doc, &lines);
    if (r->lines_left_out > 0)
        put_number(doc, "lines_left_out", r->lines_left_out);
}

void report_json(const struct report *r, struct buf *out)
{
    bson_t doc = BSON_INITIALIZER;
    put_head(&doc, r);
    put_timeline(&doc, r);
    put_words(&doc, r);
    put_preflight(&doc, &r->found);
    put_drain(&doc, r);
    put_sessions(&doc, r);
    put_fence(&doc, r);
    put_throttle(&doc, r);
    put_checks(&doc, r);
    put_testers(&doc, r);
    put_stall(&doc, r);
    put_watch(&doc, r);
    put_story(&doc, r);
    size_t n = 0;
    char *json = bson_as_relaxed_extended_json(&doc, &n);
    if (json != NULL) { // all texts are UTF-8
        buf_put(out, json, n);
        buf_u8(out, '\n');
    }
    bson_free(json);
    bson_destroy(&doc);
}
