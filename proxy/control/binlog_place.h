// A place in a server's binary log, file and offset, as a pure value.
#ifndef SLUICE_CONTROL_BINLOG_PLACE_H
#define SLUICE_CONTROL_BINLOG_PLACE_H

#include <stdint.h>

struct binlog_place {
    char file[256]; // without folder, "binlog.000042"; "": unknown, or there is no log
    uint64_t offset;
};

// From the two values of a status row; NULL, a cut name, a name that does not end in a number and
// no number give an unknown place.
struct binlog_place binlog_place_read(const char *file, const char *offset);

enum place_order {
    PLACE_UNRELATED, // one is unknown, or the files are not of one series
    PLACE_BEFORE,
    PLACE_SAME,
    PLACE_AFTER
};
// Where `a` is, seen from `b`. Files compare by their number, however many digits it has; what is
// in front of the number must be equal. Only places in the log of one server can be compared.
enum place_order binlog_place_compare(const struct binlog_place *a, const struct binlog_place *b);

// Bytes from `a` up to `b`; 0 when `a` is not before it; -1 when they are unrelated or in different
// files, since the size of those in between is not known.
int64_t binlog_place_distance(const struct binlog_place *a, const struct binlog_place *b);

#endif
