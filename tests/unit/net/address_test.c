// Addresses to and from text.
#include "net/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

Test(address, reads_and_writes)
{
    static const struct {
        const char *host;
        unsigned port;
        const char *text, *host_text;
    } rows[] = {
        {"127.0.0.1", 3306, "127.0.0.1:3306", "127.0.0.1"},
        {"::1", 3306, "[::1]:3306", "::1"},
        {"[::1]", 1, "[::1]:1", "::1"},
        {"unix:/run/x.sock", 0, "unix:/run/x.sock", "localhost"},
        {"::ffff:10.0.0.1", 5, "10.0.0.1:5", "10.0.0.1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a;
        struct sl_error err;
        char text[ADDRESS_TEXT_MAX];
        cr_assert_eq(address_resolve(rows[i].host, rows[i].port, &a, &err), SL_OK, "%s",
                     rows[i].host);
        cr_expect_str_eq(address_format(&a, text, sizeof text), rows[i].text);
        cr_expect_str_eq(address_format_host(&a, text, sizeof text), rows[i].host_text);
    }
}

Test(address, star_is_everything_of_both_families)
{
    struct address a;
    struct sl_error err;
    cr_assert_eq(address_resolve("*", 3306, &a, &err), SL_OK);
    if (a.sa.ss_family == AF_INET6)
        cr_expect(IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&a.sa)->sin6_addr));
    cr_expect(!address_is_unix(&a));
}

Test(address, refuses_what_cannot_be)
{
    struct address a;
    struct sl_error err;
    char path[200] = "unix:/";
    memset(path + 6, 'x', sizeof path - 7);
    path[sizeof path - 1] = '\0';
    cr_expect_eq(address_resolve(path, 0, &a, &err), SL_ETOOBIG);
    cr_expect_eq(address_resolve("unix:", 0, &a, &err), SL_EINVAL);
    cr_expect_eq(address_resolve("127.0.0.1", 70000, &a, &err), SL_EINVAL);
    cr_expect_eq(address_resolve("[nothing]", 1, &a, &err), SL_ENOTFOUND);
}

Test(address, a_nameless_unix_peer_and_none)
{
    struct address a = {.len = sizeof(sa_family_t), .sa.ss_family = AF_UNIX};
    char text[ADDRESS_TEXT_MAX];
    cr_expect_str_eq(address_format(&a, text, sizeof text), "unix");
    struct address none = {.len = 0};
    cr_expect_str_eq(address_format(&none, text, sizeof text), "none");
    cr_expect(!address_is_unix(&none));
}
