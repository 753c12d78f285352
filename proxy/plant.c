// Calls of the conductor's thread that are done in the main loop.
//
//   conductor: call ── mail ──> main loop: begin ── traffic_*, drain_* ── their `done` ──> finish
//        └───────── waits, at most as long as its patience ──────────────────────────────────┘
//
// A call that was given up lives on until its `done` has come: two references.
#include "plant.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "admin/context.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "drain/drain.h"
#include "session/traffic.h"

#define GATE_REASON "cutover"
#define SLICE_NS (5 * NS_PER_MS) // how soon `stop` is seen
#define SHORT_NS (10 * NS_PER_S) // for calls without a patience of their own
#define DRAIN_WORD_NS (30 * NS_PER_MS)

struct plant {
    struct cutover_plant ops;
    struct admin_context *context;
    struct loop *loop;
    struct traffic *traffic;
    struct call *draining; // main loop only
};

struct call {
    struct mail mail;
    struct plant *plant;
    _Atomic unsigned references;
    void (*begin)(struct call *c); // in the main loop
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool done;
    enum sl_code code;
    struct sl_error err;
    // What is asked, and what came of it.
    char backend[33];
    int64_t number;
    bool at_once;                    // of a drain
    struct gate_exceptions *testers; // a reference
    struct warm_counts warm;
    struct drain_counts drained;
    struct drain_row *rows; // heap: of the drain
    unsigned row_count;
    struct session_census census;
    enum felt_look how;
    char target[33];
    struct cutover_look *look; // heap
    uint32_t *ids;             // heap
    unsigned id_count;
};

static struct call *call_new(struct plant *p, void (*begin)(struct call *c))
{
    struct call *c = mem_zalloc(sizeof *c);
    c->plant = p;
    c->begin = begin;
    atomic_init(&c->references, 1);
    pthread_mutex_init(&c->lock, NULL);
    condition_init(&c->wake);
    return c;
}

static void call_unref(struct call *c)
{
    if (atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    mem_free(c->ids);
    mem_free(c->rows);
    mem_free(c->look);
    gate_exceptions_unref(c->testers);
    mem_free(c);
}

// In the main loop, once.
static void finish(struct call *c, enum sl_code code)
{
    pthread_mutex_lock(&c->lock);
    c->code = code;
    c->done = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    call_unref(c);
}

static void delivered(struct mail *m, void *owner)
{
    struct call *c = (struct call *)(void *)m;
    (void)owner;
    c->begin(c);
}

// The call is still the caller's afterwards: call_unref.
static enum sl_code run(struct call *c, const struct patience *p, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    c->mail.deliver = delivered;
    loop_post(c->plant->loop, &c->mail);
    pthread_mutex_lock(&c->lock);
    while (!c->done && (code = patience_check(p, err)) == SL_OK) {
        int64_t slice = clock_now_ns() + SLICE_NS;
        (void)condition_wait_until(&c->wake, &c->lock, slice < p->until_ns ? slice : p->until_ns);
    }
    if (c->done) {
        code = c->code;
        if (code != SL_OK && err != NULL)
            *err = c->err;
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

static enum sl_code run_short(struct call *c, struct sl_error *err)
{
    struct patience p = {.until_ns = clock_now_ns() + SHORT_NS};
    enum sl_code code = run(c, &p, err);
    call_unref(c);
    return code;
}

static void finished(void *arg)
{
    finish(arg, SL_OK);
}

// --- standby links --------------------------------------------------------------------------------

static void warmed(void *arg, const struct warm_counts *counts)
{
    struct call *c = arg;
    c->warm = *counts;
    finish(c, SL_OK);
}

static void begin_warm(struct call *c)
{
    struct traffic *t = c->plant->traffic;
    // Somebody else's order to keep it warm is as good, and asking anew counts them.
    enum sl_code code = traffic_warm(t, c->backend, c->number, NULL, warmed, c, &c->err);
    if (code != SL_OK)
        finish(c, code);
}

static enum sl_code plant_warm(void *arg, const char *backend, const struct patience *p,
                               struct warm_counts *counts, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_warm);
    text_copy(c->backend, sizeof c->backend, backend);
    c->number = p->until_ns - clock_now_ns();
    enum sl_code code = run(c, p, err);
    if (code == SL_OK)
        *counts = c->warm;
    call_unref(c);
    return code;
}

static void begin_cool(struct call *c)
{
    struct traffic *t = c->plant->traffic;
    enum sl_code code = SL_OK;
    if (traffic_warm_target(t)[0] != '\0')
        code = traffic_warm(t, NULL, 0, NULL, NULL, NULL, &c->err);
    finish(c, code);
}

static enum sl_code plant_cool(void *arg, struct sl_error *err)
{
    return run_short(call_new(arg, begin_cool), err);
}

// --- slowing, holding, releasing ------------------------------------------------------------------

static void begin_throttle(struct call *c)
{
    traffic_throttle(c->plant->traffic, c->number, finished, c);
}

static enum sl_code plant_throttle(void *arg, int64_t delay_ns, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_throttle);
    c->number = delay_ns;
    return run_short(c, err);
}

static void held(void *arg, int64_t took_ns)
{
    (void)took_ns;
    finish(arg, SL_OK);
}

static void begin_hold(struct call *c)
{
    enum sl_code code =
        traffic_pause(c->plant->traffic, GATE_REASON, "cutover", 0, held, c, &c->err);
    if (code != SL_OK)
        finish(c, code);
}

static enum sl_code plant_hold(void *arg, const struct patience *p, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_hold);
    enum sl_code code = run(c, p, err);
    call_unref(c);
    return code;
}

