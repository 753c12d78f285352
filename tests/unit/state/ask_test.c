// Questions of our own against packets as servers send them, with every capability that changes
// how an answer looks.
#include "state/ask.h"

#include <criterion/criterion.h>
#include <string.h>

#include "wire/packet.h"

#define CAPS (CAP_PROTOCOL_41 | CAP_MULTI_RESULTS)
#define TYPE_VAR_STRING 0xFD
#define TYPE_LONGLONG 0x08

// A server that says what it is told, to an ask.
struct scene {
    struct ask a;
    struct buf out;
    uint64_t caps;
    struct sl_error err;
};

static void scene_init(struct scene *s, uint64_t caps)
{
    *s = (struct scene){.caps = caps};
    ask_init(&s->a, caps, STATUS_AUTOCOMMIT);
    buf_init(&s->out, (size_t)64 << 20);
}

static void scene_release(struct scene *s)
{
    ask_release(&s->a);
    buf_release(&s->out);
}

static enum sl_code say(struct scene *s, const void *p, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1);
    memcpy(exact, p, n);
    enum sl_code code = ask_packet(&s->a, (struct slice){exact, n}, &s->err);
    free(exact);
    return code;
}

#define SAY(scene, packet)                                                                         \
    cr_assert_eq(say(scene, packet, sizeof(packet) - 1), SL_OK, "%s", (scene)->err.text)

static void say_ok(struct scene *s)
{
    SAY(s, "\x00\x00\x00\x02\x00\x00\x00");
}

static void say_err(struct scene *s)
{
    SAY(s, "\xff\xa9\x04#HY000Unknown system variable 'x'");
}

// The end of definitions (classic only) or of rows.
static void say_end(struct scene *s, bool rows)
{
    if (!(s->caps & CAP_DEPRECATE_EOF))
        SAY(s, "\xfe\x01\x00\x22\x00");
    else if (rows)
        SAY(s, "\xfe\x00\x00\x22\x00\x01\x00");
}

static void say_header(struct scene *s, uint8_t columns, bool metadata)
{
    uint8_t packet[2] = {columns, metadata};
    bool flag = s->caps & (CAP_OPTIONAL_METADATA | CAP_MARIADB_CACHE_METADATA);
    cr_assert_eq(say(s, packet, flag ? 2 : 1), SL_OK, "%s", s->err.text);
}

static void say_definition(struct scene *s, uint8_t type, uint16_t flags)
{
    struct buf b = {0};
    const char *const texts[] = {"def", "", "", "", "@a", ""};
    for (size_t i = 0; i < 6; i++)
        buf_lenenc_bytes(&b, texts[i], strlen(texts[i]));
    if (s->caps & CAP_MARIADB_EXTENDED_METADATA)
        buf_lenenc_bytes(&b, "\x00\x04uuid", 6);
    buf_lenenc(&b, 12);
    buf_u16(&b, 45);
    buf_u32(&b, 1020);
    buf_u8(&b, type);
    buf_u16(&b, flags);
    buf_u8(&b, 39);
    buf_u16(&b, 0);
    cr_assert_eq(say(s, b.p, b.n), SL_OK, "%s", s->err.text);
    buf_release(&b);
}

static unsigned query(struct scene *s, const char *text)
{
    return ask_query(&s->a, &s->out, text, strlen(text));
}

static void expect_value(const struct ask *a, unsigned i, uint32_t row, uint32_t column,
                         const char *wanted)
{
    struct slice v;
    bool there = ask_value(a, i, row, column, &v);
    cr_assert_eq(there, wanted != NULL);
    if (wanted != NULL)
        cr_assert(v.n == strlen(wanted) && memcmp(v.p, wanted, v.n) == 0, "%.*s", (int)v.n, v.p);
}

// Two rows of two columns: ('ab', NULL), ('', '7').
static void answer_rows(struct scene *s, bool metadata)
{
    say_header(s, 2, metadata);
    if (metadata) {
        say_definition(s, TYPE_VAR_STRING, 0);
        say_definition(s, TYPE_LONGLONG, 32);
    }
    say_end(s, false);
    SAY(s, "\x02"
           "ab\xfb");
    SAY(s, "\x00\x01"
           "7");
    say_end(s, true);
}

