// The admin face as a whole: opens the socket, takes clients, looks once a second at what changes
// by itself.
#include "admin/server.h"

#include <string.h>
#include <unistd.h>

#include "admin/handlers.h"
#include "admin/http.h"
#include "admin/server_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/address.h"

static void on_accepted(void *arg, int fd, const struct address *peer)
{
    (void)peer; // unix sockets have none
    client_accept(arg, fd);
}

static void on_tick(void *arg)
{
    struct admin *a = arg;
    struct traffic_stats stats;
    traffic_stats(a->context->traffic, &stats);
    rates_fold(&a->rates, &stats);
    rates_add(&a->rates, &stats, loop_now_ns(a->context->loop));
    // A reason whose deadline has passed ends without a command.
    events_look_at_gate(&a->events, traffic_gate(a->context->traffic));
    timer_set(a->tick, NS_PER_S);
}

static enum sl_code open_socket(struct admin *a, struct sl_error *err)
{
    const struct config_admin *conf = &a->context->config->admin;
    struct address address;
    char host[CONFIG_UNIX_PATH_MAX + 6] = "unix:";
    text_copy(host + 5, sizeof host - 5, conf->socket);
    text_copy(a->socket_path, sizeof a->socket_path, conf->socket);
    enum sl_code code = address_resolve(host, 0, &address, err);
    if (code != SL_OK)
        return code;
    int fd = listener_open(&address, false, (unsigned)conf->mode, err);
    if (fd < 0)
        return (enum sl_code)fd;
    a->listener = listener_new(a->context->loop, fd, true, on_accepted, a);
    a->scope = role_scope_of(a->socket_path);
    return SL_OK;
}

enum sl_code admin_new(struct admin_context *context, struct admin **out, struct sl_error *err)
{
    struct admin *a = mem_zalloc(sizeof *a);
    a->context = context;
    list_init(&a->clients);
    list_init(&a->leaving);
    events_init(&a->events);
    a->home = (struct request_home){
        .context = context, .events = &a->events, .rates = &a->rates, .table = command_table()};
    request_home_init(&a->home);
    enum sl_code code = open_socket(a, err);
    if (code == SL_OK)
        code = http_new(context, &a->home, &a->http, err);
    if (code != SL_OK) {
        admin_free(a);
        return code;
    }
    a->tick = timer_new(context->loop, on_tick, a);
    timer_set(a->tick, 0);
    *out = a;
    return SL_OK;
}

void admin_free(struct admin *a)
{
    if (a == NULL)
        return;
    request_home_orphan(&a->home);
    http_free(a->http);
    LIST_FOR_EACH (&a->clients, node, next) {
        client_drop(node);
    }
    LIST_FOR_EACH (&a->leaving, node, next) {
        client_drop_leaving(node);
    }
    request_home_release(&a->home);
    if (a->tick != NULL)
        timer_free(a->tick);
    if (a->listener != NULL) {
        listener_free(a->listener);
        unlink(a->socket_path);
    }
    mem_free(a);
}

void admin_publish(struct admin *a, const char *event, const struct log_field *fields, size_t count)
{
    events_publish(&a->events, event, fields, count);
}

void admin_backends_seen(struct admin *a)
{
    events_look_at_backends(&a->events, a->context->views, a->context->view_count);
}

void admin_cutover_said(struct admin *a, int64_t at_ns, const char *line)
{
    cutover_said(&a->home, at_ns, line);
}

void admin_cutover_ended(struct admin *a, const struct conductor_status *how)
{
    cutover_ended(&a->home, how);
}

void admin_mongo_said(struct admin *a, int64_t at_ns, const char *line)
{
    mongo_said(&a->home, at_ns, line);
}

void admin_mongo_ended(struct admin *a, const struct mongo_status *how)
{
    mongo_ended(&a->home, how);
}

void admin_mongo_seen(struct admin *a, const struct mongo_set *set, const struct sl_error *err)
{
    mongo_seen(&a->home, set, err);
}

void admin_cutover_watched(struct admin *a, const struct conductor_status *how)
{
    cutover_watched(&a->home, how);
}

void admin_reloaded(struct admin *a)
{
    a->scope = role_scope_of(a->socket_path);
    http_reloaded(a->http);
    ADMIN_PUBLISH(a, "reloaded", LOG_STR("file", a->context->config_path));
}
