// What the session model makes of reports of changed state, and of sluice's own commands.
#include <criterion/criterion.h>
#include <string.h>

#include "state/capture.h"
#include "state/model_help.h"
#include "wire/packet.h"
#include "wire/reply.h"

#define STATE "020131"
#define TIME_ZONE                                                                                  \
    "0011"                                                                                         \
    "0974696d655f7a6f6e65"                                                                         \
    "062b30313a3030" // time_zone=+01:00
#define GBK                                                                                        \
    "0019"                                                                                         \
    "14636861726163746572"                                                                         \
    "5f7365745f636c69656e74"                                                                       \
    "0367626b"
#define USE_APP "010403617070"
#define TRACK_OFF                                                                                  \
    "0019"                                                                                         \
    "1473657373696f6e"                                                                             \
    "5f747261636b5f736368656d61"                                                                   \
    "034f4646"

static struct model tracking(uint64_t less)
{
    struct model m = begin();
    m.tracker.caps = CAPS & ~less;
    return m;
}

// An OK whose block holds `entries`, in hexadecimal digits.
static void answer_ok(struct model *m, uint8_t mark, const char *entries)
{
    uint8_t block[200], payload[220] = {mark, 0, 0, 2, 0x40, 0, 0, 0};
    struct tracked done;
    size_t n = recording_hex(entries, block);
    payload[8] = (uint8_t)n;
    memcpy(payload + 9, block, n);
    n += 9;
    size_t head = n < REPLY_HEAD ? n : REPLY_HEAD;
    cr_assert(model_wants_whole(m, payload, head, (uint32_t)n));
    model_report(m, (struct slice){payload, n});
    cr_assert_eq(model_packet(m, payload, head, (uint32_t)n, MS, &done), TRACKER_DONE);
}

static const struct {
    const char *text, *entries;
    bool hidden, missed;
    const char *obstacles;
} rows[] = {
    {"SET @a=1", STATE, false, false, ""},
    {"SET time_zone='+01:00'", TIME_ZONE STATE, false, false, ""},
    {"SET @a=CONCAT(@b, NOW(), REPLACE('a','b','c'))", STATE, false, false, ""},
    {"SET @a=f(1)", STATE, true, false, "unknown_state"},
    {"SET @a=`f`(1)", STATE, true, false, "unknown_state"},
    {"SET @a=d.concat(1)", STATE, true, false, "unknown_state"},
    {"SET @a=(SELECT 1)", STATE, true, false, "unknown_state"},
    {"SET time_zone=f()", TIME_ZONE STATE, true, true, "unknown_state"},
    {"USE app", USE_APP STATE, false, false, ""},
    {"CREATE TEMPORARY TABLE t(a INT)", STATE, false, false, "temporary_table"},
    {"PREPARE s FROM 'DO 1'", STATE, false, false, "sql_prepare"},
    {"CALL p()", STATE, true, false, "unknown_state"},
    {"CALL p()", TIME_ZONE STATE, true, true, "unknown_state"},
    {"CALL p()", TIME_ZONE, false, true, ""},
    {"EXECUTE s", STATE, true, false, "unknown_state"},
    {"SELECT f()", STATE, true, false, "unknown_state"},
    {"SELECT f()", TIME_ZONE STATE, true, true, "unknown_state"},
    {"INSERT INTO t VALUES (1)", STATE, true, false, "unknown_state"},
    {"SET @a=1; CALL p()", STATE, true, false, "unknown_state"},
    {"ALTER TABLE t ADD a INT", STATE, false, false, ""},
    {"DROP TEMPORARY TABLE IF EXISTS t", STATE, false, false, ""},
    {"CREATE TABLE t SELECT f() a", STATE, true, false, "unknown_state"},
    {"SET STATEMENT time_zone='+01:00' FOR SELECT 1", TIME_ZONE STATE, true, true, "unknown_state"},
    {"CALL p()", TRACK_OFF, false, false, "unknown_state"},
    {"SET session_track_schema=OFF", TRACK_OFF, false, false, "unknown_state"},
};

Test(report, what_texts_explain)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model m = tracking(0);
        query(&m, rows[i].text);
        answer_ok(&m, 0x00, rows[i].entries);
        cr_expect_eq(model_hidden(&m), rows[i].hidden, "%s", rows[i].text);
        cr_expect_eq(m.portrait.missed, rows[i].missed, "%s", rows[i].text);
        EXPECT(&m, rows[i].obstacles);
        command(&m, "1f");
        answer(&m, OK_AUTO);
        EXPECT(&m, "");
        cr_expect(!m.portrait.missed && m.portrait.changed == NULL);
        model_release(&m);
    }
}

