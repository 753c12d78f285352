// A sequence of steps that can be undone: each is planned, recorded, done, recorded; when one fails
// those that have begun are undone backwards. What the steps do, where it is recorded, and when it
// is enough, are the caller's. No clocks, no files, no servers.
//
//            plan ─> BEFORE ─> act ─> AFTER ─┬─> the next step ... ─> DONE
//                      │         │           └─ was it the final one? then there is no way back:
//                      │         v              what fails behind it is FAILED and left (LATE)
//                      │       FAILED, or the run may not go on
//                      v         v
//             undo of this step and of all before it: UNDO_BEFORE ─> undo ─> UNDO_AFTER ─> UNDONE
//                                                       └─ fails: again, or given up: STUCK
//
// A record is on disk before what it announces is acted on (C3). An undo must therefore work also
// for a step of which only BEFORE is known: nothing, a part or all of it may have happened.
#ifndef SLUICE_CUTOVER_SEQUENCE_H
#define SLUICE_CUTOVER_SEQUENCE_H

#include <stdbool.h>

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
// -1: no such mark.
int sequence_mark_of(const char *name);

// `arg` is the sequence's. Functions that may be NULL say so.
struct sequence_step {
    const char *name;
    // What `act` is going to do, as one JSON object put into `json`, for the record and for an undo
    // after a crash. Only looks. NULL: nothing to say.
    enum sl_code (*plan)(void *arg, struct buf *json, struct sl_error *err);
    enum sl_code (*act)(void *arg, struct sl_error *err);
    // Makes it as it was, whatever part of `act` has happened; again and again if need be. NULL:
    // there is nothing to undo.
    enum sl_code (*undo)(void *arg, struct sl_error *err);
    bool final; // once it is done there is no way back
};

struct sequence {
    const struct sequence_step *steps;
    unsigned count;
    // On disk when it returns SL_OK. `detail` is, for BEFORE, the plan's JSON; for FAILED the
    // reason, in plain words; else, and when there is none, "".
    enum sl_code (*record)(void *arg, enum sequence_mark mark, const char *step, const char *detail,
                           struct sl_error *err);
    // Asked before each step that is not behind the final one: SL_OK, or why the run must end.
    enum sl_code (*may_go_on)(void *arg, const struct sequence_step *next, struct sl_error *err);
    // A step failed: puts the reason into the words of whoever looks on, before it is recorded.
    void (*explain)(void *arg, struct sl_error *err);
    // An undo failed. True: it is tried again; false: it is given up.
    bool (*again)(void *arg, const struct sequence_step *step, const struct sl_error *err);
    void *arg;
};

enum sequence_end {
    SEQUENCE_DONE,   // all steps
    SEQUENCE_LATE,   // the final one, but something behind it failed: `err` is the first of those
    SEQUENCE_UNDONE, // everything is as it was; `err` says why
    SEQUENCE_STUCK,  // an undo was given up: `err` says why; `at` is its step
};

struct sequence_result {
    enum sequence_end end;
    unsigned at; // DONE: count; else the step that failed
};

// Runs the steps from `from` on; those before it are taken as done (after a crash: what the journal
// says).
struct sequence_result sequence_run(const struct sequence *q, unsigned from, struct sl_error *err);
// Undoes steps[last] and all before it. UNDONE or STUCK.
struct sequence_result sequence_undo(const struct sequence *q, unsigned last, struct sl_error *err);
// q->count when there is no such step.
unsigned sequence_find(const struct sequence *q, const char *name);

#endif
