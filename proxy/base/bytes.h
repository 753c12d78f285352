// Bytes from outside are read through a cursor, and written through a growing buffer.
//
// The reader compares with what is left and never adds to a length; its first failure sticks,
// so that a sequence of reads is checked once at the end. All integers of the MySQL protocol
// are little endian.
#ifndef SLUICE_BASE_BYTES_H
#define SLUICE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *p; // borrowed
    size_t n;
};

struct reader {
    const uint8_t *p; // next byte, borrowed
    size_t left;
    bool failed; // a read asked for more than was left; all later reads give zero
};

// Never fails; `p` may be NULL if `n` is 0.
static inline struct reader reader_make(const void *p, size_t n)
{
    // A pointer that offsets can be added to, even an empty one.
    return (struct reader){.p = p != NULL ? p : (const void *)"", .left = n};
}

// The next `n` bytes, or NULL and a failed reader. Nothing is left after a failure, so that later
// reads fail without a second test.
static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (n > r->left) {
        r->failed = true;
        r->left = 0;
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

// Each returns 0 or an empty slice after a failure. They are inline because the relay and the
// response tracker call them for every packet.
static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p != NULL ? p[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return (uint16_t)(p != NULL ? p[0] | p[1] << 8 : 0);
}

static inline uint32_t reader_u24(struct reader *r)
{
    const uint8_t *p = reader_take(r, 3);
    return p != NULL ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p != NULL
               ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
               : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    return p != NULL ? (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 |
                           (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
                           (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56
                     : 0;
}

// Big endian: PROXY protocol only.
static inline uint16_t reader_u16be(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return (uint16_t)(p != NULL ? p[0] << 8 | p[1] : 0);
}

static inline struct slice reader_bytes(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    return p != NULL ? (struct slice){.p = p, .n = n} : (struct slice){.p = r->p, .n = 0};
}

static inline void reader_skip(struct reader *r, size_t n)
{
    (void)reader_take(r, n);
}

static inline struct slice reader_rest(struct reader *r)
{
    return reader_bytes(r, r->left);
}

// Bytes up to, not including, a NUL, which is consumed. No NUL is a failure.
struct slice reader_cstr(struct reader *r);

// A growing buffer with a hard cap. Failing to grow past `cap` sets `failed` and drops the write,
// so that a sequence of puts is checked once at the end. Memory is owned by the buffer. A zeroed
// struct is a valid empty buffer. What is put must not point into the buffer itself.
struct buf {
    uint8_t *p;  // NULL while nothing was ever written
    size_t n;    // bytes in use
    size_t size; // bytes there is room for; one more is allocated, for the NUL of buf_text
    size_t cap;  // `n` never passes this; 0 means BUF_DEFAULT_CAP
    bool failed;
};

#define BUF_DEFAULT_CAP ((size_t)1 << 20)

void buf_init(struct buf *b, size_t cap);
void buf_release(struct buf *b); // frees; the buffer can be used again, with the same cap
void buf_clear(struct buf *b);   // keeps memory, clears `failed`
// Overwrites all memory it owns, then releases. For secrets: call buf_reserve first, because
// growing leaves a copy behind in freed memory.
void buf_wipe(struct buf *b);
// Makes room for `n` more bytes; false, and `failed`, when that passes the cap or memory is out.
bool buf_reserve(struct buf *b, size_t n);

// Adds `n` (at least 1) bytes whose content the caller fills in at once; NULL after a failure.
static inline uint8_t *buf_extend(struct buf *b, size_t n)
{
    if (b->failed || (n > b->size - b->n && !buf_reserve(b, n)))
        return NULL;
    uint8_t *p = b->p + b->n;
    b->n += n;
    return p;
}

static inline void buf_put(struct buf *b, const void *p, size_t n)
{
    uint8_t *to = n > 0 ? buf_extend(b, n) : NULL;
    if (to != NULL)
        memcpy(to, p, n);
}

// The low `width` (1 to 8) bytes of `v`, little endian.
static inline void buf_uint(struct buf *b, uint64_t v, size_t width)
{
    uint8_t *to = buf_extend(b, width);
    if (to == NULL)
        return;
    // Spelled out, since compilers make one store of this, and none of a loop.
    const uint8_t bytes[8] = {(uint8_t)v,         (uint8_t)(v >> 8),  (uint8_t)(v >> 16),
                              (uint8_t)(v >> 24), (uint8_t)(v >> 32), (uint8_t)(v >> 40),
                              (uint8_t)(v >> 48), (uint8_t)(v >> 56)};
    memcpy(to, bytes, width);
}

static inline void buf_u8(struct buf *b, uint8_t v)
{
    buf_uint(b, v, 1);
}

static inline void buf_u16(struct buf *b, uint16_t v)
{
    buf_uint(b, v, 2);
}

static inline void buf_u24(struct buf *b, uint32_t v)
{
    buf_uint(b, v, 3);
}

static inline void buf_u32(struct buf *b, uint32_t v)
{
    buf_uint(b, v, 4);
}

static inline void buf_u64(struct buf *b, uint64_t v)
{
    buf_uint(b, v, 8);
}

void buf_cstr(struct buf *b, const char *s); // with the NUL
void buf_str(struct buf *b, const char *s);  // without
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Drops `n` bytes from the front (n <= b->n).
void buf_consume(struct buf *b, size_t n);
// A NUL behind the bytes (not counted in n), for use as a C string; "" when empty or failed.
const char *buf_text(struct buf *b);
// Hands the memory over to the caller (mem_free), leaves the buffer empty.
uint8_t *buf_steal(struct buf *b, size_t *n);

#endif
