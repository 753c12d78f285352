// The gate: reasons, owners, deadlines.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "session/gate.h"

static struct gate closed_for(const char *a, const char *b)
{
    struct gate g;
    gate_init(&g);
    cr_assert_eq(gate_close(&g, a, "anna", 100, 0, NULL), SL_OK);
    cr_assert_eq(gate_close(&g, b, "bruno", 200, 500, NULL), SL_OK);
    return g;
}

Test(gate, is_open_at_first)
{
    struct gate g;
    gate_init(&g);
    cr_assert(!gate_is_closed(&g));
    cr_assert_eq(gate_closed_since(&g), 0);
    cr_assert_eq(gate_next_deadline(&g), 0);
}

Test(gate, ending_one_reason_never_ends_another)
{
    struct gate g = closed_for("operator", "cutover");
    cr_assert_eq(gate_open(&g, "operator", NULL), SL_OK);
    cr_assert(gate_is_closed(&g));
    cr_assert_str_eq(g.reasons[0].name, "cutover");
    cr_assert_eq(gate_open(&g, "cutover", NULL), SL_OK);
    cr_assert(!gate_is_closed(&g));
}

Test(gate, an_unknown_reason_is_an_error_and_changes_nothing)
{
    struct gate g = closed_for("operator", "cutover");
    struct sl_error err;
    cr_assert_eq(gate_open(&g, "nobody", &err), SL_ENOTFOUND);
    cr_assert_eq(g.count, 2);
    cr_assert(strstr(err.text, "nobody") != NULL);
}

Test(gate, no_name_ends_all_reasons)
{
    struct gate g = closed_for("operator", "cutover");
    cr_assert_eq(gate_open(&g, NULL, NULL), SL_OK);
    cr_assert(!gate_is_closed(&g));
}

Test(gate, the_same_reason_again_replaces_deadline_and_owner_but_not_since)
{
    struct gate g = closed_for("operator", "cutover");
    cr_assert_eq(gate_close(&g, "operator", "carla", 300, 900, NULL), SL_OK);
    cr_assert_eq(g.count, 2);
    cr_assert_str_eq(g.reasons[0].owner, "carla");
    cr_assert_eq(g.reasons[0].since_ns, 100);
    cr_assert_eq(g.reasons[0].deadline_ns, 900);
}

Test(gate, deadlines_end_only_their_own_reason)
{
    struct gate g = closed_for("operator", "cutover");
    cr_assert_eq(gate_next_deadline(&g), 500);
    cr_assert_eq(gate_expire(&g, 499), 0);
    cr_assert_eq(gate_expire(&g, 500), 1);
    cr_assert_eq(g.count, 1);
    cr_assert_str_eq(g.reasons[0].name, "operator");
    cr_assert_eq(gate_next_deadline(&g), 0);
}

Test(gate, refuses_bad_names_and_too_many_reasons)
{
    struct gate g;
    char name[GATE_TEXT_MAX + 1];
    gate_init(&g);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(gate_close(&g, "", "a", 1, 0, NULL), SL_EINVAL);
    cr_assert_eq(gate_close(&g, name, "a", 1, 0, NULL), SL_EINVAL);
    for (int i = 0; i < GATE_REASONS_MAX; i++) {
        (void)snprintf(name, sizeof name, "r%d", i);
        cr_assert_eq(gate_close(&g, name, "a", 1, 0, NULL), SL_OK);
    }
    cr_assert_eq(gate_close(&g, "one more", "a", 1, 0, NULL), SL_ETOOBIG);
    cr_assert_eq(g.count, GATE_REASONS_MAX);
}

// --- exceptions -----------------------------------------------------------------------------------

static struct sockaddr *peer_of(struct sockaddr_storage *sa, const char *text)
{
    struct sockaddr_in *in = (struct sockaddr_in *)sa;
    memset(sa, 0, sizeof *sa);
    if (text == NULL)
        return NULL;
    if (strcmp(text, "unix") == 0) {
        sa->ss_family = AF_UNIX;
    } else {
        in->sin_family = AF_INET;
        cr_assert_eq(inet_pton(AF_INET, text, &in->sin_addr), 1);
    }
    return (struct sockaddr *)sa;
}

// "qa*" from anywhere; anybody from 10.1.0.0/16; "root" from a unix socket.
static struct gate_exceptions *some_exceptions(void)
{
    struct gate_exceptions *x = gate_exceptions_new();
    struct cidr network, local;
    cr_assert_eq(cidr_parse("10.1.0.0/16", &network, NULL), SL_OK);
    cr_assert_eq(cidr_parse("unix", &local, NULL), SL_OK);
    gate_exceptions_add(x, "qa*", NULL, 0);
    gate_exceptions_add(x, NULL, &network, 1);
    gate_exceptions_add(x, "root", &local, 1);
    return x;
}

