// The login packets: greeting, SSLRequest, handshake response, authentication switch, and
// COM_CHANGE_USER, decoded to structs that borrow from the packet, and encoded from them.
//
// Sources: dev.mysql.com page_protocol_connection_phase_packets (HandshakeV10, SSLRequest,
// HandshakeResponse41, AuthSwitchRequest), mariadb.com/kb "Connection" (extended capabilities).
#ifndef SLUICE_WIRE_HANDSHAKE_H
#define SLUICE_WIRE_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/caps.h"

#define SCRAMBLE_MAX 64 // 20 bytes for every known plugin; ed25519 and parsec use 32

struct greeting {
    uint8_t protocol; // 10
    struct slice version;
    uint32_t thread_id;
    uint8_t scramble[SCRAMBLE_MAX]; // without the trailing NUL
    uint8_t scramble_len;
    uint64_t caps; // with MariaDB's in the upper half
    uint8_t charset;
    uint16_t status;
    struct slice plugin; // empty when the server has no CAP_PLUGIN_AUTH
};

// `payload` is a whole greeting without its header. An ERR packet instead of a greeting is the
// caller's business (first byte 0xFF). SL_EPROTO or SL_EUNSUPPORTED (protocol 9).
SL_CHECKED enum sl_code greeting_decode(struct slice payload, struct greeting *out,
                                        struct sl_error *err);
// Writes the payload, the same byte for byte when nothing was changed (checked by a test with
// recorded greetings of MariaDB 10.11 and MySQL 9).
void greeting_encode(const struct greeting *g, struct buf *out);

struct login {
    uint64_t caps;
    uint32_t max_packet;
    uint8_t charset;
    bool ssl_request; // the short form: caps, max_packet and charset only
    struct slice user;
    struct slice auth;       // the plugin's first answer
    struct slice database;   // empty unless CAP_CONNECT_WITH_DB
    struct slice plugin;     // empty unless CAP_PLUGIN_AUTH
    struct slice attributes; // connection attributes: the raw key/value list without its length
    struct slice tail;       // whatever follows (zstd level, multi-factor data): kept as it is
};

// HandshakeResponse41 or SSLRequest (32 bytes). SL_EPROTO; SL_EUNSUPPORTED for pre-4.1 clients.
SL_CHECKED enum sl_code login_decode(struct slice payload, struct login *out, struct sl_error *err);
void login_encode(const struct login *l, struct buf *out);
// The 32 byte SSLRequest that goes before `l`.
void login_encode_ssl_request(const struct login *l, struct buf *out);
// The value of a connection attribute ("program_name", "_client_name"), or an empty slice.
struct slice login_attribute(struct slice attributes, const char *key);

struct auth_switch {
    struct slice plugin;
    struct slice data; // scramble, with a trailing NUL in most plugins
};

// 0xFE plugin NUL data. The one-byte 0xFE of pre-4.1 servers gives plugin "mysql_old_password".
SL_CHECKED enum sl_code auth_switch_decode(struct slice payload, struct auth_switch *out,
                                           struct sl_error *err);

struct change_user {
    struct slice user;
    struct slice auth;
    struct slice database;
    uint16_t charset; // 0 when the client sent none
    struct slice plugin;
    struct slice attributes;
};

// `payload` starts with the command byte 0x11; `caps` are the session's.
SL_CHECKED enum sl_code change_user_decode(struct slice payload, uint64_t caps,
                                           struct change_user *out, struct sl_error *err);

#endif
