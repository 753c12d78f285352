// The report: its document as JSON and as text, the longest wait taken apart, its files.
#include <bson/bson.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/report.h"
#include "cutover/report_file.h"
#include "cutover/report_text.h"

#define MS NS_PER_MS

static struct report *new_report(struct cutover_plan **plan)
{
    struct cutover_plan *p = *plan = cutover_plan_new();
    p->by = strdup("alice (pid 7)");
    text_copy(p->old.name, sizeof p->old.name, "milan");
    text_copy(p->target.name, sizeof p->target.name, "aws");
    p->budget_ns = 10 * NS_PER_S;
    struct report *r = report_new(p, 1000 * MS, 1795313585123456);
    r->number = 7;
    return r;
}

// Steps of 10 ms each from 1000 ms on.
static void add_steps(struct report *r, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        report_step_begins(r, names[i], (1000 + 10 * i) * MS);
        report_mark(r, SEQUENCE_BEFORE, names[i], (1001 + 10 * i) * MS);
        report_mark(r, SEQUENCE_AFTER, names[i], (1010 + 10 * i) * MS);
    }
}

static const char *const STEPS[] = {"approach", "hold", "fence", "release", "turn"};

static void free_both(struct report *r, struct cutover_plan *plan)
{
    report_free(r);
    free(plan->by);
    plan->by = NULL;
    cutover_plan_unref(plan);
}

// --- the longest wait -----------------------------------------------------------------------------

static void expect_parts(const struct report *r, const struct felt_longest *l, const char *expected)
{
    struct report_part parts[REPORT_PARTS_MAX];
    char text[400] = "";
    int64_t sum = 0;
    unsigned n = report_split(r, l, parts);
    for (unsigned i = 0; i < n; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s%s %lld", at > 0 ? ", " : "",
                 parts[i].undo ? "-" : "", parts[i].name, (long long)(parts[i].ns / MS));
        sum += parts[i].ns;
    }
    cr_expect_str_eq(text, expected);
    cr_expect_eq(sum, l->answered_ns - l->arrived_ns, "the parts add up");
}

Test(report, the_longest_wait_is_split_by_steps)
{
    struct cutover_plan *plan;
    struct report *r = new_report(&plan);
    add_steps(r, STEPS, 5);
    r->released_ns = 1038 * MS;
    const struct felt_longest command = {.arrived_ns = 1012 * MS,
                                         .opened_ns = 1037 * MS,
                                         .sent_ns = 1041 * MS,
                                         .answered_ns = 1043 * MS,
                                         .moved = true};
    expect_parts(r, &command, "hold 8, fence 10, release 7, move 4, answer 2");
    // It was slowed before it was held; nobody knows when its worker opened.
    struct felt_longest other = command;
    other.arrived_ns = 995 * MS;
    other.opened_ns = 0;
    other.moved = false;
    expect_parts(r, &other,
                 "between 5, approach 10, hold 10, fence 10, release 8, resume 3, answer 2");
    // A connection has no command to be sent.
    other = (struct felt_longest){.arrived_ns = 1025 * MS,
                                  .answered_ns = 1050 * MS,
                                  .opened_ns = 1037 * MS,
                                  .connection = true};
    expect_parts(r, &other, "fence 5, release 7, connect 13");
    // Answered in the middle of a step, by an error.
    other = (struct felt_longest){.arrived_ns = 1015 * MS, .answered_ns = 1025 * MS};
    expect_parts(r, &other, "hold 5, fence 5");
    free_both(r, plan);
}

