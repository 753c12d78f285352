// mongo status, add, failover, remove, abort, forget: the faces of MongoDB's conductor and looker.
#include <stdio.h>
#include <string.h>

#include "admin/handlers.h"
#include "base/clock.h"
#include "base/text.h"

// --- orders ---------------------------------------------------------------------------------------

// Nobody waits any more; it goes on.
static void order_left(struct request *r)
{
    if (r->home->mongo != r)
        return;
    r->home->mongo = NULL;
    request_release(r);
}

static void order_expired(struct request *r)
{
    struct sl_error err;
    (void)sl_fail(&err, SL_ETIMEOUT, "not over yet; it goes on: mongo status, mongo abort");
    request_fail(r, &err);
}

static void give_order(struct request *r, enum mongo_deed deed)
{
    char by[160];
    struct sl_error err = {0};
    struct mongo_order order = {
        .deed = deed,
        .host = r->call.positional_count > 0 ? r->call.positionals[0].text : NULL,
        .by = by,
        .dry_run = request_option(r, "dry-run")->given,
    };
    (void)snprintf(by, sizeof by, "%s (pid %ld)", r->peer->user, (long)r->peer->pid);
    if (r->context->order_mongo(r->context->arg, &order, &err) != SL_OK) {
        request_fail(r, &err);
        return;
    }
    request_hold(r);
    r->home->mongo = r;
    r->leave = order_left;
    r->expired = order_expired;
}

void run_mongo_failover(struct request *r)
{
    give_order(r, MONGO_DEED_FAILOVER);
}

void run_mongo_add(struct request *r)
{
    give_order(r, MONGO_DEED_ADD);
}

void run_mongo_remove(struct request *r)
{
    give_order(r, MONGO_DEED_REMOVE);
}

// Who asked for a dry run gets its table at the end.
static bool is_dry(const struct request *r)
{
    return request_option(r, "dry-run")->given;
}

void mongo_said(struct request_home *home, int64_t at_ns, const char *line)
{
    const struct log_field fields[] = {LOG_MS("at_ms", at_ns), LOG_STR("what", line)};
    events_publish(home->events, "mongo", fields, sizeof fields / sizeof *fields);
    if (home->mongo == NULL || is_dry(home->mongo))
        return;
    struct answer *a = answer_new();
    answer_fact(a, "at_ms", "at", cell_of(CELL_MS, at_ns));
    answer_fact(a, "what", "what", cell_text(line));
    request_progress(home->mongo, a);
}

// --- the end --------------------------------------------------------------------------------------

