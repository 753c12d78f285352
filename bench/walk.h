// Walks the packets of one answer to its end and keeps its first row: enough for a load generator
// that knows what the row must be. For connections without CAP_DEPRECATE_EOF and without
// multi-results. Pure.
#ifndef SLUICE_BENCH_WALK_H
#define SLUICE_BENCH_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define WALK_ROW_MAX 120

enum walk_kind { WALK_RESULT, WALK_PREPARE };

struct walk {
    uint8_t kind;  // enum walk_kind
    uint8_t phase; // walk.c's
    bool failed;   // the server answered with an error
    uint8_t row_n; // bytes in `row`; cut rows have WALK_ROW_MAX
    uint16_t left; // definitions still to come in this phase
    uint16_t columns;
    uint32_t statement; // of a prepare
    uint32_t rows;
    uint8_t row[WALK_ROW_MAX]; // payload of the first one
};

void walk_begin(struct walk *w, enum walk_kind kind);
// The next whole packet, header taken off. True when it was the answer's last. After a malformed
// one `err` is filled, `failed` set, and the connection of no use any more.
bool walk_packet(struct walk *w, struct slice payload, struct sl_error *err);

#endif
