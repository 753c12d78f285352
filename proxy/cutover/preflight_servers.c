// Rows about the servers themselves: reach, replication, and what they can take.
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "control/replica_status.h"
#include "cutover/journal.h"
#include "cutover/preflight_rows.h"

#define SHOWN_GTID_BYTES 160

static bool both_ways(const struct preflight_input *in)
{
    return position_channel(in->old.position, in->target.position) != NULL;
}

enum verdict preflight_reachable(const struct preflight_input *in, struct preflight_row *row)
{
    const struct preflight_server *old = &in->old, *target = &in->target;
    if (old->problem[0] != '\0' && target->problem[0] != '\0')
        return preflight_say(row, VERDICT_NO, "neither answers: %.150s; %.150s", old->problem,
                             target->problem);
    const struct preflight_server *bad = old->problem[0] != '\0' ? old : target;
    if (bad->problem[0] != '\0')
        return preflight_say(row, VERDICT_NO, "%s cannot be asked: %.300s", bad->name,
                             bad->problem);
    return preflight_say(row, VERDICT_GO, "%s and %s answer the control account", old->name,
                         target->name);
}

// Appends what one server's control account lacks.
static void add_lacks(struct preflight_list *l, const struct preflight_server *s)
{
    if (s->facts->lacks[0] != '\0')
        preflight_list_add(l, "on %s: %.180s", s->name, s->facts->lacks);
    if (s->facts->denied[0] != '\0')
        preflight_list_add(l, "on %s: %.180s", s->name, s->facts->denied);
}

enum verdict preflight_privileges(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list l = {0};
    add_lacks(&l, &in->old);
    add_lacks(&l, &in->target);
    if (l.count > 0)
        return preflight_say(row, VERDICT_NO, "the control account lacks %s",
                             preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO, "the control account may do all that a cutover does");
}

enum verdict preflight_server_id(const struct preflight_input *in, struct preflight_row *row)
{
    uint32_t old = in->old.position->server_id, target = in->target.position->server_id;
    if (old == target)
        return preflight_say(row, VERDICT_NO, "both have server_id %" PRIu32, old);
    return preflight_say(row, VERDICT_GO, "%" PRIu32 " and %" PRIu32, old, target);
}

enum verdict preflight_roles(const struct preflight_input *in, struct preflight_row *row)
{
    bool old = facts_is_on(in->old.facts, FACTS_READ_ONLY),
         target = facts_is_on(in->target.facts, FACTS_READ_ONLY);
    if (old)
        return preflight_say(row, VERDICT_NO, "%s is active but read-only", in->old.name);
    if (!target && !both_ways(in))
        return preflight_say(row, VERDICT_WARN,
                             "%s is a replica but writable: who connects to it directly can write"
                             " there now",
                             in->target.name);
    return preflight_say(row, VERDICT_GO, "%s is writable, %s is %s", in->old.name, in->target.name,
                         target ? "read-only" : "writable, too");
}

enum verdict preflight_replication(const struct preflight_input *in, struct preflight_row *row)
{
    const char *old = in->old.name, *target = in->target.name;
    const struct replica_channel *c = position_channel(in->target.position, in->old.position);
    const struct replica_channel *back = position_channel(in->old.position, in->target.position);
    if (c == NULL)
        return preflight_say(row, VERDICT_NO, "%s does not replicate from %s", target, old);
    if (!c->io_running || !c->sql_running)
        return preflight_say(row, VERDICT_NO, "%s's %s from %s does not run: %.250s", target,
                             c->sql_running ? "receiver" : "applier", old,
                             in->target.replication_error[0] != '\0' ? in->target.replication_error
                                                                     : "it was stopped");
    if (back != NULL && (!back->io_running || !back->sql_running))
        return preflight_say(row, VERDICT_NO,
                             "%s replicates from %s, too, and that does not run:"
                             " %.250s",
                             old, target,
                             in->old.replication_error[0] != '\0' ? in->old.replication_error
                                                                  : "it was stopped");
    if (in->target.position->channel_count > 1)
        return preflight_say(row, VERDICT_WARN, "%s replicates from %s, and from others", target,
                             old);
    return preflight_say(row, VERDICT_GO, "%s replicates from %s%s", target, old,
                         back != NULL ? " and back" : "");
}

enum verdict preflight_positions(const struct preflight_input *in, struct preflight_row *row)
{
    if (position_gap(in->old.position, in->target.position).kind == GAP_UNKNOWN)
        return preflight_say(row, VERDICT_NO,
                             "how far %s is behind %s cannot be told: neither GTIDs on both nor a"
                             " place in the same binary log",
                             in->target.name, in->old.name);
    return preflight_say(
        row, VERDICT_GO, "compared by %s",
        position_both_gtid(in->old.position, in->target.position) ? "GTID" : "file and position");
}

