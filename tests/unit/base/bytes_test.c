// The reader's sticky failure, and the buffer's growth up to its cap.
#include "base/bytes.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"

static const uint8_t sample[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88, 0xFF};

static uint64_t read_uint(struct reader *r, size_t width)
{
    switch (width) {
    case 1: return reader_u8(r);
    case 2: return reader_u16(r);
    case 3: return reader_u24(r);
    case 4: return reader_u32(r);
    default: return reader_u64(r);
    }
}

Test(reader, integers_are_little_endian)
{
    static const struct {
        size_t width;
        uint64_t value;
    } rows[] = {{1, 0x01}, {2, 0x0201}, {3, 0x030201}, {4, 0x04030201}, {8, 0x8807060504030201}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader r = reader_make(sample, sizeof sample);
        cr_expect_eq(read_uint(&r, rows[i].width), rows[i].value, "width %zu", rows[i].width);
        cr_expect_eq(r.left, sizeof sample - rows[i].width);
        cr_expect(!r.failed);
        r = reader_make(sample, rows[i].width - 1);
        cr_expect_eq(read_uint(&r, rows[i].width), 0, "width %zu from too few", rows[i].width);
        cr_expect(r.failed);
    }
    struct reader r = reader_make(sample, 2);
    cr_expect_eq(reader_u16be(&r), 0x0102);
}

Test(reader, high_bytes_do_not_become_negative)
{
    static const uint8_t ones[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    struct reader r = reader_make(ones, sizeof ones);
    cr_expect_eq(reader_u64(&r), UINT64_MAX);
    r = reader_make(ones, sizeof ones);
    cr_expect_eq(reader_u32(&r), UINT32_MAX);
    cr_expect_eq(reader_u24(&r), 0xFFFFFF);
}

Test(reader, the_first_failure_sticks)
{
    struct reader r = reader_make(sample, 3);
    cr_expect_eq(reader_u32(&r), 0);
    cr_expect(r.failed);
    cr_expect_eq(reader_u8(&r), 0, "there were three bytes, but the reader has failed");
    cr_expect_eq(reader_bytes(&r, 1).n, 0);
    cr_expect_eq(reader_rest(&r).n, 0);
    cr_expect_eq(reader_cstr(&r).n, 0);
    reader_skip(&r, 0);
    cr_expect(r.failed);
}

Test(reader, lengths_near_the_maximum_do_not_wrap)
{
    struct reader r = reader_make(sample, sizeof sample);
    reader_u8(&r);
    cr_expect_eq(reader_bytes(&r, SIZE_MAX).n, 0);
    cr_expect(r.failed);
    r = reader_make(sample, sizeof sample);
    reader_skip(&r, SIZE_MAX - 1);
    cr_expect(r.failed);
}

Test(reader, strings)
{
    static const char text[] = "ab\0\0cd";
    struct reader r = reader_make(text, sizeof text - 1);
    struct slice s = reader_cstr(&r);
    cr_expect(s.n == 2 && memcmp(s.p, "ab", 2) == 0);
    cr_expect_eq(reader_cstr(&r).n, 0);
    cr_expect(!r.failed, "an empty string is not a failure");
    cr_expect_eq(reader_cstr(&r).n, 0);
    cr_expect(r.failed, "cd has no NUL");
}

Test(reader, rest_and_nothing)
{
    struct reader r = reader_make(sample, sizeof sample);
    reader_skip(&r, 7);
    struct slice s = reader_rest(&r);
    cr_expect(s.n == 2 && s.p[0] == 0x88 && s.p[1] == 0xFF);
    cr_expect_eq(r.left, 0);
    cr_expect(!r.failed);
    r = reader_make(NULL, 0);
    cr_expect_eq(reader_rest(&r).n, 0);
    cr_expect(!r.failed);
    cr_expect_eq(reader_cstr(&r).n, 0);
    cr_expect(r.failed);
}

Test(buf, what_is_put_is_read_back)
{
    struct buf b = {0};
    cr_expect_str_eq(buf_text(&b), "");
    buf_u8(&b, 0x88);
    buf_u16(&b, 0x8899);
    buf_u24(&b, 0x8899AA);
    buf_u32(&b, 0x8899AABB);
    buf_u64(&b, 0x8899AABBCCDDEEFF);
    buf_cstr(&b, "name");
    buf_str(&b, "x=");
    buf_printf(&b, "%d", 42);
    buf_put(&b, NULL, 0);
    cr_assert(!b.failed);
    struct reader r = reader_make(b.p, b.n);
    cr_expect_eq(reader_u8(&r), 0x88);
    cr_expect_eq(reader_u16(&r), 0x8899);
    cr_expect_eq(reader_u24(&r), 0x8899AA);
    cr_expect_eq(reader_u32(&r), 0x8899AABB);
    cr_expect_eq(reader_u64(&r), 0x8899AABBCCDDEEFF);
    cr_expect_eq(reader_cstr(&r).n, 4);
    cr_expect_str_eq(buf_text(&b) + (b.n - r.left), "x=42");
    cr_expect_eq(reader_rest(&r).n, 4);
    cr_expect(!r.failed);
    buf_release(&b);
}

Test(buf, grows_to_its_cap_and_not_beyond)
{
    static const size_t caps[] = {1, 2, 63, 64, 65, 100, 1000, 4096};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        struct buf b;
        buf_init(&b, caps[i]);
        for (size_t k = 0; k < caps[i]; k++)
            buf_u8(&b, 'x');
        cr_expect(!b.failed && b.n == caps[i], "cap %zu", caps[i]);
        cr_expect_eq(strlen(buf_text(&b)), caps[i], "the NUL does not count, cap %zu", caps[i]);
        buf_u8(&b, 'y');
        cr_expect(b.failed && b.n == caps[i], "cap %zu", caps[i]);
        cr_expect_str_eq(buf_text(&b), "");
        buf_release(&b);
    }
}