static const uint64_t rows_caps[] = {
    CAPS,
    CAPS | CAP_DEPRECATE_EOF,
    CAPS | CAP_OPTIONAL_METADATA,
    CAPS | CAP_DEPRECATE_EOF | CAP_OPTIONAL_METADATA,
    CAPS | CAP_DEPRECATE_EOF | CAP_MARIADB_CACHE_METADATA | CAP_MARIADB_EXTENDED_METADATA,
    CAPS | CAP_SESSION_TRACK | CAP_QUERY_ATTRIBUTES | CAP_MARIADB_PROGRESS,
};

Test(ask, rows)
{
    for (size_t i = 0; i < sizeof rows_caps / sizeof *rows_caps; i++) {
        struct scene s;
        scene_init(&s, rows_caps[i]);
        unsigned q = query(&s, "SELECT 1");
        cr_assert(!ask_done(&s.a));
        answer_rows(&s, true);
        cr_assert(ask_done(&s.a));
        const struct answer *answer = ask_answer(&s.a, q);
        cr_assert_eq(answer->kind, ANSWER_ROWS);
        cr_assert_eq(answer->columns, 2);
        cr_assert_eq(answer->rows, 2);
        cr_assert_eq(answer->status, 0x22);
        cr_assert_eq(answer->warnings, 1);
        expect_value(&s.a, q, 0, 0, "ab");
        expect_value(&s.a, q, 0, 1, NULL);
        expect_value(&s.a, q, 1, 0, "");
        expect_value(&s.a, q, 1, 1, "7");
        struct ask_column column;
        cr_assert(ask_column(&s.a, q, 1, &column));
        cr_assert_eq(column.type, TYPE_LONGLONG);
        cr_assert_eq(column.flags, 32);
        cr_assert_eq(column.charset, 45);
        cr_assert_eq(column.length, 1020);
        cr_assert_eq(column.decimals, 39);
        scene_release(&s);
    }
}

Test(ask, rows_without_metadata)
{
    const uint64_t caps[] = {CAPS | CAP_OPTIONAL_METADATA,
                             CAPS | CAP_OPTIONAL_METADATA | CAP_DEPRECATE_EOF};
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        struct ask_column column;
        scene_init(&s, caps[i]);
        unsigned q = query(&s, "SELECT 1");
        answer_rows(&s, false);
        cr_assert(ask_done(&s.a));
        expect_value(&s.a, q, 1, 1, "7");
        cr_assert(!ask_column(&s.a, q, 0, &column));
        scene_release(&s);
    }
}

Test(ask, several_kinds_in_one_write)
{
    struct scene s;
    char text[100];
    scene_init(&s, CAPS | CAP_DEPRECATE_EOF);
    unsigned set = query(&s, "SET @a = 1");
    unsigned wrong = query(&s, "SELECT @@x");
    unsigned prepare = ask_prepare(&s.a, &s.out, "SELECT ?", 8);
    unsigned ping = ask_ping(&s.a, &s.out);
    cr_assert_eq(s.out.n, (4 + 1 + 10) + (4 + 1 + 10) + (4 + 1 + 8) + (4 + 1));
    cr_assert_eq(memcmp(s.out.p, "\x0b\x00\x00\x00\x03SET @a = 1", 15), 0);
    say_ok(&s);
    say_err(&s);
    SAY(&s, "\x00\x07\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00");
    say_definition(&s, TYPE_VAR_STRING, 0);
    cr_assert_eq(ask_answer(&s.a, prepare)->kind, ANSWER_PENDING);
    say_definition(&s, TYPE_VAR_STRING, 0);
    cr_assert(!ask_done(&s.a));
    say_ok(&s);
    cr_assert(ask_done(&s.a));
    cr_assert_eq(ask_answer(&s.a, set)->kind, ANSWER_OK);
    cr_assert_eq(ask_answer(&s.a, set)->status, STATUS_AUTOCOMMIT);
    cr_assert_eq(ask_answer(&s.a, wrong)->kind, ANSWER_ERR);
    cr_assert_eq(ask_answer(&s.a, wrong)->error, 1193);
    cr_assert_str_eq(ask_error_text(&s.a, wrong, text, sizeof text),
                     "1193 (HY000): Unknown system variable 'x'");
    cr_assert_eq(ask_answer(&s.a, prepare)->kind, ANSWER_PREPARED);
    cr_assert_eq(ask_answer(&s.a, prepare)->prepare.statement_id, 7);
    cr_assert_eq(ask_answer(&s.a, ping)->kind, ANSWER_OK);
    scene_release(&s);
}

