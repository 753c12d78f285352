// Sessions whose link was lost while they were at rest (lost.h).
#include "session/lost.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/move.h"
#include "session/remember.h"
#include "session/worker.h"

#define PAUSE_FIRST_NS (50 * NS_PER_MS)
#define PAUSE_MAX_NS (500 * NS_PER_MS)
#define UPTIME_MAX_S (UINT64_C(1) << 32)

// --- losing -------------------------------------------------------------------------------------

// Nothing of the client's has been sent that was not answered, and nothing of the server's has come
// that was not asked for.
static bool is_at_rest(const struct session *s)
{
    uint32_t open =
        model_obstacles(&s->model, worker_now(s->worker)) & obstacle_mask(OBSTACLE_WAITS);
    bool state = s->state == SESSION_IDLE || s->state == SESSION_HELD || s->state == SESSION_MOVING;
    bool quiet = tracker_outstanding(&s->model.tracker) == 0 && s->own == NULL &&
                 s->login == NULL && !s->looking_up && s->abort == ABORT_NONE && !s->owes_abort;
    bool between = s->up.left == 0 && !s->up.continued && !s->file && s->down.left == 0 &&
                   s->down.carry_n == 0 && !s->answer_began;
    return state && quiet && between && open == 0;
}

// Its next link is being made already, and needs nothing of this one.
static bool move_goes_on(const struct session *s)
{
    const struct move *m = s->move;
    return m != NULL && m->backend == s->worker->routes->active && move_is_captured(m) && !m->early;
}

static bool can_go_on(struct session *s)
{
    struct move *m = s->move;
    char why[192];
    if (!is_at_rest(s) || s->worker->stopping || !mover_can_move(s, why, sizeof why))
        return false;
    if (move_goes_on(s))
        return true;
    // Captured early: nobody has asked for locks that a routine may have taken.
    if (m != NULL && move_is_captured(m) && !s->model.may_lock)
        remember_take(s, m);
    return remember_is_valid(s);
}

static void begin_away(struct lost *l)
{
    l->away = true;
    l->pause_ns = PAUSE_FIRST_NS;
    l->next_ns = 0;
}

static void count(struct worker *w, int by)
{
    w->lost.count += (unsigned)by;
    atomic_store_explicit(&w->counters.lost_now, w->lost.count, memory_order_relaxed);
}

bool lost_begin(struct session *s)
{
    struct worker *w = s->worker;
    if (!can_go_on(s))
        return false;
    LOG_INFO("session_lost", LOG_U64("session", s->id), LOG_U64("thread", s->thread_id),
             LOG_STR("user", session_name(s, NAME_USER)),
             LOG_STR("state", session_state_name(s->state)));
    COUNT(w, lost, 1);
    if (!w->lost.away)
        begin_away(&w->lost);
    bool goes_on = move_goes_on(s);
    if (!goes_on)
        move_free(s);
    conn_close(&s->server);
    worker_count_backend(w, s->backend, -1);
    // Its client knows it by a number that is nobody's now, or another's.
    atomic_store_explicit(&w->traffic->repointed, true, memory_order_relaxed);
    s->lost_on = s->readdressed ? BACKEND_GONE : s->backend;
    s->asked = false; // nobody can tell of it what its link held
    s->backend = BACKEND_NONE;
    model_diagnostics_lost(&s->model, false);
    count(w, 1);
    if (!goes_on)
        (void)mover_want(s, s->state == SESSION_MOVING, NULL, 0);
    relay_watch(s);
    return true;
}

void lost_over(struct session *s)
{
    if (!session_is_lost(s))
        return;
    s->lost_on = BACKEND_NONE;
    count(s->worker, -1);
}

// --- trying -------------------------------------------------------------------------------------

static void look_again(void *arg)
{
    mover_wake(arg);
}

void lost_init(struct worker *w)
{
    w->lost.timer = timer_new(w->loop, look_again, w);
}

void lost_release(struct worker *w)
{
    timer_free(w->lost.timer);
}

void lost_routes_changed(struct worker *w)
{
    lost_answered(w);
    w->lost.began_after_ns = w->lost.refused_ns = 0;
}

