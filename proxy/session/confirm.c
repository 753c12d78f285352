// See confirm.h. One run at a time; each server's answer counts by itself, so that one which hangs
// delays the next run and nothing else.
#include "session/confirm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/move.h"
#include "session/remember.h"

#define AGAIN_NS NS_PER_S
#define SOON_NS (50 * NS_PER_MS)       // others follow, mostly
#define PATIENCE_NS NS_PER_S           // of those who want to know
#define DELAY_MAX_NS (100 * NS_PER_MS) // of captures: all clients are waiting

// One server's part of a run.
struct question {
    struct holder_reply reply; // first: its mail
    struct round round;        // the answer on its way to the workers
    struct run *run;
    unsigned backend;             // index into run->routes
    unsigned unseen[WORKERS_MAX]; // sessions whose threads were not shown
};

struct run {
    struct round round;
    struct confirm *confirm;
    struct routes *routes; // a reference
    bool all;
    unsigned number;
    unsigned noted[WORKERS_MAX]; // backends of noted sessions, a bit each
    struct question *questions[BACKENDS_MAX];
    unsigned left;                          // questions that are not over
    char problem[CONFIRM_PROBLEM_MAX + 40]; // of the first server that has one
};

struct waiter {
    struct list_node node;
    struct timer *timer;
    struct confirm *confirm;
    unsigned run; // the number of the run that tells
    void (*done)(void *arg, const char *problem);
    void *arg;
};

// From a worker.
struct soon {
    struct mail mail; // first
    struct confirm *confirm;
};

struct confirm {
    struct traffic *traffic;
    struct holder holder;
    struct timer *again;
    struct timer *soon; // a run for those that are to be remembered
    int64_t began_ns;   // of the last run
    struct run *run;    // under way, or NULL
    unsigned number;    // of the last run
    bool wanted, all;   // another run
    struct list waiters;
    struct {
        char backend[33], problem[CONFIRM_PROBLEM_MAX];
    } told[BACKENDS_MAX]; // what the log has been told
};

// --- in the workers -----------------------------------------------------------------------------

bool confirm_is_asked(const struct session *s)
{
    return s->asked && s->asked_at == s->epoch;
}

bool confirm_delays(const struct session *s)
{
    return confirm_is_asked(s) && worker_now(s->worker) - s->worker->noted_ns < DELAY_MAX_NS;
}

bool confirm_may_free(const struct session *s)
{
    uint32_t stays = session_obstacles(s) & obstacle_mask(OBSTACLE_STAYS);
    return confirm_is_asked(s) && (stays & ~MODEL_CONFIRMABLE) == 0;
}

// At rest on the server's side: what it holds now it holds until its next command.
static bool is_asked_about(const struct session *s, bool all)
{
    return !s->dead && s->state >= SESSION_IDLE && s->state < SESSION_CLOSING && s->login == NULL &&
           s->up.left == 0 && tracker_outstanding(&s->model.tracker) == 0 &&
           session_server_name(s) != NULL && (all || (s->model.kept & MODEL_CONFIRMABLE) != 0);
}

void confirm_note(struct worker *w, bool all)
{
    if (w->asking > 0 || w->traffic->confirm->holder.ask == NULL)
        return;
    w->noted_ns = worker_now(w);
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        s->asked = is_asked_about(s, all);
        s->asked_at = s->epoch;
    }
}

static void visit_note(struct worker *w, struct round *r)
{
    struct run *run = (struct run *)(void *)r;
    unsigned noted = 0;
    w->confirms_soon = false;
    confirm_note(w, run->all);
    LIST_FOR_EACH (&w->sessions, it, next) {
        const struct session *s = LIST_ITEM(it, struct session, all);
        noted |= s->asked ? 1U << s->backend : 0;
    }
    run->noted[w->index] = noted;
    w->asking = (unsigned)__builtin_popcount(noted);
}

static int by_thread(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    return (x->thread_id > y->thread_id) - (x->thread_id < y->thread_id);
}

static void tell(const struct session *s, const char *event, uint32_t obstacles)
{
    char names[160];
    if (obstacles != 0)
        LOG_INFO(event, LOG_U64("session", s->id), LOG_U64("thread", s->thread_id),
                 LOG_STR("user", session_name(s, NAME_USER)),
                 LOG_STR("obstacles", obstacle_format(obstacles, names, sizeof names)));
}

