// Kills on the backends, one at a time in the backend's lane (lane.h).
//
//   any thread: killer_kill ──> lane ──> KILL n        done mail ──> the asker's loop
#include "control/killer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "control/lane.h"

#define ER_UNKNOWN_THREAD 1094 // ER_NO_SUCH_THREAD: it has gone by itself

struct kill_job {
    struct lane_job job;
    uint32_t thread_id;
    bool query_only;
    struct loop *reply_to; // borrowed; NULL when `done` is
    struct mail *done;     // ours until it is posted
};

struct killer_service {
    struct lanes *lanes;
};

static enum sl_code kill_run(struct sql *sql, struct list *jobs, struct sl_error *err)
{
    const struct kill_job *j = LIST_ITEM(list_first(jobs), struct kill_job, job.node);
    char statement[48];
    (void)snprintf(statement, sizeof statement, "KILL %s%" PRIu32, j->query_only ? "QUERY " : "",
                   j->thread_id);
    enum sl_code code = sql_run(sql, statement, err);
    return code != SL_OK && sql_errno(sql) == ER_UNKNOWN_THREAD ? SL_OK : code;
}

static void kill_end(struct lane_job *job, const struct lane_end *end)
{
    struct kill_job *j = LIST_ITEM(job, struct kill_job, job);
    if (end->code == SL_OK)
        LOG_DEBUG("killed", LOG_STR("backend", job->backend), LOG_U64("thread_id", j->thread_id),
                  LOG_BOOL("query_only", j->query_only));
    else if (!end->repeated)
        LOG_WARN("kill_failed", LOG_STR("backend", job->backend),
                 LOG_U64("thread_id", j->thread_id), LOG_BOOL("query_only", j->query_only),
                 LOG_STR("error", end->problem));
    if (j->done != NULL)
        loop_post(j->reply_to, j->done);
    mem_free(j);
}

static const struct lane_work kill_work = {
    .what = "kills", .batch = 1, .queue = 4096, .run = kill_run, .end = kill_end};

enum sl_code killer_new(struct killer_service **out, struct sl_error *err)
{
    (void)err;
    *out = mem_zalloc(sizeof **out);
    (*out)->lanes = lanes_new(&kill_work);
    return SL_OK;
}

void killer_set_targets(struct killer_service *k, const struct control_target *targets,
                        unsigned count)
{
    lanes_set_targets(k->lanes, targets, count);
}

void killer_kill(struct killer_service *k, const char *backend, uint32_t thread_id, bool query_only,
                 struct loop *reply_to, struct mail *done)
{
    assert(done == NULL || reply_to != NULL);
    struct kill_job *j = mem_zalloc(sizeof *j);
    j->thread_id = thread_id;
    j->query_only = query_only;
    j->reply_to = reply_to;
    j->done = done;
    lanes_add(k->lanes, backend, &j->job);
}

void killer_free(struct killer_service *k)
{
    if (k == NULL)
        return;
    lanes_free(k->lanes);
    mem_free(k);
}
