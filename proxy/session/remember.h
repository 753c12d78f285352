// What a session's server side held when it last rested, kept for the day its server dies: then it
// cannot be asked any more. Internal to session/.
//
//   IDLE for a second ──> asked on its live link, as before a move (move_capture.c)
//                            │ at most migrate.remember_per_second, once for each rest
//                            v
//   session->remembered: capture + names of user variables, values shared (state/values_pool.h)
//                            │ valid until the client's next command (session->epoch)
//                            v
//   the link is lost ──> lost.c: a move to the server that comes back begins with it
//
// Asking is not free for the client: warnings, ROW_COUNT() and FOUND_ROWS() of its last statement are
// not known afterwards (1105). Whoever has warnings, or a person at a console (CAP_INTERACTIVE), is
// therefore not asked. Whoever may have run a stored function or trigger may hold a user lock, which
// only RELEASE_ALL_LOCKS() would tell here: the server's own list is waited for (confirm.h). Without
// one such a session is not remembered.
#ifndef SLUICE_SESSION_REMEMBER_H
#define SLUICE_SESSION_REMEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "session/session.h"
#include "state/values_pool.h"

struct remembered {
    uint32_t epoch;         // session->epoch when it was asked
    bool known;             // false: asked in vain, until the client's next command
    bool unconfirmed;       // a routine may have taken a user lock: the server has not said no yet
    unsigned name_count;    // of `names`
    char **names;           // heap: of its user variables
    struct capture capture; // without its values
    struct shared_values *values;
    struct capture_server server; // which questions were asked
};

// A worker's part: it walks round its sessions, a stretch at a time, while one of them may be due.
struct rememberer {
    struct timer *timer;
    struct values_pool pool;
    bool rested;   // a session has become idle since the walk began
    bool again;    // one that was passed will be due later
    unsigned left; // sessions still to be passed in this round
    double credit; // questions that may be asked now
};

void remember_init(struct worker *w);
void remember_release(struct worker *w);
// A session has become idle. Cheap: called with every answer.
void remember_rested_now(struct worker *w);
static inline void remember_rested(struct worker *w, const struct rememberer *r)
{
    if (!r->rested)
        remember_rested_now(w);
}

// The move that only asks (move_only_asks) has its answers, or was refused; it is over.
void remember_captured(struct session *s);
void remember_refused(struct session *s, const char *why);
// What a move has captured stays with the session: it is about to go.
void remember_take(struct session *s, struct move *m);
// It is known what the session's server side holds now.
bool remember_is_valid(const struct session *s);
// Gives it to a move, whose old link cannot be asked any more.
void remember_recall(const struct session *s, struct move *m);
// The server has said what user locks it holds: none, or some that it cannot be remembered with.
void remember_confirm(struct session *s, bool locked);
// The session was made anew from it: it is true of the new link, too.
void remember_renew(struct session *s);
void remember_forget(struct session *s);

#endif
