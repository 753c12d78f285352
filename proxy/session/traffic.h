// The traffic: all workers and their sessions as one thing, for the main thread.
//
//   main thread                                worker threads
//   traffic_* ── round (mail to each worker) ──> worker acts on its own sessions
//   done()    <── mail, when all have answered ── its part of the answer
//
// Every function here is called in the main thread; `done` callbacks run there, later, from the
// loop (never from inside the call).
#ifndef SLUICE_SESSION_TRAFFIC_H
#define SLUICE_SESSION_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"
#include "session/errors.h"
#include "session/felt.h"
#include "session/gate.h"
#include "session/state.h"
#include "state/obstacle.h"

struct rsa_key;
struct vault;
struct traffic;

#define SESSION_NAME_MAX 80 // MySQL: user names 32 characters, MariaDB 80 bytes; databases 64

// What sluice needs of a backend to open links; resolved by a thread that may block.
struct backend_route {
    char name[33];
    struct address address;
    enum config_tls_mode tls_mode;
    struct tls_context *tls; // NULL when disabled
    bool send_proxy;         // PROXY protocol v2 before everything
};

#define BACKENDS_MAX 16

// Immutable once published; replaced as a whole (reload, repoint).
struct routes {
    _Atomic unsigned references;
    unsigned count, active;         // index of the active backend
    struct tls_context *client_tls; // NULL when disabled
    const struct config *config;    // one reference
    struct backend_route backends[BACKENDS_MAX];
};

struct routes *routes_ref(struct routes *r);
// The backend of that name; r->count when there is none.
unsigned routes_find(const struct routes *r, const char *name);
void routes_unref(struct routes *r); // also releases the TLS contexts and the configuration

// Takes a reference of `routes`. Opens the listeners (errors name the address) and starts the
// workers, with the gate closed for the reason `closed` (NULL: open) before the first client is
// accepted. `main_loop` is the loop of the calling thread.
SL_CHECKED enum sl_code traffic_new(struct loop *main_loop, struct routes *routes,
                                    const char *closed, struct traffic **out, struct sl_error *err);
// New routes for new links (and for held new connections). Sessions whose link is on a backend
// that is not active any more are ended at their safe point when the gate is open.
void traffic_set_routes(struct traffic *t, struct routes *routes);
// The routes in force, borrowed until the next traffic_set_routes.
struct routes *traffic_routes(struct traffic *t);
unsigned traffic_workers(const struct traffic *t);

// Where logins leave their secrets; NULL while auth.learn is off. Thread safe.
struct vault *traffic_vault(struct traffic *t);
// Our key pair for password plugins; made once, thread safe.
struct rsa_key *traffic_rsa_key(struct traffic *t);
// Sessions may have links to more than one backend, or others than their clients know (any thread,
// cheap).
bool traffic_is_mixed(const struct traffic *t);

// --- gate ---------------------------------------------------------------------------------------
// Closes the gate; `done` runs when every worker holds. took_ns: from the call to the last
// worker's word.
SL_CHECKED enum sl_code traffic_pause(struct traffic *t, const char *reason, const char *owner,
                                      int64_t for_ns, void (*done)(void *arg, int64_t took_ns),
                                      void *arg, struct sl_error *err);
// Who passes although this reason holds (NULL: nobody any more: they are held again at their safe
// points); `done` runs when every worker does so. SL_ENOTFOUND: the reason does not hold.
SL_CHECKED enum sl_code traffic_except(struct traffic *t, const char *reason,
                                       struct gate_exceptions *x, void (*done)(void *arg),
                                       void *arg, struct sl_error *err);
// Ends one reason (NULL: all); `done` runs when every worker has let go (at once when other
// reasons keep the gate closed).
SL_CHECKED enum sl_code traffic_resume(struct traffic *t, const char *reason,
                                       void (*done)(void *arg), void *arg, struct sl_error *err);
const struct gate *traffic_gate(const struct traffic *t);

