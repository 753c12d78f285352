// Keeping standby links to a backend, so that a move needs only what has changed since. Main thread;
// the work is each worker's own (mover.c).
//
//   traffic_warm ── confirm ── round ──> w->warm = target, every session wants a link
//                <── round, every 50 ms: how many are ready? ──> progress, done
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/fleet.h"
#include "session/move.h"

#define LOOK_NS (50 * NS_PER_MS)
#define PROGRESS_NS (250 * NS_PER_MS)
#define SETTLE_NS (3 * NS_PER_S)

struct warming {
    struct round round;
    struct traffic *traffic;
    struct timer *timer;
    unsigned target; // index of the backend, BACKEND_NONE
    int64_t deadline_ns, told_ns;
    struct warm_counts parts[WORKERS_MAX];
    unsigned settling[WORKERS_MAX]; // idle, with a link, and not captured yet
    int64_t ready_ns;               // all links are ready since; 0: not yet
    void (*progress)(void *arg, const struct warm_counts *counts);
    void (*done)(void *arg, const struct warm_counts *counts);
    void *arg;
};

static bool is_settling(const struct session *s)
{
    const struct move *m = s->move;
    return s->state == SESSION_IDLE && m->phase >= MOVE_STANDBY && m->phase < MOVE_VERIFIED &&
           !(move_is_captured(m) && m->phase == MOVE_STANDBY);
}

static void count(struct worker *w, struct warm_counts *c, unsigned *settling)
{
    memset(c, 0, sizeof *c);
    *settling = 0;
    LIST_FOR_EACH (&w->sessions, it, next) {
        const struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead || s->state < SESSION_IDLE)
            continue;
        c->sessions++;
        if (s->move == NULL)
            c->unable++;
        else if (s->move->phase == MOVE_REFUSED || s->move->attempts > 2)
            c->failed++;
        else if (s->move->phase >= MOVE_STANDBY)
            c->ready++;
        else
            c->opening++;
        *settling += s->move != NULL && is_settling(s);
    }
}

static void visit_look(struct worker *w, struct round *r)
{
    struct warming *g = (struct warming *)(void *)r;
    count(w, &g->parts[w->index], &g->settling[w->index]);
}

static void sum(const struct warming *g, struct warm_counts *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned i = 0; i < g->traffic->worker_count; i++) {
        c->sessions += g->parts[i].sessions;
        c->ready += g->parts[i].ready;
        c->opening += g->parts[i].opening;
        c->failed += g->parts[i].failed;
        c->unable += g->parts[i].unable;
    }
}

static void finish(struct warming *g, const struct warm_counts *c)
{
    g->traffic->warming = NULL;
    LOG_INFO("warm", LOG_STR("backend", traffic_warm_target(g->traffic)),
             LOG_U64("ready", c->ready), LOG_U64("failed", c->failed), LOG_U64("unable", c->unable),
             LOG_U64("opening", c->opening));
    if (g->done != NULL)
        g->done(g->arg, c);
    timer_free(g->timer);
    mem_free(g);
}

// Idle sessions are captured as well, those that have become idle within a moment.
static bool is_over(struct warming *g, const struct warm_counts *c, int64_t now)
{
    unsigned settling = 0;
    for (unsigned i = 0; i < g->traffic->worker_count; i++)
        settling += g->settling[i];
    if (c->opening == 0 && g->ready_ns == 0)
        g->ready_ns = now;
    return now >= g->deadline_ns || g->traffic->warm != g->target ||
           (c->opening == 0 && (settling == 0 || now - g->ready_ns >= SETTLE_NS));
}

static void looked(struct round *r)
{
    struct warming *g = (struct warming *)(void *)r;
    struct warm_counts c;
    int64_t now = clock_now_ns();
    sum(g, &c);
    if (is_over(g, &c, now)) {
        finish(g, &c);
        return;
    }
    if (g->progress != NULL && now - g->told_ns >= PROGRESS_NS) {
        g->told_ns = now;
        g->progress(g->arg, &c);
    }
    timer_set(g->timer, LOOK_NS);
}

static void look(void *arg)
{
    struct warming *g = arg;
    g->round.visit = visit_look;
    g->round.done = looked;
    round_start(g->traffic, &g->round);
}

static void visit_begin(struct worker *w, struct round *r)
{
    struct warming *g = (struct warming *)(void *)r;
    w->warm = g->target;
    mover_sweep(w);
    count(w, &g->parts[w->index], &g->settling[w->index]);
}

static void begin(void *arg, const char *problem)
{
    struct warming *g = arg;
    (void)problem; // said in the log
    round_start(g->traffic, &g->round);
}

enum sl_code traffic_warm(struct traffic *t, const char *backend, int64_t timeout_ns,
                          void (*progress)(void *arg, const struct warm_counts *counts),
                          void (*done)(void *arg, const struct warm_counts *counts), void *arg,
                          struct sl_error *err)
{
    unsigned target = backend != NULL ? routes_find(t->routes, backend) : BACKEND_NONE;
    if (target == t->routes->count)
        return sl_fail(err, SL_ENOTFOUND, "there is no backend \"%s\"", backend);
    if (target == t->routes->active)
        return sl_fail(err, SL_ECONFLICT, "%s is the active backend", backend);
    if (t->warming != NULL)
        return sl_fail(err, SL_ECONFLICT, "another warming is still waited for");
    if (t->vault != NULL)
        vault_forgive(t->vault);
    struct warming *g = mem_zalloc(sizeof *g);
    g->traffic = t;
    g->target = t->warm = target;
    g->told_ns = clock_now_ns();
    g->deadline_ns = timeout_ns > 0 ? g->told_ns + timeout_ns : INT64_MAX;
    g->progress = progress;
    g->done = done;
    g->arg = arg;
    g->timer = timer_new(t->main_loop, look, g);
    g->round.visit = visit_begin;
    g->round.done = looked;
    t->warming = g;
    if (target != BACKEND_NONE)
        traffic_confirm(t, begin, g);
    else
        round_start(t, &g->round);
    return SL_OK;
}

void traffic_warm_cancel(struct traffic *t)
{
    if (t->warming == NULL)
        return;
    t->warming->progress = NULL;
    t->warming->done = NULL;
    t->warming->deadline_ns = 0; // the next look is the last
}

const char *traffic_warm_target(const struct traffic *t)
{
    return t->warm < t->routes->count ? t->routes->backends[t->warm].name : "";
}
