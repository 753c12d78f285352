// What clients felt of a cutover: how long commands and new connections waited that were held or
// moved, from their arrival to the first byte of their answer; how long new work was slowed; who was
// ended, and why. Each worker notes its own, a round adds them up.
//
//   held, moving, waiting ── felt_begin ──> waits_ns ── first packet of the answer ── felt_answered
//   command without an answer, client left ─────────── felt_forget
//
// A session that never waits pays one comparison a packet head.
#ifndef SLUICE_SESSION_FELT_H
#define SLUICE_SESSION_FELT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/spread.h"

struct session;

#define FELT_ENDS_MAX 64   // rows; what does not fit is counted together
#define FELT_USER_BYTES 81 // SESSION_NAME_MAX and the NUL
#define FELT_WHY_BYTES 100

// Sessions that we ended with an error, and did not end by themselves.
struct felt_end {
    const char *reason; // static: a name of SESSION_ENDS
    char user[FELT_USER_BYTES], why[FELT_WHY_BYTES];
    unsigned count;
};

// The one that waited the longest; times of clock_now_ns.
struct felt_longest {
    int64_t arrived_ns, opened_ns; // when its worker opened the gate; 0: not since it came
    int64_t sent_ns, answered_ns;  // sent: 0 when it never was
    uint64_t session;
    char user[FELT_USER_BYTES];
    bool connection; // a new connection, else a command
    bool moved;      // on another link than its first
};

struct felt {
    struct spread waits, slowed;
    struct spread answers;       // of all commands, while `sampling`: since the last look
    unsigned connections;        // of the waits
    unsigned waiting;            // sessions that wait now
    struct felt_longest longest; // arrived_ns 0: there is none
    struct felt_end ends[FELT_ENDS_MAX];
    unsigned end_count, ends_more; // rows; sessions beyond them
    int64_t opened_ns;             // the gate, the last time; not merged
    bool sampling;                 // time every answer
};

// Adds one to the row of that reason, user and text (NULL: none), or to those beyond.
void felt_count_end(struct felt *f, const char *reason, const char *user, const char *why,
                    unsigned count);
// All but `waiting` of `into`, which is a sum as well.
void felt_merge(struct felt *into, const struct felt *from);

// --- in a worker's thread -----------------------------------------------------------------------
// Its command, or the connection itself, waits, and came at `since_ns`. Nothing when it does already.
void felt_begin(struct session *s, int64_t since_ns);
// The first byte of its answer goes to the client.
void felt_answered(struct session *s);
// Nobody hears an answer.
void felt_forget(struct session *s);
// Its command was slowed, from then until now.
void felt_slowed(struct session *s, int64_t since_ns);
// sluice ends it with an error.
void felt_ended(struct session *s, const char *reason, const char *why);

// What traffic_felt is to do.
enum felt_look {
    FELT_BEGIN, // forget all, and time all answers from now on
    FELT_LOOK,  // the answers since the last look, everything else since the beginning
    FELT_END    // the same, and no answers are timed any more
};

#endif
