// What happens a second: the counters of the traffic, remembered once a second.
#ifndef SLUICE_ADMIN_RATES_H
#define SLUICE_ADMIN_RATES_H

#include <stdint.h>

#include "session/traffic.h"

#define RATES_SECONDS 6

struct rates {
    struct rates_sample {
        int64_t at_ns;
        uint64_t commands, errors, accepted;
        int64_t worst_turn_ns;
    } samples[RATES_SECONDS]; // a ring
    unsigned next, count;
    int64_t worst_turn_ns; // since the last sample
};

// Call it for every struct that traffic_stats fills: that function forgets the worst turn when it
// is read, so it is remembered here, and `s` gets the worst of the last seconds.
void rates_fold(struct rates *r, struct traffic_stats *s);
void rates_add(struct rates *r, const struct traffic_stats *s, int64_t now_ns);

// Averages over the samples, about five seconds; 0 before there are two.
struct rates_view {
    uint64_t commands, errors, accepted; // a second, rounded
};
struct rates_view rates_now(const struct rates *r);

#endif
