// Moving a session to another link: the standby link, the capture on the present one, the replay
// and the comparison. Internal to session/.
//
//             standby.c                                    move.c
//   QUEUED ─> OPENING ─> ENTERING ─> PREPARING ─> STANDBY ─> CAPTURING ─> REPLAYING ─> VERIFIED ─> swap
//     ^          │           │            │          │            ^  └ names, values      │
//     └──────────┴─ link lost ┴───────────┴──────────┴────────────┼────────────────────────┤
//                                        gate closed, safe point ─┘      client goes on: ──> STANDBY
//   any of them ──> REFUSED: it cannot be moved, and `problem` says why
//
// mover.c decides whose turn it is; the session itself only knows that it has a move.
#ifndef SLUICE_SESSION_MOVE_H
#define SLUICE_SESSION_MOVE_H

#include "auth/enter.h"
#include "session/session.h"
#include "session/worker.h"
#include "state/ask.h"
#include "state/capture.h"

#define MOVE_PHASES(X)                                                                             \
    X(QUEUED)    /* its turn has not come, or it waits to try again */                             \
    X(OPENING)   /* connecting; the server's greeting */                                           \
    X(SECURING)  /* TLS handshake with the server */                                               \
    X(ENTERING)  /* the login */                                                                   \
    X(PREPARING) /* statements, and what the new link is like */                                   \
    X(STANDBY)   /* ready for a capture */                                                         \
    X(CAPTURING) /* our questions are outstanding on the session's present link */                 \
    X(REPLAYING) /* on the standby link */                                                         \
    X(VERIFIED)  /* both are alike: it may be swapped */                                           \
    X(REFUSED)

enum move_phase {
#define X(name) MOVE_##name,
    MOVE_PHASES(X)
#undef X
        MOVE_PHASE_COUNT
};

#define NOT_ASKED UINT32_MAX
// Said of all but the session that was refused, which has the server's words.
#define MOVE_DENIED                                                                                \
    "the new server has refused another session of this account, and is not asked again"

// A statement prepared on the standby link.
struct move_statement {
    uint32_t id;        // the client's
    uint32_t server_id; // on the standby link
    unsigned question;  // while its answer is outstanding
};

struct move {
    struct list_node turn; // worker->queued or standing, by phase
    struct session *session;
    uint8_t phase;       // enum move_phase
    uint8_t backend;     // index into `routes`; BACKEND_NONE: it only asks (remember.h)
    bool urgent;         // a client waits for it
    bool early;          // captured while the gate was open: hidden locks are still to be asked for
    bool alike;          // compared since `wanted` was captured
    bool again;          // replayed once more, since the collation of results was another
    bool warned;         // statements of ours have left warnings on the standby link
    unsigned sets;       // SET statements of ours on it, as it counts them, but for those of `ask`
    uint16_t status;     // the server's, on the standby link
    uint32_t thread_id;  // of the standby link
    uint32_t generation; // counts links: a packet handler sees that its link is gone
    uint32_t refused_at; // session->epoch when it was REFUSED
    uint32_t captured_at;  // session->epoch of `wanted`; valid while `wanted.known`
    unsigned attempts;     // links that were lost
    int64_t since_ns;      // in this phase
    int64_t retry_ns;      // not before, while QUEUED; 0: at once
    struct routes *routes; // a reference
    struct secret *trial;  // a reference: this login is the first with it, and others wait
    struct conn link;
    struct enter enter;
    struct greeting greeting;
    struct buf greeting_bytes, in;
    struct capture_server server; // behind the standby link
    struct capture_server both;   // the older of the two
    struct ask ask;               // on the standby link
    struct capture wanted, actual;
    char **names; // heap: of the user variables in `wanted`
    unsigned name_count;
    char **strangers; // heap: user variables that the standby link was born with (init_connect)
    unsigned stranger_count;
    bool strangers_hidden;                // there may be some, which the account may not see
    char born_names[160];                 // the SET NAMES that the link was born with, or ""
    unsigned asked_born, asked_strangers; // indexes of these questions in the ask under way
    unsigned asked_uptime;                // likewise: since when the server is up
    unsigned asked, asked_values;         // indexes of the questions in the ask under way
    unsigned asked_hidden;                // likewise
    unsigned asked_all, asked_filter;     // likewise, NOT_ASKED when they are not in it
    struct move_statement *statements;    // in order of preparation
    unsigned statement_count, statement_size;
    char problem[192]; // why REFUSED or lost
};

// It has no standby link and goes nowhere: STANDBY, CAPTURING, and over.
static inline bool move_only_asks(const struct move *m)
{
    return m->backend == BACKEND_NONE;
}

