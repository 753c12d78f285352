// Failpoints: places in a cutover at which a test can stop the world. In the sanitizer builds only
// (SLUICE_FAILPOINTS, Makefile); elsewhere nothing of it is compiled.
//
// They are in the driver (sequence.c), not in the steps, so a new step has its own without a line:
//
//   BEFORE ─(before_act)─ act ─(after_act)─ AFTER or FAILED ─(recorded)─
//   UNDO_BEFORE ─(before_undo)─ undo ─(after_undo)─ UNDO_AFTER ─(undo_recorded)─
//
//   SLUICE_FAILPOINT=fence:after_act=kill                the process kills itself (SIGKILL)
//   SLUICE_FAILPOINT=fence:after_act=wait:/tmp/x         makes /tmp/x.reached, goes on when there is
//                                                        /tmp/x.go
//
// Each is met once: a second time it is passed.
#ifndef SLUICE_CUTOVER_FAILPOINT_H
#define SLUICE_CUTOVER_FAILPOINT_H

#ifdef SLUICE_FAILPOINTS

#include <stdio.h>

#include "base/error.h"

// X(name, text)
#define FAILPOINTS(X)                                                                              \
    X(BEFORE_ACT, "before_act")                                                                    \
    X(AFTER_ACT, "after_act")                                                                      \
    X(RECORDED, "recorded")                                                                        \
    X(BEFORE_UNDO, "before_undo")                                                                  \
    X(AFTER_UNDO, "after_undo")                                                                    \
    X(UNDO_RECORDED, "undo_recorded")

enum failpoint_place {
#define X(name, text) FAILPOINT_##name,
    FAILPOINTS(X)
#undef X
};

// What SLUICE_FAILPOINT says; NULL or "": none. SL_EINVAL: there is no such step, place or action.
SL_CHECKED enum sl_code failpoint_set(const char *text, struct sl_error *err);
// All of them, `step:place` a line, in the order of the table of steps.
void failpoint_list(FILE *out);
// The conductor's thread is here.
void failpoint_reach(const char *step, enum failpoint_place place);

#define FAILPOINT(step, place) failpoint_reach(step, FAILPOINT_##place)

#else
#define FAILPOINT(step, place) ((void)0)
#endif

#endif