enum verdict preflight_errant(const struct preflight_input *in, struct preflight_row *row)
{
    if (!position_both_gtid(in->old.position, in->target.position))
        return preflight_say(row, VERDICT_WARN, "cannot be told without GTIDs on both");
    struct gtid_set errant = position_missing(in->target.position, in->old.position);
    struct buf text;
    enum verdict v = VERDICT_GO;
    buf_init(&text, GTID_TEXT_MAX);
    gtid_format(&errant, &text);
    if (errant.count == 0)
        v = preflight_say(row, v, "%s has nothing that %s lacks", in->target.name, in->old.name);
    else if (both_ways(in))
        v = preflight_say(row, VERDICT_WARN, "somebody writes on %s: %.*s was not on %s yet",
                          in->target.name, SHOWN_GTID_BYTES, buf_text(&text), in->old.name);
    else
        v = preflight_say(row, VERDICT_NO, "%s has transactions that %s never had: %.*s",
                          in->target.name, in->old.name, SHOWN_GTID_BYTES, buf_text(&text));
    buf_release(&text);
    gtid_release(&errant);
    return v;
}

enum verdict preflight_lag(const struct preflight_input *in, struct preflight_row *row)
{
    char most[32], lag[32];
    struct position_gap gap = position_gap(in->old.position, in->target.position);
    (void)text_format_duration_ms(in->max_lag_ns / NS_PER_MS, most, sizeof most);
    (void)text_format_duration_ms(in->lag_ns / NS_PER_MS, lag, sizeof lag);
    if (in->lag == LAG_MEASURED)
        return preflight_say(row, in->lag_ns <= in->max_lag_ns ? VERDICT_GO : VERDICT_NO,
                             "%s had all of %s within %s (cutover.max_lag %s)", in->target.name,
                             in->old.name, lag, most);
    if (in->lag == LAG_TOO_LONG)
        return preflight_say(row, VERDICT_NO,
                             "%s did not get within cutover.max_lag (%s) where %s was; %" PRId64
                             " transactions behind",
                             in->target.name, most, in->old.name, gap.transactions);
    return preflight_say(row, VERDICT_NO, "not measured: replication does not run");
}

enum verdict preflight_log(const struct preflight_input *in, struct preflight_row *row)
{
    const struct facts *old = in->old.facts, *target = in->target.facts;
    if (!facts_is_on(old, FACTS_LOG_BIN) || !facts_is_on(target, FACTS_LOG_BIN))
        return preflight_say(row, VERDICT_NO, "%s writes no binary log: nothing could follow it",
                             facts_is_on(old, FACTS_LOG_BIN) ? in->target.name : in->old.name);
    if (strcmp(facts_text(old, FACTS_GTID_MODE), facts_text(target, FACTS_GTID_MODE)) != 0)
        return preflight_say(row, VERDICT_WARN, "gtid_mode is %s on %s and %s on %s",
                             facts_text(old, FACTS_GTID_MODE), in->old.name,
                             facts_text(target, FACTS_GTID_MODE), in->target.name);
    if (!facts_is_on(target, FACTS_LOG_UPDATES))
        return preflight_say(row, VERDICT_WARN,
                             "%s does not log what it replicates (log_slave_updates): other"
                             " replicas cannot be moved under it",
                             in->target.name);
    return preflight_say(row, VERDICT_GO, "both write one");
}

enum verdict preflight_connections(const struct preflight_input *in, struct preflight_row *row)
{
    uint64_t most = facts_number(in->target.facts, FACTS_MAX_CONNECTIONS);
    unsigned used = in->target.facts->connections, come = in->census.sessions;
    enum verdict v = most != 0 && (uint64_t)used + come > most ? VERDICT_NO : VERDICT_GO;
    return preflight_say(row, v, "%s takes %" PRIu64 ", %u are in use, %u sessions would come",
                         in->target.name, most, used, come);
}

enum verdict preflight_disk(const struct preflight_input *in, struct preflight_row *row)
{
    char free[32], need[32];
    if (in->disk_free < 0)
        return preflight_say(row, VERDICT_WARN, "the free space of %.200s is not known",
                             in->state_dir);
    (void)text_format_size((uint64_t)in->disk_free, free, sizeof free);
    (void)text_format_size(JOURNAL_MAX, need, sizeof need);
    return preflight_say(row, (uint64_t)in->disk_free < JOURNAL_MAX ? VERDICT_NO : VERDICT_GO,
                         "%s free in %.200s, a journal may need %s", free, in->state_dir, need);
}
