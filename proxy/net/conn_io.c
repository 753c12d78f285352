// A connection's bytes: read into the caller's memory, written directly, and only what the peer
// does not take is kept.
//
//     backlog:  |·· written ··|── backlog_n bytes to write ──|··· room ···|
//               0             backlog_at                                  backlog_size
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/conn_internal.h"

#define BACKLOG_MIN 4096u

// --- plain sockets ---------------------------------------------------------------------------

// In a process with threads, glibc's recv and send are cancellation points: two atomic operations a
// call, 1 % of a query's processor time (perf). We cancel no threads. The sanitizers look into the
// buffers of the calls that they know, so they get those.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
static ssize_t socket_read(int fd, void *p, size_t n)
{
    return recv(fd, p, n, MSG_DONTWAIT);
}

static ssize_t socket_write(int fd, const void *p, size_t n)
{
    return send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}
#else
static ssize_t socket_read(int fd, void *p, size_t n)
{
    return syscall(SYS_recvfrom, fd, p, n, MSG_DONTWAIT, NULL, NULL);
}

static ssize_t socket_write(int fd, const void *p, size_t n)
{
    return syscall(SYS_sendto, fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}
#endif

static int plain_read(struct conn *c, uint8_t *p, size_t n)
{
    ssize_t got;
    do
        got = socket_read(c->fd, p, n < INT_MAX ? n : INT_MAX);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return (int)got;
    if (got == 0)
        return SL_ECLOSED;
    if (errno == EAGAIN)
        return SL_EAGAIN;
    c->error = errno;
    return SL_EIO;
}

static int plain_write(struct conn *c, const uint8_t *p, size_t n)
{
    ssize_t put;
    do
        put = socket_write(c->fd, p, n < INT_MAX ? n : INT_MAX);
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return (int)put;
    if (errno == EAGAIN)
        return SL_EAGAIN;
    c->error = errno;
    return errno == EPIPE ? SL_ECLOSED : SL_EIO;
}

static bool plain_has_buffered(const struct conn *c)
{
    (void)c;
    return false;
}

static void plain_nothing(struct conn *c)
{
    (void)c;
}

const struct conn_ops conn_plain = {
    .read = plain_read,
    .write = plain_write,
    .has_buffered = plain_has_buffered,
    .end = plain_nothing,
    .release = plain_nothing,
};

// --- reading ---------------------------------------------------------------------------------

int conn_read(struct conn *c, uint8_t *p, size_t n)
{
    switch (c->phase) {
    case CONN_OPEN: return c->ops->read(c, p, n);
    case CONN_CONNECTING:
    case CONN_HANDSHAKE: return SL_EAGAIN;
    default: return SL_ECLOSED;
    }
}

bool conn_has_buffered(const struct conn *c)
{
    return c->phase == CONN_OPEN && c->ops->has_buffered(c);
}

// --- backlog ---------------------------------------------------------------------------------

void conn_drop_backlog(struct conn *c)
{
    mem_free(c->backlog);
    c->backlog = NULL;
    c->backlog_at = c->backlog_n = c->backlog_size = 0;
}

// Room for `n` more behind what there is; n and the backlog together are within the maximum.
static enum sl_code make_room(struct conn *c, uint32_t n)
{
    if (c->backlog_at > 0) {
        memmove(c->backlog, c->backlog + c->backlog_at, c->backlog_n);
        c->backlog_at = 0;
    }
    uint32_t size = c->backlog_size > 0 ? c->backlog_size : BACKLOG_MIN;
    while (size < c->backlog_n + n)
        size *= 2;
    if (size == c->backlog_size)
        return SL_OK;
    uint8_t *p = mem_try_realloc(c->backlog, size);
    if (p == NULL)
        return SL_ETOOBIG;
    c->backlog = p;
    c->backlog_size = size;
    return SL_OK;
}

static enum sl_code keep(struct conn *c, const uint8_t *p, size_t n)
{
    if (n > CONN_BACKLOG_MAX - c->backlog_n)
        return SL_ETOOBIG;
    if (n > c->backlog_size - c->backlog_at - c->backlog_n) {
        enum sl_code rc = make_room(c, (uint32_t)n);
        if (rc != SL_OK)
            return rc;
    }
    memcpy(c->backlog + c->backlog_at + c->backlog_n, p, n);
    c->backlog_n += (uint32_t)n;
    return SL_OK;
}

enum sl_code conn_write_backlog(struct conn *c)
{
    while (c->backlog_n > 0) {
        int put = c->ops->write(c, c->backlog + c->backlog_at, c->backlog_n);
        if (put == SL_EAGAIN)
            return SL_OK;
        if (put < 0)
            return (enum sl_code)put;
        c->backlog_at += (uint32_t)put;
        c->backlog_n -= (uint32_t)put;
    }
    conn_drop_backlog(c);
    return SL_OK;
}

// --- writing ---------------------------------------------------------------------------------

static bool takes_bytes(const struct conn *c)
{
    return c->phase == CONN_OPEN || c->phase == CONN_CONNECTING || c->phase == CONN_HANDSHAKE;
}

// The loop writes the rest, and says so when it is gone.
static void leave_to_loop(struct conn *c)
{
    c->owes_drained = true;
    conn_arm(c);
}

enum sl_code conn_send(struct conn *c, const void *p, size_t n)
{
    if (!takes_bytes(c))
        return SL_ECLOSED;
    const uint8_t *at = p;
    if (c->phase == CONN_OPEN && c->backlog_n == 0) {
        // A TLS write takes a record at a time, a socket all that fits.
        while (n > 0) {
            int put = c->ops->write(c, at, n);
            if (put == SL_EAGAIN)
                break;
            if (put < 0)
                return (enum sl_code)put;
            at += put;
            n -= (size_t)put;
            if (c->tls == NULL)
                break; // a short count says that the socket is full
        }
    }
    if (n == 0)
        return SL_OK;
    enum sl_code rc = keep(c, at, n);
    if (rc == SL_OK)
        leave_to_loop(c);
    return rc;
}

enum sl_code conn_queue(struct conn *c, const void *p, size_t n)
{
    if (!takes_bytes(c))
        return SL_ECLOSED;
    return n > 0 ? keep(c, p, n) : SL_OK;
}

enum sl_code conn_flush(struct conn *c)
{
    if (!takes_bytes(c))
        return SL_ECLOSED;
    enum sl_code rc = c->phase == CONN_OPEN ? conn_write_backlog(c) : SL_OK;
    if (rc == SL_OK && c->backlog_n > 0)
        leave_to_loop(c);
    return rc;
}
