// Rules over peer addresses: what is a rule, and who matches it.
#include "base/cidr.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(cidr, parse_and_format)
{
    static const struct {
        const char *in, *out; // out NULL: refused
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.7/32", "192.0.2.7"},
        {"192.0.2.128/25", "192.0.2.128/25"},
        {"::1/128", "::1"},
        {"::/0", "::/0"},
        {"2001:db8::/33", "2001:db8::/33"},
        {"2001:DB8:0::1", "2001:db8::1"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124"},
        {"localhost", "localhost"},
        {"unix", "unix"},
        {"", NULL},
        {NULL, NULL},
        {"10.0.0.1/8", NULL},
        {"2001:db8::1/64", NULL},
        {"::ffff:0:0/90", NULL},
        {"10.0.0.0/33", NULL},
        {"::/129", NULL},
        {"10.0.0.0/", NULL},
        {"10.0.0.0/-1", NULL},
        {"10.0.0.0/8/8", NULL},
        {"10.0.0.0/ 8", NULL},
        {"10.0.0", NULL},
        {"10.0.0.256", NULL},
        {" 10.0.0.1", NULL},
        {"/8", NULL},
        {"*", NULL},
        {"localhost/8", NULL},
        {"Localhost", NULL},
        {"db.example", NULL},
        {"fe80::1%lo", NULL},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cidr rule = {.kind = CIDR_NONE};
        struct sl_error err = {0};
        char out[CIDR_TEXT_MAX];
        enum sl_code code = cidr_parse(rows[i].in, &rule, &err);
        cr_expect_eq(code, rows[i].out != NULL ? SL_OK : SL_EINVAL, "\"%s\": %s", rows[i].in,
                     err.text);
        cr_expect_str_eq(cidr_format(&rule, out, sizeof out),
                         rows[i].out != NULL ? rows[i].out : "none");
        cr_expect_eq(err.text[0] == '\0', code == SL_OK, "\"%s\"", rows[i].in);
    }
}

Test(cidr, an_error_names_the_network_that_was_meant)
{
    struct cidr rule;
    struct sl_error err;
    cr_expect_eq(cidr_parse("10.1.2.3/8", &rule, &err), SL_EINVAL);
    cr_expect_not_null(strstr(err.text, "\"10.0.0.0/8\""), "%s", err.text);
}

// "unix", "none" (AF_UNSPEC) or an address.
static struct sockaddr_storage peer(const char *text)
{
    struct sockaddr_storage out = {.ss_family = AF_UNSPEC};
    struct sockaddr_in *in = (struct sockaddr_in *)&out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out;
    if (strcmp(text, "unix") == 0)
        out.ss_family = AF_UNIX;
    else if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
        out.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
        out.ss_family = AF_INET6;
    return out;
}

Test(cidr, match)
{
    static const struct {
        const char *rule, *peer;
        bool matches;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"0.0.0.0/0", "unix", false},
        {"0.0.0.0/0", "none", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::ffff:11.1.2.3", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::/0", "2001:db8::1", true},
        {"::/0", "10.1.2.3", false},
        {"::/0", "::ffff:10.1.2.3", false},
        {"::/0", "unix", false},
        {"::1/128", "::1", true},
        {"::1/128", "::2", false},
        {"::1/128", "127.0.0.1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"127.0.0.0/8", "unix", false},
        {"localhost", "127.0.0.1", true},
        {"localhost", "127.8.8.8", true},
        {"localhost", "128.0.0.1", false},
        {"localhost", "::1", true},
        {"localhost", "::ffff:127.0.0.1", true},
        {"localhost", "::2", false},
        {"localhost", "unix", true},
        {"localhost", "none", false},
        {"unix", "unix", true},
        {"unix", "127.0.0.1", false},
        {"unix", "none", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cidr rule;
        struct sockaddr_storage who = peer(rows[i].peer);
        cr_assert_eq(cidr_parse(rows[i].rule, &rule, NULL), SL_OK, "%s", rows[i].rule);
        cr_expect_eq(cidr_match(&rule, (struct sockaddr *)&who), rows[i].matches, "%s on %s",
                     rows[i].rule, rows[i].peer);
    }
}

Test(cidr, lists_and_nothing)
{
    struct cidr rules[2] = {{.kind = CIDR_NONE}};
    struct sockaddr_storage who = peer("192.0.2.7");
    const struct sockaddr *sa = (struct sockaddr *)&who;
    cr_assert_eq(cidr_parse("192.0.2.0/24", &rules[1], NULL), SL_OK);
    cr_expect(cidr_match_any(rules, 2, sa));
    cr_expect(!cidr_match_any(rules, 1, sa), "a zeroed rule matches nobody");
    cr_expect(!cidr_match_any(NULL, 0, sa));
    cr_expect(!cidr_match_any(rules, 2, NULL));
}

// What accept(2) writes for a unix peer without a name is two bytes long.
Test(cidr, a_unix_peer_may_be_two_bytes)
{
    struct cidr rule;
    sa_family_t *family = malloc(sizeof *family);
    *family = AF_UNIX;
    cr_assert_eq(cidr_parse("unix", &rule, NULL), SL_OK);
    cr_expect(cidr_match(&rule, (struct sockaddr *)family));
    free(family);
}
