// The epoll loop under connect, idle and move.
#include "bench/crowd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define TURN_EVENTS 256
// Logins under way at a time: below every listen backlog.
#define WINDOW 32

enum sl_code crowd_init(struct crowd *c, const struct target *target, size_t count,
                        struct sl_error *err)
{
    *c = (struct crowd){.target = target, .count = count, .epoll = -1};
    if (target->tls)
        return sl_fail(err, SL_EUNSUPPORTED, "--tls: this subcommand cannot");
    enum sl_code code = raw_resolve(target, &c->address, err);
    if (code != SL_OK)
        return code;
    uint64_t limit = raw_raise_file_limit();
    if (limit < count + 16)
        return sl_fail(err, SL_EINVAL, "%zu connections, but at most %llu open files", count,
                       (unsigned long long)limit);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0)
        return sl_fail_errno(err, SL_EIO, errno, "epoll");
    c->members = mem_array(count, sizeof *c->members);
    for (size_t i = 0; i < count; i++)
        c->members[i].fd = -1;
    return SL_OK;
}

void crowd_release(struct crowd *c)
{
    for (size_t i = 0; c->members != NULL && i < c->count; i++)
        raw_close(&c->members[i]);
    mem_free(c->members);
    if (c->epoll >= 0)
        close(c->epoll);
}

// The member's index is all that epoll needs to know; the array never moves.
static void watch(struct crowd *c, size_t i, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = i};
    epoll_ctl(c->epoll, operation, c->members[i].fd, &event);
}

void crowd_start(struct crowd *c, size_t i)
{
    struct raw *r = &c->members[i];
    if (raw_start(r, &c->address, &c->last_error) != SL_OK) {
        c->failed++;
        raw_close(r);
        return;
    }
    watch(c, i, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

// Writability is only watched until the connection stands: login packets always fit the socket.
void crowd_turn(struct crowd *c, int timeout_ms,
                void (*on_change)(struct crowd *c, size_t i, enum raw_state state, void *context),
                void *context)
{
    struct epoll_event events[TURN_EVENTS];
    int n = epoll_wait(c->epoll, events, TURN_EVENTS, timeout_ms);
    for (int e = 0; e < n; e++) {
        size_t i = (size_t)events[e].data.u64;
        struct raw *r = &c->members[i];
        enum raw_state before = r->state;
        enum raw_state after = raw_step(r, c->target, &c->last_error);
        if (before == RAW_CONNECTING && after != RAW_CONNECTING && after != RAW_FAILED)
            watch(c, i, EPOLL_CTL_MOD, EPOLLIN);
        if (after == before || after < RAW_READY)
            continue;
        if (after == RAW_FAILED) {
            c->failed++;
            raw_close(r);
        }
        on_change(c, i, after, context);
    }
}

struct opening {
    size_t started, done;
    bool (*next)(struct crowd *c, size_t i, void *context);
    void *context;
};

static void start_next(struct crowd *c, struct opening *o)
{
    if (o->started < c->count)
        crowd_start(c, o->started++);
}

// Each member that is done lets the next one start.
static void on_opening(struct crowd *c, size_t i, enum raw_state state, void *context)
{
    struct opening *o = context;
    if (state != RAW_READY || o->next(c, i, o->context))
        return;
    o->done++;
    start_next(c, o);
}

enum sl_code crowd_open(struct crowd *c, int64_t timeout_ms,
                        bool (*next)(struct crowd *c, size_t i, void *context), void *context,
                        struct sl_error *err)
{
    struct opening o = {.next = next, .context = context};
    int64_t deadline = clock_now_ns() + timeout_ms * NS_PER_MS;
    for (size_t i = 0; i < WINDOW; i++)
        start_next(c, &o);
    while (o.done < c->count) {
        if (c->failed > 0)
            return sl_fail(err, SL_EIO, "after %zu sessions: %s", o.done, c->last_error.text);
        if (clock_now_ns() > deadline)
            return sl_fail(err, SL_ETIMEOUT, "only %zu sessions within the time-out", o.done);
        crowd_turn(c, 100, on_opening, &o);
    }
    return SL_OK;
}
