// A log-linear histogram: the top six bits behind the leading one choose the bucket.
#include "bench/histogram.h"

#include <stdatomic.h>
#include <stddef.h>

#define SUB_BITS 6
_Static_assert(1 << SUB_BITS == HISTOGRAM_SUB, "the bits behind the leading one");

//     us      0 .. 63 | 64 .. 127 | 128 .. 255 | ...
//     width      1    |     1     |     2      | doubling; always 64 buckets
static size_t bucket_of(uint64_t us)
{
    if (us < HISTOGRAM_SUB)
        return (size_t)us;
    unsigned shift = (unsigned)(63 - __builtin_clzll(us)) - SUB_BITS;
    size_t index = (size_t)(shift + 1) * HISTOGRAM_SUB + (size_t)((us >> shift) - HISTOGRAM_SUB);
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

// The first microsecond that no longer belongs to the bucket.
static uint64_t upper_edge_us(size_t bucket)
{
    if (bucket < HISTOGRAM_SUB)
        return bucket + 1;
    size_t shift = bucket / HISTOGRAM_SUB - 1;
    return (uint64_t)(bucket % HISTOGRAM_SUB + HISTOGRAM_SUB + 1) << shift;
}

void histogram_init(struct histogram *h)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        atomic_init(&h->count[i], 0);
    atomic_init(&h->total, 0);
    atomic_init(&h->max_ns, 0);
}

void histogram_add(struct histogram *h, int64_t ns)
{
    if (ns < 0)
        ns = 0;
    size_t bucket = bucket_of((uint64_t)ns / 1000);
    atomic_fetch_add_explicit(&h->count[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->total, 1, memory_order_relaxed);
    int64_t seen = atomic_load_explicit(&h->max_ns, memory_order_relaxed);
    while (ns > seen && !atomic_compare_exchange_weak(&h->max_ns, &seen, ns))
        ;
}

// Walks from the smallest bucket up; two thousand additions are nothing beside a terminal line.
int64_t histogram_quantile(const struct histogram *h, double part)
{
    uint64_t total = atomic_load_explicit(&h->total, memory_order_relaxed);
    int64_t max_ns = atomic_load_explicit(&h->max_ns, memory_order_relaxed);
    double wanted = part * (double)total;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && total > 0; i++) {
        seen += atomic_load_explicit(&h->count[i], memory_order_relaxed);
        if ((double)seen >= wanted && seen > 0) {
            int64_t edge = (int64_t)upper_edge_us(i) * 1000;
            return edge < max_ns ? edge : max_ns;
        }
    }
    return max_ns;
}
