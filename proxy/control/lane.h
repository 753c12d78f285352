// Work for servers, away from the loops: a lane a backend, each with a queue, a thread of its own
// (started by its first job) and a connection that it keeps for a while, so that a server which
// hangs delays only its own jobs. Internal to control/: killer, names, holdings and accounts are
// what they do with a job.
//
//   any thread: lanes_add ──> lane of the backend [job, job, …] ──> its thread: run(batch) ──> end
#ifndef SLUICE_CONTROL_LANE_H
#define SLUICE_CONTROL_LANE_H

#include "base/error.h"
#include "base/list.h"
#include "control/sql.h"
#include "control/target.h"

#define LANES_MAX 16 // backends

// Embedded in a heap-allocated job; the fields are the lane's.
struct lane_job {
    struct list_node node;
    char backend[33];
};

// How a job ended.
struct lane_end {
    enum sl_code code;
    const char *problem; // "" when code is SL_OK; borrowed
    bool repeated;       // there is no control account, and an earlier job was told so
};

struct lane_work {
    const char *what; // "kills", for texts
    unsigned batch;   // most jobs of one run, at least 1
    unsigned queue;   // most jobs that wait in one lane
    // In the lane's thread: does `jobs` (never empty). Anything but SL_OK counts for all of them.
    // When a kept connection turns out to be dead, run again with a new one.
    enum sl_code (*run)(struct sql *sql, struct list *jobs, struct sl_error *err);
    // The one end of every job, in any thread, without locks; frees it.
    void (*end)(struct lane_job *job, const struct lane_end *end);
};

struct lanes;

struct lanes *lanes_new(const struct lane_work *work); // `work` is static
// The backends to reach, copied; replaces the earlier list. Jobs of one that is gone end with
// SL_ENOTFOUND. From any thread, one at a time.
void lanes_set_targets(struct lanes *l, const struct control_target *targets, unsigned count);
// From any thread, does not block; the job is the lanes' from here on. It ends with SL_ENOTFOUND (no
// such backend), SL_EDENIED (no control account), SL_ETOOBIG (queue full), SL_ECLOSED (freed
// meanwhile), or with what came of it, within a few time-outs of the target. Jobs that queued
// while the server was found unreachable end with the one that found it.
void lanes_add(struct lanes *l, const char *backend, struct lane_job *job);
void lanes_free(struct lanes *l); // waits for the threads; ends all jobs. NULL is fine

#endif
