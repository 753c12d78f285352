// Logins as real servers and clients send them, and the ones nobody should send.
#include "wire/handshake.h"

#include <criterion/criterion.h>
#include <string.h>

#include "wire/recording.h"

// Greetings of MariaDB 10.11.19 and MySQL 9.7.4 as they came, with header.
static const char maria_greeting[] =
    "680000000a352e352e352d31302e31312e31392d4d6172696144422d302b646562313275312d6c6f670004000000"
    "6e464f3e253e493300fef7080200ff81150000000000001d00000062733d75552c76343e78646c006d7973716c5f"
    "6e61746976655f70617373776f726400";
static const char mysql_greeting[] =
    "4b0000000a392e372e342d3200080000001a6b1473381d452700ffffff0200ffdf15000000000000000000005257"
    "3c716d635837256e0f650063616368696e675f736861325f70617373776f726400";

static void expect_same(struct slice payload, const struct buf *b, const char *what)
{
    cr_expect(!b->failed);
    cr_expect(b->n == payload.n && memcmp(b->p, payload.p, b->n) == 0, "%s: other bytes", what);
}

static struct greeting greeting_of(const char *hex, uint8_t *bytes, struct slice *payload)
{
    struct greeting g;
    size_t n = recording_hex(hex, bytes);

    *payload = (struct slice){bytes + 4, n - 4};
    cr_assert_eq(greeting_decode(*payload, &g, NULL), SL_OK);
    return g;
}

Test(greeting, encoded_unchanged_is_byte_identical)
{
    static const char *const rows[] = {maria_greeting, mysql_greeting};

    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[256];
        struct slice payload;
        struct buf b;
        struct greeting g = greeting_of(rows[i], bytes, &payload);
        buf_init(&b, 0);
        greeting_encode(&g, &b);
        expect_same(payload, &b, rows[i]);
        buf_release(&b);
    }
}

Test(greeting, fields)
{
    uint8_t bytes[256];
    struct slice payload;
    struct greeting g = greeting_of(maria_greeting, bytes, &payload);

    cr_expect(slice_is(g.version, "5.5.5-10.11.19-MariaDB-0+deb12u1-log"));
    cr_expect(slice_is(g.plugin, "mysql_native_password"));
    cr_expect_eq(g.thread_id, 4);
    cr_expect_eq(g.scramble_len, 20);
    cr_expect_eq(memcmp(g.scramble, "nFO>%>I3bs=uU,v4>xdl", 20), 0);
    cr_expect_eq(g.caps >> 32, 0x1D);
    cr_expect(!(g.caps & CAP_MYSQL) && g.caps & CAP_MARIADB_BULK && g.caps & CAP_DEPRECATE_EOF);
    g = greeting_of(mysql_greeting, bytes, &payload);
    cr_expect(slice_is(g.plugin, "caching_sha2_password"));
    cr_expect_eq(g.caps, 0xDFFFFFFF);
    cr_expect_eq(g.charset, 255);
    cr_expect_eq(g.status, STATUS_AUTOCOMMIT);
}

Test(greeting, every_shorter_one_is_refused_or_lacks_only_the_plugin)
{
    uint8_t bytes[256];
    struct slice payload;
    struct greeting g = greeting_of(mysql_greeting, bytes, &payload);
    size_t plugin_at = payload.n - g.plugin.n - 1;

    for (size_t n = 0; n < payload.n; n++) {
        struct sl_error err;
        enum sl_code code = greeting_decode((struct slice){payload.p, n}, &g, &err);
        cr_expect_eq(code, n < plugin_at ? SL_EPROTO : SL_OK, "%zu bytes: %d", n, code);
    }
}

Test(greeting, old_protocol_and_oversized_scramble)
{
    uint8_t bytes[256];
    struct slice payload;
    struct greeting g = greeting_of(mysql_greeting, bytes, &payload);

    bytes[4] = 9;
    cr_expect_eq(greeting_decode(payload, &g, NULL), SL_EUNSUPPORTED);
    bytes[4] = 10;
    bytes[4 + 1 + 8 + 4 + 8 + 1 + 7] = 0xFF; // length of the scramble
    uint8_t padded[512] = {0};
    memcpy(padded, payload.p, payload.n);
    cr_expect_eq(greeting_decode((struct slice){padded, sizeof padded}, &g, NULL), SL_EPROTO);
}

