// Positions: what was measured on real servers, as the texts that they printed.
#include "control/position.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/position_wait.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define U1 "fbdff779-e6c5-11f1-a5ce-02fc00000001"
#define U2 "fc7a2d26-e6c5-11f1-bc51-02fc00000001"

static struct position mariadb(const char *server_id, const char *state, const char *slave_pos)
{
    const struct status_pair row[] = {{"server_id", server_id},
                                      {"gtid_logged", state},
                                      {"gtid_applied", slave_pos},
                                      {"log_updates", "1"},
                                      {"gtid_used", "1"}};
    struct position p = {0};
    struct sl_error err = {0};
    cr_assert_eq(position_read_own(&p, FAMILY_MARIADB, row, COUNT(row), &err), SL_OK, "%s",
                 err.text);
    return p;
}

static struct position mysql(const char *server_id, const char *executed, const char *mode)
{
    const struct status_pair row[] = {{"server_id", server_id},
                                      {"gtid_logged", executed},
                                      {"gtid_used", mode},
                                      {"server_uuid", U1}};
    struct position p = {0};
    struct sl_error err = {0};
    cr_assert_eq(position_read_own(&p, FAMILY_MYSQL, row, COUNT(row), &err), SL_OK, "%s", err.text);
    return p;
}

static void read_log(struct position *p, const char *file, const char *offset)
{
    const struct status_pair row[] = {{"File", file}, {"Position", offset}};
    position_read_log(p, row, COUNT(row));
}

static void add_channel(struct position *p, const char *name, const char *source_id,
                        const char *file, const char *offset)
{
    const struct status_pair row[] = {{"Channel_Name", name},
                                      {"Source_Server_Id", source_id},
                                      {"Replica_IO_Running", "Yes"},
                                      {"Replica_SQL_Running", "Yes"},
                                      {"Source_Log_File", "binlog.000099"},
                                      {"Read_Source_Log_Pos", "999"},
                                      {"Relay_Source_Log_File", file},
                                      {"Exec_Source_Log_Pos", offset}};
    position_add_channel(p, row, COUNT(row));
}

static void release_both(struct position *a, struct position *b)
{
    position_release(a);
    position_release(b);
}

static const char *missing_text(const struct position *of, const struct position *at)
{
    static struct buf out;
    struct gtid_set set = position_missing(of, at);
    buf_clear(&out);
    gtid_format(&set, &out);
    gtid_release(&set);
    return buf_text(&out);
}

// --- the gap ------------------------------------------------------------------------------------

