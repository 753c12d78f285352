// All workers as one thing: starting, routes, the gate, counters, stopping. Main thread.
#include "session/traffic.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/confirm.h"
#include "session/fleet.h"

struct routes *routes_ref(struct routes *r)
{
    atomic_fetch_add_explicit(&r->references, 1u, memory_order_relaxed);
    return r;
}

unsigned routes_find(const struct routes *r, const char *name)
{
    unsigned i = 0;
    while (i < r->count && strcmp(r->backends[i].name, name) != 0)
        i++;
    return i;
}

void routes_unref(struct routes *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->references, 1u, memory_order_acq_rel) != 1)
        return;
    tls_unref(r->client_tls);
    for (unsigned i = 0; i < r->count; i++)
        tls_unref(r->backends[i].tls);
    config_unref(r->config);
    mem_free(r);
}

struct routes *traffic_routes(struct traffic *t)
{
    return t->routes;
}

unsigned traffic_workers(const struct traffic *t)
{
    return t->worker_count;
}

struct rsa_key *traffic_rsa_key(struct traffic *t)
{
    return t->rsa;
}

const struct gate *traffic_gate(const struct traffic *t)
{
    return &t->gate;
}

struct vault *traffic_vault(struct traffic *t)
{
    return atomic_load_explicit(&t->learning, memory_order_acquire);
}

void traffic_set_namer(struct traffic *t, const struct namer *n)
{
    t->namer = *n;
}

void traffic_set_holder(struct traffic *t, const struct holder *h)
{
    confirm_set_holder(t->confirm, h);
}

bool traffic_is_mixed(const struct traffic *t)
{
    return atomic_load_explicit(&t->repointed, memory_order_relaxed);
}

void traffic_set_killer(struct traffic *t, const struct killer *k)
{
    t->killer = *k;
    for (unsigned i = 0; i < t->worker_count; i++)
        t->workers[i]->killer = &t->killer;
}

// --- starting -----------------------------------------------------------------------------------

static unsigned worker_number(const struct config *c)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = c->workers != 0 ? c->workers : cores > 0 ? (unsigned)cores : 1;
    return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static enum sl_code listen_unix(struct traffic *t, const struct address *a, struct sl_error *err)
{
    int fd = listener_open(a, false, 0777, err);
    if (fd < 0)
        return (enum sl_code)fd;
    for (unsigned i = 0; i < t->worker_count; i++)
        worker_listen(t->workers[i], i == 0 ? fd : dup(fd), true);
    return SL_OK;
}

static enum sl_code listen_tcp(struct traffic *t, const struct address *a, struct sl_error *err)
{
    // SO_REUSEPORT would let a second daemon share the port in silence: try it alone first.
    int alone = listener_open(a, false, 0, err);
    if (alone < 0)
        return (enum sl_code)alone;
    close(alone);
    for (unsigned i = 0; i < t->worker_count; i++) {
        int fd = listener_open(a, true, 0, err);
        if (fd < 0)
            return (enum sl_code)fd;
        conn_set_options(fd, a->sa.ss_family, (int)(t->routes->config->tcp_keepalive_ms / 1000));
        worker_listen(t->workers[i], fd, true);
    }
    return SL_OK;
}

