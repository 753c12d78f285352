// A client and a server that know the password plugins, with real hashes and real RSA, to be put on
// both sides of an exchange. Each checks the other's sequence numbers.
#ifndef SLUICE_TEST_AUTH_SIDES_H
#define SLUICE_TEST_AUTH_SIDES_H

#include "auth/exchange.h"

struct side {
    const char *plugin;   // server: the account's; client: its own default
    const char *password; // server: the account's; client: what it says
    enum exchange_channel channel;
    bool cached;    // server: caching_sha2's fast path works
    bool knows_key; // client: has the server's public key from elsewhere
    bool change_user;
    bool stubborn; // client: as libmariadb, native answers are to its first scramble
    uint8_t scramble[20];
    struct rsa_key *key; // the server's
    struct buf out;      // whole packets for the other side
    uint8_t seq;         // next, on this side
    bool asked_key, full, over, accepted;
    int packets;       // received
    const char *wrong; // a violation of the protocol
};

void server_greeting(struct side *s, struct greeting *g);
// The client's login (payload only), or its COM_CHANGE_USER.
void client_login(struct side *c, const struct greeting *g, uint64_t caps, struct buf *payload);
// One packet: payload and its sequence number.
void client_take(struct side *c, struct slice payload, uint8_t seq);
void server_take(struct side *s, struct slice payload, uint8_t seq);

#endif
