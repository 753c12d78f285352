// The session model: what commands and answers do to the obstacles, pipelined or not.
#include "state/model.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "state/model_help.h"

// One text after the other, each with its answer, and what then holds.
struct step {
    const char *text, *answer, *obstacles;
};

static void walk(const struct step *steps)
{
    struct model m = begin();
    for (; steps->text != NULL; steps++) {
        ask(&m, steps->text, steps->answer);
        char text[300];
        obstacle_format(model_obstacles(&m, 1000 * MS), text, sizeof text);
        cr_expect_str_eq(text, steps->obstacles, "%s: %s, not %s", steps->text, text,
                         steps->obstacles);
    }
    model_release(&m);
}

#define WALK(...) walk((const struct step[]){__VA_ARGS__, {NULL, NULL, NULL}})

Test(model, texts_raise_and_their_opposites_clear)
{
    WALK({"CREATE TEMPORARY TABLE t (a INT)", OK_AUTO, "temporary_table"},
         {"DROP TEMPORARY TABLE t", OK_AUTO, "temporary_table"});
    WALK({"LOCK TABLES t WRITE", OK_AUTO, "lock_tables"},
         {"SELECT 1; UNLOCK TABLES", OK_AUTO, "lock_tables"},
         {"UNLOCK TABLES", ERR_HEX, "lock_tables"}, {"UNLOCK TABLES", OK_AUTO, ""});
    WALK({"LOCK INSTANCE FOR BACKUP", OK_AUTO, "lock_tables"},
         {"LOCK TABLES t WRITE", OK_AUTO, "lock_tables"},
         {"UNLOCK TABLES", OK_AUTO, "lock_tables"});
    WALK({"SELECT GET_LOCK('a', 1)", ERR_HEX, "user_lock"},
         {"SELECT RELEASE_LOCK('a')", OK_AUTO, "user_lock"},
         {"SELECT RELEASE_ALL_LOCKS() FROM t", OK_AUTO, "user_lock"},
         {"DO RELEASE_ALL_LOCKS()", OK_AUTO, ""});
    WALK({"HANDLER t OPEN", OK_AUTO, "handler_open"},
         {"PREPARE s FROM 'DO 1'", OK_AUTO, "handler_open,sql_prepare"});
}

Test(model, transactions)
{
    WALK({"BEGIN", OK_TRANS, "in_transaction"}, {"bad", ERR_HEX, "in_transaction"},
         {"COMMIT", OK_AUTO, ""});
    WALK({"XA START 'x'", OK_TRANS, "in_transaction,xa_transaction"},
         {"XA PREPARE 'x'", OK_AUTO, "xa_transaction"},
         {"XA COMMIT 'x'", ERR_HEX, "xa_transaction"}, {"XA COMMIT 'x'", OK_AUTO, ""});
    WALK({"XA START 'x'", ERR_HEX, ""});
    // An error has no status: what may have begun is asked for by the next answer.
    WALK({"CALL p()", ERR_HEX, "in_transaction,unknown_state"},
         {"SELECT 1", ERR_HEX, "in_transaction,unknown_state"}, {"DO 1", OK_AUTO, "unknown_state"});
    WALK({"BEGIN; bad", ERR_HEX, "in_transaction,unknown_state"},
         {"ROLLBACK", OK_AUTO, "unknown_state"});
    WALK({"SET autocommit=0", OK_NONE, ""}, {"INSERT INTO t VALUES (1)", ERR_HEX, "in_transaction"},
         {"ROLLBACK", OK_NONE, ""});
    WALK({"SELECT nosuch", ERR_HEX, ""});
}

Test(model, set_transaction_waits_for_its_transaction)
{
    const char *set = "SET TRANSACTION READ ONLY", *held = "next_transaction_set";
    WALK({set, OK_AUTO, held}, {"SELECT 1", OK_AUTO, held}, {"SHOW TABLES", OK_AUTO, held},
         {"SET @a = 1", OK_AUTO, held}, {"SELECT a FROM t", ERR_HEX, held},
         {"SELECT a FROM information_schema.tables", OK_AUTO, held},
         {"SELECT a FROM t", OK_AUTO, ""});
    WALK({set, OK_AUTO, held}, {"BEGIN", OK_TRANS, "in_transaction,next_transaction_set"},
         {"COMMIT", OK_AUTO, ""});
    WALK({set, OK_AUTO, held}, {"COMMIT", OK_AUTO, ""});
    WALK({set, ERR_HEX, ""});
    WALK({"SET SESSION TRANSACTION READ ONLY", OK_AUTO, ""});
}

