// The rows, in the order in which an operator wants to read them.
#include "cutover/mongo_preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

// What a judge knows, and where its decisions go.
struct judge {
    const struct mongo_input *in;
    const struct mongo_set *set;
    int chosen; // the member that it is about, -1: none
    struct mongo_memory *memory;
};

static enum verdict SL_PRINTF(3, 4)
    say(struct preflight_row *row, enum verdict verdict, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(row->evidence, sizeof row->evidence, fmt, args);
    va_end(args);
    return verdict;
}

static const char *none_or(const char *text)
{
    return text[0] != '\0' ? text : "none";
}

// --- of every manoeuvre ---------------------------------------------------------------------------

static enum verdict primary(struct judge *j, struct preflight_row *row)
{
    unsigned leaders = 0;
    for (unsigned i = 0; i < j->set->count; i++)
        leaders += j->set->members[i].healthy && j->set->members[i].state == MONGO_PRIMARY;
    if (j->set->primary[0] == '\0')
        return say(row, VERDICT_NO, "%s has no primary", j->set->name);
    if (leaders > 1)
        return say(row, VERDICT_NO, "%u members are primary at once: wait", leaders);
    return say(row, VERDICT_GO, "%s is primary of %s", j->set->primary, j->set->name);
}

static enum verdict configuration(struct judge *j, struct preflight_row *row)
{
    if (j->set->protocol != 1)
        return say(row, VERDICT_NO, "protocolVersion is %lld, expected 1",
                   (long long)j->set->protocol);
    if (mongo_config_spreads(j->set))
        return say(row, VERDICT_NO,
                   "a configuration change is under way: version %lld is not on every healthy"
                   " member",
                   (long long)j->set->version);
    return say(row, VERDICT_GO, "version %lld, on every healthy member",
               (long long)j->set->version);
}

static enum verdict members(struct judge *j, struct preflight_row *row)
{
    char sick[300] = "";
    size_t n = 0;
    unsigned good = 0;
    for (unsigned i = 0; i < j->set->count; i++) {
        const struct mongo_member *m = &j->set->members[i];
        if (mongo_takes_part(m)) {
            good++;
            continue;
        }
        int put = n < sizeof sick ? snprintf(sick + n, sizeof sick - n, "%s%s is %s",
                                             n > 0 ? ", " : "", m->host, mongo_state_name(m->state))
                                  : 0;
        n += put > 0 ? (size_t)put : 0;
    }
    return say(row, good == j->set->count ? VERDICT_GO : VERDICT_WARN,
               "%u of %u healthy; in trouble: %s", good, j->set->count, none_or(sick));
}

static enum verdict majority(struct judge *j, struct preflight_row *row)
{
    unsigned voters = mongo_voters(j->set), healthy = mongo_healthy_voters(j->set);
    unsigned needed = mongo_majority(voters);
    enum verdict v = healthy < needed ? VERDICT_NO : healthy == needed ? VERDICT_WARN : VERDICT_GO;
    return say(row, v, "%u of %u voters healthy, %u needed%s", healthy, voters, needed,
               v == VERDICT_WARN ? ": none may be lost meanwhile" : "");
}

static enum verdict reachable(struct judge *j, struct preflight_row *row)
{
    for (unsigned i = 0; i < j->set->count; i++) {
        const struct mongo_member *m = &j->set->members[i];
        if (mongo_takes_part(m) && !m->reached && !m->arbiter)
            return say(row, VERDICT_NO, "%s is healthy, but not for sluice: %s", m->host,
                       m->problem);
    }
    return say(row, VERDICT_GO, "every healthy member answers sluice");
}

static enum verdict versions(struct judge *j, struct preflight_row *row)
{
    const struct mongo_member *low = NULL, *high = NULL;
    for (unsigned i = 0; i < j->set->count; i++) {
        const struct mongo_member *m = &j->set->members[i];
        int value = m->version_parts[0] * 100 + m->version_parts[1];
        if (m->version[0] == '\0')
            continue;
        if (low == NULL || value < low->version_parts[0] * 100 + low->version_parts[1])
            low = m;
        if (high == NULL || value > high->version_parts[0] * 100 + high->version_parts[1])
            high = m;
    }
    if (low == NULL)
        return say(row, VERDICT_WARN, "no member told its version");
    int value = low->version_parts[0] * 100 + low->version_parts[1];
    if (value < 306)
        return say(row, VERDICT_NO, "%s has %s; 3.6 is the oldest that works", low->host,
                   low->version);
    if (low->version_parts[0] != high->version_parts[0] ||
        low->version_parts[1] != high->version_parts[1])
        return say(row, VERDICT_WARN, "%s has %s, %s has %s", low->host, low->version, high->host,
                   high->version);
    return say(row, VERDICT_GO, "all have %d.%d", low->version_parts[0], low->version_parts[1]);
}

