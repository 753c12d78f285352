// Which kind of server a connection reached, and whether a statement is for it.
#ifndef SLUICE_CONTROL_FAMILY_H
#define SLUICE_CONTROL_FAMILY_H

#include <stdbool.h>

enum backend_family { FAMILY_UNKNOWN, FAMILY_MARIADB, FAMILY_MYSQL };

struct sql;

enum backend_family family_of(const struct sql *sql);

// A family (FAMILY_UNKNOWN: both) and versions in [from, below): 8.4.1 is 80401; below 0: no end.
struct family_range {
    enum backend_family family;
    unsigned long from, below;
};
bool family_fits(const struct family_range *range, const struct sql *sql);

#endif
