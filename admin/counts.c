// See counts.h.
#include "admin/counts.h"

#include <assert.h>
#include <string.h>

#define ROWS_MAX 16

static unsigned value(const struct count_row *row, const void *counts)
{
    unsigned n;
    memcpy(&n, (const char *)counts + row->at, sizeof n);
    return n;
}

void counts_answer(const struct count_table *t, const void *counts, struct answer *a)
{
    for (size_t i = 0; i < t->count; i++)
        answer_fact(a, t->rows[i].key, t->rows[i].title, cell_number(value(&t->rows[i], counts)));
}

void counts_publish(const struct count_table *t, const void *counts, struct events *e,
                    const char *name, const struct log_field *more, size_t more_count)
{
    struct log_field fields[ROWS_MAX + COUNTS_MORE_MAX];
    assert(t->count <= ROWS_MAX && more_count <= COUNTS_MORE_MAX);
    for (size_t i = 0; i < t->count; i++)
        fields[i] = LOG_U64(t->rows[i].key, value(&t->rows[i], counts));
    for (size_t i = 0; i < more_count; i++)
        fields[t->count + i] = more[i];
    events_publish(e, name, fields, t->count + more_count);
}
