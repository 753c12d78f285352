// What a document means, and the exact words for one that is wrong.
#include "config/load.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "config/document.h"
#include "config/node.h"

struct bad_row {
    const char *name, *text, *problems;
};

// A line behind the minimal document, which has three.
#define LINE(text) MINIMAL text "\n"

static const struct bad_row values[] = {
    {"duration", LINE("hold: {max: fast}"),
     "t:4:13 hold.max: \"fast\" is not a duration, expected something like 250ms, 5s, 2m or 1h\n"},
    {"bare number", LINE("hold:\n  max: 30"),
     "t:5:8 hold.max: \"30\" is not a duration, expected something like 250ms, 5s, 2m or 1h\n"},
    {"duration range", LINE("hold: {max: 2h}"),
     "t:4:13 hold.max: \"2h\" is out of range, expected 1ms to 1h\n"},
    {"duration or word", LINE("tcp_keepalive: never"),
     "t:4:16 tcp_keepalive: \"never\" is not a duration, expected off or something like 250ms, "
     "5s, 2m or 1h\n"},
    {"duration or word, range", LINE("tcp_keepalive: 3h"),
     "t:4:16 tcp_keepalive: \"3h\" is out of range, expected off or 1s to 2h\n"},
    {"number", LINE("max_sessions: lots"),
     "t:4:15 max_sessions: \"lots\" is not a number, expected 1 to 1000000\n"},
    {"number range", LINE("max_sessions: 0"),
     "t:4:15 max_sessions: \"0\" is out of range, expected 1 to 1000000\n"},
    {"number too large for any type", LINE("max_sessions: 99999999999999999999999"),
     "t:4:15 max_sessions: \"99999999999999999999999\" is out of range, expected 1 to 1000000\n"},
    {"number or word", LINE("workers: many"),
     "t:4:10 workers: \"many\" is not a number, expected auto or 1 to 64\n"},
    {"negative", LINE("workers: -1"),
     "t:4:10 workers: \"-1\" is not a number, expected auto or 1 to 64\n"},
    {"size", LINE("max_packet_before_login: 64K"),
     "t:4:26 max_packet_before_login: \"64K\" is not a size, expected something like 64KiB or "
     "16MiB\n"},
    {"size range", LINE("max_packet_before_login: 1GiB"),
     "t:4:26 max_packet_before_login: \"1GiB\" is out of range, expected 4KiB to 16MiB\n"},
    {"word", LINE("log: {level: loud}"),
     "t:4:14 log.level: \"loud\" is not known, expected error, warn, info or debug\n"},
    {"a backend's mode for clients", LINE("client_tls: {mode: verify-ca}"),
     "t:4:20 client_tls.mode: \"verify-ca\" is not known, expected disabled, preferred or "
     "required\n"},
    {"inherit is for rules only", LINE("drain: {then: inherit}"),
     "t:4:15 drain.then: \"inherit\" is not known, expected abort, kill or wait\n"},
    {"on or off", LINE("auth: {learn: maybe}"),
     "t:4:15 auth.learn: \"maybe\" is neither on nor off, expected on or off\n"},
    {"list for a value", LINE("hold: {max: [1s]}"),
     "t:4:13 hold.max: found a list, expected something like 250ms, 5s, 2m or 1h\n"},
    {"mapping for a value", LINE("log: {level: {a: b}}"),
     "t:4:14 log.level: found a mapping, expected error, warn, info or debug\n"},
    {"value for a section", LINE("hold: 30s"),
     "t:4:7 hold: found \"30s\", expected a mapping with max, max_sessions\n"},
    {"mapping for a list", LINE("accounts: {user: a}"),
     "t:4:11 accounts: found a mapping, expected a list of mappings\n"},
    {"value for an element", LINE("accounts: [root]"),
     "t:4:12 accounts[0]: found \"root\", expected a mapping with user, password, password_file\n"
     "t:4:12 accounts[0].user: is missing, expected a text\n"},
    {"file mode", LINE("admin: {mode: rw}"),
     "t:4:15 admin.mode: \"rw\" is not a file mode, expected octal digits like \"0660\"\n"},
    {"network", LINE("proxy_protocol: {accept_from: [lb]}"),
     "t:4:32 proxy_protocol.accept_from: \"lb\" is not a network, expected an address, "
     "address/bits, localhost, unix or a list of these\n"},
    {"host bits", LINE("proxy_protocol: {accept_from: 10.0.0.1/8}"),
     "t:4:31 proxy_protocol.accept_from: \"10.0.0.1/8\": bits are set behind the prefix, expected "
     "the network \"10.0.0.0/8\"\n"},
    {"principal", LINE("admin: {roles: {admin: \"uid:root\"}}"),
     "t:4:24 admin.roles.admin: \"uid:root\" is not a user or a group, expected a user, uid:N, "
     "gid:N, group:NAME, self, socket-group, everyone or a list of these\n"},
    {"long value is cut",
     LINE("log: {level: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}"),
     "t:4:14 log.level: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is not "
     "known, "
     "expected error, warn, info or debug\n"},
    {"control characters are not shown", LINE("log: {level: \"a\\e[1mb\"}"),
     "t:4:14 log.level: \"a?[1mb\" is not known, expected error, warn, info or debug\n"},
    {"a URI is not repeated", LINE("mongo: {uri: \"mongo://u:secret@h\"}"),
     "t:4:14 mongo.uri: is not a MongoDB URI, expected mongodb://host:port/?replicaSet=name\n"},
};