Test(position, gap_of_mariadb)
{
    static const struct {
        const char *what, *source, *target, *applied, *missing;
        int64_t transactions;
    } rows[] = {
        {"fresh servers", "", "", "", "", 0},
        {"one way", "0-1-6", "0-1-6", "0-1-6", "", 0},
        {"behind", "0-1-11", "0-1-6", "0-1-6", "0-1-11", 5},
        {"a domain each", "1-1-7,2-2-5", "1-1-6,2-2-5", "1-1-6,2-2-4", "1-1-7", 1},
        {"shared domain, even", "0-1-6,0-2-7", "0-1-6,0-2-7", "0-2-7", "", 0},
        {"the trap: the source's last number is 3", "0-1-5,0-2-3", "0-2-3,0-1-3", "0-1-3", "0-1-5",
         2},
        {"the same number twice", "0-1-11,0-2-11", "0-1-6,0-2-11", "0-2-10", "0-1-11", 1},
        {"nothing ever came, own numbers are high", "0-1-5", "0-2-200", "", "0-1-5", 5},
        {"two masters in turn", "0-1-100,0-2-50", "0-1-20,0-2-50", "0-2-50", "0-1-100", 50},
        {"two entries in one domain", "0-1-100,0-3-90", "0-2-80", "0-2-80", "0-1-100,0-3-90", 20},
        {"made from a dump", "0-1-50,0-7-40", "", "0-1-50", "", 0},
        {"made from a dump, behind", "0-1-60,0-7-40", "", "0-1-50", "0-1-60", 10},
        {"made from a copy with its log", "0-1-100", "0-1-100", "", "", 0},
        {"the target lost its own", "0-2-9", "0-2-5", "0-1-4", "0-2-9", 4},
        {"what the target has more does not matter", "0-1-5", "0-1-5,0-2-9", "0-1-5", "", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct position source = mariadb("1", rows[i].source, "");
        struct position target = mariadb("2", rows[i].target, rows[i].applied);
        struct position_gap gap = position_gap(&source, &target);
        cr_expect_str_eq(missing_text(&source, &target), rows[i].missing, "%s: %s", rows[i].what,
                         missing_text(&source, &target));
        cr_expect_eq(gap.transactions, rows[i].transactions, "%s: %ld", rows[i].what,
                     (long)gap.transactions);
        cr_expect_eq(gap.kind, rows[i].transactions == 0 ? GAP_NONE : GAP_BEHIND, "%s",
                     rows[i].what);
        release_both(&source, &target);
    }
}

Test(position, without_log_slave_updates_only_its_own_log_is_believed)
{
    // Measured: A 0-1-11, the target 0-2-11 of its own and everything of A's.
    struct position source = mariadb("1", "0-1-11", "0-2-11");
    struct position target = mariadb("2", "0-2-11", "0-1-11");
    source.log_updates = target.log_updates = false;
    cr_expect_eq(position_gap(&source, &target).kind, GAP_NONE);
    position_release(&target);
    // An entry of A from the time when it was switched on says nothing about now.
    target = mariadb("2", "0-1-4,0-2-11", "0-1-11");
    cr_expect_eq(position_gap(&source, &target).kind, GAP_BEHIND);
    target.log_updates = false;
    cr_expect_eq(position_gap(&source, &target).kind, GAP_NONE);
    release_both(&source, &target);
}

Test(position, gap_of_mysql)
{
    static const struct {
        const char *source, *target;
        int64_t transactions;
    } rows[] = {
        {"", "", 0},
        {U1 ":1-6:100:cut_1:1,\n" U2 ":1", U1 ":1-6:100:cut_1:1,\n" U2 ":1", 0},
        {U1 ":1-7:100:cut_1:1,\n" U2 ":1", U1 ":1-6:100:cut_1:1,\n" U2 ":1-5", 1},
        {U1 ":1-6:cut_1:1-3", U1 ":1-6", 3},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct position source = mysql("1", rows[i].source, "ON");
        struct position target = mysql("2", rows[i].target, "ON");
        struct position_gap gap = position_gap(&source, &target);
        cr_expect_eq(gap.transactions, rows[i].transactions, "row %zu", i);
        cr_expect_eq(gap.kind, rows[i].transactions == 0 ? GAP_NONE : GAP_BEHIND, "row %zu", i);
        release_both(&source, &target);
    }
}

Test(position, errant_is_what_only_the_target_has)
{
    struct position source = mysql("1", U1 ":1-7", "ON");
    struct position target = mysql("2", U1 ":1-5," U2 ":1-2", "ON");
    cr_expect_str_eq(missing_text(&target, &source), U2 ":1-2");
    release_both(&source, &target);
    source = mariadb("1", "0-1-9", "");
    target = mariadb("2", "0-1-7,0-2-8", "0-1-7");
    cr_expect_str_eq(missing_text(&target, &source), "0-2-8", "the same domain, a lower number");
    release_both(&source, &target);
    source = mariadb("1", "0-1-9,0-2-8", "0-2-8");
    target = mariadb("2", "0-1-7,0-2-8", "0-1-7");
    cr_expect_str_eq(missing_text(&target, &source), "", "master-master");
    release_both(&source, &target);
}

Test(position, by_file_where_there_are_no_gtids)
{
    static const struct {
        const char *file, *offset;
        enum gap_kind kind;
        int64_t bytes;
    } rows[] = {
        {"binlog.000004", "574", GAP_NONE, 0},     {"binlog.000004", "500", GAP_BEHIND, 74},
        {"binlog.000003", "9999", GAP_BEHIND, -1}, {"binlog.000005", "4", GAP_NONE, 0},
        {"other.000004", "574", GAP_UNKNOWN, -1},  {"", "0", GAP_UNKNOWN, -1},
    };
    struct position source = mysql("1", U1 ":1-8", "OFF");
    read_log(&source, "binlog.000004", "574");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct position target = mysql("2", U1 ":1-8", "ON");
        add_channel(&target, "other", "7", "binlog.000004", "574");
        add_channel(&target, "", "1", rows[i].file, rows[i].offset);
        struct position_gap gap = position_gap(&source, &target);
        cr_expect_eq(gap.kind, rows[i].kind, "row %zu", i);
        cr_expect_eq(gap.bytes, rows[i].bytes, "row %zu", i);
        cr_expect_eq(gap.transactions, -1);
        position_release(&target);
    }
    struct position stranger = mysql("2", U1 ":1-8", "OFF");
    cr_expect_eq(position_gap(&source, &stranger).kind, GAP_UNKNOWN, "no channel");
    struct position nobody = {0};
    cr_expect_eq(position_gap(&nobody, &stranger).kind, GAP_UNKNOWN, "server id 0");
    release_both(&source, &stranger);
}

