// Questions of our own to a server: several commands in one write, and their answers collected.
//
//   ask_query, ask_prepare, ask_ping ──> out (packets, one write)
//   whole packets from the server ── ask_packet ──> answers, in order, until ask_done
//
// Pure: no sockets. Bounded: an answer that holds more than ASK_BYTES_MAX fails with SL_ETOOBIG.
#ifndef SLUICE_STATE_ASK_H
#define SLUICE_STATE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "state/tracker.h"

#define ASK_BYTES_MAX ((size_t)8 << 20) // of all answers together
#define ASK_MAX 4096                    // questions in one ask

enum answer_kind { ANSWER_PENDING, ANSWER_OK, ANSWER_ERR, ANSWER_ROWS, ANSWER_PREPARED };

struct answer {
    uint8_t kind;    // enum answer_kind
    uint8_t command; // COM_*
    uint16_t error;  // ANSWER_ERR
    uint16_t status, warnings;
    uint32_t columns, rows;
    struct prepare_ok prepare;
    // ask.c's:
    size_t data_at;     // in `data`: the column types, or the error's state and text
    size_t cells_at;    // in `cells`: of its values, row by row
    uint32_t described; // column definitions that came
    uint32_t text;      // bytes of the error's text
};

struct ask {
    struct tracker tracker;
    uint64_t caps;
    struct answer *answers; // heap
    unsigned count, done, size;
    unsigned sets[2]; // SET statements among them (scan_sets): as MySQL, as MariaDB counts them
    struct buf data;  // column types and values of rows; the text of errors
    struct buf cells; // where in `data` each value lies
    uint8_t failed;   // a packet was not understood, or too much came: for good
};

// `caps`: those agreed on for the link. `status` as last known.
void ask_init(struct ask *a, uint64_t caps, uint16_t status);
void ask_release(struct ask *a); // wipes: values are the application's data

// Each appends one whole command packet (16 MiB pieces where needed) to `out` and returns the
// question's index. The tracker's depth is no limit: questions beyond it are queued inside. The
// one behind ASK_MAX is not asked: `out` is failed, and the index is one that must not be used.
unsigned ask_query(struct ask *a, struct buf *out, const char *sql, size_t n);
unsigned ask_prepare(struct ask *a, struct buf *out, const char *text, size_t n);
unsigned ask_ping(struct ask *a, struct buf *out);
unsigned ask_reset(struct ask *a, struct buf *out); // COM_RESET_CONNECTION
unsigned ask_set_option(struct ask *a, struct buf *out, uint16_t option);

// The next packet from the server, whole, header taken off (packets of 16 MiB and more are not
// expected: SL_ETOOBIG). SL_OK; SL_EPROTO, also for a question that has more than one result;
// SL_ETOOBIG. After a failure there is no other answer.
SL_CHECKED enum sl_code ask_packet(struct ask *a, struct slice payload, struct sl_error *err);
// Every question has its answer.
bool ask_done(const struct ask *a);

// One of the answers is an error, or has warnings.
bool ask_warned(const struct ask *a);

const struct answer *ask_answer(const struct ask *a, unsigned i);
// Of ANSWER_ERR: "1193 (HY000): Unknown system variable 'x'".
const char *ask_error_text(const struct ask *a, unsigned i, char *out, size_t size);
// Of ANSWER_ROWS: the value, borrowed until the next ask_packet; false for SQL's NULL.
bool ask_value(const struct ask *a, unsigned i, uint32_t row, uint32_t column, struct slice *out);
struct ask_column {
    uint8_t type;     // MYSQL_TYPE_*, wire/types
    uint16_t charset; // collation id
    uint16_t flags;   // UNSIGNED 32, BINARY 128, ...
    uint8_t decimals;
    uint32_t length;
};
bool ask_column(const struct ask *a, unsigned i, uint32_t column, struct ask_column *out);

#endif
