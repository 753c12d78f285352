// The ledger: what a client asked for and what it was told, one line an event, written before the
// client goes on, so that it survives the death of everything else.
//
//     # sluice-bench ledger 1 start_wall_us=1763777000000000
//     <microseconds since start> <state letter> <id> <kind letter> [<error code>]
//
// Kinds are T (a transaction) and A (an autocommit insert). Every id begins with I; the last line
// of an id is its outcome. An id whose last line is I or R has an unknown outcome.
#ifndef SLUICE_BENCH_LEDGER_H
#define SLUICE_BENCH_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LEDGER_STATES(X)                                                                           \
    X(LEDGER_INTENT, 'I', "intent")                                                                \
    X(LEDGER_RETRIED, 'R', "retried")                                                              \
    X(LEDGER_ACKNOWLEDGED, 'A', "acknowledged")                                                    \
    X(LEDGER_FAILED, 'F', "failed")                                                                \
    X(LEDGER_UNKNOWN, 'U', "unknown")

enum ledger_state {
#define X(name, letter, text) name = letter,
    LEDGER_STATES(X)
#undef X
};

struct ledger {
    int fd; // -1: no ledger is kept, and writing does nothing
    int64_t start_ns;
    _Atomic int write_errno; // first failed write, 0 when there was none
};

// An empty or NULL path gives a ledger that writes nothing. An existing file is replaced.
SL_CHECKED enum sl_code ledger_open(struct ledger *l, const char *path, int64_t start_ns,
                                    int64_t start_wall_us, struct sl_error *err);
// Safe from several threads: one write(2) a line. `code` 0 is left out.
void ledger_write(struct ledger *l, enum ledger_state state, uint64_t id, char kind, unsigned code);
// SL_EIO when any line could not be written.
SL_CHECKED enum sl_code ledger_close(struct ledger *l, struct sl_error *err);

struct ledger_entry {
    uint64_t id;
    size_t line; // of the outcome, from 1
    enum ledger_state state;
    char kind;
    unsigned code; // of a failure, else 0
};

// The outcome of every id, by ascending id. Owned by the caller (ledger_book_release).
struct ledger_book {
    struct ledger_entry *entries;
    size_t count;
    size_t size;
};

// A cut last line is ignored (the writer was killed); any other malformed line is SL_EPROTO.
SL_CHECKED enum sl_code ledger_read(const char *path, struct ledger_book *out,
                                    struct sl_error *err);
void ledger_book_release(struct ledger_book *book);

#endif
