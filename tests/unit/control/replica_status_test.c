// Replication status of both vocabularies, and what is decided from it.
#include "control/replica_status.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct replica_status parse(const struct status_pair *row, size_t n)
{
    struct replica_status s;
    replica_status_parse(row, (unsigned)n, &s);
    return s;
}

static struct replica_status channel(const char *io, const char *sql, const char *behind,
                                     const char *host, const char *error)
{
    const struct status_pair row[] = {
        {"Slave_IO_Running", io}, {"Slave_SQL_Running", sql}, {"Seconds_Behind_Master", behind},
        {"Master_Host", host},    {"Master_Port", "3306"},    {"Last_SQL_Error", error},
    };
    return parse(row, COUNT(row));
}

Test(replica_status, mariadb)
{
    const struct status_pair row[] = {
        {"Connection_name", ""},        {"Slave_SQL_State", "Slave has read all relay log"},
        {"Master_Host", "10.1.0.5"},    {"Master_Port", "3306"},
        {"Slave_IO_Running", "Yes"},    {"Slave_SQL_Running", "Yes"},
        {"Last_IO_Error", ""},          {"Last_SQL_Error", ""},
        {"Seconds_Behind_Master", "7"}, {"Using_Gtid", "Slave_Pos"},
    };
    struct replica_status s = parse(row, COUNT(row));
    cr_expect(s.io_running && s.sql_running);
    cr_expect_eq(s.channels, 1);
    cr_expect_float_eq(s.seconds_behind, 7, 1e-9);
    cr_expect_str_eq(s.source, "10.1.0.5:3306");
    cr_expect_str_eq(s.error, "");
}

Test(replica_status, mysql_of_today)
{
    const struct status_pair row[] = {
        {"Source_Host", "db.example"},   {"Source_Port", "3307"},
        {"Replica_IO_Running", "Yes"},   {"Replica_SQL_Running", "No"},
        {"Last_IO_Error", "older"},      {"Last_SQL_Error", "Duplicate entry"},
        {"Seconds_Behind_Source", NULL}, {"Channel_Name", ""},
    };
    struct replica_status s = parse(row, COUNT(row));
    cr_expect(s.io_running && !s.sql_running);
    cr_expect_lt(s.seconds_behind, 0);
    cr_expect_str_eq(s.source, "db.example:3307");
    cr_expect_str_eq(s.error, "Duplicate entry", "the applier's error comes first");
}

Test(replica_status, receiver_states_that_are_not_yes)
{
    static const char *const states[] = {"No", "Connecting", "Preparing", "", NULL};
    for (size_t i = 0; i < COUNT(states); i++)
        cr_expect_not(channel(states[i], "Yes", "0", "h", "").io_running, "row %zu", i);
}

Test(replica_status, seconds_that_are_no_number_are_unknown)
{
    static const char *const values[] = {NULL, "", "NULL", "-1", "nan", "inf", "5x", "1e300"};
    for (size_t i = 0; i < COUNT(values); i++)
        cr_expect_lt(channel("Yes", "Yes", values[i], "h", "").seconds_behind, 0, "row %zu", i);
}

Test(replica_status, missing_columns_and_long_values)
{
    struct replica_status s = parse(NULL, 0);
    cr_expect(!s.io_running && !s.sql_running && s.seconds_behind < 0);
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    s = channel("Yes", "Yes", "0", text, text);
    cr_expect_eq(strlen(s.source), sizeof s.source - 1);
    cr_expect_eq(strlen(s.error), sizeof s.error - 1);
}

Test(replica_status, several_channels_are_as_bad_as_the_worst)
{
    struct replica_status all = {0};
    const struct replica_status good = channel("Yes", "Yes", "1", "good", "");
    const struct replica_status late = channel("Yes", "Yes", "9", "late", "");
    const struct replica_status down = channel("No", "Yes", NULL, "down", "broken");
    replica_status_add(&all, &good);
    replica_status_add(&all, &late);
    cr_expect(all.io_running && all.sql_running);
    cr_expect_float_eq(replica_lag_seconds(&all), 9, 1e-9);
    cr_expect_str_eq(all.source, "good:3306");
    replica_status_add(&all, &down);
    replica_status_add(&all, &good);
    cr_expect_eq(all.channels, 4);
    cr_expect(!all.io_running && all.sql_running);
    cr_expect_lt(all.seconds_behind, 0, "unknown anywhere is unknown");
    cr_expect_str_eq(all.source, "down:3306");
    cr_expect_str_eq(all.error, "broken");
}

Test(replica_status, lag)
{
    const struct replica_status none = {0};
    const struct replica_status stopped = channel("No", "Yes", "0", "h", "");
    const struct replica_status running = channel("Yes", "Yes", "0", "h", "");
    cr_expect_lt(replica_lag_seconds(NULL), 0, "the status could not be read");
    cr_expect_float_eq(replica_lag_seconds(&none), 0, 1e-9, "does not replicate");
    cr_expect_lt(replica_lag_seconds(&stopped), 0,
                 "zero seconds with a dead receiver mean nothing");
    cr_expect_float_eq(replica_lag_seconds(&running), 0, 1e-9);
}

Test(replica_status, role)
{
    const struct replica_status none = {0};
    const struct replica_status one = channel("No", "No", NULL, "h", "");
    cr_expect_str_eq(replica_role(NULL, false), "unknown");
    cr_expect_str_eq(replica_role(&none, false), "master");
    cr_expect_str_eq(replica_role(&none, true), "master", "a fenced one");
    cr_expect_str_eq(replica_role(&one, true), "replica");
    cr_expect_str_eq(replica_role(&one, false), "master-master");
}
