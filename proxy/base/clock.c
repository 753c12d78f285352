// Time: the two clocks of the kernel as plain integers, and the one format in which times are
// shown.
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)

int64_t clock_now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts); // cannot fail with this clock on Linux
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_wall_us(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

void clock_format_wall(int64_t wall_us, char *out, size_t size)
{
    time_t seconds = (time_t)(wall_us / US_PER_S);
    int64_t us = wall_us % US_PER_S;
    // Rounds down before 1970 as well, so that the fraction is never negative.
    if (us < 0) {
        us += US_PER_S;
        seconds--;
    }
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) {
        (void)snprintf(out, size, "-");
        return;
    }
    (void)snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)us);
}
