// Headers and length-encoded integers at their edges.
#include "wire/packet.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    uint64_t value;
    size_t size;
} lenenc_rows[] = {
    {0, 1},       {250, 1},      {251, 3},       {252, 3},        {0xFFFF, 3},
    {0x10000, 4}, {0xFFFFFF, 4}, {0x1000000, 9}, {UINT64_MAX, 9},
};

Test(packet, lenenc_goes_round)
{
    for (size_t i = 0; i < sizeof lenenc_rows / sizeof lenenc_rows[0]; i++) {
        struct buf b;
        buf_init(&b, 0);
        buf_lenenc(&b, lenenc_rows[i].value);
        cr_expect_eq(b.n, lenenc_rows[i].size);
        struct reader r = reader_make(b.p, b.n);
        cr_expect_eq(reader_lenenc(&r), lenenc_rows[i].value);
        cr_expect(!r.failed && r.left == 0);
        r = reader_make(b.p, b.n - 1);
        reader_lenenc(&r);
        cr_expect(r.failed, "row %zu from too few bytes", i);
        buf_release(&b);
    }
}

Test(packet, lenenc_null_and_ff)
{
    static const uint8_t null_mark[] = {0xFB}, invalid[] = {0xFF, 1, 2};
    bool null;

    struct reader r = reader_make(null_mark, 1);
    cr_expect_eq(reader_lenenc_null(&r, &null), 0);
    cr_expect(null && !r.failed);
    r = reader_make(null_mark, 1);
    reader_lenenc(&r);
    cr_expect(r.failed);
    r = reader_make(invalid, sizeof invalid);
    reader_lenenc_null(&r, &null);
    cr_expect(r.failed && !null);
}

Test(packet, lenenc_bytes_longer_than_what_is_left)
{
    static const uint8_t huge[] = {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 'x'};
    struct reader r = reader_make(huge, sizeof huge);

    cr_expect_eq(reader_lenenc_bytes(&r).n, 0);
    cr_expect(r.failed);
}

Test(packet, begin_and_end_write_the_length)
{
    struct buf b;

    buf_init(&b, 0);
    buf_str(&b, "before");
    size_t at = packet_begin(&b, 7);
    for (int i = 0; i < 300; i++)
        buf_u8(&b, (uint8_t)i);
    packet_end(&b, at);
    cr_expect_eq(at, 6);
    cr_expect_eq(packet_length(b.p + at), 300);
    cr_expect_eq(packet_seq(b.p + at), 7);
    buf_release(&b);
}

Test(packet, end_of_a_failed_buffer_writes_nothing)
{
    struct buf b;

    buf_init(&b, 2);
    packet_end(&b, packet_begin(&b, 0));
    cr_expect(b.failed);
    buf_release(&b);
}