Test(greeting, mysql_extended_capabilities_stay_zero)
{
    uint8_t bytes[256];
    struct slice payload;
    struct buf b;
    struct greeting g = greeting_of(mysql_greeting, bytes, &payload);

    g.caps |= CAP_MARIADB_BULK; // cannot be said next to CAP_MYSQL
    buf_init(&b, 0);
    greeting_encode(&g, &b);
    expect_same(payload, &b, "extended capabilities");
    buf_release(&b);
}

Test(login, recorded_ones_go_round)
{
    static const char *const names[] = {"maria-login-plain",  "mysql-login-plain",
                                        "maria-login-denied", "mysql-login-denied",
                                        "maria-login-switch", "mysql-login-full"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct recording *r = recording_load(names[i]);
        struct slice payload = recording_payload(&r->packets[1]);
        struct login l;
        struct buf b;
        cr_assert_eq(login_decode(payload, &l, NULL), SL_OK);
        cr_expect_eq(l.caps, r->caps, "%s", names[i]);
        cr_expect(slice_is(login_attribute(l.attributes, "program_name"), "record"));
        cr_expect_eq(login_attribute(l.attributes, "program").n, 0);
        buf_init(&b, 0);
        login_encode(&l, &b);
        expect_same(payload, &b, names[i]);
        buf_release(&b);
    }
}

Test(login, recorded_greetings_go_round)
{
    static const char *const names[] = {"maria-login-plain", "mysql-login-plain",
                                        "mysql-login-switch", "mysql-login-denied"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct slice payload = recording_payload(&recording_load(names[i])->packets[0]);
        struct greeting g;
        struct buf b;
        cr_assert_eq(greeting_decode(payload, &g, NULL), SL_OK);
        buf_init(&b, 0);
        greeting_encode(&g, &b);
        expect_same(payload, &b, names[i]);
        buf_release(&b);
    }
}

Test(login, fields_and_database)
{
    struct recording *r = recording_load("maria-login-plain");
    struct login l;

    cr_assert_eq(login_decode(recording_payload(&r->packets[1]), &l, NULL), SL_OK);
    cr_expect(slice_is(l.user, "root") && slice_is(l.database, "rec"));
    cr_expect(slice_is(l.plugin, "mysql_native_password"));
    cr_expect_eq(l.max_packet, 1 << 24);
    cr_expect_eq(l.charset, 45);
    cr_expect(!l.ssl_request && l.auth.n == 0 && l.tail.n == 0);
}

Test(login, ssl_request_is_the_first_32_bytes)
{
    struct login l = {.caps = CAP_PROTOCOL_41 | CAP_MARIADB_BULK, .max_packet = 7, .charset = 33};
    struct login back;
    struct buf b;

    buf_init(&b, 0);
    login_encode_ssl_request(&l, &b);
    cr_expect_eq(b.n, 32);
    cr_assert_eq(login_decode((struct slice){b.p, b.n}, &back, NULL), SL_OK);
    cr_expect(back.ssl_request);
    cr_expect_eq(back.caps, l.caps | CAP_SSL);
    cr_expect_eq(back.max_packet, 7);
    cr_expect_eq(back.charset, 33);
    buf_release(&b);
}

