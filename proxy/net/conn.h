// A connection: one non-blocking socket on one loop, plain or TLS, with what the peer has not
// taken yet.
//
//     conn_read(scratch) <── socket          conn_send ──> socket
//                                                 └─ not taken ─> backlog ─ writable ─> socket
//
// An idle connection owns no buffer: reads go to the caller's scratch memory, writes go directly
// to the socket, and only what the peer does not take is kept until it is gone.
//
// Callbacks come from the loop, never from inside conn_read or conn_send. After conn_close no
// callback comes any more; the struct may be freed at the end of the turn (loop_defer).
#ifndef SLUICE_NET_CONN_H
#define SLUICE_NET_CONN_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/tls.h"

struct conn;

// No entry is NULL. `owner` is what conn_attach was given.
struct conn_handler {
    void (*readable)(struct conn *c, void *owner);  // conn_read will not say SL_EAGAIN at once
    void (*drained)(struct conn *c, void *owner);   // the backlog is gone
    void (*connected)(struct conn *c, void *owner); // after conn_connect; conn_error says how
    void (*secured)(struct conn *c, void *owner);   // TLS handshake over; conn_error says how
    // The peer closed or reset while only CONN_WATCH_HANGUP was set (watched for no more then);
    // or, whatever is watched, the backlog could not be written: it is dropped, conn_error says
    // why, and reading may still work.
    void (*hangup)(struct conn *c, void *owner);
};

// What we want to hear of. Setting the same again costs nothing.
enum conn_interest {
    CONN_WATCH_NONE,
    CONN_WATCH_HANGUP, // only that the peer closed (data may be waiting unread)
    CONN_WATCH_READ,
};

struct conn_ops; // plain or TLS, conn_internal.h
struct conn_finish;

struct conn {
    int fd; // -1: closed or not open yet
    uint8_t interest;
    uint8_t phase;             // conn_internal.h: idle, connecting, TLS handshake, open, finishing
    int16_t armed;             // what `event` is added for, 0: it is not added
    bool owes_drained;         // there was a backlog for the loop to write: `drained` must come
    bool tls_wants_write;      // a TLS read or handshake goes on when the socket takes bytes
    bool tls_write_wants_read; // a TLS write goes on when the socket has bytes
    bool tls_dry;              // what TLS holds is less than a record
    bool kicked;               // `readable` will be called without a socket event
    const struct conn_ops *ops;
    void *tls; // SSL, or NULL
    struct loop *loop;
    const struct conn_handler *handler;
    void *owner;
    struct event event;
    uint8_t *backlog; // heap, NULL while empty
    uint32_t backlog_at, backlog_n, backlog_size;
    int error; // errno of the last failure, 0: none; negative: TLS (see conn_error_text)
    struct conn_finish *finish; // heap, NULL unless conn_finish was called
};

// Zeroes and prepares; no allocation.
void conn_init(struct conn *c, struct loop *loop, const struct conn_handler *handler, void *owner);
// Takes over an accepted socket (sets non-blocking, close-on-exec, TCP_NODELAY, keep-alive of
// `keepalive_s` seconds; 0: off).
// CONN_PREPARED: a listener has accepted it (non-blocking, close-on-exec), and its options are
// inherited from the listening socket: eight system calls less for each connection.
#define CONN_PREPARED (-1)
void conn_attach(struct conn *c, int fd, int keepalive_s);
// The options themselves, for a listening socket (Linux: accepted ones inherit them).
void conn_set_options(int fd, sa_family_t family, int keepalive_s);
// Starts connecting; `connected` comes later, or an error at once. SL_EIO.
// With CONN_WATCH_READ set beforehand the peer is one that speaks first: `connected` comes with its
// first bytes, and two changes of the event are saved.
SL_CHECKED enum sl_code conn_connect(struct conn *c, const struct address *to, int keepalive_s);
// Starts TLS on an open connection with an empty backlog; `secured` comes later. Clients send their
// TLS hello right behind the SSLRequest: whoever reads the SSLRequest must not read beyond it.
// What is sent before `secured` waits in the backlog. SL_ECONFLICT, SL_EIO.
SL_CHECKED enum sl_code conn_start_tls(struct conn *c, struct tls_context *context, bool server);
// Hands an open connection with an empty backlog over to another struct, which is closed: `to` keeps
// its own handler and owner and watches nothing yet; `from` is as after conn_close. What TLS has
// read already is announced as soon as `to` watches for reading.
void conn_take(struct conn *to, struct conn *from);
bool conn_is_open(const struct conn *c);
bool conn_is_tls(const struct conn *c);
// Closes now, drops the backlog. Idempotent. TLS: sends close_notify if that does not block.
void conn_close(struct conn *c);
// Closes politely: writes the backlog (5 s at most), ends our direction, and reads and drops what
// the peer still sends until it closes, 200 ms have passed or 64 KiB have come. A plain close with
// unread data resets the connection, and the peer may lose the last thing that was said to it.
// The handler hears nothing more; `closed(arg)` comes at the end of a turn, when the connection is
// closed, and may free the struct. conn_close before that cancels it, and `closed` does not come.
void conn_finish(struct conn *c, void (*closed)(void *arg), void *arg);
void conn_watch(struct conn *c, enum conn_interest interest);

// Bytes read (> 0), SL_EAGAIN, SL_ECLOSED (orderly end) or SL_EIO.
int conn_read(struct conn *c, uint8_t *p, size_t n);
// True when TLS holds bytes that no socket event will announce. Reading again now saves time, but
// need not be: while CONN_WATCH_READ is set, `readable` is called for them in the next turn.
bool conn_has_buffered(const struct conn *c);
// Takes all `n` bytes (directly or into the backlog), or fails: SL_ECLOSED, SL_EIO, SL_ETOOBIG
// (backlog above CONN_BACKLOG_MAX). The caller stops reading its source while conn_backlog > 0.
// `drained` follows every conn_send or conn_flush that left a backlog, also when a later call of
// these has written it.
#define CONN_BACKLOG_MAX ((size_t)4 << 20)
SL_CHECKED enum sl_code conn_send(struct conn *c, const void *p, size_t n);
// Without trying to write: collects, for several sends that conn_flush then writes at once.
SL_CHECKED enum sl_code conn_queue(struct conn *c, const void *p, size_t n);
SL_CHECKED enum sl_code conn_flush(struct conn *c);
static inline size_t conn_backlog(const struct conn *c)
{
    return c->backlog_n;
}
// 0, or a text for c->error.
int conn_error(const struct conn *c);
const char *conn_error_text(const struct conn *c, char *out, size_t size);

#endif
