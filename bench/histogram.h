// Latencies in a fixed number of buckets, from 1 us to 19 hours, about 1.6 % wide. Threads may
// add at the same time; reading while they do gives a figure of about that moment.
#ifndef SLUICE_BENCH_HISTOGRAM_H
#define SLUICE_BENCH_HISTOGRAM_H

#include <stdint.h>

// 64 buckets for each power of two: below 64 us one a microsecond, above 1/64 of the value.
#define HISTOGRAM_SUB 64
#define HISTOGRAM_POWERS 31
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * HISTOGRAM_POWERS)

struct histogram {
    _Atomic uint64_t count[HISTOGRAM_BUCKETS];
    _Atomic uint64_t total;
    _Atomic int64_t max_ns; // exact
};

void histogram_init(struct histogram *h);
void histogram_add(struct histogram *h, int64_t ns);
// The upper edge of the bucket that holds the given part (0 to 1) of all values, in nanoseconds;
// never more than max_ns; 0 while empty.
int64_t histogram_quantile(const struct histogram *h, double part);

#endif