Test(model, diagnostics_are_pending_for_a_moment)
{
    struct model m = begin();
    const uint32_t bit = OBSTACLE_BIT(diagnostics_pending);
    static const char *const makers[][2] = {{"SELECT 'a' + 0", OK_WARN},
                                            {"SELECT nosuch", ERR_HEX},
                                            {"SELECT SQL_CALC_FOUND_ROWS 1", OK_AUTO}};
    for (size_t i = 0; i < 3; i++) {
        ask(&m, makers[i][0], makers[i][1]);
        cr_expect_eq(model_obstacles(&m, 2 * MS), bit);
        cr_expect(!model_at_safe_point(&m, 2 * MS));
        cr_expect_eq(model_obstacles(&m, MS + OBSTACLE_BRIEF_NS), 0);
        cr_expect(model_at_safe_point(&m, MS + OBSTACLE_BRIEF_NS));
        ask(&m, "SHOW WARNINGS", OK_AUTO);
        cr_expect_eq(model_obstacles(&m, 2 * MS), bit, "reading does not end it");
        prepare(&m, "SELECT SQL_CALC_FOUND_ROWS 1", "01000000");
        cr_expect_eq(model_obstacles(&m, 2 * MS), bit);
        ask(&m, "DO 1", OK_AUTO);
        cr_expect_eq(model_obstacles(&m, 2 * MS), 0);
    }
    model_release(&m);
}

// Which of the diagnostics of before are told to be lost after each text.
Test(model, lost_diagnostics_come_back_one_by_one)
{
    enum { W = DIAGNOSTICS_WARNINGS, R = DIAGNOSTICS_ROW_COUNT, F = DIAGNOSTICS_FOUND_ROWS };
    static const struct {
        const char *text, *answer;
        uint8_t lost;
    } rows[] = {
        {"SELECT 1", OK_AUTO, W},
        {"SET @a = 1", OK_AUTO, W | F},
        {"SELECT EXTRACT(YEAR FROM NOW())", OK_AUTO, W},
        {"SELECT a FROM t", OK_AUTO, W},
        {"SELECT a FROM t FOR UPDATE", OK_AUTO, 0},
        {"WITH x AS (SELECT 1 AS a FROM t) SELECT a FROM x", OK_AUTO, W},
        {"SELECT EXTRACT(YEAR FROM NOW()) INTO @a", OK_AUTO, W},
        {"SELECT 'a' + 0", OK_WARN, 0},
        {"SELECT nosuch", ERR_HEX, F},
        {"INSERT INTO t VALUES (1)", OK_AUTO, F},
        {"SELECT 1; SELECT a FROM t", OK_AUTO, W | F},
        {"CREATE DATABASE d", OK_AUTO, W | F},
        {"EXPLAIN SELECT a FROM t", OK_AUTO, W | F},
        {"CALL p()", OK_AUTO, W | R | F},
        {"EXECUTE s", OK_AUTO, W | R | F},
        {"SHOW WARNINGS", OK_AUTO, W | R | F},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model m = begin();
        m.keeps_warnings = true;
        model_diagnostics_lost(&m, true);
        ask(&m, rows[i].text, rows[i].answer);
        cr_expect_eq(m.lost, rows[i].lost, "%s: %u", rows[i].text, m.lost);
        const uint32_t use = SCAN_diagnostics_use;
        cr_expect_eq(model_lacks_diagnostics(&m, use), (m.lost & (W | R)) != 0);
        cr_expect_eq(model_lacks_diagnostics(&m, use | SCAN_found_rows), m.lost != 0);
        cr_expect(!model_lacks_diagnostics(&m, SCAN_found_rows | SCAN_read));
        model_release(&m);
    }
}

Test(model, no_warnings_stay_no_warnings)
{
    struct model m = begin();
    m.keeps_warnings = true;
    ask(&m, "SELECT a FROM t", OK_AUTO);
    model_diagnostics_lost(&m, false);
    cr_expect_eq(m.lost, DIAGNOSTICS_ROW_COUNT | DIAGNOSTICS_FOUND_ROWS);
    ask(&m, "SELECT 'a' + 0", OK_WARN);
    ask(&m, "SELECT 1", OK_AUTO);
    cr_expect_eq(m.lost, 0);
    model_diagnostics_lost(&m, false);
    cr_expect_eq(m.lost & DIAGNOSTICS_WARNINGS, DIAGNOSTICS_WARNINGS, "MariaDB has them still");
    ask(&m, "DELETE FROM t", OK_AUTO);
    model_diagnostics_lost(&m, false);
    cr_expect_eq(m.lost & DIAGNOSTICS_WARNINGS, 0);
    m.keeps_warnings = false;
    ask(&m, "SELECT 'a' + 0", OK_WARN);
    ask(&m, "SELECT 1", OK_AUTO);
    model_diagnostics_lost(&m, false);
    cr_expect_eq(m.lost & DIAGNOSTICS_WARNINGS, 0);
    model_release(&m);
}

