// Addresses as people write them: "127.0.0.1:3306", "[::1]:3306", "db.example:3306", "*:3306",
// "unix:/run/x.sock".
#ifndef SLUICE_NET_ADDRESS_H
#define SLUICE_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"

struct address {
    struct sockaddr_storage sa;
    socklen_t len; // 0: none
};

#define ADDRESS_TEXT_MAX 128

// Blocking (getaddrinfo) when `host` is a name; never in a loop thread. `host` may be "unix:/path"
// (then `port` is ignored) or "*" (all addresses; IPv6 socket that takes IPv4 too).
SL_CHECKED enum sl_code address_resolve(const char *host, unsigned port, struct address *out,
                                        struct sl_error *err);
// "10.0.0.1:3306", "[::1]:3306", "unix:/path" or "unix". Returns `out`.
const char *address_format(const struct address *a, char *out, size_t size);
// Only the host part; "localhost" for a unix socket.
const char *address_format_host(const struct address *a, char *out, size_t size);
bool address_is_unix(const struct address *a);

#endif
