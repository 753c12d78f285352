// What the gate does to a worker's sessions: holding them, and letting them go again, oldest
// first and paced; and what new routes mean for links to the old backend.
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/confirm.h"
#include "session/fleet.h"
#include "session/login.h"
#include "session/lost.h"
#include "session/move.h"
#include "session/select.h"
#include "session/worker.h"

#define RELEASE_STEP_NS (10 * NS_PER_MS)
#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS NS_PER_S

void worker_hold(struct worker *w, struct session *s)
{
    COUNT(w, held, 1);
    felt_begin(s, worker_now(w));
    session_set_state(s, SESSION_HELD, "gate closed");
    if (worker_too_many_held(w))
        session_end(s, END_HELD_TOO_MANY, NULL);
}

void worker_judge(struct session *s)
{
    struct sockaddr_storage peer;
    const char *user = session_name(s, NAME_USER);
    bool known = select_peer(s, &peer);
    s->gate_pass = (uint8_t)gate_judge(&s->worker->gate, user[0] != '\0' ? user : NULL,
                                       known ? (struct sockaddr *)&peer : NULL);
}

void worker_close_gate(struct worker *w, const struct gate *gate)
{
    w->gate_closed = true;
    gate_copy(&w->gate, gate);
    timer_cancel(w->release);
    confirm_note(w, true);
    LIST_FOR_EACH (&w->sessions, it, next) {
        worker_judge(LIST_ITEM(it, struct session, all));
    }
    // Not greeted yet: their clients cannot tell whether we have a server for them.
    LIST_FOR_EACH (&w->logins, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        if (s->state == SESSION_CONNECTING && s->gate_pass == GATE_BARRED)
            login_back_to_waiting(s, "gate closed");
    }
    LIST_FOR_EACH (&w->moving, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        if (session_is_barred(s))
            session_set_state(s, SESSION_HELD, "gate closed");
    }
    slow_set(w, 0); // they are held now
    LIST_FOR_EACH (&w->sessions, it, next) {
        session_ask_status(LIST_ITEM(it, struct session, all));
    }
    mover_sweep(w);
    if (gate_has_exceptions(&w->gate))
        timer_set(w->release, 0); // behind this turn: let_through ends sessions
}

// At rest, and its link is to a backend that is not active any more.
static void leave(struct worker *w, struct session *s)
{
    if (!session_is_settled(s))
        w->stragglers = true; // its diagnostics may still be asked for, briefly
    else if (move_is_ready(s))
        mover_verified(s);
    else
        mover_leave(s);
}

// Links to a backend that is not active any more: those at rest leave it now, in the background; the
// others at their safe points (relay.c), when they are let go, or with their next command
// (relay_up.c).
static void leave_elsewhere(struct worker *w)
{
    w->stragglers = false;
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (!s->dead && s->state == SESSION_IDLE && session_is_elsewhere(s))
            leave(w, s);
    }
    if (w->stragglers)
        timer_set(w->release, OBSTACLE_BRIEF_NS);
}

// --- letting go ---------------------------------------------------------------------------------

static void let_go(struct worker *w, struct session *s)
{
    int64_t since = s->state == SESSION_HELD ? s->state_ns : s->born_ns;
    raise_to(&w->counters.longest_hold_ns, worker_now(w) - since);
    if (s->state == SESSION_WAITING) {
        login_connect(s);
    } else if (session_is_elsewhere(s)) {
        mover_release(s);
    } else {
        session_set_state(s, SESSION_IDLE, "gate open");
        relay_up_resume(s);
    }
}

static struct session *first_waiting(struct worker *w)
{
    LIST_FOR_EACH (&w->waiting, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        if (s->login->step == STEP_WAIT)
            return s;
    }
    return NULL;
}

// The closed gate's exceptions. They are few: nobody paces them.
static void let_through(struct worker *w)
{
    w->stragglers = false;
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        bool waits = s->state == SESSION_WAITING && s->login->step == STEP_WAIT;
        if (s->dead || s->gate_pass == GATE_BARRED || (session_is_barred(s) && !waits))
            continue;
        if (waits || s->state == SESSION_HELD)
            let_go(w, s);
        else if (s->state == SESSION_IDLE && session_is_elsewhere(s))
            leave(w, s);
    }
    if (w->stragglers)
        timer_set(w->release, OBSTACLE_BRIEF_NS);
}

// The one that has been held the longest, NULL when none is.
static struct session *oldest(struct worker *w)
{
    struct list_node *first = list_first(&w->held);
    struct session *held = first != NULL ? LIST_ITEM(first, struct session, queue) : NULL;
    struct session *waiting = w->backend_retry_ns == 0 ? first_waiting(w) : NULL;
    if (held == NULL || waiting == NULL)
        return held != NULL ? held : waiting;
    return held->state_ns <= waiting->born_ns ? held : waiting;
}

