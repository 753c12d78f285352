// The document of report_json.c as text: what an operator wants to know first stands first. Whatever
// is not in the document is not spoken of.
#include "cutover/report_text.h"

#include <bson/bson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define LINE_BYTES 1200

struct printer {
    void (*line)(void *arg, const char *text);
    void *arg;
};

static void SL_PRINTF(2, 3) say(const struct printer *p, const char *fmt, ...)
{
    char text[LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    p->line(p->arg, text);
}

// --- looking things up --------------------------------------------------------------------------

static bool find(const bson_t *doc, const char *path, bson_iter_t *out)
{
    bson_iter_t it;
    return bson_iter_init(&it, doc) && bson_iter_find_descendant(&it, path, out);
}

static bool has(const bson_t *doc, const char *path)
{
    bson_iter_t it;
    return find(doc, path, &it);
}

static const char *text_at(const bson_t *doc, const char *path)
{
    bson_iter_t it;
    return find(doc, path, &it) && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
}

static double number_at(const bson_t *doc, const char *path)
{
    bson_iter_t it;
    return find(doc, path, &it) && BSON_ITER_HOLDS_NUMBER(&it) ? bson_iter_as_double(&it) : 0;
}

static long count_at(const bson_t *doc, const char *path)
{
    return (long)number_at(doc, path);
}

static bool is_true(const bson_t *doc, const char *path)
{
    bson_iter_t it;
    return find(doc, path, &it) && bson_iter_as_bool(&it);
}

// "1.2 ms", "12.3 s"
struct span {
    char text[32];
};
static struct span span_of(double ms)
{
    struct span s;
    if (ms < 10000)
        (void)snprintf(s.text, sizeof s.text, "%.1f ms", ms);
    else
        (void)snprintf(s.text, sizeof s.text, "%.1f s", ms / 1000);
    return s;
}

static struct span span_at(const bson_t *doc, const char *path)
{
    return span_of(number_at(doc, path));
}

// `row` for each document of the array.
static void each(const struct printer *p, const bson_t *doc, const char *path,
                 void (*row)(const struct printer *p, const bson_t *row))
{
    bson_iter_t it, item;
    bson_t one;
    const uint8_t *data;
    uint32_t n;
    if (!find(doc, path, &it) || !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &item))
        return;
    while (bson_iter_next(&item)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&item))
            continue;
        bson_iter_document(&item, &n, &data);
        if (bson_init_static(&one, data, n))
            row(p, &one);
    }
}

// --- the parts ----------------------------------------------------------------------------------

static void print_word(const struct printer *p, const bson_t *row)
{
    say(p, "  %s by %s, after %s", text_at(row, "word"), text_at(row, "by"),
        span_at(row, "at_ms").text);
}

static void print_accepted(const struct printer *p, const bson_t *doc)
{
    bson_iter_t it, item;
    if (!find(doc, "options.accepted", &it) || !bson_iter_recurse(&it, &item))
        return;
    while (bson_iter_next(&item))
        say(p, "  its NO was accepted by name: %s", bson_iter_utf8(&item, NULL));
}

static void print_head(const struct printer *p, const bson_t *doc)
{
    say(p, "%s %ld from %s (%s) to %s (%s): %s",
        strcmp(text_at(doc, "kind"), "dry_run") == 0 ? "dry run" : "cutover",
        count_at(doc, "number"), text_at(doc, "from.name"), text_at(doc, "from.version"),
        text_at(doc, "to.name"), text_at(doc, "to.version"), text_at(doc, "verdict"));
    if (has(doc, "why"))
        say(p, "  because: %s", text_at(doc, "why"));
    say(p, "  ordered by %s at %s; budget %s%s; took %s in all", text_at(doc, "by"),
        text_at(doc, "began"), span_at(doc, "options.budget_ms").text,
        is_true(doc, "options.ask") ? ", asking before the release" : "",
        span_at(doc, "took_ms").text);
    each(p, doc, "words", print_word);
    print_accepted(p, doc);
}

static void print_part(const struct printer *p, const bson_t *row)
{
    say(p, "    %-22s %12s", text_at(row, "part"), span_at(row, "ms").text);
}