Test(login, answer_in_each_of_three_forms)
{
    static const uint64_t forms[] = {CAP_PLUGIN_AUTH_LENENC | CAP_SECURE_CONNECTION,
                                     CAP_SECURE_CONNECTION, 0};
    static const char answer[] = "twenty bytes of this";

    for (size_t i = 0; i < 3; i++) {
        struct login back;
        struct login l = {.caps = CAP_PROTOCOL_41 | CAP_MYSQL | CAP_CONNECT_WITH_DB | forms[i],
                          .user = {(const uint8_t *)"me", 2},
                          .auth = {(const uint8_t *)answer, sizeof answer - 1},
                          .database = {(const uint8_t *)"db", 2}};
        struct buf b;
        buf_init(&b, 0);
        login_encode(&l, &b);
        cr_assert_eq(login_decode((struct slice){b.p, b.n}, &back, NULL), SL_OK);
        cr_expect(slice_is(back.user, "me") && slice_is(back.auth, answer));
        cr_expect(slice_is(back.database, "db"));
        buf_release(&b);
    }
}

Test(login, answer_that_has_no_room_fails_the_buffer)
{
    static const uint8_t answer[256];
    struct login l = {.caps = CAP_PROTOCOL_41 | CAP_SECURE_CONNECTION,
                      .auth = {answer, sizeof answer}};
    struct buf b;

    buf_init(&b, 0);
    login_encode(&l, &b);
    cr_expect(b.failed);
    buf_release(&b);
}

Test(login, old_short_and_overlong)
{
    uint8_t bytes[64] = {0};
    struct login l;

    cr_expect_eq(login_decode((struct slice){bytes, sizeof bytes}, &l, NULL), SL_EUNSUPPORTED);
    bytes[1] = CAP_PROTOCOL_41 >> 8;
    for (size_t n = 0; n < 32; n++)
        cr_expect_neq(login_decode((struct slice){bytes, n}, &l, NULL), SL_OK, "%zu bytes", n);
    bytes[1] |= CAP_SECURE_CONNECTION >> 8;
    bytes[33] = 200; // an answer longer than the packet
    cr_expect_eq(login_decode((struct slice){bytes, sizeof bytes}, &l, NULL), SL_EPROTO);
}

Test(auth_switch, recorded_and_old)
{
    struct recording *r = recording_load("maria-login-switch");
    struct auth_switch s;

    cr_assert_eq(auth_switch_decode(recording_payload(&r->packets[2]), &s, NULL), SL_OK);
    cr_expect(slice_is(s.plugin, "mysql_native_password"));
    cr_expect_eq(s.data.n, 21);
    cr_assert_eq(auth_switch_decode((struct slice){(const uint8_t *)"\xFE", 1}, &s, NULL), SL_OK);
    cr_expect(slice_is(s.plugin, "mysql_old_password"));
    cr_expect_eq(auth_switch_decode((struct slice){NULL, 0}, &s, NULL), SL_EPROTO);
    cr_expect_eq(auth_switch_decode((struct slice){(const uint8_t *)"\1\4", 2}, &s, NULL),
                 SL_EPROTO);
}

Test(change_user, recorded)
{
    static const char *const names[] = {"maria-change-user-ok", "mysql-change-user-eof"};

    for (size_t i = 0; i < 2; i++) {
        struct recording *r = recording_load(names[i]);
        struct slice payload = recording_payload(&r->packets[0]);
        struct change_user c;
        cr_assert_eq(change_user_decode(payload, r->caps, &c, NULL), SL_OK);
        cr_expect(slice_is(c.user, "root") && slice_is(c.database, "rec"));
        cr_expect_eq(c.auth.n, 0);
        cr_expect_eq(c.charset, 45);
        cr_expect_gt(c.plugin.n, 10);
    }
}

Test(change_user, short_form_and_malformed)
{
    static const uint8_t minimal[] = "\x11me\0\2ab";
    struct change_user c;

    cr_assert_eq(change_user_decode((struct slice){minimal, 7}, CAP_SECURE_CONNECTION, &c, NULL),
                 SL_OK);
    cr_expect(slice_is(c.user, "me") && slice_is(c.auth, "ab") && c.charset == 0);
    cr_expect_eq(change_user_decode((struct slice){minimal, 6}, CAP_SECURE_CONNECTION, &c, NULL),
                 SL_EPROTO);
    cr_expect_eq(change_user_decode((struct slice){minimal + 1, 6}, 0, &c, NULL), SL_EPROTO);
}
