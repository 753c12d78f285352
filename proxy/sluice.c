// Wires the daemon: configuration to routes and targets, routes to the traffic, the monitor's
// views to the admin face, signals to reload and shutdown. Everything here is the main thread.
//
//   config ──> routes ──> traffic (workers)        signals, admin ──> reload, repoint, shutdown
//         └──> targets ─> monitor, killer ──> views
#include "sluice.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "admin/context.h"
#include "admin/server.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/inspect.h"
#include "config/load.h"
#include "control/active.h"
#include "control/monitor.h"
#include "credentials.h"
#include "drain/drain.h"
#include "net/loop.h"
#include "mongo.h"
#include "services.h"
#include "session/traffic.h"
#include "stage.h"
#include "targets.h"

struct sluice {
    struct admin_context context; // loop, traffic and config live here
    struct admin *admin;
    struct monitor *monitor;
    struct services *services;
    struct credentials *credentials;
    struct stage *stage;
    struct mongo_stage *mongo;
    struct backend_view views[MONITOR_BACKENDS_MAX];
    int lock; // of the state folder, -1: not held
    bool stopping;
};

// --- from configuration to routes and targets ---------------------------------------------------

static enum sl_code resolve_backend(const struct config_backend *b, struct backend_route *route,
                                    struct sl_error *err)
{
    char host[300];
    bool is_unix = b->address.kind == CONFIG_ADDRESS_UNIX;
    text_copy(route->name, sizeof route->name, b->name);
    route->tls_mode = b->tls.mode;
    route->send_proxy = b->proxy_protocol;
    (void)snprintf(host, sizeof host, "%s%s", is_unix ? "unix:" : "",
                   is_unix ? b->address.path : b->address.host);
    enum sl_code code = address_resolve(host, b->address.port, &route->address, err);
    if (code != SL_OK || b->tls.mode == CONFIG_TLS_DISABLED)
        return code;
    enum tls_verify verify = b->tls.mode == CONFIG_TLS_VERIFY_IDENTITY ? TLS_VERIFY_IDENTITY
                             : b->tls.mode == CONFIG_TLS_VERIFY_CA     ? TLS_VERIFY_CA
                                                                       : TLS_VERIFY_NONE;
    return tls_client_new(verify, b->tls.ca, b->tls.cert, b->tls.key, host, &route->tls, err);
}

static enum sl_code fill_routes(struct routes *r, const struct config *c, const char *active,
                                struct sl_error *err)
{
    r->config = config_ref(c);
    if (c->backends.count > BACKENDS_MAX)
        return sl_fail(err, SL_ETOOBIG, "backends: at most %d", BACKENDS_MAX);
    bool found = false;
    for (size_t i = 0; i < c->backends.count; i++) {
        enum sl_code code = resolve_backend(&c->backends.items[i], &r->backends[r->count++], err);
        if (code != SL_OK)
            return code;
        if (strcmp(c->backends.items[i].name, active) == 0) {
            r->active = (unsigned)i;
            found = true;
        }
    }
    if (!found)
        return sl_fail(err, SL_ECONFLICT,
                       "the active backend is \"%s\", says %s/active, but the configuration has no "
                       "such backend; add it, or repoint first",
                       active, c->state_dir);
    if (c->client_tls.mode == CONFIG_TLS_DISABLED)
        return SL_OK;
    return tls_server_new(c->client_tls.cert, c->client_tls.key, c->client_tls.ca, &r->client_tls,
                          err);
}

// Blocks (files, names): at start, at reload and at a repoint only. NULL on failure.
static struct routes *make_routes(const struct config *c, const char *active, struct sl_error *err)
{
    struct routes *r = mem_zalloc(sizeof *r);
    atomic_init(&r->references, 1);
    if (fill_routes(r, c, active, err) == SL_OK)
        return r;
    routes_unref(r);
    return NULL;
}

static const char *active_name(struct sluice *s)
{
    struct routes *r = traffic_routes(s->context.traffic);
    return r->backends[r->active].name;
}

