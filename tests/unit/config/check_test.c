// Relations between keys: what is refused, what is only warned about.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "config/document.h"

struct row {
    const char *name, *text, *expected;
};

#define LINE(text) MINIMAL text "\n"

static const struct row refused[] = {
    {"active", "listen: h:1\nbackends: {a: {address: \"h:2\"}, b: {address: \"h:3\"}}\nactive: c\n",
     "t:3:9 active: \"c\" is not a backend, expected a or b\n"},
    {"connects to itself", "listen: [\"h:1\"]\nbackends: {a: {address: \"h:1\"}}\nactive: a\n",
     "t:2:25 backends.a.address: h:1 is an address of listen as well, expected a server: sluice "
     "would connect to itself\n"},
    {"every address is no server", "listen: h:1\nbackends: {a: {address: \"*:2\"}}\nactive: a\n",
     "t:2:25 backends.a.address: \"*:2\" has no host, expected host:port\n"},
    {"certificate without key",
     "listen: h:1\nbackends: {a: {address: \"h:2\", tls: {cert: c.pem}}}\nactive: a\n",
     "t:2:44 backends.a.tls.key: is missing, expected the key of backends.a.tls.cert\n"},
    {"key without certificate",
     "listen: h:1\nbackends: {a: {address: \"h:2\", tls: {key: k.pem}}}\nactive: a\n",
     "t:2:43 backends.a.tls.cert: is missing, expected the certificate of backends.a.tls.key\n"},
    {"identity of a socket",
     "listen: h:1\nbackends: {a: {address: \"unix:/s\", tls: {mode: verify-identity}}}\nactive: "
     "a\n",
     "t:2:48 backends.a.tls.mode: verify-identity needs a host name, expected another mode for a "
     "unix socket\n"},
    {"listening twice",
     "listen: [\"h:1\", \"h:1\"]\nbackends: {a: {address: \"h:2\"}}\nactive: a\n",
     "t:1:9 listen: h:1 found a second time, expected once\n"},
    {"listening for HTTP", LINE("admin: {http: \"127.0.0.1:3306\"}"),
     "t:1:9 listen: 127.0.0.1:3306 is admin.http as well, expected another\n"},
    {"listening on the admin socket",
     "listen: \"unix:/s\"\nbackends: {a: {address: \"h:2\"}}\nactive: a\nadmin: {socket: /s}\n",
     "t:1:9 listen: unix:/s is admin.socket as well, expected another\n"},
    {"TLS without certificate", LINE("client_tls: {mode: required}"),
     "t:4:20 client_tls.cert: is missing, expected the file with the certificate for mode "
     "required\n"
     "t:4:20 client_tls.key: is missing, expected the file with the key for mode required\n"},
    {"two passwords", LINE("control: {password: x, password_file: y}"),
     "t:4:39 control.password_file: found beside control.password, expected one of the two\n"},
    {"account without password", LINE("accounts: [{user: a}]"),
     "t:4:19 accounts[0].password_file: is missing, expected it or accounts[0].password\n"},
    {"account twice", LINE("accounts: [{user: a, password: x}, {user: a, password: y}]"),
     "t:4:43 accounts[1].user: found a second time, expected each user once\n"},
    {"rule without match", LINE("drain:\n  rules:\n    - {wait: 0s}"),
     "t:6:7 drain.rules[0].match: matches everybody, expected at least one of user, host, "
     "database, program, older_than\n"},
    {"tester without match", LINE("cutover: {testers: [{user: a}, {}]}"),
     "t:4:32 cutover.testers[1]: matches everybody, expected at least one of user, host\n"},
    {"check without anything to do", LINE("cutover: {checks: [{name: a}]}"),
     "t:4:20 cutover.checks[0]: found neither sql nor command, expected one of sql and command\n"},
    {"check with too much to do", LINE("cutover: {checks: [{name: a, sql: b, command: c}]}"),
     "t:4:20 cutover.checks[0]: found both sql and command, expected one of sql and command\n"},
    {"expecting nothing", LINE("cutover: {checks: [{name: a, command: c, expect: 1}]}"),
     "t:4:20 cutover.checks[0]: found expect without sql, expected both\n"},
    {"open HTTP", LINE("admin: {http: \"0.0.0.0:9306\"}"),
     "t:4:15 admin.http: 0.0.0.0:9306 is not loopback, expected admin.http_token_file beside it\n"},
    {"a refused mode asks for nothing", LINE("client_tls: {mode: on}"),
     "t:4:20 client_tls.mode: \"on\" is not known, expected disabled, preferred or required\n"},
};

static const struct row accepted[] = {
    {"nothing to say", MINIMAL, ""},
    {"same server",
     "listen: h:1\nbackends: {a: {address: \"h:2\"}, b: {address: \"h:2\"}}\nactive: a\n",
     "t:2:46 backends.b.address: h:2 is the address of backend a as well, expected another\n"},
    {"unused certificate", LINE("client_tls: {cert: c, key: k}"),
     "t:4:20 client_tls.cert: has no effect, expected client_tls.mode preferred or required\n"},
    {"long budget", LINE("cutover: {budget: 40s}"),
     "t:4:19 cutover.budget: 40s is longer than hold.max, expected at most 30s: clients would get "
     "errors before the cutover undoes itself\n"},
    {"short budget", LINE("cutover: {budget: 1s}"),
     "t:4:19 cutover.budget: 1s is shorter than drain.wait and cutover.catch_up together, expected "
     "at least 10s\n"},
    {"nobody is admin", LINE("admin: {roles: {admin: []}}"),
     "t:4:24 admin.roles.admin: is empty, expected somebody: nobody may reload or shut down\n"},
    {"open HTTP with a token", LINE("admin: {http: \"0.0.0.0:9306\", http_token_file: t}"), ""},
    {"loopback", LINE("admin: {http: \"[::1]:9306\"}"), ""},
    {"no HTTP", LINE("admin: {http: off}"), ""},
    {"account with a file", LINE("accounts: [{user: a, password_file: f}]"), ""},
};

Test(config_check, refuses)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char *found = problems_of(refused[i].text);
        cr_expect_str_eq(found, refused[i].expected, "%s: expected\n%sfound\n%s", refused[i].name,
                         refused[i].expected, found);
        mem_free(found);
    }
}

Test(config_check, warns)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        const struct config *c = load_good(accepted[i].text);
        char *all = mem_strdup("");
        for (size_t w = 0; config_warning(c, w) != NULL; w++) {
            char *more = mem_printf("%s%s\n", all, config_warning(c, w));
            mem_free(all);
            all = more;
        }
        cr_expect_str_eq(all, accepted[i].expected, "%s: expected\n%sfound\n%s", accepted[i].name,
                         accepted[i].expected, all);
        mem_free(all);
        config_unref(c);
    }
}
