// What clients felt: rows of those who were ended, sums of workers, classes of errors.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "session/errors.h"
#include "session/felt.h"

Test(felt, ends_are_counted_by_reason_user_and_text)
{
    struct felt f = {0};
    felt_count_end(&f, "DRAINED", "web", NULL, 1);
    felt_count_end(&f, "DRAINED", "web", NULL, 1);
    felt_count_end(&f, "DRAINED", "batch", NULL, 1);
    felt_count_end(&f, "CANNOT_MOVE", "web", "obstacles: user_lock", 1);
    felt_count_end(&f, "CANNOT_MOVE", "web", "obstacles: temporary_table", 3);
    cr_assert_eq(f.end_count, 4u);
    cr_expect_eq(f.ends[0].count, 2u);
    cr_expect_str_eq(f.ends[3].why, "obstacles: temporary_table");
    cr_expect_eq(f.ends[3].count, 3u);
}

// A text that does not fit is cut once, not a new row each time.
Test(felt, long_texts_are_one_row)
{
    struct felt f = {0};
    char text[3 * FELT_WHY_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    felt_count_end(&f, "KILLED", text, text, 1);
    felt_count_end(&f, "KILLED", text, text, 1);
    cr_expect_eq(f.end_count, 1u);
    cr_expect_eq(f.ends[0].count, 2u);
}

Test(felt, more_rows_than_fit_are_counted_together)
{
    struct felt f = {0};
    char user[16];
    for (unsigned i = 0; i < FELT_ENDS_MAX + 5; i++) {
        snprintf(user, sizeof user, "u%u", i);
        felt_count_end(&f, "KILLED", user, NULL, 2);
    }
    cr_expect_eq(f.end_count, (unsigned)FELT_ENDS_MAX);
    cr_expect_eq(f.ends_more, 10u);
    felt_count_end(&f, "KILLED", "u0", NULL, 1);
    cr_expect_eq(f.ends[0].count, 3u);
}

Test(felt, workers_add_up_and_the_longest_is_kept)
{
    static struct felt sum, one, two;
    one.longest = (struct felt_longest){.arrived_ns = 100, .answered_ns = 150, .session = 1};
    two.longest = (struct felt_longest){.arrived_ns = 50, .answered_ns = 130, .session = 2};
    spread_add(&one.waits, 50);
    spread_add(&two.waits, 80);
    one.connections = two.connections = 1;
    two.waiting = 3;
    felt_count_end(&one, "KILLED", "web", NULL, 1);
    felt_count_end(&two, "KILLED", "web", NULL, 4);
    felt_merge(&sum, &one);
    felt_merge(&sum, &two);
    cr_expect_eq(sum.longest.session, 2u);
    cr_expect_eq(sum.waits.count, 2u);
    cr_expect_eq(sum.waits.max_ns, 80);
    cr_expect_eq(sum.connections, 2u);
    cr_expect_eq(sum.waiting, 3u);
    cr_assert_eq(sum.end_count, 1u);
    cr_expect_eq(sum.ends[0].count, 5u);
    felt_merge(&sum, &(struct felt){0});
    cr_expect_eq(sum.longest.session, 2u);
}

Test(felt, errors_have_classes)
{
    static const struct {
        unsigned code;
        const char *name;
    } rows[] = {{1213, "conflict"}, {1205, "conflict"}, {1062, "duplicate"}, {1290, "read_only"},
                {1045, "access"},   {4151, "access"},   {3118, "access"},    {1146, "schema"},
                {1040, "limits"},   {0, "other"},       {65535, "other"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_str_eq(error_class_name(error_class_of(rows[i].code)), rows[i].name);
}
