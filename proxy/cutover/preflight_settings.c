// Rows that compare settings of the two servers: what differs is felt by applications afterwards.
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "cutover/preflight_rows.h"

// GO when both say the same, else `otherwise`.
static enum verdict compare(const struct preflight_input *in, struct preflight_row *row,
                            enum facts_variable v, enum verdict otherwise)
{
    const char *old = facts_text(in->old.facts, v), *target = facts_text(in->target.facts, v);
    if (strcasecmp(old, target) == 0)
        return preflight_say(row, VERDICT_GO, "%s on both", old[0] != '\0' ? old : "not there");
    return preflight_say(row, otherwise, "%s is %.120s on %s and %.120s on %s",
                         facts_variable_name(v), old, in->old.name, target, in->target.name);
}

enum verdict preflight_version(const struct preflight_input *in, struct preflight_row *row)
{
    const struct facts *old = in->old.facts, *target = in->target.facts;
    const char *a = facts_text(old, FACTS_VERSION), *b = facts_text(target, FACTS_VERSION);
    if (old->family != target->family)
        return preflight_say(row, VERDICT_NO, "%s is %.100s and %s is %.100s: not one family",
                             in->old.name, a, in->target.name, b);
    if (target->version < old->version)
        return preflight_say(row, VERDICT_WARN, "%s is older: %.100s, and %s is %.100s",
                             in->target.name, b, in->old.name, a);
    if (target->version / 100 != old->version / 100)
        return preflight_say(row, VERDICT_WARN,
                             "%s is newer: %.100s, and %s is %.100s, which then replicates from a"
                             " newer one",
                             in->target.name, b, in->old.name, a);
    return preflight_say(row, VERDICT_GO, "%.150s and %.150s", a, b);
}

enum verdict preflight_character_set(const struct preflight_input *in, struct preflight_row *row)
{
    enum verdict v = compare(in, row, FACTS_CHARACTER_SET, VERDICT_NO);
    return v == VERDICT_GO ? compare(in, row, FACTS_COLLATION, VERDICT_WARN) : v;
}

// --- sql_mode -------------------------------------------------------------------------------------

static bool holds_mode(const char *modes, const char *mode, size_t n)
{
    while (*modes != '\0') {
        size_t here = strcspn(modes, ",");
        if (here == n && strncasecmp(modes, mode, n) == 0)
            return true;
        modes += here;
        modes += strspn(modes, ",");
    }
    return false;
}

// Lists what is in `modes` and not in `other`.
static void add_modes(struct preflight_list *l, const char *modes, const char *other,
                      const char *server)
{
    while (*modes != '\0') {
        size_t n = strcspn(modes, ",");
        if (n > 0 && !holds_mode(other, modes, n))
            preflight_list_add(l, "%.*s only on %s", (int)n, modes, server);
        modes += n;
        modes += strspn(modes, ",");
    }
}

enum verdict preflight_sql_mode(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list l = {0};
    const char *old = facts_text(in->old.facts, FACTS_SQL_MODE),
               *target = facts_text(in->target.facts, FACTS_SQL_MODE);
    add_modes(&l, old, target, in->old.name);
    add_modes(&l, target, old, in->target.name);
    if (l.count > 0)
        return preflight_say(row, VERDICT_NO, "differs: %s", preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO, "%.300s on both", old[0] != '\0' ? old : "empty");
}

// --- time -----------------------------------------------------------------------------------------

// The zone that sessions begin with.
static const char *zone_of(const struct facts *f)
{
    const char *zone = facts_text(f, FACTS_TIME_ZONE);
    return strcasecmp(zone, "SYSTEM") == 0 ? facts_text(f, FACTS_SYSTEM_TIME_ZONE) : zone;
}

