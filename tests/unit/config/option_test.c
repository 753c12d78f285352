// The table: its defaults are those that users were promised, every row can be set, shown and is
// described, and the sample files agree with it.
#include "config/option.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/document.h"
#include "config/store.h"

// The design's INTERFACES page, and the keys that joined it.
static const struct {
    const char *key, *value;
} defaults[] = {
    {"workers", "auto"},
    {"max_sessions", "10000"},
    {"login_timeout", "10s"},
    {"connect_timeout", "3s"},
    {"tcp_keepalive", "1m"},
    {"shutdown_grace", "10s"},
    {"max_packet_before_login", "64KiB"},
    {"client_tls.mode", "disabled"},
    {"client_tls.cert", ""},
    {"client_tls.key", ""},
    {"client_tls.ca", ""},
    {"proxy_protocol.accept_from", "[]"},
    {"backends.milan.tls.mode", "preferred"},
    {"backends.milan.tls.ca", ""},
    {"backends.milan.proxy_protocol", "off"},
    {"state_dir", "/var/lib/sluice"},
    {"control.user", "sluice"},
    {"control.password", ""},
    {"control.password_file", ""},
    {"auth.learn", "on"},
    {"hold.max", "30s"},
    {"hold.max_sessions", "10000"},
    {"drain.wait", "5s"},
    {"drain.then", "abort"},
    {"migrate.sessions", "on"},
    {"migrate.release_per_second", "unlimited"},
    {"migrate.remember_per_second", "0"},
    {"cutover.budget", "10s"},
    {"cutover.max_lag", "5s"},
    {"cutover.approach_lag", "100ms"},
    {"cutover.approach", "1m"},
    {"cutover.throttle", "20ms"},
    {"cutover.catch_up", "5s"},
    {"cutover.watch", "30s"},
    {"cutover.mongo", ""},
    {"mongo.uri", ""},
    {"mongo.max_lag", "10s"},
    {"mongo.step_down", "1m"},
    {"mongo.catch_up", "10s"},
    {"admin.socket", "/run/sluice/admin.sock"},
    {"admin.mode", "0660"},
    {"admin.http", "127.0.0.1:9306"},
    {"admin.http_token_file", ""},
    {"admin.roles.view", "[everyone]"},
    {"admin.roles.operate", "[socket-group]"},
    {"admin.roles.admin", "[uid:0, self]"},
    {"log.level", "info"},
    {"log.format", "logfmt"},
};

// Every key, none with its default.
static const char full[] =
    "listen: [\"127.0.0.1:3306\", \"unix:/run/m.sock\"]\n"
    "workers: 3\n"
    "max_sessions: 77\n"
    "login_timeout: 1.5s\n"
    "connect_timeout: 250ms\n"
    "tcp_keepalive: off\n"
    "shutdown_grace: 1m\n"
    "max_packet_before_login: 1MiB\n"
    "client_tls: {mode: required, cert: c.pem, key: k.pem, ca: a.pem}\n"
    "proxy_protocol: {accept_from: [10.0.0.0/8, \"::1\"]}\n"
    "backends:\n"
    "  milan:\n"
    "    address: db.example:3306\n"
    "    tls: {mode: verify-identity, ca: b.pem, cert: d.pem, key: e.pem}\n"
    "    proxy_protocol: on\n"
    "active: milan\n"
    "state_dir: /tmp/state\n"
    "control: {user: boss, password: geheim}\n"
    "auth: {learn: off}\n"
    "accounts:\n"
    "  - {user: a, password: hush}\n"
    "  - {user: b, password_file: /etc/b}\n"
    "hold: {max: 2s, max_sessions: 0}\n"
    "drain:\n"
    "  wait: 3s\n"
    "  then: wait\n"
    "  rules:\n"
    "    - match: {user: agg*, host: [unix, 192.168.0.0/16], database: d, program: p, older_than: "
    "1h}\n"
    "      wait: 0s\n"
    "      then: kill\n"
    "    - match: {host: localhost}\n"
    "migrate: {sessions: off, release_per_second: 500, remember_per_second: 7}\n"
    "cutover:\n"
    "  {budget: 2s, max_lag: 1s, approach_lag: 1ms, approach: 2m, throttle: 0, catch_up: 100ms,\n"
    "   checks: [{name: n, sql: SELECT 1, expect: \"1\", timeout: 5s}, {name: m, command: "
    "\"true\"}],\n"
    "   testers: [{user: t, host: 10.1.0.0/16}], watch: 1s, keep: [{user: mon}],\n"
    "   replication: {user: r, password: s, password_file: /etc/r}, mongo: \"h:1\"}\n"
    "mongo: {uri: \"mongodb://u:p@h/?replicaSet=r\", max_lag: 1s, step_down: 2s, catch_up: 3s}\n"
    "admin:\n"
    "  {socket: /tmp/a.sock, mode: \"0600\", http: \"0.0.0.0:80\", http_token_file: /etc/t,\n"
    "   roles: {view: [], operate: [\"group:dba\", \"gid:7\"], admin: [root, \"user:eve\"]}}\n"
    "log: {level: debug, format: json}\n";

