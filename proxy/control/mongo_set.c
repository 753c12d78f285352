// Arithmetic over a replica set.
#include "control/mongo_set.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

const char *mongo_state_name(int state)
{
    switch (state) {
#define X(name, number)                                                                            \
    case number: return #name;
        MONGO_STATES(X)
#undef X
    default: return "?";
    }
}

int mongo_find(const struct mongo_set *s, const char *host)
{
    for (unsigned i = 0; i < s->count; i++)
        if (strcasecmp(s->members[i].host, host) == 0)
            return (int)i;
    return -1;
}

int mongo_primary(const struct mongo_set *s)
{
    return s->primary[0] != '\0' ? mongo_find(s, s->primary) : -1;
}

unsigned mongo_voters(const struct mongo_set *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->count; i++)
        n += s->members[i].votes > 0;
    return n;
}

unsigned mongo_majority(unsigned voters)
{
    return voters / 2 + 1;
}

bool mongo_takes_part(const struct mongo_member *m)
{
    return m->seen && m->healthy &&
           (m->state == MONGO_PRIMARY || m->state == MONGO_SECONDARY || m->state == MONGO_ARBITER);
}

unsigned mongo_healthy_voters(const struct mongo_set *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->count; i++)
        n += s->members[i].votes > 0 && mongo_takes_part(&s->members[i]);
    return n;
}

static bool has_optime(const struct mongo_member *m)
{
    return m->seen && m->healthy && m->optime.seconds != 0;
}

// The most advanced member's.
static uint32_t newest(const struct mongo_set *s)
{
    uint32_t best = 0;
    for (unsigned i = 0; i < s->count; i++)
        if (has_optime(&s->members[i]) && s->members[i].optime.seconds > best)
            best = s->members[i].optime.seconds;
    return best;
}

int64_t mongo_lag_s(const struct mongo_set *s, unsigned member)
{
    int primary = mongo_primary(s);
    if (!has_optime(&s->members[member]))
        return -1;
    uint32_t front = primary >= 0 && has_optime(&s->members[primary])
                         ? s->members[primary].optime.seconds
                         : newest(s);
    uint32_t own = s->members[member].optime.seconds;
    return front > own ? (int64_t)(front - own) : 0;
}

bool mongo_config_spreads(const struct mongo_set *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct mongo_member *m = &s->members[i];
        if (mongo_takes_part(m) && m->config_version != 0 && m->config_version != s->version)
            return true;
    }
    return s->uncommitted;
}

const char *mongo_unfit(const struct mongo_set *s, unsigned member)
{
    const struct mongo_member *m = &s->members[member];
    if (m->arbiter)
        return "is an arbiter";
    if (m->delay_s != 0)
        return "is delayed on purpose";
    if (m->hidden)
        return "is hidden";
    if (m->priority <= 0)
        return "has priority 0: it is not meant to become primary";
    if (m->votes == 0)
        return "has no vote";
    if (!m->seen || !m->healthy)
        return "is not healthy";
    if (m->state != MONGO_SECONDARY)
        return m->state == MONGO_PRIMARY ? "is the primary already" : "is not SECONDARY";
    return NULL;
}

// Whether `a` would make the better primary.
static bool is_better(const struct mongo_set *s, unsigned a, unsigned b)
{
    const struct mongo_member *x = &s->members[a], *y = &s->members[b];
    int64_t lag_x = mongo_lag_s(s, a), lag_y = mongo_lag_s(s, b);
    if (x->priority > y->priority || x->priority < y->priority)
        return x->priority > y->priority;
    if (lag_x != lag_y)
        return lag_x < lag_y;
    if (x->reached != y->reached)
        return x->reached;
    return x->ping_ns < y->ping_ns;
}

int mongo_healthiest(const struct mongo_set *s, int64_t max_lag_s, char *why, unsigned long size)
{
    int best = -1;
    unsigned fit = 0;
    for (unsigned i = 0; i < s->count; i++) {
        int64_t lag = mongo_lag_s(s, i);
        if (mongo_unfit(s, i) != NULL || lag < 0 || lag > max_lag_s)
            continue;
        fit++;
        if (best < 0 || is_better(s, i, (unsigned)best))
            best = (int)i;
    }
    if (best < 0) {
        (void)snprintf(why, size,
                       "no member can become primary: none is SECONDARY, healthy, with a"
                       " vote and a priority, and close enough behind");
        return -1;
    }
    const struct mongo_member *m = &s->members[best];
    (void)snprintf(why, size,
                   "%s: the best of %u that could: priority %g, %lld s behind, ping %.1f ms",
                   m->host, fit, m->priority, (long long)mongo_lag_s(s, (unsigned)best),
                   (double)m->ping_ns / 1e6);
    return best;
}