// --- slowing ------------------------------------------------------------------------------------
// Each new unit of work of a session that is there waits so long before it is sent, until it is set
// to 0 or the gate closes: a small delay for all, so that a server can catch up.
void traffic_throttle(struct traffic *t, int64_t delay_ns, void (*done)(void *arg), void *arg);

// --- standby links ------------------------------------------------------------------------------
struct warm_counts {
    unsigned sessions; // logged in when asked
    unsigned ready;    // have a standby link, logged in and prepared
    unsigned opening;  // are still at it, or wait for their turn
    unsigned failed;   // could not be had: the session is tried again at release
    unsigned unable;   // cannot move for now (credential_unknown, temporary_table, ...)
};

// Opens standby links to this backend for all sessions that could move, paced; new sessions get one
// as well, until traffic_warm(t, NULL, ...) drops them all. `progress` (about every 250 ms) and
// `done` (nothing is opening any more, or timeout_ns have passed) run in the main thread; either may
// be NULL. SL_ENOTFOUND: no such backend; SL_ECONFLICT: it is the active one, or another warming
// is still waited for.
SL_CHECKED enum sl_code traffic_warm(struct traffic *t, const char *backend, int64_t timeout_ns,
                                     void (*progress)(void *arg, const struct warm_counts *counts),
                                     void (*done)(void *arg, const struct warm_counts *counts),
                                     void *arg, struct sl_error *err);
// The client that asked went away.
void traffic_warm_cancel(struct traffic *t);
// The backend that is being kept warm, "" for none.
const char *traffic_warm_target(const struct traffic *t);

// --- looking ------------------------------------------------------------------------------------
struct session_row {
    uint64_t id;        // sluice's own; unique for the life of the process
    uint32_t thread_id; // the server's, as the client knows it; 0 before the greeting
    char client[ADDRESS_TEXT_MAX];
    char user[SESSION_NAME_MAX + 1];
    char database[SESSION_NAME_MAX + 1];
    char program[SESSION_NAME_MAX + 1];
    char backend[33]; // "" when there is no link
    enum session_state state;
    const char *command; // the last one, "query"; static
    uint32_t obstacles;
    int64_t age_ns, state_age_ns;
    bool tls;
    bool lost;       // its link went away, and it waits for another
    bool remembered; // a restart of its server would not end it now
    bool reading;    // runs a read outside a transaction
    bool movable;    // nothing known speaks against it; a capture asks for what is not
};

// What to select; zero means "any".
struct session_filter {
    const uint64_t *ids; // borrowed during the call, copied inside
    unsigned id_count;
    int state;                       // -1: any (0 is a state)
    int obstacle;                    // -1: any
    char user[SESSION_NAME_MAX + 1]; // exact, or with * and ?
    char host[ADDRESS_TEXT_MAX];     // address or CIDR
    int64_t older_ns;                // sessions older than this
};

// Rows of the sessions that match, in order of id, at most `limit` (0: all); `total` counts all
// that matched. The rows are lent to `done`.
void traffic_sessions(struct traffic *t, const struct session_filter *filter, unsigned limit,
                      void (*done)(void *arg, const struct session_row *rows, unsigned count,
                                   unsigned total),
                      void *arg);

// The server connection ids of all links of ours to that backend, in order: of sessions, of those
// that are logging in, and standby links. Lent to `done`.
void traffic_links(struct traffic *t, const char *backend,
                   void (*done)(void *arg, const uint32_t *ids, unsigned count), void *arg);

