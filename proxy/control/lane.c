// Jobs at the backends. See lane.h for the picture; here is what holds them together: one lock for
// all queues and targets, never held over anything that waits for a server or calls the work.
#include "control/lane.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control/condition.h"

#define IDLE_NS (30 * NS_PER_S) // a connection that nobody needs is kept for so long

// Everything but `link` and `link_generation` under the lock.
struct lane {
    struct lanes *all;
    struct control_target target; // name "" while the lane is free
    unsigned generation;          // counts changes of `target`
    bool account_missing_said;
    struct list jobs;
    pthread_cond_t wake;
    bool started;
    pthread_t thread;
    struct sql *link; // of the lane's thread
    unsigned link_generation;
};

struct lanes {
    const struct lane_work *work;
    pthread_mutex_t lock;
    bool closing;
    struct lane lanes[LANES_MAX];
};

// --- jobs ---------------------------------------------------------------------------------------

// Moves at most `most` jobs to `out`, so that they can be done or ended without the lock.
static void take(struct lane *lane, unsigned most, struct list *out)
{
    LIST_FOR_EACH (&lane->jobs, it, next) {
        if (most-- == 0)
            return;
        list_remove(&lane->jobs, it);
        list_append(out, it);
    }
}

static void take_all(struct lane *lane, struct list *out)
{
    take(lane, UINT32_MAX, out);
}

static void end_all(struct lanes *l, struct list *jobs, enum sl_code code, const char *problem)
{
    const struct lane_end end = {.code = code, .problem = code == SL_OK ? "" : problem};
    LIST_FOR_EACH (jobs, it, next) {
        list_remove(jobs, it);
        l->work->end(LIST_ITEM(it, struct lane_job, node), &end);
    }
}

// --- a lane's thread ----------------------------------------------------------------------------

static void close_link(struct lane *lane)
{
    sql_close(lane->link);
    lane->link = NULL;
}

static enum sl_code run_once(struct lane *lane, struct list *jobs, struct sl_error *err)
{
    enum sl_code code = lane->all->work->run(lane->link, jobs, err);
    if (code != SL_OK && sql_lost(lane->link))
        close_link(lane);
    return code;
}

// A kept connection may have died since, so its loss is tried again on a new one; a server that
// does not answer gets no second chance to make everybody wait.
static enum sl_code run_now(struct lane *lane, const struct control_target *target,
                            struct list *jobs, struct sl_error *err)
{
    enum sl_code code = SL_ECLOSED;
    if (lane->link != NULL)
        code = run_once(lane, jobs, err);
    if (lane->link != NULL || code == SL_ETIMEOUT)
        return code;
    code = sql_open(target, &lane->link, err);
    return code == SL_OK ? run_once(lane, jobs, err) : code;
}

// Waits for jobs and takes a batch; false when everything ends. Drops the connection after idling.
// With the lock, which it gives up while it waits or closes.
static bool next_batch(struct lane *lane, struct list *jobs)
{
    struct lanes *l = lane->all;
    while (!l->closing && lane->jobs.count == 0) {
        if (lane->link == NULL) {
            pthread_cond_wait(&lane->wake, &l->lock);
            continue;
        }
        if (!condition_wait_until(&lane->wake, &l->lock, clock_now_ns() + IDLE_NS)) {
            pthread_mutex_unlock(&l->lock);
            close_link(lane);
            pthread_mutex_lock(&l->lock);
        }
    }
    if (l->closing)
        return false;
    take(lane, l->work->batch, jobs);
    return true;
}

// Without the lock. When the server does not answer, the jobs that queued meanwhile fail with these:
// each would wait for the same time-outs in turn.
static void do_batch(struct lane *lane, const struct control_target *target, struct list *jobs)
{
    struct lanes *l = lane->all;
    struct sl_error err = {0};
    enum sl_code code = run_now(lane, target, jobs, &err);
    if (code != SL_OK && lane->link == NULL) {
        pthread_mutex_lock(&l->lock);
        if (lane->generation == lane->link_generation)
            take_all(lane, jobs);
        pthread_mutex_unlock(&l->lock);
    }
    end_all(l, jobs, code, err.text);
}

