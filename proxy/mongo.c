// Orders for the MongoDB set, made into plans.
#include "mongo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/mongo_looker.h"
#include "cutover/mongo_conductor.h"
#include "cutover/mongo_unended.h"

struct mongo_stage {
    struct admin_context *context;
    struct admin *admin;
    struct mongo_conductor *conductor;
    struct mongo_looker *looker;
    char damaged[SL_ERROR_TEXT_MAX]; // why an earlier journal cannot be read; "" when it can
    void (*stopped)(void *arg);      // NULL: nobody stops it
    void *stopped_arg;
};

static void said(void *arg, int64_t at_ns, const char *line)
{
    struct mongo_stage *s = arg;
    admin_mongo_said(s->admin, at_ns, line);
}

static void ended(void *arg, const struct mongo_status *how)
{
    struct mongo_stage *s = arg;
    admin_mongo_ended(s->admin, how);
    if (s->stopped != NULL)
        s->stopped(s->stopped_arg);
}

static void seen(void *arg, const struct mongo_set *set, enum sl_code code,
                 const struct sl_error *err)
{
    struct mongo_stage *s = arg;
    admin_mongo_seen(s->admin, code == SL_OK ? set : NULL, err);
}

struct mongo_stage *mongo_stage_new(struct admin_context *context)
{
    struct mongo_stage *s = mem_zalloc(sizeof *s);
    s->context = context;
    s->conductor = mongo_conductor_new(context->loop, said, ended, s);
    s->looker = mongo_looker_new(context->loop, seen, s);
    context->mongo = s->conductor;
    return s;
}

void mongo_stage_set_admin(struct mongo_stage *s, struct admin *admin)
{
    s->admin = admin;
}

// --- plans ----------------------------------------------------------------------------------------

static enum sl_code need_uri(const struct mongo_stage *s, struct sl_error *err)
{
    return s->context->config->mongo.uri != NULL
               ? SL_OK
               : sl_fail(err, SL_ENOTFOUND, "mongo.uri is not set");
}

static struct mongo_plan *plan_of(const struct mongo_stage *s, enum mongo_deed deed, const char *by)
{
    const struct config *c = s->context->config;
    struct mongo_plan *p = mongo_plan_new();
    p->deed = deed;
    p->uri = mem_strdup(c->mongo.uri);
    p->state_dir = mem_printf("%s/mongo", c->state_dir);
    p->by = mem_strdup(by);
    p->max_lag_ns = c->mongo.max_lag_ms * NS_PER_MS;
    p->step_down_ns = c->mongo.step_down_ms * NS_PER_MS;
    p->catch_up_ns = c->mongo.catch_up_ms * NS_PER_MS;
    return p;
}

static enum sl_code check_order(struct mongo_stage *s, struct sl_error *err)
{
    struct conductor_status cutover;
    enum sl_code code = need_uri(s, err);
    if (code != SL_OK)
        return code;
    if (s->damaged[0] != '\0')
        return sl_fail(err, SL_ECONFLICT,
                       "%s; see to the set, then move that file away and restart sluice",
                       s->damaged);
    conductor_look(s->context->conductor, &cutover);
    if (cutover.state != CONDUCTOR_IDLE && cutover.state != CONDUCTOR_WATCHING)
        return sl_fail(err, SL_ECONFLICT, "a cutover from %s to %s is under way", cutover.from,
                       cutover.to);
    return SL_OK;
}

enum sl_code mongo_stage_order(struct mongo_stage *s, const struct mongo_order *order,
                               struct sl_error *err)
{
    char host[MONGO_HOST_MAX] = "";
    enum sl_code code = check_order(s, err);
    if (code == SL_OK && order->host != NULL)
        code = mongo_host_normalize(order->host, host, err);
    if (code != SL_OK)
        return code;
    struct mongo_plan *p = plan_of(s, order->deed, order->by);
    text_copy(p->host, sizeof p->host, host);
    p->dry_run = order->dry_run;
    return mongo_conductor_start(s->conductor, p, err);
}

enum sl_code mongo_stage_look(struct mongo_stage *s, struct sl_error *err)
{
    enum sl_code code = need_uri(s, err);
    return code == SL_OK ? mongo_looker_look(s->looker, s->context->config->mongo.uri, err) : code;
}

enum sl_code mongo_stage_forget(struct mongo_stage *s, struct sl_error *err)
{
    return mongo_conductor_forget(s->conductor, err);
}

enum sl_code mongo_stage_check_idle(struct mongo_stage *s, struct sl_error *err)
{
    struct mongo_status now;
    mongo_conductor_look(s->conductor, &now);
    if (now.state == MONGO_CONDUCTOR_IDLE)
        return SL_OK;
    return sl_fail(err, SL_ECONFLICT, "mongo %s %s is under way", mongo_deed_name(now.deed),
                   now.host);
}

void mongo_stage_follow(struct mongo_stage *s, const struct conductor_status *how)
{
    const char *host = s->context->config->cutover.mongo;
    bool released = how->last == CONDUCTOR_DONE || how->last == CONDUCTOR_LATE;
    struct sl_error err = {0};
    struct mongo_order order = {.deed = MONGO_DEED_FAILOVER, .by = "the cutover"};
    if (host == NULL || how->check || how->dry_run || !released || s->stopped != NULL)
        return;
    order.host = strcmp(host, "any") == 0 ? NULL : host;
    if (mongo_stage_order(s, &order, &err) == SL_OK)
        return;
    LOG_ERROR("mongo_not_started", LOG_STR("why", err.text));
    admin_mongo_said(s->admin, 0, err.text);
}

// --- a manoeuvre that did not end -----------------------------------------------------------------

void mongo_stage_look_back(struct mongo_stage *s)
{
    char folder[4096];
    struct mongo_unended u;
    struct sl_error err = {0};
    (void)snprintf(folder, sizeof folder, "%s/mongo", s->context->config->state_dir);
    if (access(folder, F_OK) != 0 && errno == ENOENT)
        return; // there has never been one
    enum sl_code code = mongo_unended_look(folder, &u, &err);
    if (code != SL_OK) {
        text_copy(s->damaged, sizeof s->damaged, err.text);
        LOG_ERROR("mongo_unended", LOG_STR("why", err.text));
        return;
    }
    if (u.number == 0)
        return;
    if (need_uri(s, &err) != SL_OK) {
        LOG_ERROR("mongo_unended", LOG_U64("journal", u.number), LOG_STR("last", u.last),
                  LOG_STR("why", err.text));
        return;
    }
    LOG_WARN("mongo_unended", LOG_U64("journal", u.number),
             LOG_STR("deed", mongo_deed_name(u.deed)), LOG_STR("last", u.last));
    struct mongo_plan *p = plan_of(s, u.deed, "the start of sluice");
    text_copy(p->host, sizeof p->host, u.host);
    p->repair = u.number;
    if (mongo_conductor_start(s->conductor, p, &err) != SL_OK)
        LOG_ERROR("mongo_not_started", LOG_STR("why", err.text));
}

void mongo_stage_stop(struct mongo_stage *s, void (*stopped)(void *arg), void *arg)
{
    struct mongo_status now;
    mongo_conductor_look(s->conductor, &now);
    s->stopped = stopped;
    s->stopped_arg = arg;
    mongo_conductor_stop(s->conductor);
    if (now.state == MONGO_CONDUCTOR_IDLE)
        stopped(arg);
}

void mongo_stage_free(struct mongo_stage *s)
{
    if (s == NULL)
        return;
    mongo_conductor_free(s->conductor);
    mongo_looker_free(s->looker);
    mem_free(s);
}