// What runs under the client's own tracking, which reports nothing here.
static const struct {
    const char *text;
    bool hidden, missed;
    const char *obstacles;
} bare_rows[] = {
    {"SHOW VARIABLES LIKE 'a'", false, false, ""},
    {"SHOW VARIABLES WHERE f()", true, true, "unknown_state"},
    {"SELECT f(); SHOW VARIABLES", true, true, "unknown_state"},
    {"SELECT @@session_track_schema, f()", true, true, "unknown_state"},
    {"SELECT ROW_COUNT()", false, true, ""},
    {"SET session_track_schema=OFF, sql_mode=''", false, true, ""},
    {"SET session_track_schema=OFF; SET sql_mode=''", true, true, "unknown_state"},
    {"FLUSH STATUS", true, true, "unknown_state"},
};

Test(report, bare)
{
    for (size_t i = 0; i < sizeof bare_rows / sizeof *bare_rows; i++) {
        struct model m = tracking(0);
        const char *text = bare_rows[i].text;
        uint8_t payload[100] = {COM_QUERY};
        size_t n = strlen(text);
        memcpy(payload + 1, text, n);
        (void)model_command(&m, payload, n + 1, (uint32_t)n + 1);
        model_text(&m, payload + 1, n);
        uint32_t scan = model_text_end(&m);
        cr_expect_eq(scan, m.passing.scan);
        model_own_before(&m, SCAN_set);
        model_command_bare(&m);
        model_command_end(&m);
        cr_expect_eq(tracker_outstanding(&m.tracker), 2);
        cr_expect(tracker_current(&m.tracker)->own && !tracker_current(&m.tracker)->bare);
        answer(&m, OK_AUTO);
        cr_expect(!tracker_current(&m.tracker)->own && tracker_current(&m.tracker)->bare);
        answer(&m, OK_AUTO);
        cr_expect_eq(m.portrait.hidden, bare_rows[i].hidden, "%s", text);
        cr_expect_eq(m.portrait.missed, bare_rows[i].missed, "%s", text);
        cr_expect(!m.portrait.retracked, "%s", text);
        EXPECT(&m, bare_rows[i].obstacles);
        model_release(&m);
    }
}

Test(report, unseen_settings_are_kept_in_mind)
{
    struct model m = tracking(0);
    ask(&m, "SET session_track_schema=OFF", OK_AUTO); // too long to be looked at before it went on
    cr_expect(m.portrait.retracked);
    EXPECT(&m, "unknown_state");
    model_release(&m);
}

Test(report, transactions_that_turn)
{
    static const struct {
        const char *text;
        uint16_t before;
        const char *ok;
        bool turns;
    } turns[] = {{"COMMIT AND CHAIN", STATUS_IN_TRANS, OK_TRANS, true},
                 {"ROLLBACK AND CHAIN", STATUS_IN_TRANS, OK_TRANS, true},
                 {"BEGIN; INSERT INTO t VALUES (1); COMMIT", STATUS_IN_TRANS, OK_TRANS, false},
                 {"BEGIN", STATUS_IN_TRANS, OK_TRANS, true},
                 {"BEGIN", STATUS_AUTOCOMMIT, OK_TRANS, false},
                 {"COMMIT", STATUS_IN_TRANS, OK_AUTO, false},
                 {"DO 1", STATUS_IN_TRANS, OK_TRANS, false}};
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        struct model m = tracking(0);
        uint8_t ok[16];
        size_t n = recording_hex(turns[i].ok, ok);
        m.tracker.status = turns[i].before;
        query(&m, turns[i].text);
        cr_expect_eq(model_turns_transaction(&m, (struct slice){ok, n}), turns[i].turns, "%zu", i);
        model_release(&m);
    }
}

Test(report, other_commands)
{
    struct model m = tracking(0);
    command(&m, "02617070");
    answer_ok(&m, 0x00, USE_APP STATE);
    cr_expect(!model_hidden(&m));
    command(&m, "0e");
    answer_ok(&m, 0x00, STATE);
    cr_expect(model_hidden(&m), "it was pending");
    model_release(&m);
}

