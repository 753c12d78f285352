// The conductor of MongoDB manoeuvres: one thread while one runs. The main thread starts it, passes the
// operator's words on, and hears what happens.
//
//               start                 a step failed, abort
//        IDLE ─────────> RUNNING ─────────────────────────> UNDOING ──> ended: UNDONE
//          ^               │  ^                               │  ^
//          │     a restore │  │ worked           an undo fails │  │ again
//          │         fails v  │                               v  │
//          └─ ended ──── STUCK <───────────────────────────── STUCK ──> ended: GIVEN UP (forget, the
//             DONE, LATE                                                 daemon's end: the journal knows)
#ifndef SLUICE_CUTOVER_MONGO_CONDUCTOR_H
#define SLUICE_CUTOVER_MONGO_CONDUCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cutover/mongo_plan.h"
#include "cutover/preflight.h"
#include "net/loop.h"

// X(name, text)
#define MONGO_CONDUCTOR_STATES(X)                                                                  \
    X(IDLE, "idle")                                                                                \
    X(RUNNING, "running")                                                                          \
    X(UNDOING, "undoing")                                                                          \
    X(STUCK, "stuck")

enum mongo_conductor_state {
#define X(name, text) MONGO_CONDUCTOR_##name,
    MONGO_CONDUCTOR_STATES(X)
#undef X
};
const char *mongo_conductor_state_name(enum mongo_conductor_state s);

// How one ended. X(name, text)
#define MONGO_ENDS(X)                                                                              \
    X(NONE_YET, "none yet")                                                                        \
    X(DONE, "done")                                                                                \
    X(LATE, "done, but not everything was put back")                                               \
    X(UNDONE, "undone")                                                                            \
    X(GIVEN_UP, "given up")

enum mongo_end {
#define X(name, text) MONGO_END_##name,
    MONGO_ENDS(X)
#undef X
};
const char *mongo_end_name(enum mongo_end e);

struct mongo_status {
    enum mongo_conductor_state state;
    enum mongo_end last; // of the one before, or of this one once it has ended
    enum mongo_deed deed;
    bool dry_run, repair;
    char host[MONGO_HOST_MAX]; // as ordered, then as chosen
    char from[MONGO_HOST_MAX]; // a failover's old primary, once it is known
    char by[128];
    char step[33];               // the one at work
    char why[SL_ERROR_TEXT_MAX]; // of the undoing, or of the end
    int64_t began_wall_us;
    bool measured;
    int64_t gap_ns; // the longest time without an acknowledged write
    uint64_t writes;
};

struct mongo_conductor;

// `said`: a line of progress, `at_ns` after the start. `ended`: the run is over. Both in the main
// loop.
struct mongo_conductor *mongo_conductor_new(
    struct loop *main_loop, void (*said)(void *arg, int64_t at_ns, const char *line),
    void (*ended)(void *arg, const struct mongo_status *how), void *arg);
// Takes the plan over. SL_ECONFLICT while another runs.
SL_CHECKED enum sl_code mongo_conductor_start(struct mongo_conductor *c, struct mongo_plan *plan,
                                              struct sl_error *err);
// SL_ECONFLICT: nothing runs, or it cannot be taken back any more.
SL_CHECKED enum sl_code mongo_conductor_abort(struct mongo_conductor *c, struct sl_error *err);
// Ends one that is stuck, its journal too: the operator has seen to the set. SL_ECONFLICT.
SL_CHECKED enum sl_code mongo_conductor_forget(struct mongo_conductor *c, struct sl_error *err);
void mongo_conductor_look(struct mongo_conductor *c, struct mongo_status *out);
// The preflight of the run under way or of the last one; without rows when it has not come to it.
void mongo_conductor_findings(struct mongo_conductor *c, struct preflight *out);
// Aborts what can be undone; what cannot be undone at once is left to the next start.
void mongo_conductor_stop(struct mongo_conductor *c);
// Waits for the thread.
void mongo_conductor_free(struct mongo_conductor *c); // NULL is fine

#endif
