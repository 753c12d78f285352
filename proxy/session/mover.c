// Whose turn it is to move: opens standby links and starts captures, a few at a time, those for
// whom a client waits first; and what becomes of sessions whose move is over.
//
//   mover_want ─> queued ─ open ─> standing ─ gate closed, or elsewhere ─> capture ─> verified
//                   ^ retry                                                             │
//   released, elsewhere: swap ─> the held command goes on          still here: waits <──┘
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/confirm.h"
#include "session/fleet.h"
#include "session/move.h"

// A login costs the server more than anything else here, a copy mostly round trips.
#define OPENING_MAX 24
#define COPYING_MAX 32
#define TRIAL_NS (5 * NS_PER_MS) // between looks at another worker's first login with a secret
#define LOOK_AGAIN_NS (100 * NS_PER_MS) // for sessions that have become idle

// --- who may move -------------------------------------------------------------------------------

bool mover_can_move(const struct session *s, char *why, size_t size)
{
    char names[160];
    uint32_t stays = session_obstacles(s) & obstacle_mask(OBSTACLE_STAYS);
    if (model_only_hidden(&s->model) && !session_is_untracked(s)) // to be asked at the capture
        stays &= ~OBSTACLE_BIT(unknown_state);
    if (!s->worker->routes->config->migrate.sessions)
        text_copy(why, size, "migrate.sessions is off");
    else if (s->secret != NULL && secret_is_refused(s->secret))
        text_copy(why, size, MOVE_DENIED);
    else if (stays != 0)
        (void)snprintf(why, size, "obstacles: %s", obstacle_format(stays, names, sizeof names));
    else
        return true;
    return false;
}

// The backend that the session should have a link to, besides its present one; BACKEND_NONE.
static unsigned target_of(const struct session *s)
{
    const struct worker *w = s->worker;
    unsigned target = session_is_elsewhere(s) ? w->routes->active : w->warm;
    return target < w->routes->count && target != s->backend ? target : BACKEND_NONE;
}

bool mover_want(struct session *s, bool urgent, char *why, size_t size)
{
    char text[192];
    unsigned target = target_of(s);
    struct move *m = s->move;
    if (s->dead || s->state < SESSION_IDLE || s->login != NULL || target == BACKEND_NONE) {
        if (m == NULL || !move_only_asks(m)) // who only asks may go on with it
            move_free(s);
        return !s->dead;
    }
    if (m != NULL && m->phase == MOVE_REFUSED && m->refused_at == s->epoch) {
        if (why != NULL)
            text_copy(why, size, m->problem);
        return false;
    }
    if (!mover_can_move(s, text, sizeof text)) {
        move_free(s);
        if (why != NULL)
            text_copy(why, size, text);
        return false;
    }
    if (m != NULL && (m->backend != target || m->phase == MOVE_REFUSED)) {
        move_free(s);
        m = NULL;
    }
    if (m == NULL)
        m = move_new(s, target);
    else if (m->phase == MOVE_VERIFIED && !move_is_ready(s))
        move_set_phase(m, MOVE_STANDBY); // the client went on since, or its locks are to be asked
    if (urgent && !m->urgent) {
        m->urgent = true;
        m->retry_ns = 0;                              // whatever was in the way may be over
        move_set_phase(m, (enum move_phase)m->phase); // to the front of its list
    }
    mover_wake(s->worker);
    return true;
}

void mover_sweep(struct worker *w)
{
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s->move != NULL && s->move->phase == MOVE_REFUSED)
            move_free(s); // what refused it may have been mended
        (void)mover_want(s, false, NULL, 0);
    }
}

// --- whose turn it is ---------------------------------------------------------------------------

static void open_queued(struct worker *w)
{
    int64_t now = worker_now(w), next_try = 0;
    LIST_FOR_EACH (&w->queued, it, next) {
        struct move *m = LIST_ITEM(it, struct move, turn);
        if (w->opening >= OPENING_MAX)
            break;
        if (m->retry_ns <= now && !lost_may_open(m, now))
            continue; // lost.c looks again
        if (m->retry_ns <= now)
            standby_open(m);
        if (m->phase != MOVE_QUEUED)
            continue;
        int64_t at = m->retry_ns > now ? m->retry_ns : now + TRIAL_NS;
        if (next_try == 0 || at < next_try)
            next_try = at;
    }
    // Earlier than somebody else wanted is no harm.
    if (next_try != 0 && (next_try - now <= TRIAL_NS || !timer_pending(w->retry)))
        timer_set(w->retry, next_try - now);
}

static void copy_standing(struct worker *w)
{
    bool brief = false;
    LIST_FOR_EACH (&w->standing, it, next) {
        if (w->copying >= COPYING_MAX)
            return;
        struct session *s = LIST_ITEM(it, struct move, turn)->session;
        if (!move_capture(s->move))
            brief = brief || s->state == SESSION_IDLE || confirm_delays(s);
    }
    if (brief && !timer_pending(w->retry)) // their diagnostics may still be asked for
        timer_set(w->retry, w->gate_closed ? OBSTACLE_BRIEF_NS : LOOK_AGAIN_NS);
}

