// The command table as a whole, and the checks that every request passes.
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "admin/command.h"
#include "admin/nearest.h"
#include "admin/protocol.h"

Test(command_table, rows_are_complete)
{
    const struct command_table *t = command_table();
    for (unsigned i = 0; i < t->count; i++) {
        const struct command *c = &t->rows[i];
        cr_expect(c->help != NULL && strlen(c->help) > 5 && strlen(c->help) < 80, "%s", c->words);
        cr_expect_neq(c->role, ROLE_NONE, "%s", c->words);
        cr_expect_not_null(c->run, "%s", c->words);
        cr_expect(c->positional.least <= c->positional.most, "%s", c->words);
        for (const char *p = c->words; *p != '\0'; p++)
            cr_expect(islower((unsigned char)*p) || *p == ' ' || *p == '-', "%s", c->words);
        for (unsigned k = 0; k < i; k++)
            cr_expect_str_neq(c->words, t->rows[k].words);
    }
}

Test(command_table, changes_need_more_than_looking)
{
    const struct command_table *t = command_table();
    for (unsigned i = 0; i < t->count; i++)
        cr_expect(!t->rows[i].mutating || t->rows[i].role > ROLE_VIEW, "%s", t->rows[i].words);
}

Test(command_table, what_waits_has_a_timeout)
{
    const struct command_table *t = command_table();
    for (unsigned i = 0; i < t->count; i++) {
        bool has = false;
        for (const struct argument *o = t->rows[i].options; o != NULL && o->name != NULL; o++)
            has |= strcmp(o->name, "timeout") == 0 && o->kind == ARGUMENT_DURATION;
        cr_expect_eq(has, t->rows[i].waiting, "%s", t->rows[i].words);
    }
}

Test(command_table, options_are_complete)
{
    const struct command_table *t = command_table();
    for (unsigned i = 0; i < t->count; i++) {
        unsigned n = 0;
        for (const struct argument *o = t->rows[i].options; o != NULL && o->name != NULL;
             o++, n++) {
            struct value v;
            cr_expect_not_null(o->help, "%s", o->name);
            cr_expect(o->standard == NULL ||
                          argument_parse(o->kind, o->name, o->standard, &v, NULL) == SL_OK,
                      "%s --%s", t->rows[i].words, o->name);
        }
        cr_expect(n <= COMMAND_OPTIONS_MAX, "%s", t->rows[i].words);
    }
}

static struct call call;
static struct sl_error err;

static enum sl_code check(enum admin_role role, const char *line)
{
    static struct words w; // borrowed by `call`
    words_release(&w);
    cr_assert_eq(words_split(line, strlen(line), &w, &err), SL_OK);
    return command_check(command_table(), w.at, w.count, role, &call, &err);
}

Test(command, good_calls)
{
    cr_assert_eq(check(ROLE_OPERATE, "pause --reason x --for=5s"), SL_OK, "%s", err.text);
    cr_expect_str_eq(call_option(&call, "reason")->text, "x");
    cr_expect_eq(call_option(&call, "for")->number, 5000000000);
    cr_expect_str_eq(call_option(&call, "timeout")->text, "10s");
    cr_assert_eq(check(ROLE_OPERATE, "kill 1 2 --user 'a*' -- 3"), SL_OK, "%s", err.text);
    cr_expect_eq(call.positional_count, 3u);
    cr_expect_eq(call.positionals[2].number, 3);
    cr_assert_eq(check(ROLE_VIEW, "show sessions --state held --obstacle user_lock"), SL_OK);
    cr_expect(call_option(&call, "state")->given);
    cr_expect_not(call_option(&call, "limit")->given);
    cr_assert_eq(check(ROLE_OPERATE, "drain --then kill"), SL_OK);
    cr_expect_not(call_option(&call, "wait")->given);
}

static const struct {
    enum admin_role role;
    const char *line;
    enum sl_code code;
    const char *says;
} BAD[] = {
    {ROLE_ADMIN, "", SL_EINVAL, "help"},
    {ROLE_ADMIN, "pauze", SL_EINVAL, "did you mean \"pause\""},
    {ROLE_ADMIN, "show sesions", SL_EINVAL, "did you mean \"show sessions\""},
    {ROLE_ADMIN, "show", SL_EINVAL, "what?"},
    {ROLE_ADMIN, "xyzzy plugh", SL_EINVAL, "unknown command"},
    {ROLE_ADMIN, "pause --resaon x", SL_EINVAL, "did you mean --reason"},
    {ROLE_ADMIN, "pause --frobnicate=1", SL_EINVAL, "no option --frobnicate"},
    {ROLE_ADMIN, "pause --for", SL_EINVAL, "needs a value: DURATION"},
    {ROLE_ADMIN, "pause --for soon", SL_EINVAL, "expected a duration"},
    {ROLE_ADMIN, "pause --for 1s --for 2s", SL_EINVAL, "twice"},
    {ROLE_ADMIN, "pause now", SL_EINVAL, "takes no argument"},
    {ROLE_ADMIN, "repoint", SL_EINVAL, "needs BACKEND"},
    {ROLE_ADMIN, "repoint a b", SL_EINVAL, "at most 1"},
    {ROLE_ADMIN, "repoint a --force=yes", SL_EINVAL, "takes no value"},
    {ROLE_ADMIN, "kill all", SL_EINVAL, "number of a session"},
    {ROLE_ADMIN, "kill --host nowhere", SL_EINVAL, "an address or a network"},
    {ROLE_ADMIN, "log level loud", SL_EINVAL, "error, warn, info, debug"},
    {ROLE_ADMIN, "show sessions --state idel", SL_EINVAL, "did you mean idle"},
    {ROLE_NONE, "show status", SL_EDENIED, "role view"},
    {ROLE_VIEW, "pause", SL_EDENIED, "role operate, yours is view"},
    {ROLE_VIEW, "pause --bogus", SL_EDENIED, "role operate"},
    {ROLE_OPERATE, "reload", SL_EDENIED, "role admin"},
    {ROLE_OPERATE, "shutdown", SL_EDENIED, "role admin"},
};

Test(command, refusals)
{
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        cr_expect_eq(check(BAD[i].role, BAD[i].line), BAD[i].code, "%s", BAD[i].line);
        cr_expect(strstr(err.text, BAD[i].says) != NULL, "%s: %s", BAD[i].line, err.text);
    }
}

Test(command, synopsis)
{
    char text[200];
    const char *words[] = {"repoint"};
    const struct command *c = command_find(command_table(), words, 1);
    cr_assert_not_null(c);
    cr_expect_str_eq(command_synopsis(c, text, sizeof text), "repoint BACKEND [--force]");
    command_synopsis(c, text, 10); // cut, not beyond
    cr_expect(strlen(text) < 10);
}

Test(nearest, words)
{
    static const struct {
        const char *word, *name;
        bool near;
    } PAIRS[] = {
        {"pauze", "pause", true},      {"resmue", "resume", true}, {"x", "y", false},
        {"sessions", "x", false},      {"", "pause", false},       {"drian", "drain", true},
        {"shutdwon", "shutdown", true}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        struct nearest n = nearest_start(PAIRS[i].word);
        nearest_offer(&n, PAIRS[i].name);
        cr_expect_eq(n.name != NULL, PAIRS[i].near, "%s", PAIRS[i].word);
    }
}
