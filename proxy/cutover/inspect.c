// What the preflight needs, gathered in the conductor's thread.
//
// The target is looked at before the old server: what has come through replication meanwhile is
// then on both, and what only the target has is errant.
#include "cutover/inspect.h"

#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/look.h"
#include "cutover/catch_up.h"
#include "cutover/fence_file.h"
#include "cutover/preflight.h"
#include "cutover/report.h"
#include "cutover/run.h"
#include "cutover/task.h"

#define SERVER_NS (10 * NS_PER_S)  // for some statements, while nobody is held
#define TRAFFIC_NS (10 * NS_PER_S) // for what only threads of ours have to do

struct inspected {
    struct facts facts;
    struct position position;
    char problem[SL_ERROR_TEXT_MAX], replication_error[256];
};

struct inspection {
    struct inspected old, target;
    struct preflight_input in;
    uint32_t *ours; // heap
    struct preflight found;
};

static void inspection_free(struct inspection *i)
{
    facts_release(&i->old.facts);
    facts_release(&i->target.facts);
    position_release(&i->old.position);
    position_release(&i->target.position);
    mem_free(i->ours);
    mem_free(i);
}

// --- one server ---------------------------------------------------------------------------------

static enum sl_code act_inspect(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct fence_rules rules = cutover_plan_rules(t->plan, t->on);
    struct backend_view *view = mem_zalloc(sizeof *view);
    facts_release(&t->facts);
    position_release(&t->position);
    enum sl_code code = facts_ask(sql, &rules, &t->facts, err);
    if (code == SL_OK)
        code = look(sql, view, &t->position, err);
    if (view->problem[0] != '\0' && t->facts.denied[0] == '\0')
        text_copy(t->facts.denied, sizeof t->facts.denied, view->problem);
    text_copy(t->problem, sizeof t->problem, view->replication_error);
    mem_free(view);
    return code;
}

// A server that cannot be asked is a finding; only the operator's abort is a failure.
static enum sl_code inspect(struct run *r, struct hand *h, const struct control_target *on,
                            struct inspected *out, struct sl_error *err)
{
    struct sl_error why = {0};
    struct patience p = run_patience(r, SERVER_NS);
    struct task *t = task_new(r->plan, on, act_inspect);
    if (task_do(&t, h, &p, &why) == SL_OK) {
        out->facts = t->facts;
        out->position = t->position;
        text_copy(out->replication_error, sizeof out->replication_error, t->problem);
        t->facts = (struct facts){0};
        t->position = (struct position){0};
    } else {
        text_copy(out->problem, sizeof out->problem, why.text);
    }
    task_free(t);
    p.until_ns = INT64_MAX;
    return patience_check(&p, err);
}

static struct preflight_server as_input(const char *name, const struct inspected *i)
{
    return (struct preflight_server){.name = name,
                                     .problem = i->problem,
                                     .facts = &i->facts,
                                     .position = &i->position,
                                     .replication_error = i->replication_error};
}

// --- the rest -----------------------------------------------------------------------------------

// By waiting for it: the seconds that a server tells are of its relay log only.
static void measure_lag(struct run *r, struct inspection *i)
{
    struct sl_error why = {0};
    struct patience p = run_patience(r, i->in.max_lag_ns);
    const struct replica_channel *c = position_channel(&i->target.position, &i->old.position);
    if (c == NULL || !c->io_running || !c->sql_running ||
        position_gap(&i->old.position, &i->target.position).kind == GAP_UNKNOWN)
        return;
    enum sl_code code = catch_up_to(r, &i->old.position, &p, &i->in.lag_ns, &why);
    i->in.lag = code == SL_OK ? LAG_MEASURED : code == SL_ETIMEOUT ? LAG_TOO_LONG : LAG_UNASKED;
}

static enum sl_code ask_traffic(struct run *r, struct inspection *i, struct sl_error *err)
{
    struct patience p = run_patience(r, TRAFFIC_NS);
    void *arg = r->plant->arg;
    enum sl_code code =
        r->plant->links(arg, r->plan->old.name, &p, &i->ours, &i->in.our_count, err);
    i->in.ours = i->ours;
    return code == SL_OK ? r->plant->census(arg, &p, &i->in.census, err) : code;
}

static int64_t disk_free(const char *folder)
{
    struct statvfs s;
    return statvfs(folder, &s) == 0 ? (int64_t)s.f_bavail * (int64_t)s.f_frsize : -1;
}

static enum sl_code act_events(struct task *t, struct sql *sql, struct sl_error *err)
{
    schedule_release(&t->events);
    return schedule_look(sql, &t->events, err);
}

static enum sl_code look_at_events(struct run *r, struct sl_error *err)
{
    struct patience p = run_patience(r, SERVER_NS);
    struct task *t = task_new(r->plan, &r->plan->old, act_events);
    enum sl_code code = task_do(&t, r->old, &p, err);
    if (code == SL_OK) {
        r->events = t->events;
        t->events = (struct schedule){0};
    }
    task_free(t);
    return code;
}

// --- together -----------------------------------------------------------------------------------

static enum sl_code gather(struct run *r, struct inspection *i, struct sl_error *err)
{
    const struct cutover_plan *plan = r->plan;
    enum sl_code code = inspect(r, r->target, &plan->target, &i->target, err);
    if (code == SL_OK)
        code = inspect(r, r->old, &plan->old, &i->old, err);
    if (code != SL_OK)
        return code;
    i->in = (struct preflight_input){.old = as_input(plan->old.name, &i->old),
                                     .target = as_input(plan->target.name, &i->target),
                                     .max_lag_ns = plan->max_lag_ns,
                                     .saved = &r->saved,
                                     .seen = cutover_plan_rules(plan, &plan->old).seen,
                                     .testers = gate_exceptions_count(plan->testers),
                                     .asks = plan->ask || plan->check,
                                     .state_dir = plan->state_dir,
                                     .disk_free = disk_free(plan->state_dir)};
    measure_lag(r, i);
    return ask_traffic(r, i, err);
}

enum sl_code inspect_servers(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct inspection *i = mem_zalloc(sizeof *i);
    enum sl_code code = fence_file_load(r->plan->state_dir, r->plan->target.name, &r->saved, err);
    if (code == SL_OK)
        code = gather(r, i, err);
    if (code == SL_OK) {
        text_copy(r->report->old_version, sizeof r->report->old_version,
                  facts_text(&i->old.facts, FACTS_VERSION));
        text_copy(r->report->target_version, sizeof r->report->target_version,
                  facts_text(&i->target.facts, FACTS_VERSION));
        preflight_judge(&i->in, &i->found);
        conductor_found(r->conductor, &i->found);
        const struct preflight_accepted accepted = cutover_plan_accepted(r->plan);
        code = preflight_check(&i->found, &accepted, err);
    }
    if (code == SL_OK) {
        r->both_ways = position_channel(&i->old.position, &i->target.position) != NULL;
        r->by_gtid = position_both_gtid(&i->old.position, &i->target.position);
        code = look_at_events(r, err);
    }
    inspection_free(i);
    return code;
}
