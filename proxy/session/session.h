// One session: a client's connection for its whole life, and the link to a server behind it.
// Internal to session/ and drain/; the main thread knows sessions only through traffic.h.
//
//   client ──> up: frames, model, gate ──> server      relay_up.c
//   client <── down: frames, model     <── server      relay_down.c
//
// A session belongs to one worker thread for ever. It ends in exactly one function,
// session_end, and its memory goes at the end of that loop turn, or when the last mail that
// speaks of it has come back.
#ifndef SLUICE_SESSION_SESSION_H
#define SLUICE_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/exchange.h"
#include "base/list.h"
#include "net/conn.h"
#include "session/state.h"
#include "state/capture.h"
#include "state/model.h"
#include "wire/reply.h"

struct worker;
struct login_step;
struct ask;
struct filter;
struct move;
struct own;
struct remembered;
struct secret;

// One direction of a session, a cursor in its stream of packets.
struct flow {
    uint8_t *carry; // heap, NULL while empty: bytes read that wait to be understood or sent
    uint32_t carry_n;
    uint32_t left;  // bytes of the current packet's payload still to come
    uint8_t seq;    // of the last packet's header
    bool continued; // the next packet continues one of 16 MiB
    bool drop;      // the rest of the current packet is not forwarded
    bool keep;      // ... because it answers a question of ours: own.h gets it
};

// What the client said at its login that another link must be told again.
struct identity {
    uint32_t max_packet;
    uint16_t attributes_n;
    uint8_t charset;
    uint8_t attributes[];
};

// Abort by the ladder: a statement that runs is killed first, then the transaction rolled back.
enum session_abort_phase {
    ABORT_NONE,
    ABORT_KILLING,      // the statement is being killed: its answer and the killer's word to come
    ABORT_KILLED,       // the killer's word is here, the answer not yet
    ABORT_ANSWERED,     // the answer is here, the killer's word not yet
    ABORT_ROLLING_BACK, // our own ROLLBACK is outstanding
};

struct session {
    struct list_node all;   // worker->sessions
    struct list_node queue; // worker->waiting, logins or held, by state
    struct worker *worker;
    uint64_t id;
    int64_t born_ns, state_ns; // accepted; entered this state
    int64_t link_ns;           // the server's greeting came on the present link, at the latest
    int64_t unit_ns;           // the open unit of work began
    int64_t sent_ns;           // the oldest outstanding command was sent
    int64_t
        waits_ns; // its command came then, and was held, slowed or moved (felt.h); 0: it was not
    struct conn client, server;
    struct flow up, down;
    struct model model;
    struct login_step *login;      // while a login or COM_CHANGE_USER is going on
    struct own *own;               // while questions of ours are outstanding
    struct move *move;             // while it has, or wants, another link
    struct remembered *remembered; // heap, remember.h: what its link held when it last rested
    struct secret *secret;         // a reference: with what it logged in; NULL: nothing is learned
    struct identity *who;          // heap
    struct filter *filter;         // heap, setup.c: what the client would see of tracking
    char *names;          // heap: client address, user, database, program; each with its NUL
    uint32_t thread_id;   // the server's connection id, as the client was told
    uint32_t link_thread; // the one of the present link
    struct capture_server link_server; // behind the present link
    uint32_t epoch;     // client commands sent, and links: what was learned before is old
    uint32_t asked_at;  // the epoch when it was noted (confirm.h); valid while `asked`
    uint32_t text_skip; // bytes of the passing command before its text
    uint16_t mails;     // messages under way that hold a pointer to this session
    uint8_t state;      // enum session_state
    uint8_t backend;    // index into the worker's routes; BACKEND_GONE
    uint8_t lost_on;    // the one its link was lost on (lost.h); BACKEND_NONE
    uint8_t abort;      // enum session_abort_phase
    uint8_t last_command;
    uint8_t scramble[20]; // the greeting's, for COM_CHANGE_USER
    bool file;            // the client is sending a LOCAL INFILE
    bool up_blocked;      // `up` has bytes that may not go on yet
    bool answer_began;    // a packet of the current answer has passed
    bool answer_ended;    // the current packet is the answer's last
    bool owes_abort;      // the next command is answered with 1213
    bool aborted;         // the ladder ended its transaction (for the drain's count)
    bool answer_own;      // ... and it answers a command of ours
    bool client_tracks;   // the client itself asked for session tracking
    bool tracking;        // tracking has been switched on on this link
    bool untracked;       // the server does not track: nothing is certain
    bool setup_owed;      // tracking is to be switched on before the next command
    bool filter_known;    // `filter` is what the client has asked for until now
    bool moved;           // it is not on its first link any more
    bool asked;           // its server is asked, or will be, what it holds (confirm.h)
    bool readdressed;     // its link is to an address that its backend has not any more
    uint8_t multi;        // COM_SET_OPTION: 0 none seen, else its value plus 1
    bool had_turn;        // its next command has waited as long as new work has to
    bool looking_up;      // a KILL waits for word from the other workers
    uint8_t gate_pass;    // enum gate_pass, while the gate is closed
    bool dead;            // ended; the memory lives until `mails` is 0
};