// What failed may have changed something before, and the report comes later.
Test(report, errors)
{
    struct model m = tracking(0);
    ask(&m, "INSERT INTO t VALUES (1)", ERR_HEX);
    cr_expect(!model_hidden(&m) && !m.portrait.missed);
    query(&m, "SET @a=1");
    answer_ok(&m, 0x00, STATE);
    cr_expect(!model_hidden(&m));
    ask(&m, "CALL p()", ERR_HEX);
    cr_expect(model_hidden(&m) && m.portrait.missed);
    model_release(&m);
}

Test(report, a_server_that_does_not_track)
{
    struct model m = tracking(CAP_SESSION_TRACK);
    ask(&m, "SELECT 1", OK_AUTO);
    cr_expect(!model_hidden(&m) && m.portrait.missed);
    ask(&m, "CALL p()", OK_AUTO);
    cr_expect(model_hidden(&m));
    model_release(&m);
}

// --- asking for what is hidden ---------------------------------------------------------------------

static void feed(struct ask *a, const char *hex)
{
    uint8_t payload[200];
    struct sl_error err;
    size_t n = recording_hex(hex, payload);
    cr_assert_eq(ask_packet(a, (struct slice){payload, n}, &err), SL_OK);
}

// The counters' rows, "name=value;..." as SHOW STATUS gives them.
static enum sl_code status_answer(struct model *m, const char *rows_text)
{
    struct ask a;
    struct buf out;
    struct sl_error err;
    char copy[300];
    char *save = NULL;
    buf_init(&out, 0);
    ask_init(&a, CAPS, STATUS_AUTOCOMMIT);
    unsigned i = ask_query(&a, &out, "SELECT", 6);
    feed(&a, "02");
    for (int k = 0; k < 2; k++)
        feed(&a, "0364656600000001610161"
                 "0c3f000001000000fd0000000000");
    snprintf(copy, sizeof copy, "%s", rows_text);
    for (char *s = strtok_r(copy, ";", &save); s != NULL; s = strtok_r(NULL, ";", &save)) {
        char *equal = strchr(s, '=');
        struct buf row;
        buf_init(&row, 0);
        buf_lenenc_bytes(&row, s, (size_t)(equal - s));
        buf_lenenc_bytes(&row, equal + 1, strlen(equal + 1));
        cr_assert_eq(ask_packet(&a, (struct slice){row.p, row.n}, &err), SL_OK);
        buf_release(&row);
    }
    feed(&a, "fe000002000000");
    cr_assert(ask_done(&a));
    enum sl_code code = model_hidden_answer(m, &a, i, &err);
    ask_release(&a);
    buf_release(&out);
    return code;
}

static const struct {
    const char *status;
    const char *obstacles;
    enum sl_code code;
} counters[] = {
#define MARIA(table, temporary, prepare, questions)                                                \
    "COM_CREATE_TABLE=" table ";COM_CREATE_TEMPORARY_TABLE=" temporary ";COM_PREPARE_SQL=" prepare \
    ";COM_SET_OPTION=1;QUESTIONS=" questions
#define MYSQL(table, prepare, questions)                                                           \
    "Com_create_table=" table ";Com_prepare_sql=" prepare ";Com_set_option=1;Questions=" questions
    {MARIA("0", "0", "0", "3"), "", SL_OK},
    {MARIA("18446744073709551615", "0", "0", "4"), "", SL_OK},
    {MARIA("0", "1", "0", "3"), "temporary_table", SL_OK},
    {MARIA("0", "0", "10", "3"), "sql_prepare", SL_OK},
    {MARIA("0", "0", "0", "2"), "unknown_state", SL_ECONFLICT}, // FLUSH STATUS in a procedure
    {MARIA("0", "1", "1", "2"), "unknown_state", SL_ECONFLICT},
    {MYSQL("0", "0", "3"), "", SL_OK},
    {MYSQL("1", "0", "3"), "", SL_OK},
    {MYSQL("2", "0", "3"), "unknown_state", SL_ECONFLICT},
    {MYSQL("0", "1", "3"), "sql_prepare", SL_OK},
    {MYSQL("0", "0", "2"), "unknown_state", SL_ECONFLICT},
    {"Com_create_table=0;Com_prepare_sql=0", "unknown_state", SL_EPROTO},
    {"Com_create_table=x;Com_prepare_sql=0;Com_set_option=0;Questions=3", "unknown_state",
     SL_EPROTO},
    {"", "unknown_state", SL_EPROTO},
};