Test(position, families_are_not_compared)
{
    struct position source = mariadb("1", "0-1-5", "");
    struct position target = mysql("2", "", "ON");
    cr_expect_not(position_both_gtid(&source, &target));
    cr_expect_eq(position_gap(&source, &target).kind, GAP_UNKNOWN);
    release_both(&source, &target);
}

// Behind a fence, both ways: what comes from the other server is no breach.
Test(position, own_transactions_are_told_from_those_of_others)
{
    static const struct {
        enum backend_family family;
        const char *before, *after;
        bool own;
    } rows[] = {
        {FAMILY_MARIADB, "0-1-5", "0-1-5", false},
        {FAMILY_MARIADB, "0-1-5", "0-1-5,0-2-9", false},
        {FAMILY_MARIADB, "0-1-5,0-2-9", "0-1-6,0-2-9", true},
        {FAMILY_MARIADB, "0-2-9", "0-1-10,0-2-9", true},
        {FAMILY_MYSQL, U1 ":1-5", U1 ":1-5", false},
        {FAMILY_MYSQL, U1 ":1-5", U1 ":1-5," U2 ":1-3", false},
        {FAMILY_MYSQL, U1 ":1-5," U2 ":1-3", U1 ":1-6," U2 ":1-3", true},
        {FAMILY_MYSQL, U1 ":1-5", U1 ":1-5:tag:1", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool maria = rows[i].family == FAMILY_MARIADB;
        struct position a =
            maria ? mariadb("1", rows[i].before, "") : mysql("1", rows[i].before, "ON");
        struct position b =
            maria ? mariadb("1", rows[i].after, "") : mysql("1", rows[i].after, "ON");
        cr_expect_eq(position_wrote_itself(&a, &b), rows[i].own, "row %zu", i);
        release_both(&a, &b);
    }
    struct position a = mysql("1", "", "OFF"), b = mysql("1", "", "OFF");
    read_log(&a, "log.1", "10");
    read_log(&b, "log.1", "10");
    cr_expect_not(position_wrote_itself(&a, &b));
    read_log(&b, "log.1", "11");
    cr_expect(position_wrote_itself(&a, &b));
    release_both(&a, &b);
}

Test(position, a_set_that_is_not_understood_is_no_position)
{
    const struct status_pair row[] = {{"server_id", "3"}, {"gtid_logged", "nonsense"}};
    struct position p = {0};
    struct sl_error err = {0};
    cr_expect_eq(position_read_own(&p, FAMILY_MARIADB, row, COUNT(row), &err), SL_EPROTO);
    cr_expect_not(p.gtid);
    cr_expect_eq(p.server_id, 3);
    position_release(&p);
    cr_expect_eq(position_read_own(&p, FAMILY_MARIADB, row, 1, &err), SL_OK);
    cr_expect_not(p.gtid, "the variable was not there");
    position_release(&p);
}

Test(position, without_a_binary_log_nothing_is_known)
{
    const struct status_pair row[] = {
        {"server_id", "1"}, {"gtid_logged", ""}, {"log_updates", "1"}, {"gtid_used", "0"}};
    struct position source = {0}, target = mariadb("2", "0-1-5", "0-1-5");
    struct sl_error err = {0};
    cr_expect_eq(position_read_own(&source, FAMILY_MARIADB, row, COUNT(row), &err), SL_OK);
    cr_expect_eq(position_gap(&source, &target).kind, GAP_UNKNOWN);
    cr_expect_eq(position_gap(&target, &source).kind, GAP_UNKNOWN);
    release_both(&source, &target);
}

Test(position, more_channels_than_there_is_room_for)
{
    struct position p = {0};
    for (unsigned i = 0; i < POSITION_CHANNELS_MAX + 2; i++)
        add_channel(&p, "c", "1", "b.000001", "4");
    cr_expect_eq(p.channel_count, POSITION_CHANNELS_MAX);
}

Test(position, channel_of_mariadb)
{
    const struct status_pair row[] = {{"Connection_name", "from_milan"},
                                      {"Master_Server_Id", "1"},
                                      {"Master_Log_File", "s1.000003"},
                                      {"Read_Master_Log_Pos", "800"},
                                      {"Relay_Master_Log_File", "s1.000002"},
                                      {"Exec_Master_Log_Pos", "700"},
                                      {"Slave_IO_Running", "Yes"},
                                      {"Slave_SQL_Running", "No"}};
    struct replica_channel c;
    replica_channel_parse(row, COUNT(row), &c);
    cr_expect_str_eq(c.name, "from_milan");
    cr_expect_eq(c.source_id, 1);
    cr_expect(c.io_running && !c.sql_running);
    cr_expect_str_eq(c.received.file, "s1.000003");
    cr_expect_eq(c.received.offset, 800);
    cr_expect_str_eq(c.executed.file, "s1.000002");
    cr_expect_eq(c.executed.offset, 700);
}

// --- waiting ------------------------------------------------------------------------------------

static void expect_statement(const struct position *source, const struct position *target,
                             unsigned long version, int64_t timeout_ms, const char *wanted)
{
    struct buf out = {0};
    struct sl_error err = {0};
    cr_expect_eq(position_wait_statement(source, target, version, timeout_ms, &out, &err), SL_OK,
                 "%s", err.text);
    cr_expect_str_eq(buf_text(&out), wanted, "%s", buf_text(&out));
    buf_release(&out);
}

Test(position, wait_by_gtid_on_mariadb)
{
    static const struct {
        const char *source, *target, *applied, *goal;
    } rows[] = {
        {"", "", "", ""},
        {"0-1-6", "0-1-5", "0-1-5", "0-1-6"},
        {"0-1-5,0-2-3", "0-2-3,0-1-3", "0-1-3", "0-1-5"},
        {"0-2-7", "0-2-7", "", ""},
        {"1-1-7,2-2-5", "1-1-6,2-2-5", "1-1-6,2-2-4", "1-1-7"},
        {"0-1-9,0-3-4,5-3-2", "", "", "0-1-9,5-3-2"},
        {"0-1-4,0-3-9", "", "", "0-3-9"},
        {"0-1-100", "0-1-100", "", ""},
        // Logged, but perhaps not committed yet: gtid_slave_pos says when.
        {"0-1-100", "0-1-100", "0-1-99", "0-1-100"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char wanted[100];
        struct position source = mariadb("1", rows[i].source, "");
        struct position target = mariadb("2", rows[i].target, rows[i].applied);
        (void)snprintf(wanted, sizeof wanted, "SELECT MASTER_GTID_WAIT('%s', 1.050)", rows[i].goal);
        expect_statement(&source, &target, 101106, 1050, wanted);
        release_both(&source, &target);
    }
}

Test(position, wait_by_gtid_on_mysql)
{
    struct position source = mysql("1", U1 ":1-7:t:1," U2 ":1-3", "ON");
    struct position target = mysql("2", U1 ":1-5," U2 ":1-9", "ON");
    expect_statement(&source, &target, 90700, 5,
                     "SELECT WAIT_FOR_EXECUTED_GTID_SET('" U1 ":6-7:t:1', 0.005)");
    release_both(&source, &target);
}

Test(position, wait_by_file)
{
    struct position source = mysql("1", "", "OFF"), target = mysql("2", "", "OFF");
    read_log(&source, "binlog.000004", "574");
    add_channel(&target, "it's", "1", "binlog.000003", "4");
    expect_statement(&source, &target, 80026, 300,
                     "SELECT SOURCE_POS_WAIT('binlog.000004', 574, 0.300, 'it''s')");
    expect_statement(&source, &target, 80025, 300,
                     "SELECT MASTER_POS_WAIT('binlog.000004', 574, 0.300, 'it''s')");
    source.family = target.family = FAMILY_MARIADB;
    expect_statement(&source, &target, 101106, 1600,
                     "SET STATEMENT max_statement_time=1.600 FOR "
                     "SELECT MASTER_POS_WAIT('binlog.000004', 574, 3.000, 'it''s')");
    release_both(&source, &target);
}

Test(position, wait_that_cannot_be_said)
{
    struct buf out;
    struct sl_error err = {0};
    struct position source = mysql("1", "", "OFF"), target = mysql("2", "", "OFF");
    buf_init(&out, 8);
    cr_expect_eq(position_wait_statement(&source, &target, 80400, 1, &out, &err), SL_ECONFLICT,
                 "no channel");
    add_channel(&target, "back\\slash", "1", "binlog.000003", "4");
    cr_expect_eq(position_wait_statement(&source, &target, 80400, 1, &out, &err), SL_ECONFLICT,
                 "the source has no log");
    read_log(&source, "binlog.000004", "574");
    cr_expect_eq(position_wait_statement(&source, &target, 80400, 1, &out, &err), SL_EUNSUPPORTED);
    target.channels[0].name[0] = '\0';
    cr_expect_eq(position_wait_statement(&source, &target, 80400, 1, &out, &err), SL_ETOOBIG);
    buf_release(&out);
    release_both(&source, &target);
}

Test(position, wait_answers)
{
    static const struct {
        enum backend_family family;
        bool gtid;
        const char *value;
        int64_t elapsed_ms;
        enum wait_answer wanted;
    } rows[] = {
        {FAMILY_MYSQL, true, "0", 0, WAIT_REACHED},
        {FAMILY_MYSQL, true, "1", 500, WAIT_TIMED_OUT},
        {FAMILY_MYSQL, true, "2", 0, WAIT_NOT_REPLICATING},
        {FAMILY_MYSQL, true, NULL, 500, WAIT_NOT_REPLICATING},
        {FAMILY_MYSQL, false, "0", 0, WAIT_REACHED},
        {FAMILY_MYSQL, false, "1", 0, WAIT_REACHED},
        {FAMILY_MYSQL, false, "-1", 500, WAIT_TIMED_OUT},
        {FAMILY_MYSQL, false, NULL, 500, WAIT_NOT_REPLICATING},
        {FAMILY_MARIADB, true, "0", 0, WAIT_REACHED},
        {FAMILY_MARIADB, true, "-1", 500, WAIT_TIMED_OUT},
        {FAMILY_MARIADB, true, "1", 0, WAIT_NOT_REPLICATING},
        {FAMILY_MARIADB, true, NULL, 500, WAIT_NOT_REPLICATING},
        {FAMILY_MARIADB, false, "2", 0, WAIT_REACHED},
        {FAMILY_MARIADB, false, "-1", 500, WAIT_TIMED_OUT},
        {FAMILY_MARIADB, false, NULL, 0, WAIT_NOT_REPLICATING},
        {FAMILY_MARIADB, false, NULL, 500, WAIT_TIMED_OUT},
        {FAMILY_MARIADB, false, "", 0, WAIT_NOT_REPLICATING},
        {FAMILY_MARIADB, false, "soon", 0, WAIT_NOT_REPLICATING},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct position p = {.family = rows[i].family, .gtid = rows[i].gtid};
        cr_expect_eq(position_wait_answer(&p, &p, rows[i].value, rows[i].elapsed_ms, 500),
                     rows[i].wanted, "row %zu", i);
    }
}
