// How times spread: log-scaled buckets. Adding costs a few instructions, merging is a sum, and a
// quantile is told to 6 % (one bucket), never above the longest. Fixed size, no memory of its own.
//
//     below 16 us: a bucket each us; above: 16 buckets an octave, up to 19 hours
#ifndef SLUICE_BASE_SPREAD_H
#define SLUICE_BASE_SPREAD_H

#include <stdint.h>

#define SPREAD_BUCKETS 544

// A zeroed struct is a valid empty one.
struct spread {
    uint64_t count;
    int64_t max_ns;
    uint32_t buckets[SPREAD_BUCKETS];
};

// Less than 0 counts as 0, more than the last bucket holds in the last bucket.
void spread_add(struct spread *h, int64_t ns);
void spread_merge(struct spread *into, const struct spread *from);
// The time that `per_mille` of a thousand did not pass, at most one bucket too long; 0 when empty.
int64_t spread_quantile(const struct spread *h, unsigned per_mille);

#endif
