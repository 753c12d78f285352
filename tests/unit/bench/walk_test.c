// Where answers end, packet by packet.
#include "bench/walk.h"

#include <criterion/criterion.h>
#include <string.h>

struct bytes {
    size_t n;
    uint8_t p[24];
};

#define EOF_PACKET                                                                                 \
    {                                                                                              \
        5,                                                                                         \
        {                                                                                          \
            0xFE, 0, 0, 2, 0                                                                       \
        }                                                                                          \
    }
#define DEFINITION                                                                                 \
    {                                                                                              \
        4,                                                                                         \
        {                                                                                          \
            3, 'd', 'e', 'f'                                                                       \
        }                                                                                          \
    }
#define OK_PACKET                                                                                  \
    {                                                                                              \
        7,                                                                                         \
        {                                                                                          \
            0, 0, 0, 2, 0, 0, 0                                                                    \
        }                                                                                          \
    }
#define ERR_PACKET                                                                                 \
    {                                                                                              \
        11,                                                                                        \
        {                                                                                          \
            0xFF, 0x1D, 0x04, '#', '0', '8', 'S', '0', '1', 'n', 'o'                               \
        }                                                                                          \
    }

struct row {
    const char *title;
    enum walk_kind kind;
    bool failed;
    unsigned count;
    uint16_t columns;
    uint32_t rows, statement;
    struct bytes packets[8];
};

static const struct row answers[] = {
    {"ok", WALK_RESULT, false, 1, 0, 0, 0, {OK_PACKET}},
    {"an error", WALK_RESULT, true, 1, 0, 0, 0, {ERR_PACKET}},
    {"an error for a prepare", WALK_PREPARE, true, 1, 0, 0, 0, {ERR_PACKET}},
    {"two rows",
     WALK_RESULT,
     false,
     7,
     2,
     2,
     0,
     {{1, {2}},
      DEFINITION,
      DEFINITION,
      EOF_PACKET,
      {4, {1, 'a', 1, 'b'}},
      {4, {1, 'c', 1, 'd'}},
      EOF_PACKET}},
    {"no row", WALK_RESULT, false, 4, 1, 0, 0, {{1, {1}}, DEFINITION, EOF_PACKET, EOF_PACKET}},
    {"an error among rows",
     WALK_RESULT,
     true,
     5,
     1,
     1,
     0,
     {{1, {1}}, DEFINITION, EOF_PACKET, {4, {1, 'a', 1, 'b'}}, ERR_PACKET}},
    {"a statement without parameters and columns",
     WALK_PREPARE,
     false,
     1,
     0,
     0,
     7,
     {{12, {0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}},
    {"a statement with a parameter",
     WALK_PREPARE,
     false,
     3,
     0,
     0,
     7,
     {{12, {0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}}, DEFINITION, EOF_PACKET}},
    {"a statement with both",
     WALK_PREPARE,
     false,
     6,
     2,
     0,
     9,
     {{12, {0, 9, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0}},
      DEFINITION,
      EOF_PACKET,
      DEFINITION,
      DEFINITION,
      EOF_PACKET}},
    {"nonsense", WALK_RESULT, true, 1, 0, 0, 0, {{1, {0xFC}}}},
};

Test(walk, ends)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        const struct row *r = &answers[i];
        struct walk w;
        struct sl_error err;
        walk_begin(&w, r->kind);
        for (unsigned k = 0; k < r->count; k++) {
            struct slice payload = {r->packets[k].p, r->packets[k].n};
            bool last = walk_packet(&w, payload, &err);
            cr_assert_eq(last, k + 1 == r->count, "%s: packet %u", r->title, k);
        }
        cr_expect_eq(w.failed, r->failed, "%s", r->title);
        cr_expect_eq(w.columns, r->columns, "%s", r->title);
        cr_expect_eq(w.rows, r->rows, "%s", r->title);
        cr_expect_eq(w.statement, r->statement, "%s", r->title);
    }
}

Test(walk, keeps_the_first_row)
{
    struct walk w;
    struct sl_error err;
    const struct row *r = &answers[3];
    walk_begin(&w, r->kind);
    for (unsigned k = 0; k < r->count; k++)
        (void)walk_packet(&w, (struct slice){r->packets[k].p, r->packets[k].n}, &err);
    cr_assert_eq(w.row_n, 4);
    cr_expect_arr_eq(w.row, r->packets[4].p, 4);
}
