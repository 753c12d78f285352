// The ladder's rules: which rule decides, and what comes when.
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "base/clock.h"
#include "config/load.h"
#include "drain/policy.h"

static const char TEXT[] =
    "listen: [127.0.0.1:3306]\n"
    "backends: {a: {address: 127.0.0.1:1}}\n"
    "active: a\n"
    "drain:\n"
    "  wait: 5s\n"
    "  then: abort\n"
    "  rules:\n"
    "    - {match: {user: aggregator}, wait: 0s, then: kill}\n"
    "    - {match: {host: 10.1.0.0/16, database: shop}, wait: 1s, then: wait}\n"
    "    - {match: {program: \"report*\", older_than: 1m}, wait: 2s, then: kill}\n";

static struct sockaddr_in peer_of(const char *host)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    inet_pton(AF_INET, host, &sa.sin_addr);
    return sa;
}

struct row {
    const char *user, *host, *database, *program;
    int64_t age_s;
    bool reading;
    int rule;
    bool excused;
};

static const struct row ROWS[] = {
    {"web", "192.0.2.1", "shop", "php", 1, false, -1, false},
    {"web", "192.0.2.1", "shop", "php", 1, true, -1, true},
    {"aggregator", "192.0.2.1", "shop", "php", 1, false, 0, false},
    {"aggregator", "192.0.2.1", "shop", "php", 1, true, 0, false}, // a rule counts for reads, too
    {"web", "10.1.2.3", "shop", "php", 1, false, 1, false},
    {"web", "10.1.2.3", "other", "php", 1, false, -1, false},
    {"web", "10.2.2.3", "shop", "php", 1, false, -1, false},
    {"web", "192.0.2.1", "shop", "report-daily", 59, false, -1, false},
    {"web", "192.0.2.1", "shop", "report-daily", 60, false, 2, false},
    {"aggregator", "10.1.2.3", "shop", "report-daily", 60, false, 0, false}, // the first decides
};

static const struct config *load(void)
{
    struct sl_error err;
    const struct config *c = config_load_text("test.yaml", TEXT, sizeof TEXT - 1, &err);
    cr_assert(c != NULL, "%s", err.text);
    return c;
}

Test(policy, the_first_rule_that_matches_decides)
{
    const struct config *c = load();
    const struct drain_order order = {.wait_ns = -1, .then = -1};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *r = &ROWS[i];
        struct sockaddr_in sa = peer_of(r->host);
        struct drain_facts facts = {
            r->user,   r->database, r->program, (struct sockaddr *)&sa, r->age_s * NS_PER_S,
            r->reading};
        struct drain_sentence s = drain_judge(&c->drain, &order, &facts);
        cr_expect_eq(s.rule, r->rule, "row %zu: rule %d", i, s.rule);
        cr_expect_eq(s.excused, r->excused, "row %zu", i);
    }
    config_unref(c);
}

Test(policy, the_command_overrides_the_default_but_no_rule)
{
    const struct config *c = load();
    const struct drain_order order = {.wait_ns = 7, .then = CONFIG_THEN_KILL};
    struct sockaddr_in sa = peer_of("192.0.2.1");
    struct drain_facts facts = {"web", "shop", "php", (struct sockaddr *)&sa, 0, false};
    struct drain_sentence s = drain_judge(&c->drain, &order, &facts);
    cr_expect_eq(s.wait_ns, 7);
    cr_expect_eq(s.then, CONFIG_THEN_KILL);
    facts.user = "aggregator";
    s = drain_judge(&c->drain, &order, &facts);
    cr_expect_eq(s.wait_ns, 0);
    config_unref(c);
}

struct next_row {
    enum config_then then;
    int64_t waited_ns, aborting_ns;
    enum drain_step step;
};

// The wait is 100 ns.
static const struct next_row NEXT[] = {
    {CONFIG_THEN_ABORT, 99, -1, DRAIN_STEP_WAIT},
    {CONFIG_THEN_ABORT, 100, -1, DRAIN_STEP_ABORT},
    {CONFIG_THEN_ABORT, 200, 100, DRAIN_STEP_WAIT},
    {CONFIG_THEN_ABORT, 100 + DRAIN_ABORT_GRACE_NS, DRAIN_ABORT_GRACE_NS, DRAIN_STEP_KILL},
    {CONFIG_THEN_KILL, 99, -1, DRAIN_STEP_WAIT},
    {CONFIG_THEN_KILL, 100, -1, DRAIN_STEP_KILL},
    {CONFIG_THEN_WAIT, INT64_MAX, -1, DRAIN_STEP_WAIT},
};

Test(policy, the_ladder_goes_by_the_clock)
{
    for (size_t i = 0; i < sizeof NEXT / sizeof NEXT[0]; i++) {
        struct drain_sentence s = {.wait_ns = 100, .then = NEXT[i].then, .rule = -1};
        cr_expect_eq(drain_next(&s, NEXT[i].waited_ns, NEXT[i].aborting_ns), NEXT[i].step,
                     "row %zu", i);
    }
}
