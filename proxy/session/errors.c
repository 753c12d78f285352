// The table of error numbers, in order.
#include "session/errors.h"

#include <stddef.h>

static const struct {
    uint16_t code;
    uint8_t class;
} table[] = {
    {1021, ERROR_CLASS_limits},    // disk full
    {1022, ERROR_CLASS_duplicate}, // duplicate key in table
    {1037, ERROR_CLASS_limits},    // out of memory
    {1038, ERROR_CLASS_limits},    // out of sort memory
    {1040, ERROR_CLASS_limits},    // too many connections
    {1041, ERROR_CLASS_limits},    // out of resources
    {1044, ERROR_CLASS_access},    // access to the database denied
    {1045, ERROR_CLASS_access},    // access denied
    {1046, ERROR_CLASS_schema},    // no database selected
    {1049, ERROR_CLASS_schema},    // unknown database
    {1050, ERROR_CLASS_schema},    // table exists
    {1051, ERROR_CLASS_schema},    // unknown table
    {1054, ERROR_CLASS_schema},    // unknown column
    {1062, ERROR_CLASS_duplicate}, // duplicate entry
    {1064, ERROR_CLASS_schema},    // syntax
    {1114, ERROR_CLASS_limits},    // table full
    {1142, ERROR_CLASS_access},    // command denied
    {1143, ERROR_CLASS_access},    // column denied
    {1146, ERROR_CLASS_schema},    // no such table
    {1203, ERROR_CLASS_limits},    // max_user_connections
    {1205, ERROR_CLASS_conflict},  // lock wait time-out
    {1206, ERROR_CLASS_conflict},  // lock table full
    {1213, ERROR_CLASS_conflict},  // deadlock
    {1226, ERROR_CLASS_limits},    // user limit reached
    {1227, ERROR_CLASS_access},    // needs a privilege
    {1290, ERROR_CLASS_read_only}, // running with --read-only
    {1305, ERROR_CLASS_schema},    // no such routine
    {1370, ERROR_CLASS_access},    // routine denied
    {1586, ERROR_CLASS_duplicate}, // duplicate entry, with the key's name
    {1698, ERROR_CLASS_access},    // access denied, no password
    {1792, ERROR_CLASS_read_only}, // in a read-only transaction
    {1836, ERROR_CLASS_read_only}, // in read-only mode
    {1969, ERROR_CLASS_limits},    // max_statement_time (MariaDB)
    {3024, ERROR_CLASS_limits},    // max_execution_time (MySQL)
    {3118, ERROR_CLASS_access},    // account locked (MySQL)
    {3572, ERROR_CLASS_conflict},  // NOWAIT
    {4151, ERROR_CLASS_access},    // account locked (MariaDB)
};

enum error_class error_class_of(unsigned code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return (enum error_class)table[i].class;
    return ERROR_CLASS_other;
}

const char *error_class_name(enum error_class c)
{
    static const char *const names[] = {
#define X(name, text) [ERROR_CLASS_##name] = #name,
        ERROR_CLASSES(X)
#undef X
    };
    return names[c];
}
