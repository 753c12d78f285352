// The gate: reasons, owners, deadlines.
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