Test(report, the_server_knows_what_is_hidden)
{
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        struct model m = tracking(0);
        ask(&m, "CREATE TABLE t (a INT)", OK_AUTO);
        ask(&m, "SELECT nonsense", ERR_HEX);
        query(&m, "CALL p()");
        answer_ok(&m, 0x00, STATE);
        cr_expect_eq(status_answer(&m, counters[i].status), counters[i].code, "%zu", i);
        EXPECT(&m, counters[i].obstacles);
        model_release(&m);
    }
}

// Statements in order, the last of which may have run a routine; the server has counted 2 SETs.
Test(report, a_routine_that_sets)
{
    static const struct {
        const char *texts[3];
        bool maria, hidden;
    } rows[] = {
        {{"CALL p()"}, false, true},
        {{"SET @a = 1", "CALL p()"}, false, true},
        {{"SET @a = 1; SET NAMES utf8mb4", "CALL p()"}, false, false}, // both are the client's
        {{"SET @a = 1", "SET SESSION x = 1", "CALL p()"}, false, false},
        {{"SET PASSWORD = 'x'", "SET ROLE NONE", "CALL p()"}, false, true},
        {{"CALL p()", "COMMIT"}, false, false},
        {{"CALL p()", "SELECT * FROM t"}, false, false},
        {{"CALL p()", "SELECT 1"}, false, true},
        {{"SELECT f()"}, false, false}, // MySQL takes it in no function
        {{"SELECT f()"}, true, true},
        {{"SET PASSWORD = 'x'", "SET ROLE NONE", "SELECT f()"}, true, false},
        {{"SELECT 1"}, true, false},
        {{"SELECT f() FROM t"}, true, false}, // and was a transaction itself
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model m = tracking(0);
        m.keeps_warnings = rows[i].maria;
        for (size_t k = 0; k < 3 && rows[i].texts[k] != NULL; k++)
            ask(&m, rows[i].texts[k], OK_AUTO);
        cr_expect_eq(status_answer(&m, "Com_create_table=0;Com_create_temporary_table=0;"
                                       "Com_prepare_sql=0;Com_set_option=2;Questions=3"),
                     SL_OK);
        cr_expect_eq(m.next_hidden, rows[i].hidden, "%zu", i);
        model_release(&m);
    }
}

Test(report, the_question_of_what_is_hidden)
{
    const struct capture_server mysql = {CAPTURE_MYSQL, 90700}, maria = {CAPTURE_MARIADB, 101106};
    struct buf sql;
    buf_init(&sql, 0);
    model_hidden_question(&mysql, &sql);
    cr_expect_str_eq(buf_text(&sql),
                     "SHOW SESSION STATUS WHERE Variable_name IN (_utf8mb4'Com_create_table',"
                     "_utf8mb4'Com_create_temporary_table',_utf8mb4'Com_prepare_sql',"
                     "_utf8mb4'Com_set_option',_utf8mb4'Questions')");
    buf_clear(&sql);
    model_hidden_question(&maria, &sql);
    cr_expect_str_eq(buf_text(&sql),
                     "SET STATEMENT sql_big_selects=1,max_statement_time=0 FOR SELECT "
                     "CAST(VARIABLE_NAME AS BINARY),CAST(VARIABLE_VALUE AS BINARY) FROM "
                     "information_schema.SESSION_STATUS WHERE VARIABLE_NAME IN "
                     "(_utf8mb4'Com_create_table',_utf8mb4'Com_create_temporary_table',_utf8mb4'"
                     "Com_prepare_sql',"
                     "_utf8mb4'Com_set_option',_utf8mb4'Questions') LIMIT 9");
    buf_release(&sql);
}

// What the client creates itself is not hidden; and whatever is not certain is not its own.
Test(report, own_tables)
{
    static const struct {
        const char *text, *answer;
        unsigned created;
    } own[] = {
        {"CREATE TABLE t (a INT)", OK_AUTO, 1},
        {"create table if not exists t as select 1 ;", OK_AUTO, 1},
        {"CREATE TABLE t (a INT)", "ff1a042334325330314578697374", 1},   // 1050: it exists
        {"CREATE TABLE t (a INT)", "ffa60e2348593030304e6f206b6579", 1}, // 3750: it has no key
        {"CREATE TABLE t (a INT)", ERR_HEX, 0},
        {"CREATE TEMPORARY TABLE t (a INT)", OK_AUTO, 0},
        {"CREATE TABLE t (a INT); DO 1", OK_AUTO, 0},
        {"CREATE PROCEDURE p() BEGIN DO 1; CREATE TABLE t (a INT); END", OK_AUTO, 0},
        {"/*!99999 CREATE TABLE t (a INT) */ DO 1", OK_AUTO, 0},
        {"CREATE /*!50000 TABLE */ t (a INT)", OK_AUTO, 0},
        {"EXPLAIN CREATE TABLE t (a INT)", OK_AUTO, 0},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        struct model m = tracking(0);
        ask(&m, own[i].text, own[i].answer);
        cr_expect_eq(m.created, own[i].created, "%s", own[i].text);
        cr_expect_eq(m.executed, 1);
        command(&m, "1f");
        answer(&m, OK_AUTO);
        cr_expect(m.created == 0 && m.executed == 0, "the server counts anew as well");
        model_release(&m);
    }
}

