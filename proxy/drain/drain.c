// A drain: each worker judges its open sessions once, then waits, aborts and kills by the clock,
// and tells the main thread as it goes.
//
//   main: drain_start ── round ──> worker: part {entries} <── settled(session), 10 ms step
//         progress, done <── mail ──────────┘
#include "drain/drain.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "drain/policy.h"
#include "session/fleet.h"
#include "session/select.h"

#define STEP_NS (10 * NS_PER_MS)
#define PROGRESS_NS (250 * NS_PER_MS)

enum fate { FATE_OPEN, FATE_READING, FATE_ENDED_WELL, FATE_ABORTED, FATE_KILLED, FATE_GONE };

// One session whose unit of work was open when the drain began.
struct entry {
    uint64_t id;
    struct session *session; // NULL once its fate is known, but for FATE_READING
    struct drain_sentence sentence;
    int64_t acted_ns; // aborted at; 0: not yet
    enum fate fate;
    int64_t fate_ns;
    struct session_row row; // as it was judged
};

// A worker's part; in its thread from the first visit until it reports.
struct part {
    struct drain *drain;
    struct worker *worker;
    struct timer *timer;
    struct entry *entries; // in order of id
    unsigned count;
    unsigned sessions, settled;
    unsigned open; // entries that are FATE_OPEN
    int64_t began_ns, told_ns;
    bool reported;
};

struct drain {
    struct round round;
    struct traffic *traffic;
    const struct config *config; // a reference
    struct drain_order order;
    int64_t timeout_ns;
    struct part *parts;
    unsigned part_count, parts_done;
    struct drain_counts *counts; // the last word of each part
    unsigned visited;            // rounds that are still under way
    void (*progress)(void *arg, const struct drain_counts *counts);
    void (*done)(void *arg, const struct drain_counts *counts, const struct drain_row *rows,
                 unsigned row_count);
    void *arg;
};

// A part's counts on their way to the main thread.
struct report {
    struct mail mail;
    struct drain *drain;
    unsigned index;
    bool last;
    struct drain_counts counts;
};

// --- main thread --------------------------------------------------------------------------------

static void add_counts(struct drain_counts *sum, const struct drain_counts *c)
{
    sum->sessions += c->sessions;
    sum->settled += c->settled;
    sum->ended_well += c->ended_well;
    sum->aborted += c->aborted;
    sum->killed += c->killed;
    sum->gone += c->gone;
    sum->reading += c->reading;
    sum->left += c->left;
}

static int row_kind(const struct entry *e)
{
    switch (e->fate) {
    case FATE_ABORTED: return DRAINED_ABORTED;
    case FATE_KILLED: return DRAINED_KILLED;
    case FATE_OPEN: return DRAINED_LEFT;
    case FATE_READING: return DRAINED_READING;
    default: return -1;
    }
}

static unsigned collect_rows(const struct drain *d, struct drain_row *rows)
{
    unsigned n = 0;
    for (unsigned p = 0; p < d->part_count; p++)
        for (unsigned i = 0; i < d->parts[p].count; i++) {
            const struct entry *e = &d->parts[p].entries[i];
            int kind = row_kind(e);
            if (kind < 0)
                continue;
            rows[n].session = e->row;
            rows[n].after_ns = e->fate_ns;
            rows[n++].what = (unsigned)kind;
        }
    return n;
}

static void drain_free(struct drain *d)
{
    for (unsigned i = 0; i < d->part_count; i++)
        mem_free(d->parts[i].entries);
    mem_free(d->parts);
    mem_free(d->counts);
    config_unref(d->config);
    mem_free(d);
}

static void finish(struct drain *d)
{
    struct drain_counts sum = {0};
    unsigned entries = 0;
    for (unsigned i = 0; i < d->part_count; i++) {
        add_counts(&sum, &d->counts[i]);
        entries += d->parts[i].count;
    }
    struct drain_row *rows = mem_array(entries + 1, sizeof *rows);
    unsigned n = collect_rows(d, rows);
    d->traffic->drain = NULL;
    LOG_INFO("drain_done", LOG_U64("sessions", sum.sessions), LOG_U64("aborted", sum.aborted),
             LOG_U64("killed", sum.killed), LOG_U64("left", sum.left));
    if (d->done != NULL)
        d->done(d->arg, &sum, rows, n);
    mem_free(rows);
    drain_free(d);
}

