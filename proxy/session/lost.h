// A server goes away and comes back: sessions that were at rest go on, on another link to it.
// Internal to session/.
//
//   link closed ──> at rest, and remembered?  no ──> the session ends, as the server said
//                          │ yes
//                          v
//        lost: no link (backend is BACKEND_NONE), the client notices nothing; a command waits as for
//        a move, at most hold.max
//                          │ a move to the active backend, which begins with what is remembered
//                          v
//        has the server begun anew since the lost link was opened?  no ──> the session ends after all
//                          │ yes
//                          v
//        replayed, compared, swapped: re-established
//
// Nothing is sent twice: a session with anything outstanding, open or half sent is not at rest, and
// ends with its honest error. What the server did with a link that was idle is not ours to undo: a
// KILL, wait_timeout and a broken network end the session as without sluice. No server says when it
// closes a link because it shuts down (measured: MariaDB 10.11 and MySQL 9.7 close with nothing but
// FIN, at SIGTERM, SIGKILL and KILL alike; only MySQL's wait_timeout sends 4031 before). So the
// server that answers next is asked how long it has been up:
//
//   uptime (whole seconds) < age of the lost link, surely ──> another process: a restart
//   the uptime may be less, and its new thread number is not above the lost one ──> so
//   the uptime may be less, and a try to connect meanwhile was refused ──> so
//
// While the server is away, one session of each worker tries; the others follow when it has answered.
#ifndef SLUICE_SESSION_LOST_H
#define SLUICE_SESSION_LOST_H

#include <stdbool.h>
#include <stdint.h>

#include "session/session.h"

struct move;
struct worker;

// A worker's part.
struct lost {
    struct timer *timer;
    bool away;          // the backend has not answered since links to it were lost
    unsigned count;     // sessions without a link
    struct move *probe; // whose turn it is to try meanwhile, or NULL
    int64_t pause_ns;   // between two tries
    int64_t next_ns;    // not before
    int64_t refused_ns; // nobody was listening then
    // The active backend's process began after this (0: nothing is known).
    int64_t began_after_ns;
};

void lost_init(struct worker *w);
void lost_release(struct worker *w);
// New routes: perhaps another server.
void lost_routes_changed(struct worker *w);

// The session's link has closed. False: it cannot go on without, and the caller ends it.
bool lost_begin(struct session *s);
// Whether a move may open its link now; it does (any move).
bool lost_may_open(const struct move *m, int64_t now_ns);
void lost_opens(struct move *m);
// A server has greeted; the link of a move was lost before that; it is closed.
void lost_answered(struct worker *w);
void lost_no_answer(struct move *m);
void lost_forget_probe(struct move *m);

// Appends the question whether the server has begun anew; reads its answer.
void lost_ask(struct move *m, struct buf *out);
// False: it has not, or that is not certain: the session has ended.
bool lost_is_restart(struct move *m);
// The session has a link again.
void lost_over(struct session *s);

#endif
