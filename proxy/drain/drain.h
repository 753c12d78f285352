// Draining: bringing all sessions to a safe point. The policy (who waits how long, and what then)
// is pure; the run applies it in every worker.
#ifndef SLUICE_DRAIN_DRAIN_H
#define SLUICE_DRAIN_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "session/traffic.h"

// The configuration's words, for callers above that do not read it.
enum drain_then {
    DRAIN_ABORT = CONFIG_THEN_ABORT,
    DRAIN_KILL = CONFIG_THEN_KILL,
    DRAIN_WAIT = CONFIG_THEN_WAIT
};

struct drain_counts {
    unsigned sessions;        // sessions when the drain began
    unsigned settled;         // at a safe point already then
    unsigned ended_well;      // reached one by themselves
    unsigned aborted, killed; // brought to one
    unsigned gone;            // their client or server left meanwhile
    unsigned reading;         // run a read outside a transaction: may finish where they are
    unsigned left;            // still open: sessions = sum of all the others
};

// One that was ended, or is still open.
struct drain_row {
    struct session_row session;
    enum { DRAINED_ABORTED, DRAINED_KILLED, DRAINED_LEFT, DRAINED_READING } what;
    int64_t after_ns;
};

struct drain;

// Starts the ladder on every worker; the gate must be closed (SL_ECONFLICT). wait_ns < 0 and
// then < 0: as configured. Ends when nothing is left, or, with DRAIN_WAIT sessions left, at
// `timeout_ns`. `progress` (about every 250 ms) and `done` run in the main thread; `rows` are lent.
// One drain at a time (SL_ECONFLICT).
SL_CHECKED enum sl_code drain_start(struct traffic *t, int64_t wait_ns, int then,
                                    int64_t timeout_ns,
                                    void (*progress)(void *arg, const struct drain_counts *counts),
                                    void (*done)(void *arg, const struct drain_counts *counts,
                                                 const struct drain_row *rows, unsigned row_count),
                                    void *arg, struct sl_error *err);
// The client that asked went away: nobody is told any more; the run ends.
void drain_cancel(struct traffic *t);

#endif