// False when the server does not show its thread.
static bool take_word(struct session *s, const struct holder_reply *a)
{
    const struct held wanted = {.thread_id = s->link_thread};
    const struct held *h =
        a->count > 0 ? bsearch(&wanted, a->threads, a->count, sizeof wanted, by_thread) : NULL;
    if (h == NULL)
        return false;
    uint32_t before = s->model.kept;
    model_confirm(&s->model, h->known, h->held);
    if ((h->known & OBSTACLE_BIT(user_lock)) != 0)
        remember_confirm(s, (h->held & OBSTACLE_BIT(user_lock)) != 0);
    tell(s, "obstacle_gone", before & ~s->model.kept);
    tell(s, "obstacle_found", s->model.kept & ~before);
    return true;
}

static bool is_of(const struct session *s, const struct question *q)
{
    const char *name = session_server_name(s);
    return name != NULL && strcmp(name, q->run->routes->backends[q->backend].name) == 0;
}

static void visit_answer(struct worker *w, struct round *r)
{
    struct question *q = LIST_ITEM(r, struct question, round);
    if ((q->run->noted[w->index] >> q->backend & 1) == 0)
        return;
    w->asking--;
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (!s->asked || (!is_of(s, q) && w->asking > 0))
            continue;
        bool believed = !s->dead && confirm_is_asked(s) && is_of(s, q) &&
                        tracker_outstanding(&s->model.tracker) == 0; // no question of ours, too
        s->asked = false;
        if (believed && q->reply.threads != NULL && !take_word(s, &q->reply))
            q->unseen[w->index]++;
        if (!s->dead)
            mover_look_again(s);
    }
    mover_wake(w);
}

// --- in the main thread -------------------------------------------------------------------------

static void waiter_free(struct waiter *wt)
{
    list_remove(&wt->confirm->waiters, &wt->node);
    timer_free(wt->timer);
    mem_free(wt);
}

static void waited(struct waiter *wt, const char *problem)
{
    void (*done)(void *arg, const char *problem) = wt->done;
    void *arg = wt->arg;
    waiter_free(wt);
    done(arg, problem);
}

static void waited_enough(void *arg)
{
    struct waiter *wt = arg;
    waited(wt, wt->confirm->holder.ask == NULL ? "there is no control account"
                                               : "the servers take too long to tell");
}

static void run_free(struct run *run)
{
    for (unsigned i = 0; i < BACKENDS_MAX; i++) {
        if (run->questions[i] == NULL)
            continue;
        mem_free(run->questions[i]->reply.threads);
        mem_free(run->questions[i]);
    }
    routes_unref(run->routes);
    mem_free(run);
}

static void start(struct confirm *c);

static void finish(struct run *run)
{
    struct confirm *c = run->confirm;
    c->run = NULL;
    LIST_FOR_EACH (&c->waiters, it, next) {
        struct waiter *wt = LIST_ITEM(it, struct waiter, node);
        if (wt->run <= run->number)
            waited(wt, run->problem);
    }
    run_free(run);
    if (c->wanted)
        start(c);
    else if (gate_is_closed(&c->traffic->gate))
        timer_set(c->again, AGAIN_NS);
}

// The log hears of a server's problem once, until it is another or over.
static void note_problem(struct run *run, const char *backend, const char *problem)
{
    struct confirm *c = run->confirm;
    unsigned i = 0;
    while (i + 1 < BACKENDS_MAX && c->told[i].backend[0] != '\0' &&
           strcmp(c->told[i].backend, backend) != 0)
        i++;
    if (problem[0] != '\0' && strcmp(c->told[i].problem, problem) != 0)
        LOG_WARN("locks_not_confirmed", LOG_STR("backend", backend), LOG_STR("why", problem));
    text_copy(c->told[i].backend, sizeof c->told[i].backend, backend);
    text_copy(c->told[i].problem, sizeof c->told[i].problem, problem);
    if (problem[0] != '\0' && run->problem[0] == '\0')
        (void)snprintf(run->problem, sizeof run->problem, "%s: %s", backend, problem);
}