static void begin_let_in(struct call *c)
{
    enum sl_code code =
        traffic_except(c->plant->traffic, GATE_REASON, c->testers, finished, c, &c->err);
    if (code != SL_OK)
        finish(c, code);
}

static enum sl_code plant_let_in(void *arg, struct gate_exceptions *testers, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_let_in);
    c->testers = gate_exceptions_ref(testers);
    return run_short(c, err);
}

// A reason that does not hold is as good as ended.
static void begin_release(struct call *c)
{
    enum sl_code code = traffic_resume(c->plant->traffic, GATE_REASON, finished, c, &c->err);
    if (code != SL_OK)
        finish(c, code == SL_ENOTFOUND ? SL_OK : code);
}

static enum sl_code plant_release(void *arg, struct sl_error *err)
{
    return run_short(call_new(arg, begin_release), err);
}

// --- draining -------------------------------------------------------------------------------------

static void drained(void *arg, const struct drain_counts *counts, const struct drain_row *rows,
                    unsigned row_count)
{
    struct call *c = arg;
    pthread_mutex_lock(&c->lock);
    c->rows = mem_array(row_count + 1, sizeof *rows);
    memcpy(c->rows, rows, row_count * sizeof *rows);
    c->row_count = row_count;
    pthread_mutex_unlock(&c->lock);
    c->plant->draining = NULL;
    c->drained = *counts;
    finish(c, counts->left == 0
                  ? SL_OK
                  : sl_fail(&c->err, SL_ETIMEOUT, "%u sessions are still at work", counts->left));
}

static void begin_drain(struct call *c)
{
    struct traffic *t = c->plant->traffic;
    c->plant->draining = c;
    int64_t wait_ns = c->at_once ? 0 : -1;
    int then = c->at_once ? DRAIN_ABORT : -1;
    enum sl_code code = drain_start(t, wait_ns, then, c->number, NULL, drained, c, &c->err);
    if (code != SL_OK) {
        c->plant->draining = NULL;
        finish(c, code);
    }
}

// Whoever waited for it has gone, or hears that it is over.
static void begin_end_drain(struct call *c)
{
    struct plant *p = c->plant;
    struct call *running = p->draining;
    if (running != NULL) {
        p->draining = NULL;
        drain_cancel(p->traffic);
        finish(running, sl_fail(&running->err, SL_ECLOSED, "the drain was ended"));
    }
    finish(c, SL_OK);
}

static enum sl_code plant_end_drain(void *arg, struct sl_error *err)
{
    return run_short(call_new(arg, begin_end_drain), err);
}

static enum sl_code plant_drain(void *arg, bool at_once, const struct patience *p,
                                struct drain_counts *counts, struct drain_row *rows,
                                unsigned *row_count, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_drain);
    // It ends before we stop waiting, and says what is left.
    c->number = p->until_ns - clock_now_ns() - DRAIN_WORD_NS;
    c->number = c->number > NS_PER_MS ? c->number : NS_PER_MS;
    c->at_once = at_once;
    enum sl_code code = run(c, p, err);
    pthread_mutex_lock(&c->lock);
    *counts = c->drained;
    *row_count = c->row_count < *row_count ? c->row_count : *row_count;
    if (*row_count > 0)
        memcpy(rows, c->rows, *row_count * sizeof *rows);
    pthread_mutex_unlock(&c->lock);
    call_unref(c);
    return code;
}

// --- routes, looking --------------------------------------------------------------------------------

static void begin_repoint(struct call *c)
{
    struct admin_context *context = c->plant->context;
    finish(c, context->repoint(context->arg, c->backend, false, &c->err));
}

static enum sl_code plant_repoint(void *arg, const char *backend, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_repoint);
    text_copy(c->backend, sizeof c->backend, backend);
    return run_short(c, err);
}

static void have_links(void *arg, const uint32_t *ids, unsigned count)
{
    struct call *c = arg;
    c->ids = mem_array(count + 1, sizeof *c->ids);
    if (count > 0)
        memcpy(c->ids, ids, count * sizeof *ids);
    c->id_count = count;
    finish(c, SL_OK);
}

