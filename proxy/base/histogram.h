// A histogram of times in log-scaled buckets: adding costs a few instructions, merging is a sum, and
// a quantile is told to 6 % (one bucket), never above the longest. Fixed size, no memory of its own.
//
//     below 16 us: a bucket each us; above: 16 buckets an octave, up to 19 hours
#ifndef SLUICE_BASE_HISTOGRAM_H
#define SLUICE_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 544

// A zeroed struct is a valid empty one.
struct histogram {
    uint64_t count;
    int64_t max_ns;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

// Less than 0 counts as 0, more than the last bucket holds in the last bucket.
void histogram_add(struct histogram *h, int64_t ns);
void histogram_merge(struct histogram *into, const struct histogram *from);
// The time that `per_mille` of a thousand did not pass, at most one bucket too long; 0 when empty.
int64_t histogram_quantile(const struct histogram *h, unsigned per_mille);

#endif
