// Slowing: while a server catches up, each new unit of work waits a little before it is sent.
//
//   command, IDLE ──> SLOWED ── throttle_ns later ──> IDLE, had_turn ──> sent
//
// Work that is open already is not slowed: it holds locks that others wait for.
#include "base/mem.h"
#include "session/fleet.h"

void slow_wait(struct session *s)
{
    struct worker *w = s->worker;
    felt_begin(s, worker_now(w));
    session_set_state(s, SESSION_SLOWED, "new work is slowed");
    if (!timer_pending(w->turns))
        timer_set(w->turns, w->throttle_ns);
}

static void give_turn(struct session *s)
{
    s->had_turn = true;
    felt_slowed(s, s->state_ns);
    if (!s->worker->gate_closed) // else it waits on, for the gate
        felt_forget(s);
    session_set_state(s, SESSION_IDLE, "its turn");
    relay_up_resume(s);
}

void slow_turns(void *worker)
{
    struct worker *w = worker;
    LIST_FOR_EACH (&w->slowed, it, next) {
        struct session *s = LIST_ITEM(it, struct session, queue);
        int64_t left = s->state_ns + w->throttle_ns - worker_now(w);
        if (left > 0) {
            timer_set(w->turns, left);
            return;
        }
        give_turn(s);
    }
}

void slow_set(struct worker *w, int64_t throttle_ns)
{
    w->throttle_ns = throttle_ns;
    if (throttle_ns == 0)
        timer_cancel(w->turns);
    slow_turns(w);
}

// --- for all workers ------------------------------------------------------------------------------

struct slow_round {
    struct round round;
    int64_t delay_ns;
    void (*done)(void *arg);
    void *arg;
};

static void visit(struct worker *w, struct round *r)
{
    if (!w->gate_closed)
        slow_set(w, ((struct slow_round *)(void *)r)->delay_ns);
}

static void all_visited(struct round *r)
{
    struct slow_round *s = (struct slow_round *)(void *)r;
    s->done(s->arg);
    mem_free(s);
}

void traffic_throttle(struct traffic *t, int64_t delay_ns, void (*done)(void *arg), void *arg)
{
    struct slow_round *s = mem_zalloc(sizeof *s);
    s->round.visit = visit;
    s->round.done = all_visited;
    s->delay_ns = delay_ns;
    s->done = done;
    s->arg = arg;
    round_start(t, &s->round);
}
