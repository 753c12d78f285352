// Passing a login (or COM_CHANGE_USER) through, packet by packet: the server decides, sluice only
// translates where one side has TLS and the other has not, and learns (auth/vault.h).
//
//   client                       exchange                        server
//   response, answers  ──>  seq rewritten, password re-wrapped  ──>
//                      <──  seq rewritten                       <──  switch, more data, OK, ERR
//
// Pure: whole packets in, whole packets out, no sockets. caching_sha2_password and
// sha256_password send the password in clear over a secure channel and RSA-encrypted over another;
// where the two channels differ the exchange asks the server for its key, or offers ours, and
// re-wraps; so it does, in order to learn, where both have none. Everything else passes unchanged.
#ifndef SLUICE_AUTH_EXCHANGE_H
#define SLUICE_AUTH_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/plugin.h"
#include "auth/rsa.h"
#include "auth/vault.h"
#include "base/bytes.h"
#include "base/error.h"
#include "wire/handshake.h"

#define EXCHANGE_STATES(X)                                                                         \
    X(WAIT_CLIENT)     /* the client's next answer */                                              \
    X(WAIT_SERVER)     /* the server's verdict or next question */                                 \
    X(WAIT_SERVER_KEY) /* asked for the server's public key on our own account */                  \
    X(ACCEPTED)                                                                                    \
    X(REFUSED)

enum exchange_state {
#define X(name) EXCHANGE_##name,
    EXCHANGE_STATES(X)
#undef X
};

// The longest packet we take during a login; the configuration may lower it.
#define EXCHANGE_PACKET_MAX (64u << 10)

// What the login would prove, from the client's last answer.
enum learn_kind {
    LEARN_NOTHING,
    LEARN_EMPTY,
    LEARN_PASSWORD,
    LEARN_NATIVE, // scramble and answer
    LEARN_FAST,   // scramble and answer
};

struct learn {
    struct vault *vault;   // borrowed; NULL: learning is off
    struct secret *secret; // a reference, once the server has accepted
    uint8_t kind;          // enum learn_kind
    bool may_ask;          // the client may be asked for its password on our own account
    bool asking;           // it was; its answer is for us alone
    bool factors;          // the login has more than one
    bool for_password;     // dialog's last question was
    uint8_t questions;     // dialog's, up to 2
    uint8_t *bytes;        // secret memory, owned
    size_t n;
    struct buf user;
    struct buf kept; // the server's packet that waits while the client is asked
};

struct exchange {
    uint8_t state;
    uint8_t plugin;                         // enum plugin: the one in use
    uint8_t client_channel, server_channel; // enum exchange_channel
    bool full;                              // the server asked for full authentication
    bool held;                              // `first` waits for the client's encrypted password
    bool offered;                           // the client got our public key
    bool client_tracks;                     // it negotiated CAP_SESSION_TRACK
    bool moved;                             // the client may answer to `old_scramble` as well
    uint16_t status;                        // the server's, when it has accepted
    uint8_t client_seq, server_seq;         // next sequence number towards each side
    uint8_t scramble[SCRAMBLE_MAX];
    uint8_t scramble_len;
    uint8_t old_scramble[SCRAMBLE_MAX]; // of a link that is gone
    uint64_t caps;
    struct rsa_key *key; // ours, borrowed
    struct buf password; // held only while we wait for the server's key; wiped
    struct buf first;    // the login for the server, with an empty answer
    bool first_lenenc;   // the answer's length may take more than a byte
    size_t first_at;     // where the answer's length stands in `first`
    struct learn learn;
};

// `scramble` and `plugin` as the server's greeting said (COM_CHANGE_USER: as the last ones).
// `caps`: those of the link; the client has the same, but perhaps not CAP_SESSION_TRACK, which
// `client_tracks` says: without it the last OK is rewritten for it. `key` and `vault` (NULL: learning
// is off) outlive the exchange.
void exchange_init(struct exchange *x, struct rsa_key *key, enum exchange_channel client,
                   enum exchange_channel server, const struct greeting *g, uint64_t caps,
                   struct vault *vault, bool client_tracks);
void exchange_release(struct exchange *x); // wipes

// What to send; each buffer gets whole packets with headers, behind what is in it. Either may hold
// a password in clear: the caller wipes them (buf_wipe) when they have been sent.
struct exchange_out {
    struct buf to_client, to_server;
};

// The first packet: the client's handshake response as decoded from its payload, encoded again for
// the server with l->caps less what sluice never offers; the caller has set CAP_SSL there when
// the server's side has TLS (not for a unix socket), else cleared it. Both numbers are the next
// ones: `client_seq` is one more than the response's own, `server_seq` is what goes out. Where
// nothing is put out for the server, the login waits until the client has encrypted its password.
//
// All four: SL_EPROTO (also packets out of order, and a password that was encrypted for a key
// other than ours), SL_ETOOBIG, SL_ECONFLICT (not this side's turn, or over). The text is for the
// client and for the log; after a failure the exchange is of no use any more.
SL_CHECKED enum sl_code exchange_login(struct exchange *x, const struct login *l,
                                       uint8_t client_seq, uint8_t server_seq,
                                       struct exchange_out *out, struct sl_error *err);
// Or: a COM_CHANGE_USER packet (payload with command byte) passes through. `moved`: the link is not
// the one whose scramble the client knows, so that its answer is of no use and the server is made
// to send an authentication switch with a scramble of its own. Then also SL_EUNSUPPORTED: the client
// knows no such switch (no CAP_PLUGIN_AUTH). libmariadb takes no notice of the switch's scramble for
// mysql_native_password: such an answer is turned into one that the server can check, where the
// vault knows the account.
SL_CHECKED enum sl_code exchange_change_user(struct exchange *x, struct slice payload, bool moved,
                                             struct exchange_out *out, struct sl_error *err);
// Each further packet of either side, header taken off, `seq` its sequence number.
SL_CHECKED enum sl_code exchange_from_client(struct exchange *x, struct slice payload, uint8_t seq,
                                             struct exchange_out *out, struct sl_error *err);
// The state may become ACCEPTED or REFUSED with a packet of either side; then `status` is set.
SL_CHECKED enum sl_code exchange_from_server(struct exchange *x, struct slice payload, uint8_t seq,
                                             struct exchange_out *out, struct sl_error *err);
// The client is asked for its password on our own account: the server's OK is not the end yet.
bool exchange_is_asking(const struct exchange *x);
// After ACCEPTED, once: the reference to what was learned, known or not; NULL: learning is off.
struct secret *exchange_take_secret(struct exchange *x);

#endif
