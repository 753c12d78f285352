// The conductor: one thread while a cutover runs, which does its steps one after the other. The main
// thread starts it, passes the operator's words on, and hears what happens.
//
//               start, or recovery     a step failed, abort, no-go, budget
//          IDLE ───────────> RUNNING ────────────────────────────────────> UNDOING ──> ended
//            ^                │  ^ │                                        │  ^
//            │           ask, │  │ └─ the release fails ──> STUCK <─────────┘  │ again
//            │          --ask v  │ go                       │ │  an undo fails │
//            │               ASKING ──> UNDOING             │ └────────────────┘
//            │                        (no-go, abort, time)  └── again ──> RUNNING
//            └──── ended: DONE, LATE (something behind the release failed), UNDONE, GIVEN_UP
//            ^               └─────┴── WATCHING: another may start, which ends the watch
//            └────────── time is up ─────┘
#ifndef SLUICE_CUTOVER_CONDUCTOR_H
#define SLUICE_CUTOVER_CONDUCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cutover/plan.h"
#include "cutover/plant.h"
#include "cutover/preflight.h"
#include "cutover/recovery.h"
#include "net/loop.h"

// X(name, text)
#define CONDUCTOR_STATES(X)                                                                        \
    X(IDLE, "idle")                                                                                \
    X(RUNNING, "running")                                                                          \
    X(ASKING, "asking")                                                                            \
    X(UNDOING, "undoing")                                                                          \
    X(STUCK, "stuck")                                                                              \
    X(WATCHING, "watching")

enum conductor_state {
#define X(name, text) CONDUCTOR_##name,
    CONDUCTOR_STATES(X)
#undef X
};
const char *conductor_state_name(enum conductor_state s);

// How one ended.
enum conductor_end {
    CONDUCTOR_NONE_YET,
    CONDUCTOR_DONE,
    CONDUCTOR_LATE,     // the target is active; something behind the release failed
    CONDUCTOR_UNDONE,   // traffic is on the old server, as before
    CONDUCTOR_GIVEN_UP, // the daemon ends, or the operator says so: the journal has no end
};
const char *conductor_end_name(enum conductor_end e);

// The `why` of a dry run that went well.
#define CONDUCTOR_WAS_DRY "it was a dry run"

struct conductor_status {
    enum conductor_state state;
    enum conductor_end last; // of the one before, or of this one once it has ended
    bool check, dry_run;
    char from[33], to[33];
    char by[128];
    char step[33];               // the one at work
    char why[SL_ERROR_TEXT_MAX]; // of the undoing, or of the end
    int64_t began_wall_us;
    int64_t stall_ns; // the gate has been closed for so long, or was
    int64_t budget_ns;
    unsigned number;       // of journal and report; 0: it has neither
    unsigned moved, ended; // sessions, once it has ended
    int64_t felt_max_ns;   // the longest wait of a client
};

struct conductor;

// What the main loop hears of it; none is NULL.
struct conductor_ears {
    void (*said)(void *arg, int64_t at_ns, const char *line); // `at_ns` after the start
    // The run is over, and its report is stored; WATCHING when a watch follows.
    void (*ended)(void *arg, const struct conductor_status *how);
    void (*watched)(void *arg, const struct conductor_status *how); // the watch is over
    void *arg;
};

struct conductor *conductor_new(struct loop *main_loop, const struct cutover_plant *plant,
                                const struct conductor_ears *ears);
// Takes the plan over. SL_ECONFLICT while another runs.
SL_CHECKED enum sl_code conductor_start(struct conductor *c, struct cutover_plan *plan,
                                        struct sl_error *err);
// Goes on with a cutover that a crash has cut off: `journal` is its number, `how` says UNDO or FINISH
// (recovery.h). The gate must be closed.
SL_CHECKED enum sl_code conductor_recover(struct conductor *c, struct cutover_plan *plan,
                                          unsigned journal, const struct recovery *how,
                                          struct sl_error *err);
// GIVE_UP: what is STUCK is not tried again.
enum conductor_word { CONDUCTOR_GO, CONDUCTOR_NO_GO, CONDUCTOR_ABORT, CONDUCTOR_GIVE_UP };
const char *conductor_word_name(enum conductor_word word);
// `by`: who says so. SL_ECONFLICT: nothing runs that this would be for.
SL_CHECKED enum sl_code conductor_say(struct conductor *c, enum conductor_word word, const char *by,
                                      struct sl_error *err);
void conductor_look(struct conductor *c, struct conductor_status *out);
// The preflight of the run under way or of the last one; without rows when it has not come to it.
void conductor_findings(struct conductor *c, struct preflight *out);
// Ends a watch, and aborts what can be undone. An undo that fails is given up: the journal knows.
void conductor_stop(struct conductor *c);
// Waits for the thread; the plant must work until then.
void conductor_free(struct conductor *c);

#endif
