// Buckets by the position of the highest bit and the four bits below it.
#include "base/spread.h"

#include <assert.h>

#define NS_PER_US INT64_C(1000)
#define SUB 16u // buckets an octave
#define SUB_BITS 4u

static unsigned bucket_of(uint64_t us)
{
    if (us < SUB)
        return (unsigned)us;
    unsigned highest = 63u - (unsigned)__builtin_clzll(us);
    unsigned below = (unsigned)(us >> (highest - SUB_BITS)) & (SUB - 1);
    unsigned i = (highest - SUB_BITS + 1) * SUB + below;
    return i < SPREAD_BUCKETS ? i : SPREAD_BUCKETS - 1;
}

// The first time that is not in the bucket any more; the last bucket has no end.
static int64_t end_of(unsigned i)
{
    if (i == SPREAD_BUCKETS - 1)
        return INT64_MAX;
    if (i < SUB)
        return ((int64_t)i + 1) * NS_PER_US;
    unsigned octave = i / SUB - 1;
    return (int64_t)((uint64_t)(SUB + i % SUB + 1) << octave) * NS_PER_US;
}

void spread_add(struct spread *h, int64_t ns)
{
    ns = ns > 0 ? ns : 0;
    h->count++;
    h->max_ns = ns > h->max_ns ? ns : h->max_ns;
    h->buckets[bucket_of((uint64_t)(ns / NS_PER_US))]++;
}

void spread_merge(struct spread *into, const struct spread *from)
{
    into->count += from->count;
    into->max_ns = from->max_ns > into->max_ns ? from->max_ns : into->max_ns;
    for (unsigned i = 0; i < SPREAD_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}

int64_t spread_quantile(const struct spread *h, unsigned per_mille)
{
    assert(per_mille <= 1000);
    uint64_t rank = (h->count * per_mille + 999) / 1000, passed = 0;
    for (unsigned i = 0; h->count > 0 && i < SPREAD_BUCKETS; i++) {
        passed += h->buckets[i];
        if (passed >= rank && passed > 0)
            return end_of(i) < h->max_ns ? end_of(i) : h->max_ns;
    }
    return h->max_ns;
}
