// The capture: the table of variables that are captured, what was captured, and the comparison.
#include "state/capture.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "state/capture_internal.h"

#define ALWAYS 1

// Minutes that NOW() is ahead of UTC because the server's host says so, where that matters.
#define OFFSET                                                                                     \
    "IF(@@SESSION.time_zone=_utf8mb4'SYSTEM',TIMESTAMPDIFF(MINUTE,UTC_TIMESTAMP(),NOW()),0)"

// In the order in which they are set. Left out are those that the new server shall have of its own,
// or that say nothing of what statements do: capture_table_test.c names every one, with the reason.
// Tracking reports them when they are changed, and the portrait sets them again. sql_log_bin is here
// because nobody may ever lose it.
//
// - MySQL lets ordinary accounts not set character_set_filesystem, innodb_strict_mode,
//   max_error_count, sql_require_primary_key, sql_generate_invisible_primary_key and
//   xa_detach_on_prepare, MariaDB not enforce_storage_engine: where the servers differ in one of
//   them, such a session cannot move;
// - with no default database collation_database is the server's, else that of the database;
// - with time_zone=SYSTEM a host in another time zone gives other times;
// - max_join_size changes sql_big_selects, a character set its collation;
// - max_statement_time may be too short for what follows it, and character sets change how the
//   texts behind them are read: last.
static const struct capture_row table[] = {
    {"sql_mode", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"old_mode", ALWAYS, 0, 0, TOGETHER, NULL},
    {"time_zone", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"system_time_zone", ALWAYS, 0, ALWAYS, TOGETHER, OFFSET},
    {"tx_isolation", ALWAYS, 110101, 0, TOGETHER, NULL},
    {"tx_read_only", ALWAYS, 110101, 0, TOGETHER, NULL},
    {"transaction_isolation", 110101, 0, ALWAYS, TOGETHER, NULL},
    {"transaction_read_only", 110101, 0, ALWAYS, TOGETHER, NULL},
    {"autocommit", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"completion_type", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"foreign_key_checks", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"unique_checks", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"check_constraint_checks", ALWAYS, 0, 0, TOGETHER, NULL},
    {"sql_log_bin", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"sql_auto_is_null", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"sql_safe_updates", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"sql_select_limit", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_join_size", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"sql_big_selects", ALWAYS, 0, ALWAYS, AGAIN, NULL},
    {"sql_notes", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"sql_warnings", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_error_count", ALWAYS, 0, ALWAYS, ALONE, NULL},
    {"note_verbosity", 100616, 100700, 0, TOGETHER, NULL},
    {"note_verbosity", 101106, 110000, 0, TOGETHER, NULL},
    {"note_verbosity", 110202, 0, 0, TOGETHER, NULL},
    {"sql_quote_show_create", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"show_create_table_verbosity", 0, 0, 80011, TOGETHER, NULL},
    {"show_gipk_in_create_table_and_information_schema", 0, 0, 80030, TOGETHER, NULL},
    {"print_identified_with_as_hex", 0, 0, 80017, TOGETHER, NULL},
    {"terminology_use_previous", 0, 0, 80026, TOGETHER, NULL},
    {"explain_format", 0, 0, 80032, TOGETHER, NULL},
    {"explain_json_format_version", 0, 0, 80300, TOGETHER, NULL},
    {"end_markers_in_json", 0, 0, ALWAYS, TOGETHER, NULL},
    {"sql_if_exists", 100502, 0, 0, TOGETHER, NULL},
    {"updatable_views_with_limit", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"explicit_defaults_for_timestamp", 100609, 0, ALWAYS, TOGETHER, NULL},
    {"default_storage_engine", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"default_tmp_storage_engine", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"enforce_storage_engine", ALWAYS, 0, 0, ALONE, NULL},
    {"sql_require_primary_key", 0, 0, 80013, ALONE, NULL},
    {"sql_generate_invisible_primary_key", 0, 0, 80030, ALONE, NULL},
    {"restrict_fk_on_non_standard_key", 0, 0, 80400, TOGETHER, NULL},
    {"enable_cascade_triggers", 0, 0, 90700, TOGETHER, NULL},
    {"xa_detach_on_prepare", 0, 0, 80029, ALONE, NULL},
    {"alter_algorithm", ALWAYS, 110500, 0, TOGETHER, NULL},
    {"old_passwords", ALWAYS, 0, 0, TOGETHER, NULL},
    {"div_precision_increment", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"default_week_format", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"group_concat_max_len", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_sort_length", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_points_in_geometry", 0, 0, ALWAYS, TOGETHER, NULL},
    {"max_sp_recursion_depth", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_recursive_iterations", ALWAYS, 0, 0, TOGETHER, NULL},
    {"cte_max_recursion_depth", 0, 0, 80003, TOGETHER, NULL},
    {"standard_compliant_cte", ALWAYS, 0, 0, TOGETHER, NULL},
    {"default_regex_flags", ALWAYS, 0, 0, TOGETHER, NULL},
    {"windowing_use_high_precision", 0, 0, 80002, TOGETHER, NULL},
    {"block_encryption_mode", 110201, 0, ALWAYS, TOGETHER, NULL},
    {"system_versioning_alter_history", ALWAYS, 0, 0, TOGETHER, NULL},
    {"system_versioning_asof", ALWAYS, 0, 0, ALONE, NULL},
    {"system_versioning_insert_history", 101100, 0, 0, TOGETHER, NULL},
    {"innodb_strict_mode", ALWAYS, 0, ALWAYS, ALONE, NULL},
    {"innodb_snapshot_isolation", 100618, 100700, 0, TOGETHER, NULL},
    {"innodb_snapshot_isolation", 101108, 110000, 0, TOGETHER, NULL},
    {"innodb_snapshot_isolation", 110402, 0, 0, TOGETHER, NULL},
    {"innodb_table_locks", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"innodb_ft_enable_stopword", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"innodb_ft_user_stopword_table", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"innodb_lock_wait_timeout", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"lock_wait_timeout", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"lc_messages", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"lc_time_names", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"max_execution_time", 0, 0, ALWAYS, TOGETHER, NULL},
    {"max_statement_time", ALWAYS, 0, 0, TOGETHER, NULL},
    {"default_collation_for_utf8mb4", 0, 0, 80011, TOGETHER, NULL},
    {"character_set_collations", 110201, 0, 0, TOGETHER, NULL},
    {"character_set_filesystem", ALWAYS, 0, ALWAYS, ALONE, NULL},
    {"character_set_server", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"collation_server", ALWAYS, 0, ALWAYS, AGAIN, NULL},
    {"collation_database", ALWAYS, 0, ALWAYS, ALONE, NULL},
    {"character_set_results", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"character_set_client", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"character_set_connection", ALWAYS, 0, ALWAYS, TOGETHER, NULL},
    {"collation_connection", ALWAYS, 0, ALWAYS, AGAIN, NULL},
};

_Static_assert(sizeof table / sizeof *table <= CAPTURE_ROWS_MAX, "CAPTURE_ROWS_MAX is too small");

static bool has(const struct capture_server *server, const struct capture_row *row)
{
    if (server->family == CAPTURE_MYSQL)
        return row->mysql != 0 && server->version >= row->mysql;
    return row->maria != 0 && server->version >= row->maria &&
           (row->maria_end == 0 || server->version < row->maria_end);
}

unsigned capture_rows(const struct capture_server *both,
                      const struct capture_row *rows[CAPTURE_ROWS_MAX])
{
    unsigned count = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (has(both, &table[i]))
            rows[count++] = &table[i];
    }
    return count;
}

// Up to two digits behind a dot; anything else is 0.
static unsigned version_part(struct reader *r)
{
    unsigned part = 0;
    while (r->left > 0 && r->p[0] >= '0' && r->p[0] <= '9' && part < 100)
        part = part * 10 + (unsigned)(reader_u8(r) - '0');
    if (r->left > 0 && r->p[0] == '.')
        reader_skip(r, 1);
    return part < 100 ? part : 99;
}

struct capture_server capture_server_of(struct slice v)
{
    static const char compatible[] = "5.5.5-"; // before MariaDB's own, for old replicas
    struct capture_server s = {.family = CAPTURE_MYSQL};
    struct reader r = reader_make(v.p, v.n);
    if (memmem(v.p, v.n, "MariaDB", 7) != NULL)
        s.family = CAPTURE_MARIADB;
    if (v.n > sizeof compatible - 1 && memcmp(v.p, compatible, sizeof compatible - 1) == 0) {
        s.family = CAPTURE_MARIADB;
        reader_skip(&r, sizeof compatible - 1);
    }
    unsigned major = version_part(&r);
    unsigned minor = version_part(&r);
    s.version = major * 10000 + minor * 100 + version_part(&r);
    return s;
}

static void wipe_text(char *s)
{
    mem_wipe_free(s, s != NULL ? strlen(s) + 1 : 0);
}

void capture_drop_variables(struct capture *c)
{
    for (unsigned i = 0; i < c->variable_count; i++) {
        wipe_text(c->variables[i].name);
        wipe_text(c->variables[i].literal);
    }
    mem_free(c->variables);
    c->variables = NULL;
    c->variable_count = 0;
}

void capture_init(struct capture *c)
{
    *c = (struct capture){0};
}

void capture_release(struct capture *c)
{
    capture_drop_variables(c);
    for (unsigned i = 0; i < c->value_count; i++)
        mem_free(c->values[i]);
    mem_free(c->values);
    mem_free(c->schema);
    mem_free(c->role);
    capture_init(c);
}

static const char *value_of(const struct capture *c, const struct capture_server *both,
                            const char *name)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(both, rows);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return c->values[i];
    return NULL;
}

// MariaDB says ON and OFF in the question's text, MySQL 1 and 0.
static bool is_on(const char *value)
{
    return capture_same(value, "ON") || capture_same(value, "1");
}

bool capture_tells_transaction(const struct capture *c, const struct capture_server *both,
                               bool *read_only)
{
    *read_only = is_on(value_of(c, both, "transaction_read_only"));
    return both->family == CAPTURE_MYSQL &&
           capture_same(value_of(c, both, "transaction_isolation"), "REPEATABLE-READ");
}

enum sl_code capture_portable(const struct capture *c, const struct capture_server *both,
                              struct sl_error *err)
{
    bool used_up = both->family == CAPTURE_MARIADB || both->version < 90700;
    if (used_up && is_on(value_of(c, both, "sql_auto_is_null")))
        return sl_fail(err, SL_EUNSUPPORTED,
                       "sql_auto_is_null: the next IS NULL may be to find the row inserted last");
    return SL_OK;
}

bool capture_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

// The first user variable that is not the same on both sides, or NULL. Both are in order of name.
static const char *other_variable(const struct capture *a, const struct capture *b)
{
    for (unsigned i = 0; i < a->variable_count || i < b->variable_count; i++) {
        if (i == b->variable_count)
            return a->variables[i].name;
        if (i == a->variable_count)
            return b->variables[i].name;
        int order = strcmp(a->variables[i].name, b->variables[i].name);
        if (order != 0)
            return order < 0 ? a->variables[i].name : b->variables[i].name;
        if (strcmp(a->variables[i].literal, b->variables[i].literal) != 0)
            return a->variables[i].name;
    }
    return NULL;
}

bool capture_equal(const struct capture *a, const struct capture *b,
                   const struct capture_server *both, char *what, size_t size)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(both, rows);
    const char *variable = other_variable(a, b);
    *what = '\0';
    if (!a->known || !b->known || a->value_count != count || b->value_count != count)
        snprintf(what, size, "not all is known");
    else if (!capture_same(a->role, b->role))
        snprintf(what, size, "the role");
    else if (!capture_same(a->schema, b->schema))
        snprintf(what, size, "the default database");
    else if (a->last_insert_id != b->last_insert_id)
        snprintf(what, size, "LAST_INSERT_ID()");
    else if (variable != NULL)
        snprintf(what, size, "user variable @%s", variable);
    for (unsigned i = 0; i < count && *what == '\0'; i++) {
        if (!capture_same(a->values[i], b->values[i]))
            snprintf(what, size, "@@%s", rows[i]->name);
    }
    return *what == '\0';
}
