// A login played through an exchange, with sides that know their part (sides.h) or packet by packet.
#ifndef SLUICE_TEST_AUTH_PLAY_H
#define SLUICE_TEST_AUTH_PLAY_H

#include "sides.h"

#define CAPS                                                                                       \
    (CAP_MYSQL | CAP_PROTOCOL_41 | CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH | CAP_CONNECT_WITH_DB | \
     CAP_CONNECT_ATTRS | CAP_PLUGIN_AUTH_LENENC | CAP_TRANSACTIONS)

struct play {
    struct rsa_key *ours, *servers;
    struct side client, server;
    struct exchange x;
    struct exchange_out out;
    struct vault *vault;
    struct sl_error err;
    enum sl_code rc;
};

#define NATIVE "mysql_native_password"
#define CACHING "caching_sha2_password"
#define SHA256 "sha256_password"

extern const char *const play_plugins[3];

// An OK: status 2, nothing else.
#define OK_PACKET "\0\0\0\2\0\0\0"

void play_open(struct play *p);
void play_close(struct play *p);
// Hands each packet of `from` on to the exchange, or of the exchange to a side.
void each_packet(struct play *p, struct buf *from,
                 void (*take)(struct play *p, struct slice payload, uint8_t seq));
void server_gets(struct play *p, struct slice payload, uint8_t seq);
void client_gets(struct play *p, struct slice payload, uint8_t seq);
void from_server(struct play *p, struct slice payload, uint8_t seq);
void from_client(struct play *p, struct slice payload, uint8_t seq);
// TLS on a side costs a sequence number there: the SSLRequest's.
void start(struct play *p);
void run(struct play *p);
// One combination; the bits choose channels, command and whether the fast path works.
void expect_login(struct play *p, const char *mine, const char *accounts, unsigned bits,
                  const char *says, const char *has);
void play_all(struct play *p,
              void (*play)(struct play *p, const char *mine, const char *accounts, unsigned bits));
struct slice text(const char *s);
struct slice bytes(const char *p, size_t n);
// A login with "secret" begins, over these channels.
void open_login(struct play *p, const char *plugin, enum exchange_channel client,
                enum exchange_channel server);
void open_plain(struct play *p, const char *plugin); // ... and its first packet is over
void end_plain(struct play *p);
// The last packet for the client: its number and what it is.
void expect_client_gets(struct play *p, uint8_t seq, const void *payload, size_t n);

#endif
