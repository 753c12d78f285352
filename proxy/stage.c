// Orders for cutovers, made into plans.
#include "stage.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/inspect.h"
#include "config/load.h"
#include "credentials.h"
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
    struct unended unended;
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

static void ended(void *arg, const struct conductor_status *how)
{
    struct stage *s = arg;
    admin_cutover_ended(s->admin, how);
    if (s->follow != NULL)
        s->follow(s->follow_arg, how);
    if (s->stopped != NULL)
        s->stopped(s->stopped_arg);
}

struct stage *stage_new(struct admin_context *context, struct credentials *credentials)
{
    struct stage *s = mem_zalloc(sizeof *s);
    s->context = context;
    s->credentials = credentials;
    s->plant = plant_new(context->loop, context->traffic, context->repoint, context->arg);
    s->conductor = conductor_new(context->loop, plant_ops(s->plant), said, ended, s);
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

// --- a cutover that did not end -------------------------------------------------------------------

static void stay_closed(struct stage *s, const char *why)
{
    struct sl_error err = {0};
    LOG_ERROR("cutover_unended", LOG_U64("journal", s->unended.number), LOG_STR("why", why),
              LOG_STR("so", "the gate stays closed until: cutover forget"));
    if (traffic_pause(s->context->traffic, GATE_REASON, "a cutover that did not end", 0, NULL, NULL,
                      &err) != SL_OK)
        LOG_ERROR("gate_not_closed", LOG_STR("why", err.text));
}

void stage_look_back(struct stage *s)
{
    struct sl_error err = {0};
    const char *state_dir = s->context->config->state_dir;
    enum sl_code code = unended_look(state_dir, &s->unended, &err);
    if (code != SL_OK) {
        s->unended.number = s->unended.number > 0 ? s->unended.number : 1;
        stay_closed(s, err.text);
    } else if (s->unended.number != 0 && s->unended.touched) {
        stay_closed(s, s->unended.last);
    } else if (s->unended.number != 0) {
        // It had changed nothing.
        code = unended_forget(state_dir, &err);
        LOG_INFO("cutover_unended", LOG_U64("journal", s->unended.number),
                 LOG_STR("last", s->unended.last), LOG_STR("so", "it had changed nothing yet"));
        s->unended.number = 0;
    }
}

static void forgotten(void *arg)
{
    (void)arg;
}

enum sl_code stage_forget(struct stage *s, struct sl_error *err)
{
    if (s->unended.number == 0)
        return sl_fail(err, SL_ECONFLICT, "there is no cutover that did not end");
    enum sl_code code = unended_forget(s->context->config->state_dir, err);
    if (code != SL_OK)
        return code;
    s->unended.number = 0;
    code = traffic_resume(s->context->traffic, GATE_REASON, forgotten, s, err);
    return code == SL_ENOTFOUND ? SL_OK : code;
}

// --- from the configuration to a plan -------------------------------------------------------------

static void add_name(char ***names, unsigned *count, const char *name)
{
    *names = mem_realloc(*names, (*count + 1) * sizeof **names);
    (*names)[(*count)++] = mem_strdup(name);
}

static void add_seen(void *arg, const struct account_row *row)
{
    struct cutover_plan *p = arg;
    add_name(&p->seen, &p->seen_count, row->user);
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
    for (size_t i = 0; i < k->keep.count; i++)
        add_name(&p->keep, &p->keep_count, k->keep.items[i].user);
    copy_checks(p, &k->checks);
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

static enum sl_code check_order(struct stage *s, const char *active,
                                const struct cutover_order *order, struct sl_error *err)
{
    const struct config *c = s->context->config;
    if (config_find_backend(c, order->target) == NULL)
        return sl_fail(err, SL_ENOTFOUND, "there is no backend \"%s\"", order->target);
    if (strcmp(order->target, active) == 0)
        return sl_fail(err, SL_ECONFLICT, "%s is the active backend", active);
    if (s->unended.number != 0)
        return sl_fail(
            err, SL_ECONFLICT,
            "an earlier cutover did not end (journal-%u.jsonl): see to both servers, then:"
            " cutover forget",
            s->unended.number);
    if (c->control.user == NULL)
        return sl_fail(err, SL_EDENIED, "a cutover needs the control account (control.user)");
    return SL_OK;
}

enum sl_code stage_order(struct stage *s, const char *active, const struct cutover_order *order,
                         struct sl_error *err)
{
    const struct config *c = s->context->config;
    enum sl_code code = check_order(s, active, order, err);
    if (code != SL_OK)
        return code;
    struct cutover_plan *p = cutover_plan_new();
    copy_settings(p, c);
    p->by = mem_strdup(order->by);
    p->check = order->check;
    p->dry_run = order->dry_run;
    p->ask = order->ask;
    if (order->budget_ns > 0)
        p->budget_ns = order->budget_ns;
    credentials_list(s->credentials, add_seen, p);
    code = copy_targets(p, c, active, order->target, err);
    if (code == SL_OK)
        code = copy_replication(p, c, err);
    if (code != SL_OK) {
        cutover_plan_unref(p);
        return code;
    }
    return conductor_start(s->conductor, p, err);
}

void stage_stop(struct stage *s, void (*stopped)(void *arg), void *arg)
{
    struct conductor_status status;
    conductor_look(s->conductor, &status);
    s->stopped = stopped;
    s->stopped_arg = arg;
    conductor_stop(s->conductor);
    if (status.state == CONDUCTOR_IDLE)
        stopped(arg);
}

void stage_free(struct stage *s)
{
    if (s == NULL)
        return;
    conductor_free(s->conductor);
    plant_free(s->plant);
    mem_free(s);
}
