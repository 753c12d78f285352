// PROXY headers: there and back, and the ones to refuse.
#include "wire/proxyv2.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static struct sockaddr_storage address(int family, const char *text, uint16_t port)
{
    struct sockaddr_storage out = {0};

    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        cr_assert_eq(inet_pton(AF_INET, text, &in.sin_addr), 1);
        memcpy(&out, &in, sizeof in);
    } else {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        cr_assert_eq(inet_pton(AF_INET6, text, &in.sin6_addr), 1);
        memcpy(&out, &in, sizeof in);
    }
    return out;
}

static struct buf encoded(struct sockaddr_storage s, struct sockaddr_storage d)
{
    struct buf b;

    buf_init(&b, 0);
    proxyv2_encode((struct sockaddr *)&s, (struct sockaddr *)&d, &b);
    return b;
}

Test(proxyv2, both_families_go_round)
{
    static const struct {
        int family;
        const char *source, *destination;
        int length;
    } rows[] = {{AF_INET, "192.0.2.7", "198.51.100.1", 28}, {AF_INET6, "2001:db8::7", "::1", 52}};

    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_storage s = address(rows[i].family, rows[i].source, 40000);
        struct sockaddr_storage d = address(rows[i].family, rows[i].destination, 3306);
        struct buf b = encoded(s, d);
        struct proxyv2 p;
        cr_expect_eq(proxyv2_length(b.p, b.n), rows[i].length);
        cr_assert_eq(proxyv2_decode((struct slice){b.p, b.n}, &p, NULL), SL_OK);
        cr_expect(!p.local);
        cr_expect_eq(memcmp(&p.source, &s, sizeof s), 0);
        cr_expect_eq(memcmp(&p.destination, &d, sizeof d), 0);
        for (size_t n = 0; n < b.n; n++)
            cr_expect_eq(proxyv2_decode((struct slice){b.p, n}, &p, NULL), SL_EPROTO);
        buf_release(&b);
    }
}

Test(proxyv2, mixed_families_are_sent_as_local)
{
    struct buf b = encoded(address(AF_INET, "192.0.2.7", 1), address(AF_INET6, "::1", 2));
    struct proxyv2 p;

    cr_expect_eq(b.n, PROXYV2_PREFIX);
    cr_assert_eq(proxyv2_decode((struct slice){b.p, b.n}, &p, NULL), SL_OK);
    cr_expect(p.local && p.source.ss_family == AF_UNSPEC);
    buf_release(&b);
}

Test(proxyv2, refused_and_other_families)
{
    struct buf b = encoded(address(AF_INET, "192.0.2.7", 1), address(AF_INET, "192.0.2.8", 2));
    struct slice all = {b.p, b.n};
    struct proxyv2 p;

    b.p[13] = 0x31; // unix stream: legal, tells us nothing
    cr_expect_eq(proxyv2_decode(all, &p, NULL), SL_OK);
    cr_expect(!p.local && p.source.ss_family == AF_UNSPEC);
    b.p[13] = 0x21; // IPv6, but room for IPv4 only
    cr_expect_eq(proxyv2_decode(all, &p, NULL), SL_EPROTO);
    b.p[12] = 0x22;
    cr_expect_eq(proxyv2_decode(all, &p, NULL), SL_EPROTO);
    b.p[12] = 0x11;
    cr_expect_eq(proxyv2_length(b.p, b.n), SL_EPROTO);
    b.p[12] = 0x21;
    b.p[14] = 0xFF;
    cr_expect_eq(proxyv2_length(b.p, b.n), SL_ETOOBIG);
    cr_expect_eq(proxyv2_decode(all, &p, NULL), SL_ETOOBIG);
    cr_expect_eq(proxyv2_length((const uint8_t *)"PROXY TCP4 192.0", 16), 0);
    buf_release(&b);
}