Test(model, prepared_statements_raise_when_executed)
{
    struct model m = begin();
    prepare(&m, "SELECT GET_LOCK(?, 1)", "07000000");
    EXPECT(&m, "");
    command(&m, "17070000000001000000");
    EXPECT(&m, "statement_running,user_lock");
    answer(&m, OK_AUTO);
    EXPECT(&m, "user_lock");
    uint64_t id;
    cr_expect_eq(model_peek(&m, (const uint8_t *)"\x17\x07\0\0\0\0", 6, &id), SCAN_get_lock);
    model_release(&m);
    // MariaDB's id -1 and ids that are still to come, pipelined behind their prepare.
    static const char *const ids[] = {"17ffffffff0001000000", "17090000000001000000"};
    for (size_t i = 0; i < 2; i++) {
        m = begin();
        send_bytes(&m,
                   "\x16"
                   "CREATE TEMPORARY TABLE t (a INT)",
                   33);
        command(&m, ids[i]);
        EXPECT(&m, "statement_running,temporary_table");
        answer(&m, "000900000000000000000000");
        answer(&m, OK_AUTO);
        EXPECT(&m, "temporary_table");
        cr_expect_eq(statements_count(&m.statements), 1);
        model_release(&m);
    }
}

static void execute_with_cursor(struct model *m)
{
    command(m, "17010000000101000000");
    answer(m, "01");
    answer(m, "036465660000000131000c3f000100");
    cr_expect_eq(answer(m, "fe000062000000"), TRACKER_DONE);
}

Test(model, cursors)
{
    static const char *const ends[] = {"1a01000000", "1901000000"};
    struct model m = begin();
    prepare(&m, "SELECT a FROM t", "01000000");
    execute_with_cursor(&m);
    EXPECT(&m, "cursor_open");
    command(&m, "1c0100000001000000");
    answer(&m, "0000aa");
    answer(&m, "fe000042000000");
    EXPECT(&m, "cursor_open");
    command(&m, "1c0100000001000000");
    answer(&m, "fe000082000000");
    EXPECT(&m, "");
    for (size_t i = 0; i < 2; i++) {
        execute_with_cursor(&m);
        EXPECT(&m, "cursor_open");
        command(&m, ends[i]);
        if (i == 0)
            answer(&m, OK_AUTO);
        EXPECT(&m, "");
    }
    cr_expect_eq(statements_count(&m.statements), 0);
    model_release(&m);
}

Test(model, long_data)
{
    struct model m = begin();
    prepare(&m, "INSERT INTO t VALUES (?)", "01000000");
    command(&m, "18010000000000616263");
    EXPECT(&m, "long_data_pending");
    command(&m, "17010000000001000000");
    EXPECT(&m, "statement_running");
    // For the next execute, before the answer to the first.
    command(&m, "18010000000000616263");
    answer(&m, OK_AUTO);
    EXPECT(&m, "long_data_pending");
    command(&m, "1a01000000");
    answer(&m, OK_AUTO);
    EXPECT(&m, "");
    command(&m, "18010000000000616263");
    command(&m, "1901000000");
    EXPECT(&m, "");
    model_release(&m);
}

Test(model, pipelined_opposites_work_in_order)
{
    struct model m = begin();
    query(&m, "LOCK TABLES t WRITE");
    query(&m, "UNLOCK TABLES");
    query(&m, "SELECT GET_LOCK('a', 1)");
    EXPECT(&m, "statement_running,lock_tables,user_lock");
    answer(&m, OK_AUTO);
    answer(&m, OK_AUTO);
    EXPECT(&m, "statement_running,user_lock");
    answer(&m, OK_AUTO);
    EXPECT(&m, "user_lock");
    query(&m, "UNLOCK TABLES");
    query(&m, "LOCK TABLES t WRITE");
    answer(&m, OK_AUTO);
    answer(&m, OK_AUTO);
    EXPECT(&m, "lock_tables,user_lock");
    model_release(&m);
}

