// Captured values that are kept once: equal ones are shared, and go with their last user.
#include "state/values_pool.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"

static void make(struct capture *c, unsigned count, const char *const *values)
{
    capture_init(c);
    c->values = mem_array(count, sizeof *c->values);
    c->value_count = count;
    for (unsigned i = 0; i < count; i++)
        c->values[i] = values[i] != NULL ? mem_strdup(values[i]) : NULL;
}

static struct shared_values *keep(struct values_pool *p, unsigned count, const char *const *values)
{
    struct capture c;
    make(&c, count, values);
    struct shared_values *v = values_pool_keep(p, &c);
    cr_assert_null(c.values);
    cr_assert_eq(c.value_count, 0);
    return v;
}

Test(values_pool, equal_ones_are_kept_once)
{
    const char *const values[] = {"STRICT", NULL, "1"};
    struct values_pool p;
    values_pool_init(&p);
    struct shared_values *a = keep(&p, 3, values), *b = keep(&p, 3, values);
    cr_expect_eq(a, b);
    cr_expect_eq(p.count, 1);
    values_pool_drop(&p, a);
    cr_expect_eq(p.count, 1);
    values_pool_drop(&p, b);
    cr_expect_eq(p.count, 0);
    cr_expect_null(p.first);
}

Test(values_pool, others_are_told_apart)
{
    const char *const rows[][2] = {{"a", "b"},  {"ab", ""},   {"", "ab"}, {"a", NULL},
                                   {NULL, "a"}, {NULL, NULL}, {"", ""}};
    const unsigned n = sizeof rows / sizeof *rows;
    struct shared_values *kept[sizeof rows / sizeof *rows];
    struct values_pool p;
    values_pool_init(&p);
    for (unsigned i = 0; i < n; i++)
        kept[i] = keep(&p, 2, rows[i]);
    cr_expect_eq(p.count, n);
    struct shared_values *shorter = keep(&p, 1, rows[0]);
    cr_expect_eq(p.count, n + 1);
    values_pool_drop(&p, shorter);
    for (unsigned i = 0; i < n; i += 2) // from the middle of the list as well
        values_pool_drop(&p, kept[i]);
    for (unsigned i = 1; i < n; i += 2)
        values_pool_drop(&p, kept[i]);
    cr_expect_eq(p.count, 0);
    values_pool_drop(&p, NULL);
}

Test(values_pool, a_copy_is_the_taker_s)
{
    const char *const values[] = {"x", NULL, ""};
    struct values_pool p;
    struct capture c;
    values_pool_init(&p);
    capture_init(&c);
    struct shared_values *v = keep(&p, 3, values);
    values_pool_copy(v, &c);
    values_pool_drop(&p, v);
    cr_assert_eq(c.value_count, 3);
    cr_expect_str_eq(c.values[0], "x");
    cr_expect_null(c.values[1]);
    cr_expect_str_eq(c.values[2], "");
    capture_release(&c);
}
