// The authentication plugins by name, and the bytes that their exchanges have in common.
//
// Sources: dev.mysql.com page_protocol_connection_phase_authentication_methods,
// page_caching_sha2_authentication_exchanges, page_protocol_connection_phase_packets.
#ifndef SLUICE_AUTH_PLUGIN_H
#define SLUICE_AUTH_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

// First bytes of the server's packets. Anything else is a plugin's own.
#define FROM_SERVER_OK 0x00
#define FROM_SERVER_MORE 0x01
#define FROM_SERVER_NEXT_FACTOR 0x02
#define FROM_SERVER_SWITCH 0xFE
#define FROM_SERVER_ERR 0xFF
// caching_sha2_password, behind FROM_SERVER_MORE.
#define FAST_OK 0x03
#define FULL_PLEASE 0x04
// dialog: what a question's first byte says, shifted by one; the lowest bit marks the last one.
#define DIALOG_PASSWORD 2

// Those with a part to play; others are known by name only.
enum plugin {
    PLUGIN_UNKNOWN,
    PLUGIN_NATIVE,
    PLUGIN_CACHING_SHA2,
    PLUGIN_SHA256,
    PLUGIN_CLEAR,
    PLUGIN_DIALOG,
};

// What a side's packets travel on. Over a unix socket caching_sha2_password sends the password in
// clear, but sha256_password wants TLS for that (servers: MySQL 9.7; clients: libmysql, libmariadb).
enum exchange_channel { EXCHANGE_PLAIN, EXCHANGE_TLS, EXCHANGE_LOCAL };

// An enum plugin, or the number of another one that is known by name.
uint8_t plugin_find(struct slice name);
const char *plugin_name(uint8_t plugin); // static
// What asks for the public key; 0: the plugin knows no keys.
uint8_t plugin_key_request(uint8_t plugin);
// Whether a password goes in clear there.
bool plugin_is_secure(uint8_t plugin, uint8_t channel);

#endif