static void reported(struct mail *m, void *owner)
{
    struct report *r = (struct report *)(void *)m;
    struct drain *d = r->drain;
    (void)owner;
    d->counts[r->index] = r->counts;
    bool last = r->last;
    mem_free(r);
    if (last) {
        d->parts_done++;
    } else if (d->progress != NULL) {
        struct drain_counts sum = {0};
        for (unsigned i = 0; i < d->part_count; i++)
            add_counts(&sum, &d->counts[i]);
        d->progress(d->arg, &sum);
    }
    if (d->parts_done == d->part_count && d->visited == 0)
        finish(d);
}

// --- a worker's part ----------------------------------------------------------------------------

static void count_part(const struct part *p, struct drain_counts *c)
{
    memset(c, 0, sizeof *c);
    c->sessions = p->sessions;
    c->settled = p->settled;
    for (unsigned i = 0; i < p->count; i++) {
        switch (p->entries[i].fate) {
        case FATE_OPEN: c->left++; break;
        case FATE_READING: c->reading++; break;
        case FATE_ENDED_WELL: c->ended_well++; break;
        case FATE_ABORTED: c->aborted++; break;
        case FATE_KILLED: c->killed++; break;
        case FATE_GONE: c->gone++; break;
        }
    }
}

static void tell(struct part *p, bool last)
{
    struct report *r = mem_zalloc(sizeof *r);
    r->mail.deliver = reported;
    r->drain = p->drain;
    r->index = p->worker->index;
    r->last = last;
    count_part(p, &r->counts);
    p->told_ns = worker_now(p->worker);
    p->reported = last;
    if (last) {
        timer_free(p->timer);
        p->timer = NULL;
        p->worker->drain = NULL;
        p->worker->settled = NULL;
    }
    loop_post(p->worker->traffic->main_loop, &r->mail);
}

static void decide_fate(struct part *p, struct entry *e, enum fate fate)
{
    if (e->fate == FATE_OPEN)
        p->open--;
    e->fate = fate;
    e->fate_ns = worker_now(p->worker) - p->began_ns;
    e->session = NULL;
}

static int compare_entry(const void *id, const void *entry)
{
    uint64_t a = *(const uint64_t *)id, b = ((const struct entry *)entry)->id;
    return a < b ? -1 : a > b;
}

static void look_at(struct part *p, struct entry *e)
{
    struct session *s = e->session;
    if (s->dead)
        decide_fate(p, e, e->acted_ns != 0 ? FATE_KILLED : FATE_GONE);
    else if (session_is_settled(s))
        decide_fate(p, e, s->aborted ? FATE_ABORTED : FATE_ENDED_WELL);
}

// Hook: a session of this worker has reached a safe point, or ended.
static void settled(struct worker *w, struct session *s)
{
    struct part *p = w->drain;
    struct entry *e = bsearch(&s->id, p->entries, p->count, sizeof *e, compare_entry);
    if (e == NULL || e->session == NULL)
        return;
    look_at(p, e);
    if (p->open == 0 && !p->reported)
        timer_set(p->timer, 0); // not from in here: the caller is inside the session
}

static void act(struct part *p, struct entry *e, int64_t now)
{
    int64_t aborting = e->acted_ns == 0 ? -1 : now - e->acted_ns;
    switch (drain_next(&e->sentence, now - p->began_ns, aborting)) {
    case DRAIN_STEP_WAIT: return;
    case DRAIN_STEP_ABORT:
        e->acted_ns = now;
        session_abort(e->session, "drain");
        break;
    case DRAIN_STEP_KILL:
        e->acted_ns = now;
        session_kill(e->session, END_DRAINED, NULL);
        break;
    }
}

