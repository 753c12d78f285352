// From words to a checked call: the row, the role, the options, the arity and the types.
#include "admin/command.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "admin/nearest.h"

const char *admin_role_name(enum admin_role role)
{
    static const char *const NAMES[] = {
#define X(name, text) text,
        ADMIN_ROLES(X)
#undef X
    };
    return NAMES[role];
}

// --- finding the row -----------------------------------------------------------------------------

// How many words of `words` the row's name takes up; 0 when they are not its name.
static unsigned name_match(const struct command *c, const char *const *words, unsigned count)
{
    const char *p = c->words;
    unsigned used = 0;
    while (*p != '\0') {
        size_t n = strcspn(p, " ");
        if (used == count || strlen(words[used]) != n || strncmp(words[used], p, n) != 0)
            return 0;
        used++;
        p += n + (p[n] == ' ');
    }
    return used;
}

// The row whose name is the longest beginning of the words.
static const struct command *find_prefix(const struct command_table *table,
                                         const char *const *words, unsigned count, unsigned *used)
{
    const struct command *best = NULL;
    *used = 0;
    for (unsigned i = 0; i < table->count; i++) {
        unsigned n = name_match(&table->rows[i], words, count);
        if (n > *used) {
            *used = n;
            best = &table->rows[i];
        }
    }
    return best;
}

const struct command *command_find(const struct command_table *table, const char *const *words,
                                   unsigned count)
{
    unsigned used = 0;
    const struct command *c = find_prefix(table, words, count, &used);
    return used == count ? c : NULL;
}

// Names of two words are compared with two typed words, so that "show sesions" finds its neighbour.
static enum sl_code unknown_command(const struct command_table *table, const char *const *words,
                                    unsigned count, struct sl_error *err)
{
    char typed[160];
    snprintf(typed, sizeof typed, "%.60s%s%.60s", words[0], count > 1 ? " " : "",
             count > 1 ? words[1] : "");
    struct nearest one = nearest_start(words[0]), two = nearest_start(typed);
    for (unsigned i = 0; i < table->count; i++) {
        bool is_long = strchr(table->rows[i].words, ' ') != NULL;
        nearest_offer(is_long ? &two : &one, table->rows[i].words);
    }
    const char *near = two.name != NULL ? two.name : one.name;
    bool begins = false; // "show" alone
    for (unsigned i = 0; i < table->count && count == 1; i++) {
        size_t n = strlen(words[0]);
        begins |= strncmp(table->rows[i].words, words[0], n) == 0 && table->rows[i].words[n] == ' ';
    }
    if (begins)
        return sl_fail(err, SL_EINVAL, "\"%.60s\" what? See: help", words[0]);
    if (near != NULL)
        return sl_fail(err, SL_EINVAL, "unknown command \"%s\", did you mean \"%s\"?", typed, near);
    return sl_fail(err, SL_EINVAL, "unknown command \"%s\", see: help", typed);
}

// --- options -------------------------------------------------------------------------------------

// The index in the row's options, which is also that of its value in the call; -1: no such option.
static int find_option(const struct command *c, const char *name, size_t n)
{
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++)
        if (strlen(c->options[i].name) == n && strncmp(c->options[i].name, name, n) == 0)
            return i;
    return -1;
}

// Says the name only, never the value: that may be what somebody took for a secret.
static enum sl_code unknown_option(const struct command *c, const char *name, struct sl_error *err)
{
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)strcspn(name, "="), name);
    struct nearest near = nearest_start(typed);
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++)
        nearest_offer(&near, c->options[i].name);
    if (near.name != NULL)
        return sl_fail(err, SL_EINVAL, "%s has no option --%s, did you mean --%s?", c->words, typed,
                       near.name);
    return sl_fail(err, SL_EINVAL, "%s has no option --%s, see: help %s", c->words, typed,
                   c->words);
}

// Takes "--name", "--name value" or "--name=value" at `*at`, which is moved behind it.
static enum sl_code take_option(struct call *call, const char *const *words, unsigned count,
                                unsigned *at, struct sl_error *err)
{
    const char *name = words[(*at)++] + 2;
    size_t n = strcspn(name, "=");
    int i = find_option(call->command, name, n);
    if (i < 0)
        return unknown_option(call->command, name, err);
    const struct argument *row = &call->command->options[i];
    char label[48];
    snprintf(label, sizeof label, "--%s", row->name);
    if (call->options[i].given)
        return sl_fail(err, SL_EINVAL, "%s is given twice", label);
    if (row->kind == ARGUMENT_FLAG) {
        call->options[i] = (struct value){.given = true, .text = ""};
        return name[n] != '=' ? SL_OK : sl_fail(err, SL_EINVAL, "%s takes no value", label);
    }
    if (name[n] == '=')
        return argument_parse(row->kind, label, name + n + 1, &call->options[i], err);
    if (*at == count)
        return sl_fail(err, SL_EINVAL, "%s needs a value: %s", label,
                       argument_kind_label(row->kind));
    return argument_parse(row->kind, label, words[(*at)++], &call->options[i], err);
}

