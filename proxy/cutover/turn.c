// Behind the release: events, and replication turned round. See steps.c for the order.
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/fence_file.h"
#include "cutover/run.h"
#include "cutover/servers.h"
#include "cutover/task.h"

#define TURN_NS (30 * NS_PER_S)
#define AGAIN_MS 200

// number: the scheduler is to run. events: which.
static enum sl_code act_wake_events(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = schedule_enable(sql, &t->events, &t->count, err);
    if (code == SL_OK && t->number != 0)
        code = sql_run(sql, "SET GLOBAL event_scheduler = ON", err);
    return code;
}

static enum sl_code wake_events(struct run *r, const struct patience *p, struct sl_error *err)
{
    struct task *t = task_new(r->plan, &r->plan->target, act_wake_events);
    t->events = schedule_copy(&r->events);
    t->number =
        r->old_fence.event_scheduler || r->target_fence.event_scheduler || r->saved.event_scheduler;
    return task_once(t, r->target, p, err);
}

static enum sl_code act_leave(struct task *t, struct sql *sql, struct sl_error *err)
{
    return follow_leave(sql, t->source.host, t->source.port, err);
}

static enum sl_code act_follow(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = follow_start(sql, &t->source, err);
    while (code == SL_OK || code == SL_EAGAIN) {
        code = follow_check(sql, t->source.host, t->source.port, err);
        if (code != SL_EAGAIN)
            break;
        code = patience_check(&t->by, err);
        if (code == SL_OK)
            code = sql_run(sql, "DO SLEEP(0.02)", err);
    }
    return code;
}

static void fill_source(const struct run *r, const struct control_target *from,
                        struct follow_source *out)
{
    const struct cutover_plan *plan = r->plan;
    bool own = plan->replication_user == NULL;
    text_copy(out->host, sizeof out->host, from->host);
    out->port = from->port;
    text_copy(out->user, sizeof out->user, own ? from->user : plan->replication_user);
    text_copy(out->password, sizeof out->password,
              own ? from->password : plan->replication_password);
    out->tls = from->tls != CONTROL_TLS_DISABLED;
    out->gtid = r->by_gtid;
    text_copy(out->file, sizeof out->file, r->place.file);
    out->offset = r->place.offset;
}

// One way: the target stops following, and the old server follows it, so that a way back exists.
static enum sl_code turn_round(struct run *r, const struct patience *p, struct sl_error *err)
{
    struct task *leave = task_new(r->plan, &r->plan->target, act_leave);
    fill_source(r, &r->plan->old, &leave->source);
    enum sl_code code = task_once(leave, r->target, p, err);
    if (code != SL_OK)
        return code;
    struct task *follow = task_new(r->plan, &r->plan->old, act_follow);
    fill_source(r, &r->plan->target, &follow->source);
    return task_once(follow, r->old, p, err);
}

// Done again it does no harm.
static enum sl_code turn(struct run *r, const struct patience *p, struct sl_error *err)
{
    enum sl_code code = wake_events(r, p, err);
    return code == SL_OK && !r->both_ways ? turn_round(r, p, err) : code;
}

// A server that has just died may be back in a moment.
enum sl_code servers_turn(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, TURN_NS);
    struct sl_error unheard;
    servers_prove_fence(r, &p);
    // What an earlier cutover locked there is open now.
    enum sl_code code = fence_file_remove(r->plan->state_dir, r->plan->target.name, err);
    while (code == SL_OK && task_was_silent(code = turn(r, &p, err)) && !atomic_load(r->stop) &&
           patience_check(&p, &unheard) == SL_OK) {
        (void)poll(NULL, 0, AGAIN_MS);
        code = SL_OK;
    }
    if (code == SL_OK && !r->both_ways)
        conductor_tell(r->conductor, "%s follows %s", r->plan->old.name, r->plan->target.name);
    return code;
}
