// A hand on one server, for somebody whose own time is short: what is to be done there is done by
// a thread with a connection of its own, and is waited for no longer than the caller can afford.
//
//   hand_do: errand ──> its thread ── sql ──> server          done in time: the errand is back
//                 └──── too late, or told to stop: the errand is left behind, and the hand is UNSURE
//
//        ┌─────────────────────────────────────────┐
//        v                                         │ settled: new connection, KILL of the old one, and
//      SURE ── left behind, link lost ──> UNSURE ──┘ the server does not list it any more
//
// What was left behind may still happen, minutes later. An unsure hand is settled before it does
// anything else, so that nobody sends what contradicts a statement that is still under way (C5).
//
// Belongs to one thread.
#ifndef SLUICE_CONTROL_HAND_H
#define SLUICE_CONTROL_HAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/sql.h"
#include "control/target.h"

// Embedded as the first member of a heap-allocated struct that holds all that `run` reads and writes.
struct errand {
    // In the hand's thread. When a kept connection turns out to be dead it runs again on a new one:
    // it must bear that.
    enum sl_code (*run)(struct errand *e, struct sql *sql, struct sl_error *err);
    void (*free)(struct errand *e); // in any thread
};

// How long: clock_now_ns, and a flag that somebody else may set (NULL: nobody does).
struct patience {
    int64_t until_ns;
    const atomic_bool *stop;
};
// SL_OK; SL_ETIMEOUT; SL_ECLOSED (told to stop).
SL_CHECKED enum sl_code patience_check(const struct patience *p, struct sl_error *err);

struct hand;

// The target is copied. Connects with the first errand; its time-outs bound how long a thread that
// was left behind lives on.
struct hand *hand_new(const struct control_target *target);
// A process before this one may have left something behind: before anything is done there, all older
// connections of this account from this machine are ended, whosever they are.
void hand_doubt(struct hand *h);
// Does not wait for a thread that was left behind.
void hand_free(struct hand *h); // NULL is fine

// Settles the hand if it is unsure, runs `*e` and waits for it. What `run`, settling or connecting
// returned; the errand is the caller's again. Or it was left behind: *e is NULL, the code is
// SL_ETIMEOUT or SL_ECLOSED.
SL_CHECKED enum sl_code hand_do(struct hand *h, struct errand **e, const struct patience *p,
                                struct sl_error *err);
// SL_OK when nothing of ours is under way there any more. Else try again later.
SL_CHECKED enum sl_code hand_settle(struct hand *h, const struct patience *p, struct sl_error *err);
// For whoever ends the process: waits until the threads that were left behind have come back.
void hand_wait_for_left(int64_t until_ns);

// Nothing was left behind there that nobody has looked after since.
bool hand_is_sure(const struct hand *h);
const char *hand_name(const struct hand *h); // of the backend

#endif