Test(model, the_server_confirms)
{
    const uint32_t user = OBSTACLE_BIT(user_lock), prepared = OBSTACLE_BIT(sql_prepare),
                   tables = OBSTACLE_BIT(lock_tables) | OBSTACLE_BIT(handler_open),
                   temporary = OBSTACLE_BIT(temporary_table);
    const struct {
        const char *text;
        uint32_t known, held;
        const char *left;
    } rows[] = {
        {"SELECT GET_LOCK('a',1)", user, 0, ""},
        {"SELECT GET_LOCK('a',1)", user, user, "user_lock"},
        {"SELECT GET_LOCK('a',1)", tables | prepared, tables, "user_lock"},
        {"SELECT GET_LOCK('a',1)", 0, user, "user_lock"},
        {"LOCK TABLES t READ", user | tables, user, "user_lock"},
        {"HANDLER t OPEN", tables, 0, ""},
        {"HANDLER t OPEN", tables, tables, "handler_open"},
        {"LOCK INSTANCE FOR BACKUP", tables, 0, ""},
        {"PREPARE s FROM 'SELECT 1'", prepared, 0, ""},
        {"CREATE TEMPORARY TABLE t (a INT)", UINT32_MAX, 0, "temporary_table"},
        {"SELECT 1", UINT32_MAX, user | prepared, "user_lock,sql_prepare"},
        // What a transaction holds looks the same; temporary tables are never told.
        {"SELECT 1", UINT32_MAX, tables | temporary, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model m = begin();
        ask(&m, rows[i].text, OK_AUTO);
        model_confirm(&m, rows[i].known, rows[i].held);
        EXPECT(&m, rows[i].left);
        ask(&m, "LOCK TABLES t READ", OK_AUTO);
        ask(&m, "UNLOCK TABLES", OK_AUTO); // no other table lock is remembered any more
        cr_expect_eq((model_obstacles(&m, 0) & OBSTACLE_BIT(lock_tables)), 0, "%s", rows[i].text);
        model_release(&m);
    }
}

Test(model, resets)
{
    static const char *const commands[] = {"1f", "1175007801780000002d00"};
    for (size_t i = 0; i < 2; i++) {
        struct model m = begin();
        prepare(&m, "SELECT 1", "01000000");
        ask(&m, "CREATE TEMPORARY TABLE t (a INT); SELECT GET_LOCK('a',1)", OK_TRANS);
        execute_with_cursor(&m);
        model_set_obstacle(&m, OBSTACLE_credential_unknown, true);
        model_set_obstacle(&m, OBSTACLE_unknown_state, true);
        command(&m, commands[i]);
        answer(&m, ERR_HEX);
        // A change of user resets before it refuses (MariaDB; MySQL closes the connection).
        cr_expect_eq((model_obstacles(&m, 0) & OBSTACLE_BIT(user_lock)) != 0, i == 0);
        command(&m, commands[i]);
        answer(&m, OK_AUTO);
        EXPECT(&m, "credential_unknown");
        cr_expect_eq(statements_count(&m.statements), 0);
        model_set_obstacle(&m, OBSTACLE_credential_unknown, false);
        EXPECT(&m, "");
        model_release(&m);
    }
}

Test(model, change_user_may_change_the_charset)
{
    // user "u", 3 bytes of answer with a NUL in it, database "d", charset gbk; then utf8mb4.
    struct model m = begin();
    command(&m, "1175000378007864001c00");
    answer(&m, OK_AUTO);
    ask(&m, "SELECT '\x81\\', GET_LOCK('a', 1)", OK_AUTO);
    EXPECT(&m, "user_lock");
    command(&m, "1175000378007864002d00");
    answer(&m, OK_AUTO);
    ask(&m, "SELECT 'it\\'s create temporary'", OK_AUTO);
    EXPECT(&m, "");
    model_release(&m);
}

// MariaDB goes on with the old user, whose session has lost everything.
Test(model, a_refused_change_of_user_resets)
{
    struct model m = begin();
    ask(&m, "CREATE TEMPORARY TABLE t (a INT)", OK_AUTO);
    EXPECT(&m, "temporary_table");
    command(&m, "1175000378007864001c00");
    answer(&m, "ff15042332383030304163636573732064656e696564");
    EXPECT(&m, "");
    ask(&m, "SELECT '\x81\\', GET_LOCK('a', 1)", OK_AUTO);
    EXPECT(&m, "user_lock");
    model_release(&m);
}

Test(model, how_text_is_read_follows_the_server)
{
    struct model m = begin();
    ask(&m, "SET sql_mode='NO_BACKSLASH_ESCAPES'", "00000002020000");
    ask(&m, "SELECT '\\', GET_LOCK('a', 1)", "00000002020000");
    EXPECT(&m, "user_lock");
    model_release(&m);
    // Pipelined, the mode is not known yet.
    m = begin();
    query(&m, "SET sql_mode='NO_BACKSLASH_ESCAPES'");
    query(&m, "SELECT '\\', GET_LOCK('a', 1)");
    answer(&m, OK_AUTO);
    answer(&m, OK_AUTO);
    EXPECT(&m, "user_lock");
    model_release(&m);
    m = begin();
    ask(&m, "SET NAMES gbk", OK_AUTO);
    ask(&m, "SELECT '\x81\\', GET_LOCK('a', 1)", OK_AUTO);
    EXPECT(&m, "user_lock");
    model_release(&m);
    // The server accepts what the scan takes for an open string.
    m = begin();
    ask(&m, "SELECT 'abc", ERR_HEX);
    EXPECT(&m, "");
    ask(&m, "SELECT 'abc", OK_AUTO);
    EXPECT(&m, "unknown_state");
    model_release(&m);
}

Test(model, query_attributes_before_the_text)
{
    struct model m;
    model_init(&m, CAPS | CAP_QUERY_ATTRIBUTES, STATUS_AUTOCOMMIT, 45);
    static const char text[] = "SELECT GET_LOCK('a', 1)";
    uint8_t payload[600] = {0x03, 1, 1, 0, 1, 0xFD, 0, 250};
    size_t n = 8;
    memset(payload + n, 'n', 250);
    n += 250;
    payload[n++] = 200;
    memset(payload + n, 'v', 200);
    n += 200;
    memcpy(payload + n, text, sizeof text - 1);
    n += sizeof text - 1;
    uint64_t id;
    cr_expect_eq(model_peek(&m, payload, n, &id), SCAN_get_lock);
    send_bytes(&m, payload, n);
    answer(&m, OK_AUTO);
    EXPECT(&m, "user_lock");
    // Without types nobody knows where the text begins.
    static const char bad[] = "\x03\x01\x01\x00\x00 HANDLER t OPEN";
    send_bytes(&m, bad, sizeof bad - 1);
    answer(&m, ERR_HEX);
    EXPECT(&m, "user_lock,handler_open,unknown_state");
    model_release(&m);
}

Test(model, streams_and_unknown_commands)
{
    struct model m = begin();
    command(&m, "1200000000");
    cr_expect_eq(answer(&m, "0000"), TRACKER_OPAQUE_DATA);
    EXPECT(&m, "binlog_dump");
    cr_expect(model_at_safe_point(&m, 1000 * MS));
    model_release(&m);
    m = begin();
    command(&m, "55"); // known to nobody: the server says so, and all goes on
    command(&m, "0e");
    cr_expect_eq(answer(&m, ERR_HEX), TRACKER_DONE);
    cr_expect_eq(answer(&m, OK_AUTO), TRACKER_DONE);
    EXPECT(&m, "");
    command(&m, "55");
    cr_expect_eq(answer(&m, OK_AUTO), TRACKER_OPAQUE_DATA);
    EXPECT(&m, "statement_running,unsupported");
    model_release(&m);
    m = begin();
    query(&m, "SELECT 1");
    cr_expect_eq(answer(&m, "fe"), TRACKER_OPAQUE_DATA);
    EXPECT(&m, "statement_running,unsupported");
    model_release(&m);
}

Test(model, commit_outstanding_and_rolled_back)
{
    struct model m = begin();
    ask(&m, "BEGIN", OK_TRANS);
    cr_expect(model_in_transaction(&m));
    query(&m, "COMMIT");
    cr_expect(model_commit_outstanding(&m));
    answer(&m, OK_AUTO);
    cr_expect(!model_commit_outstanding(&m));
    cr_expect(!model_in_transaction(&m));
    ask(&m, "SET TRANSACTION READ ONLY; BEGIN", OK_TRANS);
    model_rolled_back(&m);
    cr_expect(!model_in_transaction(&m));
    EXPECT(&m, "");
    model_release(&m);
}

Test(model, a_command_that_is_half_through_is_running)
{
    struct model m = begin();
    uint32_t at = model_command(&m,
                                (const uint8_t *)"\x03"
                                                 "COMMIT",
                                7, 1000);
    cr_expect_eq(at, 1);
    cr_expect(!model_at_safe_point(&m, 1000 * MS));
    model_command_end(&m);
    answer(&m, OK_AUTO);
    cr_expect(model_at_safe_point(&m, 1000 * MS));
    uint64_t id = 0;
    cr_expect_eq(model_peek(&m, (const uint8_t *)"\x03KILL QUERY 9", 13, &id),
                 SCAN_kill | SCAN_kill_query);
    cr_expect_eq(id, 9);
    cr_expect_eq(model_peek(&m, (const uint8_t *)"\x0e", 1, &id), 0);
    model_release(&m);
}
