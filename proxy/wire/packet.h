// Packet framing and length-encoded integers.
#ifndef SLUICE_WIRE_PACKET_H
#define SLUICE_WIRE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/caps.h"

static inline uint32_t packet_length(const uint8_t *header)
{
    return (uint32_t)header[0] | (uint32_t)header[1] << 8 | (uint32_t)header[2] << 16;
}

static inline uint8_t packet_seq(const uint8_t *header)
{
    return header[3];
}

// Another length in a header that is there.
static inline void packet_set_length(uint8_t *header, uint32_t length)
{
    header[0] = (uint8_t)length;
    header[1] = (uint8_t)(length >> 8);
    header[2] = (uint8_t)(length >> 16);
}

// Appends a header for `length` payload bytes (<= PACKET_MAX_PAYLOAD).
void packet_header(struct buf *out, uint32_t length, uint8_t seq);
// Starts a packet whose length is not known yet, returns its offset in `out`; packet_end writes the
// length. The payload must stay below PACKET_MAX_PAYLOAD (asserted).
size_t packet_begin(struct buf *out, uint8_t seq);
void packet_end(struct buf *out, size_t begin);

// Length-encoded integer: 1, 3, 4 or 9 bytes. 0xFB (NULL) and 0xFF fail the reader; use
// reader_lenenc_null where NULL is legal.
uint64_t reader_lenenc(struct reader *r);
uint64_t reader_lenenc_null(struct reader *r, bool *null);
struct slice reader_lenenc_bytes(struct reader *r);
void buf_lenenc(struct buf *b, uint64_t v);
void buf_lenenc_bytes(struct buf *b, const void *p, size_t n);

#endif
