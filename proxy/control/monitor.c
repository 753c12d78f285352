// Looks at all backends once a second.
//
//   pulse thread ── "look" ──> looker 0 .. n, a thread each, a kept connection each
//        │  <── a view each, as it ends ──┘
//        └── all views, a mail ──> the main loop: seen()
//
// The pulse waits for the lookers, but never past the second: a backend that hangs keeps its last
// view until its time-out says that it is unreachable, and the others are reported as they are.
#include "control/monitor.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "control/lag.h"
#include "control/look.h"
#include "control/sql.h"

#define ROUND_NS NS_PER_S

// Under the monitor's lock, but for `sql` and `sql_generation`.
struct looker {
    struct monitor *monitor;
    struct control_target target;
    unsigned generation;  // counts changes of `target`
    unsigned asked, done; // rounds; the looker works while they differ
    struct backend_view view;
    struct position position, before; // of the last look that worked, and of the one before it
    bool started;
    pthread_t thread;
    struct sql *sql; // of the looker's thread
    unsigned sql_generation;
};

struct monitor {
    struct loop *to;
    void (*seen)(void *arg, const struct backend_view *views, unsigned count);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t changed; // anything below, or in a looker
    bool closing, retargeted;
    unsigned count; // lookers in use
    struct looker lookers[MONITOR_BACKENDS_MAX];
    struct report *posted; // the one that the loop has not delivered yet
    pthread_t pulse;
};

// What is posted. At most one is under way: a slow loop gets fewer, not a queue.
struct report {
    struct mail mail;
    struct monitor *monitor; // NULL: freed meanwhile
    unsigned count;
    struct backend_view views[];
};

// --- reporting ----------------------------------------------------------------------------------

// In the loop's thread, where monitor_free is called, too: the monitor stays for this long.
static void deliver_report(struct mail *mail, void *owner)
{
    (void)owner;
    struct report *r = (struct report *)mail;
    struct monitor *m = r->monitor;
    if (m != NULL) {
        pthread_mutex_lock(&m->lock);
        m->posted = NULL;
        pthread_mutex_unlock(&m->lock);
        m->seen(m->arg, r->views, r->count);
    }
    mem_free(r);
}

// With the lock. Adds to a view what only both sides' positions tell.
static void judge_lag(const struct monitor *m, unsigned target, struct backend_view *view)
{
    struct lag_stand stands[MONITOR_BACKENDS_MAX] = {0};
    for (unsigned i = 0; i < m->count; i++) {
        const struct looker *l = &m->lookers[i];
        stands[i] = (struct lag_stand){l->view.reachable, &l->position, &l->before};
    }
    if (!view->reachable)
        return;
    struct lag lag = lag_of(stands, m->count, target);
    view->lag_transactions = lag.transactions;
    view->lag_bytes = lag.bytes;
    if (lag.doubted && view->lag_seconds <= 0)
        view->lag_seconds = -1;
}

// With the lock.
static void post_report(struct monitor *m)
{
    if (m->posted != NULL || m->closing)
        return;
    struct report *r = mem_zalloc(sizeof *r + m->count * sizeof r->views[0]);
    r->mail.deliver = deliver_report;
    r->monitor = m;
    r->count = m->count;
    for (unsigned i = 0; i < m->count; i++) {
        r->views[i] = m->lookers[i].view;
        judge_lag(m, i, &r->views[i]);
    }
    m->posted = r;
    loop_post(m->to, &r->mail);
}

// --- a looker's thread --------------------------------------------------------------------------

static void log_transition(const struct backend_view *old, const struct backend_view *now)
{
    if (old->looked && old->reachable == now->reachable)
        return;
    if (now->reachable)
        LOG_INFO("backend_reachable", LOG_STR("backend", now->name),
                 LOG_STR("version", now->version), LOG_STR("role", now->role),
                 LOG_STR("problem", now->problem));
    else
        LOG_WARN("backend_unreachable", LOG_STR("backend", now->name),
                 LOG_STR("error", now->problem));
}

// One look, with a new connection if there is none; a kept one that has died is replaced once.
static enum sl_code look_now(struct looker *l, const struct control_target *target,
                             struct backend_view *view, struct position *position,
                             struct sl_error *err)
{
    if (target->user[0] == '\0')
        return sl_fail(err, SL_EDENIED, "no control account (control.user) to look with");
    enum sl_code code = SL_ECLOSED;
    for (int attempt = 0; attempt < 2 && code != SL_OK && code != SL_ETIMEOUT; attempt++) {
        bool kept = l->sql != NULL;
        code = kept ? SL_OK : sql_open(target, &l->sql, err);
        position_release(position);
        if (code == SL_OK)
            code = look(l->sql, view, position, err);
        if (code == SL_OK)
            break;
        sql_close(l->sql);
        l->sql = NULL;
        if (!kept)
            break;
    }
    return code;
}

static struct backend_view blank_view(const char *name)
{
    struct backend_view blank = {
        .lag_seconds = -1, .lag_transactions = -1, .lag_bytes = -1, .role = "unknown"};
    (void)text_copy(blank.name, sizeof blank.name, name);
    return blank;
}

// Without the lock. The view as it is now, from a copy of the target; `position` starts zeroed.
static void make_view(struct looker *l, const struct control_target *target,
                      struct backend_view *view, struct position *position)
{
    struct sl_error err = {0};
    *view = blank_view(target->name);
    view->looked = true;
    view->reachable = look_now(l, target, view, position, &err) == SL_OK;
    view->looked_wall_us = clock_wall_us();
    if (!view->reachable)
        (void)text_copy(view->problem, sizeof view->problem, err.text);
}

static void forget_positions(struct looker *l)
{
    position_release(&l->position);
    position_release(&l->before);
}

