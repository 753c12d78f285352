// Event loops: one thread, one libevent base, one mailbox. Threads talk by mail, never by sharing
// objects: a mail is a typed message that is delivered (run) in the receiving loop's thread.
//
// Nothing in a loop thread blocks, sleeps, resolves or reads a file. The loop measures its own
// stalls: the longest time it spent away from the poll.
#ifndef SLUICE_NET_LOOP_H
#define SLUICE_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct loop;

// Embedded as the first member of a heap-allocated message struct. `deliver` runs once, in the
// loop's thread, and owns the message from then on.
struct mail {
    struct mail *next;
    void (*deliver)(struct mail *m, void *owner);
};

// `owner` is handed to every mail's deliver. `name` (<= 15 bytes) names the thread.
SL_CHECKED enum sl_code loop_new(const char *name, void *owner, struct loop **out,
                                 struct sl_error *err);
// Starts a thread that runs the loop. A loop that is never started is run by loop_run in the
// calling thread (the main thread).
SL_CHECKED enum sl_code loop_start(struct loop *l, struct sl_error *err);
void loop_run(struct loop *l);
// From any thread: the loop returns after the mail posted so far has been delivered.
void loop_stop(struct loop *l);
// After loop_stop: waits for the thread, delivers nothing more; frees pending mail with mem_free.
void loop_join(struct loop *l);
void loop_free(struct loop *l);

// From any thread, never blocks (a short lock). Order is kept between one sender and one loop.
void loop_post(struct loop *l, struct mail *m);
// Time of this turn of the loop, monotonic ns; only in the loop's thread. Cheap: read once a turn.
int64_t loop_now_ns(const struct loop *l);
// Longest time between two polls since the last call, ns; any thread.
int64_t loop_worst_turn_ns(struct loop *l);
struct event_base *loop_base(struct loop *l);

// Runs `fn(arg)` after the callbacks of this turn: the second step of things that die in two.
void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg);

// Timers, one shot, only in the loop's thread.
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void timer_free(struct timer *t);
// Fires once, `after_ns` from now (>= 0); replaces an earlier setting.
void timer_set(struct timer *t, int64_t after_ns);
void timer_cancel(struct timer *t);
bool timer_pending(const struct timer *t);

// A signal handled in the loop's thread (main thread only).
SL_CHECKED enum sl_code loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
                                       void *arg);

#endif
