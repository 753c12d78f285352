// Remembering what idle sessions hold (remember.h): who is due, at what pace, and keeping it small.
#include "session/remember.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/confirm.h"
#include "session/fleet.h"
#include "session/move.h"
#include "session/worker.h"

#define REST_NS NS_PER_S            // an idle session is asked after this
#define STEP_NS (20 * NS_PER_MS)    // between two stretches of a round
#define STRETCH 500                 // sessions passed at a time
#define LEARNING_NS (60 * NS_PER_S) // a new session's secret may become known meanwhile

// --- keeping ------------------------------------------------------------------------------------

void remember_forget(struct session *s)
{
    struct remembered *r = s->remembered;
    if (r == NULL)
        return;
    values_pool_drop(&s->worker->rememberer.pool, r->values);
    move_forget_names(&r->names, &r->name_count);
    capture_release(&r->capture);
    mem_free(r);
    s->remembered = NULL;
}

static struct remembered *remembered_new(struct session *s)
{
    remember_forget(s);
    s->remembered = mem_zalloc(sizeof *s->remembered);
    s->remembered->epoch = s->epoch;
    return s->remembered;
}

void remember_take(struct session *s, struct move *m)
{
    struct remembered *r = remembered_new(s);
    r->known = true;
    r->unconfirmed = s->model.may_lock;
    r->server = m->both;
    r->names = m->names;
    r->name_count = m->name_count;
    m->names = NULL;
    m->name_count = 0;
    r->capture = m->wanted;
    capture_init(&m->wanted);
    r->values = values_pool_keep(&s->worker->rememberer.pool, &r->capture);
}

void remember_captured(struct session *s)
{
    remember_take(s, s->move);
    if (s->remembered->unconfirmed)
        confirm_soon(s->worker);
    COUNT(s->worker, remembered, 1);
    move_free(s);
}

void remember_refused(struct session *s, const char *why)
{
    LOG_DEBUG("session_not_remembered", LOG_U64("session", s->id), LOG_STR("why", why));
    (void)remembered_new(s);
    move_free(s);
}

bool remember_is_valid(const struct session *s)
{
    const struct remembered *r = s->remembered;
    return r != NULL && r->known && !r->unconfirmed && r->epoch == s->epoch;
}

void remember_confirm(struct session *s, bool locked)
{
    struct remembered *r = s->remembered;
    if (r == NULL || !r->unconfirmed || r->epoch != s->epoch)
        return;
    r->unconfirmed = false;
    r->known = r->known && !locked;
}

void remember_renew(struct session *s)
{
    struct remembered *r = s->remembered;
    if (r != NULL && r->epoch == s->epoch - 1 && r->server.version == s->link_server.version)
        r->epoch = s->epoch;
}

static char *copy(const char *text)
{
    return text != NULL ? mem_strdup(text) : NULL;
}

static void copy_variables(const struct capture *from, struct capture *to)
{
    to->variables = mem_array(from->variable_count, sizeof *to->variables);
    for (unsigned i = 0; i < from->variable_count; i++)
        to->variables[i] = (struct capture_user_variable){
            .name = copy(from->variables[i].name), .literal = copy(from->variables[i].literal)};
}

// The session keeps its own: the move may have to begin anew.
void remember_recall(const struct session *s, struct move *m)
{
    const struct remembered *r = s->remembered;
    m->both = r->server;
    m->captured_at = r->epoch;
    m->early = false;
    m->wanted = r->capture;
    m->wanted.schema = copy(r->capture.schema);
    m->wanted.role = copy(r->capture.role);
    copy_variables(&r->capture, &m->wanted);
    values_pool_copy(r->values, &m->wanted);
    m->names = mem_array(r->name_count, sizeof *m->names);
    m->name_count = r->name_count;
    for (unsigned i = 0; i < r->name_count; i++)
        m->names[i] = copy(r->names[i]);
}

// --- whose turn it is ---------------------------------------------------------------------------

enum due {
    DUE_NOW,
    DUE_LATER, // look again in a while
    DUE_NEVER, // not before its next command
};

