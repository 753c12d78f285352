// sluice-bench: load, ledger checks and side-by-side measurements for rehearsals of a move.
// One table of subcommands; dispatch and all help come from its rows.
#include <stdio.h>
#include <string.h>

#include "bench/commands.h"

static const struct command *const commands[] = {
    &command_load, &command_verify, &command_connect, &command_idle, &command_stream, &command_move,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void print_overview(FILE *out)
{
    fputs("usage: sluice-bench SUBCOMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "  %-10s %s\n", "manual", "prints the man page");
    fputs("\nsluice-bench SUBCOMMAND --help lists its options.\n", out);
}

static void print_command(FILE *out, const struct command *command)
{
    fprintf(out, "usage: sluice-bench %s [OPTION...]\n\n%s\n\n", command->name, command->summary);
    command_print_options(command, out);
}

static int run(const struct command *command, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_command(stdout, command);
            return 0;
        }
    }
    return command->run(argc, argv);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return 0;
    }
    if (strcmp(argv[1], "manual") == 0) {
        manual_print(stdout, commands, COMMAND_COUNT);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i]->name) == 0)
            return run(commands[i], argc - 2, argv + 2);
    }
    fprintf(stderr, "sluice-bench: unknown subcommand \"%s\"\n", argv[1]);
    print_overview(stderr);
    return 2;
}
