// Facts of one server: its variables; the other parts are in facts_*.c.
#include "control/facts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/facts_parts.h"

static const struct {
    const char *name, *other;
} names[] = {
#define X(name, text, other) [FACTS_##name] = {text, other},
    FACTS_VARIABLES(X)
#undef X
};

const char *facts_variable_name(enum facts_variable v)
{
    return names[v].name;
}

const char *facts_text(const struct facts *f, enum facts_variable v)
{
    return f->variables[v] != NULL ? f->variables[v] : "";
}

uint64_t facts_number(const struct facts *f, enum facts_variable v)
{
    uint64_t n = 0;
    return text_parse_u64(facts_text(f, v), &n) == SL_OK ? n : 0;
}

bool facts_is_on(const struct facts *f, enum facts_variable v)
{
    const char *text = facts_text(f, v);
    return text[0] != '\0' && strcmp(text, "0") != 0 && strcasecmp(text, "OFF") != 0 &&
           strcasecmp(text, "DISABLED") != 0;
}

// --- variables ----------------------------------------------------------------------------------

static void keep(struct facts *f, const char *name, const char *value)
{
    for (unsigned i = 0; i < FACTS_VARIABLE_COUNT; i++) {
        bool is_it = strcasecmp(name, names[i].name) == 0 ||
                     (names[i].other != NULL && strcasecmp(name, names[i].other) == 0);
        if (is_it && f->variables[i] == NULL)
            f->variables[i] = mem_strdup(value);
    }
}

static void put_names(struct buf *statement)
{
    for (unsigned i = 0; i < FACTS_VARIABLE_COUNT; i++) {
        buf_printf(statement, "%s'%s'", i > 0 ? "," : "", names[i].name);
        if (names[i].other != NULL)
            buf_printf(statement, ",'%s'", names[i].other);
    }
}

static enum sl_code ask_variables(struct sql *sql, struct facts *f, struct sl_error *err)
{
    struct buf statement;
    buf_init(&statement, 0);
    buf_str(&statement, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (");
    put_names(&statement);
    buf_str(&statement, ")");
    enum sl_code code = sql_query(sql, buf_text(&statement), err);
    buf_release(&statement);
    while (code == SL_OK && sql_next(sql)) {
        const char *name = sql_column_value(sql, 0), *value = sql_column_value(sql, 1);
        if (name != NULL && value != NULL)
            keep(f, name, value);
    }
    return code;
}

static enum sl_code ask_clock(struct sql *sql, struct facts *f, struct sl_error *err)
{
    enum sl_code code =
        sql_query(sql, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS s", err);
    const char *value = code == SL_OK && sql_next(sql) ? sql_value(sql, "s") : NULL;
    f->utc_offset_s = value != NULL ? strtoll(value, NULL, 10) : 0;
    return code;
}

static enum sl_code ask_connections(struct sql *sql, struct facts *f, struct sl_error *err)
{
    uint64_t n = 0;
    enum sl_code code = sql_query(sql, "SHOW GLOBAL STATUS LIKE 'Threads_connected'", err);
    const char *value = code == SL_OK && sql_next(sql) ? sql_value(sql, "Value") : NULL;
    if (value != NULL && text_parse_u64(value, &n) == SL_OK)
        f->connections = (unsigned)n;
    return code;
}

// --- all of it ----------------------------------------------------------------------------------

enum sl_code facts_ask(struct sql *sql, const struct fence_rules *rules, struct facts *out,
                       struct sl_error *err)
{
    *out = (struct facts){.family = family_of(sql), .version = sql_version_number(sql)};
    enum sl_code code = ask_variables(sql, out, err);
    if (code == SL_OK)
        code = ask_clock(sql, out, err);
    if (code == SL_OK)
        code = ask_connections(sql, out, err);
    if (code == SL_OK)
        code = facts_ask_grants(sql, out, err);
    if (code == SL_OK)
        code = facts_ask_accounts(sql, rules, out, err);
    if (code == SL_OK)
        code = facts_ask_work(sql, out, err);
    if (code != SL_OK)
        facts_release(out);
    return code;
}

void facts_release(struct facts *f)
{
    for (unsigned i = 0; i < FACTS_VARIABLE_COUNT; i++)
        mem_free(f->variables[i]);
    fence_release(&f->fence);
    mem_free(f->accounts);
    mem_free(f->transactions.items);
    mem_free(f->present.items);
    mem_free(f->ddl.items);
    *f = (struct facts){0};
}