// With the lock. The position of one that cannot be reached any more stays: its server id says who
// replicates from it. Takes over `position`.
static void keep_position(struct looker *l, bool reachable, struct position *position)
{
    if (!reachable) {
        position_release(position);
        return;
    }
    position_release(&l->before);
    l->before = l->position;
    l->position = *position;
}

// With the lock. False, and dropped, when the target was replaced meanwhile: look again.
static bool keep_view(struct looker *l, struct backend_view *view, struct position *position)
{
    if (l->generation != l->sql_generation) {
        position_release(position);
        return false;
    }
    keep_position(l, view->reachable, position);
    bool same = l->view.looked && l->view.reachable == view->reachable;
    view->since_wall_us = same ? l->view.since_wall_us : view->looked_wall_us;
    log_transition(&l->view, view);
    l->view = *view;
    return true;
}

static void *looker_main(void *arg)
{
    struct looker *l = arg;
    struct monitor *m = l->monitor;
    struct backend_view view;
    sql_thread_begin();
    pthread_mutex_lock(&m->lock);
    while (!m->closing) {
        if (l->asked == l->done) {
            pthread_cond_wait(&m->changed, &m->lock);
            continue;
        }
        unsigned round = l->asked;
        struct control_target target = l->target;
        bool replaced = l->sql_generation != l->generation;
        l->sql_generation = l->generation;
        pthread_mutex_unlock(&m->lock);
        if (replaced) {
            sql_close(l->sql);
            l->sql = NULL;
        }
        struct position position = {0};
        make_view(l, &target, &view, &position);
        explicit_bzero(target.password, sizeof target.password);
        pthread_mutex_lock(&m->lock);
        if (keep_view(l, &view, &position))
            l->done = round;
        pthread_cond_broadcast(&m->changed);
    }
    pthread_mutex_unlock(&m->lock);
    sql_close(l->sql);
    sql_thread_end();
    return NULL;
}

// --- the pulse ----------------------------------------------------------------------------------

// With the lock. Asks every looker that is not still busy with an earlier round.
static void ask_all(struct monitor *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct looker *l = &m->lookers[i];
        if (!l->started && pthread_create(&l->thread, NULL, looker_main, l) != 0) {
            (void)text_copy(l->view.problem, sizeof l->view.problem, "no thread to look with");
            continue;
        }
        l->started = true;
        if (l->asked == l->done)
            l->asked++;
    }
    pthread_cond_broadcast(&m->changed);
}

static bool all_done(const struct monitor *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (m->lookers[i].asked != m->lookers[i].done)
            return false;
    }
    return true;
}

// With the lock. Waits for the lookers (`for_lookers`) or just for the time; new targets and the
// end cut it short.
static void wait_until(struct monitor *m, int64_t until_ns, bool for_lookers)
{
    while (!m->closing && !m->retargeted && !(for_lookers && all_done(m))) {
        if (!condition_wait_until(&m->changed, &m->lock, until_ns))
            return;
    }
}

static void *pulse_main(void *arg)
{
    struct monitor *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->closing) {
        int64_t next = clock_now_ns() + ROUND_NS;
        m->retargeted = false;
        ask_all(m);
        wait_until(m, next, true);
        if (m->retargeted)
            continue;
        post_report(m);
        wait_until(m, next, false);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

// --- the monitor --------------------------------------------------------------------------------

static void release(struct monitor *m)
{
    for (unsigned i = 0; i < MONITOR_BACKENDS_MAX; i++)
        forget_positions(&m->lookers[i]);
    explicit_bzero(m->lookers, sizeof m->lookers);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

enum sl_code monitor_new(struct loop *to,
                         void (*seen)(void *arg, const struct backend_view *views, unsigned count),
                         void *arg, struct monitor **out, struct sl_error *err)
{
    struct monitor *m = mem_zalloc(sizeof *m);
    m->to = to;
    m->seen = seen;
    m->arg = arg;
    pthread_mutex_init(&m->lock, NULL);
    condition_init(&m->changed);
    for (unsigned i = 0; i < MONITOR_BACKENDS_MAX; i++)
        m->lookers[i].monitor = m;
    int failed = pthread_create(&m->pulse, NULL, pulse_main, m);
    if (failed != 0) {
        release(m);
        return sl_fail_errno(err, SL_EIO, failed, "no thread for the monitor");
    }
    *out = m;
    return SL_OK;
}

// With the lock. The view that goes on under this name, or a blank one.
static struct backend_view view_for(const struct monitor *m, const char *name)
{
    for (unsigned i = 0; i < m->count; i++) {
        if (strcmp(m->lookers[i].target.name, name) == 0)
            return m->lookers[i].view;
    }
    return blank_view(name);
}

void monitor_set_targets(struct monitor *m, const struct control_target *targets, unsigned count)
{
    assert(count <= MONITOR_BACKENDS_MAX);
    struct backend_view views[MONITOR_BACKENDS_MAX];
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < count; i++)
        views[i] = view_for(m, targets[i].name);
    for (unsigned i = 0; i < MONITOR_BACKENDS_MAX; i++) {
        struct looker *l = &m->lookers[i];
        explicit_bzero(&l->target, sizeof l->target);
        forget_positions(l);
        l->generation++;
        if (i < count) {
            l->target = targets[i];
            l->view = views[i];
        }
    }
    m->count = count;
    m->retargeted = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

void monitor_free(struct monitor *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&m->lock);
    m->closing = true;
    if (m->posted != NULL)
        m->posted->monitor = NULL;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->pulse, NULL);
    for (unsigned i = 0; i < MONITOR_BACKENDS_MAX; i++) {
        if (m->lookers[i].started)
            pthread_join(m->lookers[i].thread, NULL);
    }
    release(m);
}
