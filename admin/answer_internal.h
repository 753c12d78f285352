// What the two renderers of an answer share.
#ifndef SLUICE_ADMIN_ANSWER_INTERNAL_H
#define SLUICE_ADMIN_ANSWER_INTERNAL_H

#include <stddef.h>

#include "admin/answer.h"

enum item_kind { ITEM_FACT, ITEM_SAY, ITEM_TABLE, ITEM_DOCUMENT };

struct item {
    enum item_kind kind;
    const char *key, *title; // borrowed, literals
    const struct column *columns;
    unsigned column_count;
    struct cell *cells; // owned, with their texts; a fact has one, a table rows of column_count
    size_t cell_count, cell_size;
};

struct answer {
    struct item *items; // owned
    unsigned count, size;
};

#endif
