// Positions: reading them from rows, and the gap between two.
#include "control/position.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

// --- reading ------------------------------------------------------------------------------------

static bool is_on(const char *value)
{
    return value != NULL && (strcmp(value, "1") == 0 || strcasecmp(value, "ON") == 0);
}

// An absent value is an empty set.
static enum sl_code read_set(enum backend_family family, const char *text, struct gtid_set *out,
                             struct sl_error *err)
{
    return gtid_parse(family, text != NULL ? text : "", out, err);
}

// As the origin of a set that nobody has logged.
static void read_uuid(struct position *p, const char *text)
{
    char set[64];
    struct gtid_set own;
    if (text == NULL || snprintf(set, sizeof set, "%s:1", text) >= (int)sizeof set ||
        gtid_parse(FAMILY_MYSQL, set, &own, NULL) != SL_OK)
        return;
    if (own.count == 1)
        memcpy(p->uuid, own.ranges[0].origin.uuid, sizeof p->uuid);
    gtid_release(&own);
}

enum sl_code position_read_own(struct position *p, enum backend_family family,
                               const struct status_pair *row, unsigned count, struct sl_error *err)
{
    uint64_t id;
    p->family = family;
    if (text_parse_u64(status_value(row, count, "server_id", NULL), &id) == SL_OK &&
        id <= UINT32_MAX)
        p->server_id = (uint32_t)id;
    p->log_updates = is_on(status_value(row, count, "log_updates", NULL));
    const char *logged = status_value(row, count, "gtid_logged", NULL);
    enum sl_code code = read_set(family, logged, &p->logged, err);
    if (code == SL_OK)
        code = read_set(family, status_value(row, count, "gtid_applied", NULL), &p->applied, err);
    read_uuid(p, status_value(row, count, "server_uuid", NULL));
    p->gtid = code == SL_OK && logged != NULL && is_on(status_value(row, count, "gtid_used", NULL));
    return code;
}

void position_read_log(struct position *p, const struct status_pair *row, unsigned count)
{
    p->log = binlog_place_read(status_value(row, count, "File", NULL),
                               status_value(row, count, "Position", NULL));
}

void position_add_channel(struct position *p, const struct status_pair *row, unsigned count)
{
    if (p->channel_count < POSITION_CHANNELS_MAX)
        replica_channel_parse(row, count, &p->channels[p->channel_count++]);
}

void position_release(struct position *p)
{
    gtid_release(&p->logged);
    gtid_release(&p->applied);
    *p = (struct position){0};
}

// --- comparing ----------------------------------------------------------------------------------

bool position_both_gtid(const struct position *a, const struct position *b)
{
    return a->gtid && b->gtid && a->family == b->family;
}

const struct replica_channel *position_channel(const struct position *target,
                                               const struct position *source)
{
    for (unsigned i = 0; source->server_id != 0 && i < target->channel_count; i++) {
        if (target->channels[i].source_id == source->server_id)
            return &target->channels[i];
    }
    return NULL;
}

// What the server is known to have logged of the range's origin; 0: nothing.
static uint64_t logged_up_to(const struct position *at, const struct gtid_range *r)
{
    if (!at->log_updates && r->origin.server != at->server_id)
        return 0;
    for (unsigned i = 0; i < at->logged.count; i++) {
        const struct gtid_range *l = &at->logged.ranges[i];
        if (l->origin.domain == r->origin.domain && l->origin.server == r->origin.server)
            return l->last;
    }
    return 0;
}

static uint64_t applied_up_to(const struct position *at, uint32_t domain)
{
    uint64_t last = 0;
    for (unsigned i = 0; i < at->applied.count; i++) {
        const struct gtid_range *r = &at->applied.ranges[i];
        if (r->origin.domain == domain && r->last > last)
            last = r->last;
    }
    return last;
}

// The rule of the header.
static bool has_entry(const struct position *at, const struct gtid_range *r)
{
    uint64_t logged = logged_up_to(at, r);
    return logged > 0 ? logged >= r->last : applied_up_to(at, r->origin.domain) >= r->last;
}

// The highest number below `r` that the domain is known to have reached at `at` or in the entries
// before `r`, which are counted already: servers of one domain draw from one sequence.
static uint64_t reached_below(const struct position *at, const struct gtid_set *before,
                              const struct gtid_range *r)
{
    const struct gtid_set *const sets[] = {&at->logged, &at->applied, before};
    uint64_t highest = 0;
    for (unsigned s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        for (unsigned i = 0; i < sets[s]->count; i++) {
            const struct gtid_range *k = &sets[s]->ranges[i];
            if (k->origin.domain == r->origin.domain && k->last < r->last && k->last > highest)
                highest = k->last;
        }
    }
    return highest;
}

static struct gtid_set missing_mariadb(const struct position *of, const struct position *at)
{
    static const struct gtid_set nothing;
    struct gtid_set missing = gtid_union(&of->logged, &nothing); // a copy
    unsigned kept = 0;
    for (unsigned i = 0; i < missing.count; i++) {
        if (!has_entry(at, &missing.ranges[i]))
            missing.ranges[kept++] = missing.ranges[i];
    }
    missing.count = kept;
    for (unsigned i = 0; i < kept; i++)
        missing.ranges[i].first = reached_below(at, &missing, &missing.ranges[i]) + 1;
    return missing;
}

struct gtid_set position_missing(const struct position *of, const struct position *at)
{
    assert(position_both_gtid(of, at));
    return of->family == FAMILY_MARIADB ? missing_mariadb(of, at)
                                        : gtid_subtract(&of->logged, &at->logged);
}

static int64_t count_missing(const struct position *source, const struct position *target)
{
    struct gtid_set missing = position_missing(source, target);
    uint64_t count = gtid_count(&missing);
    gtid_release(&missing);
    return count < INT64_MAX ? (int64_t)count : INT64_MAX;
}

struct position_gap position_gap(const struct position *source, const struct position *target)
{
    struct position_gap gap = {.kind = GAP_UNKNOWN, .transactions = -1, .bytes = -1};
    const struct replica_channel *channel = position_channel(target, source);
    enum place_order order = PLACE_UNRELATED;
    if (channel != NULL) {
        order = binlog_place_compare(&channel->executed, &source->log);
        gap.bytes = binlog_place_distance(&channel->executed, &source->log);
    }
    if (position_both_gtid(source, target)) {
        gap.transactions = count_missing(source, target);
        gap.kind = gap.transactions == 0 ? GAP_NONE : GAP_BEHIND;
    } else if (order != PLACE_UNRELATED) {
        gap.kind = order == PLACE_BEFORE ? GAP_BEHIND : GAP_NONE;
    }
    return gap;
}

static bool is_own(const struct position *p, const struct gtid_origin *o)
{
    return p->family == FAMILY_MARIADB ? o->server == p->server_id
                                       : memcmp(o->uuid, p->uuid, sizeof p->uuid) == 0;
}

bool position_wrote_itself(const struct position *before, const struct position *after)
{
    bool own = false;
    if (!position_both_gtid(before, after))
        return binlog_place_compare(&before->log, &after->log) != PLACE_SAME;
    struct gtid_set added = gtid_subtract(&after->logged, &before->logged);
    for (unsigned i = 0; i < added.count; i++)
        own = own || is_own(after, &added.ranges[i].origin);
    gtid_release(&added);
    return own;
}