static void *lane_main(void *arg)
{
    struct lane *lane = arg;
    struct lanes *l = lane->all;
    struct list jobs;
    list_init(&jobs);
    sql_thread_begin();
    pthread_mutex_lock(&l->lock);
    while (next_batch(lane, &jobs)) {
        struct control_target target = lane->target;
        bool changed = lane->link_generation != lane->generation;
        lane->link_generation = lane->generation;
        pthread_mutex_unlock(&l->lock);
        if (changed)
            close_link(lane);
        do_batch(lane, &target, &jobs);
        explicit_bzero(target.password, sizeof target.password);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    close_link(lane);
    sql_thread_end();
    return NULL;
}

// --- targets ------------------------------------------------------------------------------------

struct lanes *lanes_new(const struct lane_work *work)
{
    struct lanes *l = mem_zalloc(sizeof *l);
    assert(work->batch > 0);
    l->work = work;
    pthread_mutex_init(&l->lock, NULL);
    for (unsigned i = 0; i < LANES_MAX; i++) {
        l->lanes[i].all = l;
        list_init(&l->lanes[i].jobs);
        condition_init(&l->lanes[i].wake);
    }
    return l;
}

// With the lock; "" finds a free lane.
static struct lane *find_lane(struct lanes *l, const char *backend)
{
    for (unsigned i = 0; i < LANES_MAX; i++) {
        if (strcmp(l->lanes[i].target.name, backend) == 0)
            return &l->lanes[i];
    }
    return NULL;
}

// With the lock. A NULL target frees the lane; its thread stays for the next one.
static void set_target(struct lane *lane, const struct control_target *target)
{
    explicit_bzero(&lane->target, sizeof lane->target);
    if (target != NULL)
        lane->target = *target;
    lane->generation++;
    lane->account_missing_said = false;
}

static bool is_listed(const char *name, const struct control_target *targets, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(targets[i].name, name) == 0)
            return true;
    }
    return false;
}

void lanes_set_targets(struct lanes *l, const struct control_target *targets, unsigned count)
{
    assert(count <= LANES_MAX);
    struct list orphans;
    list_init(&orphans);
    pthread_mutex_lock(&l->lock);
    for (unsigned i = 0; i < LANES_MAX; i++) {
        struct lane *lane = &l->lanes[i];
        if (lane->target.name[0] != '\0' && !is_listed(lane->target.name, targets, count)) {
            take_all(lane, &orphans);
            set_target(lane, NULL);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        struct lane *lane = find_lane(l, targets[i].name);
        if (lane == NULL)
            lane = find_lane(l, "");
        assert(lane != NULL);
        set_target(lane, &targets[i]);
    }
    pthread_mutex_unlock(&l->lock);
    end_all(l, &orphans, SL_ENOTFOUND, "the backend is not configured any more");
}

// --- adding and ending --------------------------------------------------------------------------

static bool has_account(const struct lane *lane)
{
    return lane->target.user[0] != '\0';
}

// With the lock. SL_OK when the job is queued, else why it is not.
static enum sl_code enqueue(struct lanes *l, struct lane *lane, struct lane_job *job,
                            struct sl_error *err)
{
    if (lane == NULL)
        return sl_fail(err, SL_ENOTFOUND, "no such backend");
    if (!has_account(lane))
        return sl_fail(err, SL_EDENIED, "no control account (control.user)");
    if (l->closing)
        return sl_fail(err, SL_ECLOSED, "shutting down");
    if (lane->jobs.count >= l->work->queue)
        return sl_fail(err, SL_ETOOBIG, "too many %s wait for this backend", l->work->what);
    if (!lane->started && pthread_create(&lane->thread, NULL, lane_main, lane) != 0)
        return sl_fail(err, SL_EIO, "no thread for this backend");
    lane->started = true;
    list_append(&lane->jobs, &job->node);
    pthread_cond_signal(&lane->wake);
    return SL_OK;
}

// With the lock. Without an account every job fails; it need be said only once.
static bool is_said_already(struct lane *lane)
{
    if (lane == NULL || has_account(lane))
        return false;
    bool said = lane->account_missing_said;
    lane->account_missing_said = true;
    return said;
}

void lanes_add(struct lanes *l, const char *backend, struct lane_job *job)
{
    struct sl_error err = {0};
    job->node = (struct list_node){0};
    (void)snprintf(job->backend, sizeof job->backend, "%s", backend);
    pthread_mutex_lock(&l->lock);
    struct lane *lane = backend[0] != '\0' ? find_lane(l, backend) : NULL;
    enum sl_code code = enqueue(l, lane, job, &err);
    bool repeated = code != SL_OK && is_said_already(lane);
    pthread_mutex_unlock(&l->lock);
    if (code == SL_OK)
        return; // the lane may have ended it already
    l->work->end(job, &(struct lane_end){code, err.text, repeated});
}

void lanes_free(struct lanes *l)
{
    if (l == NULL)
        return;
    struct list owed;
    list_init(&owed);
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    for (unsigned i = 0; i < LANES_MAX; i++) {
        take_all(&l->lanes[i], &owed);
        pthread_cond_signal(&l->lanes[i].wake);
    }
    pthread_mutex_unlock(&l->lock);
    end_all(l, &owed, SL_ECLOSED, "shutting down");
    for (unsigned i = 0; i < LANES_MAX; i++) {
        if (l->lanes[i].started)
            pthread_join(l->lanes[i].thread, NULL);
        pthread_cond_destroy(&l->lanes[i].wake);
        explicit_bzero(&l->lanes[i].target, sizeof l->lanes[i].target);
    }
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}
