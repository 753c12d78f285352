// Closing politely, so that the peer gets the last packet:
//
//     write the backlog ─> end our direction ─> read and drop until the peer ends his ─> close
#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/conn_internal.h"

#define WRITE_NS (5 * NS_PER_S)
#define READ_NS (200 * NS_PER_MS)
#define READ_MAX (64u << 10)

struct conn_finish {
    struct timer *deadline;
    void (*closed)(void *arg);
    void *arg;
    size_t dropped;
    bool ended; // our direction is
};

void conn_finish_cancel(struct conn *c)
{
    timer_free(c->finish->deadline);
    mem_free(c->finish);
    c->finish = NULL;
}

static void close_now(void *arg)
{
    struct conn *c = arg;
    void (*closed)(void *) = c->finish->closed;
    void *closed_arg = c->finish->arg;
    struct loop *l = c->loop;
    conn_close(c);
    loop_defer(l, closed, closed_arg);
}

// Nothing is left to write: the peer sees the end, and we wait for his.
static void end_writing(struct conn *c)
{
    c->ops->end(c);
    c->finish->ended = true;
    timer_set(c->finish->deadline, READ_NS);
    if (shutdown(c->fd, SHUT_WR) != 0)
        timer_set(c->finish->deadline, 0); // he is gone already
    conn_arm(c);
}

static void write_on(struct conn *c)
{
    if (conn_write_backlog(c) != SL_OK)
        conn_drop_backlog(c);
    c->owes_drained = c->backlog_n > 0;
    if (c->owes_drained)
        conn_arm(c);
    else
        end_writing(c);
}

// Past TLS: nobody looks at these bytes.
static void drop_input(struct conn *c)
{
    uint8_t scratch[4096];
    for (;;) {
        ssize_t got = recv(c->fd, scratch, sizeof scratch, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        c->finish->dropped += got > 0 ? (size_t)got : 0;
        if (got <= 0 || c->finish->dropped >= READ_MAX) {
            close_now(c);
            return;
        }
    }
}

void conn_finish_event(struct conn *c)
{
    if (c->finish->ended)
        drop_input(c);
    else
        write_on(c);
}

void conn_finish(struct conn *c, void (*closed)(void *arg), void *arg)
{
    if (c->phase != CONN_OPEN || c->finish != NULL) {
        // Nothing can be said to a peer in these phases.
        struct loop *l = c->loop;
        conn_close(c);
        loop_defer(l, closed, arg);
        return;
    }
    struct conn_finish *f = mem_zalloc(sizeof *f);
    f->closed = closed;
    f->arg = arg;
    f->deadline = timer_new(c->loop, close_now, c);
    c->finish = f;
    c->phase = CONN_FINISHING;
    timer_set(f->deadline, WRITE_NS);
    write_on(c);
}
