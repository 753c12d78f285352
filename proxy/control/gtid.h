// GTID sets as pure values: read from a server's text, compared, subtracted, written back.
//
// One algebra for both families. An *origin* numbers its transactions from 1 up; a set holds ranges
// of numbers of origins.
//
//     family    origin                     text of a server               ranges
//     MySQL     UUID, and tag (8.3 on)     uuid:1-5:7:tag:1-3,\nuuid:9    as written
//     MariaDB   domain and server id       0-1-11,0-2-13                  1 up to the number
//
// On MariaDB an entry speaks for its own server only: 0-2-13 does not hold 0-1-11, although its number
// is higher. What a server has is therefore read from @@gtid_binlog_state, which has the last number
// of each server in each domain, and not from @@gtid_binlog_pos, which has the last event of each
// domain. Two masters that share a domain number independently: measured on 10.11, the last event
// may have a lower number than one before it, and both may use the same number. Within one origin
// numbers only rise, so "up to the number" leaves out nothing that a server applies in order.
//
// Errant transactions are `gtid_subtract(target, source)`. It cannot tell: writes that were never
// logged (sql_log_bin=0, no binary log), two servers with the same server id, events that a
// replica was told to skip, and numbers of a server whose log was reset and which began anew.
#ifndef SLUICE_CONTROL_GTID_H
#define SLUICE_CONTROL_GTID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "control/family.h"

#define GTID_TEXT_MAX ((size_t)1 << 20)
#define GTID_RANGES_MAX 65536u
#define GTID_TAG_MAX 32

// What the other family uses is zero.
struct gtid_origin {
    uint32_t domain, server;
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1]; // in lower case, "": none
};

struct gtid_range {
    struct gtid_origin origin;
    uint64_t first, last; // 1 <= first <= last
};

// A zeroed struct is a valid empty set. Ranges are sorted and neither overlap nor touch.
struct gtid_set {
    enum backend_family family; // of an empty set without meaning
    unsigned count;
    struct gtid_range *ranges; // owned
};

// Reads what a server prints: blanks and line breaks around separators, letters of either case, ""
// for the empty set; order and overlap do not matter. SL_EPROTO says what was found where, SL_ETOOBIG
// when a limit above is passed; then `out` is empty.
SL_CHECKED enum sl_code gtid_parse(enum backend_family family, const char *text,
                                   struct gtid_set *out, struct sl_error *err);
void gtid_release(struct gtid_set *set); // leaves it empty

// Two sets that are compared or joined are of one family, or one of them is empty.
//
// Whether `whole` has all of `part`.
bool gtid_contains(const struct gtid_set *whole, const struct gtid_set *part);
bool gtid_equal(const struct gtid_set *a, const struct gtid_set *b);
// New sets, to be released: what of `from` is not in `what`; what is in one of them at least.
struct gtid_set gtid_subtract(const struct gtid_set *from, const struct gtid_set *what);
struct gtid_set gtid_union(const struct gtid_set *a, const struct gtid_set *b);

// How many numbers are in it, at most UINT64_MAX. Exact on MySQL; on MariaDB an upper bound, because
// the servers of a domain take their numbers from one sequence.
uint64_t gtid_count(const struct gtid_set *set);
// Appends the text in one line, sorted. A MariaDB range is written by its last number alone.
void gtid_format(const struct gtid_set *set, struct buf *out);

#endif