static void step(void *arg)
{
    struct part *p = arg;
    struct drain *d = p->drain;
    int64_t now = worker_now(p->worker);
    for (unsigned i = 0; i < p->count; i++) {
        struct entry *e = &p->entries[i];
        if (e->fate != FATE_OPEN)
            continue;
        look_at(p, e);
        if (e->fate == FATE_OPEN)
            act(p, e, now);
    }
    bool late = d->timeout_ns > 0 && now - p->began_ns >= d->timeout_ns;
    if (p->open == 0 || late) {
        tell(p, true);
        return;
    }
    if (now - p->told_ns >= PROGRESS_NS)
        tell(p, false);
    timer_set(p->timer, STEP_NS);
}

static void judge(struct part *p, struct session *s)
{
    struct entry *e = &p->entries[p->count++];
    struct sockaddr_storage peer;
    bool has_peer = select_peer(s, &peer);
    struct drain_facts facts = {
        .user = session_name(s, NAME_USER),
        .database = session_name(s, NAME_DATABASE),
        .program = session_name(s, NAME_PROGRAM),
        .peer = has_peer ? (struct sockaddr *)&peer : NULL,
        .unit_age_ns = worker_now(p->worker) - s->unit_ns,
        .reading = session_is_reading(s),
    };
    memset(e, 0, sizeof *e);
    e->id = s->id;
    e->session = s;
    e->sentence = drain_judge(&p->drain->config->drain, &p->drain->order, &facts);
    select_row(s, &e->row);
    s->aborted = false;
    if (e->sentence.excused)
        e->fate = FATE_READING;
    else
        p->open++;
}

static void visit_begin(struct worker *w, struct round *r)
{
    struct drain *d = (struct drain *)(void *)r;
    struct part *p = &d->parts[w->index];
    p->drain = d;
    p->worker = w;
    p->began_ns = p->told_ns = worker_now(w);
    p->entries = mem_array(w->sessions.count + 1, sizeof *p->entries);
    p->timer = timer_new(w->loop, step, p);
    w->drain = p;
    w->settled = settled;
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead)
            continue;
        p->sessions++;
        if (s->state < SESSION_IDLE || session_is_settled(s))
            p->settled++;
        else
            judge(p, s);
    }
    timer_set(p->timer, 0);
}

static void done_begin(struct round *r)
{
    struct drain *d = (struct drain *)(void *)r;
    d->visited--;
    if (d->parts_done == d->part_count && d->visited == 0)
        finish(d);
}

// --- starting and cancelling --------------------------------------------------------------------

enum sl_code drain_start(struct traffic *t, int64_t wait_ns, int then, int64_t timeout_ns,
                         void (*progress)(void *arg, const struct drain_counts *counts),
                         void (*done)(void *arg, const struct drain_counts *counts,
                                      const struct drain_row *rows, unsigned row_count),
                         void *arg, struct sl_error *err)
{
    if (!gate_is_closed(&t->gate))
        return sl_fail(err, SL_ECONFLICT, "the gate is open: pause first");
    if (t->drain != NULL)
        return sl_fail(err, SL_ECONFLICT, "a drain is running already");
    struct drain *d = mem_zalloc(sizeof *d);
    d->traffic = t;
    d->config = config_ref(t->routes->config);
    d->order = (struct drain_order){.wait_ns = wait_ns, .then = then};
    d->timeout_ns = timeout_ns;
    d->part_count = t->worker_count;
    d->parts = mem_array(d->part_count, sizeof *d->parts);
    d->counts = mem_array(d->part_count, sizeof *d->counts);
    d->progress = progress;
    d->done = done;
    d->arg = arg;
    d->visited = 1;
    d->round.visit = visit_begin;
    d->round.done = done_begin;
    t->drain = d;
    round_start(t, &d->round);
    return SL_OK;
}

struct cancel {
    struct round round;
};

static void visit_cancel(struct worker *w, struct round *r)
{
    (void)r;
    struct part *p = w->drain;
    if (p != NULL && !p->reported)
        tell(p, true);
}

static void done_cancel(struct round *r)
{
    mem_free(r);
}

void drain_cancel(struct traffic *t)
{
    struct drain *d = t->drain;
    if (d == NULL)
        return;
    d->progress = NULL;
    d->done = NULL;
    struct cancel *c = mem_zalloc(sizeof *c);
    c->round.visit = visit_cancel;
    c->round.done = done_cancel;
    round_start(t, &c->round);
}
