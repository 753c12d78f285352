// What speaks against a manoeuvre on a MongoDB set.
#include "cutover/mongo_preflight.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct scene {
    struct mongo_plan plan;
    struct mongo_set set;
    struct mongo_hello guest;
    bool has_guest;
    struct preflight found;
    struct mongo_memory memory;
};

// Three healthy members, a:1 is primary; b:2 is to be, d:4 to come, c:3 to go.
static void prepare(struct scene *s, enum mongo_deed deed)
{
    static const char *const about[] = {"b:2", "d:4", "c:3"};
    *s = (struct scene){.has_guest = true, .guest = {.awaits_set = true}};
    s->plan = (struct mongo_plan){.deed = deed,
                                  .max_lag_ns = 10 * NS_PER_S,
                                  .step_down_ns = 60 * NS_PER_S,
                                  .catch_up_ns = 10 * NS_PER_S};
    text_copy(s->plan.host, sizeof s->plan.host, about[deed]);
    s->set = (struct mongo_set){.name = "rs0", .primary = "a:1", .version = 7, .protocol = 1};
    s->set.count = 3;
    for (unsigned i = 0; i < 3; i++) {
        struct mongo_member *m = &s->set.members[i];
        *m = (struct mongo_member){.priority = 1, .votes = 1, .seen = true, .config_version = 7};
        snprintf(m->host, sizeof m->host, "%c:%u", 'a' + i, i + 1);
        m->healthy = m->reached = true;
        m->state = i == 0 ? MONGO_PRIMARY : MONGO_SECONDARY;
        m->optime.seconds = 1000;
        text_copy(m->version, sizeof m->version, "4.0.10");
        m->version_parts[0] = 4;
    }
}

static enum verdict judge(struct scene *s)
{
    struct mongo_input in = {.plan = &s->plan, .set = &s->set, .guest_problem = "refused"};
    in.guest = s->has_guest ? &s->guest : NULL;
    mongo_preflight_judge(&in, &s->found, &s->memory);
    return preflight_verdict(&s->found);
}

static const struct preflight_row *row(const struct scene *s, const char *name)
{
    for (unsigned i = 0; i < s->found.count; i++)
        if (strcmp(s->found.rows[i].name, name) == 0)
            return &s->found.rows[i];
    cr_assert_fail("no row %s", name);
    return NULL;
}

Test(mongo_preflight, all_is_well)
{
    for (unsigned deed = MONGO_DEED_FAILOVER; deed <= MONGO_DEED_REMOVE; deed++) {
        struct scene s;
        prepare(&s, (enum mongo_deed)deed);
        cr_expect_eq(judge(&s), VERDICT_GO, "%s", mongo_deed_name((enum mongo_deed)deed));
        cr_expect(s.memory.known);
        cr_expect_str_eq(s.memory.host, s.plan.host);
    }
}

Test(mongo_preflight, what_a_failover_remembers)
{
    struct scene s;
    prepare(&s, MONGO_DEED_FAILOVER);
    judge(&s);
    cr_expect_str_eq(s.memory.old_primary, "a:1");
    cr_expect_eq(s.memory.priority, 1);
    cr_expect_eq(s.memory.winning, 2);
    cr_expect_eq(s.memory.staying, 1);
    cr_expect_eq(s.memory.frozen_count, 1);
    cr_expect_str_eq(s.memory.frozen[0], "c:3");
}

Test(mongo_preflight, without_a_name_the_healthiest)
{
    struct scene s;
    prepare(&s, MONGO_DEED_FAILOVER);
    s.plan.host[0] = '\0';
    s.set.members[1].optime.seconds = 999;
    cr_expect_eq(judge(&s), VERDICT_GO);
    cr_expect_str_eq(s.memory.host, "c:3");
    cr_expect(strstr(row(&s, "chosen")->evidence, "best of 2") != NULL);
}

