// Prints the man page of sluice-bench from the tables of subcommands and options, so that it
// cannot disagree with --help. docs/man/sluice-bench.1 is this output; lint compares.
#include <stdlib.h>

#include "bench/commands.h"

static const char beginning[] =
    ".TH SLUICE-BENCH 1\n"
    ".SH NAME\n"
    "sluice-bench \\- load, ledger checks and measurements for rehearsals of a move\n"
    ".SH SYNOPSIS\n"
    ".B sluice-bench\n"
    ".I SUBCOMMAND\n"
    ".RI [ OPTION ...]\n"
    ".SH DESCRIPTION\n"
    "Runs web-like traffic against a MySQL or MariaDB server, directly or through sluice, and\n"
    "afterwards compares what clients were told with what the server holds. Other subcommands\n"
    "measure logins, idle sessions, big results and the move of many sessions.\n"
    ".SH SUBCOMMANDS\n";

static const char ending[] =
    ".SH EXIT STATUS\n"
    "0 done; 1 failed, or, for\n"
    ".BR verify ,\n"
    "a write is lost, doubled, half done or was done although it was refused; 2 wrong usage.\n"
    ".SH FILES\n"
    "A ledger has one line an event:\n"
    "microseconds since the start, a letter (I intent, R tried again, A acknowledged, F failed,\n"
    "U unknown), the id of the write, its kind (T transaction, A autocommit insert) and, after\n"
    "an error, its code. A timeline is a CSV in steps of 10 ms; max_us is the longest wait of\n"
    "those who came in the step.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "sluice\\-bench load \\-\\-sessions 40 \\-\\-rate 300 \\-\\-duration 30s \\-\\-ledger night\n"
    "sluice\\-bench verify \\-\\-ledger night \\-\\-host 10.2.0.5\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    ".BR sluice (8),\n"
    ".BR sluicectl (1)\n";

static void print_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\')
            fputc('\\', out);
        fputc(*text == '\\' ? 'e' : *text, out);
    }
}

void manual_print(FILE *out, const struct command *const *commands, size_t count)
{
    fputs(beginning, out);
    for (size_t i = 0; i < count; i++) {
        char *options = NULL;
        size_t size = 0;
        FILE *text = open_memstream(&options, &size);
        command_print_options(commands[i], text);
        fclose(text);
        fprintf(out, ".SS %s\n", commands[i]->name);
        print_escaped(out, commands[i]->summary);
        fputs("\n.PP\n.nf\n", out);
        print_escaped(out, options);
        fputs(".fi\n", out);
        free(options);
    }
    fputs(ending, out);
}
