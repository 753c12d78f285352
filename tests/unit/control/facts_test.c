// Facts of a server: the pure parts, grants and DDL and names of accounts.
#include "control/facts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/facts_parts.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(facts, grants_on_everything_count)
{
    static const struct {
        const char *line, *have;
    } rows[] = {
        {"GRANT SELECT, PROCESS ON *.* TO `a`@`%`", ",SELECT,PROCESS,"},
        {"GRANT ALL PRIVILEGES ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*AB' WITH GRANT OPTION",
         ",ALL PRIVILEGES,"},
        {"GRANT SUPER ON `x`.* TO `a`@`%`", ""},
        {"GRANT `r1`@`%` TO `a`@`%`", ""},
        {"REVOKE SUPER ON *.* FROM `a`@`%`", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char have[100] = "";
        facts_take_grant(rows[i].line, have, sizeof have);
        cr_expect_str_eq(have, rows[i].have, "%s: %s", rows[i].line, have);
    }
}

Test(facts, grants_of_several_lines_add_up_and_fit)
{
    char have[32] = "";
    facts_take_grant("GRANT PROCESS ON *.* TO `a`", have, sizeof have);
    facts_take_grant("GRANT EVENT ON *.* TO `r1`", have, sizeof have);
    cr_expect_str_eq(have, ",PROCESS,EVENT,");
    facts_take_grant("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `a`", have,
                     sizeof have);
    cr_expect_eq(memcmp(have, ",PROCESS,EVENT,", 15), 0);
    cr_expect(strlen(have) < sizeof have);
}

Test(facts, what_is_lacking)
{
    static const struct {
        enum backend_family family;
        unsigned long version;
        const char *have, *lacks, *not_lacks;
    } rows[] = {
        {FAMILY_MYSQL, 90704, ",ALL PRIVILEGES,", "", "PROCESS"},
        {FAMILY_MYSQL, 90704, ",PROCESS,CREATE USER,EVENT,SUPER,", "", "PROCESS"},
        {FAMILY_MYSQL, 90704, ",CREATE USER,EVENT,SUPER,", "PROCESS (to see connections)", "EVENT"},
        {FAMILY_MYSQL, 90704, ",PROCESS,EVENT,CREATE USER,SYSTEM_VARIABLES_ADMIN,",
         "CONNECTION_ADMIN (to kill connections), REPLICATION CLIENT", "SYSTEM_VARIABLES_ADMIN"},
        // SUPER passes read_only until 10.10.
        {FAMILY_MARIADB, 101011, ",PROCESS,CREATE USER,EVENT,SUPER,", "", "READ_ONLY"},
        {FAMILY_MARIADB, 101106, ",PROCESS,CREATE USER,EVENT,SUPER,",
         "READ_ONLY ADMIN (to set read_only)", "SUPER"},
        {FAMILY_MARIADB, 101106, ",PROCESS,CREATE USER,EVENT,READ_ONLY ADMIN,CONNECTION ADMIN,",
         "BINLOG ADMIN", "CONNECTION"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct facts f = {.family = rows[i].family, .version = rows[i].version};
        char lacks[400];
        facts_list_lacks(&f, rows[i].have, lacks, sizeof lacks);
        cr_expect(rows[i].lacks[0] == '\0'
                      ? lacks[0] == '\0'
                      : strncmp(lacks, rows[i].lacks, strlen(rows[i].lacks)) == 0,
                  "row %zu: %s", i, lacks);
        cr_expect_null(strstr(lacks, rows[i].not_lacks), "row %zu: %s", i, lacks);
    }
}

Test(facts, grantees_are_taken_apart)
{
    static const struct {
        const char *grantee, *user, *host; // user NULL: none
    } rows[] = {
        {"'app'@'%'", "app", "%"},     {"''@'localhost'", "", "localhost"},
        {"'app'@''", "app", ""},       {"'o'brien'@'10.%'", "o'brien", "10.%"},
        {"'a@b'@'::1'", "a@b", "::1"}, {"app@%", NULL, NULL},
        {"'app'", NULL, NULL},         {"''@", NULL, NULL},
        {"'app'@'", NULL, NULL},       {"", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char user[20] = "", host[20] = "";
        enum sl_code code =
            facts_split_grantee(rows[i].grantee, user, sizeof user, host, sizeof host);
        cr_expect_eq(code, rows[i].user != NULL ? SL_OK : SL_EPROTO, "%s", rows[i].grantee);
        if (rows[i].user == NULL)
            continue;
        cr_expect_str_eq(user, rows[i].user);
        cr_expect_str_eq(host, rows[i].host);
    }
}

Test(facts, ddl_is_named_by_two_words)
{
    static const struct {
        const char *statement, *words;
    } rows[] = {
        {"ALTER TABLE t ADD x INT", "ALTER TABLE"},
        {" \n optimize  table t", "OPTIMIZE TABLE"},
        {"create unique index i ON t (a)", "CREATE UNIQUE"},
        {"TRUNCATE `t`", "TRUNCATE"},
        {"ALTER USER u IDENTIFIED BY 'secret'", ""},
        {"CREATE TEMPORARY TABLE t (a INT)", ""},
        {"SELECT 'ALTER TABLE'", ""},
        {"UPDATE t SET a = 1", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char words[33];
        facts_ddl_words(rows[i].statement, words, sizeof words);
        cr_expect_str_eq(words, rows[i].words, "%s: %s", rows[i].statement, words);
    }
}

Test(facts, values)
{
    struct facts f = {0};
    static char on[] = "ON", one[] = "1", off[] = "OFF", disabled[] = "DISABLED", seven[] = "7";
    f.variables[FACTS_LOG_BIN] = on;
    f.variables[FACTS_READ_ONLY] = one;
    f.variables[FACTS_LOG_UPDATES] = off;
    f.variables[FACTS_EVENT_SCHEDULER] = disabled;
    f.variables[FACTS_SERVER_ID] = seven;
    cr_expect(facts_is_on(&f, FACTS_LOG_BIN) && facts_is_on(&f, FACTS_READ_ONLY));
    cr_expect(!facts_is_on(&f, FACTS_LOG_UPDATES) && !facts_is_on(&f, FACTS_EVENT_SCHEDULER) &&
              !facts_is_on(&f, FACTS_GTID_MODE));
    cr_expect_eq(facts_number(&f, FACTS_SERVER_ID), 7);
    cr_expect_eq(facts_number(&f, FACTS_LOG_BIN), 0);
    cr_expect_str_eq(facts_text(&f, FACTS_GTID_MODE), "");
    cr_expect_null(facts_find_account(&f, "a", "b"));
}
