// The preflight's rows: one change to a clean pair, and what it makes which row say.
#include "cutover/preflight.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

// A clean one-way pair of MariaDB; every test changes its own.
struct pair {
    struct facts facts[2];
    struct position position[2];
    struct fence_account fenced;
    struct facts_account accounts[2];
    struct facts_work work[2];
    struct preflight_input in;
};

static struct position position_of(const char *id, const char *state, const char *source,
                                   const char *runs)
{
    const struct status_pair own[] = {
        {"server_id", id}, {"gtid_logged", state}, {"log_updates", "1"}, {"gtid_used", "1"}};
    const struct status_pair channel[] = {
        {"Master_Server_Id", source}, {"Slave_IO_Running", "Yes"}, {"Slave_SQL_Running", runs}};
    struct position p = {0};
    struct sl_error err = {0};
    cr_assert_eq(position_read_own(&p, FAMILY_MARIADB, own, COUNT(own), &err), SL_OK);
    if (source != NULL)
        position_add_channel(&p, channel, COUNT(channel));
    return p;
}

static void set_position(struct pair *p, unsigned i, const char *id, const char *state,
                         const char *source, const char *runs)
{
    position_release(&p->position[i]);
    p->position[i] = position_of(id, state, source, runs);
}

static void set_variables(struct facts *f)
{
    static const struct {
        enum facts_variable v;
        char text[32];
    } clean[] = {
        {FACTS_VERSION, "10.11.6-MariaDB"},
        {FACTS_READ_ONLY, "OFF"},
        {FACTS_CHARACTER_SET, "utf8mb4"},
        {FACTS_COLLATION, "utf8mb4_general_ci"},
        {FACTS_SQL_MODE, "STRICT_ALL_TABLES,ANSI"},
        {FACTS_TIME_ZONE, "SYSTEM"},
        {FACTS_SYSTEM_TIME_ZONE, "CET"},
        {FACTS_ISOLATION, "REPEATABLE-READ"},
        {FACTS_MAX_ALLOWED_PACKET, "16777216"},
        {FACTS_LOWER_CASE_TABLE_NAMES, "0"},
        {FACTS_LOG_BIN, "ON"},
        {FACTS_LOG_UPDATES, "ON"},
        {FACTS_BINLOG_FORMAT, "ROW"},
        {FACTS_AUTO_INCREMENT_INCREMENT, "1"},
        {FACTS_AUTO_INCREMENT_OFFSET, "1"},
        {FACTS_EVENT_SCHEDULER, "ON"},
        {FACTS_MAX_CONNECTIONS, "100"},
    };
    f->family = FAMILY_MARIADB;
    f->version = 101106;
    f->has_accounts = true;
    for (size_t i = 0; i < COUNT(clean); i++)
        f->variables[clean[i].v] = (char *)clean[i].text;
}

static void set_up(struct pair *p)
{
    static const struct fence none;
    *p = (struct pair){0};
    p->fenced = (struct fence_account){"web", "10.%"};
    for (unsigned i = 0; i < 2; i++) {
        set_variables(&p->facts[i]);
        p->accounts[i] = (struct facts_account){.user = "web",
                                                .host = "10.%",
                                                .plugin = "mysql_native_password",
                                                .digest = "d1",
                                                .grants = 5};
        p->facts[i].accounts = &p->accounts[i];
        p->facts[i].account_count = 1;
    }
    p->facts[1].variables[FACTS_READ_ONLY] = (char *)"ON";
    p->facts[0].fence = (struct fence){.accounts = &p->fenced, .count = 1};
    set_position(p, 0, "1", "0-1-9", NULL, NULL);
    set_position(p, 1, "2", "0-1-9", "1", "Yes");
    p->in = (struct preflight_input){
        .old = {"milan", "", &p->facts[0], &p->position[0], ""},
        .target = {"aws", "", &p->facts[1], &p->position[1], ""},
        .lag = LAG_MEASURED,
        .lag_ns = 3 * NS_PER_MS,
        .max_lag_ns = NS_PER_S,
        .census = {.sessions = 40},
        .saved = &none,
        .state_dir = "/state",
        .disk_free = INT64_C(1) << 30,
    };
}

static void tear_down(struct pair *p)
{
    position_release(&p->position[0]);
    position_release(&p->position[1]);
}

// --- one change each ----------------------------------------------------------------------------