static bool can_move(const struct session *s)
{
    char why[192];
    return mover_can_move(s, why, sizeof why);
}

// Never again until the client does something, as far as can be told.
static bool is_hopeless(const struct session *s)
{
    uint32_t obstacles = session_obstacles(s);
    bool learning = (obstacles & OBSTACLE_BIT(credential_unknown)) != 0 &&
                    worker_now(s->worker) - s->born_ns < LEARNING_NS;
    return (s->model.tracker.caps & CAP_INTERACTIVE) != 0 ||
           (s->model.kept & OBSTACLE_BIT(diagnostics_pending)) != 0 || (!learning && !can_move(s));
}

static enum due when_due(const struct session *s)
{
    if (s->dead || s->state == SESSION_CLOSING)
        return DUE_NEVER;
    if (s->state != SESSION_IDLE || s->move != NULL || session_is_elsewhere(s))
        return DUE_LATER;
    if ((s->remembered != NULL && s->remembered->epoch == s->epoch) || is_hopeless(s))
        return DUE_NEVER;
    bool rests = worker_now(s->worker) - s->state_ns >= REST_NS;
    return rests && can_move(s) ? DUE_NOW : DUE_LATER;
}

// A move that goes nowhere. False: not now.
static bool ask(struct session *s)
{
    struct move *m = move_new(s, BACKEND_NONE);
    m->server = m->both = s->link_server;
    move_set_phase(m, MOVE_STANDBY);
    if (move_capture(m))
        return true;
    move_free(s);
    return false;
}

// What may be asked in a step: what was not used before is lost, but for the rest of a question.
static void fill_credit(struct worker *w)
{
    struct rememberer *r = &w->rememberer;
    double rate = (double)w->routes->config->migrate.remember_per_second;
    double step = rate / (double)w->traffic->worker_count * STEP_NS / NS_PER_S;
    r->credit = (r->credit < 1 ? r->credit : 1) + step;
}

// The list of sessions is a ring: who was passed goes to its end.
static void walk(struct worker *w)
{
    struct rememberer *r = &w->rememberer;
    for (unsigned n = 0; n < STRETCH && r->left > 0 && r->credit >= 1; n++, r->left--) {
        struct list_node *it = list_first(&w->sessions);
        if (it == NULL) {
            r->left = 0;
            return;
        }
        list_remove(&w->sessions, it);
        list_append(&w->sessions, it);
        struct session *s = LIST_ITEM(it, struct session, all);
        enum due due = when_due(s);
        bool asked = due == DUE_NOW && ask(s);
        r->credit -= asked ? 1 : 0;
        r->again = r->again || (due != DUE_NEVER && !asked);
    }
}

static bool is_on(const struct worker *w)
{
    const struct config_migrate *c = &w->routes->config->migrate;
    return c->sessions && c->remember_per_second > 0;
}

static void begin_round(struct worker *w)
{
    w->rememberer.rested = w->rememberer.again = false;
    w->rememberer.left = (unsigned)w->sessions.count;
}

static void step(void *arg)
{
    struct worker *w = arg;
    struct rememberer *r = &w->rememberer;
    if (!is_on(w) || w->stopping) {
        r->left = 0;
        return; // remember_rested_now begins again when something changes
    }
    if (w->gate_closed || w->warm != BACKEND_NONE) { // the mover asks them now
        timer_set(r->timer, REST_NS);
        return;
    }
    if (r->left == 0)
        begin_round(w);
    fill_credit(w);
    walk(w);
    if (r->left > 0)
        timer_set(r->timer, STEP_NS);
    else if (r->again || r->rested)
        timer_set(r->timer, REST_NS);
}

void remember_rested_now(struct worker *w)
{
    w->rememberer.rested = true;
    if (!timer_pending(w->rememberer.timer))
        timer_set(w->rememberer.timer, REST_NS);
}

void remember_init(struct worker *w)
{
    values_pool_init(&w->rememberer.pool);
    w->rememberer.timer = timer_new(w->loop, step, w);
}

void remember_release(struct worker *w)
{
    timer_free(w->rememberer.timer);
}
