// Waiting for a position: the statement of each family and way, and how each answers.
#include "control/position_wait.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define SOURCE_POS_WAIT_FROM 80026

// --- by GTID ------------------------------------------------------------------------------------

static bool applied_in_domain(const struct position *target, uint32_t domain)
{
    for (unsigned i = 0; i < target->applied.count; i++) {
        if (target->applied.ranges[i].origin.domain == domain)
            return true;
    }
    return false;
}

// Where the target never applied anything of a domain its gtid_slave_pos is silent for ever, and
// what it has logged, in a copy of the source's log, must do.
static bool must_wait_for(const struct position *target, struct gtid_range *r)
{
    const struct gtid_set one = {.family = FAMILY_MARIADB, .count = 1, .ranges = r};
    return applied_in_domain(target, r->origin.domain) || !gtid_contains(&target->logged, &one);
}

// In each domain the highest number that is not the target's own: its own need not come back to it.
static struct gtid_set goal_of(const struct position *source, const struct position *target)
{
    static const struct gtid_set nothing;
    struct gtid_set goal = gtid_union(&source->logged, &nothing); // a copy, sorted by domain
    unsigned kept = 0;
    for (unsigned i = 0; i < goal.count; i++) {
        struct gtid_range r = goal.ranges[i];
        struct gtid_range *last = kept > 0 ? &goal.ranges[kept - 1] : NULL;
        if (r.origin.server == target->server_id || !must_wait_for(target, &r))
            continue;
        if (last == NULL || last->origin.domain != r.origin.domain)
            goal.ranges[kept++] = r;
        else if (r.last > last->last)
            *last = r;
    }
    goal.count = kept;
    return goal;
}

static void put_seconds(struct buf *out, int64_t ms)
{
    buf_printf(out, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

static void wait_by_gtid(const struct position *source, const struct position *target,
                         int64_t timeout_ms, struct buf *out)
{
    bool mysql = target->family == FAMILY_MYSQL;
    struct gtid_set goal =
        mysql ? gtid_subtract(&source->logged, &target->logged) : goal_of(source, target);
    buf_str(out, mysql ? "SELECT WAIT_FOR_EXECUTED_GTID_SET('" : "SELECT MASTER_GTID_WAIT('");
    gtid_format(&goal, out);
    buf_str(out, "', ");
    put_seconds(out, timeout_ms);
    buf_str(out, ")");
    gtid_release(&goal);
}

// --- by file and offset -------------------------------------------------------------------------

// Quotes are doubled; a backslash means what sql_mode says, so it is refused.
static enum sl_code put_quoted(struct buf *out, const char *name, struct sl_error *err)
{
    if (strchr(name, '\\') != NULL)
        return sl_fail(err, SL_EUNSUPPORTED, "\"%s\": cannot be quoted in a statement", name);
    buf_str(out, "'");
    for (; *name != '\0'; name++)
        buf_printf(out, *name == '\'' ? "''" : "%c", *name);
    buf_str(out, "'");
    return SL_OK;
}

static enum sl_code wait_by_file(const struct position *source, const struct position *target,
                                 unsigned long version, int64_t timeout_ms, struct buf *out,
                                 struct sl_error *err)
{
    const struct replica_channel *channel = position_channel(target, source);
    if (channel == NULL || source->log.file[0] == '\0')
        return sl_fail(err, SL_ECONFLICT,
                       "no GTIDs on both servers and no channel that reads the "
                       "binary log of server %" PRIu32,
                       source->server_id);
    bool mysql = target->family == FAMILY_MYSQL;
    if (!mysql) {
        buf_str(out, "SET STATEMENT max_statement_time=");
        put_seconds(out, timeout_ms);
        buf_str(out, " FOR ");
    }
    buf_printf(out, "SELECT %s(",
               mysql && version >= SOURCE_POS_WAIT_FROM ? "SOURCE_POS_WAIT" : "MASTER_POS_WAIT");
    enum sl_code code = put_quoted(out, source->log.file, err);
    buf_printf(out, ", %" PRIu64 ", ", source->log.offset);
    // Whole seconds, rounded up and one more, so that max_statement_time comes first.
    put_seconds(out, mysql ? timeout_ms : (timeout_ms / 1000 + 2) * 1000);
    buf_str(out, ", ");
    if (code == SL_OK)
        code = put_quoted(out, channel->name, err);
    buf_str(out, ")");
    return code;
}

enum sl_code position_wait_statement(const struct position *source, const struct position *target,
                                     unsigned long version, int64_t timeout_ms, struct buf *out,
                                     struct sl_error *err)
{
    assert(timeout_ms >= 1);
    enum sl_code code = SL_OK;
    if (position_both_gtid(source, target))
        wait_by_gtid(source, target, timeout_ms, out);
    else
        code = wait_by_file(source, target, version, timeout_ms, out, err);
    if (code == SL_OK && out->failed)
        code =
            sl_fail(err, SL_ETOOBIG, "the statement that waits is longer than %zu bytes", out->cap);
    return code;
}

// --- the answer ---------------------------------------------------------------------------------

enum wait_answer position_wait_answer(const struct position *source, const struct position *target,
                                      const char *value, int64_t elapsed_ms, int64_t timeout_ms)
{
    uint64_t n;
    bool by_gtid = position_both_gtid(source, target);
    if (value == NULL && !by_gtid && target->family == FAMILY_MARIADB && elapsed_ms >= timeout_ms)
        return WAIT_TIMED_OUT;
    if (value != NULL && strcmp(value, "-1") == 0)
        return WAIT_TIMED_OUT;
    if (text_parse_u64(value, &n) != SL_OK)
        return WAIT_NOT_REPLICATING;
    if (!by_gtid || n == 0)
        return WAIT_REACHED;
    return n == 1 && target->family == FAMILY_MYSQL ? WAIT_TIMED_OUT : WAIT_NOT_REPLICATING;
}
