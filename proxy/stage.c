// Orders for cutovers, made into plans.
#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/inspect.h"
#include "config/load.h"
#include "credentials.h"
#include "cutover/steps.h"
#include "cutover/unended.h"
#include "plant.h"
#include "targets.h"

#define GATE_REASON "cutover" // as the plant's

struct stage {
    struct admin_context *context;
    struct credentials *credentials;
    struct admin *admin;
    struct plant *plant;
    struct conductor *conductor;
    unsigned unended; // the number of a journal without an end, 0: none
    bool recovering;  // the conductor is at it
    bool forgetting;  // ... and gives up, because the operator has seen to it
    void (*follow)(void *arg, const struct conductor_status *how); // NULL: nobody does
    void *follow_arg;
    void (*stopped)(void *arg); // NULL: nobody stops it
    void *stopped_arg;
};

static void said(void *arg, int64_t at_ns, const char *line)
{
    struct stage *s = arg;
    admin_cutover_said(s->admin, at_ns, line);
}

static bool holds(const struct stage *s);
static void let_go(struct stage *s);
static void stay_closed(struct stage *s, const char *why);

// The conductor does nothing any more: whoever stops it hears so, once. False: nobody does.
static bool at_rest(struct stage *s)
{
    void (*stopped)(void *arg) = s->stopped;
    s->stopped = NULL;
    if (stopped != NULL)
        stopped(s->stopped_arg);
    return stopped != NULL;
}

static void watched(void *arg, const struct conductor_status *how)
{
    struct stage *s = arg;
    admin_cutover_watched(s->admin, how);
    (void)at_rest(s);
}

static void ended(void *arg, const struct conductor_status *how)
{
    struct stage *s = arg;
    admin_cutover_ended(s->admin, how);
    if (s->follow != NULL)
        s->follow(s->follow_arg, how);
    bool open = how->last == CONDUCTOR_GIVEN_UP;
    s->unended = s->recovering && !open ? 0 : s->unended;
    s->recovering = false;
    bool stopping = how->state != CONDUCTOR_WATCHING && at_rest(s);
    if (!stopping && open && s->forgetting && !holds(s))
        let_go(s);
    else if (!stopping && open)
        stay_closed(s, how->why);
    s->forgetting = false;
}

struct stage *stage_new(struct admin_context *context, struct credentials *credentials)
{
    struct stage *s = mem_zalloc(sizeof *s);
    s->context = context;
    s->credentials = credentials;
    s->plant = plant_new(context);
    const struct conductor_ears ears = {said, ended, watched, s};
    s->conductor = conductor_new(context->loop, plant_ops(s->plant), &ears);
    context->conductor = s->conductor;
    return s;
}

void stage_set_admin(struct stage *s, struct admin *admin)
{
    s->admin = admin;
}

void stage_set_follower(struct stage *s,
                        void (*follow)(void *arg, const struct conductor_status *how), void *arg)
{
    s->follow = follow;
    s->follow_arg = arg;
}

// --- from the configuration to a plan -------------------------------------------------------------

static void add_name(char ***names, unsigned *count, const char *name)
{
    *names = mem_realloc(*names, (*count + 1) * sizeof **names);
    (*names)[(*count)++] = mem_strdup(name);
}

static void add_seen(void *arg, const struct account_row *row)
{
    cutover_plan_add_seen(arg, row->user);
}

static void copy_checks(struct cutover_plan *p, const struct config_checks *checks)
{
    p->checks = mem_array(checks->count + 1, sizeof *p->checks);
    for (size_t i = 0; i < checks->count; i++) {
        const struct config_check *from = &checks->items[i];
        p->checks[p->check_count++] = (struct cutover_check){
            .name = mem_strdup(from->name),
            .sql = mem_strdup(from->sql != NULL ? from->sql : ""),
            .expect = from->expect != NULL ? mem_strdup(from->expect) : NULL,
            .command = mem_strdup(from->command != NULL ? from->command : ""),
            .timeout_ns = from->timeout_ms * NS_PER_MS,
        };
    }
}

static void copy_testers(struct cutover_plan *p, const struct config_testers *testers)
{
    if (testers->count > 0)
        p->testers = gate_exceptions_new();
    for (size_t i = 0; i < testers->count; i++) {
        const struct config_tester *t = &testers->items[i];
        gate_exceptions_add(p->testers, t->user, t->host.items, t->host.count);
    }
}

static void copy_settings(struct cutover_plan *p, const struct config *c)
{
    const struct config_cutover *k = &c->cutover;
    p->state_dir = mem_strdup(c->state_dir);
    p->budget_ns = k->budget_ms * NS_PER_MS;
    p->max_lag_ns = k->max_lag_ms * NS_PER_MS;
    p->approach_lag_ns = k->approach_lag_ms * NS_PER_MS;
    p->approach_ns = k->approach_ms * NS_PER_MS;
    p->throttle_ns = k->throttle_ms * NS_PER_MS;
    p->catch_up_ns = k->catch_up_ms * NS_PER_MS;
    p->watch_ns = k->watch_ms * NS_PER_MS;
    for (size_t i = 0; i < k->keep.count; i++)
        add_name(&p->keep, &p->keep_count, k->keep.items[i].user);
    copy_checks(p, &k->checks);
    copy_testers(p, &k->testers);
}