static const char *text_or_none(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void add_run(struct answer *a, const struct mongo_status *s)
{
    bool known = s->began_wall_us != 0;
    answer_fact(a, "state", "state", cell_text(mongo_conductor_state_name(s->state)));
    answer_fact(a, "deed", "deed", cell_text(known ? mongo_deed_name(s->deed) : NULL));
    answer_fact(a, "host", "host", cell_text(text_or_none(s->host)));
    answer_fact(a, "from", "from", cell_text(text_or_none(s->from)));
    answer_fact(a, "by", "by", cell_text(text_or_none(s->by)));
    answer_fact(a, "dry_run", "dry run", cell_bool(s->dry_run));
    answer_fact(a, "repair", "repair", cell_bool(s->repair));
    answer_fact(a, "began", "began",
                known ? cell_of(CELL_TIME, s->began_wall_us) : cell_text(NULL));
    answer_fact(a, "step", "step", cell_text(text_or_none(s->step)));
    answer_fact(a, "write_gap_ms", "write gap",
                s->measured ? cell_of(CELL_MS, s->gap_ns) : cell_text(NULL));
    answer_fact(a, "writes", "writes", s->measured ? cell_number(s->writes) : cell_text(NULL));
    answer_fact(a, "ended", "ended", cell_text(mongo_end_name(s->last)));
    answer_fact(a, "why", "why", cell_text(text_or_none(s->why)));
}

static void end_order(struct request *r, const struct mongo_status *how)
{
    struct preflight found;
    struct sl_error err;
    mongo_conductor_findings(r->context->mongo, &found);
    if (!is_dry(r))
        add_run(r->answer, how);
    else if (found.count > 0)
        cutover_add_findings(r->answer, &found);
    if (how->last == MONGO_END_DONE) {
        request_done(r);
        return;
    }
    (void)sl_fail(&err, SL_ECONFLICT, "%s%s%s", is_dry(r) ? "" : mongo_end_name(how->last),
                  is_dry(r) ? "" : ": ", how->why);
    request_fail(r, &err);
}

void mongo_ended(struct request_home *home, const struct mongo_status *how)
{
    struct request *r = home->mongo;
    const struct log_field fields[] = {
        LOG_STR("deed", mongo_deed_name(how->deed)),
        LOG_STR("host", how->host),
        LOG_STR("ended", mongo_end_name(how->last)),
        LOG_MS("write_gap_ms", how->gap_ns),
        LOG_STR("why", how->why),
    };
    events_publish(home->events, "mongo_ended", fields, sizeof fields / sizeof *fields);
    if (r == NULL)
        return;
    home->mongo = NULL;
    end_order(r, how);
    request_release(r);
}

// --- status ---------------------------------------------------------------------------------------

static const struct column MEMBERS[] = {
    {"member", "member"},
    {"state", "state"},
    {"healthy", "healthy"},
    {"priority", "priority"},
    {"votes", "votes"},
    {"hidden", "hidden"},
    {"version", "version"},
    {"lag_seconds", "lag s"},
    {"lag_operations", "lag ops"},
    {"ping_us", "ping"},
    {"uptime_seconds", "uptime s"},
    {"sync_source", "sync source"},
    {"storage_bytes", "storage"},
    {"problem", "problem"},
};

static struct cell number_or_none(int64_t n)
{
    return n >= 0 ? cell_of(CELL_NUMBER, n) : cell_text(NULL);
}

static void add_member(struct answer *a, const struct mongo_set *set, unsigned i)
{
    const struct mongo_member *m = &set->members[i];
    char priority[32];
    (void)snprintf(priority, sizeof priority, "%g", m->priority);
    const char *problem = m->problem[0] != '\0' ? m->problem : m->message;
    const struct cell cells[] = {
        cell_text(m->host),
        cell_text(mongo_state_name(m->state)),
        cell_bool(m->healthy),
        cell_text(priority),
        cell_of(CELL_NUMBER, m->votes),
        cell_bool(m->hidden),
        cell_text(text_or_none(m->version)),
        number_or_none(mongo_lag_s(set, i)),
        number_or_none(m->lag_operations),
        m->reached ? cell_of(CELL_US, m->ping_ns) : cell_text(NULL),
        number_or_none(m->uptime_s),
        cell_text(text_or_none(m->source)),
        m->storage_bytes >= 0 ? cell_of(CELL_BYTES, m->storage_bytes) : cell_text(NULL),
        cell_text(text_or_none(problem)),
    };
    answer_row(a, cells);
}

static void add_set(struct answer *a, const struct mongo_set *set)
{
    answer_fact(a, "set", "set", cell_text(set->name));
    answer_fact(a, "primary", "primary", cell_text(text_or_none(set->primary)));
    answer_fact(a, "config_version", "configuration", cell_of(CELL_NUMBER, set->version));
    answer_fact(a, "voters", "voters", cell_number(mongo_voters(set)));
    answer_fact(a, "healthy_voters", "healthy voters", cell_number(mongo_healthy_voters(set)));
    answer_fact(a, "majority", "majority", cell_number(mongo_majority(mongo_voters(set))));
}

static void answer_status(struct request *r, const struct mongo_set *set,
                          const struct sl_error *err)
{
    struct mongo_status now;
    mongo_conductor_look(r->context->mongo, &now);
    if (set != NULL)
        add_set(r->answer, set);
    add_run(r->answer, &now);
    if (set == NULL) {
        request_fail(r, err);
        return;
    }
    answer_table(r->answer, "members", "", MEMBERS, sizeof MEMBERS / sizeof *MEMBERS);
    for (unsigned i = 0; i < set->count; i++)
        add_member(r->answer, set, i);
    request_done(r);
}

static bool waits_for_look(const struct request *r)
{
    return request_is_open(r) && r->call.command != NULL &&
           r->call.command->run == run_mongo_status;
}

void mongo_seen(struct request_home *home, const struct mongo_set *set, const struct sl_error *err)
{
    LIST_FOR_EACH (&home->requests, it, tmp) {
        struct request *r = LIST_ITEM(it, struct request, node);
        if (!waits_for_look(r))
            continue;
        answer_status(r, set, err);
        r->leave = NULL;
        request_release(r);
    }
}

void run_mongo_status(struct request *r)
{
    struct sl_error err = {0};
    if (r->context->look_mongo(r->context->arg, &err) != SL_OK) {
        request_fail(r, &err);
        return;
    }
    request_hold(r);
    r->leave = request_release;
}

// --- words ----------------------------------------------------------------------------------------

void run_mongo_abort(struct request *r)
{
    struct sl_error err;
    if (mongo_conductor_abort(r->context->mongo, &err) == SL_OK)
        request_done(r);
    else
        request_fail(r, &err);
}

void run_mongo_forget(struct request *r)
{
    struct sl_error err;
    if (r->context->forget_mongo(r->context->arg, &err) == SL_OK)
        request_done(r);
    else
        request_fail(r, &err);
}