static const struct bad_row keys[] = {
    {"nothing", "",
     "t:1:1 listen: is missing, expected one or a list of host:port, [ipv6]:port or unix:/path\n"
     "t:1:1 backends: is missing, expected a mapping of names to settings\n"
     "t:1:1 active: is missing, expected a text\n"},
    {"required without a value",
     "listen: 127.0.0.1:1\nbackends: {a: {address: \"h:1\"}}\nactive:\n",
     "t:3:1 active: is missing, expected a text\n"},
    {"no backend", "listen: 127.0.0.1:1\nbackends: {}\nactive: a\n",
     "t:2:1 backends: is missing, expected a mapping of names to settings\n"},
    {"empty list of addresses", "listen: []\nbackends: {a: {address: \"h:1\"}}\nactive: a\n",
     "t:1:9 listen: a list without any address, expected one or a list of host:port, [ipv6]:port "
     "or unix:/path\n"},
    {"backend without address", "listen: 127.0.0.1:1\nbackends:\n  a: {tls: {}}\nactive: a\n",
     "t:3:3 backends.a.address: is missing, expected host:port, [ipv6]:port or unix:/path\n"},
    {"typing error", LINE("hold: {mx: 1s}"),
     "t:4:8 hold.mx: is not a known key, expected something like max\n"},
    {"typing error in a section", LINE("cutovr: {}"),
     "t:4:1 cutovr: is not a known key, expected something like cutover\n"},
    {"typing error in an element", LINE("drain: {rules: [{match: {usr: x}}]}"),
     "t:4:26 drain.rules[0].match.usr: is not a known key, expected something like user\n"},
    {"wrong level", LINE("budget: 5s"),
     "t:4:1 budget: is not a known key here, expected it as cutover.budget\n"},
    {"no idea", LINE("auth: {kerberos: 1}"),
     "t:4:8 auth.kerberos: is not a known key, expected one of learn\n"},
    {"a path is not a key", LINE("hold.max: 5s"), "t:4:1 hold.max: is not a known key, "},
    {"double", LINE("hold: {max: 1s, max: 2s}"),
     "t:4:17 hold.max: found a second time, expected once (it is in line 4)\n"},
    {"double section", LINE("auth:\nauth:"),
     "t:5:1 auth: found a second time, expected once (it is in line 4)\n"},
    {"double backend",
     "listen: 127.0.0.1:1\nbackends: {a: {address: \"h:1\"}, a: {address: \"h:2\"}}\nactive: a\n",
     "t:2:33 backends.a: found a second time, expected once (it is in line 2)\n"},
    {"backend name",
     "listen: 127.0.0.1:1\nbackends: {a: {address: \"h:1\"}, B!: {address: \"h:2\"}}\nactive: a\n",
     "t:2:33 backends.B!: \"B!\" is not a name, expected 1 to 32 of a-z, 0-9, _ and -\n"},
    {"in the order of the file",
     "workers: x\nlisten: 1\nactive: a\nbackends: {a: {address: \"h:1\"}}\n",
     "t:1:10 workers: \"x\" is not a number, expected auto or 1 to 64\n"
     "t:2:9 listen: \"1\" is not an address, expected one or a list of host:port, [ipv6]:port or "
     "unix:/path\n"},
};

