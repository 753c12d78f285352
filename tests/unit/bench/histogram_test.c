// Quantiles within the width of a bucket, the exact maximum, and values out of range.
#include "bench/histogram.h"

#include <criterion/criterion.h>

static struct histogram h;

static void fill(void)
{
    histogram_init(&h);
}

TestSuite(histogram, .init = fill);

Test(histogram, is_zero_while_empty)
{
    cr_expect_eq(histogram_quantile(&h, 0.5), 0);
    cr_expect_eq(histogram_quantile(&h, 0.99), 0);
}

Test(histogram, quantiles_are_within_two_per_cent)
{
    for (int64_t us = 1; us <= 100000; us++)
        histogram_add(&h, us * 1000);
    static const double parts[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double wanted = parts[i] * 100000;
        double found = (double)histogram_quantile(&h, parts[i]) / 1000;
        cr_expect(found >= wanted * 0.98 && found <= wanted * 1.02, "%g: %g", parts[i], found);
    }
}

Test(histogram, keeps_the_exact_maximum)
{
    histogram_add(&h, 1234567);
    histogram_add(&h, 1000);
    cr_expect_eq(h.max_ns, 1234567);
    cr_expect_eq(histogram_quantile(&h, 1.0), 1234567, "not the edge of the bucket");
}

Test(histogram, takes_values_out_of_range)
{
    histogram_add(&h, -5);
    histogram_add(&h, INT64_MAX);
    cr_expect_eq(h.total, 2);
    cr_expect_eq(h.max_ns, INT64_MAX);
    cr_expect_leq(histogram_quantile(&h, 0.5), 1000);
}