// After the given ones, so that a standard never hides a mistake.
static enum sl_code fill_standards(struct call *call, struct sl_error *err)
{
    const struct argument *rows = call->command->options;
    for (int i = 0; rows != NULL && rows[i].name != NULL; i++) {
        if (call->options[i].given || rows[i].standard == NULL)
            continue;
        enum sl_code code =
            argument_parse(rows[i].kind, rows[i].name, rows[i].standard, &call->options[i], err);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

// --- positional words ----------------------------------------------------------------------------

static enum sl_code take_positional(struct call *call, const char *word, struct sl_error *err)
{
    const struct command *c = call->command;
    if (call->positional_count == c->positional.most ||
        call->positional_count == COMMAND_POSITIONALS_MAX)
        return c->positional.most == 0
                   ? sl_fail(err, SL_EINVAL, "%s takes no argument, found \"%.60s\"", c->words,
                             word)
                   : sl_fail(err, SL_EINVAL, "%s takes at most %u, \"%.60s\" is too much", c->words,
                             c->positional.most, word);
    return argument_parse(c->positional.kind, argument_kind_label(c->positional.kind), word,
                          &call->positionals[call->positional_count++], err);
}

// Options and positional words may be mixed in any order.
static enum sl_code take_words(struct call *call, const char *const *words, unsigned count,
                               unsigned at, struct sl_error *err)
{
    bool options = true; // until "--"
    while (at < count) {
        enum sl_code code;
        if (options && strcmp(words[at], "--") == 0) {
            options = false;
            at++;
            continue;
        }
        if (options && strncmp(words[at], "--", 2) == 0)
            code = take_option(call, words, count, &at, err);
        else
            code = take_positional(call, words[at++], err);
        if (code != SL_OK)
            return code;
    }
    return SL_OK;
}

enum sl_code command_check(const struct command_table *table, const char *const *words,
                           unsigned count, enum admin_role role, struct call *out,
                           struct sl_error *err)
{
    memset(out, 0, sizeof *out);
    unsigned used = 0;
    if (count == 0)
        return sl_fail(err, SL_EINVAL, "no command, see: help");
    out->command = find_prefix(table, words, count, &used);
    if (out->command == NULL)
        return unknown_command(table, words, count, err);
    if (role < out->command->role)
        return sl_fail(err, SL_EDENIED, "%s needs the role %s, yours is %s", out->command->words,
                       admin_role_name(out->command->role), admin_role_name(role));
    enum sl_code code = take_words(out, words, count, used, err);
    if (code != SL_OK)
        return code;
    if (out->positional_count < out->command->positional.least)
        return sl_fail(err, SL_EINVAL, "%s needs %s, see: help %s", out->command->words,
                       argument_kind_label(out->command->positional.kind), out->command->words);
    return fill_standards(out, err);
}

const struct value *call_option(const struct call *c, const char *name)
{
    int i = find_option(c->command, name, strlen(name));
    assert(i >= 0 && i < COMMAND_OPTIONS_MAX);
    return &c->options[i];
}

// --- for people ----------------------------------------------------------------------------------

const char *command_synopsis(const struct command *c, char *out, size_t size)
{
    const char *label = argument_kind_label(c->positional.kind);
    int n = snprintf(out, size, "%s", c->words);
    size_t at = n > 0 && (size_t)n < size ? (size_t)n : size - 1;
    if (c->positional.most > 0) {
        bool may = c->positional.least == 0, many = c->positional.most > 1;
        n = snprintf(out + at, size - at, " %s%s%s%s", may ? "[" : "", label, many ? "..." : "",
                     may ? "]" : "");
        at += n > 0 && (size_t)n < size - at ? (size_t)n : 0;
    }
    for (int i = 0; c->options != NULL && c->options[i].name != NULL; i++) {
        const char *value = argument_kind_label(c->options[i].kind);
        n = snprintf(out + at, size - at, " [--%s%s%s]", c->options[i].name,
                     *value != '\0' ? " " : "", value);
        at += n > 0 && (size_t)n < size - at ? (size_t)n : 0;
    }
    return out;
}