// Where texts of statements become questions on the standby link.
struct move_out {
    struct move *move;
    struct buf *out;
};

// --- standby.c ----------------------------------------------------------------------------------
// Starts opening the link, unless it must wait or be refused (secret_try). Phase QUEUED.
void standby_open(struct move *m);
// Drops the link and all that was on it; the phase is the caller's.
void standby_close(struct move *m);
// Forgets the last questions: a new round of them begins.
void standby_round(struct move *m);
// capture.h's `emit` for a struct move_out.
void standby_emit(void *arg, const char *sql, size_t n);
// Appends what prepares the session's statements that the standby link lacks, and drops those that
// the client has closed. Returns how many were added; REFUSED when one cannot be had.
unsigned standby_prepare(struct move *m, struct buf *out);
// Takes the answers of standby_prepare. False: refused.
bool standby_prepared(struct move *m);
// Sends and releases `out`; move_replied when all answers are here. False when the link was lost.
bool standby_send(struct move *m, struct buf *out);

// --- move_born.c --------------------------------------------------------------------------------
// Asks, in front of all else, what init_connect has left on the new link; born_take reads it.
void born_ask(struct move *m, struct buf *out);
void born_take(struct move *m);
// With `wanted` captured: it has, or may have, user variables that the session lacks.
bool born_with_strangers(const struct move *m);
// Appends what makes the link as it was after its login, without init_connect. All that was on it
// is gone.
void born_anew(struct move *m, struct buf *out);
void born_forget(struct move *m);

// --- move.c -------------------------------------------------------------------------------------
struct move *move_new(struct session *s, unsigned backend);
void move_free(struct session *s); // also when there is none
// The session is like a new one from now on, so its standby link must be as well.
void move_anew(struct session *s);
// The names that mover_ask_names asked for, taken over: the capture goes on.
void move_names(struct session *s, char **names, unsigned count);
void move_set_phase(struct move *m, enum move_phase phase);
const char *move_phase_name(enum move_phase phase);
// The link is of no use: try again later.
void move_link_lost(struct move *m, const char *why);
// The session cannot be moved as it is now.
void move_refuse(struct move *m, const char *why);
// The standby link is logged in; all its answers are here.
void move_entered(struct move *m);
void move_replied(struct move *m);
// Both links are alike.
void move_verified(struct move *m);
// move_capture.c. STANDBY, and the session allows it: asks the old link, or replays what is known
// already. False: not now.
bool move_capture(struct move *m);
// Makes the standby link like `wanted`, and compares.
void move_replay(struct move *m);
// Asks for the values of m->names; false when they cannot be asked for.
bool move_ask_values(const struct move *m, struct ask *a, struct buf *out, unsigned *question,
                     struct sl_error *err);
// Names of user variables, as ANSWER_ROWS `i` of `a` gives them in its first column.
void move_read_names(const struct ask *a, unsigned i, char ***names, unsigned *count);
void move_forget_names(char ***names, unsigned *count);
// `wanted` is known, and the client has sent nothing since.
bool move_is_captured(const struct move *m);
// VERIFIED for good, and the client has sent nothing since.
bool move_is_ready(const struct session *s);
// The session continues on the standby link; the move is over.
void move_swap(struct session *s);

// --- mover.c ------------------------------------------------------------------------------------
// The session wants the link it should have: to the active backend, or to the one kept warm. With
// `urgent` a client waits. False when it cannot move, with the reason in `why` (may be NULL).
bool mover_want(struct session *s, bool urgent, char *why, size_t size);
// The move is VERIFIED, or REFUSED: what that means for the session now.
void mover_verified(struct session *s);
void mover_refused(struct session *s);
// The names of its user variables, from somebody who may see them.
void mover_ask_names(struct session *s);
// A held session may go, but its link is on a server that is not active any more.
void mover_release(struct session *s);
// A session at rest whose link is on a server that is not active any more: it moves in the background
// when the gate is open, or gets ready to while it is closed. Ends it when it cannot.
void mover_leave(struct session *s);
// A command has come to a session at rest whose link is there: MOVING. False when it has ended.
bool mover_come(struct session *s);
// What it holds is known better now: it may be able to move, or not any more.
void mover_look_again(struct session *s);
// Every session of the worker that wants another link, or does not any more.
void mover_sweep(struct worker *w);
// Links that a server keeps waiting for too long are given up.
void mover_check(struct worker *w, int64_t now_ns);
// Looks for work soon.
void mover_wake(struct worker *w);
// The routes are others: moves keep their target by name, or end.
void mover_routes_changed(struct worker *w);
// Whether it could move, as far as is known; `why` gets the obstacles if not.
bool mover_can_move(const struct session *s, char *why, size_t size);

#endif
