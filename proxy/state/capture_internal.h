// What the files of the capture share.
#ifndef SLUICE_STATE_CAPTURE_INTERNAL_H
#define SLUICE_STATE_CAPTURE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "state/capture.h"

enum capture_how {
    TOGETHER, // in one SET with its neighbours
    AGAIN,    // likewise; setting the row above changes it: then it is set too
    ALONE     // in a SET of its own: it is read in the time zone set before it, or may be denied
};

// A variable whose value decides what statements mean or do.
struct capture_row {
    const char *name;
    unsigned maria, maria_end; // first version that has it, first that has not; 0: never
    unsigned mysql;            // first version that has it; 0: never
    enum capture_how how;
    const char *expression; // asked instead of the variable, which cannot be set; or NULL
};

#define CAPTURE_ROWS_MAX 96

// The rows that both servers have, in the order in which they are set; their number.
unsigned capture_rows(const struct capture_server *both,
                      const struct capture_row *rows[CAPTURE_ROWS_MAX]);

// How questions to information_schema and performance_schema begin, which max_join_size may forbid.
const char *capture_select_anything(const struct capture_server *s);

void capture_put_hex(struct buf *sql, const uint8_t *p, size_t n); // X'..'

bool capture_same(const char *a, const char *b); // either may be NULL
void capture_drop_variables(struct capture *c);  // wipes

#endif
