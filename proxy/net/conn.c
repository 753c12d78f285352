// A connection's life and its events. One libevent event a connection, added again only when what
// is asked of it changes; its callback goes by phase.
//
//     event ─> phase: connecting ─> connected     open, writable ─> backlog ─> drained | hangup
//                     handshake  ─> secured       open, readable ─> readable | hangup
#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn_internal.h"
#include "net/loop_internal.h"

// --- what is asked of the event --------------------------------------------------------------

static int wanted_when_open(const struct conn *c)
{
    int want = 0;
    if (c->interest == CONN_WATCH_READ)
        want = EV_READ;
    else if (c->interest == CONN_WATCH_HANGUP)
        // Edge triggered: unread data announces itself once and does not spin. EV_READ is there
        // because libevent 2.1 reports a reset (EPOLLERR) as READ and WRITE, never as CLOSED.
        want = EV_READ | EV_CLOSED | EV_ET;
    if (c->tls_wants_write && c->interest == CONN_WATCH_READ)
        want |= EV_WRITE;
    if (c->owes_drained)
        want |= c->tls_write_wants_read ? EV_READ : EV_WRITE;
    return want;
}

static int wanted(const struct conn *c)
{
    switch (c->phase) {
    case CONN_CONNECTING: return c->interest == CONN_WATCH_READ ? EV_READ : EV_WRITE;
    case CONN_HANDSHAKE: return c->tls_wants_write ? EV_WRITE : EV_READ;
    case CONN_OPEN: return wanted_when_open(c);
    case CONN_FINISHING:
        if (!c->owes_drained)
            return EV_READ;
        return c->tls_write_wants_read ? EV_READ : EV_WRITE;
    default: return 0;
    }
}

static void on_event(evutil_socket_t fd, short what, void *arg);

void conn_arm(struct conn *c)
{
    int16_t want = (int16_t)wanted(c);
    if (want == c->armed)
        return;
    if (c->armed != 0)
        event_del(&c->event);
    c->armed = want;
    if (want == 0)
        return;
    event_assign(&c->event, loop_base(c->loop), c->fd, (short)(want | EV_PERSIST), on_event, c);
    if (event_add(&c->event, NULL) != 0)
        LOG_ERROR("event_add_failed", LOG_INT("fd", c->fd), LOG_INT("errno", errno));
}

void conn_watch(struct conn *c, enum conn_interest interest)
{
    if (c->interest == (uint8_t)interest)
        return;
    c->interest = (uint8_t)interest;
    conn_arm(c);
    conn_kick(c);
}

// At the end of a turn: the event becomes active for the next one, as if the socket had said so.
static void kick_now(void *arg)
{
    struct conn *c = arg;
    c->kicked = false;
    if ((c->armed & EV_READ) != 0 && c->interest == CONN_WATCH_READ && conn_has_buffered(c))
        event_active(&c->event, EV_READ, 0);
}

void conn_kick(struct conn *c)
{
    if (c->kicked || c->interest != CONN_WATCH_READ || !conn_has_buffered(c))
        return;
    c->kicked = true;
    loop_defer(c->loop, kick_now, c);
}

// --- what the event says ---------------------------------------------------------------------

static void on_open(struct conn *c, short what);

// With CONN_WATCH_READ the peer's first bytes are there already: the owner hears of them at once.
static void on_connecting(struct conn *c, short what)
{
    socklen_t n = sizeof c->error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &n) != 0)
        c->error = errno;
    c->phase = c->error == 0 ? CONN_OPEN : CONN_IDLE;
    c->owes_drained = c->backlog_n > 0;
    conn_arm(c);
    c->handler->connected(c, c->owner);
    if (c->phase == CONN_OPEN && (what & EV_READ) != 0)
        on_open(c, EV_READ);
}

static void on_handshake(struct conn *c)
{
    enum sl_code rc = conn_tls_handshake(c);
    if (rc != SL_EAGAIN)
        c->phase = rc == SL_OK ? CONN_OPEN : CONN_IDLE;
    if (rc == SL_OK)
        c->owes_drained = c->backlog_n > 0;
    conn_arm(c);
    if (rc == SL_EAGAIN)
        return;
    c->handler->secured(c, c->owner);
    conn_kick(c);
}

// True when something was said to the owner, after which the connection may be another.
static bool write_on(struct conn *c)
{
    enum sl_code rc = conn_write_backlog(c);
    if (rc != SL_OK) {
        conn_drop_backlog(c);
        c->owes_drained = false;
        if (c->error == 0)
            c->error = EPIPE;
        conn_arm(c); // stays open for reading: the peer may have said why

        c->handler->hangup(c, c->owner);
        return true;
    }
    c->owes_drained = c->backlog_n > 0;
    conn_arm(c);
    if (!c->owes_drained)
        c->handler->drained(c, c->owner);
    return !c->owes_drained;
}