// The error of a row that cannot be made comes in the middle of them.
Test(ask, an_error_behind_rows)
{
    struct scene s;
    scene_init(&s, CAPS);
    unsigned q = query(&s, "SELECT 1");
    say_header(&s, 1, true);
    say_definition(&s, TYPE_LONGLONG, 0);
    say_end(&s, false);
    SAY(&s, "\x01"
            "1");
    say_err(&s);
    cr_assert(ask_done(&s.a));
    cr_assert_eq(ask_answer(&s.a, q)->kind, ANSWER_ERR);
    cr_assert_eq(ask_answer(&s.a, q)->rows, 0);
    scene_release(&s);
}

Test(ask, more_questions_than_the_tracker_takes)
{
    struct scene s;
    scene_init(&s, CAPS);
    for (unsigned i = 0; i < ASK_MAX; i++)
        cr_assert_eq(query(&s, "DO 0"), i);
    cr_assert(!s.out.failed);
    for (unsigned i = 0; i < ASK_MAX; i++) {
        cr_assert(!ask_done(&s.a));
        say_ok(&s);
    }
    cr_assert(ask_done(&s.a));
    cr_assert_eq(query(&s, "DO 0"), ASK_MAX);
    cr_assert(s.out.failed);
    scene_release(&s);
}

Test(ask, progress_and_session_state_are_passed_over)
{
    struct scene s;
    scene_init(&s, CAPS | CAP_MARIADB_PROGRESS | CAP_SESSION_TRACK | CAP_DEPRECATE_EOF);
    unsigned q = query(&s, "SELECT 1");
    SAY(&s, "\xff\xff\xff\x01\x01\x02\x00\x00\x00\x02"
            "ab");
    say_header(&s, 1, true);
    say_definition(&s, TYPE_LONGLONG, 0);
    SAY(&s, "\xff\xff\xff\x01\x01\x02\x00\x00\x00\x02"
            "ab");
    SAY(&s, "\x01"
            "1");
    SAY(&s, "\xfe\x00\x00\x02\x40\x00\x00\x00\x03\x02\x01"
            "1");
    cr_assert(ask_done(&s.a));
    cr_assert_eq(ask_answer(&s.a, q)->rows, 1);
    scene_release(&s);
}

Test(ask, query_attributes)
{
    struct scene s;
    scene_init(&s, CAPS | CAP_QUERY_ATTRIBUTES);
    query(&s, "DO 0");
    ask_prepare(&s.a, &s.out, "DO 0", 4);
    cr_assert_eq(s.out.n, 4 + 3 + 4 + 4 + 1 + 4);
    cr_assert_eq(memcmp(s.out.p,
                        "\x07\x00\x00\x00\x03\x00\x01"
                        "DO 0",
                        11),
                 0);
    cr_assert_eq(memcmp(s.out.p + 11,
                        "\x05\x00\x00\x00\x16"
                        "DO 0",
                        9),
                 0);
    scene_release(&s);
}

Test(ask, a_text_of_more_than_one_packet)
{
    const struct {
        size_t n, pieces;
        uint32_t last;
    } rows[] = {
        {PACKET_MAX_PAYLOAD - 2, 1, PACKET_MAX_PAYLOAD - 1},
        {PACKET_MAX_PAYLOAD - 1, 2, 0},
        {PACKET_MAX_PAYLOAD, 2, 1},
        {2 * (size_t)PACKET_MAX_PAYLOAD - 1, 3, 0},
    };
    char *text = calloc(1, 2 * (size_t)PACKET_MAX_PAYLOAD);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s;
        scene_init(&s, CAPS);
        ask_prepare(&s.a, &s.out, text, rows[i].n);
        cr_assert_eq(s.out.n, rows[i].n + 1 + rows[i].pieces * PACKET_HEADER);
        size_t at = (rows[i].pieces - 1) * (PACKET_MAX_PAYLOAD + (size_t)PACKET_HEADER);
        cr_assert_eq(packet_length(s.out.p + at), rows[i].last);
        cr_assert_eq(packet_seq(s.out.p + at), rows[i].pieces - 1);
        scene_release(&s);
    }
    free(text);
}

