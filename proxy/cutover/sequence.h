// A sequence of steps that can be undone: each is planned, recorded, done, recorded; when one fails
// those that have begun are undone backwards. What the steps do, where it is recorded, and when it
// is enough, are the caller's. No clocks, no files, no servers.
//
//            plan ─> BEFORE ─> act ─> AFTER ─> the next step ... ─> DONE
//              │       │         │
//              │       │         v
//              │       │       FAILED, or the run may not go on
//              v       v         v
//             undo of what has begun, backwards: UNDO_BEFORE ─> undo ─> UNDO_AFTER ─> UNDONE
//                                                  ├─ fails: again, or given up: STUCK
//                                                  └─ put off: done when everything else is
//
// Behind the final step there is no way back: what fails is FAILED and left (LATE). One without return
// has none from its BEFORE on: its act is tried again until it works.
//
// A record is on disk before what it announces is acted on (C3). An undo must therefore work also
// for a step of which only BEFORE is known: nothing, a part or all of it may have happened.
//
// Each arrow is a failpoint (failpoint.h): crash tests walk all of them.
#ifndef SLUICE_CUTOVER_SEQUENCE_H
#define SLUICE_CUTOVER_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

// X(name, text in journals)
#define SEQUENCE_MARKS(X)                                                                          \
    X(BEFORE, "before")                                                                            \
    X(AFTER, "after")                                                                              \
    X(FAILED, "failed")                                                                            \
    X(UNDO_BEFORE, "undo_before")                                                                  \
    X(UNDO_AFTER, "undo_after")

enum sequence_mark {
#define X(name, text) SEQUENCE_##name,
    SEQUENCE_MARKS(X)
#undef X
};

const char *sequence_mark_name(enum sequence_mark mark);

// What of a step outlives the process, and so has to be seen to after a crash.
enum sequence_effect {
    SEQUENCE_HARMLESS, // nothing
    SEQUENCE_ASIDE,    // something: but clients can go back to where they were before it is undone
    SEQUENCE_VITAL,    // something, and they cannot
    SEQUENCE_ACTIVE,   // the same, and it is which backend is active
};

#define SEQUENCE_STEPS_MAX 32

// `arg` is the sequence's. Functions that may be NULL say so.
struct sequence_step {
    const char *name;
    // What `act` is going to do, as one JSON object put into `json`, for the record and for an undo
    // after a crash. Only looks. NULL: nothing to say.
    enum sl_code (*plan)(void *arg, struct buf *json, struct sl_error *err);
    // Takes back in what `plan` had put into the record. SL_EPROTO. NULL: nothing is needed.
    enum sl_code (*restore)(void *arg, const char *json, struct sl_error *err);
    // The final one and those behind it: again and again if need be.
    enum sl_code (*act)(void *arg, struct sl_error *err);
    // Makes it as it was, whatever part of `act` has happened; again and again if need be. NULL:
    // there is nothing to undo. SL_EAGAIN from one that is ASIDE: it cannot be done now, so it is
    // put off, and with it the undo of all earlier steps that are ASIDE.
    enum sl_code (*undo)(void *arg, struct sl_error *err);
    enum sequence_effect effect;
    bool final;     // once it is done there is no way back
    bool no_return; // of the final one: once it is announced
};

struct sequence {
    const struct sequence_step *steps;
    unsigned count; // at most SEQUENCE_STEPS_MAX
    // On disk when it returns SL_OK. `detail` is, for BEFORE, the plan's JSON; for FAILED the
    // reason, in plain words; else, and when there is none, "".
    enum sl_code (*record)(void *arg, enum sequence_mark mark, const char *step, const char *detail,
                           struct sl_error *err);
    // Asked before each step that is not behind the final one: SL_OK, or why the run must end.
    enum sl_code (*may_go_on)(void *arg, const struct sequence_step *next, struct sl_error *err);
    // A step failed: puts the reason into the words of whoever looks on, before it is recorded. May
    // be NULL.
    void (*explain)(void *arg, struct sl_error *err);
    // An undo failed, or a step without return. True: it is tried again; false: it is given up.
    bool (*again)(void *arg, const struct sequence_step *step, const struct sl_error *err);
    void *arg;
    const bool *skip; // steps whose undo is not wanted (after a crash: it was done); NULL: none
    uint32_t put_off; // steps whose undo was put off, by bit
};

enum sequence_end {
    SEQUENCE_DONE,   // all steps
    SEQUENCE_LATE,   // the final one, but something behind it failed: `err` is the first of those
    SEQUENCE_UNDONE, // everything is as it was; `err` says why
    SEQUENCE_STUCK,  // an undo or the final one was given up: `err` says why; `at` is that step
};

struct sequence_result {
    enum sequence_end end;
    unsigned at; // DONE: count; else the step that failed
};

// q->count when there is no such step.
unsigned sequence_find(const struct sequence *q, const char *name);
// Runs the steps from `from` on; those before it are taken as done.
struct sequence_result sequence_run(struct sequence *q, unsigned from, struct sl_error *err);
// After a crash behind the BEFORE of a step without return, which is `final`: does it once more, and
// what is behind it. DONE, LATE or STUCK.
struct sequence_result sequence_finish(struct sequence *q, unsigned final, struct sl_error *err);
// Undoes steps[last] and all before it. UNDONE or STUCK.
struct sequence_result sequence_undo(struct sequence *q, unsigned last, struct sl_error *err);
// Undoes what was put off, in the right order. False: it was given up.
bool sequence_pay(struct sequence *q, struct sl_error *err);

#endif