static enum sl_code copy_replication(struct cutover_plan *p, const struct config *c,
                                     struct sl_error *err)
{
    struct config_secret secret = {0};
    if (c->cutover.replication.user == NULL)
        return SL_OK;
    enum sl_code code = config_login_secret(&c->cutover.replication, &secret, err);
    if (code != SL_OK)
        return code;
    p->replication_user = mem_strdup(c->cutover.replication.user);
    p->replication_password = mem_strdup(secret.text);
    // Whom the other server logs in as is not locked out of it.
    add_name(&p->keep, &p->keep_count, p->replication_user);
    config_secret_wipe(&secret);
    return SL_OK;
}

static enum sl_code copy_targets(struct cutover_plan *p, const struct config *c, const char *active,
                                 const char *target, struct sl_error *err)
{
    struct control_target all[BACKENDS_MAX];
    enum sl_code code = targets_make(c, all, err);
    if (code != SL_OK)
        return code;
    for (size_t i = 0; i < c->backends.count; i++) {
        if (strcmp(all[i].name, active) == 0)
            p->old = all[i];
        if (strcmp(all[i].name, target) == 0)
            p->target = all[i];
    }
    explicit_bzero(all, sizeof all);
    return SL_OK;
}

static enum sl_code copy_accepted(struct cutover_plan *p, const char *names, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    while (names != NULL && *names != '\0' && code == SL_OK) {
        size_t n = strcspn(names, ",");
        char *name = mem_strndup(names, n);
        code = preflight_may_accept(name, err);
        add_name(&p->accept, &p->accept_count, name);
        mem_free(name);
        names += n + (names[n] == ',');
    }
    return code;
}

// What the order says of a plan; between these two backends.
static enum sl_code make_plan(struct stage *s, const char *active,
                              const struct cutover_order *order, struct cutover_plan **out,
                              struct sl_error *err)
{
    const struct config *c = s->context->config;
    struct cutover_plan *p = cutover_plan_new();
    copy_settings(p, c);
    p->by = mem_strdup(order->by);
    p->check = order->check;
    p->dry_run = order->dry_run;
    p->ask = order->ask;
    if (order->budget_ns > 0)
        p->budget_ns = order->budget_ns;
    credentials_list(s->credentials, add_seen, p);
    enum sl_code code = copy_targets(p, c, active, order->target, err);
    if (code == SL_OK)
        code = copy_replication(p, c, err);
    if (code == SL_OK)
        code = copy_accepted(p, order->accept, err);
    if (code != SL_OK)
        cutover_plan_unref(p);
    else
        *out = p;
    return code;
}

// --- a cutover that did not end -------------------------------------------------------------------

static void heard(void *arg)
{
    (void)arg;
}

static void keep_closed(struct stage *s, const char *owner)
{
    struct sl_error err = {0};
    if (traffic_pause(s->context->traffic, GATE_REASON, owner, 0, NULL, NULL, &err) != SL_OK)
        LOG_ERROR("gate_not_closed", LOG_STR("why", err.text));
}

// Clients wait for it.
static bool holds(const struct stage *s)
{
    const struct gate *g = traffic_gate(s->context->traffic);
    for (unsigned i = 0; i < g->count; i++)
        if (strcmp(g->reasons[i].name, GATE_REASON) == 0)
            return true;
    return false;
}

static void stay_closed(struct stage *s, const char *why)
{
    (void)!journal_latest(s->context->config->state_dir, &s->unended, NULL);
    (void)snprintf(s->context->unended, sizeof s->context->unended,
                   "a cutover did not end (journal-%u.jsonl): %s. See to both servers: one writable"
                   " with its accounts unlocked, the other not; repoint if it is not the active"
                   " one; then: cutover forget",
                   s->unended, why);
    LOG_ERROR("cutover_unended", LOG_U64("journal", s->unended), LOG_STR("why", why),
              LOG_STR("so", "the gate stays closed until: cutover forget"));
    keep_closed(s, "a cutover that did not end");
}

// Writes the end, and lets traffic go on.
static void let_go(struct stage *s)
{
    struct sl_error err = {0};
    if (unended_close(s->context->config->state_dir, "forgotten by the operator", &err) != SL_OK) {
        stay_closed(s, err.text);
        return;
    }
    s->unended = 0;
    s->context->unended[0] = '\0';
    if (traffic_resume(s->context->traffic, GATE_REASON, heard, s, &err) == SL_OK)
        LOG_INFO("cutover_forgotten");
}

enum sl_code stage_forget(struct stage *s, struct sl_error *err)
{
    struct conductor_status status;
    conductor_look(s->conductor, &status);
    if (status.state != CONDUCTOR_IDLE) {
        enum sl_code code = conductor_say(s->conductor, CONDUCTOR_GIVE_UP, "cutover forget", err);
        s->forgetting = code == SL_OK;
        return code;
    }
    if (s->unended == 0)
        return sl_fail(err, SL_ECONFLICT, "there is no cutover that did not end");
    let_go(s);
    return s->unended == 0 ? SL_OK : sl_fail(err, SL_EIO, "%s", s->context->unended);
}

