// What follows from a replica set as it was found.
#include "control/mongo_set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

// Members a:1, b:2, ...: healthy, with a vote and priority 1; the first is primary.
static struct mongo_set set_of(unsigned count)
{
    struct mongo_set s = {.name = "rs0", .primary = "a:1", .version = 7, .protocol = 1};
    s.count = count;
    for (unsigned i = 0; i < count; i++) {
        struct mongo_member *m = &s.members[i];
        *m = (struct mongo_member){.id = (int)i, .priority = 1, .votes = 1, .seen = true};
        snprintf(m->host, sizeof m->host, "%c:%u", 'a' + i, i + 1);
        m->healthy = m->reached = true;
        m->state = i == 0 ? MONGO_PRIMARY : MONGO_SECONDARY;
        m->optime = (struct mongo_optime){.seconds = 1000, .count = 1, .term = 1};
        m->config_version = 7;
    }
    return s;
}

static void away(struct mongo_set *s, unsigned i)
{
    s->members[i].healthy = false;
    s->members[i].state = MONGO_DOWN;
    s->members[i].optime.seconds = 0;
}

Test(mongo_set, finds_members_without_case)
{
    struct mongo_set s = set_of(3);
    cr_expect_eq(mongo_find(&s, "B:2"), 1);
    cr_expect_eq(mongo_find(&s, "b:3"), -1);
    cr_expect_eq(mongo_primary(&s), 0);
    s.primary[0] = '\0';
    cr_expect_eq(mongo_primary(&s), -1);
}

Test(mongo_set, majorities)
{
    static const unsigned needed[] = {1, 1, 2, 2, 3, 3, 4, 4};
    for (unsigned i = 1; i < COUNT(needed); i++)
        cr_expect_eq(mongo_majority(i), needed[i], "of %u", i);
}

Test(mongo_set, who_takes_part)
{
    struct mongo_set s = set_of(3);
    cr_expect_eq(mongo_healthy_voters(&s), 3);
    s.members[1].state = MONGO_STARTUP2;
    cr_expect_eq(mongo_healthy_voters(&s), 2, "one that is being filled acknowledges nothing");
    away(&s, 2);
    cr_expect_eq(mongo_healthy_voters(&s), 1);
    cr_expect_eq(mongo_voters(&s), 3);
}

Test(mongo_set, lag_is_behind_the_primary_or_the_first)
{
    struct mongo_set s = set_of(3);
    s.members[1].optime.seconds = 988;
    cr_expect_eq(mongo_lag_s(&s, 1), 12);
    cr_expect_eq(mongo_lag_s(&s, 0), 0);
    s.members[2].optime.seconds = 1003;
    cr_expect_eq(mongo_lag_s(&s, 2), 0, "never negative: it has heard of newer writes");
    s.primary[0] = '\0';
    cr_expect_eq(mongo_lag_s(&s, 1), 15);
    away(&s, 1);
    cr_expect_eq(mongo_lag_s(&s, 1), -1);
}

Test(mongo_set, a_configuration_that_is_not_everywhere)
{
    struct mongo_set s = set_of(3);
    cr_expect(!mongo_config_spreads(&s));
    s.members[2].config_version = 6;
    cr_expect(mongo_config_spreads(&s));
    away(&s, 2);
    cr_expect(!mongo_config_spreads(&s), "one that is away is not waited for");
    s.uncommitted = true;
    cr_expect(mongo_config_spreads(&s));
}

static void make_arbiter(struct mongo_member *m)
{
    m->arbiter = true;
}
static void make_delayed(struct mongo_member *m)
{
    m->delay_s = 3600;
}
static void make_hidden(struct mongo_member *m)
{
    m->hidden = true;
}
static void make_light(struct mongo_member *m)
{
    m->priority = 0;
}
static void make_silent(struct mongo_member *m)
{
    m->votes = 0;
}
static void make_sick(struct mongo_member *m)
{
    m->healthy = false;
}
static void make_new(struct mongo_member *m)
{
    m->state = MONGO_STARTUP2;
}

Test(mongo_set, who_cannot_be_primary)
{
    static void (*const makes[])(struct mongo_member *) = {
        make_arbiter, make_delayed, make_hidden, make_light, make_silent, make_sick, make_new};
    for (unsigned i = 0; i < COUNT(makes); i++) {
        struct mongo_set s = set_of(3);
        cr_expect_null(mongo_unfit(&s, 1));
        makes[i](&s.members[1]);
        cr_expect_not_null(mongo_unfit(&s, 1), "%u", i);
    }
    struct mongo_set s = set_of(2);
    cr_expect_str_eq(mongo_unfit(&s, 0), "is the primary already");
}

Test(mongo_set, the_healthiest)
{
    char why[200];
    struct mongo_set s = set_of(4);
    s.members[1].optime.seconds = 995;
    s.members[2].ping_ns = 500;
    s.members[3].ping_ns = 400;
    cr_expect_eq(mongo_healthiest(&s, 10, why, sizeof why), 3, "as near as the other, but faster");
    cr_expect(strstr(why, "d:4") != NULL && strstr(why, "of 3") != NULL, "%s", why);
    s.members[1].priority = 2;
    cr_expect_eq(mongo_healthiest(&s, 10, why, sizeof why), 1, "what operators want comes first");
    cr_expect_eq(mongo_healthiest(&s, 4, why, sizeof why), 3, "but not too far behind");
    for (unsigned i = 1; i < 4; i++)
        away(&s, i);
    cr_expect_eq(mongo_healthiest(&s, 10, why, sizeof why), -1);
}

