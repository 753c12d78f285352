// sluicectl's main: its own options, then one command or the prompt.
#include "admin/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "sluicectl [-s SOCKET] [--json] COMMAND...   run one command\n"
    "sluicectl [-s SOCKET] [--json]              a prompt with history and completion\n"
    "\n"
    "  -s, --socket SOCKET  the daemon's admin.socket (also SLUICE_SOCKET; default\n"
    "                       " PROTOCOL_SOCKET ")\n"
    "      --json           answers as JSON documents\n"
    "      --help           this\n"
    "      --version        the version of this program\n"
    "\n"
    "`sluicectl help` lists the daemon's commands. Exit status: 0 done, 1 refused or failed (the\n"
    "reason is on standard error), 2 not understood.\n";

struct options {
    const char *socket;
    bool json, help, version;
    int first; // of the words of the command
};

static const char *default_socket(void)
{
    const char *path = getenv("SLUICE_SOCKET");
    return path != NULL && *path != '\0' ? path : PROTOCOL_SOCKET;
}

// "-s PATH", "--socket PATH", "--socket=PATH"; true when it was one, with `*i` on its last word.
static bool take_socket(int argc, char **argv, int *i, struct options *o)
{
    static const char LONG[] = "--socket=";
    const char *word = argv[*i];
    if (strncmp(word, LONG, sizeof LONG - 1) == 0) {
        o->socket = word + sizeof LONG - 1;
        return true;
    }
    if (strcmp(word, "-s") != 0 && strcmp(word, "--socket") != 0)
        return false;
    o->socket = ++*i < argc ? argv[*i] : "";
    return true;
}

// Our options stand before the command; behind it everything is the command's.
static bool parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.socket = default_socket()};
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            o->help = true;
        else if (strcmp(argv[i], "--version") == 0)
            o->version = true;
        else if (!take_socket(argc, argv, &i, o)) {
            fprintf(stderr, "sluicectl: unknown option %s, see --help\n", argv[i]);
            return false;
        }
    }
    o->first = i;
    if (o->socket[0] == '\0')
        fprintf(stderr, "sluicectl: -s needs the path of a socket\n");
    return o->socket[0] != '\0';
}

// Words are quoted again, since the shell has taken their quotes away.
static enum ctl_exit run_words(struct ctl *c, int count, char **words)
{
    struct buf line = {.cap = PROTOCOL_LINE_MAX};
    for (int i = 0; i < count; i++) {
        if (line.n > 0)
            buf_u8(&line, ' ');
        words_quote(&line, words[i]);
    }
    enum ctl_exit result = CTL_USAGE;
    if (line.failed || strchr(buf_text(&line), '\n') != NULL)
        fprintf(stderr, "sluicectl: the command is too long or has line ends in it\n");
    else
        result = ctl_run(c, buf_text(&line));
    buf_release(&line);
    return result;
}

static enum ctl_exit run_command(struct ctl *c, int argc, char **argv)
{
    // Room for the word --json in front.
    char **words = malloc((size_t)(argc + 1) * sizeof *words);
    static char json[] = "--json";
    int count = 0;
    if (words == NULL)
        return CTL_FAILED;
    if (c->json)
        words[count++] = json;
    for (int i = 0; i < argc; i++)
        words[count++] = argv[i];
    enum ctl_exit result = run_words(c, count, words);
    free(words);
    return result;
}

int main(int argc, char **argv)
{
    struct options o;
    struct ctl ctl;
    if (!parse(argc, argv, &o))
        return CTL_USAGE;
    if (o.help || o.version) {
        fputs(o.help ? HELP : "sluicectl " SLUICE_VERSION "\n", stdout);
        return CTL_DONE;
    }
    ctl_init(&ctl, o.socket, o.json);
    ctl_catch_interrupts();
    enum ctl_exit result =
        o.first < argc ? run_command(&ctl, argc - o.first, argv + o.first) : ctl_prompt(&ctl);
    ctl_close(&ctl);
    return (int)result;
}
