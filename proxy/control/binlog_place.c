// Places in a binary log: the files of one server are a series, base.000001, base.000002, and so on.
#include "control/binlog_place.h"

#include <string.h>

#include "base/text.h"

// The digits at the end of the name; NULL when there are none, or no base and dot before them.
static const char *number_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot == NULL || dot == file || dot[1] == '\0' ||
        dot[1 + strspn(dot + 1, "0123456789")] != '\0')
        return NULL;
    return dot + 1;
}

struct binlog_place binlog_place_read(const char *file, const char *offset)
{
    struct binlog_place place = {0};
    uint64_t number;
    if (file == NULL || !text_copy(place.file, sizeof place.file, file) ||
        number_of(place.file) == NULL || text_parse_u64(number_of(place.file), &number) != SL_OK ||
        text_parse_u64(offset, &place.offset) != SL_OK)
        return (struct binlog_place){0};
    return place;
}

static enum place_order order_of(uint64_t a, uint64_t b)
{
    return a < b ? PLACE_BEFORE : a > b ? PLACE_AFTER : PLACE_SAME;
}

// The order of the files alone.
static enum place_order compare_files(const char *a, const char *b)
{
    const char *of_a = number_of(a), *of_b = number_of(b);
    uint64_t x, y;
    if (of_a == NULL || of_b == NULL || of_a - a != of_b - b ||
        memcmp(a, b, (size_t)(of_a - a)) != 0 || text_parse_u64(of_a, &x) != SL_OK ||
        text_parse_u64(of_b, &y) != SL_OK)
        return PLACE_UNRELATED;
    return order_of(x, y);
}

enum place_order binlog_place_compare(const struct binlog_place *a, const struct binlog_place *b)
{
    enum place_order order = compare_files(a->file, b->file);
    return order == PLACE_SAME ? order_of(a->offset, b->offset) : order;
}

int64_t binlog_place_distance(const struct binlog_place *a, const struct binlog_place *b)
{
    switch (binlog_place_compare(a, b)) {
    case PLACE_UNRELATED: return -1;
    case PLACE_SAME:
    case PLACE_AFTER: return 0;
    case PLACE_BEFORE: break;
    }
    if (compare_files(a->file, b->file) != PLACE_SAME || b->offset - a->offset > INT64_MAX)
        return -1;
    return (int64_t)(b->offset - a->offset);
}