bool lost_may_open(const struct move *m, int64_t now_ns)
{
    struct worker *w = m->session->worker;
    struct lost *l = &w->lost;
    if (!l->away || !session_is_lost(m->session))
        return true;
    if (l->probe != NULL)
        return false;
    if (l->next_ns > now_ns) {
        if (!timer_pending(l->timer))
            timer_set(l->timer, l->next_ns - now_ns);
        return false;
    }
    return true;
}

void lost_opens(struct move *m)
{
    struct lost *l = &m->session->worker->lost;
    if (l->away && session_is_lost(m->session))
        l->probe = m;
}

void lost_answered(struct worker *w)
{
    if (!w->lost.away)
        return;
    w->lost.away = false;
    w->lost.probe = NULL;
    mover_wake(w);
}

void lost_no_answer(struct move *m)
{
    struct worker *w = m->session->worker;
    struct lost *l = &w->lost;
    if (!session_is_lost(m->session) || (l->away && l->probe != m))
        return;
    if (!l->away)
        begin_away(l);
    if (conn_error(&m->link) == ECONNREFUSED)
        l->refused_ns = worker_now(w);
    int64_t doubled = 2 * l->pause_ns;
    timer_set(l->timer, l->pause_ns);
    l->next_ns = worker_now(w) + l->pause_ns;
    l->pause_ns = doubled < PAUSE_MAX_NS ? doubled : PAUSE_MAX_NS;
    m->retry_ns = 0; // all wait for the same word
}

void lost_forget_probe(struct move *m)
{
    struct worker *w = m->session->worker;
    if (w->lost.probe != m)
        return;
    w->lost.probe = NULL;
    mover_wake(w);
}

// --- a restart, or only this link? --------------------------------------------------------------

// Whether the process that answers now is known to be younger than the lost link.
static bool is_known(const struct session *s)
{
    int64_t began = s->worker->lost.began_after_ns;
    return began != 0 && began >= s->link_ns;
}

void lost_ask(struct move *m, struct buf *out)
{
    static const char sql[] = "SHOW GLOBAL STATUS LIKE 'Uptime'";
    const struct session *s = m->session;
    if (!session_is_lost(s) || m->backend != s->lost_on || is_known(s))
        return;
    m->asked_uptime = ask_query(&m->ask, out, sql, sizeof sql - 1);
}

// Both ends of the uptime are whole seconds of the server's clock: it is right to a second, either
// way. `asked_ns`: it was not read before that. Numbers of threads only rise (but for one overflow in
// four billion connections), and a server listens as long as it lives; both count only when the
// uptime agrees, which keeps overflows and firewalls out.
static void learn_uptime(struct move *m, int64_t uptime_s, int64_t asked_ns)
{
    struct session *s = m->session;
    struct lost *l = &s->worker->lost;
    int64_t surely = asked_ns - (uptime_s + 1) * NS_PER_S;
    int64_t perhaps = asked_ns - (uptime_s - 1) * NS_PER_S;
    bool other = m->thread_id <= s->link_thread || l->refused_ns > s->link_ns;
    if (other && perhaps >= s->link_ns && surely < s->link_ns)
        surely = s->link_ns;
    if (surely > l->began_after_ns)
        l->began_after_ns = surely;
}

bool lost_is_restart(struct move *m)
{
    struct session *s = m->session;
    struct slice value;
    char text[32];
    uint64_t uptime;
    if (!session_is_lost(s) || m->backend != s->lost_on)
        return true;
    if (m->asked_uptime != NOT_ASKED && ask_answer(&m->ask, m->asked_uptime)->kind == ANSWER_ROWS &&
        ask_answer(&m->ask, m->asked_uptime)->columns == 2 &&
        ask_value(&m->ask, m->asked_uptime, 0, 1, &value) && value.n < sizeof text) {
        memcpy(text, value.p, value.n);
        text[value.n] = '\0';
        if (text_parse_u64(text, &uptime) == SL_OK && uptime < UPTIME_MAX_S)
            learn_uptime(m, (int64_t)uptime, m->since_ns);
    }
    if (is_known(s))
        return true;
    session_end(s, END_SERVER_LEFT, "and has not begun anew since");
    return false;
}
