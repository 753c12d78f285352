// Allocation: never NULL, aborts when there is nothing, zero sizes are fine.
#include "base/mem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

Test(mem, zero_sizes_are_not_failures)
{
    void *all[] = {mem_alloc(0), mem_zalloc(0), mem_array(0, 8), mem_try_alloc(0)};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cr_expect_not_null(all[i], "row %zu", i);
        mem_free(all[i]);
    }
    mem_free(NULL);
    mem_wipe_free(NULL, 0);
}

Test(mem, arrays_are_zeroed)
{
    uint32_t *a = mem_array(1000, sizeof *a);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(a[i], 0);
    a = mem_realloc(a, 2000 * sizeof *a);
    cr_expect_eq(a[999], 0);
    mem_wipe_free(a, 2000 * sizeof *a);
}

Test(mem, strings)
{
    char *s = mem_strdup("abc");
    cr_expect_str_eq(s, "abc");
    mem_free(s);
    s = mem_strndup("abcdef", 3);
    cr_expect_str_eq(s, "abc");
    mem_free(s);
    s = mem_strndup("ab", 100);
    cr_expect_str_eq(s, "ab");
    mem_free(s);
    s = mem_printf("%d-%s", 7, "x");
    cr_expect_str_eq(s, "7-x");
    mem_free(s);
}

// The sanitizers have an abort of their own for sizes this large, so the limits are theirs there.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static volatile size_t huge = SIZE_MAX / 4;

Test(mem, an_overflowing_array_aborts, .signal = SIGABRT)
{
    mem_free(mem_array(huge, 16));
}

Test(mem, impossible_sizes_abort, .signal = SIGABRT)
{
    mem_free(mem_alloc(huge * 2));
}

Test(mem, sizes_of_others_may_fail)
{
    cr_expect_null(mem_try_alloc(huge * 2));
    char *p = mem_strdup("kept");
    cr_expect_null(mem_try_realloc(p, huge * 2));
    cr_expect_str_eq(p, "kept");
    mem_free(p);
}
#endif
