// repoint, reload, log level, events, shutdown: what concerns the daemon as a whole.
#include <string.h>

#include "admin/handlers.h"
#include "base/log.h"
#include "config/inspect.h"
#include "config/load.h"

// --- repoint -------------------------------------------------------------------------------------

// The rules are in the daemon's function: the gate must be closed, and the disk comes first.
void run_repoint(struct request *r)
{
    struct sl_error err = {.code = SL_OK};
    struct admin_context *ctx = r->context;
    const char *name = r->call.positionals[0].text;
    bool force = request_option(r, "force")->given;
    if (ctx->repoint(ctx->arg, name, force, &err) != SL_OK) {
        request_fail(r, &err);
        return;
    }
    const struct log_field fields[] = {LOG_STR("backend", name), LOG_BOOL("forced", force),
                                       LOG_STR("owner", r->peer->user)};
    events_publish(r->home->events, "repointed", fields, 3);
    answer_fact(r->answer, "active", "active", cell_text(name));
    request_done(r);
}

// --- reload --------------------------------------------------------------------------------------

static const char *change_name(const struct config_change *c)
{
    switch (c->kind) {
    case CONFIG_CHANGED: return "changed";
    case CONFIG_ADDED: return "added";
    case CONFIG_REMOVED: return "removed";
    }
    return "changed";
}

// What differs and when it counts: a reload that silently does half of the file helps nobody.
static void add_changes(struct answer *a, const struct config *before, const struct config *after)
{
    static const struct column COLUMNS[] = {
        {"key", "key"}, {"change", "change"}, {"effect", "takes effect"}};
    struct config_diff diff;
    config_diff(before, after, &diff);
    answer_table(a, "changes", "changes", COLUMNS, 3);
    for (size_t i = 0; i < diff.count; i++)
        answer_row(a, (struct cell[]){cell_text(diff.items[i].key),
                                      cell_text(change_name(&diff.items[i])),
                                      cell_text(config_effect_name(diff.items[i].effect))});
    if (diff.restarts > 0)
        answer_say(a, "%zu of them only after a restart", diff.restarts);
    config_diff_release(&diff);
}

void run_reload(struct request *r)
{
    struct sl_error err = {.code = SL_OK};
    struct admin_context *ctx = r->context;
    const struct config *before = config_ref(ctx->config);
    if (ctx->reload(ctx->arg, &err) != SL_OK) {
        // Whatever is wrong with the file, the request was in order.
        err.code = err.code == SL_EINVAL ? SL_EIO : err.code;
        request_fail(r, &err);
    } else {
        add_changes(r->answer, before, ctx->config);
        for (size_t i = 0; config_warning(ctx->config, i) != NULL; i++)
            answer_line(r->answer, "warning: %s", config_warning(ctx->config, i));
        request_done(r);
    }
    config_unref(before);
}

// --- log level -----------------------------------------------------------------------------------

// The configuration is not touched: the next reload brings its level back.
void run_log_level(struct request *r)
{
    answer_fact(r->answer, "before", "before", cell_text(log_level_name(log_get_level())));
    if (r->call.positional_count > 0)
        log_set_level((enum log_level)r->call.positionals[0].number);
    answer_fact(r->answer, "level", "level", cell_text(log_level_name(log_get_level())));
    request_done(r);
}

// --- events --------------------------------------------------------------------------------------

// The subscriber is embedded in the request.
static void deliver_event(struct subscriber *s, const struct answer *event)
{
    struct request *r =
        (struct request *)(void *)((char *)s - offsetof(struct request, subscriber));
    request_event(r, event);
}

static void events_left(struct request *r)
{
    events_unsubscribe(r->home->events, &r->subscriber);
    request_release(r);
}

static void events_expired(struct request *r)
{
    request_done(r);
    events_left(r);
}

// Holds itself until the client leaves or its time is over; there is no other end.
void run_events(struct request *r)
{
    r->subscriber.deliver = deliver_event;
    r->leave = events_left;
    r->expired = events_expired;
    request_hold(r);
    events_subscribe(r->home->events, &r->subscriber);
}

// --- shutdown ------------------------------------------------------------------------------------

// The answer goes first: what follows may end this connection.
void run_shutdown(struct request *r)
{
    struct admin_context *ctx = r->context;
    const struct log_field fields[] = {LOG_STR("owner", r->peer->user)};
    events_publish(r->home->events, "shutdown", fields, 1);
    answer_say(r->answer, "shutting down, sessions have up to %lld ms",
               (long long)ctx->config->shutdown_grace_ms);
    request_done(r);
    ctx->shutdown(ctx->arg);
}