static double highest_other(const struct mongo_set *s, unsigned member)
{
    double highest = 0;
    for (unsigned i = 0; i < s->count; i++)
        if (i != member && s->members[i].priority > highest)
            highest = s->members[i].priority;
    return highest;
}

double mongo_winning_priority(const struct mongo_set *s, unsigned member)
{
    double other = highest_other(s, member), own = s->members[member].priority;
    if (own > other)
        return own;
    return other + 1 <= MONGO_PRIORITY_MAX ? other + 1 : MONGO_PRIORITY_MAX;
}

double mongo_staying_priority(const struct mongo_set *s, unsigned member)
{
    double other = highest_other(s, member), own = s->members[member].priority;
    return own >= other ? own : other;
}

enum sl_code mongo_may_remove(const struct mongo_set *s, unsigned member, struct sl_error *err)
{
    const struct mongo_member *m = &s->members[member];
    unsigned voters = mongo_voters(s), healthy = mongo_healthy_voters(s);
    unsigned left = voters - (m->votes > 0);
    unsigned left_healthy = healthy - (m->votes > 0 && mongo_takes_part(m));
    if (m->state == MONGO_PRIMARY && m->healthy)
        return sl_fail(err, SL_ECONFLICT, "%s is the primary: mongo failover first", m->host);
    if (left == 0)
        return sl_fail(err, SL_ECONFLICT, "%s is the only voter", m->host);
    if (left_healthy < mongo_majority(left))
        return sl_fail(err, SL_ECONFLICT,
                       "without %s %u of %u voters would be healthy: no majority", m->host,
                       left_healthy, left);
    return SL_OK;
}

enum sl_code mongo_may_add(const struct mongo_set *s, struct sl_error *err)
{
    unsigned voters = mongo_voters(s), healthy = mongo_healthy_voters(s);
    if (s->count >= MONGO_MEMBERS_MAX)
        return sl_fail(err, SL_ECONFLICT, "the set has %u members, more cannot be", s->count);
    if (voters >= 7)
        return sl_fail(err, SL_ECONFLICT, "the set has 7 voters, more cannot be");
    if (healthy + 1 < mongo_majority(voters + 1))
        return sl_fail(err, SL_ECONFLICT, "%u of %u voters are healthy: no majority", healthy,
                       voters);
    return SL_OK;
}

bool mongo_depends_on_new(const struct mongo_set *s)
{
    return mongo_healthy_voters(s) < mongo_majority(mongo_voters(s) + 1);
}

static bool same(double a, double b)
{
    return !(a < b) && !(a > b);
}

bool mongo_edit_done(const struct mongo_set *s, const struct mongo_edit *e)
{
    int at = mongo_find(s, e->host);
    if (e->kind == MONGO_DROP_MEMBER)
        return at < 0;
    if (e->kind == MONGO_ADD_MEMBER)
        return at >= 0;
    return at >= 0 && (e->priority < 0 || same(e->priority, s->members[at].priority)) &&
           (e->votes < 0 || e->votes == s->members[at].votes);
}

// Letters that need no escape in JSON, in a URI or in a line for people.
static bool is_host_letter(char c)
{
    return isalnum((unsigned char)c) || strchr(".-_", c) != NULL;
}

static bool is_port(const char *text)
{
    uint64_t port;
    return text_parse_u64(text, &port) == SL_OK && port >= 1 && port <= 65535;
}

// Where the host's name ends: at ":" or the NUL; NULL when a letter is wrong.
static const char *end_of_name(const char *text)
{
    const char *at = text;
    if (*at == '[') {
        size_t n = strspn(at + 1, "0123456789abcdefABCDEF:.");
        return n > 0 && at[n + 1] == ']' ? at + n + 2 : NULL;
    }
    while (is_host_letter(*at) && *at != '\0')
        at++;
    return at > text ? at : NULL;
}

enum sl_code mongo_host_normalize(const char *text, char out[MONGO_HOST_MAX], struct sl_error *err)
{
    const char *end = end_of_name(text);
    bool bare = end != NULL && *end == '\0';
    bool good = bare || (end != NULL && *end == ':' && is_port(end + 1));
    if (!good || strlen(text) + sizeof ":27017" > MONGO_HOST_MAX)
        return sl_fail(err, SL_EINVAL, "\"%.80s\" is not HOST:PORT", text);
    (void)snprintf(out, MONGO_HOST_MAX, "%s%s", text, bare ? ":27017" : "");
    return SL_OK;
}
