// Logging in on a server as a client does, with a secret from the vault: for a session's next link.
//
//   server's greeting ──> enter_begin ──> handshake response ──> server
//   switch, more data ──> enter_packet ──> answer            ──> server     until OK or ERR
//
// Pure: whole packets in and out, no sockets. Plugins: mysql_native_password,
// caching_sha2_password, sha256_password (in clear over a secure channel, else with the server's
// RSA key), mysql_clear_password (over TLS only), dialog with one question.
#ifndef SLUICE_AUTH_ENTER_H
#define SLUICE_AUTH_ENTER_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/exchange.h"
#include "auth/vault.h"
#include "wire/handshake.h"

#define ENTER_STATES(X)                                                                            \
    X(WAIT)     /* for the server's next packet */                                                 \
    X(WAIT_KEY) /* asked for the server's public key */                                            \
    X(IN)                                                                                          \
    X(REFUSED)

enum enter_state {
#define X(name) ENTER_##name,
    ENTER_STATES(X)
#undef X
};

struct enter {
    uint8_t state;   // enum enter_state
    uint8_t plugin;  // enum plugin
    uint8_t channel; // enum exchange_channel
    uint8_t seq;     // next sequence number
    bool asked;      // dialog's question was answered
    uint8_t scramble[SCRAMBLE_MAX];
    uint8_t scramble_len;
    uint64_t caps;
    struct secret *secret; // borrowed
    bool locked;           // REFUSED because the account is locked just now: later it may not be
    bool denied;           // REFUSED because of the account itself: it would be again
    char problem[192];     // why REFUSED, for operators: the server's text, never a secret
};

// Writes the handshake response (a whole packet with header, sequence number `seq`) to `out`, which
// may hold a secret: the caller wipes it. `l` carries user, database, attributes, charset,
// max_packet and caps as they shall be (CAP_SSL set by the caller when the channel has TLS); its
// auth and plugin are ignored. `secret` outlives the login.
// SL_EUNSUPPORTED: the secret does not suit the server's plugin, and no switch can be hoped for.
SL_CHECKED enum sl_code enter_begin(struct enter *e, struct secret *secret,
                                    const struct greeting *g, const struct login *l,
                                    enum exchange_channel channel, uint8_t seq, struct buf *out,
                                    struct sl_error *err);
// The server's next packet. ENTER_IN: `status` is the server's. ENTER_REFUSED: see e->problem.
// SL_EPROTO; SL_EUNSUPPORTED (a plugin for which the secret is of no use, or a password in clear
// over an insecure channel: never sent).
SL_CHECKED enum sl_code enter_packet(struct enter *e, struct slice payload, uint8_t seq,
                                     struct buf *out, uint16_t *status, struct sl_error *err);

#endif
