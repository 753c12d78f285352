// Rules over peer addresses. Both sides are brought to one form first (IPv4-mapped IPv6 becomes
// IPv4), so that matching is comparing the first bits of two arrays.
#include "base/cidr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define IPV4_BITS 32u
#define IPV6_BITS 128u

// ::ffff:0:0/96 (RFC 4291, 2.5.5.2).
static const uint8_t mapped_prefix[12] = {[10] = 0xFF, [11] = 0xFF};
#define MAPPED_BITS 96u

static const struct {
    const char *text;
    enum cidr_kind kind;
} names[] = {{"localhost", CIDR_LOCALHOST}, {"unix", CIDR_UNIX}};

#define NAME_COUNT (sizeof names / sizeof names[0])

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

// Sets what lies behind the prefix to zero; false if something was not.
static bool clear_host_bits(struct cidr *rule)
{
    bool clean = true;
    for (unsigned i = 0; i < sizeof rule->addr; i++) {
        unsigned keep = rule->prefix > i * 8 ? rule->prefix - i * 8 : 0;
        uint8_t mask = (uint8_t)(keep >= 8 ? 0xFFu : 0xFF00u >> keep);
        clean = clean && (rule->addr[i] & ~mask) == 0;
        rule->addr[i] = (uint8_t)(rule->addr[i] & mask);
    }
    return clean;
}

// A mapped rule becomes the IPv4 rule that it means.
static void unmap(struct cidr *rule)
{
    if (rule->kind != CIDR_IPV6 || rule->prefix < MAPPED_BITS ||
        memcmp(rule->addr, mapped_prefix, sizeof mapped_prefix) != 0)
        return;
    memmove(rule->addr, rule->addr + sizeof mapped_prefix, 4);
    memset(rule->addr + 4, 0, sizeof rule->addr - 4);
    rule->kind = CIDR_IPV4;
    rule->prefix = (uint8_t)(rule->prefix - MAPPED_BITS);
}

static bool parse_address(const char *s, struct cidr *out)
{
    *out = (struct cidr){.kind = CIDR_IPV4, .prefix = IPV4_BITS};
    if (inet_pton(AF_INET, s, out->addr) == 1)
        return true;
    *out = (struct cidr){.kind = CIDR_IPV6, .prefix = IPV6_BITS};
    return inet_pton(AF_INET6, s, out->addr) == 1;
}

static enum sl_code parse_prefix(const char *s, const char *bits, struct cidr *rule,
                                 struct sl_error *err)
{
    uint64_t prefix;
    if (text_parse_u64(bits, &prefix) != SL_OK || prefix > rule->prefix)
        return sl_fail(err, SL_EINVAL, "\"%s\": expected a prefix of 0 to %u bits, found \"%s\"", s,
                       rule->prefix, bits);
    rule->prefix = (uint8_t)prefix;
    if (!clear_host_bits(rule)) {
        char net[CIDR_TEXT_MAX];
        return sl_fail(err, SL_EINVAL,
                       "\"%s\": bits are set behind the prefix, expected the network \"%s\"", s,
                       cidr_format(rule, net, sizeof net));
    }
    return SL_OK;
}

enum sl_code cidr_parse(const char *s, struct cidr *out, struct sl_error *err)
{
    if (s == NULL)
        return sl_fail(err, SL_EINVAL, "expected an address or a network, found nothing");
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(s, names[i].text) == 0) {
            *out = (struct cidr){.kind = names[i].kind};
            return SL_OK;
        }
    }
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(s, "/");
    struct cidr rule;
    if (!text_copy_n(address, sizeof address, s, len) || !parse_address(address, &rule))
        return sl_fail(err, SL_EINVAL,
                       "\"%s\": expected an IPv4 or IPv6 address, address/bits, \"localhost\" or "
                       "\"unix\"",
                       s);
    if (s[len] == '/') {
        enum sl_code code = parse_prefix(s, s + len + 1, &rule, err);
        if (code != SL_OK)
            return code;
    }
    unmap(&rule);
    *out = rule;
    return SL_OK;
}

// The peer as a rule for itself; CIDR_NONE for families that have no rules.
static struct cidr peer_address(const struct sockaddr *peer)
{
    struct cidr at = {.kind = CIDR_NONE};
    // Copies, since a sockaddr need not be aligned for what it holds.
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        at = (struct cidr){.kind = CIDR_IPV4, .prefix = IPV4_BITS};
        memcpy(at.addr, &in.sin_addr, sizeof in.sin_addr);
    } else if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof in6);
        at = (struct cidr){.kind = CIDR_IPV6, .prefix = IPV6_BITS};
        memcpy(at.addr, &in6.sin6_addr, sizeof in6.sin6_addr);
        unmap(&at);
    } else if (peer->sa_family == AF_UNIX) {
        at.kind = CIDR_UNIX;
    }
    return at;
}

static bool is_loopback(const struct cidr *at)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    return (at->kind == CIDR_IPV4 && at->addr[0] == 127) ||
           (at->kind == CIDR_IPV6 && memcmp(at->addr, loopback6, sizeof loopback6) == 0);
}

static bool match_address(const struct cidr *rule, const struct cidr *at)
{
    switch (rule->kind) {
    case CIDR_NONE: return false;
    case CIDR_UNIX: return at->kind == CIDR_UNIX;
    case CIDR_LOCALHOST: return at->kind == CIDR_UNIX || is_loopback(at);
    case CIDR_IPV4:
    case CIDR_IPV6:
        assert(rule->prefix <= (rule->kind == CIDR_IPV4 ? IPV4_BITS : IPV6_BITS));
        return at->kind == rule->kind && same_bits(rule->addr, at->addr, rule->prefix);
    }
    return false;
}

bool cidr_match_any(const struct cidr *rules, size_t count, const struct sockaddr *peer)
{
    if (peer == NULL)
        return false;
    const struct cidr at = peer_address(peer);
    for (size_t i = 0; i < count; i++) {
        if (match_address(&rules[i], &at))
            return true;
    }
    return false;
}

bool cidr_match(const struct cidr *rule, const struct sockaddr *peer)
{
    return cidr_match_any(rule, 1, peer);
}

const char *cidr_format(const struct cidr *rule, char *out, size_t size)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (rule->kind == names[i].kind) {
            (void)snprintf(out, size, "%s", names[i].text);
            return out;
        }
    }
    bool v4 = rule->kind == CIDR_IPV4;
    char address[INET6_ADDRSTRLEN];
    if (rule->kind == CIDR_NONE ||
        inet_ntop(v4 ? AF_INET : AF_INET6, rule->addr, address, sizeof address) == NULL)
        (void)snprintf(out, size, "none");
    else if (rule->prefix == (v4 ? IPV4_BITS : IPV6_BITS))
        (void)snprintf(out, size, "%s", address);
    else
        (void)snprintf(out, size, "%s/%u", address, rule->prefix);
    return out;
}