Test(report, an_undone_wait_has_the_undoing_too)
{
    struct cutover_plan *plan;
    struct report *r = new_report(&plan);
    add_steps(r, STEPS, 2);
    report_step_begins(r, "fence", 1020 * MS);
    report_mark(r, SEQUENCE_FAILED, "fence", 1030 * MS);
    report_mark(r, SEQUENCE_UNDO_BEFORE, "fence", 1031 * MS);
    report_mark(r, SEQUENCE_UNDO_AFTER, "fence", 1034 * MS);
    report_mark(r, SEQUENCE_UNDO_BEFORE, "hold", 1034 * MS);
    report_mark(r, SEQUENCE_UNDO_AFTER, "hold", 1036 * MS);
    const struct felt_longest l = {.arrived_ns = 1012 * MS,
                                   .opened_ns = 1035 * MS,
                                   .sent_ns = 1036 * MS,
                                   .answered_ns = 1037 * MS};
    expect_parts(r, &l, "hold 8, fence 10, between 1, -fence 3, -hold 1, resume 1, answer 1");
    free_both(r, plan);
}

// --- the document ---------------------------------------------------------------------------------

static bson_t *document(const struct report *r, struct buf *json)
{
    buf_init(json, REPORT_FILE_MAX);
    report_json(r, json);
    cr_assert(!json->failed && json->n > 0 && json->p[json->n - 1] == '\n');
    bson_t *doc = bson_new_from_json((const uint8_t *)buf_text(json), (ssize_t)json->n - 1, NULL);
    cr_assert_not_null(doc);
    return doc;
}

static double number(const bson_t *doc, const char *path)
{
    bson_iter_t it, found;
    cr_assert(bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, &found), "%s", path);
    return bson_iter_as_double(&found);
}

static bool is_there(const bson_t *doc, const char *path)
{
    bson_iter_t it, found;
    return bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, &found);
}

static void join(void *arg, const char *line)
{
    struct buf *out = arg;
    cr_expect(strchr(line, '\n') == NULL);
    buf_str(out, line);
    buf_str(out, "\n");
}

static void fill(struct report *r)
{
    add_steps(r, STEPS, 5);
    r->verdict = "done";
    r->ended_ns = 2000 * MS;
    r->held_ns = 1010 * MS;
    r->released_ns = 1038 * MS;
    r->after.moved = 12;
    spread_add(&r->felt->waits, 20 * MS);
    spread_add(&r->felt->waits, 31 * MS);
    r->felt->connections = 1;
    r->felt->longest = (struct felt_longest){
        .arrived_ns = 1012 * MS, .sent_ns = 1041 * MS, .answered_ns = 1043 * MS, .user = "web"};
    felt_count_end(r->felt, "CANNOT_MOVE", "batch", "obstacles: user_lock", 2);
    report_heard(r, 5 * MS, "go", "bob (pid 9)");
    report_checked(r, "rows", true, "42", 3 * MS);
    report_say(r, 1 * MS, "hold: before");
    text_copy(r->places[REPORT_OLD_FENCED], REPORT_PLACE_BYTES, "binlog.1:99");
    r->locked = 4;
    r->slowed_from_ns = 1001 * MS;
    r->slowed_until_ns = 1010 * MS;
    spread_add(&r->felt->slowed, 2 * MS);
    r->found.count = 1;
    r->found.rows[0].name = "roles";
    r->found.rows[0].verdict = VERDICT_WARN;
    text_copy(r->found.rows[0].evidence, sizeof r->found.rows[0].evidence,
              "a replica, but writable");
    r->watch.has_baseline = true;
    watch_add(&r->watch, &(struct watch_sample){.at_ns = NS_PER_S,
                                                .commands = 100.04,
                                                .errors = 2,
                                                .by_error = {[ERROR_CLASS_schema] = 2}});
}