static void print_stall(const struct printer *p, const bson_t *doc)
{
    if (!has(doc, "stall"))
        return;
    say(p, "%s", "");
    say(p, "stall, as clients felt it");
    if (has(doc, "stall.gate_closed_ms"))
        say(p, "  the gate was closed for %s", span_at(doc, "stall.gate_closed_ms").text);
    say(p, "  %ld commands and %ld new connections waited: p50 %s, p99 %s, longest %s",
        count_at(doc, "stall.commands"), count_at(doc, "stall.connections"),
        span_at(doc, "stall.p50_ms").text, span_at(doc, "stall.p99_ms").text,
        span_at(doc, "stall.max_ms").text);
    if (count_at(doc, "stall.waiting_still") > 0)
        say(p, "  %ld were without an answer still", count_at(doc, "stall.waiting_still"));
    if (!has(doc, "stall.longest"))
        return;
    say(p, "  the longest: a %s of %s, session %ld", text_at(doc, "stall.longest.kind"),
        has(doc, "stall.longest.user") ? text_at(doc, "stall.longest.user") : "somebody new",
        count_at(doc, "stall.longest.session"));
    each(p, doc, "stall.longest.parts", print_part);
}

static void print_ended(const struct printer *p, const bson_t *row)
{
    say(p, "  %5ld ended, %s: %s%s%s", count_at(row, "count"),
        text_at(row, "user")[0] != '\0' ? text_at(row, "user") : "not logged in",
        text_at(row, "reason"), has(row, "why") ? ", " : "", text_at(row, "why"));
}

static void print_drained(const struct printer *p, const bson_t *row)
{
    say(p, "  %s: %s from %s, after %s", text_at(row, "what"), text_at(row, "user"),
        text_at(row, "client"), span_at(row, "after_ms").text);
}

static void print_sessions(const struct printer *p, const bson_t *doc)
{
    say(p, "%s", "");
    say(p, "sessions: %ld moved, %ld ended, %ld transactions rolled back",
        count_at(doc, "sessions.moved"), count_at(doc, "sessions.ended"),
        count_at(doc, "sessions.transactions_aborted"));
    each(p, doc, "sessions.ended_rows", print_ended);
    if (!has(doc, "drain"))
        return;
    say(p,
        "drain: %ld sessions, %ld at a safe point already, %ld came to one, %ld aborted, %ld "
        "killed, "
        "%ld left by themselves, %ld reading, %ld still open",
        count_at(doc, "drain.sessions"), count_at(doc, "drain.settled"),
        count_at(doc, "drain.ended_well"), count_at(doc, "drain.aborted"),
        count_at(doc, "drain.killed"), count_at(doc, "drain.gone"), count_at(doc, "drain.reading"),
        count_at(doc, "drain.left"));
    each(p, doc, "drain.rows", print_drained);
}

static void print_step(const struct printer *p, const bson_t *row)
{
    bool undone = has(row, "undo_at_ms");
    say(p, "  %-14s %12s %12s  %s%s%s%s%s", text_at(row, "step"),
        has(row, "at_ms") ? span_at(row, "at_ms").text : "-",
        has(row, "took_ms") ? span_at(row, "took_ms").text : "-",
        strcmp(text_at(row, "result"), "done") == 0 ? "" : text_at(row, "result"),
        undone ? " undone at " : "", undone ? span_at(row, "undo_at_ms").text : "",
        undone ? " in " : "", undone ? span_at(row, "undo_took_ms").text : "");
}

static void print_place(const struct printer *p, const bson_t *doc, const char *path,
                        const char *title)
{
    if (has(doc, path))
        say(p, "  %s: %s", title, text_at(doc, path));
}

static void print_fence(const struct printer *p, const bson_t *doc)
{
    if (!has(doc, "fence"))
        return;
    say(p, "%s", "");
    say(p, "fence: %ld accounts locked, %ld direct connections ended; its position %s",
        count_at(doc, "fence.accounts_locked"), count_at(doc, "fence.direct_connections_killed"),
        is_true(doc, "fence.stable") ? "stayed the same" : "DID NOT STAY THE SAME");
    print_place(p, doc, "fence.old_behind_the_fence", "behind the fence");
    print_place(p, doc, "fence.old_when_caught_up", "when the target had caught up");
    print_place(p, doc, "fence.old_at_the_end", "at the end");
    print_place(p, doc, "fence.target_before_anybody_wrote", "the target, before anybody wrote");
    if (has(doc, "fence.catch_up_ms"))
        say(p, "  the target had caught up after %s", span_at(doc, "fence.catch_up_ms").text);
}

static void print_throttle(const struct printer *p, const bson_t *doc)
{
    if (!has(doc, "throttle"))
        return;
    say(p, "%s", "");
    say(p, "slowed: %ld units of work by %s at most, for %s; p50 %s, p99 %s, longest %s",
        count_at(doc, "throttle.units_slowed"), span_at(doc, "throttle.delay_ms").text,
        span_at(doc, "throttle.for_ms").text, span_at(doc, "throttle.p50_ms").text,
        span_at(doc, "throttle.p99_ms").text, span_at(doc, "throttle.max_ms").text);
}