enum verdict preflight_time_zone(const struct preflight_input *in, struct preflight_row *row)
{
    const struct facts *old = in->old.facts, *target = in->target.facts;
    if (old->utc_offset_s != target->utc_offset_s)
        return preflight_say(row, VERDICT_NO,
                             "local time is UTC%+.2g h on %s (%.80s) and UTC%+.2g h on %s (%.80s)",
                             (double)old->utc_offset_s / 3600, in->old.name, zone_of(old),
                             (double)target->utc_offset_s / 3600, in->target.name, zone_of(target));
    if (strcasecmp(zone_of(old), zone_of(target)) != 0)
        return preflight_say(row, VERDICT_WARN,
                             "%.80s on %s and %.80s on %s: the same time now, perhaps not always",
                             zone_of(old), in->old.name, zone_of(target), in->target.name);
    return preflight_say(row, VERDICT_GO, "%.80s on both", zone_of(old));
}

// --- limits and names -------------------------------------------------------------------------------

enum verdict preflight_isolation(const struct preflight_input *in, struct preflight_row *row)
{
    return compare(in, row, FACTS_ISOLATION, VERDICT_NO);
}

enum verdict preflight_max_packet(const struct preflight_input *in, struct preflight_row *row)
{
    uint64_t old = facts_number(in->old.facts, FACTS_MAX_ALLOWED_PACKET),
             target = facts_number(in->target.facts, FACTS_MAX_ALLOWED_PACKET);
    if (target < old)
        return preflight_say(row, VERDICT_NO, "%s takes %" PRIu64 " bytes, %s only %" PRIu64,
                             in->old.name, old, in->target.name, target);
    return preflight_say(row, VERDICT_GO, "%" PRIu64 " on %s, %" PRIu64 " on %s", old, in->old.name,
                         target, in->target.name);
}

enum verdict preflight_table_names(const struct preflight_input *in, struct preflight_row *row)
{
    return compare(in, row, FACTS_LOWER_CASE_TABLE_NAMES, VERDICT_NO);
}

// --- replication ------------------------------------------------------------------------------------

enum verdict preflight_binlog_format(const struct preflight_input *in, struct preflight_row *row)
{
    const char *format = facts_text(in->old.facts, FACTS_BINLOG_FORMAT);
    if (format[0] != '\0' && strcasecmp(format, "ROW") != 0)
        return preflight_say(row, VERDICT_WARN,
                             "%s on %s: statements may do something else on %s; ROW is exact",
                             format, in->old.name, in->target.name);
    return compare(in, row, FACTS_BINLOG_FORMAT, VERDICT_WARN);
}

enum verdict preflight_auto_increment(const struct preflight_input *in, struct preflight_row *row)
{
    const struct facts *old = in->old.facts, *target = in->target.facts;
    uint64_t step = facts_number(old, FACTS_AUTO_INCREMENT_INCREMENT),
             step2 = facts_number(target, FACTS_AUTO_INCREMENT_INCREMENT),
             from = facts_number(old, FACTS_AUTO_INCREMENT_OFFSET),
             from2 = facts_number(target, FACTS_AUTO_INCREMENT_OFFSET);
    if (position_channel(in->old.position, in->target.position) == NULL)
        return preflight_say(row, step == step2 ? VERDICT_GO : VERDICT_WARN,
                             "one-way: steps of %" PRIu64 " on %s and %" PRIu64 " on %s", step,
                             in->old.name, step2, in->target.name);
    bool apart = step == step2 && step > 1 && from % step != from2 % step;
    return preflight_say(row, apart ? VERDICT_GO : VERDICT_WARN,
                         "%s counts from %" PRIu64 " by %" PRIu64 ", %s from %" PRIu64
                         " by %" PRIu64 "%s",
                         in->old.name, from, step, in->target.name, from2, step2,
                         apart ? "" : ": both could give the same number");
}

enum verdict preflight_events(const struct preflight_input *in, struct preflight_row *row)
{
    bool old = facts_is_on(in->old.facts, FACTS_EVENT_SCHEDULER),
         target = facts_is_on(in->target.facts, FACTS_EVENT_SCHEDULER);
    if (old && !target && in->saved->event_scheduler)
        return preflight_say(row, VERDICT_GO, "on %s an earlier cutover switched it off",
                             in->target.name);
    if (old && !target)
        return preflight_say(row, VERDICT_WARN, "it runs on %s and not on %s: events would stop",
                             in->old.name, in->target.name);
    return preflight_say(row, VERDICT_GO, "%s on %s, %s on %s", old ? "on" : "off", in->old.name,
                         target ? "on" : "off", in->target.name);
}
