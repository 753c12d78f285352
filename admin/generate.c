// The Markdown tables of docs/generated, from the tables that the program works with.
#include <stdio.h>
#include <string.h>

#include "admin/command.h"
#include "admin/metrics.h"
#include "admin/server.h"

static void title(FILE *out, const char *text)
{
    fprintf(out, "# %s\n\n<!-- Written by `sluice --generate-docs`; do not edit. -->\n\n", text);
}

// A bar would end the cell.
static void cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
}

// A section a command: what help COMMAND says.
static void generate_command(FILE *out, const struct command *c)
{
    char text[512];
    fprintf(out, "\n## %s\n\n    %s\n\n%s.%s%s Role %s%s%s.\n", c->words,
            command_synopsis(c, text, sizeof text), c->help, c->detail != NULL ? " " : "",
            c->detail != NULL ? c->detail : "", admin_role_name(c->role),
            c->mutating ? ", audited" : "", c->waiting ? ", waits" : "");
    if (c->options == NULL)
        return;
    fprintf(out, "\n| option | value | default | does |\n| --- | --- | --- | --- |\n");
    for (int i = 0; c->options[i].name != NULL; i++) {
        const struct argument *o = &c->options[i];
        fprintf(out, "| `--%s` | ", o->name);
        cell(out, argument_kind_label(o->kind));
        fprintf(out, " | %s | ", o->standard != NULL ? o->standard : "");
        cell(out, o->help);
        fprintf(out, " |\n");
    }
}

static void generate_commands(FILE *out)
{
    const struct command_table *table = command_table();
    title(out, "Admin commands");
    fprintf(out, "| command | role | does |\n| --- | --- | --- |\n");
    for (unsigned i = 0; i < table->count; i++)
        fprintf(out, "| `%s` | %s | %s |\n", table->rows[i].words,
                admin_role_name(table->rows[i].role), table->rows[i].help);
    for (unsigned i = 0; i < table->count; i++)
        generate_command(out, &table->rows[i]);
}

static void generate_metrics(FILE *out)
{
    unsigned count;
    const struct metric *rows = metrics_table(&count);
    title(out, "Metrics");
    fprintf(out, "| metric | type | label | meaning |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "| `sluice_%s` | %s | %s | %s |\n", rows[i].name, rows[i].type,
                rows[i].label != NULL ? rows[i].label : "", rows[i].help);
}

static void generate_states(FILE *out)
{
    title(out, "Session states");
    fprintf(out, "| state | waits for | may become |\n| --- | --- | --- |\n");
    for (int i = 0; i < SESSION_STATE_COUNT; i++) {
        enum session_state from = (enum session_state)i;
        const char *between = "";
        fprintf(out, "| `%s` | %s | ", session_state_name(from), session_state_waits_for(from));
        for (int k = 0; k < SESSION_STATE_COUNT; k++) {
            enum session_state to = (enum session_state)k;
            if (to == from || !session_state_may_follow(from, to))
                continue;
            fprintf(out, "%s%s", between, session_state_name(to));
            between = ", ";
        }
        fprintf(out, " |\n");
    }
}

static void generate_obstacles(FILE *out)
{
    static const char *const KINDS[] = {[OBSTACLE_WAITS] = "waits",
                                        [OBSTACLE_WAITS_BRIEFLY] = "waits, briefly",
                                        [OBSTACLE_STAYS] = "does not move"};
    title(out, "Obstacles");
    fprintf(out, "| obstacle | kind | comes from | goes away with |\n| --- | --- | --- | --- |\n");
    for (int i = 0; i < OBSTACLE_COUNT; i++) {
        const struct obstacle_info *o = obstacle_info((enum obstacle)i);
        fprintf(out, "| `%s` | %s | %s | %s |\n", o->name, KINDS[o->kind], o->from, o->until);
    }
}

static const struct {
    const char *what;
    void (*generate)(FILE *out);
} PAGES[] = {
    {"commands", generate_commands},
    {"metrics", generate_metrics},
    {"states", generate_states},
    {"obstacles", generate_obstacles},
};

enum sl_code admin_generate_docs(const char *what, FILE *out)
{
    for (size_t i = 0; i < sizeof PAGES / sizeof PAGES[0]; i++) {
        if (strcmp(what, PAGES[i].what) == 0) {
            PAGES[i].generate(out);
            return SL_OK;
        }
    }
    return SL_ENOTFOUND;
}
