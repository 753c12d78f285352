// A worker: one thread, its loop, its listeners and its sessions. Internal to session/ and drain/.
#ifndef SLUICE_SESSION_WORKER_H
#define SLUICE_SESSION_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/listener.h"
#include "net/loop.h"
#include "session/lost.h"
#include "session/remember.h"
#include "session/session.h"
#include "session/traffic.h"

// One read; a row or command is never longer than what is left of it in here at a time.
#define SCRATCH_SIZE ((size_t)64 << 10)
#define LISTENERS_MAX 16
// How often deadlines are looked at while anything has one.
#define TICK_NS (50 * NS_PER_MS)

// Counters with one writer (the worker) and any reader.
#define WORKER_COUNTERS(X)                                                                         \
    X(accepted)                                                                                    \
    X(refused)                                                                                     \
    X(logins)                                                                                      \
    X(login_failures)                                                                              \
    X(commands)                                                                                    \
    X(answers)                                                                                     \
    X(errors)                                                                                      \
    X(bytes_from_clients)                                                                          \
    X(bytes_from_servers)                                                                          \
    X(held)                                                                                        \
    X(held_dropped)                                                                                \
    X(held_timed_out)                                                                              \
    X(aborted)                                                                                     \
    X(killed)                                                                                      \
    X(ended)                                                                                       \
    X(moved)                                                                                       \
    X(move_refusals)                                                                               \
    X(remembered)                                                                                  \
    X(lost)                                                                                        \
    X(reestablished)

struct worker_counters {
#define X(name) _Atomic uint64_t name;
    WORKER_COUNTERS(X)
#undef X
    _Atomic unsigned by_state[SESSION_STATE_COUNT];
    _Atomic unsigned by_backend[BACKENDS_MAX];
    _Atomic uint64_t by_error[ERROR_CLASS_COUNT];
    _Atomic unsigned lost_now; // sessions without a link
    _Atomic int64_t longest_hold_ns, longest_answer_ns, longest_move_ns;
};

// A load and a store, not a locked instruction: there is one writer.
#define COUNT(w, name, by)                                                                         \
    atomic_store_explicit(&(w)->counters.name,                                                     \
                          atomic_load_explicit(&(w)->counters.name, memory_order_relaxed) + (by),  \
                          memory_order_relaxed)

// Of the longest times: again, one writer.
static inline void raise_to(_Atomic int64_t *longest, int64_t ns)
{
    if (ns > atomic_load_explicit(longest, memory_order_relaxed))
        atomic_store_explicit(longest, ns, memory_order_relaxed);
}

struct worker {
    struct traffic *traffic;
    struct loop *loop;
    unsigned index;
    double release_credit; // sessions that may be released now (paced release)
    int64_t release_ns;    // when the credit was last filled
    struct routes *routes; // a reference
    const struct killer *killer;
    struct listener *listeners[LISTENERS_MAX];
    unsigned listener_count;
    struct list sessions;      // all of them
    struct list waiting;       // WAITING, oldest first
    struct list logins;        // CONNECTING and LOGIN
    struct list held;          // HELD, oldest first
    struct list slowed;        // SLOWED, oldest first
    struct list moving;        // MOVING, oldest first
    struct list queued;        // moves that wait to open their standby link
    struct list standing;      // moves whose standby link is ready
    struct list running;       // moves that wait for a server's answer
    unsigned opening, copying; // moves in the phases between
    unsigned warm;             // index of the backend that standby links are kept to, BACKEND_NONE
    bool mover_awake;          // mover.c will look at the lists at the end of this turn
    struct rememberer rememberer;
    struct lost lost;
    struct timer *retry; // when a lost standby link may be tried again
    unsigned asking;     // servers that are being asked about noted sessions (confirm.h)
    bool confirms_soon;  // the main thread has been told, and nobody was noted since
    int64_t noted_ns;    // when they were noted
    struct timer *turns; // when the next of `slowed` may go on
    int64_t throttle_ns; // each new unit of work waits so long, 0: not at all
    bool gate_closed;
    struct gate gate; // a copy, for its exceptions
    bool stragglers;  // idle links to a backend that is not active are still to be ended
    bool stopping;    // shutting down: sessions end at their safe points
    uint64_t next_id;
    struct timer *tick;       // deadlines, while a list above has members
    struct timer *release;    // paced release, and retries of an unreachable backend
    int64_t backend_retry_ns; // 0: reachable as far as we know; else the pause before the next try
    void *drain;              // drain's own state while a drain runs, opaque here
    void (*settled)(struct worker *w, struct session *s); // drain's hook: a session has settled
    struct worker_counters counters;
    struct felt felt;
    uint8_t scratch[SCRATCH_SIZE];
};

SL_CHECKED enum sl_code worker_new(struct traffic *t, unsigned index, struct routes *routes,
                                   struct worker **out, struct sl_error *err);
void worker_free(struct worker *w); // after its loop has stopped
// Before the loop runs: accept on this socket, too.
void worker_listen(struct worker *w, int fd, bool owns_fd);

// In the worker's thread -------------------------------------------------------------------------
void worker_accepted(struct worker *w, int fd, const struct address *peer);
// Also when it is closed already, for other reasons or with other exceptions now.
void worker_close_gate(struct worker *w, const struct gate *gate);
void worker_open_gate(struct worker *w);
void worker_set_routes(struct worker *w, struct routes *routes);
// Who it is, or where it comes from, is known better now: may it pass the closed gate?
void worker_judge(struct session *s);
// The gate is closed for this session.
static inline bool session_is_barred(const struct session *s)
{
    return s->worker->gate_closed && s->gate_pass != GATE_LET_THROUGH;
}
// A member came to a list with deadlines.
void worker_arm_tick(struct worker *w);
// Lets the held and the waiting go on, oldest first, at the configured pace.
void worker_release(struct worker *w);
// The active backend did not answer; try the waiting ones again after a pause.
void worker_backend_failed(struct worker *w);
void worker_backend_answered(struct worker *w);
void worker_stop_listening(struct worker *w);
// Ends every session that may end now; with `force` all of them.
void worker_stop_sessions(struct worker *w, bool force);
// Puts a session at a safe point on hold, with its command in up.carry.
void worker_hold(struct worker *w, struct session *s);
// slow.c: how long new units of work wait from now on; those that wait go on when it is 0.
void slow_set(struct worker *w, int64_t throttle_ns);
void slow_turns(void *worker);     // of the timer
void slow_wait(struct session *s); // its next command waits for its turn
// A session has a link to this backend from now on (by = 1), or no longer (-1).
void worker_count_backend(struct worker *w, unsigned backend, int by);
// Sessions and held sessions of all workers together, for the limits.
bool worker_too_many_sessions(const struct worker *w);
bool worker_too_many_held(const struct worker *w);

static inline int64_t worker_now(const struct worker *w)
{
    return loop_now_ns(w->loop);
}

#endif
