// Records as lines: there and back, and what is neither written nor read.
#include "cutover/journal_record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct journal_record sample(enum journal_kind kind, const char *step, const char *data)
{
    struct journal_record r = {
        .seq = 7, .wall_us = 1795313585123456, .offset_us = 812345, .kind = kind};
    (void)snprintf(r.step, sizeof r.step, "%s", step);
    r.data = (char *)data;
    return r;
}

Test(journal_record, the_line)
{
    struct journal_record r = sample(JOURNAL_BEFORE, "fence", "{\"old\": \"milan\", \"n\": 5}");
    struct buf line = {0};
    struct sl_error err = {0};
    cr_assert_eq(journal_record_write(&r, &line, &err), SL_OK, "%s", err.text);
    static const char wanted[] =
        "{ \"v\" : 1, \"seq\" : 7, \"at\" : \"2026-11-22T02:13:05.123456Z\","
        " \"wall_us\" : 1795313585123456, \"offset_us\" : 812345, \"kind\" : \"before\","
        " \"step\" : \"fence\", \"data\" : { \"old\" : \"milan\", \"n\" : 5 }";
    char whole[500];
    (void)snprintf(whole, sizeof whole, "%s, \"crc\" : \"%08x\" }\n", wanted,
                   crc32c(wanted, sizeof wanted - 1));
    cr_expect_str_eq(buf_text(&line), whole);
    buf_release(&line);
}

Test(journal_record, there_and_back)
{
    static const struct {
        enum journal_kind kind;
        const char *step, *data, *wanted;
    } rows[] = {
        {JOURNAL_BEGIN, "", NULL, "{ }"},
        {JOURNAL_BEGIN, "", " {\"a\":{\"b\":[1,2.5,null,true]}}",
         "{ \"a\" : { \"b\" : [ 1, 2.5, null, true ] } }"},
        {JOURNAL_AFTER, "catch_up", "{\"n\":9223372036854775807}",
         "{ \"n\" : 9223372036854775807 }"},
        {JOURNAL_UNDO_AFTER, "x_1", "{\"t\":\"a\\nb\\u0000\\\"\\\\é\"}",
         "{ \"t\" : \"a\\nb\\u0000\\\"\\\\é\" }"},
        {JOURNAL_NOTE, "", "{\"crc\":\"00000000\"}", "{ \"crc\" : \"00000000\" }"},
        {JOURNAL_END, "", "{}", "{ }"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct journal_record r = sample(rows[i].kind, rows[i].step, rows[i].data), back;
        struct buf line = {0};
        struct sl_error err = {0};
        cr_assert_eq(journal_record_write(&r, &line, &err), SL_OK, "row %zu: %s", i, err.text);
        cr_expect_eq(memchr(line.p, '\n', line.n), line.p + line.n - 1, "one line");
        cr_assert_eq(journal_record_read(line.p, line.n - 1, &back, &err), SL_OK, "%s", err.text);
        cr_expect(back.seq == 7 && back.wall_us == r.wall_us && back.offset_us == r.offset_us);
        cr_expect_eq(back.kind, rows[i].kind);
        cr_expect_str_eq(back.step, rows[i].step);
        cr_expect_str_eq(back.data, rows[i].wanted);
        journal_record_release(&back);
        buf_release(&line);
    }
}

Test(journal_record, not_written)
{
    static char large[JOURNAL_LINE_MAX + 20];
    memset(large, ' ', sizeof large - 1);
    memcpy(large, "{\"t\":\"", 6);
    memcpy(large + sizeof large - 3, "\"}", 2);
    const struct {
        enum journal_kind kind;
        const char *step, *data;
        enum sl_code code;
    } rows[] = {
        {JOURNAL_BEFORE, "", NULL, SL_EINVAL},
        {JOURNAL_BEGIN, "fence", NULL, SL_EINVAL},
        {JOURNAL_NOTE, "fence", NULL, SL_EINVAL},
        {JOURNAL_BEFORE, "Fence", NULL, SL_EINVAL},
        {JOURNAL_BEFORE, "a b", NULL, SL_EINVAL},
        {JOURNAL_NOTE, "", "", SL_EINVAL},
        {JOURNAL_NOTE, "", "[1]", SL_EINVAL},
        {JOURNAL_NOTE, "", "5", SL_EINVAL},
        {JOURNAL_NOTE, "", "{\"a\":}", SL_EINVAL},
        {JOURNAL_NOTE, "", "{\"$numberLong\":\"5\"}", SL_EINVAL},
        {JOURNAL_NOTE, "", "{\"a\":\"\xff\"}", SL_EINVAL},
        {JOURNAL_NOTE, "", large, SL_ETOOBIG},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct journal_record r = sample(rows[i].kind, rows[i].step, rows[i].data);
        struct buf line = {0};
        struct sl_error err = {0};
        buf_str(&line, "before");
        cr_expect_eq(journal_record_write(&r, &line, &err), rows[i].code, "row %zu", i);
        cr_expect_str_eq(buf_text(&line), "before", "row %zu", i);
        cr_expect_neq(err.text[0], '\0');
        buf_release(&line);
    }
}

// A line with a checksum that fits.
static enum sl_code read_signed(const char *inner)
{
    struct journal_record r;
    struct buf line = {0};
    buf_printf(&line, "%s, \"crc\" : \"%08x\" }", inner, crc32c(inner, strlen(inner)));
    enum sl_code code = journal_record_read(line.p, line.n, &r, NULL);
    if (code == SL_OK)
        journal_record_release(&r);
    buf_release(&line);
    return code;
}

#define FRONT "{ \"v\" : 1, \"seq\" : 1, \"wall_us\" : 5, \"offset_us\" : 5, "

Test(journal_record, not_read_even_with_a_checksum)
{
    static const char *const rows[] = {
        "",
        "{",
        "{ \"v\" : 1",
        "{ \"v\" : 2, \"seq\" : 1, \"wall_us\" : 5, \"offset_us\" : 5, \"kind\" : \"note\", "
        "\"step\" : \"\", \"data\" : { }",
        "{ \"v\" : 1, \"seq\" : 0, \"wall_us\" : 5, \"offset_us\" : 5, \"kind\" : \"note\", "
        "\"step\" : \"\", \"data\" : { }",
        "{ \"v\" : 1, \"seq\" : \"1\", \"wall_us\" : 5, \"offset_us\" : 5, \"kind\" : \"note\", "
        "\"step\" : \"\", \"data\" : { }",
        FRONT "\"kind\" : \"other\", \"step\" : \"\", \"data\" : { }",
        FRONT "\"kind\" : \"note\", \"step\" : \"fence\", \"data\" : { }",
        FRONT "\"kind\" : \"after\", \"step\" : \"\", \"data\" : { }",
        FRONT "\"kind\" : \"note\", \"step\" : \"\", \"data\" : [ ]",
        FRONT "\"kind\" : \"note\", \"step\" : \"\"",
        FRONT "\"kind\" : \"note\", \"data\" : { }",
    };
    cr_expect_eq(read_signed(FRONT "\"kind\" : \"note\", \"step\" : \"\", \"data\" : { }"), SL_OK);
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(read_signed(rows[i]), SL_EPROTO, "row %zu", i);
}