// --- failover -------------------------------------------------------------------------------------

static int64_t max_lag_s(const struct judge *j)
{
    return j->in->plan->max_lag_ns / NS_PER_S;
}

static enum verdict chosen(struct judge *j, struct preflight_row *row)
{
    char why[300];
    const char *host = j->in->plan->host;
    if (host[0] == '\0') {
        j->chosen = mongo_healthiest(j->set, max_lag_s(j), why, sizeof why);
        return say(row, j->chosen < 0 ? VERDICT_NO : VERDICT_GO, "%s", why);
    }
    j->chosen = mongo_find(j->set, host);
    if (j->chosen < 0)
        return say(row, VERDICT_NO, "%s is not a member of %s", host, j->set->name);
    const char *unfit = mongo_unfit(j->set, (unsigned)j->chosen);
    const struct mongo_member *m = &j->set->members[j->chosen];
    if (unfit != NULL)
        return say(row, VERDICT_NO, "%s %s (%s%s%s)", host, unfit, mongo_state_name(m->state),
                   m->message[0] != '\0' ? ": " : "", m->message);
    return say(row, VERDICT_GO, "%s is SECONDARY, has a vote and priority %g", host, m->priority);
}

static enum verdict lag(struct judge *j, struct preflight_row *row)
{
    if (j->chosen < 0)
        return say(row, VERDICT_NO, "of nobody");
    const struct mongo_member *m = &j->set->members[j->chosen];
    int64_t behind = mongo_lag_s(j->set, (unsigned)j->chosen);
    if (behind < 0)
        return say(row, VERDICT_NO, "how far %s is behind is not known", m->host);
    return say(row, behind > max_lag_s(j) ? VERDICT_NO : VERDICT_GO,
               "%s is %lld s behind; mongo.max_lag is %lld s", m->host, (long long)behind,
               (long long)max_lag_s(j));
}

static enum verdict periods(struct judge *j, struct preflight_row *row)
{
    int64_t step_down = mongo_plan_step_down_s(j->in->plan);
    int64_t catch_up = mongo_plan_catch_up_s(j->in->plan);
    return say(row, step_down > catch_up ? VERDICT_GO : VERDICT_NO,
               "mongo.step_down is %lld s, mongo.catch_up %lld s%s", (long long)step_down,
               (long long)catch_up, step_down > catch_up ? "" : ": the first must be longer");
}

static void decide_failover(struct judge *j)
{
    struct mongo_memory *m = j->memory;
    unsigned at = (unsigned)j->chosen;
    text_copy(m->host, sizeof m->host, j->set->members[at].host);
    text_copy(m->old_primary, sizeof m->old_primary, j->set->primary);
    m->priority = j->set->members[at].priority;
    m->votes = j->set->members[at].votes;
    m->winning = mongo_winning_priority(j->set, at);
    m->staying = mongo_staying_priority(j->set, at);
    m->frozen_count = 0;
    for (unsigned i = 0; i < j->set->count; i++)
        if (i != at && mongo_unfit(j->set, i) == NULL)
            text_copy(m->frozen[m->frozen_count++], MONGO_HOST_MAX, j->set->members[i].host);
}

static enum verdict priority(struct judge *j, struct preflight_row *row)
{
    if (j->chosen < 0)
        return say(row, VERDICT_NO, "of nobody");
    decide_failover(j);
    const struct mongo_memory *m = j->memory;
    if (m->staying > m->priority)
        return say(row, VERDICT_WARN,
                   "%s keeps priority %g afterwards instead of %g: another has that, and would"
                   " take over again",
                   m->host, m->staying, m->priority);
    return say(row, VERDICT_GO, "%s: %g meanwhile, %g afterwards as before; %u others frozen",
               m->host, m->winning, m->staying, m->frozen_count);
}

// --- add ------------------------------------------------------------------------------------------

