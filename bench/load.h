// What the threads of one load share: the schedule, where results go, and the counters.
//
//     schedule --arrival n is due at start + n/rate--> session threads --> client --> server
//                                                          |
//                                       ledger, timeline, tally, histograms
//
// Arrivals are open-loop: they come when they come, whether or not the sessions are stuck, and
// latency counts from the moment an arrival was due. A stall is not hidden by the fact that
// stuck clients ask for nothing.
#ifndef SLUICE_BENCH_LOAD_H
#define SLUICE_BENCH_LOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "bench/ledger.h"
#include "bench/tally.h"
#include "bench/target.h"
#include "bench/timeline.h"

struct load_options {
    uint64_t sessions;
    uint64_t rate; // arrivals a second for all sessions together; 0: each as fast as it can
    int64_t duration_ms;
    int64_t grace_ms; // for what is under way at the end
    uint64_t reports; // sessions that run long reads
    int64_t report_ms;
    uint64_t churn;      // a new connection after so many units of work; 0: never
    uint64_t autocommit; // per cent of the units of work that are a single autocommit insert
    uint64_t accounts;
    bool no_setup;
    bool quiet;
    const char *ledger_path;
    const char *timeline_path;
    const char *json_path;
};

// The longest wait for one answer, and what for.
struct load_longest {
    pthread_mutex_t lock;
    int64_t ns;
    int64_t at_ns; // when the command was sent
    const char *during;
};

struct load {
    const struct target *target; // borrowed
    struct load_options options;
    int64_t start_ns; // monotonic
    int64_t start_wall_us;
    int64_t end_ns;  // no arrival is due at or after it
    int64_t hard_ns; // nothing is tried again after it
    _Atomic bool stop;
    _Atomic uint64_t next_arrival;
    _Atomic uint64_t next_id;
    _Atomic uint64_t acknowledged, failed, unknown, retried;
    _Atomic uint64_t connects, reports_done, reports_broken;
    struct histogram latency; // of units of work, since they were due
    struct histogram answers; // of single commands and logins, since they were sent
    struct load_longest longest;
    struct ledger ledger;
    struct timeline timeline;
    struct tally tally;
};

// Makes database, tables and accounts where they are missing. SL_EIO with the server's words.
SL_CHECKED enum sl_code load_setup(const struct load *load, struct sl_error *err);

// Thread bodies; `argument` is a struct load *. They return when the schedule has ended.
void *load_session_main(void *argument);
void *load_report_main(void *argument);

// An answer came after `end_ns - sent_ns`.
void load_answered(struct load *load, const char *during, int64_t sent_ns, int64_t end_ns);
// Sleeps until `due_ns`; false when the load was stopped meanwhile.
bool load_wait_until(const struct load *load, int64_t due_ns);

// The live line, on standard error.
void load_print_progress(struct load *load);
// The result for people, and as JSON.
void load_print_summary(struct load *load);
SL_CHECKED enum sl_code load_write_json(struct load *load, const char *path, struct sl_error *err);

#endif
