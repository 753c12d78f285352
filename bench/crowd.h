// Many raw connections on one epoll loop.
#ifndef SLUICE_BENCH_CROWD_H
#define SLUICE_BENCH_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "bench/raw.h"

struct crowd {
    const struct target *target; // borrowed
    struct raw_address address;
    struct raw *members; // owned
    size_t count;
    int epoll;
    uint64_t failed;            // since the beginning
    struct sl_error last_error; // of the last failure
};

SL_CHECKED enum sl_code crowd_init(struct crowd *c, const struct target *target, size_t count,
                                   struct sl_error *err);
void crowd_release(struct crowd *c);
// Opens all members, a few logins at a time; `next` is called for each that is ready, and asks it
// something or returns false when there is nothing more to ask. The first failure ends it: fewer
// sessions than asked for would falsify every figure. SL_EIO, SL_ETIMEOUT.
SL_CHECKED enum sl_code crowd_open(struct crowd *c, int64_t timeout_ms,
                                   bool (*next)(struct crowd *c, size_t i, void *context),
                                   void *context, struct sl_error *err);
// Starts member `i`, which must be idle. A failure is counted and leaves it idle.
void crowd_start(struct crowd *c, size_t i);
// Waits at most `timeout_ms` and steps what is ready; `on_change` is called for each member that
// became READY, CLOSED or FAILED and may quit, close or start it. A member that failed is closed
// before the call, with `state` RAW_FAILED.
void crowd_turn(struct crowd *c, int timeout_ms,
                void (*on_change)(struct crowd *c, size_t i, enum raw_state state, void *context),
                void *context);

#endif