Test(config_option, defaults_are_the_promised_ones)
{
    const struct config *c = load_good(MINIMAL);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        char *value = value_of(c, defaults[i].key), *origin = origin_of(c, defaults[i].key);
        cr_expect_str_eq(value, defaults[i].value, "%s is \"%s\"", defaults[i].key, value);
        cr_expect_str_eq(origin, "default", "%s from %s", defaults[i].key, origin);
        mem_free(value);
        mem_free(origin);
    }
    cr_expect_eq(c->workers, 0);
    cr_expect_eq(c->migrate.release_per_second, 0);
    cr_expect_eq(c->hold.max_ms, 30000);
    cr_expect_eq(c->max_packet_before_login, 65536);
    cr_expect_eq(c->admin.mode, 0660);
    cr_expect_null(c->mongo.uri);
    cr_expect_null(c->control.password_file);
    cr_expect_eq(c->log.level, LOG_LEVEL_INFO);
    cr_expect_eq(c->backends.items[0].tls.mode, CONFIG_TLS_PREFERRED);
    config_unref(c);
}

Test(config_option, fields_get_what_was_written)
{
    const struct config *c = load_good(full);
    cr_expect_eq(c->listen.count, 2);
    cr_expect_eq(c->login_timeout_ms, 1500);
    cr_expect_eq(c->tcp_keepalive_ms, 0);
    cr_expect_eq(c->max_packet_before_login, UINT64_C(1) << 20);
    cr_expect_eq(c->client_tls.mode, CONFIG_TLS_REQUIRED);
    cr_expect_eq(c->proxy_protocol.accept_from.count, 2);
    cr_expect_eq(c->proxy_protocol.accept_from.items[0].prefix, 8);
    const struct config_backend *b = config_find_backend(c, "milan");
    cr_assert_not_null(b);
    cr_expect_eq(b->tls.mode, CONFIG_TLS_VERIFY_IDENTITY);
    cr_expect_str_eq(b->tls.key, "e.pem");
    cr_expect(b->proxy_protocol);
    cr_expect_null(config_find_backend(c, "milano"));
    cr_expect_null(config_find_backend(c, "mila"));
    cr_expect_null(config_find_backend(c, NULL));
    cr_expect_str_eq(c->control.password, "geheim");
    cr_expect_str_eq(c->accounts.items[1].password_file, "/etc/b");
    cr_assert_eq(c->drain.rules.count, 2);
    const struct config_rule *rule = &c->drain.rules.items[0];
    cr_expect_str_eq(rule->match.user, "agg*");
    cr_expect_eq(rule->match.host.count, 2);
    cr_expect_eq(rule->match.older_than_ms, 3600000);
    cr_expect_eq(rule->wait_ms, 0);
    cr_expect_eq(rule->then, CONFIG_THEN_KILL);
    cr_expect_eq(rule[1].wait_ms, 3000, "inherited");
    cr_expect_eq(rule[1].then, CONFIG_THEN_WAIT, "inherited");
    cr_expect_str_eq(c->cutover.checks.items[0].expect, "1");
    cr_expect_eq(c->cutover.checks.items[1].timeout_ms, 2000);
    cr_expect_eq(c->cutover.testers.items[0].host.count, 1);
    cr_expect_eq(c->admin.roles.operate.items[1].kind, CONFIG_PRINCIPAL_GID);
    cr_expect_eq(c->admin.roles.operate.items[1].id, 7);
    cr_expect_str_eq(c->admin.roles.admin.items[1].name, "eve");
    cr_expect_eq(c->log.format, LOG_FORMAT_JSON);
    config_unref(c);
}

// A row that nothing can reach, or that reaches another row's field, would show its default.
Test(config_option, every_row_can_be_set)
{
    const struct config *c = load_good(full);
    const struct config_store *s = config_store_of(c);
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *o = &config_options[i];
        bool set = false;
        for (size_t e = 0; e < s->entry_count; e++)
            set = set || (s->entries[e].option == o && s->entries[e].line > 0);
        // One that excludes another in the document above.
        bool other = strcmp(o->path, "control.password_file") == 0;
        cr_expect(set || other, "%s is never set", o->path);
    }
    config_unref(c);
}

Test(config_option, every_row_is_described_once)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *o = &config_options[i];
        size_t length = strlen(o->help);
        cr_expect(length > 9 && o->help[length - 1] == '.', "%s: \"%s\"", o->path, o->help);
        cr_expect_eq(config_option_find(o->path), o, "%s is there twice", o->path);
        cr_expect(!config_option_section(o->path) || o->type == CONFIG_TYPE_MAP_OF,
                  "%s is a value and a section", o->path);
    }
}

static void expect_sample(const char *path, bool every_key)
{
    struct config_errors errors;
    struct buf text = {0};
    const struct config *c = config_load_all(path, &errors);
    cr_assert_not_null(c, "%s: %s", path, errors.count > 0 ? errors.items[0].text : "?");
    cr_expect_null(config_warning(c, 0), "%s", config_warning(c, 0));
    config_unref(c);
    cr_assert_eq(file_read(path, CONFIG_FILE_MAX, &text, NULL), SL_OK);
    for (size_t i = 0; every_key && i < config_option_count; i++) {
        const char *dot = strrchr(config_options[i].path, '.');
        char *key = mem_printf("%s:", dot != NULL ? dot + 1 : config_options[i].path);
        cr_expect(strstr(buf_text(&text), key) != NULL, "%s does not show %s", path,
                  config_options[i].path);
        mem_free(key);
    }
    buf_release(&text);
}

// Run from the top of the repository, as `make unit` does.
Test(config_option, samples_load_without_a_warning)
{
    expect_sample("conf/sluice.yaml", true);
    expect_sample("conf/minimal.yaml", false);
}
