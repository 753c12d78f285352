// PROXY protocol version 2: who the client is, when a balancer stands between.
//
//     | signature (12) | 2 command | family | length (2, big endian) | addresses | TLVs |
//
// Addresses and ports are in network byte order, as sockaddr has them: copied, never converted.
#include "wire/proxyv2.h"

#include <netinet/in.h>
#include <string.h>

#define SIGNATURE_LEN 12
#define VERSION_2 0x20
#define COMMAND_LOCAL 0x00
#define COMMAND_PROXY 0x01

enum family {
    FAMILY_UNSPEC = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
};

static const uint8_t signature[SIGNATURE_LEN] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

int proxyv2_length(const uint8_t *p, size_t n)
{
    if (n < PROXYV2_PREFIX || memcmp(p, signature, SIGNATURE_LEN) != 0)
        return 0;
    if ((p[12] & 0xF0) != VERSION_2)
        return SL_EPROTO;
    int length = PROXYV2_PREFIX + (p[14] << 8 | p[15]);
    return length > PROXYV2_MAX ? SL_ETOOBIG : length;
}

// Fills `out` from the bytes as they stand in the packet.
static void address4(struct sockaddr_storage *out, struct slice address, struct slice port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    memcpy(&in.sin_addr, address.p, sizeof in.sin_addr);
    memcpy(&in.sin_port, port.p, sizeof in.sin_port);
    memcpy(out, &in, sizeof in);
}

static void address6(struct sockaddr_storage *out, struct slice address, struct slice port)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6};

    memcpy(&in.sin6_addr, address.p, sizeof in.sin6_addr);
    memcpy(&in.sin6_port, port.p, sizeof in.sin6_port);
    memcpy(out, &in, sizeof in);
}

// Source address, destination address, source port, destination port.
static bool addresses_decode(struct reader *r, size_t size,
                             void (*fill)(struct sockaddr_storage *, struct slice, struct slice),
                             struct proxyv2 *out)
{
    struct slice source = reader_bytes(r, size);
    struct slice destination = reader_bytes(r, size);
    struct slice source_port = reader_bytes(r, 2);
    struct slice destination_port = reader_bytes(r, 2);

    if (r->failed)
        return false;
    fill(&out->source, source, source_port);
    fill(&out->destination, destination, destination_port);
    return true;
}

enum sl_code proxyv2_decode(struct slice header, struct proxyv2 *out, struct sl_error *err)
{
    int length = proxyv2_length(header.p, header.n);
    bool fits = true;

    memset(out, 0, sizeof *out); // AF_UNSPEC is 0
    if (length == SL_ETOOBIG)
        return sl_fail(err, SL_ETOOBIG, "PROXY header is longer than %d bytes", PROXYV2_MAX);
    if (length <= 0 || (size_t)length > header.n)
        return sl_fail(err, SL_EPROTO, "not a whole PROXY version 2 header");
    struct reader r = reader_make(header.p, (size_t)length);
    reader_skip(&r, SIGNATURE_LEN);
    uint8_t command = reader_u8(&r) & 0x0F;
    uint8_t family = reader_u8(&r);
    reader_skip(&r, 2);
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
        return sl_fail(err, SL_EPROTO, "PROXY header has unknown command %u", command);
    out->local = command == COMMAND_LOCAL;
    if (!out->local && family == FAMILY_TCP4)
        fits = addresses_decode(&r, sizeof(struct in_addr), address4, out);
    else if (!out->local && family == FAMILY_TCP6)
        fits = addresses_decode(&r, sizeof(struct in6_addr), address6, out);
    if (!fits)
        return sl_fail(err, SL_EPROTO, "PROXY header is too short for its addresses");
    return SL_OK;
}

static void encode_prefix(struct buf *out, uint8_t command, uint8_t family, uint8_t length)
{
    buf_put(out, signature, SIGNATURE_LEN);
    buf_u8(out, VERSION_2 | command);
    buf_u8(out, family);
    buf_u8(out, 0);
    buf_u8(out, length);
}

void proxyv2_encode(const struct sockaddr *source, const struct sockaddr *destination,
                    struct buf *out)
{
    if (source->sa_family == AF_INET && destination->sa_family == AF_INET) {
        struct sockaddr_in s, d;
        memcpy(&s, source, sizeof s);
        memcpy(&d, destination, sizeof d);
        encode_prefix(out, COMMAND_PROXY, FAMILY_TCP4, 12);
        buf_put(out, &s.sin_addr, sizeof s.sin_addr);
        buf_put(out, &d.sin_addr, sizeof d.sin_addr);
        buf_put(out, &s.sin_port, sizeof s.sin_port);
        buf_put(out, &d.sin_port, sizeof d.sin_port);
    } else if (source->sa_family == AF_INET6 && destination->sa_family == AF_INET6) {
        struct sockaddr_in6 s, d;
        memcpy(&s, source, sizeof s);
        memcpy(&d, destination, sizeof d);
        encode_prefix(out, COMMAND_PROXY, FAMILY_TCP6, 36);
        buf_put(out, &s.sin6_addr, sizeof s.sin6_addr);
        buf_put(out, &d.sin6_addr, sizeof d.sin6_addr);
        buf_put(out, &s.sin6_port, sizeof s.sin6_port);
        buf_put(out, &d.sin6_port, sizeof d.sin6_port);
    } else {
        encode_prefix(out, COMMAND_LOCAL, FAMILY_UNSPEC, 0);
    }
}
