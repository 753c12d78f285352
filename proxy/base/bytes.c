// The slow half of the reader and of the growing buffer; what runs for every packet is inline in
// the header.
//
//     p ┌───────────┬──────────────┬─┐
//       │ in use    │ room         │ │   one byte more than `size`, for the NUL of buf_text
//       └───────────┴──────────────┴─┘
//       0           n            size      n <= size <= cap
#include "base/bytes.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BUF_FIRST_SIZE ((size_t)63)

struct slice reader_cstr(struct reader *r)
{
    const uint8_t *end = r->left > 0 ? memchr(r->p, 0, r->left) : NULL;
    if (end == NULL) {
        r->failed = true;
        r->left = 0;
        return (struct slice){.p = r->p, .n = 0};
    }
    struct slice text = reader_bytes(r, (size_t)(end - r->p));
    reader_skip(r, 1);
    return text;
}

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_release(struct buf *b)
{
    mem_free(b->p);
    buf_init(b, b->cap);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

void buf_wipe(struct buf *b)
{
    mem_wipe_free(b->p, b->p != NULL ? b->size + 1 : 0);
    buf_init(b, b->cap);
}

// Doubles, so that a long sequence of small puts copies each byte a constant number of times.
static size_t grown_size(const struct buf *b, size_t need, size_t cap)
{
    size_t size = b->size > 0 ? b->size : BUF_FIRST_SIZE;
    while (size < need)
        size = size > cap / 2 ? cap : size * 2 + 1;
    return size < cap ? size : cap;
}

bool buf_reserve(struct buf *b, size_t n)
{
    size_t cap = b->cap > 0 ? b->cap : BUF_DEFAULT_CAP;
    assert(b->n <= b->size && b->size <= cap && cap < SIZE_MAX);
    if (b->failed || n > cap - b->n) {
        b->failed = true;
        return false;
    }
    if (n <= b->size - b->n)
        return true;
    size_t size = grown_size(b, b->n + n, cap);
    uint8_t *p = mem_try_realloc(b->p, size + 1);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->size = size;
    return true;
}

void buf_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s) + 1);
}

void buf_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        b->failed = true;
    if (n <= 0 || !buf_reserve(b, (size_t)n))
        return;
    va_start(args, fmt);
    // The NUL goes into the byte behind `size` at the latest.
    (void)vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, args);
    va_end(args);
    b->n += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n == 0)
        return;
    b->n -= n;
    memmove(b->p, b->p + n, b->n);
}

const char *buf_text(struct buf *b)
{
    if (b->failed || b->p == NULL)
        return "";
    b->p[b->n] = 0;
    return (const char *)b->p;
}

uint8_t *buf_steal(struct buf *b, size_t *n)
{
    uint8_t *p = b->p;
    *n = b->n;
    buf_init(b, b->cap);
    return p;
}