static enum sl_code open_listeners(struct traffic *t, struct sl_error *err)
{
    const struct config_addresses *listen = &t->routes->config->listen;
    if (listen->count > LISTENERS_MAX)
        return sl_fail(err, SL_ETOOBIG, "listen: at most %d addresses", LISTENERS_MAX);
    for (size_t i = 0; i < listen->count; i++) {
        const struct config_address *c = &listen->items[i];
        struct address a;
        char host[256];
        (void)snprintf(host, sizeof host, "%s%s", c->kind == CONFIG_ADDRESS_UNIX ? "unix:" : "",
                       c->kind == CONFIG_ADDRESS_UNIX ? c->path : c->host);
        enum sl_code code = address_resolve(host, c->port, &a, err);
        if (code == SL_OK)
            code = address_is_unix(&a) ? listen_unix(t, &a, err) : listen_tcp(t, &a, err);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

static void gate_deadline(void *arg);

// A secret takes a few dozen bytes; what does not fit is not learned.
#define VAULT_BYTES ((size_t)1 << 20)

static enum sl_code open_vault(struct traffic *t, struct sl_error *err)
{
    bool locked = true;
    enum sl_code code = vault_new(VAULT_BYTES, &t->vault, &locked, err);
    if (code == SL_OK && !locked)
        LOG_WARN("secrets_not_locked", LOG_STR("why", "RLIMIT_MEMLOCK is too small"));
    return code;
}

// As the configuration says. Sessions refer to what is in the vault, so that it stays, but empty.
static enum sl_code set_learning(struct traffic *t, struct sl_error *err)
{
    bool on = t->routes->config->auth.learn;
    enum sl_code code = on && t->vault == NULL ? open_vault(t, err) : SL_OK;
    atomic_store(&t->learning, on ? t->vault : NULL);
    if (t->vault != NULL) {
        vault_set_learning(t->vault, on);
        vault_forgive(t->vault);
    }
    return code;
}

static enum sl_code start(struct traffic *t, const char *closed, struct sl_error *err)
{
    enum sl_code code = rsa_key_new(&t->rsa, err);
    if (code == SL_OK)
        code = set_learning(t, err);
    unsigned want = worker_number(t->routes->config);
    while (code == SL_OK && t->worker_count < want) {
        code = worker_new(t, t->worker_count, t->routes, &t->workers[t->worker_count], err);
        if (code == SL_OK)
            t->worker_count++;
    }
    if (code == SL_OK)
        code = open_listeners(t, err);
    if (code == SL_OK && closed != NULL)
        code = gate_close(&t->gate, closed, "the start", clock_now_ns(), 0, err);
    for (unsigned i = 0; i < t->worker_count; i++)
        t->workers[i]->gate_closed = gate_is_closed(&t->gate);
    for (unsigned i = 0; code == SL_OK && i < t->worker_count; i++)
        code = loop_start(t->workers[i]->loop, err);
    return code;
}

enum sl_code traffic_new(struct loop *main_loop, struct routes *routes, const char *closed,
                         struct traffic **out, struct sl_error *err)
{
    struct traffic *t = mem_zalloc(sizeof *t);
    t->main_loop = main_loop;
    t->routes = routes_ref(routes);
    t->warm = BACKEND_NONE;
    gate_init(&t->gate);
    t->gate_timer = timer_new(main_loop, gate_deadline, t);
    t->confirm = confirm_new(t);
    enum sl_code code = start(t, closed, err);
    if (code != SL_OK) {
        traffic_free(t);
        return code;
    }
    *out = t;
    return SL_OK;
}

// --- routes -------------------------------------------------------------------------------------

struct routes_round {
    struct round round;
    struct routes *routes;
};

static void visit_routes(struct worker *w, struct round *r)
{
    worker_set_routes(w, ((struct routes_round *)(void *)r)->routes);
}

static void done_routes(struct round *r)
{
    routes_unref(((struct routes_round *)(void *)r)->routes);
    mem_free(r);
}

// The backend that is kept warm, in new routes; the one that becomes active needs it no more.
static unsigned find_same(const struct routes *from, unsigned index, const struct routes *to)
{
    unsigned same = index < from->count ? routes_find(to, from->backends[index].name) : to->count;
    return same < to->count && same != to->active ? same : BACKEND_NONE;
}

void traffic_set_routes(struct traffic *t, struct routes *routes)
{
    struct routes_round *r = mem_zalloc(sizeof *r);
    r->round.visit = visit_routes;
    r->round.done = done_routes;
    r->routes = routes_ref(routes);
    // A reload that leaves the active backend where it is leaves the ids of clients where they are.
    if (routes_find(routes, t->routes->backends[t->routes->active].name) != routes->active)
        atomic_store_explicit(&t->repointed, true, memory_order_relaxed);
    t->warm = find_same(t->routes, t->warm, routes);
    routes_unref(t->routes);
    t->routes = routes_ref(routes);
    struct sl_error err = {0};
    if (set_learning(t, &err) != SL_OK)
        LOG_ERROR("learning_off", LOG_STR("error", err.text));
    round_start(t, &r->round);
}

// --- the gate -----------------------------------------------------------------------------------

struct gate_round {
    struct round round;
    struct gate gate; // as it is now
    int64_t began_ns;
    void (*paused)(void *arg, int64_t took_ns);
    void (*resumed)(void *arg);
    void *arg;
};

static void visit_gate(struct worker *w, struct round *r)
{
    const struct gate *gate = &((struct gate_round *)(void *)r)->gate;
    if (gate_is_closed(gate))
        worker_close_gate(w, gate);
    else if (w->gate_closed)
        worker_open_gate(w);
}

static void done_gate(struct round *r)
{
    struct gate_round *g = (struct gate_round *)(void *)r;
    if (g->paused != NULL)
        g->paused(g->arg, clock_now_ns() - g->began_ns);
    if (g->resumed != NULL)
        g->resumed(g->arg);
    gate_release(&g->gate);
    mem_free(g);
}

// Tells the workers how the gate stands now.
static void publish_gate(struct traffic *t, void (*paused)(void *, int64_t),
                         void (*resumed)(void *), void *arg)
{
    struct gate_round *g = mem_zalloc(sizeof *g);
    g->round.visit = visit_gate;
    g->round.done = done_gate;
    gate_copy(&g->gate, &t->gate);
    g->began_ns = clock_now_ns();
    g->paused = paused;
    g->resumed = resumed;
    g->arg = arg;
    int64_t deadline = gate_next_deadline(&t->gate);
    timer_cancel(t->gate_timer);
    if (deadline != 0)
        timer_set(t->gate_timer, deadline > g->began_ns ? deadline - g->began_ns : 0);
    bool closed = gate_is_closed(&g->gate);
    round_start(t, &g->round);
    if (closed || traffic_is_mixed(t)) // both have noted whom to ask about
        confirm_run(t->confirm, closed);
}

static void gate_deadline(void *arg)
{
    struct traffic *t = arg;
    if (gate_expire(&t->gate, clock_now_ns()) > 0)
        LOG_WARN("gate_reason_expired", LOG_U64("reasons_left", t->gate.count));
    publish_gate(t, NULL, NULL, NULL);
}

enum sl_code traffic_pause(struct traffic *t, const char *reason, const char *owner, int64_t for_ns,
                           void (*done)(void *arg, int64_t took_ns), void *arg,
                           struct sl_error *err)
{
    int64_t now = clock_now_ns();
    enum sl_code code =
        gate_close(&t->gate, reason, owner, now, for_ns > 0 ? now + for_ns : 0, err);
    if (code != SL_OK)
        return code;
    LOG_INFO("gate_closed", LOG_STR("reason", reason), LOG_STR("owner", owner),
             LOG_MS("for_ms", for_ns));
    publish_gate(t, done, NULL, arg);
    return SL_OK;
}

enum sl_code traffic_except(struct traffic *t, const char *reason, struct gate_exceptions *x,
                            void (*done)(void *arg), void *arg, struct sl_error *err)
{
    enum sl_code code = gate_except(&t->gate, reason, x, err);
    if (code != SL_OK)
        return code;
    LOG_INFO("gate_exceptions", LOG_STR("reason", reason),
             LOG_U64("exceptions", gate_exceptions_count(x)));
    publish_gate(t, NULL, done, arg);
    return SL_OK;
}

enum sl_code traffic_resume(struct traffic *t, const char *reason, void (*done)(void *arg),
                            void *arg, struct sl_error *err)
{
    enum sl_code code = gate_open(&t->gate, reason, err);
    if (code != SL_OK)
        return code;
    LOG_INFO("gate_reason_ended", LOG_STR("reason", reason != NULL ? reason : "all"),
             LOG_U64("reasons_left", t->gate.count));
    publish_gate(t, NULL, done, arg);
    return SL_OK;
}

// --- counters -----------------------------------------------------------------------------------

#define READ(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void add_worker(struct traffic_stats *out, struct worker *w)
{
    struct worker_counters *c = &w->counters;
#define X(name) out->name += READ(c->name);
    WORKER_COUNTERS(X)
#undef X
    for (unsigned i = 0; i < SESSION_STATE_COUNT; i++) {
        out->by_state[i] += READ(c->by_state[i]);
        out->sessions += READ(c->by_state[i]);
    }
    out->lost_now += READ(c->lost_now);
    for (unsigned i = 0; i < BACKENDS_MAX; i++)
        out->by_backend[i] += READ(c->by_backend[i]);
    for (unsigned i = 0; i < ERROR_CLASS_COUNT; i++)
        out->by_error[i] += READ(c->by_error[i]);
    int64_t hold = READ(c->longest_hold_ns), answer = READ(c->longest_answer_ns);
    int64_t move = READ(c->longest_move_ns);
    out->longest_hold_ns = hold > out->longest_hold_ns ? hold : out->longest_hold_ns;
    out->longest_answer_ns = answer > out->longest_answer_ns ? answer : out->longest_answer_ns;
    out->longest_move_ns = move > out->longest_move_ns ? move : out->longest_move_ns;
}

void traffic_counters(struct traffic *t, struct traffic_stats *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned i = 0; i < t->worker_count; i++)
        add_worker(out, t->workers[i]);
}

void traffic_stats(struct traffic *t, struct traffic_stats *out)
{
    traffic_counters(t, out);
    for (unsigned i = 0; i < t->worker_count; i++) {
        int64_t turn = loop_worst_turn_ns(t->workers[i]->loop);
        out->worst_turn_ns = turn > out->worst_turn_ns ? turn : out->worst_turn_ns;
    }
}

void traffic_stats_reset_longest(struct traffic *t)
{
    for (unsigned i = 0; i < t->worker_count; i++) {
        atomic_store_explicit(&t->workers[i]->counters.longest_hold_ns, 0, memory_order_relaxed);
        atomic_store_explicit(&t->workers[i]->counters.longest_answer_ns, 0, memory_order_relaxed);
        atomic_store_explicit(&t->workers[i]->counters.longest_move_ns, 0, memory_order_relaxed);
    }
}

// --- stopping -----------------------------------------------------------------------------------

struct stop_round {
    struct round round;
    bool force;
};

static void visit_stop(struct worker *w, struct round *r)
{
    worker_stop_listening(w);
    worker_stop_sessions(w, ((struct stop_round *)(void *)r)->force);
}

static void ask_to_stop(struct traffic *t, bool force);

// Sessions end by themselves after the first round: look again until none is left.
#define STOP_LOOK_NS (20 * NS_PER_MS)

static void look_again(void *arg)
{
    struct traffic *t = arg;
    struct traffic_stats stats;
    traffic_stats(t, &stats);
    if (stats.sessions == 0) {
        t->stopped(t->stopped_arg);
        return;
    }
    t->grace_left_ns -= STOP_LOOK_NS;
    if (t->grace_left_ns <= 0 && !t->stop_forced) {
        t->stop_forced = true;
        ask_to_stop(t, true);
        return;
    }
    timer_set(t->grace, STOP_LOOK_NS);
}

static void done_stop(struct round *r)
{
    struct traffic *t = r->traffic;
    mem_free(r);
    look_again(t);
}

static void ask_to_stop(struct traffic *t, bool force)
{
    struct stop_round *r = mem_zalloc(sizeof *r);
    r->round.visit = visit_stop;
    r->round.done = done_stop;
    r->force = force;
    round_start(t, &r->round);
}

void traffic_shutdown(struct traffic *t, int64_t grace_ns, void (*done)(void *arg), void *arg)
{
    t->stopped = done;
    t->stopped_arg = arg;
    t->grace_left_ns = grace_ns;
    t->stop_forced = grace_ns <= 0;
    t->grace = timer_new(t->main_loop, look_again, t);
    ask_to_stop(t, t->stop_forced);
}

void traffic_free(struct traffic *t)
{
    if (t == NULL)
        return;
    for (unsigned i = 0; i < t->worker_count; i++) {
        loop_stop(t->workers[i]->loop);
        loop_join(t->workers[i]->loop);
    }
    for (unsigned i = 0; i < t->worker_count; i++) {
        worker_stop_listening(t->workers[i]);
        worker_free(t->workers[i]);
    }
    confirm_free(t->confirm);
    gate_release(&t->gate);
    timer_free(t->gate_timer);
    if (t->grace != NULL)
        timer_free(t->grace);
    vault_free(t->vault);
    rsa_key_free(t->rsa);
    routes_unref(t->routes);
    mem_free(t);
}