static enum sl_code set_targets(struct sluice *s, const struct config *c, struct sl_error *err)
{
    struct control_target targets[BACKENDS_MAX];
    enum sl_code code = targets_make(c, targets, err);
    if (code != SL_OK)
        return code;
    services_set_targets(s->services, targets, (unsigned)c->backends.count);
    monitor_set_targets(s->monitor, targets, (unsigned)c->backends.count);
    credentials_set_targets(s->credentials, targets, (unsigned)c->backends.count, active_name(s));
    explicit_bzero(targets, sizeof targets);
    return SL_OK;
}

// Two daemons on one state folder would share ports (SO_REUSEPORT) and disagree on the active
// backend.
static enum sl_code lock_state(struct sluice *s, struct sl_error *err)
{
    char path[4096];
    const char *folder = s->context.config->state_dir;
    enum sl_code code = file_make_folder(folder, 0750, err);
    if (code != SL_OK)
        return code;
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    s->lock = file_lock(path, err);
    if (s->lock == SL_ECONFLICT)
        return sl_fail(err, SL_ECONFLICT, "another sluice runs with state_dir %s", folder);
    return s->lock < 0 ? (enum sl_code)s->lock : SL_OK;
}

static enum sl_code find_active(const struct config *c, char *name, size_t size,
                                struct sl_error *err)
{
    enum sl_code code = active_load(c->state_dir, name, size, err);
    if (code != SL_ENOTFOUND)
        return code;
    text_copy(name, size, c->active);
    return active_store(c->state_dir, name, err);
}

// --- what others ask for ------------------------------------------------------------------------

static void log_restarts(const struct config *from, const struct config *to)
{
    struct config_diff diff;
    config_diff(from, to, &diff);
    for (size_t i = 0; i < diff.count; i++)
        LOG_INFO("config_changed", LOG_STR("key", diff.items[i].key),
                 LOG_STR("effect", config_effect_name(diff.items[i].effect)));
    config_diff_release(&diff);
}

static enum sl_code check_files(const struct config *c, struct sl_error *err)
{
    struct config_errors errors = {0};
    enum sl_code code = config_check_files(c, &errors);
    if (code != SL_OK)
        (void)sl_fail(err, code, "%s", errors.items[0].text);
    config_errors_release(&errors);
    return code;
}

static enum sl_code reload(void *arg, struct sl_error *err)
{
    struct sluice *s = arg;
    const struct config *c = config_load(s->context.config_path, err);
    if (c == NULL)
        return SL_EINVAL;
    struct routes *r = NULL;
    enum sl_code code = check_files(c, err);
    if (code == SL_OK && (r = make_routes(c, active_name(s), err)) == NULL)
        code = SL_EINVAL;
    if (code == SL_OK)
        code = set_targets(s, c, err);
    if (code != SL_OK) {
        routes_unref(r);
        config_unref(c);
        return code;
    }
    log_restarts(s->context.config, c);
    traffic_set_routes(s->context.traffic, r);
    routes_unref(r);
    config_unref(s->context.config);
    s->context.config = c;
    // The files were good a moment ago; whether sluice learns may have changed with the routes.
    if (credentials_configure(s->credentials, c, err) != SL_OK)
        LOG_WARN("accounts_kept", LOG_STR("error", err->text));
    credentials_refresh(s->credentials);
    log_configure(c->log.level, c->log.format);
    admin_reloaded(s->admin);
    LOG_INFO("reloaded", LOG_STR("file", s->context.config_path));
    return SL_OK;
}

static enum sl_code repoint(void *arg, const char *name, bool force, struct sl_error *err)
{
    struct sluice *s = arg;
    if (config_find_backend(s->context.config, name) == NULL)
        return sl_fail(err, SL_ENOTFOUND, "there is no backend \"%s\"", name);
    if (!gate_is_closed(traffic_gate(s->context.traffic)) && !force)
        return sl_fail(err, SL_ECONFLICT,
                       "the gate is open: pause first, or repoint --force and lose what is open");
    struct routes *r = make_routes(s->context.config, name, err);
    if (r == NULL)
        return SL_EIO;
    enum sl_code code = active_store(s->context.config->state_dir, name, err);
    if (code == SL_OK) {
        LOG_INFO("repointed", LOG_STR("from", active_name(s)), LOG_STR("to", name));
        traffic_set_routes(s->context.traffic, r);
        credentials_set_active(s->credentials, name);
    }
    routes_unref(r);
    return code;
}

