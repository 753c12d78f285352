// Cross-checks: one function for each relation between keys, run in the order of a table. They see
// a filled snapshot in which refused values were replaced by defaults, or are empty.
#include "config/check.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define KEY_MAX 192

struct checking {
    struct config_store *store;
    const struct config *c;
    struct config_errors *errors;
};

// Where the key is written, else what it is in.
static struct config_place place(const struct checking *k, const char *key)
{
    char outer[KEY_MAX];
    text_copy(outer, sizeof outer, key);
    for (;;) {
        const struct config_entry *e = config_store_find(k->store, outer);
        if (e != NULL && e->line > 0)
            return (struct config_place){k->store->file, e->line, e->column, key};
        char *dot = strrchr(outer, '.');
        if (dot == NULL)
            return (struct config_place){k->store->file, 1, 1, key};
        *dot = '\0';
    }
}

// For a key that is missing: the place of the one that asks for it.
static struct config_place place_beside(const struct checking *k, const char *key,
                                        const char *beside)
{
    struct config_place at = place(k, beside);
    at.key = key;
    return at;
}

// Was the key refused, or never filled? Then nothing follows from its value.
static bool bad(const struct checking *k, const char *key)
{
    const struct config_entry *e = config_store_find(k->store, key);
    return e == NULL || e->bad;
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

// Equal as written: names are not resolved here, so two ways to write one address differ.
static bool same_address(const struct config_address *a, const struct config_address *b)
{
    if (a->text == NULL || b->text == NULL || a->kind != b->kind)
        return false;
    return a->kind == CONFIG_ADDRESS_UNIX ? same(a->path, b->path)
                                          : same(a->host, b->host) && a->port == b->port;
}

// --- backends ------------------------------------------------------------------------------------

static void check_active(struct checking *k)
{
    const struct config *c = k->c;
    if (bad(k, "active") || c->backends.count == 0 || config_find_backend(c, c->active) != NULL)
        return;
    char shown[80];
    struct buf names = {0};
    for (size_t i = 0; i < c->backends.count; i++)
        buf_printf(&names, "%s%s",
                   i == 0                       ? ""
                   : i + 1 == c->backends.count ? " or "
                                                : ", ",
                   c->backends.items[i].name);
    const struct config_place at = place(k, "active");
    text_copy(shown, sizeof shown, c->active);
    text_make_printable(shown);
    config_errors_add(k->errors, &at, "\"%s\" is not a backend, expected %.200s", shown,
                      buf_text(&names));
    buf_release(&names);
}

// Two names for one server are legal while rehearsing, and a mistake otherwise.
static void warn_same_backend(struct checking *k, size_t i, const char *key)
{
    const struct config_backend *list = k->c->backends.items;
    for (size_t j = 0; j < i; j++)
        if (same_address(&list[i].address, &list[j].address))
            config_store_warn(k->store, config_store_find(k->store, key),
                              "%s is the address of backend %s as well, expected another",
                              list[i].address.text, list[j].name);
}

static void check_backend_address(struct checking *k, size_t i)
{
    const struct config_backend *b = &k->c->backends.items[i];
    char key[KEY_MAX];
    (void)snprintf(key, sizeof key, "backends.%s.address", b->name);
    if (bad(k, key))
        return;
    warn_same_backend(k, i, key);
    for (size_t j = 0; j < k->c->listen.count; j++) {
        if (!same_address(&b->address, &k->c->listen.items[j]))
            continue;
        const struct config_place at = place(k, key);
        config_errors_add(k->errors, &at,
                          "%s is an address of listen as well, expected a server: sluice would "
                          "connect to itself",
                          b->address.text);
    }
    if (b->address.kind == CONFIG_ADDRESS_TCP && same(b->address.host, "*")) {
        const struct config_place at = place(k, key);
        config_errors_add(k->errors, &at, "\"%s\" has no host, expected host:port",
                          b->address.text);
    }
}

static void check_backend_tls(struct checking *k, const struct config_backend *b)
{
    char mode[KEY_MAX], cert[KEY_MAX], key[KEY_MAX];
    (void)snprintf(mode, sizeof mode, "backends.%s.tls.mode", b->name);
    (void)snprintf(cert, sizeof cert, "backends.%s.tls.cert", b->name);
    (void)snprintf(key, sizeof key, "backends.%s.tls.key", b->name);
    if (b->tls.cert != NULL && b->tls.key == NULL) {
        const struct config_place at = place_beside(k, key, cert);
        config_errors_add(k->errors, &at, "is missing, expected the key of %s", cert);
    }
    if (b->tls.key != NULL && b->tls.cert == NULL) {
        const struct config_place at = place_beside(k, cert, key);
        config_errors_add(k->errors, &at, "is missing, expected the certificate of %s", key);
    }
    if (b->tls.mode == CONFIG_TLS_VERIFY_IDENTITY && b->address.kind == CONFIG_ADDRESS_UNIX) {
        const struct config_place at = place(k, mode);
        config_errors_add(k->errors, &at,
                          "verify-identity needs a host name, expected another mode for a unix "
                          "socket");
    }
}

static void check_backends(struct checking *k)
{
    for (size_t i = 0; i < k->c->backends.count; i++) {
        check_backend_address(k, i);
        check_backend_tls(k, &k->c->backends.items[i]);
    }
}

// --- clients -------------------------------------------------------------------------------------

static void check_listen(struct checking *k)
{
    const struct config_addresses *listen = &k->c->listen;
    if (bad(k, "listen"))
        return;
    const struct config_place at = place(k, "listen");
    for (size_t i = 0; i < listen->count; i++) {
        const struct config_address *a = &listen->items[i];
        for (size_t j = 0; j < i; j++)
            if (same_address(a, &listen->items[j]))
                config_errors_add(k->errors, &at, "%s found a second time, expected once", a->text);
        if (k->c->admin.http_on && same_address(a, &k->c->admin.http))
            config_errors_add(k->errors, &at, "%s is admin.http as well, expected another",
                              a->text);
        if (a->kind == CONFIG_ADDRESS_UNIX && same(a->path, k->c->admin.socket))
            config_errors_add(k->errors, &at, "%s is admin.socket as well, expected another",
                              a->text);
    }
}

static void need_client_tls(struct checking *k, const char *key, const char *value,
                            const char *what)
{
    if (value != NULL || bad(k, key))
        return;
    const struct config_place at = place_beside(k, key, "client_tls.mode");
    config_errors_add(k->errors, &at, "is missing, expected the file with %s for mode %s", what,
                      config_tls_mode_name(k->c->client_tls.mode));
}

// Whether the files are good is for config_check_files.
static void check_client_tls(struct checking *k)
{
    const struct config_client_tls *tls = &k->c->client_tls;
    if (tls->mode != CONFIG_TLS_DISABLED) {
        need_client_tls(k, "client_tls.cert", tls->cert, "the certificate");
        need_client_tls(k, "client_tls.key", tls->key, "the key");
    } else if (tls->cert != NULL && !bad(k, "client_tls.mode")) {
        config_store_warn(k->store, config_store_find(k->store, "client_tls.cert"),
                          "has no effect, expected client_tls.mode preferred or required");
    }
}

// --- secrets -------------------------------------------------------------------------------------

// `prefix` is the key of the login. `needed`: without a secret it would be useless.
static void check_login(struct checking *k, const struct config_login *login, const char *prefix,
                        bool needed)
{
    char user[KEY_MAX], password[KEY_MAX], file[KEY_MAX];
    (void)snprintf(user, sizeof user, "%s.user", prefix);
    (void)snprintf(password, sizeof password, "%s.password", prefix);
    (void)snprintf(file, sizeof file, "%s.password_file", prefix);
    if (login->password != NULL && login->password_file != NULL) {
        const struct config_place at = place(k, file);
        config_errors_add(k->errors, &at, "found beside %s, expected one of the two", password);
    }
    if (needed && login->password == NULL && login->password_file == NULL && !bad(k, user) &&
        !bad(k, password) && !bad(k, file)) {
        const struct config_place at = place_beside(k, file, user);
        config_errors_add(k->errors, &at, "is missing, expected it or %s", password);
    }
}

static void check_logins(struct checking *k)
{
    const struct config_logins *list = &k->c->accounts;
    check_login(k, &k->c->control, "control", false);
    for (size_t i = 0; i < list->count; i++) {
        char prefix[64], user[KEY_MAX];
        (void)snprintf(prefix, sizeof prefix, "accounts[%zu]", i);
        (void)snprintf(user, sizeof user, "%s.user", prefix);
        check_login(k, &list->items[i], prefix, true);
        for (size_t j = 0; j < i; j++) {
            if (!same(list->items[i].user, list->items[j].user))
                continue;
            const struct config_place at = place(k, user);
            config_errors_add(k->errors, &at, "found a second time, expected each user once");
            break;
        }
    }
}

// --- draining and cutover ------------------------------------------------------------------------

// Something that is for everybody is not a rule. When a problem inside it was found before, that is
// probably why it looks empty.
static void need_match(struct checking *k, const char *key, const char *expected)
{
    for (size_t i = 0; i < k->errors->count; i++)
        if (strstr(k->errors->items[i].text, key) != NULL)
            return;
    const struct config_place at = place(k, key);
    config_errors_add(k->errors, &at, "matches everybody, expected at least one of %s", expected);
}

static void check_rules(struct checking *k)
{
    char key[KEY_MAX];
    for (size_t i = 0; i < k->c->drain.rules.count; i++) {
        const struct config_match *m = &k->c->drain.rules.items[i].match;
        if (m->user != NULL || m->host.count > 0 || m->database != NULL || m->program != NULL ||
            m->older_than_ms > 0)
            continue;
        (void)snprintf(key, sizeof key, "drain.rules[%zu].match", i);
        need_match(k, key, "user, host, database, program, older_than");
    }
    for (size_t i = 0; i < k->c->cutover.testers.count; i++) {
        const struct config_tester *t = &k->c->cutover.testers.items[i];
        if (t->user != NULL || t->host.count > 0)
            continue;
        (void)snprintf(key, sizeof key, "cutover.testers[%zu]", i);
        need_match(k, key, "user, host");
    }
}

static void check_checks(struct checking *k)
{
    for (size_t i = 0; i < k->c->cutover.checks.count; i++) {
        const struct config_check *c = &k->c->cutover.checks.items[i];
        char key[KEY_MAX];
        (void)snprintf(key, sizeof key, "cutover.checks[%zu]", i);
        const struct config_place at = place(k, key);
        if ((c->sql != NULL) == (c->command != NULL))
            config_errors_add(k->errors, &at, "found %s, expected one of sql and command",
                              c->sql != NULL ? "both sql and command" : "neither sql nor command");
        else if (c->expect != NULL && c->sql == NULL)
            config_errors_add(k->errors, &at, "found expect without sql, expected both");
    }
}

// Warnings only: the defaults of one key must not forbid a sensible value of another.
static void check_budget(struct checking *k)
{
    const struct config *c = k->c;
    char budget[32], other[32];
    const struct config_entry *at = config_store_find(k->store, "cutover.budget");
    text_format_duration_ms(c->cutover.budget_ms, budget, sizeof budget);
    if (c->cutover.budget_ms > c->hold.max_ms)
        config_store_warn(k->store, at,
                          "%s is longer than hold.max, expected at most %s: clients would get "
                          "errors before the cutover undoes itself",
                          budget, text_format_duration_ms(c->hold.max_ms, other, sizeof other));
    int64_t needed = c->drain.wait_ms + c->cutover.catch_up_ms;
    if (c->cutover.budget_ms < needed)
        config_store_warn(k->store, at,
                          "%s is shorter than drain.wait and cutover.catch_up together, expected "
                          "at least %s",
                          budget, text_format_duration_ms(needed, other, sizeof other));
}

// --- admin ---------------------------------------------------------------------------------------

// By its text: a name other than localhost may change its meaning, so it needs a token.
static bool loopback(const struct config_address *a)
{
    static const char *const names[] = {"localhost", "::1"};
    if (a->kind == CONFIG_ADDRESS_UNIX || a->host == NULL || strncmp(a->host, "127.", 4) == 0)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(a->host, names[i]) == 0)
            return true;
    return false;
}

// Metrics name users and hosts, so nobody else on the network gets them by default.
static void check_admin(struct checking *k)
{
    const struct config_admin *a = &k->c->admin;
    if (a->http_on && !loopback(&a->http) && a->http_token_file == NULL) {
        const struct config_place at = place(k, "admin.http");
        config_errors_add(k->errors, &at,
                          "%s is not loopback, expected admin.http_token_file beside it",
                          a->http.text);
    }
    if (a->roles.admin.count == 0)
        config_store_warn(k->store, config_store_find(k->store, "admin.roles.admin"),
                          "is empty, expected somebody: nobody may reload or shut down");
}

// The order decides only which problem comes first at one place.
static void (*const checks[])(struct checking *k) = {
    check_active, check_backends, check_listen, check_client_tls, check_logins,
    check_rules,  check_checks,   check_budget, check_admin,
};

void config_cross_check(struct config_store *s, struct config_errors *errors)
{
    struct checking k = {s, &s->config, errors};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        checks[i](&k);
}
