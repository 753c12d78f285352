// Packet headers and length-encoded integers, written and read.
//
//     | length (3, little endian) | sequence (1) | payload (length) |
//
// Source: dev.mysql.com page_protocol_basic_packets and page_protocol_basic_dt_integers.
#include "wire/packet.h"

#include <assert.h>

// First byte of a length-encoded integer that is not the value itself.
enum lenenc_mark {
    LENENC_NULL = 0xFB,
    LENENC_2 = 0xFC,
    LENENC_3 = 0xFD,
    LENENC_8 = 0xFE,
    LENENC_INVALID = 0xFF, // an ERR packet, where a number could stand
};

void packet_header(struct buf *out, uint32_t length, uint8_t seq)
{
    assert(length <= PACKET_MAX_PAYLOAD);
    buf_u24(out, length);
    buf_u8(out, seq);
}

size_t packet_begin(struct buf *out, uint8_t seq)
{
    size_t at = out->n;

    packet_header(out, 0, seq);
    return at;
}

void packet_end(struct buf *out, size_t begin)
{
    if (out->failed)
        return; // the header itself may be missing; the caller checks `failed`
    assert(out->n >= begin + PACKET_HEADER);
    size_t length = out->n - begin - PACKET_HEADER;
    assert(length < PACKET_MAX_PAYLOAD);
    out->p[begin] = (uint8_t)length;
    out->p[begin + 1] = (uint8_t)(length >> 8);
    out->p[begin + 2] = (uint8_t)(length >> 16);
}

static void reader_fail(struct reader *r)
{
    r->failed = true;
    r->left = 0;
}

uint64_t reader_lenenc_null(struct reader *r, bool *null)
{
    uint8_t first = reader_u8(r);

    *null = first == LENENC_NULL;
    switch (first) {
    case LENENC_NULL: return 0;
    case LENENC_2: return reader_u16(r);
    case LENENC_3: return reader_u24(r);
    case LENENC_8: return reader_u64(r);
    case LENENC_INVALID: reader_fail(r); return 0;
    default: return first;
    }
}

uint64_t reader_lenenc(struct reader *r)
{
    bool null;
    uint64_t v = reader_lenenc_null(r, &null);

    if (null)
        reader_fail(r);
    return v;
}

struct slice reader_lenenc_bytes(struct reader *r)
{
    uint64_t n = reader_lenenc(r);

    // Compared as 64 bits first: size_t may be narrower.
    if (n > r->left) {
        reader_fail(r);
        return (struct slice){0};
    }
    return reader_bytes(r, (size_t)n);
}

void buf_lenenc(struct buf *b, uint64_t v)
{
    if (v < LENENC_NULL) {
        buf_u8(b, (uint8_t)v);
    } else if (v <= UINT16_MAX) {
        buf_u8(b, LENENC_2);
        buf_u16(b, (uint16_t)v);
    } else if (v <= 0xFFFFFF) {
        buf_u8(b, LENENC_3);
        buf_u24(b, (uint32_t)v);
    } else {
        buf_u8(b, LENENC_8);
        buf_u64(b, v);
    }
}

void buf_lenenc_bytes(struct buf *b, const void *p, size_t n)
{
    buf_lenenc(b, n);
    if (n > 0)
        buf_put(b, p, n);
}