Test(mongo_set, priorities_that_win_and_stay)
{
    static const struct {
        double own, other, winning, staying;
    } rows[] = {{1, 1, 2, 1}, {1, 3, 4, 3}, {5, 1, 5, 5}, {1, 1000, 1000, 1000}, {0.5, 1, 2, 1}};
    for (unsigned i = 0; i < COUNT(rows); i++) {
        struct mongo_set s = set_of(3);
        s.members[1].priority = rows[i].own;
        s.members[2].priority = rows[i].other;
        cr_expect_float_eq(mongo_winning_priority(&s, 1), rows[i].winning, 1e-9, "%u", i);
        cr_expect_float_eq(mongo_staying_priority(&s, 1), rows[i].staying, 1e-9, "%u", i);
    }
}

Test(mongo_set, removing_keeps_a_majority)
{
    struct sl_error err;
    struct mongo_set s = set_of(3);
    cr_expect_eq(mongo_may_remove(&s, 0, &err), SL_ECONFLICT, "the primary");
    cr_expect_eq(mongo_may_remove(&s, 2, &err), SL_OK);
    away(&s, 1);
    cr_expect_eq(mongo_may_remove(&s, 2, &err), SL_ECONFLICT, "one of two would be left");
    cr_expect_eq(mongo_may_remove(&s, 1, &err), SL_OK, "who is away may go");
    s.members[2].votes = 0;
    cr_expect_eq(mongo_may_remove(&s, 2, &err), SL_ECONFLICT,
                 "one of two voters is no majority before, and none after");
}

Test(mongo_set, adding_keeps_a_majority)
{
    struct sl_error err;
    struct mongo_set s = set_of(3);
    cr_expect_eq(mongo_may_add(&s, &err), SL_OK);
    cr_expect(!mongo_depends_on_new(&s));
    away(&s, 2);
    cr_expect_eq(mongo_may_add(&s, &err), SL_OK, "3 of 4: this is how a set is mended");
    cr_expect(mongo_depends_on_new(&s), "2 of 4, should the new one fail");
    away(&s, 1);
    cr_expect_eq(mongo_may_add(&s, &err), SL_ECONFLICT);
    s = set_of(7);
    cr_expect_eq(mongo_may_add(&s, &err), SL_ECONFLICT, "seven voters");
    s = set_of(1);
    cr_expect_eq(mongo_may_add(&s, &err), SL_OK);
    cr_expect(mongo_depends_on_new(&s));
}

Test(mongo_set, what_is_done_already)
{
    struct mongo_set s = set_of(2);
    struct mongo_edit e = {.kind = MONGO_ADD_MEMBER, .host = "b:2"};
    cr_expect(mongo_edit_done(&s, &e));
    e.kind = MONGO_DROP_MEMBER;
    cr_expect(!mongo_edit_done(&s, &e));
    e = (struct mongo_edit){MONGO_SET_MEMBER, "b:2", 1, MONGO_KEEP};
    cr_expect(mongo_edit_done(&s, &e));
    e.priority = 2;
    cr_expect(!mongo_edit_done(&s, &e));
    e = (struct mongo_edit){MONGO_SET_MEMBER, "b:2", MONGO_KEEP, 0};
    cr_expect(!mongo_edit_done(&s, &e));
    text_copy(e.host, sizeof e.host, "z:9");
    cr_expect(!mongo_edit_done(&s, &e), "not there, so not done");
}

Test(mongo_set, hosts_as_operators_write_them)
{
    static const struct {
        const char *text, *host;
    } rows[] = {{"db1", "db1:27017"},
                {"db-1.example.com:27018", "db-1.example.com:27018"},
                {"[::1]:27017", "[::1]:27017"},
                {"[::1]", "[::1]:27017"},
                {"", NULL},
                {":27017", NULL},
                {"db1:", NULL},
                {"db1:0", NULL},
                {"db1:65536", NULL},
                {"db1:27017x", NULL},
                {"a b:1", NULL},
                {"a\"b:1", NULL},
                {"[::1:27017", NULL},
                {"a,b", NULL}};
    for (unsigned i = 0; i < COUNT(rows); i++) {
        char out[MONGO_HOST_MAX];
        struct sl_error err;
        enum sl_code code = mongo_host_normalize(rows[i].text, out, &err);
        cr_expect_eq(code, rows[i].host != NULL ? SL_OK : SL_EINVAL, "%s", rows[i].text);
        if (code == SL_OK)
            cr_expect_str_eq(out, rows[i].host);
    }
}

Test(mongo_set, states_have_names)
{
    cr_expect_str_eq(mongo_state_name(2), "SECONDARY");
    cr_expect_str_eq(mongo_state_name(4), "?");
}