Test(gate, exceptions_by_user_and_network)
{
    static const struct {
        const char *user, *peer;
        enum gate_pass pass;
    } rows[] = {
        {"qa7", "192.0.2.1", GATE_LET_THROUGH}, {"web", "192.0.2.1", GATE_BARRED},
        {"web", "10.1.2.3", GATE_LET_THROUGH},  {"web", "10.2.0.1", GATE_BARRED},
        {"root", "unix", GATE_LET_THROUGH},     {"root", "192.0.2.1", GATE_BARRED},
        {NULL, "10.1.2.3", GATE_LET_THROUGH},   {NULL, "192.0.2.1", GATE_PERHAPS},
        {"qa", NULL, GATE_LET_THROUGH},         {"web", NULL, GATE_BARRED},
    };
    struct gate g = closed_for("operator", "cutover");
    struct gate_exceptions *x = some_exceptions();
    struct sockaddr_storage sa;
    cr_assert_eq(gate_open(&g, "operator", NULL), SL_OK);
    cr_expect_eq(gate_judge(&g, "qa7", NULL), GATE_BARRED, "there are no exceptions yet");
    cr_expect_not(gate_has_exceptions(&g));
    cr_assert_eq(gate_except(&g, "cutover", x, NULL), SL_OK);
    cr_expect(gate_has_exceptions(&g));
    gate_exceptions_unref(x);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(gate_judge(&g, rows[i].user, peer_of(&sa, rows[i].peer)), rows[i].pass,
                     "row %zu", i);
    cr_assert_eq(gate_except(&g, "cutover", NULL, NULL), SL_OK);
    cr_expect_eq(gate_judge(&g, "qa7", NULL), GATE_BARRED, "and none any more");
    gate_release(&g);
}

// Whoever closes the gate for another reason means everybody.
Test(gate, exceptions_of_one_reason_are_none_of_another)
{
    struct gate g = closed_for("operator", "cutover");
    struct gate_exceptions *x = some_exceptions();
    cr_assert_eq(gate_except(&g, "cutover", x, NULL), SL_OK);
    cr_expect_eq(gate_judge(&g, "qa7", NULL), GATE_BARRED);
    cr_expect_not(gate_has_exceptions(&g));
    cr_assert_eq(gate_except(&g, "operator", x, NULL), SL_OK);
    cr_expect_eq(gate_judge(&g, "qa7", NULL), GATE_LET_THROUGH);
    struct sl_error err;
    cr_expect_eq(gate_except(&g, "nobody", x, &err), SL_ENOTFOUND);
    gate_exceptions_unref(x);
    gate_release(&g);
}

// A copy lives on by itself; a reason that comes again has no exceptions of before.
Test(gate, exceptions_are_shared_by_counting)
{
    struct gate g = closed_for("operator", "cutover"), copy;
    struct gate_exceptions *x = some_exceptions();
    gate_init(&copy);
    cr_assert_eq(gate_open(&g, "operator", NULL), SL_OK);
    cr_assert_eq(gate_except(&g, "cutover", x, NULL), SL_OK);
    gate_exceptions_unref(x);
    gate_copy(&copy, &g);
    gate_copy(&copy, &g);
    cr_assert_eq(gate_open(&g, "cutover", NULL), SL_OK);
    cr_expect_eq(gate_judge(&copy, "qa7", NULL), GATE_LET_THROUGH);
    cr_assert_eq(gate_close(&g, "cutover", "anna", 1, 0, NULL), SL_OK);
    cr_expect_eq(gate_judge(&g, "qa7", NULL), GATE_BARRED);
    gate_release(&copy);
    gate_release(&g);
}

Test(gate, names_that_may_be_meant)
{
    struct gate_exceptions *x = gate_exceptions_new();
    cr_expect_eq(gate_exceptions_count(NULL), 0u);
    cr_expect_not(gate_exceptions_name(NULL, "web"));
    gate_exceptions_add(x, "qa*", NULL, 0);
    cr_expect(gate_exceptions_name(x, "qa1"));
    cr_expect_not(gate_exceptions_name(x, "web"));
    struct cidr network;
    cr_assert_eq(cidr_parse("10.0.0.0/8", &network, NULL), SL_OK);
    gate_exceptions_add(x, NULL, &network, 1);
    cr_expect(gate_exceptions_name(x, "web"), "anybody may come from there");
    cr_expect_eq(gate_exceptions_count(x), 2u);
    gate_exceptions_unref(x);
}
