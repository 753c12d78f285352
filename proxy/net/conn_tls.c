// A connection's TLS side: SSL_* on the same non-blocking socket, with OpenSSL's results turned
// into ours. The error queue belongs to the thread: it is cleared before each call, so that what
// it says afterwards is about this connection.
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/conn_internal.h"
#include "net/tls_internal.h"

// OpenSSL's packed error (31 bits), negative, so that it is told from an errno.
static int packed_error(void)
{
    unsigned long e = ERR_peek_last_error();
    if (e == 0 || ERR_SYSTEM_ERROR(e))
        return errno != 0 ? errno : EIO;
    return -(int)(e & INT_MAX);
}

// What a failed SSL call means; `wants` is set when it must be repeated for want of the socket.
static enum sl_code judge(struct conn *c, int rc, int *wants)
{
    *wants = SSL_get_error(c->tls, rc);
    switch (*wants) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return SL_EAGAIN;
    case SSL_ERROR_ZERO_RETURN: return SL_ECLOSED;
    case SSL_ERROR_SYSCALL:
        if (errno == EPIPE)
            return SL_ECLOSED;
        break;
    default: break;
    }
    c->error = packed_error();
    ERR_clear_error();
    return SL_EIO;
}

static int clamp(size_t n)
{
    return n < INT_MAX ? (int)n : INT_MAX;
}

static int tls_read(struct conn *c, uint8_t *p, size_t n)
{
    ERR_clear_error();
    errno = 0;
    int got = SSL_read(c->tls, p, clamp(n));
    c->tls_dry = got <= 0;
    if (got > 0)
        return got;
    int wants;
    enum sl_code rc = judge(c, got, &wants);
    if (wants == SSL_ERROR_WANT_WRITE) {
        c->tls_wants_write = true;
        conn_arm(c);
    }
    return (int)rc;
}

static int tls_write(struct conn *c, const uint8_t *p, size_t n)
{
    ERR_clear_error();
    errno = 0;
    int put = SSL_write(c->tls, p, clamp(n));
    if (put > 0)
        return put;
    int wants;
    enum sl_code rc = judge(c, put, &wants);
    c->tls_write_wants_read = wants == SSL_ERROR_WANT_READ;
    return (int)rc;
}

static bool tls_has_buffered(const struct conn *c)
{
    // SSL_pending alone does not see whole records that were read ahead.
    return !c->tls_dry && SSL_has_pending(c->tls) == 1;
}

static void tls_end(struct conn *c)
{
    // Not allowed after a fatal error, nor in the middle of a record.
    if (c->error != 0 || c->backlog_n > 0 || !SSL_is_init_finished(c->tls))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(c->tls);
    ERR_clear_error();
}

static void tls_release(struct conn *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}

const struct conn_ops conn_tls = {
    .read = tls_read,
    .write = tls_write,
    .has_buffered = tls_has_buffered,
    .end = tls_end,
    .release = tls_release,
};

enum sl_code conn_start_tls(struct conn *c, struct tls_context *context, bool server)
{
    if (c->phase != CONN_OPEN || c->tls != NULL || c->backlog_n > 0)
        return SL_ECONFLICT;
    SSL *ssl = tls_open(context, c->fd, server);
    if (ssl == NULL) {
        c->error = ENOMEM;
        return SL_EIO;
    }
    c->tls = ssl;
    c->ops = &conn_tls;
    c->phase = CONN_HANDSHAKE;
    c->tls_wants_write = !server; // the client speaks first
    conn_arm(c);
    return SL_OK;
}

enum sl_code conn_tls_handshake(struct conn *c)
{
    ERR_clear_error();
    errno = 0;
    int done = SSL_do_handshake(c->tls);
    c->tls_wants_write = false;
    if (done == 1)
        return SL_OK;
    int wants;
    enum sl_code rc = judge(c, done, &wants);
    c->tls_wants_write = wants == SSL_ERROR_WANT_WRITE;
    if (rc == SL_ECLOSED && c->error == 0)
        c->error = ECONNRESET;
    return rc;
}