static enum verdict guest(struct judge *j, struct preflight_row *row)
{
    const char *host = j->in->plan->host;
    const struct mongo_hello *g = j->in->guest;
    if (mongo_find(j->set, host) >= 0)
        return say(row, VERDICT_NO, "%s is a member already", host);
    if (g == NULL)
        return say(row, VERDICT_NO, "%s does not answer: %s", host, j->in->guest_problem);
    if (g->set[0] != '\0' && strcmp(g->set, j->set->name) != 0)
        return say(row, VERDICT_NO, "%s is a member of another set, %s", host, g->set);
    if (g->primary || g->secondary)
        return say(row, VERDICT_NO, "%s is a %s", host,
                   g->set[0] != '\0' ? "member of a set of this name already"
                                     : "standalone server: start it with --replSet");
    if (!g->awaits_set && g->set[0] == '\0')
        return say(row, VERDICT_NO, "%s was not started with --replSet", host);
    return say(row, VERDICT_GO, "%s answers, and waits for a set", host);
}

static enum verdict room(struct judge *j, struct preflight_row *row)
{
    struct sl_error why = {0};
    if (mongo_may_add(j->set, &why) != SL_OK)
        return say(row, VERDICT_NO, "%s", why.text);
    bool depends = mongo_depends_on_new(j->set);
    return say(row, depends ? VERDICT_WARN : VERDICT_GO, "%u voters now, %u with it%s",
               mongo_voters(j->set), mongo_voters(j->set) + 1,
               depends ? "; should it fail then, the set has no majority" : "");
}

static void decide_add(struct judge *j)
{
    text_copy(j->memory->host, sizeof j->memory->host, j->in->plan->host);
    text_copy(j->memory->old_primary, sizeof j->memory->old_primary, j->set->primary);
    j->memory->staying = 1;
}

// --- remove ---------------------------------------------------------------------------------------

static enum verdict leaver(struct judge *j, struct preflight_row *row)
{
    struct sl_error why = {0};
    const char *host = j->in->plan->host;
    j->chosen = mongo_find(j->set, host);
    if (j->chosen < 0)
        return say(row, VERDICT_NO, "%s is not a member of %s", host, j->set->name);
    if (mongo_may_remove(j->set, (unsigned)j->chosen, &why) != SL_OK)
        return say(row, VERDICT_NO, "%s", why.text);
    const struct mongo_member *m = &j->set->members[j->chosen];
    return say(row, VERDICT_GO, "%s is %s; without it %u voters", host, mongo_state_name(m->state),
               mongo_voters(j->set) - (m->votes > 0));
}

static void decide_remove(struct judge *j)
{
    struct mongo_memory *m = j->memory;
    if (j->chosen < 0)
        return;
    text_copy(m->host, sizeof m->host, j->set->members[j->chosen].host);
    text_copy(m->old_primary, sizeof m->old_primary, j->set->primary);
    m->priority = j->set->members[j->chosen].priority;
    m->votes = j->set->members[j->chosen].votes;
}

// --- the tables -----------------------------------------------------------------------------------

struct row {
    const char *name;
    enum verdict (*judge)(struct judge *j, struct preflight_row *row);
};

#define EVERY                                                                                      \
    {"primary", primary}, {"configuration", configuration}, {"members", members},                  \
        {"majority", majority},                                                                    \
    {                                                                                              \
        "versions", versions                                                                       \
    }

static const struct row of_failover[] = {
    EVERY,        {"reachable", reachable}, {"periods", periods}, {"chosen", chosen},
    {"lag", lag}, {"priority", priority}};
static const struct row of_add[] = {EVERY, {"new_member", guest}, {"room", room}};
static const struct row of_remove[] = {EVERY, {"leaving_member", leaver}};

static const struct {
    const struct row *rows;
    unsigned count;
    void (*decide)(struct judge *j); // NULL: a row does
} tables[] = {
    [MONGO_DEED_FAILOVER] = {of_failover, sizeof of_failover / sizeof *of_failover, NULL},
    [MONGO_DEED_ADD] = {of_add, sizeof of_add / sizeof *of_add, decide_add},
    [MONGO_DEED_REMOVE] = {of_remove, sizeof of_remove / sizeof *of_remove, decide_remove},
};

void mongo_preflight_judge(const struct mongo_input *in, struct preflight *out,
                           struct mongo_memory *memory)
{
    struct judge j = {.in = in, .set = in->set, .chosen = -1, .memory = memory};
    *memory = (struct mongo_memory){0};
    out->count = 0;
    for (unsigned i = 0; i < tables[in->plan->deed].count; i++) {
        struct preflight_row *row = &out->rows[out->count++];
        row->name = tables[in->plan->deed].rows[i].name;
        row->verdict = tables[in->plan->deed].rows[i].judge(&j, row);
    }
    if (tables[in->plan->deed].decide != NULL)
        tables[in->plan->deed].decide(&j);
    memory->known = preflight_verdict(out) != VERDICT_NO;
}