static enum sl_code order_cutover(void *arg, const struct cutover_order *order,
                                  struct sl_error *err)
{
    struct sluice *s = arg;
    enum sl_code code = mongo_stage_check_idle(s->mongo, err);
    return code == SL_OK ? stage_order(s->stage, active_name(s), order, err) : code;
}

static enum sl_code forget_cutover(void *arg, struct sl_error *err)
{
    struct sluice *s = arg;
    return stage_forget(s->stage, err);
}

static void follow_cutover(void *arg, const struct conductor_status *how)
{
    struct sluice *s = arg;
    mongo_stage_follow(s->mongo, how);
}

static enum sl_code order_mongo(void *arg, const struct mongo_order *order, struct sl_error *err)
{
    struct sluice *s = arg;
    return mongo_stage_order(s->mongo, order, err);
}

static enum sl_code look_mongo(void *arg, struct sl_error *err)
{
    struct sluice *s = arg;
    return mongo_stage_look(s->mongo, err);
}

static enum sl_code forget_mongo(void *arg, struct sl_error *err)
{
    struct sluice *s = arg;
    return mongo_stage_forget(s->mongo, err);
}

static void list_accounts(void *arg, void (*each)(void *each_arg, const struct account_row *row),
                          void *each_arg)
{
    struct sluice *s = arg;
    credentials_list(s->credentials, each, each_arg);
}

static void stopped(void *arg)
{
    struct sluice *s = arg;
    loop_stop(s->context.loop);
}

// No manoeuvre is under way any more.
static void shut_down(void *arg)
{
    struct sluice *s = arg;
    drain_cancel(s->context.traffic);
    traffic_shutdown(s->context.traffic, s->context.config->shutdown_grace_ms * NS_PER_MS, stopped,
                     s);
}

static void stop_mongo(void *arg)
{
    struct sluice *s = arg;
    mongo_stage_stop(s->mongo, shut_down, s);
}

static void begin_shutdown(void *arg)
{
    struct sluice *s = arg;
    if (s->stopping)
        return;
    s->stopping = true;
    (void)sd_notify(0, "STOPPING=1");
    LOG_INFO("stopping", LOG_MS("grace_ms", s->context.config->shutdown_grace_ms * NS_PER_MS));
    stage_stop(s->stage, stop_mongo, s);
}

static void on_signal(void *arg, int signo)
{
    struct sl_error err = {0};
    if (signo != SIGHUP) {
        begin_shutdown(arg);
        return;
    }
    (void)sd_notify(0, "RELOADING=1");
    if (reload(arg, &err) != SL_OK)
        LOG_ERROR("reload_failed", LOG_STR("why", err.text), LOG_STR("so", "nothing has changed"));
    (void)sd_notify(0, "READY=1");
}

static void backends_seen(void *arg, const struct backend_view *views, unsigned count)
{
    struct sluice *s = arg;
    memcpy(s->views, views, count * sizeof *views);
    s->context.views = s->views;
    s->context.view_count = count;
    if (s->admin != NULL)
        admin_backends_seen(s->admin);
}

// --- life ---------------------------------------------------------------------------------------

static enum sl_code start_control(struct sluice *s, struct sl_error *err)
{
    enum sl_code code = services_new(&s->services, err);
    if (code == SL_OK)
        code = monitor_new(s->context.loop, backends_seen, s, &s->monitor, err);
    return code;
}

static enum sl_code start_traffic(struct sluice *s, struct sl_error *err)
{
    char active[CONFIG_BACKEND_NAME_MAX + 1];
    enum sl_code code = find_active(s->context.config, active, sizeof active, err);
    if (code != SL_OK)
        return code;
    struct routes *r = make_routes(s->context.config, active, err);
    if (r == NULL)
        return SL_EINVAL;
    code = traffic_new(s->context.loop, r, stage_closed_at_start(s->context.config),
                       &s->context.traffic, err);
    routes_unref(r);
    if (code != SL_OK)
        return code;
    if (s->context.config->control.user != NULL)
        services_offer(s->services, s->context.traffic);
    return SL_OK;
}

