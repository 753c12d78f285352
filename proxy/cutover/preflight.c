// The table of the preflight's rows, and how they are asked.
#include "cutover/preflight.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cutover/preflight_rows.h"

// What an operator may do about a NO: nothing but mend it, or also accept it by name.
enum weight { FIRM, WEIGHED };

// In the order in which an operator wants to read them. All but those for `anything` need both
// servers' facts.
static const struct {
    const char *name;
    bool anything;
    enum weight weight;
    enum verdict (*judge)(const struct preflight_input *in, struct preflight_row *row);
} table[] = {
    {"reachable", true, FIRM, preflight_reachable},
    {"privileges", false, FIRM, preflight_privileges},
    {"server_id", false, FIRM, preflight_server_id},
    {"roles", false, FIRM, preflight_roles},
    {"replication", false, FIRM, preflight_replication},
    {"positions", false, FIRM, preflight_positions},
    {"errant_transactions", false, WEIGHED, preflight_errant},
    {"lag", false, WEIGHED, preflight_lag},
    {"binary_log", false, FIRM, preflight_log},
    {"binlog_format", false, WEIGHED, preflight_binlog_format},
    {"version", false, FIRM, preflight_version},
    {"character_set", false, WEIGHED, preflight_character_set},
    {"sql_mode", false, WEIGHED, preflight_sql_mode},
    {"time_zone", false, WEIGHED, preflight_time_zone},
    {"isolation", false, WEIGHED, preflight_isolation},
    {"max_allowed_packet", false, WEIGHED, preflight_max_packet},
    {"lower_case_table_names", false, WEIGHED, preflight_table_names},
    {"auto_increment", false, WEIGHED, preflight_auto_increment},
    {"event_scheduler", false, WEIGHED, preflight_events},
    {"accounts", false, WEIGHED, preflight_accounts},
    {"passwords", false, WEIGHED, preflight_passwords},
    {"grants", false, WEIGHED, preflight_grants},
    {"powerful_accounts", false, WEIGHED, preflight_powers},
    {"long_transactions", false, WEIGHED, preflight_transactions},
    {"ddl", false, WEIGHED, preflight_ddl},
    {"direct_sessions", false, WEIGHED, preflight_direct},
    {"connections", false, WEIGHED, preflight_connections},
    {"sessions", true, WEIGHED, preflight_sessions},
    {"testers", true, WEIGHED, preflight_testers},
    {"disk", true, FIRM, preflight_disk},
};
static_assert(sizeof table / sizeof *table <= PREFLIGHT_ROWS_MAX, "room for all rows");

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"GO", "WARN", "NO"};
    return names[v];
}

enum verdict preflight_say(struct preflight_row *row, enum verdict v, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(row->evidence, sizeof row->evidence, fmt, args);
    va_end(args);
    return v;
}

void preflight_list_add(struct preflight_list *l, const char *fmt, ...)
{
    size_t n = strlen(l->text);
    if (l->count++ >= PREFLIGHT_LIST_SHOWN)
        return;
    int comma = snprintf(l->text + n, sizeof l->text - n, "%s", l->count > 1 ? ", " : "");
    n += comma > 0 && (size_t)comma < sizeof l->text - n ? (size_t)comma : 0;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(l->text + n, sizeof l->text - n, fmt, args);
    va_end(args);
}

const char *preflight_list_text(struct preflight_list *l)
{
    size_t n = strlen(l->text);
    if (l->count > PREFLIGHT_LIST_SHOWN)
        (void)snprintf(l->text + n, sizeof l->text - n, " and %u more",
                       l->count - PREFLIGHT_LIST_SHOWN);
    return l->text;
}

void preflight_judge(const struct preflight_input *in, struct preflight *out)
{
    bool known = in->old.problem[0] == '\0' && in->target.problem[0] == '\0';
    out->count = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!known && !table[i].anything)
            continue;
        struct preflight_row *row = &out->rows[out->count++];
        *row = (struct preflight_row){.name = table[i].name};
        row->verdict = table[i].judge(in, row);
    }
}

enum verdict preflight_verdict(const struct preflight *p)
{
    enum verdict worst = VERDICT_GO;
    for (unsigned i = 0; i < p->count; i++)
        worst = p->rows[i].verdict > worst ? p->rows[i].verdict : worst;
    return worst;
}

bool preflight_is_accepted(const struct preflight_accepted *accepted, const char *name)
{
    for (unsigned i = 0; accepted != NULL && i < accepted->count; i++)
        if (strcmp(accepted->names[i], name) == 0)
            return true;
    return false;
}

enum sl_code preflight_may_accept(const char *name, struct sl_error *err)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].name, name) != 0)
            continue;
        return table[i].weight == WEIGHED
                   ? SL_OK
                   : sl_fail(err, SL_EDENIED,
                             "the NO of \"%s\" cannot be accepted: a cutover would not be possible",
                             name);
    }
    return sl_fail(err, SL_ENOTFOUND, "the check has no row \"%s\"", name);
}

enum sl_code preflight_check(const struct preflight *p, const struct preflight_accepted *accepted,
                             struct sl_error *err)
{
    char text[SL_ERROR_TEXT_MAX] = "";
    for (unsigned i = 0; i < p->count; i++) {
        size_t n = strlen(text);
        if (p->rows[i].verdict == VERDICT_NO && !preflight_is_accepted(accepted, p->rows[i].name) &&
            n + 1 < sizeof text)
            (void)snprintf(text + n, sizeof text - n, "%s%s: %s", n > 0 ? "; " : "",
                           p->rows[i].name, p->rows[i].evidence);
    }
    return text[0] == '\0' ? SL_OK : sl_fail(err, SL_ECONFLICT, "%s", text);
}