// Whether there is more to the event than data: the poll asks without taking the error away.
static bool is_hung_up(const struct conn *c, short what)
{
    if ((what & EV_CLOSED) != 0)
        return true;
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static void on_open(struct conn *c, short what)
{
    // One thing said in an event; the socket (or being added again, if edge triggered) repeats the rest.
    short writes = c->tls_write_wants_read ? EV_READ | EV_WRITE : EV_WRITE;
    if (c->owes_drained && (what & writes) != 0 && write_on(c))
        return;
    if (c->interest == CONN_WATCH_HANGUP) {
        if ((what & (EV_READ | EV_CLOSED)) == 0 || !is_hung_up(c, what))
            return;
        c->interest = CONN_WATCH_NONE; // once
        conn_arm(c);
        c->handler->hangup(c, c->owner);
        return;
    }
    bool tls_goes_on = c->tls_wants_write && (what & EV_WRITE) != 0;
    if (c->interest != CONN_WATCH_READ || ((what & EV_READ) == 0 && !tls_goes_on))
        return;
    if (c->tls_wants_write) {
        c->tls_wants_write = false;
        conn_arm(c);
    }
    c->handler->readable(c, c->owner);
    conn_kick(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct conn *c = arg;
    loop_turn(c->loop);
    switch (c->phase) {
    case CONN_CONNECTING: on_connecting(c, what); break;
    case CONN_HANDSHAKE: on_handshake(c); break;
    case CONN_OPEN: on_open(c, what); break;
    case CONN_FINISHING: conn_finish_event(c); break;
    default: break;
    }
}

// --- life ------------------------------------------------------------------------------------

void conn_init(struct conn *c, struct loop *loop, const struct conn_handler *handler, void *owner)
{
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->loop = loop;
    c->handler = handler;
    c->owner = owner;
    c->ops = &conn_plain;
}

// Failures are harmless: not every kind of socket knows these.
void conn_set_options(int fd, sa_family_t family, int keepalive_s)
{
    const int on = 1;
    if (family == AF_UNIX)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive_s <= 0)
        return;
    const int interval = keepalive_s < 3 ? 1 : keepalive_s / 3;
    const int probes = 3;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive_s, sizeof keepalive_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void prepare(int fd, int keepalive_s)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct sockaddr_storage self = {.ss_family = AF_UNIX};
    socklen_t n = sizeof self;
    (void)getsockname(fd, (struct sockaddr *)&self, &n);
    conn_set_options(fd, self.ss_family, keepalive_s);
}

void conn_attach(struct conn *c, int fd, int keepalive_s)
{
    assert(c->fd < 0 && c->phase == CONN_IDLE);
    if (keepalive_s != CONN_PREPARED)
        prepare(fd, keepalive_s);
    c->fd = fd;
    c->error = 0;
    c->phase = CONN_OPEN;
    conn_arm(c);
}

enum sl_code conn_connect(struct conn *c, const struct address *to, int keepalive_s)
{
    assert(c->fd < 0 && c->phase == CONN_IDLE);
    c->error = 0;
    int fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        c->error = errno;
        return SL_EIO;
    }
    conn_set_options(fd, to->sa.ss_family, keepalive_s);
    if (connect(fd, (const struct sockaddr *)&to->sa, to->len) != 0 && errno != EINPROGRESS) {
        c->error = errno;
        close(fd);
        return SL_EIO;
    }
    c->fd = fd;
    c->phase = CONN_CONNECTING;
    conn_arm(c); // also when it is connected already: the socket is writable then
    return SL_OK;
}

void conn_take(struct conn *to, struct conn *from)
{
    assert(to->fd < 0 && to->phase == CONN_IDLE && to->loop == from->loop);
    assert(from->phase == CONN_OPEN && from->backlog_n == 0 && !from->owes_drained);
    from->interest = CONN_WATCH_NONE;
    from->tls_wants_write = false;
    conn_arm(from); // takes its event away
    to->fd = from->fd;
    to->phase = CONN_OPEN;
    to->interest = CONN_WATCH_NONE;
    to->ops = from->ops;
    to->tls = from->tls;
    to->tls_dry = from->tls_dry;
    to->tls_write_wants_read = from->tls_write_wants_read;
    to->error = 0;
    from->fd = -1;
    from->phase = CONN_IDLE;
    from->ops = &conn_plain;
    from->tls = NULL;
}

void conn_close(struct conn *c)
{
    if (c->finish != NULL)
        conn_finish_cancel(c);
    if (c->phase == CONN_OPEN)
        c->ops->end(c);
    c->phase = CONN_IDLE;
    c->owes_drained = c->tls_wants_write = c->tls_write_wants_read = c->tls_dry = false;
    c->interest = CONN_WATCH_NONE;
    conn_arm(c);
    conn_drop_backlog(c);
    c->ops->release(c);
    c->ops = &conn_plain;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

bool conn_is_open(const struct conn *c)
{
    return c->fd >= 0 && (c->phase == CONN_OPEN || c->phase == CONN_HANDSHAKE);
}

bool conn_is_tls(const struct conn *c)
{
    return c->tls != NULL;
}

int conn_error(const struct conn *c)
{
    return c->error;
}

const char *conn_error_text(const struct conn *c, char *out, size_t size)
{
    if (c->error >= 0) {
        snprintf(out, size, "%s", c->error == 0 ? "no error" : strerror(c->error));
        return out;
    }
    unsigned long e = (unsigned long)-(long)c->error;
    const char *reason = ERR_reason_error_string(e);
    // The verdict is kept by the session, until conn_close.
    long verdict = c->tls != NULL ? SSL_get_verify_result(c->tls) : X509_V_OK;
    if (verdict != X509_V_OK)
        snprintf(out, size, "TLS: %s", X509_verify_cert_error_string(verdict));
    else
        snprintf(out, size, "TLS: %s", reason != NULL ? reason : "unknown error");
    return out;
}
