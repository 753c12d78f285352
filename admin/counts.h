// Counts that the traffic gives while something runs, as facts of an answer and as an event.
#ifndef SLUICE_ADMIN_COUNTS_H
#define SLUICE_ADMIN_COUNTS_H

#include <stddef.h>

#include "admin/answer.h"
#include "admin/events.h"

// One unsigned member of a struct of counts.
struct count_row {
    const char *key, *title;
    size_t at; // offsetof
};
struct count_table {
    const struct count_row *rows;
    size_t count;
};

void counts_answer(const struct count_table *t, const void *counts, struct answer *a);
// `more` fields (at most COUNTS_MORE_MAX, may be none) come behind the counts.
#define COUNTS_MORE_MAX 4
void counts_publish(const struct count_table *t, const void *counts, struct events *e,
                    const char *name, const struct log_field *more, size_t more_count);

#endif
