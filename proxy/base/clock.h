// Time: monotonic nanoseconds for everything that is measured or waited for; wall time only for
// humans and journals.
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

// CLOCK_MONOTONIC in nanoseconds.
int64_t clock_now_ns(void);
// CLOCK_REALTIME in microseconds since 1970.
int64_t clock_wall_us(void);
// "2026-11-22T02:13:05.123456Z"; `out` holds at least 32 bytes.
void clock_format_wall(int64_t wall_us, char *out, size_t size);

#endif
