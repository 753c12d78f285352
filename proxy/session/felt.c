// Noting what clients felt, and adding it up. See felt.h.
#include "session/felt.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"

void felt_count_end(struct felt *f, const char *reason, const char *user, const char *why,
                    unsigned count)
{
    struct felt_end row = {.reason = reason, .count = count};
    text_copy(row.user, sizeof row.user, user);
    text_copy(row.why, sizeof row.why, why != NULL ? why : "");
    for (unsigned i = 0; i < f->end_count; i++) {
        struct felt_end *e = &f->ends[i];
        if (strcmp(e->reason, reason) == 0 && strcmp(e->user, row.user) == 0 &&
            strcmp(e->why, row.why) == 0) {
            e->count += count;
            return;
        }
    }
    if (f->end_count < FELT_ENDS_MAX)
        f->ends[f->end_count++] = row;
    else
        f->ends_more += count;
}

static int64_t lasted(const struct felt_longest *l)
{
    return l->arrived_ns != 0 ? l->answered_ns - l->arrived_ns : -1;
}

void felt_merge(struct felt *into, const struct felt *from)
{
    spread_merge(&into->waits, &from->waits);
    spread_merge(&into->slowed, &from->slowed);
    spread_merge(&into->answers, &from->answers);
    into->connections += from->connections;
    into->waiting += from->waiting;
    if (lasted(&from->longest) > lasted(&into->longest))
        into->longest = from->longest;
    for (unsigned i = 0; i < from->end_count; i++) {
        const struct felt_end *e = &from->ends[i];
        felt_count_end(into, e->reason, e->user, e->why, e->count);
    }
    into->ends_more += from->ends_more;
}

// --- in a worker's thread -----------------------------------------------------------------------

void felt_begin(struct session *s, int64_t since_ns)
{
    if (s->waits_ns != 0)
        return;
    s->waits_ns = since_ns;
    s->worker->felt.waiting++;
}

void felt_forget(struct session *s)
{
    if (s->waits_ns == 0)
        return;
    s->waits_ns = 0;
    s->worker->felt.waiting--;
}

void felt_answered(struct session *s)
{
    struct felt *f = &s->worker->felt;
    int64_t now = worker_now(s->worker);
    bool connection = s->state < SESSION_IDLE;
    if (s->waits_ns == 0)
        return;
    struct felt_longest this = {.arrived_ns = s->waits_ns,
                                .opened_ns = f->opened_ns > s->waits_ns ? f->opened_ns : 0,
                                .sent_ns = s->sent_ns > s->waits_ns ? s->sent_ns : 0,
                                .answered_ns = now,
                                .session = s->id,
                                .connection = connection,
                                .moved = s->moved};
    spread_add(&f->waits, now - s->waits_ns);
    f->connections += connection;
    if (lasted(&this) > lasted(&f->longest)) {
        f->longest = this;
        text_copy(f->longest.user, sizeof f->longest.user, session_name(s, NAME_USER));
    }
    felt_forget(s);
}

void felt_slowed(struct session *s, int64_t since_ns)
{
    spread_add(&s->worker->felt.slowed, worker_now(s->worker) - since_ns);
}

void felt_ended(struct session *s, const char *reason, const char *why)
{
    felt_answered(s); // the error is its answer
    felt_count_end(&s->worker->felt, reason, session_name(s, NAME_USER), why, 1);
}

// --- for all workers ----------------------------------------------------------------------------

struct felt_round {
    struct round round;
    enum felt_look look;
    struct felt *parts; // heap, one a worker
    void (*done)(void *arg, const struct felt *sum);
    void *arg;
};

static void visit(struct worker *w, struct round *r)
{
    struct felt_round *f = (struct felt_round *)(void *)r;
    struct felt *mine = &w->felt;
    unsigned waiting = mine->waiting;
    if (f->look == FELT_BEGIN) {
        *mine = (struct felt){.waiting = waiting, .sampling = true};
        return;
    }
    f->parts[w->index] = *mine;
    mine->answers = (struct spread){0};
    mine->sampling = f->look != FELT_END;
}

static void all_visited(struct round *r)
{
    struct felt_round *f = (struct felt_round *)(void *)r;
    struct felt *sum = &f->parts[0];
    for (unsigned i = 1; i < r->traffic->worker_count; i++)
        felt_merge(sum, &f->parts[i]);
    f->done(f->arg, sum);
    mem_free(f->parts);
    mem_free(f);
}

void traffic_felt(struct traffic *t, enum felt_look look,
                  void (*done)(void *arg, const struct felt *sum), void *arg)
{
    struct felt_round *f = mem_zalloc(sizeof *f);
    f->round.visit = visit;
    f->round.done = all_visited;
    f->look = look;
    f->parts = mem_array(t->worker_count, sizeof *f->parts);
    f->done = done;
    f->arg = arg;
    round_start(t, &f->round);
}
