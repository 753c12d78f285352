// help: the table, one row of it, and the candidates for a word that is being typed.
#include <stdio.h>
#include <string.h>

#include "admin/handlers.h"

// --- for people ----------------------------------------------------------------------------------

// JSON has more of each row, for programs that build menus of it.
static void list_commands(struct request *r)
{
    static const struct column COLUMNS[] = {{"command", "command"}, {"role", "role"},
                                            {"help", "does"},       {"synopsis", ""},
                                            {"mutating", ""},       {"waiting", ""}};
    char text[512];
    answer_table(r->answer, "commands", "commands", COLUMNS, 6);
    for (unsigned i = 0; i < r->home->table->count; i++) {
        const struct command *c = &r->home->table->rows[i];
        answer_row(r->answer,
                   (struct cell[]){cell_text(c->words), cell_text(admin_role_name(c->role)),
                                   cell_text(c->help),
                                   cell_text(command_synopsis(c, text, sizeof text)),
                                   cell_bool(c->mutating), cell_bool(c->waiting)});
    }
    answer_line(r->answer, "%s", "");
    answer_line(r->answer, "help COMMAND says more. --json anywhere gives one JSON document.");
}

static void add_options(struct answer *a, const struct command *c)
{
    static const struct column COLUMNS[] = {
        {"option", "option"}, {"value", "value"}, {"default", "default"}, {"help", "does"}};
    char name[48];
    answer_table(a, "options", "", COLUMNS, 4);
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++) {
        const struct argument *o = &c->options[i];
        snprintf(name, sizeof name, "--%s", o->name);
        answer_row(a, (struct cell[]){cell_text(name), cell_text(argument_kind_label(o->kind)),
                                      cell_text(o->standard != NULL ? o->standard : ""),
                                      cell_text(o->help)});
    }
}

static void describe(struct answer *a, const struct command *c)
{
    char text[512];
    answer_line(a, "%s", command_synopsis(c, text, sizeof text));
    answer_fact(a, "synopsis", NULL, cell_text(text));
    answer_line(a, "    %s", c->help);
    answer_fact(a, "help", NULL, cell_text(c->help));
    if (c->detail != NULL)
        answer_line(a, "    %s", c->detail);
    answer_fact(a, "detail", NULL, cell_text(c->detail));
    answer_line(a, "    Needs the role %s%s.", admin_role_name(c->role),
                c->mutating ? "; leaves an audit line in the log" : "");
    answer_fact(a, "role", NULL, cell_text(admin_role_name(c->role)));
    add_options(a, c);
}

// --- completion ----------------------------------------------------------------------------------

// What is typed so far: whole words, then the one that has been begun ("" for none).
struct typed {
    const char *words[COMMAND_POSITIONALS_MAX];
    unsigned count; // whole ones
    const char *begun;
};

// A candidate that begins with what is typed, once.
static void offer(struct request *r, const struct typed *t, const char *word, size_t n)
{
    size_t begun = strlen(t->begun);
    if (n < begun || strncmp(word, t->begun, begun) != 0)
        return;
    char text[128];
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    // Rows of one family ("show ...") offer the same word.
    if (!answer_has_line(r->answer, text))
        answer_line(r->answer, "%s", text);
}

// The word of the row's name that comes behind the typed ones, NULL when they are not its
// beginning.
static const char *next_word_of_name(const struct command *c, const struct typed *t)
{
    const char *p = c->words;
    for (unsigned i = 0; i < t->count; i++) {
        size_t n = strcspn(p, " ");
        if (p[n] == '\0' || strlen(t->words[i]) != n || strncmp(p, t->words[i], n) != 0)
            return NULL;
        p += n + 1;
    }
    return p;
}

static void offer_values(struct request *r, const struct typed *t, enum argument_kind kind)
{
    const char *name;
    for (unsigned i = 0; (name = argument_kind_choice(kind, i)) != NULL; i++)
        offer(r, t, name, strlen(name));
    const struct config *conf = r->context->config;
    for (size_t i = 0; kind == ARGUMENT_BACKEND && i < conf->backends.count; i++)
        offer(r, t, conf->backends.items[i].name, strlen(conf->backends.items[i].name));
}

// The option that waits for its value, or NULL.
static const struct argument *open_option(const struct command *c, const char *word)
{
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++)
        if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, c->options[i].name) == 0 &&
            c->options[i].kind != ARGUMENT_FLAG)
            return &c->options[i];
    return NULL;
}

static void offer_arguments(struct request *r, const struct typed *t, const struct command *c)
{
    const struct argument *open = open_option(c, t->words[t->count - 1]);
    if (open != NULL) {
        offer_values(r, t, open->kind);
        return;
    }
    char name[48];
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++) {
        int n = snprintf(name, sizeof name, "--%s", c->options[i].name);
        if (t->begun[0] == '-')
            offer(r, t, name, (size_t)n);
    }
    if (c->positional.most > 0)
        offer_values(r, t, c->positional.kind);
}

// Candidates for the last word: words of names, and arguments of the row that the words before
// name.
static void complete(struct request *r)
{
    struct typed t = {.begun = ""};
    for (unsigned i = 0; i < r->call.positional_count; i++)
        t.words[t.count++] = r->call.positionals[i].text;
    if (t.count > 0)
        t.begun = t.words[--t.count];
    const struct command *row = NULL;
    for (unsigned i = 0; i < r->home->table->count; i++) {
        const char *next = next_word_of_name(&r->home->table->rows[i], &t);
        if (next != NULL)
            offer(r, &t, next, strcspn(next, " "));
    }
    // Options may follow the name, so its longest beginning counts.
    for (unsigned n = t.count; n > 0 && row == NULL; n--)
        row = command_find(r->home->table, t.words, n);
    if (row != NULL && row->positional.kind != ARGUMENT_COMMAND)
        offer_arguments(r, &t, row);
}

void run_help(struct request *r)
{
    const struct call *call = &r->call;
    if (call_option(call, "complete")->given) {
        complete(r);
        request_done(r);
        return;
    }
    const char *words[COMMAND_POSITIONALS_MAX];
    for (unsigned i = 0; i < call->positional_count; i++)
        words[i] = call->positionals[i].text;
    if (call->positional_count == 0) {
        list_commands(r);
        request_done(r);
        return;
    }
    const struct command *c = command_find(r->home->table, words, call->positional_count);
    if (c == NULL) {
        struct sl_error err;
        sl_fail(&err, SL_EINVAL, "no command \"%.60s%s%.60s\", see: help", words[0],
                call->positional_count > 1 ? " " : "", call->positional_count > 1 ? words[1] : "");
        request_fail(r, &err);
        return;
    }
    describe(r->answer, c);
    request_done(r);
}