Test(report, the_document_has_what_was_noted)
{
    struct cutover_plan *plan;
    struct report *r = new_report(&plan);
    struct buf json, text = {0};
    struct sl_error err;
    fill(r);
    bson_t *doc = document(r, &json);
    static const struct {
        const char *path;
        double value;
    } rows[] = {
        {"number", 7},
        {"took_ms", 1000},
        {"stall.gate_closed_ms", 28},
        {"stall.commands", 1},
        {"stall.connections", 1},
        {"stall.max_ms", 31},
        {"sessions.moved", 12},
        {"sessions.ended", 2},
        {"sessions.ended_rows.0.count", 2},
        {"words.0.at_ms", 5},
        {"fence.accounts_locked", 4},
        {"throttle.for_ms", 9},
        {"throttle.units_slowed", 1},
        {"timeline.2.at_ms", 20},
        {"watch.samples.0.commands", 100},
        {"watch.samples.0.errors_schema", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_float_eq(number(doc, rows[i].path), rows[i].value, 0.001, "%s", rows[i].path);
    cr_assert_eq(report_text(buf_text(&json), join, &text, &err), SL_OK);
    static const char *const words[] = {
        "cutover 7 from milan", "go by bob (pid 9)", "obstacles: user_lock", "binlog.1:99",
        "check rows: good",     "WARN roles",        "hold: before",         "12 moved"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect_not_null(strstr(buf_text(&text), words[i]), "%s", words[i]);
    bson_destroy(doc);
    buf_release(&json);
    buf_release(&text);
    free_both(r, plan);
}

// A preflight that said NO: nothing is told of what has not come to pass.
Test(report, what_did_not_happen_is_left_out)
{
    struct cutover_plan *plan;
    struct report *r = new_report(&plan);
    struct buf json, text = {0};
    struct sl_error err;
    r->verdict = "undone";
    bson_t *doc = document(r, &json);
    static const char *const absent[] = {"stall", "fence",   "drain",   "throttle",
                                         "watch", "testers", "took_ms", "preflight"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        cr_expect(!is_there(doc, absent[i]), "%s", absent[i]);
    cr_expect_eq(report_text(buf_text(&json), join, &text, &err), SL_OK);
    bson_destroy(doc);
    buf_release(&json);
    buf_release(&text);
    free_both(r, plan);
}

// Servers and clients may call themselves anything, and say a lot.
Test(report, texts_are_bounded_and_printable)
{
    struct cutover_plan *plan;
    struct report *r = new_report(&plan);
    struct buf json;
    char wild[2000];
    memset(wild, 0xC3, sizeof wild - 1);
    wild[sizeof wild - 1] = '\0';
    felt_count_end(r->felt, "KILLED", "a\"b\n\x1b", "\xff\xfe", 1);
    report_checked(r, wild, false, wild, 1);
    for (unsigned i = 0; i < REPORT_LINES_MAX + 3; i++)
        report_say(r, i, wild);
    for (unsigned i = 0; i < REPORT_WORDS_MAX + 3; i++)
        report_heard(r, i, "go", wild);
    for (unsigned i = 0; i < REPORT_STEPS_MAX + 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        report_step_begins(r, name, i + 1);
        report_mark(r, SEQUENCE_AFTER, name, i + 1);
    }
    bson_t *doc = document(r, &json);
    cr_expect_eq(number(doc, "lines_left_out"), 3);
    bson_destroy(doc);
    buf_release(&json);
    free_both(r, plan);
}

Test(report, text_of_something_else_is_refused)
{
    static const char *const others[] = {
        "", "{", "[]", "{}", "{\"version\":1}", "{\"version\":2,\"verdict\":\"done\"}"};
    struct buf text = {0};
    struct sl_error err;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        cr_expect_eq(report_text(others[i], join, &text, &err), SL_EPROTO, "%s", others[i]);
    cr_expect_eq(text.n, 0u);
    buf_release(&text);
}

// --- files ----------------------------------------------------------------------------------------

Test(report, the_newest_hundred_are_kept)
{
    char folder[] = "/tmp/sl-report-XXXXXX", path[64];
    struct sl_error err;
    struct buf json = {0};
    struct stat st;
    unsigned which = 0;
    cr_assert_not_null(mkdtemp(folder));
    cr_expect_eq(report_load(folder, &which, &json, &err), SL_ENOTFOUND);
    for (unsigned i = 1; i <= REPORTS_KEPT + 2; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "{%u}\n", i);
        cr_assert_eq(report_store(folder, i, text, (size_t)n, &err), SL_OK, "%s", err.text);
    }
    cr_expect_eq(report_load(folder, &which, &json, &err), SL_OK);
    cr_expect_eq(which, (unsigned)REPORTS_KEPT + 2);
    cr_expect_str_eq(buf_text(&json), "{102}\n");
    snprintf(path, sizeof path, "%s/report-102.json", folder);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0640u);
    for (which = 1; which <= 3; which++) {
        unsigned asked = which;
        buf_clear(&json);
        cr_expect_eq(report_load(folder, &asked, &json, &err), which <= 2 ? SL_ENOTFOUND : SL_OK);
    }
    buf_release(&json);
    for (unsigned i = 1; i <= REPORTS_KEPT + 2; i++) {
        snprintf(path, sizeof path, "%s/report-%u.json", folder, i);
        (void)unlink(path);
    }
    rmdir(folder);
}

// --- the watch ------------------------------------------------------------------------------------

Test(watch, worse_means_clearly_worse)
{
    static const struct {
        struct watch_sample before, now;
        const char *word; // NULL: all is well
    } rows[] = {
        {{.errors = 0}, {.errors = 0.9}, NULL},
        {{.errors = 0}, {.errors = 5, .by_error = {[ERROR_CLASS_access] = 5}}, "access"},
        {{.errors = 10}, {.errors = 25}, NULL},
        {{.errors = 10}, {.errors = 40}, "40.0 errors"},
        {{.p99_ns = 2 * MS}, {.p99_ns = 11 * MS}, NULL},
        {{.p99_ns = 2 * MS}, {.p99_ns = 20 * MS}, "p99"},
        {{.p99_ns = 20 * MS}, {.p99_ns = 50 * MS}, NULL},
        {{.p99_ns = 0}, {.p99_ns = 900 * MS}, NULL}, // nobody knows what it was
    };
    char why[200];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool worse = watch_is_worse(&rows[i].before, &rows[i].now, why, sizeof why);
        cr_expect_eq(worse, rows[i].word != NULL, "row %zu: %s", i, why);
        if (rows[i].word != NULL)
            cr_expect_not_null(strstr(why, rows[i].word), "row %zu: %s", i, why);
    }
}

Test(watch, samples_are_rates_between_looks)
{
    struct cutover_look *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    b->at_ns = 2 * NS_PER_S;
    a->stats.commands = 100;
    b->stats.commands = 300;
    b->stats.errors = 4;
    b->stats.by_error[ERROR_CLASS_conflict] = 4;
    a->target = (struct server_look){.known = true, .queries = 1000};
    b->target = (struct server_look){.known = true, .queries = 1100, .threads_running = 3};
    b->stats.sessions = 9;
    spread_add(&b->felt.answers, 5 * MS);
    struct watch_sample s = watch_between(a, b);
    cr_expect_float_eq(s.commands, 100, 0.01);
    cr_expect_float_eq(s.errors, 2, 0.01);
    cr_expect_float_eq(s.by_error[ERROR_CLASS_conflict], 2, 0.01);
    cr_expect_float_eq(s.queries, 50, 0.01);
    cr_expect_eq(s.sessions, 9u);
    cr_expect_eq(s.threads_running, 3u);
    cr_expect_eq(s.p99_ns, 5 * MS);
    struct watch_sample both[2] = {s, {.commands = 300, .p99_ns = 9 * MS}};
    struct watch_sample mean = watch_average(both, 2);
    cr_expect_float_eq(mean.commands, 200, 0.01);
    cr_expect_eq(mean.p99_ns, 9 * MS);
    free(a);
    free(b);
}

Test(watch, samples_have_a_bound)
{
    struct watch w = {0};
    for (unsigned i = 0; i < WATCH_SAMPLES_MAX + 10; i++)
        watch_add(&w, &(struct watch_sample){.at_ns = i});
    cr_expect_eq(w.count, (unsigned)WATCH_SAMPLES_MAX);
    cr_expect_eq(w.samples[w.count - 1].at_ns, WATCH_SAMPLES_MAX + 9);
    free(w.samples);
}