Test(buf, a_failed_buffer_drops_later_writes_until_cleared)
{
    struct buf b;
    buf_init(&b, 4);
    buf_str(&b, "abc");
    buf_u16(&b, 7);
    cr_expect(b.failed);
    buf_u8(&b, 'd');
    cr_expect_eq(b.n, 3, "there was room for one byte, but the sequence has a hole");
    buf_clear(&b);
    buf_printf(&b, "%s", "wxyz");
    cr_expect_str_eq(buf_text(&b), "wxyz");
    buf_printf(&b, "%s", "!");
    cr_expect(b.failed);
    buf_release(&b);
    cr_expect(b.p == NULL && b.cap == 4 && !b.failed);
}

Test(buf, a_size_that_would_wrap_fails)
{
    struct buf b = {0};
    buf_u8(&b, 1);
    cr_expect(!buf_reserve(&b, SIZE_MAX));
    cr_expect(b.failed);
    buf_release(&b);
    cr_expect(!buf_reserve(&b, BUF_DEFAULT_CAP + 1));
    buf_release(&b);
    cr_expect(buf_reserve(&b, BUF_DEFAULT_CAP));
    buf_release(&b);
}

Test(buf, consume_steal_wipe)
{
    struct buf b = {0};
    buf_consume(&b, 0);
    buf_str(&b, "headtail");
    buf_consume(&b, 4);
    cr_expect_str_eq(buf_text(&b), "tail");
    size_t n;
    uint8_t *p = buf_steal(&b, &n);
    cr_expect(n == 4 && memcmp(p, "tail", 4) == 0);
    cr_expect(b.p == NULL && b.n == 0 && b.size == 0);
    mem_free(p);
    buf_str(&b, "secret");
    buf_wipe(&b);
    cr_expect(b.p == NULL && b.n == 0 && b.size == 0);
    buf_wipe(&b);
}
