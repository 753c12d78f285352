// Clocks and the one time format.
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, the_format)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {INT64_C(1795313585123456), "2026-11-22T02:13:05.123456Z"},
        {INT64_C(951782400000001), "2000-02-29T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[32];
        clock_format_wall(rows[i].us, out, sizeof out);
        cr_expect_str_eq(out, rows[i].text);
    }
    // Far outside of any calendar: terminated, and no undefined arithmetic.
    char out[32];
    clock_format_wall(INT64_MAX, out, sizeof out);
    clock_format_wall(INT64_MIN, out, sizeof out);
    cr_expect_neq(out[0], '\0');
}

Test(clock, monotonic_does_not_go_back)
{
    int64_t a = clock_now_ns();
    int64_t b = clock_now_ns();
    cr_expect(a > 0 && b >= a);
    cr_expect_gt(clock_wall_us(), INT64_C(1700000000000000));
}
