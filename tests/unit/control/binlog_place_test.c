// Places in binary logs: what is one, and which comes first.
#include "control/binlog_place.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(binlog_place, order_and_distance)
{
    static const struct {
        const char *file_a, *offset_a, *file_b, *offset_b;
        enum place_order order;
        int64_t distance;
    } rows[] = {
        {"b.000001", "4", "b.000001", "4", PLACE_SAME, 0},
        {"b.000001", "4", "b.000001", "900", PLACE_BEFORE, 896},
        {"b.000001", "900", "b.000001", "4", PLACE_AFTER, 0},
        {"b.000001", "900", "b.000002", "4", PLACE_BEFORE, -1},
        {"b.000010", "4", "b.000009", "900", PLACE_AFTER, 0},
        {"b.999999", "4", "b.1000000", "4", PLACE_BEFORE, -1},
        {"b.1000000", "4", "b.999999", "4", PLACE_AFTER, 0},
        {"s1-bin.000001", "4", "s2-bin.000001", "4", PLACE_UNRELATED, -1},
        {"bb.000001", "4", "b.000001", "4", PLACE_UNRELATED, -1},
        {"a.b.000001", "4", "a.b.000001", "5", PLACE_BEFORE, 1},
        {"b.000001", "0", "b.000001", "18446744073709551615", PLACE_BEFORE, -1},
        {"", "4", "b.000001", "4", PLACE_UNRELATED, -1},
        {"", "0", "", "0", PLACE_UNRELATED, -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct binlog_place a = binlog_place_read(rows[i].file_a, rows[i].offset_a);
        struct binlog_place b = binlog_place_read(rows[i].file_b, rows[i].offset_b);
        cr_expect_eq(binlog_place_compare(&a, &b), rows[i].order, "row %zu", i);
        cr_expect_eq(binlog_place_distance(&a, &b), rows[i].distance, "row %zu", i);
    }
}

Test(binlog_place, what_is_none)
{
    char longer[400];
    memset(longer, 'x', sizeof longer);
    memcpy(longer + sizeof longer - 8, ".000001", 8);
    const struct {
        const char *file, *offset;
    } rows[] = {
        {NULL, "4"},   {"b.000001", NULL}, {"b.000001", ""},   {"b.000001", "-4"},
        {"b", "4"},    {"b.", "4"},        {".000001", "4"},   {"b.00000x", "4"},
        {"b.1x", "4"}, {longer, "4"},      {"b.000001", "4 "}, {"b.99999999999999999999999", "4"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct binlog_place place = binlog_place_read(rows[i].file, rows[i].offset);
        cr_expect_str_eq(place.file, "", "row %zu", i);
        cr_expect_eq(place.offset, 0, "row %zu", i);
    }
}