static void no_primary(struct scene *s)
{
    s->set.primary[0] = '\0';
}
static void two_primaries(struct scene *s)
{
    s->set.members[2].state = MONGO_PRIMARY;
}
static void spreading(struct scene *s)
{
    s->set.members[2].config_version = 6;
}
static void old_protocol(struct scene *s)
{
    s->set.protocol = 0;
}
static void no_majority(struct scene *s)
{
    s->set.members[1].healthy = s->set.members[2].healthy = false;
}
static void one_away(struct scene *s)
{
    s->set.members[2].healthy = false;
}
static void lagging(struct scene *s)
{
    s->set.members[1].optime.seconds = 900;
}
static void unknown(struct scene *s)
{
    text_copy(s->plan.host, sizeof s->plan.host, "z:9");
}
static void light(struct scene *s)
{
    s->set.members[1].priority = 0;
}
static void short_period(struct scene *s)
{
    s->plan.step_down_ns = s->plan.catch_up_ns;
}
static void unreached(struct scene *s)
{
    s->set.members[2].reached = false;
}
static void ancient(struct scene *s)
{
    s->set.members[1].version_parts[0] = 3;
    s->set.members[1].version_parts[1] = 4;
}
static void mixed(struct scene *s)
{
    s->set.members[1].version_parts[1] = 2;
}
static void heavier(struct scene *s)
{
    s->set.members[0].priority = 3;
}
static void silent_guest(struct scene *s)
{
    s->has_guest = false;
}
static void other_set(struct scene *s)
{
    text_copy(s->guest.set, sizeof s->guest.set, "other");
}
static void standalone(struct scene *s)
{
    s->guest = (struct mongo_hello){.primary = true};
}
static void there_already(struct scene *s)
{
    text_copy(s->plan.host, sizeof s->plan.host, "B:2");
}
static void is_primary(struct scene *s)
{
    text_copy(s->plan.host, sizeof s->plan.host, "a:1");
}

Test(mongo_preflight, each_row_can_fail)
{
    static const struct {
        enum mongo_deed deed;
        void (*spoil)(struct scene *s);
        const char *row;
        enum verdict verdict;
    } rows[] = {
        {MONGO_DEED_FAILOVER, no_primary, "primary", VERDICT_NO},
        {MONGO_DEED_FAILOVER, two_primaries, "primary", VERDICT_NO},
        {MONGO_DEED_FAILOVER, spreading, "configuration", VERDICT_NO},
        {MONGO_DEED_FAILOVER, old_protocol, "configuration", VERDICT_NO},
        {MONGO_DEED_FAILOVER, no_majority, "majority", VERDICT_NO},
        {MONGO_DEED_FAILOVER, one_away, "majority", VERDICT_WARN},
        {MONGO_DEED_FAILOVER, one_away, "members", VERDICT_WARN},
        {MONGO_DEED_FAILOVER, lagging, "lag", VERDICT_NO},
        {MONGO_DEED_FAILOVER, unknown, "chosen", VERDICT_NO},
        {MONGO_DEED_FAILOVER, light, "chosen", VERDICT_NO},
        {MONGO_DEED_FAILOVER, is_primary, "chosen", VERDICT_NO},
        {MONGO_DEED_FAILOVER, short_period, "periods", VERDICT_NO},
        {MONGO_DEED_FAILOVER, unreached, "reachable", VERDICT_NO},
        {MONGO_DEED_FAILOVER, ancient, "versions", VERDICT_NO},
        {MONGO_DEED_FAILOVER, mixed, "versions", VERDICT_WARN},
        {MONGO_DEED_FAILOVER, heavier, "priority", VERDICT_WARN},
        {MONGO_DEED_ADD, silent_guest, "new_member", VERDICT_NO},
        {MONGO_DEED_ADD, other_set, "new_member", VERDICT_NO},
        {MONGO_DEED_ADD, standalone, "new_member", VERDICT_NO},
        {MONGO_DEED_ADD, there_already, "new_member", VERDICT_NO},
        {MONGO_DEED_ADD, one_away, "room", VERDICT_WARN},
        {MONGO_DEED_ADD, no_majority, "room", VERDICT_NO},
        {MONGO_DEED_REMOVE, is_primary, "leaving_member", VERDICT_NO},
        {MONGO_DEED_REMOVE, unknown, "leaving_member", VERDICT_NO},
        {MONGO_DEED_REMOVE, spreading, "configuration", VERDICT_NO},
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        struct scene s;
        prepare(&s, rows[i].deed);
        rows[i].spoil(&s);
        cr_expect_eq(judge(&s) == VERDICT_NO, !s.memory.known, "%u", i);
        const struct preflight_row *r = row(&s, rows[i].row);
        cr_expect_eq(r->verdict, rows[i].verdict, "%u %s: %s", i, r->name, r->evidence);
    }
}
