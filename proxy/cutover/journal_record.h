// One record of the cutover's journal, and the line of text that it is on disk. Pure.
//
//     { "v" : 1, "seq" : 7, "at" : "2026-11-22T02:13:05.123456Z", "wall_us" : 1795..., "offset_us" : 812345,
//       "kind" : "before", "step" : "fence", "data" : { ... }, "crc" : "1f2e3d4c" }\n
//
// in one line. The last member is the CRC-32C of everything before its comma, so that a line is JSON for
// everybody and proof for us. "at" says the same as "wall_us", for people; it is not read back.
#ifndef SLUICE_CUTOVER_JOURNAL_RECORD_H
#define SLUICE_CUTOVER_JOURNAL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define JOURNAL_LINE_MAX ((size_t)512 << 10) // with the line break: a fence's accounts
#define JOURNAL_STEP_MAX 32

// What was or is about to be. Steps belong to all but begin, note and end.
#define JOURNAL_KINDS(X)                                                                           \
    X(BEGIN, begin)   /* the first record: what is to be done */                                   \
    X(BEFORE, before) /* a step is about to act */                                                 \
    X(AFTER, after)   /* it has done so */                                                         \
    X(FAILED, failed) /* it has not, or nobody knows */                                            \
    X(UNDO_BEFORE, undo_before)                                                                    \
    X(UNDO_AFTER, undo_after)                                                                      \
    X(NOTE, note) /* for people; decides nothing */                                                \
    X(END, end)   /* the last record: how it ended */

enum journal_kind {
#define X(name, text) JOURNAL_##name,
    JOURNAL_KINDS(X)
#undef X
};

const char *journal_kind_text(enum journal_kind kind);

struct journal_record {
    uint64_t seq;      // 1, 2, 3, ...
    int64_t wall_us;   // since 1970
    int64_t offset_us; // since the first record, by the monotonic clock
    enum journal_kind kind;
    char step[JOURNAL_STEP_MAX + 1]; // lower case, digits and _; "" for begin, note and end
    char *data;                      // owned: a JSON object
};
void journal_record_release(struct journal_record *r);

// Appends the line. `data` may be NULL for {}. SL_EINVAL: the step does not fit its kind, or the
// data is not a JSON object; SL_ETOOBIG. Then `out` is as it was.
SL_CHECKED enum sl_code journal_record_write(const struct journal_record *r, struct buf *out,
                                             struct sl_error *err);
// Reads a line without its line break, whole or not at all. SL_EPROTO says what is wrong; then there
// is nothing to release.
SL_CHECKED enum sl_code journal_record_read(const void *line, size_t n, struct journal_record *out,
                                            struct sl_error *err);

// Data that is a reason: {"ended": "...", "why": "..."}, without the first when it is NULL.
void journal_put_why(struct buf *out, const char *ended, const char *why);

#endif