static void begin_links(struct call *c)
{
    traffic_links(c->plant->traffic, c->backend, have_links, c);
}

static enum sl_code plant_links(void *arg, const char *backend, const struct patience *p,
                                uint32_t **ids, unsigned *count, struct sl_error *err)
{
    struct call *c = call_new(arg, begin_links);
    text_copy(c->backend, sizeof c->backend, backend);
    enum sl_code code = run(c, p, err);
    if (code == SL_OK) {
        *ids = c->ids;
        *count = c->id_count;
        c->ids = NULL;
    }
    call_unref(c);
    return code;
}

static void count_session(const struct session_row *s, unsigned *by_obstacle,
                          struct session_census *out)
{
    uint32_t reasons = s->movable ? 0 : s->obstacles & obstacle_mask(OBSTACLE_STAYS);
    out->sessions++;
    out->staying += reasons != 0 ? 1 : 0;
    for (unsigned o = 0; o < OBSTACLE_COUNT; o++)
        by_obstacle[o] += (reasons & (UINT32_C(1) << o)) != 0 ? 1 : 0;
}

static void have_sessions(void *arg, const struct session_row *rows, unsigned count, unsigned total)
{
    struct call *c = arg;
    struct session_census *out = &c->census;
    unsigned by_obstacle[OBSTACLE_COUNT] = {0};
    size_t n = 0;
    (void)total;
    for (unsigned i = 0; i < count; i++)
        count_session(&rows[i], by_obstacle, out);
    for (unsigned o = 0; o < OBSTACLE_COUNT && n < sizeof out->reasons; o++)
        if (by_obstacle[o] > 0)
            n += (size_t)snprintf(out->reasons + n, sizeof out->reasons - n, "%s%u %s",
                                  n > 0 ? ", " : "", by_obstacle[o],
                                  obstacle_info((enum obstacle)o)->name);
    finish(c, SL_OK);
}

static void begin_census(struct call *c)
{
    struct session_filter any = {.state = -1, .obstacle = -1};
    traffic_sessions(c->plant->traffic, &any, 0, have_sessions, c);
}

static enum sl_code plant_census(void *arg, const struct patience *p, struct session_census *out,
                                 struct sl_error *err)
{
    struct call *c = call_new(arg, begin_census);
    enum sl_code code = run(c, p, err);
    if (code == SL_OK)
        *out = c->census;
    call_unref(c);
    return code;
}

// --- what clients feel ------------------------------------------------------------------------------

static struct server_look view_of(const struct admin_context *context, const char *name)
{
    struct server_look l = {.lag_seconds = -1, .lag_transactions = -1};
    for (unsigned i = 0; context->views != NULL && i < context->view_count; i++) {
        const struct backend_view *v = &context->views[i];
        if (strcmp(v->name, name) == 0 && v->looked && v->reachable)
            l = (struct server_look){true, v->threads_running, v->queries, v->lag_seconds,
                                     v->lag_transactions};
    }
    return l;
}

static void have_felt(void *arg, const struct felt *sum)
{
    struct call *c = arg;
    struct cutover_look *l = c->look;
    l->felt = *sum;
    l->at_ns = clock_now_ns();
    traffic_counters(c->plant->traffic, &l->stats);
    l->old = view_of(c->plant->context, c->backend);
    l->target = view_of(c->plant->context, c->target);
    finish(c, SL_OK);
}

static void begin_look(struct call *c)
{
    traffic_felt(c->plant->traffic, c->how, have_felt, c);
}

static enum sl_code plant_look(void *arg, enum felt_look how, const char *old, const char *target,
                               const struct patience *p, struct cutover_look *out,
                               struct sl_error *err)
{
    struct call *c = call_new(arg, begin_look);
    c->how = how;
    c->look = mem_zalloc(sizeof *c->look);
    text_copy(c->backend, sizeof c->backend, old);
    text_copy(c->target, sizeof c->target, target);
    enum sl_code code = run(c, p, err);
    if (code == SL_OK)
        *out = *c->look;
    call_unref(c);
    return code;
}

struct plant *plant_new(struct admin_context *context)
{
    struct plant *p = mem_zalloc(sizeof *p);
    p->context = context;
    p->loop = context->loop;
    p->traffic = context->traffic;
    p->ops = (struct cutover_plant){
        .arg = p,
        .warm = plant_warm,
        .cool = plant_cool,
        .throttle = plant_throttle,
        .hold = plant_hold,
        .let_in = plant_let_in,
        .release = plant_release,
        .drain = plant_drain,
        .end_drain = plant_end_drain,
        .repoint = plant_repoint,
        .links = plant_links,
        .census = plant_census,
        .look = plant_look,
    };
    return p;
}

const struct cutover_plant *plant_ops(struct plant *p)
{
    return &p->ops;
}

void plant_free(struct plant *p)
{
    mem_free(p);
}
