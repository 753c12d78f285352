// A worker's own affairs: accepting, limits, deadlines, and starting and stopping its thread.
// What the gate does to its sessions is in hold.c.
#include "session/worker.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/fleet.h"
#include "session/login.h"
#include "session/move.h"

void worker_count_backend(struct worker *w, unsigned backend, int by)
{
    if (backend >= BACKENDS_MAX)
        return;
    _Atomic unsigned *n = &w->counters.by_backend[backend];
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + (unsigned)by,
                          memory_order_relaxed);
}

static unsigned sum_states(const struct worker *w, unsigned from, unsigned to)
{
    const struct traffic *t = w->traffic;
    unsigned sum = 0;
    for (unsigned i = 0; i < t->worker_count; i++)
        for (unsigned s = from; s < to; s++)
            sum += atomic_load_explicit(&t->workers[i]->counters.by_state[s], memory_order_relaxed);
    return sum;
}

bool worker_too_many_sessions(const struct worker *w)
{
    return sum_states(w, 0, SESSION_CLOSING) > w->routes->config->max_sessions;
}

bool worker_too_many_held(const struct worker *w)
{
    unsigned held = sum_states(w, SESSION_WAITING, SESSION_WAITING + 1) +
                    sum_states(w, SESSION_HELD, SESSION_HELD + 1);
    return held > w->routes->config->hold.max_sessions;
}

void worker_accepted(struct worker *w, int fd, const struct address *peer)
{
    if (w->stopping) {
        close(fd);
        return;
    }
    COUNT(w, accepted, 1);
    struct session *s = session_new(w, fd, peer);
    login_begin(s, peer);
}

// --- deadlines ----------------------------------------------------------------------------------

void worker_arm_tick(struct worker *w)
{
    if (!timer_pending(w->tick))
        timer_set(w->tick, TICK_NS);
}

static void check_waiting(struct worker *w, int64_t now)
{
    const struct config *c = w->routes->config;
    LIST_FOR_EACH (&w->waiting, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        bool proxy = s->login->step == STEP_PROXY;
        int64_t limit = (proxy ? c->login_timeout_ms : c->hold.max_ms) * NS_PER_MS;
        if (now - s->born_ns < limit)
            continue;
        if (!proxy)
            COUNT(w, held_timed_out, 1);
        session_end(s,
                    proxy            ? END_LOGIN_TIMEOUT
                    : w->gate_closed ? END_HELD_TOO_LONG_NEW
                                     : END_NO_BACKEND,
                    NULL);
    }
}

static void check_logins(struct worker *w, int64_t now)
{
    const struct config *c = w->routes->config;
    LIST_FOR_EACH (&w->logins, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        bool connecting = s->state == SESSION_CONNECTING;
        int64_t limit = (connecting ? c->connect_timeout_ms : c->login_timeout_ms) * NS_PER_MS;
        if (now - s->state_ns < limit)
            continue;
        if (connecting) {
            LOG_WARN("backend_unreachable", LOG_U64("session", s->id),
                     LOG_STR("backend", s->login->route->name),
                     LOG_STR("why", "no greeting within connect_timeout"));
            login_back_to_waiting(s, "connect_timeout");
            worker_backend_failed(w);
        } else {
            session_end(s, END_LOGIN_TIMEOUT, NULL);
        }
    }
}

// HELD and MOVING: both lists are in order of time.
static void check_overdue(struct worker *w, struct list *l, enum session_end_reason why,
                          int64_t now)
{
    int64_t limit = w->routes->config->hold.max_ms * NS_PER_MS;
    LIST_FOR_EACH (l, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        if (now - s->state_ns < limit)
            break;
        COUNT(w, held_timed_out, 1);
        session_end(s, why,
                    s->state == SESSION_MOVING && s->move != NULL ? s->move->problem : NULL);
    }
}

static void tick(void *arg)
{
    struct worker *w = arg;
    int64_t now = worker_now(w);
    check_waiting(w, now);
    check_logins(w, now);
    check_overdue(w, &w->held, END_HELD_TOO_LONG, now);
    check_overdue(w, &w->moving, END_NO_BACKEND, now);
    mover_check(w, now);
    if (w->waiting.count + w->logins.count + w->held.count + w->moving.count + w->running.count > 0)
        timer_set(w->tick, TICK_NS);
}

// --- life ---------------------------------------------------------------------------------------

static void accepted(void *arg, int fd, const struct address *peer)
{
    worker_accepted(arg, fd, peer);
}

static void retry(void *arg)
{
    mover_wake(arg);
}

static void release(void *arg)
{
    worker_release(arg);
}

enum sl_code worker_new(struct traffic *t, unsigned index, struct routes *routes,
                        struct worker **out, struct sl_error *err)
{
    struct worker *w = mem_zalloc(sizeof *w);
    char name[16];
    (void)snprintf(name, sizeof name, "worker-%u", index);
    enum sl_code code = loop_new(name, w, &w->loop, err);
    if (code != SL_OK) {
        mem_free(w);
        return code;
    }
    w->traffic = t;
    w->index = index;
    w->routes = routes_ref(routes);
    list_init(&w->sessions);
    list_init(&w->waiting);
    list_init(&w->logins);
    list_init(&w->held);
    list_init(&w->slowed);
    list_init(&w->moving);
    list_init(&w->queued);
    list_init(&w->standing);
    list_init(&w->running);
    w->warm = BACKEND_NONE;
    w->tick = timer_new(w->loop, tick, w);
    w->release = timer_new(w->loop, release, w);
    w->retry = timer_new(w->loop, retry, w);
    w->turns = timer_new(w->loop, slow_turns, w);
    remember_init(w);
    lost_init(w);
    *out = w;
    return SL_OK;
}

void worker_listen(struct worker *w, int fd, bool owns_fd)
{
    w->listeners[w->listener_count++] = listener_new(w->loop, fd, owns_fd, accepted, w);
}

void worker_stop_listening(struct worker *w)
{
    for (unsigned i = 0; i < w->listener_count; i++)
        listener_free(w->listeners[i]);
    w->listener_count = 0;
}

void worker_stop_sessions(struct worker *w, bool force)
{
    w->stopping = true;
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead)
            continue;
        if (force || s->state <= SESSION_IDLE || session_is_parked(s))
            session_end(s, END_SHUTDOWN, NULL);
    }
}

void worker_free(struct worker *w)
{
    timer_free(w->tick);
    timer_free(w->release);
    timer_free(w->retry);
    timer_free(w->turns);
    remember_release(w);
    lost_release(w);
    gate_release(&w->gate);
    loop_free(w->loop);
    routes_unref(w->routes);
    mem_free(w);
}