#define CHANGE(name) static void name(struct pair *p)
#define SET(name, server, variable, text)                                                          \
    CHANGE(name)                                                                                   \
    {                                                                                              \
        p->facts[server].variables[FACTS_##variable] = (char *)(text);                             \
    }

CHANGE(lacks)
{
    (void)snprintf(p->facts[1].lacks, sizeof p->facts[1].lacks, "PROCESS (to see connections)");
}
CHANGE(denied)
{
    (void)snprintf(p->facts[0].denied, sizeof p->facts[0].denied, "no SELECT on global_priv");
}
CHANGE(same_id)
{
    set_position(p, 1, "1", "0-1-9", "1", "Yes");
}
SET(old_read_only, 0, READ_ONLY, "ON")
SET(target_writable, 1, READ_ONLY, "OFF")
CHANGE(no_channel)
{
    set_position(p, 1, "2", "0-1-9", NULL, NULL);
}
CHANGE(other_channel)
{
    set_position(p, 1, "2", "0-1-9", "7", "Yes");
}
CHANGE(applier_stopped)
{
    set_position(p, 1, "2", "0-1-9", "1", "No");
    p->in.target.replication_error = "Duplicate entry";
}
CHANGE(both_ways)
{
    set_position(p, 0, "1", "0-1-9", "2", "Yes");
}
CHANGE(way_back_stopped)
{
    set_position(p, 0, "1", "0-1-9", "2", "No");
}
CHANGE(unknown_position)
{
    p->position[1].gtid = false;
}
CHANGE(errant)
{
    set_position(p, 1, "2", "0-1-9,0-2-4", "1", "Yes");
}
CHANGE(errant_both_ways)
{
    errant(p);
    both_ways(p);
}
CHANGE(late)
{
    p->in.lag_ns = 2 * NS_PER_S;
}
CHANGE(too_late)
{
    p->in.lag = LAG_TOO_LONG;
    set_position(p, 0, "1", "0-1-50", NULL, NULL);
}
CHANGE(not_measured)
{
    p->in.lag = LAG_UNASKED;
}
SET(no_log, 1, LOG_BIN, "OFF")
SET(other_gtid_mode, 1, GTID_MODE, "OFF")
SET(no_updates, 1, LOG_UPDATES, "OFF")
SET(statements, 0, BINLOG_FORMAT, "MIXED")
SET(target_statements, 1, BINLOG_FORMAT, "STATEMENT")
CHANGE(other_family)
{
    p->facts[1].family = FAMILY_MYSQL;
}
CHANGE(older)
{
    p->facts[1].version = 100500;
}
CHANGE(newer)
{
    p->facts[1].version = 110400;
}
CHANGE(patch)
{
    p->facts[1].version = 101109;
}
SET(latin1, 1, CHARACTER_SET, "latin1")
SET(collation, 1, COLLATION, "utf8mb4_bin")
SET(mode_missing, 1, SQL_MODE, "ANSI")
SET(mode_more, 1, SQL_MODE, "ansi,strict_all_tables,NO_ZERO_DATE")
SET(mode_order, 1, SQL_MODE, "ANSI,STRICT_ALL_TABLES")
CHANGE(other_time)
{
    p->facts[1].utc_offset_s = 5400;
}
SET(other_zone, 1, TIME_ZONE, "Europe/Rome")
SET(committed, 1, ISOLATION, "READ-COMMITTED")
SET(small_packet, 1, MAX_ALLOWED_PACKET, "1024")
SET(large_packet, 1, MAX_ALLOWED_PACKET, "33554432")
SET(lower, 1, LOWER_CASE_TABLE_NAMES, "1")
SET(no_events, 1, EVENT_SCHEDULER, "OFF")
CHANGE(no_events_by_us)
{
    static const struct fence ours = {.event_scheduler = true};
    no_events(p);
    p->in.saved = &ours;
}
CHANGE(apart)
{
    both_ways(p);
    p->facts[0].variables[FACTS_AUTO_INCREMENT_INCREMENT] = (char *)"2";
    p->facts[1].variables[FACTS_AUTO_INCREMENT_INCREMENT] = (char *)"2";
    p->facts[1].variables[FACTS_AUTO_INCREMENT_OFFSET] = (char *)"2";
}
CHANGE(no_account)
{
    p->facts[1].account_count = 0;
}
CHANGE(locked)
{
    p->accounts[1].locked = true;
}
CHANGE(locked_by_us)
{
    p->accounts[1].locked = true;
    p->in.saved = &p->facts[0].fence;
}
CHANGE(other_password)
{
    (void)snprintf(p->accounts[1].digest, sizeof p->accounts[1].digest, "d2");
}
CHANGE(other_salt)
{
    other_password(p);
    for (unsigned i = 0; i < 2; i++)
        (void)snprintf(p->accounts[i].plugin, sizeof p->accounts[i].plugin,
                       "caching_sha2_password");
}
CHANGE(other_grants)
{
    p->accounts[1].grants = 6;
}
CHANGE(powerful)
{
    static const char *const seen[] = {"web"};
    p->accounts[0].powerful = true;
    p->in.seen = (struct fence_names){seen, 1};
}
CHANGE(powerful_unseen)
{
    p->accounts[0].powerful = true;
}

// One connection of web's from 10.0.0.1, in that list of the old server.
static struct facts_work *add_work(struct pair *p, struct facts_works *list, int64_t seconds)
{
    p->work[0] =
        (struct facts_work){.id = 12, .user = "web", .host = "10.0.0.1", .seconds = seconds};
    *list = (struct facts_works){p->work, 1};
    return p->work;
}

CHANGE(transaction)
{
    add_work(p, &p->facts[0].transactions, 14);
}
CHANGE(short_transaction)
{
    add_work(p, &p->facts[0].transactions, 1);
}
CHANGE(prepared_xa)
{
    add_work(p, &p->facts[0].transactions, 600)->id = 0;
}
CHANGE(ddl)
{
    struct facts_work *w = add_work(p, &p->facts[1].ddl, 3);
    (void)snprintf(w->what, sizeof w->what, "ALTER TABLE");
}
CHANGE(direct)
{
    add_work(p, &p->facts[0].present, 0);
    p->work[1] = p->work[0];
    p->work[1].id = 13;
    p->facts[0].present.count = 2;
}
CHANGE(ours)
{
    static const uint32_t ids[] = {5, 12};
    add_work(p, &p->facts[0].present, 0);
    p->in.ours = ids;
    p->in.our_count = 2;
}
CHANGE(ours_and_direct)
{
    static const uint32_t ids[] = {12};
    direct(p);
    p->in.ours = ids;
    p->in.our_count = 1;
}
CHANGE(console)
{
    struct facts_work *w = add_work(p, &p->facts[0].present, 0);
    (void)snprintf(w->user, sizeof w->user, "root");
}
CHANGE(full)
{
    p->facts[1].connections = 61;
}
CHANGE(staying)
{
    p->in.census = (struct session_census){40, 2, "2 user_lock"};
}
CHANGE(disk_full)
{
    p->in.disk_free = 100 << 10;
}
CHANGE(disk_unknown)
{
    p->in.disk_free = -1;
}

static void testers(struct pair *p)
{
    p->in.testers = 2;
    p->in.asks = true;
}

static void testers_in_vain(struct pair *p)
{
    p->in.testers = 2;
}

static const struct {
    void (*change)(struct pair *p);
    const char *row;
    enum verdict verdict;
    const char *words;
} rows[] = {
    {lacks, "privileges", VERDICT_NO, "on aws: PROCESS (to see connections)"},
    {denied, "privileges", VERDICT_NO, "on milan: no SELECT on global_priv"},
    {same_id, "server_id", VERDICT_NO, "both have server_id 1"},
    {old_read_only, "roles", VERDICT_NO, "milan is active but read-only"},
    {target_writable, "roles", VERDICT_WARN, "aws is a replica but writable"},
    {no_channel, "replication", VERDICT_NO, "aws does not replicate from milan"},
    {other_channel, "replication", VERDICT_NO, "aws does not replicate from milan"},
    {applier_stopped, "replication", VERDICT_NO,
     "aws's applier from milan does not run: Duplicate"},
    {both_ways, "replication", VERDICT_GO, "aws replicates from milan and back"},
    {way_back_stopped, "replication", VERDICT_NO, "milan replicates from aws, too"},
    {unknown_position, "positions", VERDICT_NO, "cannot be told"},
    {unknown_position, "errant_transactions", VERDICT_WARN, "cannot be told"},
    {errant, "errant_transactions", VERDICT_NO, "milan never had: 0-2-4"},
    {errant_both_ways, "errant_transactions", VERDICT_WARN, "somebody writes on aws: 0-2-4"},
    {late, "lag", VERDICT_NO, "within 2s (cutover.max_lag 1s)"},
    {too_late, "lag", VERDICT_NO, "41 transactions behind"},
    {not_measured, "lag", VERDICT_NO, "not measured"},
    {no_log, "binary_log", VERDICT_NO, "aws writes no binary log"},
    {other_gtid_mode, "binary_log", VERDICT_WARN, "gtid_mode"},
    {no_updates, "binary_log", VERDICT_WARN, "log_slave_updates"},
    {statements, "binlog_format", VERDICT_WARN, "MIXED on milan"},
    {target_statements, "binlog_format", VERDICT_WARN, "STATEMENT on aws"},
    {other_family, "version", VERDICT_NO, "not one family"},
    {older, "version", VERDICT_WARN, "aws is older"},
    {newer, "version", VERDICT_WARN, "aws is newer"},
    {patch, "version", VERDICT_GO, "10.11.6"},
    {latin1, "character_set", VERDICT_NO, "latin1 on aws"},
    {collation, "character_set", VERDICT_WARN, "utf8mb4_bin on aws"},
    {mode_missing, "sql_mode", VERDICT_NO, "STRICT_ALL_TABLES only on milan"},
    {mode_more, "sql_mode", VERDICT_NO, "NO_ZERO_DATE only on aws"},
    {mode_order, "sql_mode", VERDICT_GO, "on both"},
    {other_time, "time_zone", VERDICT_NO, "UTC+1.5 h on aws"},
    {other_zone, "time_zone", VERDICT_WARN, "CET on milan and Europe/Rome on aws"},
    {committed, "isolation", VERDICT_NO, "READ-COMMITTED on aws"},
    {small_packet, "max_allowed_packet", VERDICT_NO, "aws only 1024"},
    {large_packet, "max_allowed_packet", VERDICT_GO, "33554432 on aws"},
    {lower, "lower_case_table_names", VERDICT_NO, "1 on aws"},
    {no_events, "event_scheduler", VERDICT_WARN, "events would stop"},
    {no_events_by_us, "event_scheduler", VERDICT_GO, "an earlier cutover"},
    {both_ways, "auto_increment", VERDICT_WARN, "both could give the same number"},
    {apart, "auto_increment", VERDICT_GO, "aws from 2 by 2"},
    {no_account, "accounts", VERDICT_NO, "not on aws: 'web'@'10.%'"},
    {locked, "accounts", VERDICT_NO, "locked on aws, and not by sluice: 'web'@'10.%'"},
    {locked_by_us, "accounts", VERDICT_GO, "all 1 application"},
    {other_password, "passwords", VERDICT_NO, "not the same on both servers: 'web'@'10.%'"},
    {other_salt, "passwords", VERDICT_WARN, "nobody can tell"},
    {other_grants, "grants", VERDICT_WARN, "'web'@'10.%'"},
    {powerful, "powerful_accounts", VERDICT_WARN, "'web'@'10.%'"},
    {powerful_unseen, "powerful_accounts", VERDICT_GO, "no application"},
    {transaction, "long_transactions", VERDICT_WARN, "connection 12 (web@10.0.0.1), 14 s"},
    {short_transaction, "long_transactions", VERDICT_GO, "none"},
    {prepared_xa, "long_transactions", VERDICT_WARN, "a prepared XA transaction, 600 s"},
    {ddl, "ddl", VERDICT_NO, "ALTER TABLE on aws, connection 12 (web), 3 s"},
    {direct, "direct_sessions", VERDICT_WARN, "2 connections to milan bypass sluice"},
    {ours, "direct_sessions", VERDICT_GO, "nobody"},
    {ours_and_direct, "direct_sessions", VERDICT_WARN,
     "1 connections to milan bypass sluice, the"
     " fence kills them: web@10.0.0.1"},
    {console, "direct_sessions", VERDICT_GO, "nobody"},
    {full, "connections", VERDICT_NO, "aws takes 100, 61 are in use, 40 sessions would come"},
    {staying, "sessions", VERDICT_WARN,
     "2 of 40 could not move now and would be ended: 2 user_lock"},
    {testers, "testers", VERDICT_GO, "2 entries: they are let through"},
    {testers_in_vain, "testers", VERDICT_WARN, "no effect without --ask"},
    {disk_full, "disk", VERDICT_NO, "free in /state"},
    {disk_unknown, "disk", VERDICT_WARN, "not known"},
};

static const struct preflight_accepted NONE;

static const struct preflight_row *find(const struct preflight *found, const char *name)
{
    for (unsigned i = 0; i < found->count; i++)
        if (strcmp(found->rows[i].name, name) == 0)
            return &found->rows[i];
    cr_assert_fail("no row %s", name);
    return NULL;
}

Test(preflight, each_row)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pair p;
        struct preflight found;
        set_up(&p);
        rows[i].change(&p);
        preflight_judge(&p.in, &found);
        const struct preflight_row *row = find(&found, rows[i].row);
        cr_expect_eq(row->verdict, rows[i].verdict, "%s is %s: %s", row->name,
                     verdict_name(row->verdict), row->evidence);
        cr_expect_not_null(strstr(row->evidence, rows[i].words), "%s: \"%s\", not \"%s\"",
                           row->name, row->evidence, rows[i].words);
        tear_down(&p);
    }
}

