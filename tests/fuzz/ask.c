// Any server against our questions: answers are collected or refused, and what they say of a
// session is read or refused. What was read makes texts.
//
// Input: a byte of capabilities, a byte of how the answers are read, then packets: two bytes of
// length (little endian), that many bytes.
#include "state/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "state/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct capture_server servers[] = {
    {CAPTURE_MARIADB, 101119},
    {CAPTURE_MYSQL, 90704},
};

static uint64_t caps_of(uint8_t bits)
{
    return CAP_PROTOCOL_41 | (bits & 1 ? CAP_DEPRECATE_EOF : 0) |
           (bits & 2 ? CAP_OPTIONAL_METADATA : 0) | (bits & 4 ? CAP_MARIADB_CACHE_METADATA : 0) |
           (bits & 8 ? CAP_MARIADB_EXTENDED_METADATA : 0) | (bits & 16 ? CAP_SESSION_TRACK : 0) |
           (bits & 32 ? CAP_QUERY_ATTRIBUTES : 0);
}

static void count(void *arg, const char *sql, size_t n)
{
    size_t *bytes = arg;
    for (size_t i = 0; i < n; i++)
        *bytes += (uint8_t)sql[i] != 0;
}

static void touch(const struct ask *a, unsigned i)
{
    const struct answer *answer = ask_answer(a, i);
    char text[200];
    struct slice v;
    struct ask_column column;
    size_t sum = 0;
    if (answer->kind == ANSWER_ERR)
        ask_error_text(a, i, text, sizeof text);
    if (answer->kind != ANSWER_ROWS)
        return;
    for (uint32_t c = 0; c < answer->columns; c++)
        sum += ask_column(a, i, c, &column) && column.type > 0;
    for (uint32_t r = 0; r < answer->rows; r++) {
        for (uint32_t c = 0; c < answer->columns; c++) {
            if (ask_value(a, i, r, c, &v) && v.n > 0)
                sum += v.p[0] + v.p[v.n - 1];
        }
    }
    if (sum == SIZE_MAX)
        abort();
}

// The second answer's user variables into what the first said, and from there into statements.
static void read_all(const struct ask *a, const struct capture_server *s, bool full)
{
    const char *const names[] = {"a", "b`", "c d", "d"};
    struct capture c;
    struct capture empty;
    struct portrait p;
    struct sl_error err;
    size_t bytes = 0;
    char what[60];
    capture_init(&c);
    capture_init(&empty);
    portrait_init(&p);
    if (full && capture_full_read(&p, a, 1, &err) != SL_OK && p.changed != NULL)
        abort();
    if (capture_read(&c, s, a, 0, &err) == SL_OK) {
        unsigned variables = ask_answer(a, 1)->columns / 4;
        (void)!capture_values_read(&c, names, variables < 4 ? variables : 4, a, 1, &err);
        if (!capture_equal(&c, &c, s, what, sizeof what))
            abort();
        empty.known = true;
        empty.value_count = c.value_count;
        empty.values = mem_array(c.value_count, sizeof *empty.values);
        capture_difference(&c, &empty, s, &p, count, &bytes);
    }
    capture_release(&c);
    capture_release(&empty);
    portrait_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ask a;
    struct buf out = {0};
    struct sl_error err;
    struct reader r = reader_make(data, size);
    ask_init(&a, caps_of(reader_u8(&r)), 2);
    uint8_t how = reader_u8(&r);
    ask_query(&a, &out, "A", 1);
    ask_query(&a, &out, "B", 1);
    if (how & 2)
        ask_prepare(&a, &out, "C", 1);
    if (how & 4)
        ask_ping(&a, &out);
    while (!r.failed && r.left > 0) {
        struct slice packet = reader_bytes(&r, reader_u16(&r));
        uint8_t *exact = malloc(packet.n > 0 ? packet.n : 1);
        memcpy(exact, packet.p, packet.n);
        enum sl_code code = ask_packet(&a, (struct slice){exact, packet.n}, &err);
        free(exact);
        if (code != SL_OK)
            break;
    }
    for (unsigned i = 0; i < a.done && !a.failed; i++)
        touch(&a, i);
    if (a.done >= 2 && !a.failed)
        read_all(&a, &servers[how & 1], how & 8);
    buf_release(&out);
    ask_release(&a);
    return 0;
}
