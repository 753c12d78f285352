// Showing, comparing and documenting.
#include "config/inspect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/document.h"
#include "config/option.h"

Test(config_dump, says_where_a_value_is_from)
{
    const struct config *c = load_good(MINIMAL "hold:\n  max: 90s\n");
    char *value = value_of(c, "hold.max"), *origin = origin_of(c, "hold.max");
    cr_expect_str_eq(value, "90s");
    cr_expect_str_eq(origin, "t:5");
    mem_free(value);
    mem_free(origin);
    config_unref(c);
}

Test(config_dump, shows_no_secret)
{
    static const struct {
        const char *key, *value;
    } rows[] = {{"control.password", "********"},
                {"accounts[0].password", "********"},
                {"mongo.uri", "mongodb://me:********@h1,h2/db"}};
    const struct config *c =
        load_good(MINIMAL "control: {password: geheim}\naccounts: [{user: a, password: geheim}]\n"
                          "mongo: {uri: \"mongodb://me:geh@im:geheim@h1,h2/db\"}\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *value = value_of(c, rows[i].key);
        cr_expect_str_eq(value, rows[i].value, "%s is %s", rows[i].key, value);
        mem_free(value);
    }
    config_unref(c);
}

Test(config_dump, what_is_shown_can_be_written)
{
    static const struct {
        const char *line, *key, *value;
    } rows[] = {
        {"max_packet_before_login: 5000", "max_packet_before_login", "5000"},
        {"max_packet_before_login: 1048577", "max_packet_before_login", "1048577"},
        {"login_timeout: 1500ms", "login_timeout", "1.5s"},
        {"admin: {mode: 600}", "admin.mode", "0600"},
        {"admin: {http: off}", "admin.http", "off"},
        {"proxy_protocol: {accept_from: \"10.0.0.1/32\"}", "proxy_protocol.accept_from",
         "[10.0.0.1]"},
        {"auth: {learn: no}", "auth.learn", "off"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = mem_printf("%s%s\n", MINIMAL, rows[i].line);
        const struct config *c = load_good(text);
        char *value = value_of(c, rows[i].key);
        cr_expect_str_eq(value, rows[i].value, "%s is %s", rows[i].key, value);
        mem_free(value);
        config_unref(c);
        mem_free(text);
    }
}

// The changes as text: "~hold.max reload".
static char *changes(const char *before, const char *after, size_t *restarts)
{
    static const char signs[] = {
        [CONFIG_CHANGED] = '~', [CONFIG_ADDED] = '+', [CONFIG_REMOVED] = '-'};
    const struct config *a = load_good(before), *b = load_good(after);
    struct config_diff d;
    config_diff(a, b, &d);
    char *all = mem_strdup("");
    for (size_t i = 0; i < d.count; i++) {
        char *more = mem_printf("%s%c%s %s\n", all, signs[d.items[i].kind], d.items[i].key,
                                config_effect_name(d.items[i].effect));
        mem_free(all);
        all = more;
    }
    *restarts = d.restarts;
    config_diff_release(&d);
    config_unref(a);
    config_unref(b);
    return all;
}

Test(config_diff, names_what_changed)
{
    static const struct {
        const char *before, *after, *changes;
        size_t restarts;
    } rows[] = {
        {MINIMAL, MINIMAL, "", 0},
        {MINIMAL, MINIMAL "hold: {max: 30000ms}\n", "", 0},
        {MINIMAL, MINIMAL "hold: {max: 5s}\nworkers: 2\n", "~workers restart\n~hold.max reload\n",
         1},
        {MINIMAL "control: {password: a}\n", MINIMAL "control: {password: b}\n",
         "~control.password reload\n", 0},
        {MINIMAL "mongo: {uri: \"mongodb://u:a@h\"}\n",
         MINIMAL "mongo: {uri: \"mongodb://u:b@h\"}\n", "~mongo.uri reload\n", 0},
        {MINIMAL "accounts: [{user: a, password: x}]\n", MINIMAL,
         "-accounts[0] reload\n-accounts[0].user reload\n-accounts[0].password reload\n"
         "-accounts[0].password_file reload\n",
         0},
        {"listen: h:1\nbackends: {a: {address: \"h:2\"}, b: {address: \"h:3\"}}\nactive: a\n",
         "listen: h:1\nbackends: {b: {address: \"h:3\"}, a: {address: \"h:2\"}}\nactive: b\n",
         "~active first start\n", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t restarts;
        char *found = changes(rows[i].before, rows[i].after, &restarts);
        cr_expect_str_eq(found, rows[i].changes, "row %zu: %s", i, found);
        cr_expect_eq(restarts, rows[i].restarts);
        mem_free(found);
    }
}

Test(config_docs, every_option_is_a_row)
{
    char *page = NULL;
    size_t size = 0, rows = 0;
    FILE *out = open_memstream(&page, &size);
    cr_assert_not_null(out);
    config_generate_docs(out);
    cr_assert_eq(fclose(out), 0);
    for (const char *p = page; (p = strstr(p, "\n| `")) != NULL; p++)
        rows++;
    cr_expect_eq(rows, config_option_count);
    cr_expect_not_null(strstr(page, "| `hold.max` | duration | 1ms to 1h | `30s` | reload | The "));
    free(page);
}