Test(preflight, a_clean_pair_is_all_go)
{
    struct pair p;
    struct preflight found;
    struct sl_error err = {0};
    set_up(&p);
    preflight_judge(&p.in, &found);
    cr_expect_eq(preflight_verdict(&found), VERDICT_GO);
    cr_expect_eq(preflight_check(&found, &NONE, &err), SL_OK);
    for (unsigned i = 0; i < found.count; i++)
        cr_expect(found.rows[i].verdict == VERDICT_GO && found.rows[i].evidence[0] != '\0',
                  "%s: %s", found.rows[i].name, found.rows[i].evidence);
    tear_down(&p);
}

Test(preflight, the_error_names_all_that_say_no)
{
    struct pair p;
    struct preflight found;
    struct sl_error err = {0};
    set_up(&p);
    lower(&p);
    full(&p);
    staying(&p);
    preflight_judge(&p.in, &found);
    cr_expect_eq(preflight_verdict(&found), VERDICT_NO);
    cr_expect_eq(preflight_check(&found, &NONE, &err), SL_ECONFLICT);
    cr_expect_not_null(strstr(err.text, "lower_case_table_names: "), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "; connections: "), "%s", err.text);
    cr_expect_null(strstr(err.text, "sessions: "), "a warning is none: %s", err.text);
    tear_down(&p);
}

