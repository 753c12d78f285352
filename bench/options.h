// Command-line options of sluice-bench as tables: one row gives the name, the type, where the
// value goes, and the line of help. --help is printed from the same rows.
#ifndef SLUICE_BENCH_OPTIONS_H
#define SLUICE_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum option_kind {
    OPTION_FLAG,     // bool, takes no value
    OPTION_TEXT,     // const char *, borrowed from argv
    OPTION_COUNT,    // uint64_t
    OPTION_DURATION, // int64_t milliseconds
};

struct option_row {
    const char *name; // without the dashes
    enum option_kind kind;
    size_t offset;        // of the value in the set's struct
    const char *argument; // placeholder for the help; NULL for a flag
    const char *help;     // one line, names the default
};

// Rows that write into one struct. A subcommand has its own set and that of the connection.
struct option_set {
    const struct option_row *rows;
    size_t count;
    void *values; // borrowed; holds the defaults before parsing
};

// Takes "--name value" and "--name=value". Anything else is SL_EINVAL with a text that names it.
SL_CHECKED enum sl_code options_parse(int argc, char **argv, const struct option_set *sets,
                                      size_t set_count, struct sl_error *err);

void options_print(FILE *out, const struct option_set *sets, size_t set_count);

#endif