const char *stage_closed_at_start(const struct config *c)
{
    struct unended u;
    enum sl_code code = unended_look(c->state_dir, &u, NULL);
    unended_release(&u);
    return code != SL_OK || u.number != 0 ? GATE_REASON : NULL;
}

static void decide(const struct config *c, const struct control_target *targets, const char *active,
                   const struct journal_records *journal, struct recovery *out)
{
    struct recovery_backend backends[BACKENDS_MAX];
    struct recovery_world world = {
        .active = active, .backends = backends, .backend_count = (unsigned)c->backends.count};
    steps_all(&world.steps, &world.step_count);
    for (size_t i = 0; i < c->backends.count; i++) {
        backends[i].name = targets[i].name;
        recovery_address(&targets[i], backends[i].address);
    }
    recovery_decide(journal, &world, out);
}

static enum sl_code recover(struct stage *s, const struct recovery *how, struct sl_error *err)
{
    struct cutover_order order = {.target = how->to, .by = "recovery"};
    struct cutover_plan *plan;
    enum sl_code code = make_plan(s, how->from, &order, &plan, err);
    if (code != SL_OK)
        return code;
    keep_closed(s, "recovery");
    s->recovering = true;
    return conductor_recover(s->conductor, plan, s->unended, how, err);
}

// Nothing that a server knows of: the journal gets its end.
static enum sl_code close_unended(struct stage *s, struct sl_error *err)
{
    enum sl_code code = unended_close(s->context->config->state_dir, "undone", err);
    if (code != SL_OK)
        return code;
    s->unended = 0;
    code = traffic_resume(s->context->traffic, GATE_REASON, heard, s, err);
    return code == SL_ENOTFOUND ? SL_OK : code;
}

static enum sl_code look_back(struct stage *s, const char *active, struct unended *u,
                              struct sl_error *err)
{
    const struct config *c = s->context->config;
    struct control_target targets[BACKENDS_MAX];
    struct recovery how;
    enum sl_code code = targets_make(c, targets, err);
    if (code != SL_OK)
        return code;
    decide(c, targets, active, &u->records, &how);
    explicit_bzero(targets, sizeof targets);
    LOG_WARN("cutover_unended", LOG_U64("journal", u->number),
             LOG_STR("decided", recovery_way_name(how.way)), LOG_STR("why", how.why));
    if (how.way == RECOVERY_CLOSE)
        return close_unended(s, err);
    if (how.way == RECOVERY_ASK)
        return sl_fail(err, SL_ECONFLICT, "%s", how.why);
    if (c->control.user == NULL)
        return sl_fail(err, SL_EDENIED, "its recovery needs the control account (control.user)");
    return recover(s, &how, err);
}

void stage_look_back(struct stage *s, const char *active)
{
    struct sl_error err = {0};
    struct unended u;
    enum sl_code code = unended_look(s->context->config->state_dir, &u, &err);
    s->unended = u.number;
    if (code == SL_OK && u.number != 0)
        code = look_back(s, active, &u, &err);
    unended_release(&u);
    if (code != SL_OK)
        stay_closed(s, err.text);
}

// --- orders ---------------------------------------------------------------------------------------

static enum sl_code check_order(struct stage *s, const char *active,
                                const struct cutover_order *order, struct sl_error *err)
{
    const struct config *c = s->context->config;
    if (config_find_backend(c, order->target) == NULL)
        return sl_fail(err, SL_ENOTFOUND, "there is no backend \"%s\"", order->target);
    if (strcmp(order->target, active) == 0)
        return sl_fail(err, SL_ECONFLICT, "%s is the active backend", active);
    if (s->unended != 0 && !s->recovering)
        return sl_fail(err, SL_ECONFLICT, "%s", s->context->unended);
    if (c->control.user == NULL)
        return sl_fail(err, SL_EDENIED, "a cutover needs the control account (control.user)");
    return SL_OK;
}

enum sl_code stage_order(struct stage *s, const char *active, const struct cutover_order *order,
                         struct sl_error *err)
{
    struct cutover_plan *p;
    enum sl_code code = check_order(s, active, order, err);
    if (code == SL_OK)
        code = make_plan(s, active, order, &p, err);
    return code == SL_OK ? conductor_start(s->conductor, p, err) : code;
}

void stage_stop(struct stage *s, void (*stopped)(void *arg), void *arg)
{
    struct conductor_status status;
    conductor_look(s->conductor, &status);
    s->stopped = stopped;
    s->stopped_arg = arg;
    conductor_stop(s->conductor);
    if (status.state == CONDUCTOR_IDLE)
        at_rest(s);
}

void stage_free(struct stage *s)
{
    if (s == NULL)
        return;
    conductor_free(s->conductor);
    plant_free(s->plant);
    mem_free(s);
}