Test(preflight, a_no_may_be_accepted_by_name)
{
    static const char *const one[] = {"connections"}, *const both[] = {"connections",
                                                                       "lower_case_table_names"};
    struct pair p;
    struct preflight found;
    struct sl_error err = {0};
    set_up(&p);
    lower(&p);
    full(&p);
    preflight_judge(&p.in, &found);
    cr_expect_eq(preflight_check(&found, &(struct preflight_accepted){one, 1}, &err), SL_ECONFLICT);
    cr_expect_null(strstr(err.text, "connections: "), "%s", err.text);
    cr_expect_eq(preflight_check(&found, &(struct preflight_accepted){both, 2}, &err), SL_OK);
    cr_expect_eq(preflight_verdict(&found), VERDICT_NO, "what was found stays what it is");
    tear_down(&p);
}

// What the steps themselves need cannot be wished away.
Test(preflight, what_makes_a_cutover_impossible_is_not_accepted)
{
    static const char *const firm[] = {"reachable", "privileges", "replication",
                                       "positions", "roles",      "binary_log"};
    struct sl_error err = {0};
    for (size_t i = 0; i < COUNT(firm); i++)
        cr_expect_eq(preflight_may_accept(firm[i], &err), SL_EDENIED, "%s", firm[i]);
    cr_expect_eq(preflight_may_accept("errant_transactions", &err), SL_OK);
    cr_expect_eq(preflight_may_accept("lag", &err), SL_OK);
    cr_expect_eq(preflight_may_accept("no_such_row", &err), SL_ENOTFOUND);
}

Test(preflight, of_a_server_that_does_not_answer_nothing_is_said)
{
    struct pair p;
    struct preflight found;
    set_up(&p);
    p.in.target.problem = "Connection refused";
    preflight_judge(&p.in, &found);
    cr_expect_eq(found.count, 4);
    cr_expect_eq(find(&found, "reachable")->verdict, VERDICT_NO);
    cr_expect_str_eq(find(&found, "reachable")->evidence,
                     "aws cannot be asked: Connection refused");
    tear_down(&p);
}

Test(preflight, long_lists_are_cut)
{
    struct pair p;
    struct preflight found;
    struct facts_work many[50];
    set_up(&p);
    for (unsigned i = 0; i < COUNT(many); i++)
        many[i] = (struct facts_work){.id = i + 1, .user = "web", .host = "h", .seconds = 99};
    p.facts[0].transactions = (struct facts_works){many, COUNT(many)};
    preflight_judge(&p.in, &found);
    cr_expect_not_null(strstr(find(&found, "long_transactions")->evidence, " and 47 more"));
    tear_down(&p);
}
