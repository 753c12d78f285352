// The capture's table is whole: every session variable of MariaDB 10.11 and MySQL 9.7 is in it, is
// treated by the portrait, or is left to the new server for a reason given here.
// (move_variables.known holds the lists in tests/unit/data against the servers.)
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "state/capture.h"
#include "state/capture_internal.h"
#include "state/portrait.h"

// Decided for the session that never set it: it gets the new server's. One that was set is replayed
// from the report. A name with a star stands for all that begin so.
static const struct {
    const char *reason;
    const char *names[60];
} left_out[] = {
    {"how a query is executed, not what it gives",
     {"analyze_*",
      "aria_stats_method",
      "big_tables",
      "deadlock_search_depth_*",
      "enable_secondary_engine_statistics",
      "eq_range_index_dive_limit",
      "expensive_subquery_limit",
      "histogram_*",
      "in_predicate_conversion_threshold",
      "information_schema_stats_expiry",
      "join_cache_level",
      "low_priority_updates",
      "max_delayed_threads",
      "max_insert_delayed_threads",
      "max_length_for_sort_data",
      "max_rowid_filter_size",
      "max_seeks_for_key",
      "max_tmp_tables",
      "myisam_stats_method",
      "optimizer_*",
      "profiling_history_size",
      "progress_report_time",
      "query_cache_*",
      "range_optimizer_max_mem_size",
      "secondary_engine_cost_threshold",
      "sql_buffer_result",
      "transaction_allow_batching",
      "use_secondary_engine",
      "use_stat_tables"}},
    {"memory, threads and files: of the new machine's size",
     {"aria_repair_threads",
      "aria_sort_buffer_size",
      "bulk_insert_buffer_size",
      "connection_memory_*",
      "global_connection_memory_tracking",
      "innodb_ddl_*",
      "innodb_parallel_read_threads",
      "innodb_tmpdir",
      "internal_tmp_mem_storage_engine",
      "join_buffer_*",
      "keep_files_on_create",
      "max_heap_table_size",
      "max_session_mem_used",
      "mrr_buffer_size",
      "myisam_repair_threads",
      "myisam_sort_buffer_size",
      "old_alter_table",
      "parser_max_mem_size",
      "preload_buffer_size",
      "query_alloc_block_size",
      "query_prealloc_size",
      "range_alloc_block_size",
      "read_buffer_size",
      "read_rnd_buffer_size",
      "rowid_merge_buff_size",
      "select_into_*",
      "set_operations_buffer_size",
      "sort_buffer_size",
      "tmp_disk_table_size",
      "tmp_memory_table_size",
      "tmp_table_size",
      "transaction_alloc_block_size",
      "transaction_prealloc_size"}},
    {"the connection: its time-outs and packets",
     {"deadlock_timeout_*", "idle_*", "interactive_timeout", "max_allowed_packet",
      "max_user_connections", "net_*", "session_track_*", "tcp_nodelay", "thread_pool_priority",
      "wait_timeout"}},
    {"what the server logs",
     {"log_*", "long_query_time", "min_examined_row_limit", "slow_query_log", "sql_log_off"}},
    {"how it replicates, and how its cluster keeps its members alike",
     {"auto_increment_*", "binlog_*", "default_master_connection", "group_replication_consistency",
      "rbr_exec_mode", "wsrep_*"}},
    {"how it keeps tables on disk, by its operator's rules",
     {"column_compression_*", "default_table_encryption", "external_table_*",
      "innodb_compression_default", "innodb_default_encryption_key_id"}},
    {"what passwords it makes up", {"generated_random_password_length"}},
    {"only the scope of index hints, and the checksums of old MyISAM tables", {"old"}},
    {"without a global value: the default, where nobody set it",
     {"resultset_metadata", "show_create_table_skip_secondary_engine"}},
    {"read only: who logged in, what runs", {"external_user", "proxy_user", "in_transaction"}},
    {"another's second name", {"storage_engine", "character_set_database"}},
};

#define REASONS (sizeof left_out / sizeof *left_out)

static bool matches(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0;
}

static bool is_captured(const struct capture_server *s, const char *name)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(s, rows);
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return true;
    return false;
}

static bool used[REASONS][60];

static bool is_left_out(const char *name)
{
    bool found = false;
    for (size_t i = 0; i < REASONS; i++) {
        for (size_t k = 0; left_out[i].names[k] != NULL; k++) {
            bool here = matches(left_out[i].names[k], name);
            used[i][k] = used[i][k] || here;
            found = found || here;
        }
    }
    return found;
}

static void check_name(const struct capture_server *s, const char *name)
{
    struct slice text = {(const uint8_t *)name, strlen(name)};
    bool captured = is_captured(s, name);
    bool treated = portrait_variable_kind(text) != VARIABLE_REPLAYED;
    if (captured)
        cr_expect(!is_left_out(name), "%s is captured, and left out for a reason", name);
    else if (!is_left_out(name) && !treated)
        cr_expect_fail("nobody has decided what becomes of %s", name);
}

static unsigned check_list(const struct capture_server *s, const char *path)
{
    char line[100];
    unsigned count = 0;
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    for (; fgets(line, sizeof line, f) != NULL; count++) {
        line[strcspn(line, "\n")] = '\0';
        check_name(s, line);
    }
    fclose(f);
    return count;
}

Test(capture_table, every_session_variable_has_been_decided)
{
    const struct capture_server maria = {CAPTURE_MARIADB, 101119};
    const struct capture_server mysql = {CAPTURE_MYSQL, 90704};
    cr_assert_gt(check_list(&maria, "tests/unit/data/maria-session-variables.txt"), 200);
    cr_assert_gt(check_list(&mysql, "tests/unit/data/mysql-session-variables.txt"), 150);
    for (size_t i = 0; i < REASONS; i++)
        for (size_t k = 0; left_out[i].names[k] != NULL; k++)
            cr_expect(used[i][k], "neither server has %s", left_out[i].names[k]);
}

// The text of the question shows what is asked, and each is asked once.
Test(capture_table, no_variable_twice)
{
    static const struct capture_server servers[] = {
        {CAPTURE_MARIADB, 100400}, {CAPTURE_MARIADB, 100618}, {CAPTURE_MARIADB, 101119},
        {CAPTURE_MARIADB, 110402}, {CAPTURE_MARIADB, 120000}, {CAPTURE_MYSQL, 80000},
        {CAPTURE_MYSQL, 80400},    {CAPTURE_MYSQL, 90704}};
    for (size_t s = 0; s < sizeof servers / sizeof *servers; s++) {
        const struct capture_row *rows[CAPTURE_ROWS_MAX];
        unsigned count = capture_rows(&servers[s], rows);
        for (unsigned i = 0; i < count; i++)
            for (unsigned k = 0; k < i; k++)
                cr_expect_str_neq(rows[i]->name, rows[k]->name);
    }
}