static void answer_taken(struct round *r)
{
    struct question *q = LIST_ITEM(r, struct question, round);
    struct run *run = q->run;
    unsigned unseen = 0;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        unseen += q->unseen[i];
    if (unseen > 0 && q->reply.problem[0] == '\0')
        text_copy(q->reply.problem, sizeof q->reply.problem,
                  "the control account is not shown the threads of sessions (privilege PROCESS)");
    note_problem(run, run->routes->backends[q->backend].name, q->reply.problem);
    if (--run->left == 0)
        finish(run);
}

static void answer_came(struct mail *m, void *owner)
{
    struct question *q = (struct question *)(void *)m;
    (void)owner;
    q->round.visit = visit_answer;
    q->round.done = answer_taken;
    round_start(q->run->confirm->traffic, &q->round);
}

static void ask(struct run *run, unsigned backend)
{
    struct confirm *c = run->confirm;
    struct question *q = mem_zalloc(sizeof *q);
    q->run = run;
    q->backend = backend;
    q->reply.mail.deliver = answer_came;
    run->questions[backend] = q;
    run->left++;
    c->holder.ask(c->holder.arg, run->routes->backends[backend].name, c->traffic->main_loop,
                  &q->reply);
}

static void noted(struct round *r)
{
    struct run *run = (struct run *)(void *)r;
    unsigned backends = 0;
    for (unsigned i = 0; i < WORKERS_MAX; i++)
        backends |= run->noted[i];
    for (unsigned i = 0; i < run->routes->count; i++)
        if ((backends >> i & 1) != 0)
            ask(run, i);
    if (run->left == 0)
        finish(run);
}

static void start(struct confirm *c)
{
    struct run *run = mem_zalloc(sizeof *run);
    run->confirm = c;
    run->routes = routes_ref(c->traffic->routes);
    run->all = c->all;
    run->number = ++c->number;
    run->round.visit = visit_note;
    run->round.done = noted;
    c->run = run;
    c->began_ns = clock_now_ns();
    c->wanted = c->all = false;
    round_start(c->traffic, &run->round);
}

void confirm_run(struct confirm *c, bool all)
{
    if (c->holder.ask == NULL)
        return;
    timer_cancel(c->again);
    c->wanted = true;
    c->all = c->all || all;
    if (c->run == NULL)
        start(c);
}

static void again(void *arg)
{
    confirm_run(arg, false);
}

static void run_for_all(void *arg)
{
    confirm_run(arg, true);
}

static void soon_came(struct mail *m, void *owner)
{
    struct confirm *c = ((struct soon *)(void *)m)->confirm;
    int64_t since = clock_now_ns() - c->began_ns;
    (void)owner;
    mem_free(m);
    if (!timer_pending(c->soon))
        timer_set(c->soon, since > AGAIN_NS ? SOON_NS : AGAIN_NS - since);
}

void confirm_soon(struct worker *w)
{
    if (w->confirms_soon)
        return;
    w->confirms_soon = true;
    struct soon *m = mem_zalloc(sizeof *m);
    m->mail.deliver = soon_came;
    m->confirm = w->traffic->confirm;
    loop_post(w->traffic->main_loop, &m->mail);
}

void traffic_confirm(struct traffic *t, void (*done)(void *arg, const char *problem), void *arg)
{
    struct confirm *c = t->confirm;
    struct waiter *wt = mem_zalloc(sizeof *wt);
    wt->confirm = c;
    wt->done = done;
    wt->arg = arg;
    wt->run = c->number + 1;
    wt->timer = timer_new(t->main_loop, waited_enough, wt);
    timer_set(wt->timer, c->holder.ask != NULL ? PATIENCE_NS : 0);
    list_append(&c->waiters, &wt->node);
    confirm_run(c, true);
}

void confirm_set_holder(struct confirm *c, const struct holder *h)
{
    c->holder = *h;
}

struct confirm *confirm_new(struct traffic *t)
{
    struct confirm *c = mem_zalloc(sizeof *c);
    c->traffic = t;
    c->again = timer_new(t->main_loop, again, c);
    c->soon = timer_new(t->main_loop, run_for_all, c);
    list_init(&c->waiters);
    return c;
}

void confirm_free(struct confirm *c)
{
    if (c == NULL)
        return;
    LIST_FOR_EACH (&c->waiters, it, next)
        waiter_free(LIST_ITEM(it, struct waiter, node));
    if (c->run != NULL)
        run_free(c->run);
    timer_free(c->again);
    timer_free(c->soon);
    mem_free(c);
}