// How many may go now. Unlimited is a large number.
static double release_allowance(struct worker *w)
{
    unsigned rate = w->routes->config->migrate.release_per_second;
    if (rate == 0)
        return 1e9;
    int64_t now = worker_now(w);
    double share = (double)rate / (double)w->traffic->worker_count;
    double seconds = w->release_ns == 0 ? 0 : (double)(now - w->release_ns) / (double)NS_PER_S;
    w->release_ns = now;
    w->release_credit += share * (seconds < 0.1 ? seconds : 0.1);
    if (w->release_credit < 1.0 && seconds == 0)
        w->release_credit = 1.0;
    return w->release_credit;
}

// One goes ahead to see whether the backend is back. When nobody waits, the next who comes tries
// at once; while another's login is under way, its end is waited for: either way somebody tries.
static void probe_backend(struct worker *w)
{
    struct session *probe = first_waiting(w);
    if (probe == NULL)
        w->backend_retry_ns = 0;
    else if (w->logins.count == 0)
        login_connect(probe);
    else
        timer_set(w->release, w->backend_retry_ns);
}

void worker_release(struct worker *w)
{
    if (w->gate_closed) {
        let_through(w);
        return;
    }
    if (w->stragglers)
        leave_elsewhere(w);
    if (w->backend_retry_ns != 0)
        probe_backend(w);
    double allowance = release_allowance(w);
    struct session *s;
    while (allowance >= 1.0 && !w->gate_closed && (s = oldest(w)) != NULL) {
        allowance -= 1.0;
        let_go(w, s);
    }
    w->release_credit = allowance;
    if (!w->gate_closed && oldest(w) != NULL)
        timer_set(w->release, RELEASE_STEP_NS);
    else if (w->backend_retry_ns == 0)
        w->release_ns = 0;
}

void worker_open_gate(struct worker *w)
{
    w->gate_closed = false;
    gate_release(&w->gate);
    w->felt.opened_ns = worker_now(w);
    w->release_ns = 0;
    w->release_credit = 0;
    if (traffic_is_mixed(w->traffic))
        confirm_note(w, false);
    leave_elsewhere(w);
    worker_release(w);
}

void worker_backend_failed(struct worker *w)
{
    int64_t next = w->backend_retry_ns == 0 ? RETRY_FIRST_NS : 2 * w->backend_retry_ns;
    w->backend_retry_ns = next < RETRY_MAX_NS ? next : RETRY_MAX_NS;
    timer_set(w->release, w->backend_retry_ns);
}

void worker_backend_answered(struct worker *w)
{
    if (w->backend_retry_ns == 0)
        return;
    LOG_INFO("backend_reachable", LOG_U64("worker", w->index));
    w->backend_retry_ns = 0;
    timer_set(w->release, 0);
}

// --- new routes ---------------------------------------------------------------------------------

static bool is_readdressed(const struct routes *from, uint8_t index, const struct routes *to,
                           uint8_t same)
{
    if (index >= from->count || same >= to->count)
        return false;
    const struct address *a = &from->backends[index].address, *b = &to->backends[same].address;
    return a->len != b->len || memcmp(&a->sa, &b->sa, a->len) != 0;
}

static uint8_t same_backend(const struct routes *from, uint8_t index, const struct routes *to)
{
    if (index >= from->count)
        return index; // none, or gone already
    unsigned same = routes_find(to, from->backends[index].name);
    return same < to->count ? (uint8_t)same : BACKEND_GONE;
}

// Sessions on their way to a server that is not the active one any more, back on the one that is.
static void stay_here(struct worker *w)
{
    LIST_FOR_EACH (&w->moving, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        if (session_is_elsewhere(s))
            continue;
        session_set_state(s, SESSION_IDLE, "its server is the active one again");
        relay_up_resume(s);
    }
}

void worker_set_routes(struct worker *w, struct routes *routes)
{
    struct routes *old = w->routes;
    w->routes = routes_ref(routes);
    for (unsigned i = 0; i < BACKENDS_MAX; i++)
        atomic_store_explicit(&w->counters.by_backend[i], 0, memory_order_relaxed);
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead)
            continue;
        uint8_t was = s->backend;
        s->backend = same_backend(old, was, routes);
        s->readdressed = s->readdressed || is_readdressed(old, was, routes, s->backend);
        was = s->lost_on;
        s->lost_on = same_backend(old, was, routes);
        if (is_readdressed(old, was, routes, s->lost_on))
            s->lost_on = BACKEND_GONE;
        worker_count_backend(w, s->backend, 1);
    }
    w->warm = same_backend(old, (uint8_t)w->warm, routes);
    if (w->warm >= routes->count)
        w->warm = BACKEND_NONE;
    mover_routes_changed(w);
    lost_routes_changed(w);
    routes_unref(old);
    w->backend_retry_ns = 0; // perhaps another server: try it at once
    mover_sweep(w);          // closed or not: who is on the wrong server gets ready
    remember_rested_now(w);  // perhaps at another pace
    stay_here(w);
    if (!w->gate_closed) {
        leave_elsewhere(w);
        worker_release(w);
    }
}
