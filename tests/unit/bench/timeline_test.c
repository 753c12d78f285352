// Which step an event falls into, and what the file looks like.
#include "bench/timeline.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define START (5 * NS_PER_S)

static int64_t at_ms(int64_t ms)
{
    return START + ms * NS_PER_MS;
}

Test(timeline, an_operation_counts_where_it_was_due)
{
    struct timeline t;
    timeline_init(&t, START, 1000);
    timeline_started(&t, at_ms(15));
    timeline_completed(&t, at_ms(15), at_ms(95));
    timeline_error(&t, at_ms(42));
    cr_expect_eq(t.steps[1].started, 1);
    cr_expect_eq(t.steps[1].max_us, 80000, "the wait belongs to the moment of arrival");
    cr_expect_eq(t.steps[9].completed, 1);
    cr_expect_eq(t.steps[9].max_us, 0);
    cr_expect_eq(t.steps[4].errors, 1);
    timeline_release(&t);
}

Test(timeline, keeps_the_longest_wait)
{
    struct timeline t;
    timeline_init(&t, START, 1000);
    timeline_completed(&t, at_ms(0), at_ms(30));
    timeline_completed(&t, at_ms(1), at_ms(11));
    cr_expect_eq(t.steps[0].max_us, 30000);
    timeline_release(&t);
}

Test(timeline, what_is_outside_falls_into_the_outer_steps)
{
    struct timeline t;
    timeline_init(&t, START, 100);
    timeline_error(&t, at_ms(-50));
    timeline_error(&t, at_ms(100000));
    cr_expect_eq(t.steps[0].errors, 1);
    cr_expect_eq(t.steps[t.count - 1].errors, 1);
    timeline_release(&t);
}

Test(timeline, the_file_ends_with_the_last_event)
{
    struct timeline t;
    struct sl_error err;
    char path[] = "/tmp/timeline-test-XXXXXX";
    char text[256] = {0};
    close(mkstemp(path));
    timeline_init(&t, START, 1000);
    timeline_started(&t, at_ms(0));
    timeline_completed(&t, at_ms(0), at_ms(12));
    cr_assert_eq(timeline_write(&t, path, 77, &err), SL_OK);
    FILE *in = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, in);
    text[n] = '\0';
    fclose(in);
    unlink(path);
    cr_expect_str_eq(text, "# start_wall_us=77\nt_ms,started,completed,errors,max_us\n"
                           "0,1,0,0,12000\n10,0,1,0,0\n");
    timeline_release(&t);
}