static void step(void *arg)
{
    struct worker *w = arg;
    w->mover_awake = false;
    open_queued(w);
    if (w->gate_closed || w->warm != BACKEND_NONE || w->lost.count > 0 ||
        traffic_is_mixed(w->traffic))
        copy_standing(w);
}

void mover_check(struct worker *w, int64_t now_ns)
{
    int64_t limit = w->routes->config->connect_timeout_ms * NS_PER_MS;
    LIST_FOR_EACH (&w->running, it, next) {
        struct move *m = LIST_ITEM(it, struct move, turn);
        if (m->phase != MOVE_CAPTURING && now_ns - m->since_ns >= limit)
            move_link_lost(m, "no answer within connect_timeout");
    }
}

void mover_wake(struct worker *w)
{
    if (w->mover_awake)
        return;
    w->mover_awake = true;
    loop_defer(w->loop, step, w);
}

// --- what becomes of them -----------------------------------------------------------------------

static void end_immovable(struct session *s, const char *why)
{
    COUNT(s->worker, ended, 1);
    session_end(s, session_is_lost(s) ? END_NOT_REESTABLISHED : END_CANNOT_MOVE, why);
}

// What keeps it where it is may be gone: then the server is being asked, and its word is waited for.
static void give_up(struct session *s, const char *why)
{
    if (!confirm_may_free(s))
        end_immovable(s, why);
}

static void go_on(struct session *s)
{
    int64_t since = s->state_ns;
    bool waited = s->state == SESSION_MOVING;
    move_swap(s);
    if (s->state != SESSION_IDLE)
        session_set_state(s, SESSION_IDLE, "moved");
    if (waited)
        raise_to(&s->worker->counters.longest_move_ns, worker_now(s->worker) - since);
    relay_up_resume(s);
    if (!s->dead)
        relay_watch(s);
}

void mover_verified(struct session *s)
{
    bool at_rest =
        s->state == SESSION_MOVING || (s->state == SESSION_IDLE && session_is_settled(s));
    if (session_is_barred(s) || !session_is_elsewhere(s))
        return; // it waits to be released, or for the order to move
    if (at_rest && move_is_ready(s))
        go_on(s);
}

void mover_refused(struct session *s)
{
    if (!session_is_barred(s) && session_is_elsewhere(s) &&
        (s->state == SESSION_MOVING || s->state == SESSION_IDLE))
        end_immovable(s, s->move->problem);
}

void mover_release(struct session *s)
{
    char why[192];
    if (move_is_ready(s)) {
        go_on(s);
        return;
    }
    session_set_state(s, SESSION_MOVING, "the active server has changed");
    if (!mover_want(s, true, why, sizeof why))
        give_up(s, why);
}

bool mover_come(struct session *s)
{
    char why[192];
    felt_begin(s, worker_now(s->worker));
    session_set_state(s, SESSION_MOVING, "its next command has come");
    if (!mover_want(s, true, why, sizeof why))
        give_up(s, why);
    return !s->dead;
}

void mover_look_again(struct session *s)
{
    char why[192];
    bool waits = s->state == SESSION_MOVING;
    if (mover_want(s, waits, why, sizeof why) || session_is_barred(s) || s->dead ||
        !session_is_elsewhere(s))
        return;
    if (waits || (s->state == SESSION_IDLE && session_is_settled(s)))
        give_up(s, why);
}

struct namer_mail {
    struct namer_reply answer;
    struct session *session;
};

static void names_came(struct mail *mail, void *owner)
{
    struct namer_mail *n = (struct namer_mail *)(void *)mail;
    struct session *s = n->session;
    (void)owner;
    if (!session_mail_returned(s) || s->move == NULL || s->move->phase != MOVE_CAPTURING) {
        move_forget_names(&n->answer.names, &n->answer.count);
    } else if (n->answer.problem[0] != '\0') {
        move_forget_names(&n->answer.names, &n->answer.count);
        move_refuse(s->move, n->answer.problem);
    } else {
        move_names(s, n->answer.names, n->answer.count);
    }
    mem_free(n);
}

void mover_ask_names(struct session *s)
{
    struct worker *w = s->worker;
    const struct namer *service = &w->traffic->namer;
    const char *server = session_server_name(s);
    if (service->ask == NULL || server == NULL) {
        move_refuse(s->move,
                    "its account may not see the names of its user variables, and there is "
                    "no control account for its server");
        return;
    }
    struct namer_mail *n = mem_zalloc(sizeof *n);
    n->answer.mail.deliver = names_came;
    n->session = s;
    s->mails++;
    service->ask(service->arg, server, s->link_thread, w->loop, &n->answer);
}

void mover_leave(struct session *s)
{
    char why[192];
    if (!mover_want(s, false, why, sizeof why) && !session_is_barred(s) && !s->dead)
        give_up(s, why);
}

void mover_routes_changed(struct worker *w)
{
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        struct move *m = s->move;
        if (m == NULL || move_only_asks(m))
            continue;
        unsigned index = routes_find(w->routes, m->routes->backends[m->backend].name);
        if (index == w->routes->count) {
            move_free(s);
            continue;
        }
        routes_unref(m->routes);
        m->routes = routes_ref(w->routes);
        m->backend = (uint8_t)index;
    }
}