static void print_check(const struct printer *p, const bson_t *row)
{
    say(p, "  check %s: %s, %s, it said: %s", text_at(row, "name"),
        is_true(row, "good") ? "good" : "FAILED", span_at(row, "took_ms").text,
        text_at(row, "said"));
}

static void print_testers(const struct printer *p, const bson_t *doc)
{
    if (!has(doc, "testers"))
        return;
    say(p, "testers: let in at %s, %ld accounts unlocked", span_at(doc, "testers.at_ms").text,
        count_at(doc, "testers.accounts_unlocked"));
    if (has(doc, "testers.out_at_ms"))
        say(p, "  held again at %s, %ld connections killed", span_at(doc, "testers.out_at_ms").text,
            count_at(doc, "testers.connections_killed"));
    if (has(doc, "testers.wrote_what_is_undone"))
        say(p, "  WROTE ON THE TARGET, and the old server lacks it: %s",
            text_at(doc, "testers.wrote_what_is_undone"));
}

static void print_finding(const struct printer *p, const bson_t *row)
{
    if (strcmp(text_at(row, "verdict"), "GO") != 0)
        say(p, "  %s %s: %s", text_at(row, "verdict"), text_at(row, "name"),
            text_at(row, "evidence"));
}

static void print_sample(const struct printer *p, const bson_t *row)
{
    say(p,
        "  %10s %9.0f commands/s %7.1f errors/s, answers p50 %s, p99 %s, %ld sessions, %ld threads "
        "running",
        has(row, "at_ms") ? span_at(row, "at_ms").text : "before", number_at(row, "commands"),
        number_at(row, "errors"), span_at(row, "p50_ms").text, span_at(row, "p99_ms").text,
        count_at(row, "sessions"), count_at(row, "threads_running"));
}

static void print_before(const struct printer *p, const bson_t *doc)
{
    bson_iter_t it;
    bson_t before;
    const uint8_t *data;
    uint32_t n;
    if (!find(doc, "watch.before", &it) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return;
    bson_iter_document(&it, &n, &data);
    if (bson_init_static(&before, data, n))
        print_sample(p, &before);
}

static void print_watch(const struct printer *p, const bson_t *doc)
{
    if (!has(doc, "watch"))
        return;
    say(p, "%s", "");
    say(p, "watch for %s: %ld warnings%s%s", span_at(doc, "watch.ordered_ms").text,
        count_at(doc, "watch.warnings"), has(doc, "watch.ended") ? "; ended: " : "",
        text_at(doc, "watch.ended"));
    print_before(p, doc);
    each(p, doc, "watch.samples", print_sample);
}

static void print_line(const struct printer *p, const bson_t *row)
{
    say(p, "  %12s  %s", span_at(row, "at_ms").text, text_at(row, "line"));
}

static void print_all(const struct printer *p, const bson_t *doc)
{
    print_head(p, doc);
    print_stall(p, doc);
    print_sessions(p, doc);
    print_testers(p, doc);
    say(p, "%s", "");
    say(p, "  %-14s %12s %12s", "step", "at", "took");
    each(p, doc, "timeline", print_step);
    print_fence(p, doc);
    print_throttle(p, doc);
    each(p, doc, "checks", print_check);
    if (has(doc, "preflight")) {
        say(p, "%s", "");
        say(p, "preflight: %s", text_at(doc, "preflight.verdict"));
        each(p, doc, "preflight.rows", print_finding);
    }
    print_watch(p, doc);
    say(p, "%s", "");
    say(p, "what was said");
    each(p, doc, "story", print_line);
}

enum sl_code report_text(const char *json, void (*line)(void *arg, const char *text), void *arg,
                         struct sl_error *err)
{
    struct printer p = {line, arg};
    bson_error_t why;
    bson_t *doc = bson_new_from_json((const uint8_t *)json, (ssize_t)strlen(json), &why);
    if (doc == NULL)
        return sl_fail(err, SL_EPROTO, "not JSON: %s", why.message);
    bool good = number_at(doc, "version") == 1 && text_at(doc, "verdict")[0] != '\0';
    if (good)
        print_all(&p, doc);
    bson_destroy(doc);
    return good ? SL_OK : sl_fail(err, SL_EPROTO, "not a report of a cutover");
}
