// Who may: rules over peer addresses, for drain rules, testers and trusted PROXY protocol senders.
//
//     10.0.0.0/8   ::1/128   192.0.2.7   fe80::1   localhost   unix
//
// An IPv4 client on an IPv6 socket (::ffff:a.b.c.d) is an IPv4 client: it matches IPv4 rules, and
// no IPv6 rule, not even ::/0. A unix-socket peer has no address and matches by name only.
#ifndef SLUICE_BASE_CIDR_H
#define SLUICE_BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum cidr_kind {
    CIDR_NONE, // a zeroed rule, matches nobody
    CIDR_IPV4,
    CIDR_IPV6,
    CIDR_LOCALHOST, // 127.0.0.0/8, ::1 and unix sockets
    CIDR_UNIX,      // unix sockets only
};

struct cidr {
    enum cidr_kind kind;
    uint8_t prefix;   // bits that count: 0 to 32, or to 128
    uint8_t addr[16]; // network byte order; IPv4 in the first four; zero behind the prefix
};

// Enough for any rule as text.
#define CIDR_TEXT_MAX 56

// A plain address is a rule for that one. SL_EINVAL, with a text, for anything else than the
// forms above: no host names, no scopes, and no bits set behind the prefix (10.0.0.1/8 is more
// often a typing error than a network). `out` is written on success only.
SL_CHECKED enum sl_code cidr_parse(const char *s, struct cidr *out, struct sl_error *err);

// `peer` is what accept(2) or getpeername(2) wrote, or NULL (matches nothing). AF_UNSPEC and
// other families match nothing.
bool cidr_match(const struct cidr *rule, const struct sockaddr *peer);
// Whether one of `count` rules matches.
bool cidr_match_any(const struct cidr *rules, size_t count, const struct sockaddr *peer);

// As cidr_parse reads it, a single address without its prefix. Returns `out`.
const char *cidr_format(const struct cidr *rule, char *out, size_t size);

#endif