// MariaDB without CAP_DEPRECATE_EOF sets the flag, and the report is lost.
Test(report, lost_in_an_eof)
{
    struct model m = tracking(CAP_DEPRECATE_EOF);
    uint8_t eof[5] = {0xFE, 0, 0, 2, 0x40};
    struct tracked done;
    query(&m, "SELECT f()");
    answer(&m, "01");
    answer(&m, "0161016201630164016501660c3f00");
    answer(&m, "fe00000200");
    cr_expect(!model_wants_whole(&m, (const uint8_t *)"\0\0\0\2@\0\0", 7, 7), "a row");
    answer(&m, "0131");
    cr_assert(model_wants_whole(&m, eof, 5, 5));
    model_report(&m, (struct slice){eof, 5});
    cr_assert_eq(model_packet(&m, eof, 5, 5, MS, &done), TRACKER_DONE);
    cr_expect(m.portrait.missed && model_hidden(&m));
    model_release(&m);
}

Test(report, a_routine_may_choose_a_charset_that_hides_quotes)
{
    struct model m = tracking(0);
    query(&m, "CALL p()");
    answer_ok(&m, 0x00, GBK);
    ask(&m, "SELECT '\xbf\\' CREATE TEMPORARY TABLE t'", OK_AUTO);
    EXPECT(&m, "temporary_table");
    model_release(&m);
}

Test(report, malformed)
{
    struct model m = tracking(0);
    query(&m, "SET @a=1");
    answer_ok(&m, 0x00, "0205");
    cr_expect(m.portrait.missed);
    EXPECT(&m, "unknown_state");
    model_report(&m, (struct slice){(const uint8_t *)"\0\0\0\2@\0\0", 7});
    model_release(&m);
}

// --- sluice's own commands -----------------------------------------------------------------------------

static void own_query(struct model *m, const char *text)
{
    char payload[200];
    int n = snprintf(payload, sizeof payload, "\x03%s", text);
    uint32_t at = model_command(m, (const uint8_t *)payload, (size_t)n, (uint32_t)n);
    model_command_own(m);
    model_text(m, (const uint8_t *)payload + at, (size_t)n - at);
    model_command_end(m);
}

Test(own, changes_nothing_but_the_status)
{
    struct model m = tracking(0);
    own_query(&m, "SET SESSION session_track_system_variables='*', SESSION session_track_schema=1");
    cr_expect(tracker_current(&m.tracker)->own);
    EXPECT(&m, "statement_running");
    answer_ok(&m, 0x00, TRACK_OFF STATE);
    EXPECT(&m, "");
    own_query(&m, "CREATE TEMPORARY TABLE t(a INT)");
    EXPECT(&m, "statement_running");
    answer(&m, OK_WARN);
    EXPECT(&m, "");
    own_query(&m, "SELECT GET_LOCK('a', 1)");
    answer(&m, ERR_HEX);
    EXPECT(&m, "");
    own_query(&m, "BEGIN");
    answer(&m, OK_TRANS);
    EXPECT(&m, "in_transaction");
    cr_expect_eq(m.answered_ns, 0, "diagnostics do not wait longer because of it");
    model_release(&m);
}

Test(own, reports_count)
{
    struct model m = tracking(0);
    own_query(&m, "ROLLBACK");
    answer_ok(&m, 0x00, TIME_ZONE STATE);
    cr_assert_not_null(m.portrait.changed);
    cr_expect_str_eq(m.portrait.changed->value, "+01:00");
    cr_expect(model_hidden(&m), "it was pending");
    m.portrait.hidden = false;
    own_query(&m, "SELECT 1");
    answer_ok(&m, 0x00, STATE);
    cr_expect(!model_hidden(&m), "a question of ours leaves nothing behind");
    model_release(&m);
}
