// One-shot timers. libevent counts with the coarse clock, so that its time-outs may come some
// milliseconds early; ours never do: what comes early is armed again for the rest.
#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net/loop_internal.h"

struct timer {
    struct event event;
    struct loop *loop;
    void (*fn)(void *arg);
    void *arg;
    int64_t due_ns;
};

static void arm(struct timer *t, int64_t after_ns)
{
    int64_t us = after_ns / 1000 + (after_ns % 1000 != 0);
    struct timeval tv = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
    event_add(&t->event, &tv);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *t = arg;
    loop_turn(t->loop);
    int64_t left = t->due_ns - clock_now_ns();
    if (left > 0)
        arm(t, left);
    else
        t->fn(t->arg); // may free t
}

struct timer *timer_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct timer *t = mem_zalloc(sizeof *t);
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    event_assign(&t->event, loop_base(l), -1, 0, on_timeout, t);
    return t;
}

void timer_free(struct timer *t)
{
    if (t == NULL)
        return;
    event_del(&t->event);
    mem_free(t);
}

void timer_set(struct timer *t, int64_t after_ns)
{
    assert(after_ns >= 0);
    int64_t now = clock_now_ns();
    t->due_ns = after_ns < INT64_MAX - now ? now + after_ns : INT64_MAX;
    arm(t, after_ns);
}

void timer_cancel(struct timer *t)
{
    event_del(&t->event);
}

bool timer_pending(const struct timer *t)
{
    return event_pending(&t->event, EV_TIMEOUT, NULL) != 0;
}