static const struct bad_row yaml[] = {
    {"scalar document", "hello\n",
     "t:1:1 (file): found \"hello\", expected a mapping with listen, "},
    {"list document", "- a\n", "t:1:1 (file): found a list, expected a mapping with listen, "},
    {"unfinished list", "a: [1,\n",
     "t:2:1 (yaml): did not find expected node content, while parsing a flow node, expected valid "
     "YAML\n"},
    {"tab", "hold:\n\tmax: 1s\n", "t:2:1 (yaml): found a tab, expected spaces for indentation\n"},
    {"anchor", "a: &x 1\n",
     "t:1:4 (yaml): found an anchor (&name), expected plain YAML: write the "
     "value out, or put it in quotes\n"},
    {"alias", "a: *x\n",
     "t:1:4 (yaml): found an alias (*name), expected plain YAML: write the "
     "value out, or put it in quotes\n"},
    {"tag", "a: !!int 1\n",
     "t:1:4 (yaml): found a tag (!name), expected plain YAML: write the value "
     "out, or put it in quotes\n"},
    {"two documents", "a: 1\n---\nb: 1\n", "t:2:1 (yaml): found a second document, expected one\n"},
    {"mapping as a key", "? {a: b}\n: c\n",
     "t:1:3 (yaml): found a mapping as a key, expected a name\n"},
    {"NUL byte", "a: \"x\\0y\"\n", "t:1:4 (yaml): found a NUL byte in a text, expected none\n"},
    {"not UTF-8", "a: b\nc: d\xff\n",
     "t:2:5 (yaml): invalid leading UTF-8 octet, expected UTF-8 text\n"},
    {"too deep", "a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n",
     "t:1:19 (yaml): nested deeper than 16 levels, expected fewer\n"},
};

// Where the words go on for long, the row has their beginning.
static void expect_problems(const struct bad_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *found = problems_of(rows[i].text);
        size_t length = strlen(rows[i].problems);
        bool whole = length > 0 && rows[i].problems[length - 1] == '\n';
        int differ =
            whole ? strcmp(found, rows[i].problems) : strncmp(found, rows[i].problems, length);
        cr_expect(differ == 0, "%s: expected\n%sfound\n%s", rows[i].name, rows[i].problems, found);
        mem_free(found);
    }
}

#define EXPECT_PROBLEMS(rows) expect_problems(rows, sizeof rows / sizeof rows[0])

Test(config_load, refused_values)
{
    EXPECT_PROBLEMS(values);
}

Test(config_load, refused_keys)
{
    EXPECT_PROBLEMS(keys);
}

Test(config_load, refused_yaml)
{
    EXPECT_PROBLEMS(yaml);
}

Test(config_load, addresses)
{
    static const struct {
        const char *text, *host;
        unsigned port;
        const char *path;
    } good[] = {{"127.0.0.1:3306", "127.0.0.1", 3306, NULL},
                {"[::1]:1", "::1", 1, NULL},
                {"db-1.example_x.net:65535", "db-1.example_x.net", 65535, NULL},
                {"*:3306", "*", 3306, NULL},
                {"unix:/run/x.sock", NULL, 0, "/run/x.sock"}};
    static const char *const bad[] = {"",        "3306",  ":3306", "h",        "h:",    "h:0",
                                      "h:65536", "h:+1",  "h:1x",  "::1:3306", "[::1]", "[h]:1",
                                      "[]:1",    "h h:1", "unix:", "a*:1",     "h/x:1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *text = mem_printf("listen: \"%s\"\nbackends: {a: {address: \"h:1\"}}\nactive: a\n",
                                good[i].text);
        const struct config *c = load_good(text);
        const struct config_address *a = &c->listen.items[0];
        cr_expect_str_eq(a->text, good[i].text);
        cr_expect_eq(a->kind, good[i].path == NULL ? CONFIG_ADDRESS_TCP : CONFIG_ADDRESS_UNIX);
        if (good[i].path == NULL) {
            cr_expect_str_eq(a->host, good[i].host);
            cr_expect_eq(a->port, good[i].port);
        } else {
            cr_expect_str_eq(a->path, good[i].path);
        }
        config_unref(c);
        mem_free(text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text =
            mem_printf("listen: \"%s\"\nbackends: {a: {address: \"h:1\"}}\nactive: a\n", bad[i]);
        char *found = problems_of(text);
        cr_expect(strstr(found, "is not an address, expected") != NULL, "\"%s\": %s", bad[i],
                  found);
        mem_free(found);
        mem_free(text);
    }
}