// Needs both of the above.
static enum sl_code start_credentials(struct sluice *s, struct sl_error *err)
{
    s->credentials = credentials_new(s->context.loop, s->context.traffic, &s->context.accounts);
    enum sl_code code = credentials_configure(s->credentials, s->context.config, err);
    if (code == SL_OK)
        code = set_targets(s, s->context.config, err);
    if (code == SL_OK)
        credentials_wait(s->credentials);
    return code;
}

static enum sl_code on_signals(struct sluice *s, struct sl_error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (loop_on_signal(s->context.loop, signals[i], on_signal, s) != SL_OK)
            return sl_fail(err, SL_EIO, "cannot handle signal %d", signals[i]);
    return SL_OK;
}

static enum sl_code start(struct sluice *s, struct sl_error *err)
{
    enum sl_code code = check_files(s->context.config, err);
    if (code == SL_OK)
        code = lock_state(s, err);
    if (code == SL_OK)
        code = loop_new("main", s, &s->context.loop, err);
    if (code == SL_OK)
        code = on_signals(s, err);
    if (code == SL_OK)
        code = start_control(s, err);
    if (code == SL_OK)
        code = start_traffic(s, err);
    if (code == SL_OK)
        code = start_credentials(s, err);
    if (code != SL_OK)
        return code;
    s->stage = stage_new(&s->context, s->credentials);
    s->mongo = mongo_stage_new(&s->context);
    stage_set_follower(s->stage, follow_cutover, s);
    code = admin_new(&s->context, &s->admin, err);
    if (code != SL_OK)
        return code;
    stage_set_admin(s->stage, s->admin);
    mongo_stage_set_admin(s->mongo, s->admin);
    stage_look_back(s->stage, active_name(s));
    mongo_stage_look_back(s->mongo);
    return code;
}

enum sl_code sluice_new(const char *path, struct sluice **out, struct sl_error *err)
{
    struct sluice *s = mem_zalloc(sizeof *s);
    s->lock = -1;
    s->context.config_path = path;
    s->context.version = SLUICE_VERSION;
    s->context.started_ns = clock_now_ns();
    s->context.started_wall_us = clock_wall_us();
    s->context.arg = s;
    s->context.reload = reload;
    s->context.shutdown = begin_shutdown;
    s->context.repoint = repoint;
    s->context.cutover = order_cutover;
    s->context.forget_cutover = forget_cutover;
    s->context.order_mongo = order_mongo;
    s->context.look_mongo = look_mongo;
    s->context.forget_mongo = forget_mongo;
    s->context.list_accounts = list_accounts;
    s->context.config = config_load(path, err);
    enum sl_code code = s->context.config == NULL ? SL_EINVAL : SL_OK;
    if (code == SL_OK) {
        log_configure(s->context.config->log.level, s->context.config->log.format);
        for (size_t i = 0; config_warning(s->context.config, i) != NULL; i++)
            LOG_WARN("config_warning", LOG_STR("what", config_warning(s->context.config, i)));
        code = start(s, err);
    }
    if (code != SL_OK) {
        sluice_free(s);
        return code;
    }
    *out = s;
    return SL_OK;
}

void sluice_run(struct sluice *s)
{
    LOG_INFO("ready", LOG_STR("version", SLUICE_VERSION), LOG_STR("active", active_name(s)),
             LOG_U64("workers", traffic_workers(s->context.traffic)),
             LOG_U64("backends", s->context.config->backends.count));
    (void)sd_notify(0, "READY=1");
    loop_run(s->context.loop);
    LOG_INFO("stopped");
}

void sluice_free(struct sluice *s)
{
    // No session is left, so that nobody asks the services any more; but they may still owe the
    // workers an answer. The main loop goes last: everybody posts to it.
    stage_free(s->stage);
    mongo_stage_free(s->mongo);
    services_free(s->services);
    credentials_free(s->credentials);
    traffic_free(s->context.traffic);
    if (s->admin != NULL)
        admin_free(s->admin);
    if (s->monitor != NULL)
        monitor_free(s->monitor);
    if (s->context.loop != NULL)
        loop_free(s->context.loop);
    config_unref(s->context.config);
    if (s->lock >= 0)
        close(s->lock);
    mem_free(s);
}
