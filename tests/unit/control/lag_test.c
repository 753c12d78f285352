// Lag by position: the worst source counts, and zero seconds are doubted where they may lie.
#include "control/lag.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct position position_of(const char *server_id, const char *state, const char *source_id)
{
    const struct status_pair own[] = {
        {"server_id", server_id}, {"gtid_logged", state}, {"log_updates", "1"}, {"gtid_used", "1"}};
    const struct status_pair channel[] = {{"Master_Server_Id", source_id}};
    struct position p = {0};
    struct sl_error err = {0};
    cr_assert_eq(position_read_own(&p, FAMILY_MARIADB, own, COUNT(own), &err), SL_OK, "%s",
                 err.text);
    if (source_id != NULL)
        position_add_channel(&p, channel, COUNT(channel));
    return p;
}

Test(lag, of_one_source)
{
    static const struct {
        const char *what, *target, *source_id;
        bool reachable;
        int64_t transactions;
        bool doubted;
    } rows[] = {
        {"a master", "0-2-9", NULL, true, 0, false},
        {"has everything", "0-1-50", "1", true, 0, false},
        {"has what was there a look ago", "0-1-40", "1", true, 10, false},
        {"lacks some of that", "0-1-39", "1", true, 11, true},
        {"the source does not answer", "0-1-50", "1", false, -1, true},
        {"the source is not ours", "0-1-50", "77", true, -1, false},
        {"not connected yet", "0-1-50", "0", true, -1, false},
    };
    struct position before = position_of("1", "0-1-40", NULL);
    struct position now = position_of("1", "0-1-50", NULL), none = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct position target = position_of("2", rows[i].target, rows[i].source_id);
        const struct lag_stand all[] = {{true, &target, &none}, {rows[i].reachable, &now, &before}};
        struct lag lag = lag_of(all, COUNT(all), 0);
        cr_expect_eq(lag.transactions, rows[i].transactions, "%s", rows[i].what);
        cr_expect_eq(lag.doubted, rows[i].doubted, "%s", rows[i].what);
        position_release(&target);
    }
    position_release(&before);
    position_release(&now);
}

Test(lag, first_look_and_backends_never_seen)
{
    struct position now = position_of("1", "0-1-50", NULL), none = {0};
    struct position target = position_of("2", "0-1-49", "1");
    const struct lag_stand all[] = {
        {false, &none, &none}, {true, &target, &none}, {true, &now, &none}};
    struct lag lag = lag_of(all, COUNT(all), 1);
    cr_expect_eq(lag.transactions, 1);
    cr_expect(lag.doubted, "there is no earlier look to excuse it");
    position_release(&now);
    position_release(&target);
}

Test(lag, of_several_sources)
{
    struct position one = position_of("1", "1-1-50", NULL), other = position_of("3", "3-3-9", NULL);
    struct position target = position_of("2", "1-1-47,3-3-9", "1");
    const struct status_pair channel[] = {{"Master_Server_Id", "3"}};
    const struct position none = {0};
    position_add_channel(&target, channel, 1);
    struct lag_stand all[] = {{true, &target, &none}, {true, &one, &none}, {true, &other, &none}};
    cr_expect_eq(lag_of(all, COUNT(all), 0).transactions, 3);
    all[2].reachable = false;
    cr_expect_eq(lag_of(all, COUNT(all), 0).transactions, -1, "unknown of one is unknown");
    position_release(&one);
    position_release(&other);
    position_release(&target);
}

Test(lag, in_bytes)
{
    const struct status_pair place[] = {{"File", "b.000001"}, {"Position", "900"}};
    const struct status_pair channel[] = {{"Master_Server_Id", "1"},
                                          {"Relay_Master_Log_File", "b.000001"},
                                          {"Exec_Master_Log_Pos", "700"}};
    struct position source = {.family = FAMILY_MYSQL, .server_id = 1};
    struct position target = {.family = FAMILY_MYSQL, .server_id = 2};
    const struct position none = {0};
    position_read_log(&source, place, COUNT(place));
    position_add_channel(&target, channel, COUNT(channel));
    const struct lag_stand all[] = {{true, &source, &none}, {true, &target, &none}};
    struct lag lag = lag_of(all, COUNT(all), 1);
    cr_expect_eq(lag.bytes, 200);
    cr_expect_eq(lag.transactions, -1);
    cr_expect(lag.doubted);
}
