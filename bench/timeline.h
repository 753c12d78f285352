// What clients felt, in steps of 10 ms since the start of the load. An operation counts as
// started and gives its latency in the step in which it was meant to start: the figure says how
// long somebody who came at that moment had to wait. Threads may add at the same time.
#ifndef SLUICE_BENCH_TIMELINE_H
#define SLUICE_BENCH_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TIMELINE_STEP_MS 10

struct timeline_step {
    _Atomic uint32_t started;
    _Atomic uint32_t completed;
    _Atomic uint32_t errors;
    _Atomic uint32_t max_us; // saturates at 71 minutes
};

struct timeline {
    struct timeline_step *steps; // owned
    size_t count;
    int64_t start_ns; // monotonic
};

// `span_ms` is how long the load may last at most; what comes later falls into the last step.
void timeline_init(struct timeline *t, int64_t start_ns, int64_t span_ms);
void timeline_release(struct timeline *t);
void timeline_started(struct timeline *t, int64_t at_ns);
// Meant to start at `intended_ns`, answered at `end_ns`.
void timeline_completed(struct timeline *t, int64_t intended_ns, int64_t end_ns);
void timeline_error(struct timeline *t, int64_t at_ns);
// CSV with a header line: t_ms,started,completed,errors,max_us; a comment line before it gives
// the wall clock of the start. Steps behind the last event are left out.
SL_CHECKED enum sl_code timeline_write(const struct timeline *t, const char *path,
                                       int64_t start_wall_us, struct sl_error *err);

#endif
