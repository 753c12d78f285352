// Classes of errors that servers answer with, so that a rise can be told from the usual. Pure.
#ifndef SLUICE_SESSION_ERRORS_H
#define SLUICE_SESSION_ERRORS_H

#include <stdint.h>

// X(name, what it is), the last for everything else
#define ERROR_CLASSES(X)                                                                           \
    X(conflict, "deadlocks and lock waits, which applications try again")                          \
    X(duplicate, "duplicate keys")                                                                 \
    X(read_only, "the server does not take writes")                                                \
    X(access, "accounts and privileges")                                                           \
    X(schema, "syntax, tables and columns that are not there")                                     \
    X(limits, "too many connections, out of memory or space, over a time limit")                   \
    X(other, "everything else")

enum error_class {
#define X(name, text) ERROR_CLASS_##name,
    ERROR_CLASSES(X)
#undef X
        ERROR_CLASS_COUNT
};

enum error_class error_class_of(unsigned code); // of an ERR packet
const char *error_class_name(enum error_class c);

#endif
