// What a session holds only while a login (or COM_CHANGE_USER) is going on. Internal to session/.
//
//   PROXY ─> WAIT ─> GREETING ─> CLIENT_FIRST ──────────────> EXCHANGE ─> (relay)
//   header           server's     │    ^                        ^
//                                 v    │ SSLRequest              │ backend TLS
//                             CLIENT_TLS ─> CLIENT_LOGIN ─> SERVER_TLS
#ifndef SLUICE_SESSION_LOGIN_H
#define SLUICE_SESSION_LOGIN_H

#include "session/session.h"
#include "session/traffic.h"

#define LOGIN_STEPS(X)                                                                             \
    X(PROXY)        /* the balancer's PROXY header is being read */                                \
    X(WAIT)         /* nothing yet: the gate is closed, or the link is being opened */             \
    X(GREETING)     /* the server's greeting is awaited */                                         \
    X(CLIENT_FIRST) /* the client's SSLRequest or login: at most 36 bytes are read */              \
    X(CLIENT_TLS)   /* handshake with the client */                                                \
    X(CLIENT_LOGIN) /* the client's login */                                                       \
    X(SERVER_TLS)   /* handshake with the server */                                                \
    X(EXCHANGE)     /* packets pass both ways until OK or ERR */

enum login_step_name {
#define X(name) STEP_##name,
    LOGIN_STEPS(X)
#undef X
};

struct login_step {
    uint8_t step;         // enum login_step_name
    bool client_is_local; // on a unix socket
    uint8_t client_seq;   // of the client's last packet
    struct address peer;
    struct routes *routes;             // a reference: contexts must outlive their handshakes
    const struct backend_route *route; // of the link, in `routes`
    struct buf in_client, in_server;
    struct buf greeting_bytes, login_bytes; // what the structs below borrow from
    struct greeting greeting;
    struct login login;
    struct exchange exchange;
    bool exchanging; // `exchange` is initialised
    bool answered;   // the client has, and was sent back to wait: it is asked anew (login_park)
};

// The next sequence number towards the client, for an error of our own.
uint8_t login_next_client_seq(const struct session *s);
uint64_t login_client_caps(const struct session *s);
// A TLS handshake with the client is under way: nothing can be said.
bool login_is_securing(const struct session *s);

// What kind of channel a side is, for the plugins that care.
enum exchange_channel login_channel(const struct conn *c, bool is_local);
// Reads once, so that `in` holds at most `limit` bytes. False when the session has ended (with
// `on_close`, if the peer closed) or there is nothing new.
bool login_read(struct session *s, struct conn *c, struct buf *in, size_t limit,
                enum session_end_reason on_close);
// The first packet of `in`: 1 when it is whole, 0 when more must be read, negative when too large.
int login_first_packet(const struct buf *in, struct slice *payload, uint8_t *seq);
// login_link.c: what the events of the first half mean.
void login_read_proxy_header(struct session *s);
void login_connected(struct conn *c, void *owner);
void login_read_greeting(struct session *s);
// The client has answered, and is none of those whom the closed gate lets through: its link is given
// up, and it waits. Another link's server will ask it for its password again, since an answer is
// good for one greeting only.
void login_park(struct session *s);
// login.c: the next link has greeted a client that was parked.
void login_answer_again(struct session *s);
struct login_step *login_step_new(struct session *s);
// What an exchange wants sent: prepared by login_out_init, sent and released by login_send_out,
// which returns false when the session has ended over it.
void login_out_init(struct exchange_out *out);
bool login_send_out(struct session *s, struct exchange_out *out);
// Takes a packet of either side through the exchange and sends what it wants said. False when the
// session has ended. `status`: the server's, when it has accepted.
bool login_pass(struct session *s, bool from_client, struct slice payload, uint8_t seq,
                uint16_t *status);

#endif
