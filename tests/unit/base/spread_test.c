// Buckets: every time falls into one, quantiles are never too short and at most one bucket too long.
#include <criterion/criterion.h>
#include <string.h>

#include "base/spread.h"

#define US INT64_C(1000)
#define SECOND (US * 1000 * 1000)

Test(spread, empty)
{
    struct spread h = {0};
    cr_expect_eq(spread_quantile(&h, 500), 0);
    cr_expect_eq(spread_quantile(&h, 1000), 0);
}

Test(spread, one_is_all_quantiles)
{
    static const int64_t times[] = {
        0,         1,          999,     1 * US,        15 * US,
        16 * US,   17 * US,    31 * US, 32 * US,       1023 * US,
        1024 * US, 95500 * US, SECOND,  3600 * SECOND, 1000 * 3600 * SECOND,
        -5};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct spread h = {0};
        spread_add(&h, times[i]);
        int64_t want = times[i] > 0 ? times[i] : 0;
        cr_expect_eq(spread_quantile(&h, 1), want, "%lld", (long long)times[i]);
        cr_expect_eq(spread_quantile(&h, 500), want);
        cr_expect_eq(spread_quantile(&h, 1000), want);
        cr_expect_eq(h.max_ns, want);
    }
}

// Against the sorted values themselves.
Test(spread, quantiles_are_close_from_above)
{
    struct spread h = {0};
    for (int64_t us = 1; us <= 100000; us++)
        spread_add(&h, us * US);
    static const unsigned ranks[] = {1, 10, 500, 900, 990, 999, 1000};
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        int64_t exact = (int64_t)ranks[i] * 100 * US, told = spread_quantile(&h, ranks[i]);
        cr_expect_geq(told, exact, "%u", ranks[i]);
        cr_expect_leq(told, exact + exact / 16 + US, "%u: %lld", ranks[i], (long long)told);
    }
    cr_expect_eq(spread_quantile(&h, 1000), 100000 * US);
}

Test(spread, p99_of_a_hundred_is_the_last_but_one)
{
    struct spread h = {0};
    for (unsigned i = 0; i < 99; i++)
        spread_add(&h, 10 * US);
    spread_add(&h, SECOND);
    cr_expect_eq(spread_quantile(&h, 990), 11 * US);
    cr_expect_eq(spread_quantile(&h, 991), SECOND);
}

Test(spread, merging_is_adding)
{
    struct spread all = {0}, a = {0}, b = {0};
    for (int64_t i = 1; i < 5000; i++) {
        spread_add(&all, i * i * US);
        spread_add(i % 3 == 0 ? &a : &b, i * i * US);
    }
    spread_merge(&a, &b);
    cr_expect_eq(memcmp(&a, &all, sizeof a), 0);
}