Test(config_load, socket_path_ends_at_107_bytes)
{
    char path[CONFIG_UNIX_PATH_MAX + 2] = "";
    memset(path, 'p', CONFIG_UNIX_PATH_MAX + 1);
    for (int extra = 0; extra <= 1; extra++) {
        path[CONFIG_UNIX_PATH_MAX + extra] = '\0';
        char *text = mem_printf(MINIMAL "admin: {socket: %s, http: \"unix:%s\"}\n", path, path);
        char *found = problems_of(text);
        cr_expect_eq(found[0] == '\0', extra == 0, "%s", found);
        cr_expect_eq(strstr(found, "does not fit into a socket address") != NULL, extra == 1);
        cr_expect_eq(strstr(found, "is longer than a socket path can be") != NULL, extra == 1);
        mem_free(found);
        mem_free(text);
        memset(path, 'p', CONFIG_UNIX_PATH_MAX + 1);
    }
}

Test(config_load, keeps_twenty_problems_and_counts_the_rest)
{
    struct buf text = {0};
    struct config_errors errors;
    struct sl_error err;
    buf_str(&text, MINIMAL);
    for (int i = 0; i < 25; i++)
        buf_printf(&text, "unknown-key-%d: 1\n", i);
    const char *p = buf_text(&text);
    cr_assert_null(config_load_text_all("t", p, text.n, &errors));
    cr_expect_eq(errors.count, CONFIG_ERRORS_MAX);
    cr_expect_eq(errors.more, 5);
    cr_expect_eq(errors.items[19].line, 23);
    config_errors_release(&errors);
    cr_assert_null(config_load_text("t", p, text.n, &err));
    cr_expect_eq(err.code, SL_EINVAL);
    cr_expect(strncmp(err.text, "t:4:1 unknown-key-0: ", 21) == 0, "%s", err.text);
    buf_release(&text);
}

Test(config_load, more_than_a_mebibyte_is_refused)
{
    struct sl_error err;
    char *text = mem_alloc(CONFIG_FILE_MAX + 1);
    memset(text, '#', CONFIG_FILE_MAX + 1);
    cr_expect_null(config_load_text("t", text, CONFIG_FILE_MAX + 1, &err));
    cr_expect_str_eq(err.text, "t: (yaml): larger than 1MiB, expected less");
    cr_expect_null(config_load_text("t", text, CONFIG_FILE_MAX, &err));
    cr_expect(strstr(err.text, "listen: is missing") != NULL, "a comment of 1 MiB is fine");
    mem_free(text);
}

Test(config_load, too_many_values_are_refused)
{
    struct buf text = {0};
    buf_str(&text, "a: [");
    for (int i = 0; i < CONFIG_NODES_MAX; i++)
        buf_str(&text, "1,\n");
    buf_str(&text, "]\n");
    char *found = problems_of(buf_text(&text));
    cr_expect_str_eq(found, "t:4999:1 (yaml): more than 5000 values, expected fewer\n");
    mem_free(found);
    buf_release(&text);
}

Test(config_load, a_file_that_is_not_there)
{
    struct sl_error err;
    cr_expect_null(config_load("/nonexistent/sluice.yaml", &err));
    cr_expect_str_eq(err.text, "/nonexistent/sluice.yaml: (file): cannot open: No such file or "
                               "directory, expected a readable YAML file");
}

Test(config_load, references_keep_a_snapshot)
{
    const struct config *c = load_good(MINIMAL);
    cr_expect_eq(config_ref(c), c);
    config_unref(c);
    cr_expect_str_eq(c->active, "milan");
    config_unref(c);
    config_unref(NULL);
}
