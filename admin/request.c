// The life of a request: from a line to its one answer, in text or JSON, with its audit line.
#include "admin/request.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define ANSWER_MAX ((size_t)256 << 20)      // bytes of one answer, above any real one
#define EVENT_BACKLOG_MAX ((size_t)1 << 20) // bytes a listener may be behind
#define AUDIT_TEXT_MAX 400

// The one place where a code becomes a word of the protocol.
static const struct {
    enum sl_code code;
    const char *kind;
} KINDS[] = {
    {SL_EINVAL, "usage"},     {SL_EDENIED, "denied"},    {SL_ECONFLICT, "refused"},
    {SL_ETIMEOUT, "timeout"}, {SL_ENOTFOUND, "unknown"},
};

static const char *kind_of(enum sl_code code)
{
    for (unsigned i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (KINDS[i].code == code)
            return KINDS[i].kind;
    return "failed";
}

void request_home_init(struct request_home *home)
{
    list_init(&home->requests);
}

// From request_release only, so that nobody down the stack has it.
static void request_free(struct request *r)
{
    events_unsubscribe(r->home->events, &r->subscriber);
    list_remove(&r->home->requests, &r->node);
    if (r->deadline != NULL)
        timer_free(r->deadline);
    answer_free(r->answer);
    words_release(&r->words);
    mem_free((void *)(uintptr_t)r->peer);
    mem_free(r);
}

void request_home_orphan(struct request_home *home)
{
    LIST_FOR_EACH (&home->requests, node, next) {
        LIST_ITEM(node, struct request, node)->leave = NULL;
    }
}

void request_home_release(struct request_home *home)
{
    LIST_FOR_EACH (&home->requests, node, next) {
        request_free(LIST_ITEM(node, struct request, node));
    }
}

void request_hold(struct request *r)
{
    r->holds++;
}

void request_release(struct request *r)
{
    assert(r->holds > 0);
    if (--r->holds == 0 && r->state != REQUEST_RUNNING)
        request_free(r);
}

// --- audit ---------------------------------------------------------------------------------------

// Quoted as it could be typed again, and cut: arguments may be 64 KiB.
static void join_words(const struct words *w, char *out, size_t size)
{
    struct buf text = {.cap = PROTOCOL_LINE_MAX * 2 + PROTOCOL_WORDS_MAX * 4};
    for (unsigned i = 0; i < w->count; i++) {
        if (i > 0)
            buf_u8(&text, ' ');
        words_quote(&text, w->at[i]);
    }
    text_copy(out, size, buf_text(&text));
    text_make_printable(out); // a cut may have split a character
    buf_release(&text);
}

// Who asked for what, and what came of it. Never rate-limited: that is what audit means.
static void audit(const struct request *r, const char *result, const char *reason)
{
    char what[AUDIT_TEXT_MAX];
    if (r->call.command == NULL || !r->call.command->mutating)
        return;
    join_words(&r->words, what, sizeof what);
    const struct log_field fields[] = {
        LOG_STR("command", what),
        LOG_STR("user", r->peer->user),
        LOG_INT("uid", r->peer->uid),
        LOG_INT("pid", r->peer->pid),
        LOG_STR("role", admin_role_name(r->role)),
        LOG_STR("result", result),
        LOG_STR("reason", reason),
        LOG_MS("took_ms", clock_now_ns() - r->began_ns),
    };
    log_emit(NULL, LOG_LEVEL_INFO, "audit", fields, sizeof fields / sizeof fields[0]);
}

// --- the end -------------------------------------------------------------------------------------

// The answer so far is printed also when the command failed: a drain that did not end has counts.
static void print_end(const struct request *r, const char *kind, const char *error, struct buf *out)
{
    if (r->json) {
        answer_print_json(r->answer, kind, error, out);
        return;
    }
    answer_print(r->answer, out);
    if (error == NULL)
        buf_str(out, PROTOCOL_OK "\n");
    else
        buf_printf(out, PROTOCOL_ERR "%s%s\n", strcmp(kind, "usage") == 0 ? PROTOCOL_USAGE : "",
                   error);
}

// `error` NULL: it went well.
static void finish(struct request *r, enum sl_code code, const char *error)
{
    if (r->state != REQUEST_RUNNING)
        return;
    char reason[SL_ERROR_TEXT_MAX] = "";
    if (error != NULL) {
        text_copy(reason, sizeof reason, error);
        text_make_printable(reason); // also keeps it on one line
        error = reason;
    }
    audit(r, error == NULL ? "ok" : kind_of(code), reason);
    struct buf out = {.cap = ANSWER_MAX};
    print_end(r, kind_of(code), error, &out);
    r->state = REQUEST_ANSWERED;
    void *sink = r->sink;
    r->sink = NULL;
    request_cancel_deadline(r);
    r->ops->finish(sink, code, buf_text(&out), out.n);
    buf_release(&out);
}

void request_done(struct request *r)
{
    finish(r, SL_OK, NULL);
}

void request_fail(struct request *r, const struct sl_error *err)
{
    finish(r, err->code, err->text);
}

void request_leave(struct request *r)
{
    if (r->state != REQUEST_RUNNING)
        return;
    audit(r, "left", "the client went away");
    r->state = REQUEST_LEFT;
    r->sink = NULL;
    request_cancel_deadline(r);
    events_unsubscribe(r->home->events, &r->subscriber);
    request_hold(r);
    if (r->leave != NULL)
        r->leave(r);
    request_release(r);
}

// --- on the way ----------------------------------------------------------------------------------

void request_progress(struct request *r, struct answer *a)
{
    if (r->sink != NULL) {
        struct buf out = {.cap = ANSWER_MAX};
        if (r->json) {
            answer_print_json_as(a, "progress", &out);
        } else {
            buf_str(&out, PROTOCOL_PROGRESS);
            answer_print_line(a, &out);
            buf_u8(&out, '\n');
        }
        r->ops->line(r->sink, buf_text(&out), out.n);
        buf_release(&out);
    }
    answer_free(a);
}

// As progress, which is not mistaken for an event.
static void say_dropped(struct request *r)
{
    struct answer *a = answer_new();
    answer_fact(a, "events_dropped", "events left out", cell_number(r->dropped));
    r->dropped = 0;
    request_progress(r, a);
}

void request_event(struct request *r, const struct answer *event)
{
    if (r->sink == NULL)
        return;
    if (r->ops->backlog(r->sink) > EVENT_BACKLOG_MAX) {
        r->dropped++;
        return;
    }
    if (r->dropped > 0)
        say_dropped(r);
    struct buf out = {.cap = ANSWER_MAX};
    if (r->json) {
        answer_print_json_as(event, "event", &out);
    } else {
        event_print(event, &out);
        buf_u8(&out, '\n');
    }
    r->ops->line(r->sink, buf_text(&out), out.n);
    buf_release(&out);
}

// --- the deadline --------------------------------------------------------------------------------

// Held while the hooks run, since each of them may release the last hold.
static void on_deadline(void *arg)
{
    struct request *r = arg;
    struct sl_error err;
    request_hold(r);
    if (r->expired != NULL) {
        r->expired(r);
    } else {
        sl_fail(&err, SL_ETIMEOUT, "the deadline of %s has passed",
                request_option(r, "timeout")->text);
        request_fail(r, &err);
        if (r->leave != NULL)
            r->leave(r);
    }
    request_release(r);
}

void request_cancel_deadline(struct request *r)
{
    if (r->deadline != NULL)
        timer_cancel(r->deadline);
}

// Every row that waits has --timeout; without a value, and without a standard, it waits for ever.
static void start_deadline(struct request *r)
{
    if (!r->call.command->waiting)
        return;
    const struct value *timeout = request_option(r, "timeout");
    if (!timeout->given)
        return;
    r->deadline = timer_new(r->context->loop, on_deadline, r);
    timer_set(r->deadline, timeout->number);
}

const struct value *request_option(const struct request *r, const char *name)
{
    return call_option(&r->call, name);
}

// --- the beginning -------------------------------------------------------------------------------

// --json may stand anywhere before "--"; it is taken out.
static bool take_json(struct words *w)
{
    bool json = false;
    unsigned kept = 0, i = 0;
    for (; i < w->count && strcmp(w->at[i], "--") != 0; i++) {
        if (strcmp(w->at[i], "--json") == 0)
            json = true;
        else
            w->at[kept++] = w->at[i];
    }
    for (; i < w->count; i++)
        w->at[kept++] = w->at[i];
    w->count = kept;
    return json;
}

static struct request *request_new(struct request_home *home, const struct peer *peer,
                                   enum admin_role role, const struct request_sink *ops, void *sink)
{
    struct request *r = mem_zalloc(sizeof *r);
    struct peer *copy = mem_alloc(sizeof *copy);
    *copy = *peer;
    r->home = home;
    r->context = home->context;
    r->peer = copy;
    r->role = role;
    r->ops = ops;
    r->sink = sink;
    r->answer = answer_new();
    r->began_ns = clock_now_ns();
    list_append(&home->requests, &r->node);
    return r;
}

// A line that is too long is a mistake in the request like any other.
static enum sl_code check(struct request *r, const char *line, size_t n, struct sl_error *err)
{
    enum sl_code code = words_split(line, n, &r->words, err);
    if (code != SL_OK)
        return code == SL_ETOOBIG ? sl_fail(err, SL_EINVAL, "%s", err->text) : code;
    r->json = take_json(&r->words);
    return command_check(r->home->table, r->words.at, r->words.count, r->role, &r->call, err);
}

struct request *request_start(struct request_home *home, const struct peer *peer,
                              enum admin_role role, const struct request_sink *ops, void *sink,
                              const char *line, size_t n)
{
    struct sl_error err;
    struct request *r = request_new(home, peer, role, ops, sink);
    request_hold(r);
    if (check(r, line, n, &err) != SL_OK) {
        request_fail(r, &err);
    } else {
        start_deadline(r);
        r->call.command->run(r);
    }
    bool runs = request_is_open(r);
    // A handler that neither answers nor waits would leave its client hanging.
    assert(!runs || r->holds > 1);
    request_release(r);
    return runs ? r : NULL;
}
