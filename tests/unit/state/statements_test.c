// The table of prepared statements, and the names of obstacles.
#include "state/statements.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "state/obstacle.h"

Test(statements, come_and_go)
{
    struct statements s;
    statements_init(&s);
    cr_expect_eq(statements_count(&s), 0);
    for (uint32_t id = 1; id <= 1000; id++)
        cr_assert_not_null(statements_add(&s, id, id * 3, 1, 0, mem_strdup("x"), 1, NULL));
    cr_expect_eq(statements_scan(&s, 500), 1500);
    cr_expect_eq(statements_scan(&s, STATEMENT_LAST), 3000);
    cr_expect_eq(statements_scan(&s, 5000), 0);
    cr_expect(statements_find(&s, 7) != NULL && statements_find(&s, 1001) == NULL);
    for (uint32_t id = 1; id <= 1000; id += 2)
        statements_remove(&s, id);
    statements_remove(&s, 1);
    cr_expect_eq(statements_count(&s), 500);
    statements_clear(&s);
    cr_expect_eq(statements_count(&s), 0);
    statements_release(&s);
}

Test(statements, marks_are_counted_once)
{
    struct statements s;
    statements_init(&s);
    statements_add(&s, 1, 0, 0, 0, mem_strdup("x"), 1, NULL);
    statements_add(&s, 2, 0, 0, 0, mem_strdup("x"), 1, NULL);
    for (int i = 0; i < 2; i++) {
        statements_set_cursor(&s, 1, true);
        statements_set_cursor(&s, 2, true);
        statements_set_cursor(&s, 9, true);
        statements_set_long_data(&s, STATEMENT_LAST, true);
    }
    cr_expect_eq(s.cursors, 2);
    cr_expect_eq(s.long_data, 1);
    statements_add(&s, 2, 0, 0, 0, mem_strdup("x"), 1, NULL); // the id again: a new statement
    cr_expect_eq(s.cursors, 1);
    cr_expect_eq(s.long_data, 0);
    statements_remove(&s, 1);
    cr_expect_eq(s.cursors, 0);
    statements_release(&s);
}

Test(statements, there_is_a_limit)
{
    struct statements s;
    statements_init(&s);
    for (uint32_t id = 1; id <= STATEMENTS_MAX; id++)
        cr_assert(statements_add(&s, id, 0, 0, 0, NULL, 0, NULL));
    cr_expect(!statements_add(&s, STATEMENTS_MAX + 1, 0, 0, 0, mem_strdup("x"), 1, NULL));
    cr_expect(statements_add(&s, 5, 9, 0, 0, mem_strdup("x"), 1, NULL),
              "an id that is there is no more");
    cr_expect_eq(statements_count(&s), STATEMENTS_MAX);
    statements_release(&s);
}

Test(obstacle, names_and_kinds)
{
    char text[400], tiny[8];
    uint32_t all = obstacle_mask(OBSTACLE_WAITS) | obstacle_mask(OBSTACLE_WAITS_BRIEFLY) |
                   obstacle_mask(OBSTACLE_STAYS);
    cr_expect_eq(all, (UINT32_C(1) << OBSTACLE_COUNT) - 1);
    for (int o = 0; o < OBSTACLE_COUNT; o++)
        cr_expect_gt(strlen(obstacle_info(o)->name), 3);
    cr_expect_str_eq(obstacle_format(0, text, sizeof text), "");
    cr_expect_str_eq(
        obstacle_format(OBSTACLE_BIT(user_lock) | OBSTACLE_BIT(in_transaction), text, sizeof text),
        "in_transaction,user_lock");
    cr_expect_str_eq(obstacle_format(all, tiny, sizeof tiny), "stateme");
}