struct traffic_stats {
    unsigned sessions;
    unsigned by_state[SESSION_STATE_COUNT];
    unsigned by_backend[BACKENDS_MAX]; // sessions with a link there
    uint64_t accepted, refused, logins, login_failures;
    uint64_t commands, answers, errors; // errors: ERR packets from servers
    uint64_t by_error[ERROR_CLASS_COUNT];
    uint64_t bytes_from_clients, bytes_from_servers;
    uint64_t held, held_dropped, held_timed_out; // commands and new connections
    uint64_t aborted, killed, ended; // sessions: by the ladder, by kill, because they cannot move
    uint64_t moved, move_refusals;   // sessions moved to another link; moves refused
    uint64_t remembered;             // idle sessions that were asked for their state
    unsigned lost_now;               // sessions without a link now
    uint64_t lost, reestablished;    // sessions whose link was lost at rest; that got another
    int64_t longest_hold_ns, longest_answer_ns,
        longest_move_ns;   // since the last reset (traffic_stats_reset)
    int64_t worst_turn_ns; // longest turn of a worker's loop since the last call
};
// Synchronous: sums of the workers' counters, may be a moment old.
void traffic_stats(struct traffic *t, struct traffic_stats *out);
void traffic_stats_reset_longest(struct traffic *t);
// The same without worst_turn_ns, which only the one who shows it may take.
void traffic_counters(struct traffic *t, struct traffic_stats *out);
// What clients felt: a round. `sum` is lent to `done`; empty after FELT_BEGIN.
void traffic_felt(struct traffic *t, enum felt_look look,
                  void (*done)(void *arg, const struct felt *sum), void *arg);

// --- ending -------------------------------------------------------------------------------------
// Ends the sessions that match, now: 1053 to the client, the server's thread killed through
// `traffic_set_killer`'s service. `why` is for the error text and the log.
void traffic_kill(struct traffic *t, const struct session_filter *filter, const char *why,
                  void (*done)(void *arg, unsigned killed), void *arg);

// How sluice kills a statement or a connection on a server: a service of control/, called in a
// worker's thread, must not block; `done` (may be NULL) is run in that worker's loop as mail.
// backend is an index into the routes.
struct killer {
    void (*kill)(void *arg, const char *backend, uint32_t thread_id, bool query_only,
                 struct loop *reply_to, struct mail *done);
    void *arg;
};
void traffic_set_killer(struct traffic *t, const struct killer *k);

// Who may see the names of a server thread's user variables where its own account may not (MySQL):
// a service of control/, called in a worker's thread, must not block; `done` is run in that worker's
// loop as mail, its first member being the mail.
struct namer_reply {
    struct mail mail;
    char **names; // heap, as are its items; the receiver takes them over
    unsigned count;
    char problem[160]; // "" when the names are right
};
struct namer {
    void (*ask)(void *arg, const char *backend, uint32_t thread_id, struct loop *reply_to,
                struct namer_reply *done);
    void *arg;
};
void traffic_set_namer(struct traffic *t, const struct namer *n);

// What the threads of a server hold, as the server sees it: a service of control/, called in the main
// thread, must not block; `done` is run in the main loop as mail, its first member being the mail.
struct held {
    uint32_t thread_id;
    uint32_t known, held; // sets of obstacles: which the server can tell, and which it shows
};
#define CONFIRM_PROBLEM_MAX 256
struct holder_reply {
    struct mail mail;
    struct held *threads; // heap, in order of thread_id; the asker takes it over. NULL: no answer
    unsigned count;
    char problem[CONFIRM_PROBLEM_MAX]; // what cannot be told, and why; "": all that it ever can
};
struct holder {
    void (*ask)(void *arg, const char *backend, struct loop *reply_to, struct holder_reply *done);
    void *arg;
};
void traffic_set_holder(struct traffic *t, const struct holder *h);
// Asks the servers what their sessions hold: obstacles that are gone are ended, hidden locks found.
// `done`: it is so, or cannot be told (`problem`, lent; "" when all servers told), within a second;
// what comes later counts as well. Happens by itself when the gate closes, and while it is closed.
void traffic_confirm(struct traffic *t, void (*done)(void *arg, const char *problem), void *arg);

// Stops accepting, ends all sessions within grace_ns (each at a safe point, then regardless);
// `done` runs when none is left.
void traffic_shutdown(struct traffic *t, int64_t grace_ns, void (*done)(void *arg), void *arg);
void traffic_free(struct traffic *t);

#endif
