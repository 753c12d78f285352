// The states of a session: the list, the legal moves.
//
//                     gate closed, no backend          answer 1040/1053
//   accept ──> WAITING <──────────> CONNECTING ───────────────┐
//                 │ gate open           │ greeting            v
//                 └──────────────────>  LOGIN ──────────> CLOSING ──> (freed)
//              WAITING <── no tester ───┘ │                   ^
//                                         │ OK                ^
//                     command, gate open  v                   │ 1053, or the peer went
//              BUSY <───────────────── IDLE ──────────────────┤
//               │ ^ ──── answer, safe ──> │ ^                 │
//     ladder    │ │               command,│ │ gate opens      │
//               v │            gate closed v │                 │
//            ROLLBACK ───────────────────> HELD ──────────────┤
//                                           │ gate opens, another server is active
//              IDLE <── its turn ────── SLOWED    (new work is throttled: slow.c)
//               │ └── command ─────────────^ └── gate closes ──> IDLE ──> HELD
//              IDLE <── link swapped ── MOVING ───────────────┘
//               └── command, another server is active ──^
#ifndef SLUICE_SESSION_STATE_H
#define SLUICE_SESSION_STATE_H

#include <stdbool.h>

// name, what it waits for (shown to operators)
#define SESSION_STATES(X)                                                                          \
    X(WAITING, "waiting", "the gate, or a backend that answers")                                   \
    X(CONNECTING, "connecting", "the backend's greeting")                                          \
    X(LOGIN, "login", "the login to end")                                                          \
    X(IDLE, "idle", "the client's next command")                                                   \
    X(BUSY, "busy", "its unit of work to end")                                                     \
    X(HELD, "held", "the gate to open")                                                            \
    X(SLOWED, "slowed", "its turn: new work is slowed while a server catches up")                  \
    X(MOVING, "moving", "its link to the new active server")                                       \
    X(ROLLBACK, "rollback", "its transaction to be rolled back")                                   \
    X(CLOSING, "closing", "the client to take its last answer")

enum session_state {
#define X(name, text, waits) SESSION_##name,
    SESSION_STATES(X)
#undef X
        SESSION_STATE_COUNT
};

const char *session_state_name(enum session_state s);
const char *session_state_waits_for(enum session_state s);
// -1 when there is no such name.
int session_state_by_name(const char *name);
bool session_state_may_follow(enum session_state from, enum session_state to);

#endif
