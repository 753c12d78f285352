// The watch: for a while behind the release, once a second, whether all is as it was before. Samples
// for the report, a line every five seconds, a warning when errors or answers have clearly got worse.
// Judging is pure; the loop is watch_run's.
#ifndef SLUICE_CUTOVER_WATCH_H
#define SLUICE_CUTOVER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cutover/plant.h"

#define WATCH_SAMPLES_MAX 600 // further ones replace the last
#define WATCH_WINDOW 5        // samples a line

// What a second was like; rates are a second.
struct watch_sample {
    int64_t at_ns; // behind the release
    unsigned sessions, waiting;
    double commands, errors, by_error[ERROR_CLASS_COUNT];
    int64_t p50_ns, p99_ns; // of answers
    bool target_known, old_known;
    unsigned threads_running;
    double queries;           // of the target
    double lag_seconds;       // of the old server, which follows now; < 0: unknown
    int64_t lag_transactions; // -1: unknown
};

struct watch {
    bool has_baseline;
    struct watch_sample baseline; // from the start of the cutover to the hold
    struct watch_sample *samples; // heap
    unsigned count;
    unsigned warnings;
    int64_t ordered_ns;   // cutover.watch
    const char *ended_by; // static: why it ended; NULL: it has not been
};

// What has changed between two looks.
struct watch_sample watch_between(const struct cutover_look *from, const struct cutover_look *to);
// The average of the last `n` samples; their worst p99.
struct watch_sample watch_average(const struct watch_sample *samples, unsigned n);
// Writes what is clearly worse than `before` into `why`; "" and false when nothing is.
bool watch_is_worse(const struct watch_sample *before, const struct watch_sample *now, char *why,
                    size_t size);
void watch_add(struct watch *w, const struct watch_sample *s);

struct run;
// Until the time is over, or somebody wants it ended.
void watch_run(struct run *r, const atomic_bool *stop);

#endif
