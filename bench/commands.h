// The subcommands of sluice-bench. Each gets the words behind its name, prints its result on
// standard output and returns the exit status: 0 done, 1 failed or refuted, 2 usage.
#ifndef SLUICE_BENCH_COMMANDS_H
#define SLUICE_BENCH_COMMANDS_H

#include <stddef.h>
#include <stdio.h>

#include "bench/options.h"

struct target;

struct command {
    const char *name;
    const char *summary; // one line
    int (*run)(int argc, char **argv);
    const struct option_row *rows; // its own options; those of the connection come besides
    size_t row_count;
};

extern const struct command command_load;
extern const struct command command_verify;
extern const struct command command_connect;
extern const struct command command_idle;
extern const struct command command_stream;
extern const struct command command_move;

// Fills `values`, the struct of the command's own rows, which holds the defaults, and `target`.
// The text of a failure is for command_usage.
SL_CHECKED enum sl_code command_parse(const struct command *c, void *values, struct target *target,
                                      int argc, char **argv, struct sl_error *err);
void command_print_options(const struct command *c, FILE *out);

// The man page, in troff, made of the rows.
void manual_print(FILE *out, const struct command *const *commands, size_t count);

// Standard error line "sluice-bench NAME: ..."; returns 2, the exit status for wrong usage.
int command_usage(const struct command *command, const char *text);
// The same for a failure at work; returns 1.
int command_failed(const struct command *command, const char *text);

#endif
