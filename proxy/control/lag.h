// How far a backend is behind those of ours that it replicates from: a pure function of everybody's
// positions, which no single server can see.
//
// A server's own seconds are 0 whenever its applier has nothing to do: also when its receiver is
// behind or hangs (it says "running" until slave_net_timeout), or its source is out of reach.
#ifndef SLUICE_CONTROL_LAG_H
#define SLUICE_CONTROL_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "control/position.h"

// One backend as the monitor knows it.
struct lag_stand {
    bool reachable;
    const struct position *now;    // of the last look that worked, long ago if it is not reachable
    const struct position *before; // of the look before that; zeroed: there was none
};

struct lag {
    int64_t transactions, bytes; // the most, of its sources among ours; -1: unknown
    // 0 seconds are not to be believed: it lacks what a source had a look ago, or cannot be compared
    // with a source, or a source is not reachable. What the source did since its last look but one is no lag.
    bool doubted;
};
// Nothing is behind for a backend without channels. Sources that are not among ours are unknown, but no
// reason for doubt.
struct lag lag_of(const struct lag_stand *all, unsigned count, unsigned target);

#endif
