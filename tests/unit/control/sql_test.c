// Opening connections without a server: what is refused, how long it takes, what is never sent.
#include "control/sql.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "control_help.h"

static enum sl_code open_code(const struct control_target *t, struct sl_error *err)
{
    struct sql *s = NULL;
    enum sl_code code = sql_open(t, &s, err);
    sql_close(s);
    return code;
}

TestSuite(sql, .init = sql_thread_begin, .fini = sql_thread_end);

// Connector/C 3.3 takes a server without TLS for a secure one when it was told to use TLS.
Test(sql, no_password_in_clear_text_when_the_server_offers_no_tls)
{
    static const struct {
        enum control_tls mode;
        unsigned logins; // whether a login is even begun
    } rows[] = {
        {CONTROL_TLS_DISABLED, 1},  {CONTROL_TLS_PREFERRED, 1},       {CONTROL_TLS_REQUIRED, 0},
        {CONTROL_TLS_VERIFY_CA, 0}, {CONTROL_TLS_VERIFY_IDENTITY, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake *f = fake_start();
        struct control_target t = help_target("fake", fake_port(f));
        struct sl_error err = {0};
        unsigned logins;
        t.tls = rows[i].mode;
        cr_expect_neq(open_code(&t, &err), SL_OK, "row %zu", i);
        cr_expect_not(fake_stop(f, t.password, &logins), "row %zu: the password was sent", i);
        cr_expect_eq(logins, rows[i].logins, "row %zu: %u logins; %s", i, logins, err.text);
        cr_expect_null(strstr(err.text, t.password));
    }
}

Test(sql, nobody_listens)
{
    struct control_target t = help_target("milan", help_dead_port());
    struct sl_error err = {0};
    cr_expect_eq(open_code(&t, &err), SL_EIO);
    cr_expect_not_null(strstr(err.text, "milan (127.0.0.1:"), "%s", err.text);
}

Test(sql, silence_is_a_timeout)
{
    struct control_target t = help_target("milan", help_silent_port());
    struct sl_error err = {0};
    t.tls = CONTROL_TLS_PREFERRED;
    int64_t start = clock_now_ns();
    cr_expect_eq(open_code(&t, &err), SL_ETIMEOUT, "%s", err.text);
    cr_expect_lt(clock_now_ns() - start, 4 * NS_PER_S, "no second try without TLS");
}

Test(sql, no_such_socket)
{
    struct control_target t = help_target("milan", 0);
    struct sl_error err = {0};
    memcpy(t.socket, "/nonexistent/s", sizeof "/nonexistent/s");
    cr_expect_eq(open_code(&t, &err), SL_EIO);
    cr_expect_not_null(strstr(err.text, "/nonexistent/s"), "%s", err.text);
}