#define BACKEND_NONE 0xFE // no link yet
#define BACKEND_GONE 0xFF // its backend is not in the configuration any more

// Why a session ends, what its client is told, and how loud the log is.
// X(reason, error code or 0, sqlstate, level, text for the client)
#define SESSION_ENDS(X)                                                                            \
    X(CLIENT_LEFT, 0, "", DEBUG, "the client closed the connection")                               \
    X(QUIT, 0, "", DEBUG, "the client quit")                                                       \
    X(SERVER_LEFT, ER_SERVER_SHUTDOWN, "08S01", INFO, "sluice: the server closed the connection")  \
    X(OUTCOME_UNKNOWN, ER_ERROR_DURING_COMMIT, "HY000", WARN,                                      \
      "sluice: the COMMIT was sent but not answered; its outcome is unknown")                      \
    X(LOGIN_REFUSED, 0, "", INFO, "the server refused the login")                                  \
    X(LOGIN_TIMEOUT, ER_HANDSHAKE, "08S01", INFO, "sluice: the login took too long")               \
    X(LOGIN_BROKEN, ER_HANDSHAKE, "08S01", INFO, "sluice: bad handshake")                          \
    X(TLS_REQUIRED, 3159, "HY000", INFO,                                                           \
      "Connections using insecure transport are prohibited by sluice (client_tls: required)")      \
    X(TOO_MANY_SESSIONS, ER_CON_COUNT, "08004", WARN, "sluice: too many sessions")                 \
    X(TOO_MANY_HELD, ER_CON_COUNT, "08004", WARN, "sluice: too many connections are held")         \
    X(HELD_TOO_LONG_NEW, ER_CON_COUNT, "08004", WARN,                                              \
      "sluice: held longer than hold.max, the gate is still closed")                               \
    X(HELD_TOO_LONG, ER_SERVER_SHUTDOWN, "08S01", WARN,                                            \
      "sluice: held longer than hold.max, the gate is still closed; the command was not sent")     \
    X(HELD_TOO_MANY, ER_SERVER_SHUTDOWN, "08S01", WARN,                                            \
      "sluice: too many sessions are held; the command was not sent")                              \
    X(NO_BACKEND, ER_SERVER_SHUTDOWN, "08S01", WARN,                                               \
      "sluice: the backend could not be reached within hold.max")                                  \
    X(BACKEND_TLS, ER_SERVER_SHUTDOWN, "08S01", WARN, "sluice: no TLS with the server")            \
    X(KILLED, ER_SERVER_SHUTDOWN, "08S01", INFO, "sluice: session killed by the operator")         \
    X(DRAINED, ER_SERVER_SHUTDOWN, "08S01", INFO, "sluice: session ended by a drain")              \
    X(CANNOT_MOVE, ER_SERVER_SHUTDOWN, "08S01", INFO,                                              \
      "sluice: the active server has changed and this session could not move")                     \
    X(NOT_REESTABLISHED, ER_SERVER_SHUTDOWN, "08S01", INFO,                                        \
      "sluice: the server went away, and this session could not go on without")                    \
    X(SHUTDOWN, ER_SERVER_SHUTDOWN, "08S01", INFO, "sluice: shutting down")                        \
    X(PROTOCOL, ER_NET_PACKETS_OUT_OF_ORDER, "08S01", WARN, "sluice: protocol violation")          \
    X(SERVER_PROTOCOL, ER_SERVER_SHUTDOWN, "08S01", WARN,                                          \
      "sluice: the server sent something that is not the MySQL protocol")

