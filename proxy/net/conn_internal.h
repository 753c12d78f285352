// Between the files of a connection: conn.c (life and events), conn_io.c (bytes and backlog),
// conn_tls.c (the TLS side) and conn_finish.c (closing politely).
#ifndef SLUICE_NET_CONN_INTERNAL_H
#define SLUICE_NET_CONN_INTERNAL_H

#include "net/conn.h"

// idle ─ attach ──────────────> open ─ start_tls ─> handshake ─> open ─ finish ─> finishing ─> idle
//   └── connect ─> connecting ─┘                                 conn_close: from anywhere to idle
enum conn_phase {
    CONN_IDLE, // no socket, or one that failed and waits for conn_close
    CONN_CONNECTING,
    CONN_HANDSHAKE,
    CONN_OPEN,
    CONN_FINISHING,
};

// How bytes pass. No entry is NULL. `read` and `write` return a count above 0, or SL_EAGAIN,
// SL_ECLOSED or SL_EIO, and set c->error for the last.
struct conn_ops {
    int (*read)(struct conn *c, uint8_t *p, size_t n);
    int (*write)(struct conn *c, const uint8_t *p, size_t n);
    bool (*has_buffered)(const struct conn *c);
    void (*end)(struct conn *c);     // tells the peer that no more will come, if it can at once
    void (*release)(struct conn *c); // memory; the socket is closed by the caller
};

extern const struct conn_ops conn_plain;
extern const struct conn_ops conn_tls;

// conn.c: adds the event for what phase, interest and backlog ask for now. Costs nothing when that
// is what it is added for already.
void conn_arm(struct conn *c);
// Lets `readable` come without a socket event, when TLS holds bytes that are wanted.
void conn_kick(struct conn *c);

// conn_io.c: writes what the peer takes of the backlog.
enum sl_code conn_write_backlog(struct conn *c);
void conn_drop_backlog(struct conn *c);

// conn_tls.c: goes on with the handshake. SL_EAGAIN while it is not over.
enum sl_code conn_tls_handshake(struct conn *c);

// conn_finish.c: an event while finishing; conn_close while finishing.
void conn_finish_event(struct conn *c);
void conn_finish_cancel(struct conn *c);

#endif