// What no question of ours is answered with. Afterwards nothing is taken any more.
static const struct {
    const char *packet;
    size_t n;
} wrong[] = {
    {"", 0},
    {"\xfb"
     "file",
     5},                                 // LOCAL INFILE
    {"\x00\x00\x00\x0a\x00\x00\x00", 7}, // an OK, and more results
    {"\xff\x00", 2},                     // half an error
    {"\xfd\xff\xff\xff", 4},             // columns without end
};

Test(ask, what_is_not_an_answer)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct scene s;
        scene_init(&s, CAPS);
        query(&s, "DO 0");
        cr_assert_eq(say(&s, wrong[i].packet, wrong[i].n), SL_EPROTO, "%zu", i);
        cr_assert_eq(say(&s, "\x00\x00\x00\x02\x00\x00\x00", 7), SL_EPROTO);
        cr_assert(!ask_done(&s.a));
        scene_release(&s);
    }
}

Test(ask, a_second_result_is_refused)
{
    struct scene s;
    scene_init(&s, CAPS | CAP_DEPRECATE_EOF);
    query(&s, "SELECT 1");
    say_header(&s, 1, true);
    say_definition(&s, TYPE_LONGLONG, 0);
    cr_assert_eq(say(&s, "\xfe\x00\x00\x0a\x00\x00\x00", 7), SL_EPROTO);
    scene_release(&s);
}

Test(ask, an_answer_to_nothing)
{
    struct scene s;
    scene_init(&s, CAPS);
    cr_assert(ask_done(&s.a));
    cr_assert_eq(say(&s, "\xff\x87\x07#70100killed", 15), SL_EPROTO);
    scene_release(&s);
}

Test(ask, malformed_rows)
{
    const struct {
        const char *row;
        size_t n;
    } rows[] = {
        {"\x01", 1}, // a value is missing
        {"\x01"
         "ab",
         3}, // one byte too many
        {"\xfd\xff\xff\xff"
         "a",
         5},             // longer than the packet
        {"\xfc\xff", 2}, // half a length
        {"\xfe\xff\xff\xff\xff\xff\xff\xff\xff"
         "a",
         10} // 2^64 - 1
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scene s;
        scene_init(&s, CAPS);
        query(&s, "SELECT 1");
        say_header(&s, 1, true);
        say_definition(&s, TYPE_LONGLONG, 0);
        say_end(&s, false);
        cr_assert_eq(say(&s, rows[i].row, rows[i].n), SL_EPROTO, "%zu", i);
        scene_release(&s);
    }
}

Test(ask, bounded)
{
    struct scene s;
    size_t n = (size_t)1 << 20;
    uint8_t *row = calloc(1, n);
    struct buf head = {0};
    scene_init(&s, CAPS);
    buf_lenenc(&head, n - 4);
    cr_assert_eq(head.n, 4);
    memcpy(row, head.p, head.n);
    query(&s, "SELECT 1");
    say_header(&s, 1, true);
    say_definition(&s, TYPE_LONGLONG, 0);
    say_end(&s, false);
    for (size_t i = 0; i + 1 < ASK_BYTES_MAX >> 20; i++)
        cr_assert_eq(say(&s, row, n), SL_OK);
    cr_assert_eq(say(&s, row, n), SL_ETOOBIG);
    cr_assert_eq(say(&s, "\x00", 1), SL_EPROTO);
    buf_release(&head);
    free(row);
    scene_release(&s);
}

Test(ask, a_packet_of_16_mib_is_refused)
{
    struct scene s;
    uint8_t *row = calloc(1, PACKET_MAX_PAYLOAD);
    scene_init(&s, CAPS);
    query(&s, "SELECT 1");
    cr_assert_eq(say(&s, row, PACKET_MAX_PAYLOAD), SL_ETOOBIG);
    free(row);
    scene_release(&s);
}