enum session_end_reason {
#define X(name, code, state, level, text) END_##name,
    SESSION_ENDS(X)
#undef X
        END_REASON_COUNT
};

// --- session.c ----------------------------------------------------------------------------------
// Takes over the accepted socket. Never NULL.
struct session *session_new(struct worker *w, int fd, const struct address *peer);
// The one setter: checks the move, stamps the time, counts.
void session_set_state(struct session *s, enum session_state to, const char *why);
// Ends the session: log, last answer to the client if one can be given, both sockets closed.
// `detail` (may be NULL) goes into the log and, where the reason has an error, behind its text.
// The caller returns at once afterwards; s->dead is set.
void session_end(struct session *s, enum session_end_reason why, const char *detail);
// What the client is told when the ladder has rolled its transaction back (1213).
#define SESSION_ROLLED_BACK                                                                        \
    "sluice: the transaction was rolled back by a drain; try restarting transaction"
// Answers the command that the client has just sent, and that is not passed on, with an error. Ends
// the session when its client has left.
void session_refuse_command(struct session *s, uint16_t code, const char *sqlstate,
                            const char *text);
// A message that speaks of the session has come back; frees it when it was the last one. False
// when the session is dead: the caller returns.
bool session_mail_returned(struct session *s);
const char *session_name(const struct session *s, unsigned which);
enum session_name_index { NAME_CLIENT, NAME_USER, NAME_DATABASE, NAME_PROGRAM, NAME_COUNT };
void session_set_names(struct session *s, struct slice user, struct slice database,
                       struct slice program);
// Its next command waits in up.carry: for the gate, for its turn, or for its link.
static inline bool session_is_parked(const struct session *s)
{
    return s->state == SESSION_HELD || s->state == SESSION_SLOWED || s->state == SESSION_MOVING;
}
// At a safe point now; brief obstacles count.
bool session_is_settled(const struct session *s);
// A read outside a transaction runs: it may finish where it is.
bool session_is_reading(const struct session *s);
// The link is on a backend that is not the active one any more, or lost.
bool session_is_elsewhere(const struct session *s);
// It has no link: its server went away while it was at rest (lost.h).
static inline bool session_is_lost(const struct session *s)
{
    return s->lost_on != BACKEND_NONE;
}
// The name under which services of control/ reach the server that the link is to; NULL when they
// would reach another one.
const char *session_server_name(const struct session *s);
// All obstacles that hold now, those of the model and those that only the session knows.
uint32_t session_obstacles(const struct session *s);
// The server reports no changes of this session: nothing about it is certain.
bool session_is_untracked(const struct session *s);
void session_check(const struct session *s); // invariants

// --- login.c ------------------------------------------------------------------------------------
extern const struct conn_handler LOGIN_CLIENT, LOGIN_SERVER;
// A new session, WAITING: what comes first (PROXY header, the gate, or connecting).
void login_begin(struct session *s, const struct address *peer);
// Opens the link to the active backend. State WAITING.
void login_connect(struct session *s);
// The gate closed while no greeting has passed yet: drop the link, wait.
void login_back_to_waiting(struct session *s, const char *why);
void login_free(struct session *s);

