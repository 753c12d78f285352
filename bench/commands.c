// What all subcommands share: reading their words by the tables, and how they complain.
#include "bench/commands.h"

#include "bench/target.h"

enum sl_code command_parse(const struct command *c, void *values, struct target *target, int argc,
                           char **argv, struct sl_error *err)
{
    target_defaults(target);
    const struct option_set sets[] = {
        {c->rows, c->row_count, values},
        {target_rows, target_row_count, target},
    };
    enum sl_code code = options_parse(argc, argv, sets, 2, err);
    return code == SL_OK ? target_prepare(target, err) : code;
}

void command_print_options(const struct command *c, FILE *out)
{
    const struct option_set sets[] = {
        {c->rows, c->row_count, NULL},
        {target_rows, target_row_count, NULL},
    };
    options_print(out, sets, 2);
}

int command_usage(const struct command *command, const char *text)
{
    fprintf(stderr, "sluice-bench %s: %s (see sluice-bench %s --help)\n", command->name, text,
            command->name);
    return 2;
}

int command_failed(const struct command *command, const char *text)
{
    fprintf(stderr, "sluice-bench %s: %s\n", command->name, text);
    return 1;
}