// --- setup.c ------------------------------------------------------------------------------------
// The link has just got its own tracking: ours is owed, and what the client's is must be asked.
void setup_owe(struct session *s);
// Before the client's command `code` goes on: session tracking, and what must be known for it. The
// tracker has room for SETUP_ROOM more. False when the session has ended. `scan`: the command's, as
// far as it can be told.
#define SETUP_ROOM 3
bool setup_begin(struct session *s, uint8_t code, uint32_t scan);
bool setup_is_owed(const struct session *s, uint8_t code, uint32_t scan);
// From this command on nothing is understood any more.
bool setup_goes_opaque(uint8_t code);
// No command of the client's can go on now.
bool setup_must_wait(const struct session *s);
// A command of the client's goes on now: what it means for questions of ours.
void setup_note(struct session *s, const uint8_t *payload, uint32_t length);
// The command that is passing, with these scan flags, reads or sets how the session is tracked, and
// ours is there: the client's own values are put in front of it. False when the session has ended.
bool setup_wants_reveal(const struct session *s, uint32_t scan);
bool setup_reveal(struct session *s);
// A command with these scan flags has passed.
void setup_passed(struct session *s, uint32_t scan);
// What the client would see of session tracking without us; NULL: everything.
const struct track_filter *setup_filter(const struct session *s);
void setup_free(struct session *s);
// The statement that switches tracking on; before it, unless it is known, the question how the
// client's own stands, and its answer.
extern const char SETUP_SQL[];
const char *setup_filter_question(const struct session *s);
void setup_learn_filter(struct session *s, const struct ask *a, unsigned i);

// --- change_user.c ------------------------------------------------------------------------------
// COM_CHANGE_USER, a whole packet: from now on, until s->login is NULL again, the packets of both
// sides are collected whole and go through the exchange. False when the session has ended.
bool change_user_begin(struct session *s, struct slice payload, uint8_t seq);
bool change_user_packet(struct session *s, bool from_client, struct slice payload, uint8_t seq);

// --- relay_up.c, relay_down.c -------------------------------------------------------------------
extern const struct conn_handler RELAY_CLIENT, RELAY_SERVER;
// The login is over: relay from now on. `up` may hold a carry already.
void relay_begin(struct session *s, uint16_t status);
// Goes on with bytes that were held back (gate open, answer complete, peer drained).
void relay_up_resume(struct session *s);
// Handles the bytes of one read of the client / of the server.
void relay_up_bytes(struct session *s, uint8_t *p, size_t n); // may change them
void relay_down_bytes(struct session *s, const uint8_t *p, size_t n);
// Goes on with the server's packets that waited for the client's password, during COM_CHANGE_USER.
void relay_down_resume(struct session *s);
// Keeps `n` unread bytes in the flow (replaces the carry).
void flow_keep(struct flow *f, const uint8_t *p, size_t n);
void flow_release(struct flow *f);
// Reads once behind the carry: returns the bytes now at worker->scratch, or SL_E*.
int flow_read(struct session *s, struct flow *f, struct conn *c);
// Nothing is outstanding and the last byte has passed: is the unit of work over?
void relay_rest(struct session *s);
// What to read next, from what is pending where.
void relay_watch(struct session *s);

// --- ladder.c -----------------------------------------------------------------------------------
// Rolls the open unit of work back and answers 1213. Only BUSY sessions.
void session_abort(struct session *s, const char *why);
// Ends the session now and kills its server thread if a statement runs.
void session_kill(struct session *s, enum session_end_reason why, const char *detail);
// The outstanding answer is complete during an abort; false when the session died.
bool abort_answered(struct session *s, bool was_error);
// Sends a statement on the link in the client's name; `own`: its answer is swallowed. Only when
// nothing is outstanding.
SL_CHECKED enum sl_code session_send_sql(struct session *s, const char *sql, bool own);
// After an ERR that does not say whether a transaction is still open: asks the server.
void session_ask_status(struct session *s);

// --- kill.c -------------------------------------------------------------------------------------
// A KILL of the client's, small and whole: true when it was taken over (the relay drops the
// packet); false: it may go to the server as it is.
bool kill_intercept(struct session *s, uint64_t thread_id, bool query_only);

#endif
