// Every plugin over every pair of channels, against a client and a server that know their part
// (sides.c); then what must not happen.
#include "auth/exchange.h"

#include <criterion/criterion.h>
#include <string.h>

#include "auth/digest.h"
#include "base/mem.h"
#include "play.h"
#include "wire/packet.h"
#include "wire/reply.h"

static void expect_logins(struct play *p, const char *mine, const char *accounts, unsigned bits)
{
    expect_login(p, mine, accounts, bits, "secret", "secret");
    expect_login(p, mine, accounts, bits, "wrong", "secret");
    expect_login(p, mine, accounts, bits, "", "");
    expect_login(p, mine, accounts, bits, "", "secret");
}

Test(exchange, every_plugin_over_every_channel)
{
    struct play p;
    play_open(&p);
    play_all(&p, expect_logins);
    play_close(&p);
}

Test(exchange, long_passwords)
{
    char longest[215];
    memset(longest, 'p', sizeof longest - 1);
    longest[213] = '\0'; // with its NUL, the most that OAEP takes with 2048 bits
    struct play p;
    play_open(&p);
    for (unsigned bits = 0; bits < 11; bits++) {
        if ((bits & 3) == 3)
            continue;
        expect_login(&p, CACHING, CACHING, bits, longest, longest);
        expect_login(&p, SHA256, SHA256, bits, longest, longest);
    }
    play_close(&p);
}

// A key configured in the client is the server's: towards a server that sees the block itself it
// works, otherwise the error must say what to do.
Test(exchange, a_key_configured_in_the_client)
{
    struct play p;
    play_open(&p);
    for (int secure = 0; secure < 2; secure++) {
        for (int i = 1; i < 3; i++) {
            memset(&p.client, 0, sizeof p.client);
            memset(&p.server, 0, sizeof p.server);
            p.client.plugin = p.server.plugin = play_plugins[i];
            p.client.password = p.server.password = "secret";
            p.client.knows_key = true;
            p.server.channel = secure ? EXCHANGE_TLS : EXCHANGE_PLAIN;
            p.err.text[0] = '\0';
            run(&p);
            cr_expect_eq(p.rc, secure ? SL_EPROTO : SL_OK, "%s", p.err.text);
            cr_expect_eq(p.client.accepted, !secure);
            if (secure)
                cr_expect_not_null(strstr(p.err.text, "public key"), "%s", p.err.text);
        }
    }
    play_close(&p);
}

// MariaDB Connector/C, told to wish for TLS and offered none, sends its password in clear: directly
// it would have got in.
Test(exchange, a_password_in_clear_reaches_a_secure_server)
{
    struct play p;
    open_login(&p, CACHING, EXCHANGE_PLAIN, EXCHANGE_TLS);
    from_server(&p, bytes("\1\4", 2), 3);
    cr_assert_eq(p.rc, SL_OK, "%s", p.err.text);
    buf_clear(&p.out.to_server);
    from_client(&p, bytes("secret", 7), 3);
    cr_assert_eq(p.rc, SL_OK, "%s", p.err.text);
    cr_assert_eq(p.out.to_server.n, PACKET_HEADER + 7);
    cr_expect_arr_eq(p.out.to_server.p + PACKET_HEADER, "secret", 7);
    end_plain(&p);
}

Test(exchange, wrong_turns_and_wrong_numbers_are_errors)
{
    struct play p;
    open_plain(&p, CACHING);
    from_client(&p, bytes("x", 1), 2);
    cr_expect_eq(p.rc, SL_ECONFLICT, "the server has not answered yet");
    from_server(&p, bytes("\1\4", 2), 7);
    cr_expect_eq(p.rc, SL_EPROTO, "7 is not the next number");
    from_server(&p, bytes("\1\4", 2), 2);
    cr_expect_eq(p.rc, SL_OK);
    from_client(&p, bytes("\2", 1), 9);
    cr_expect_eq(p.rc, SL_EPROTO);
    end_plain(&p);
}

Test(exchange, a_packet_that_is_too_large_is_refused)
{
    static const char large[EXCHANGE_PACKET_MAX + 1];
    struct play p;
    open_plain(&p, CACHING);
    from_server(&p, bytes(large, sizeof large), 2);
    cr_expect_eq(p.rc, SL_ETOOBIG);
    end_plain(&p);
}

Test(exchange, an_early_error_reaches_the_client_whatever_its_number)
{
    struct play p;
    open_plain(&p, CACHING);
    from_server(&p, bytes("\1\4", 2), 2);
    buf_release(&p.out.to_client);
    from_server(&p, bytes("\xff\x15\x04#08S01bye", 12), 0);
    cr_expect_eq(p.rc, SL_OK, "although it is the client's turn");
    cr_expect_eq(p.x.state, EXCHANGE_REFUSED);
    cr_expect_eq(p.out.to_client.n, 16);
    cr_expect_eq(packet_seq(p.out.to_client.p), 3);
    from_server(&p, bytes("\0\0\0\2\0\0\0", 7), 1);
    cr_expect_eq(p.rc, SL_ECONFLICT, "after the end");
    end_plain(&p);
}

// Plugins that sluice does not know pass both ways, empty packets too.
Test(exchange, unknown_plugins_pass)
{
    struct play p;
    open_plain(&p, NATIVE);
    from_server(&p,
                bytes("\xfe"
                      "exotic\0abc",
                      11),
                2);
    cr_expect_eq(p.x.state, EXCHANGE_WAIT_CLIENT);
    cr_expect_str_eq(plugin_name(p.x.plugin), "unknown");
    from_client(&p, bytes("", 0), 3);
    cr_expect_eq(p.rc, SL_OK);
    cr_expect_arr_eq(p.out.to_server.p, "\0\0\0\3", 4);
    from_server(&p, bytes("", 0), 4);
    from_server(&p, bytes("\1more", 5), 5);
    buf_release(&p.out.to_client);
    from_client(&p, bytes("a", 1), 6);
    from_client(&p, bytes("b", 1), 7);
    from_server(&p, bytes("\0\0\0\2\0\0\0", 7), 8);
    cr_expect_eq(p.rc, SL_OK, "%s", p.err.text);
    cr_expect_eq(p.x.state, EXCHANGE_ACCEPTED);
    cr_expect_eq(p.x.status, 2);
    end_plain(&p);
}

Test(exchange, a_second_factor_follows_the_first)
{
    struct play p;
    open_plain(&p, NATIVE);
    p.x.caps |= CAP_MULTI_FACTOR;
    p.x.server_channel = EXCHANGE_TLS;
    from_server(&p, bytes("\2" SHA256 "\0abcdefghijklmnopqrst\0", 1 + 16 + 21), 2);
    cr_expect_eq(p.rc, SL_OK);
    cr_expect_str_eq(plugin_name(p.x.plugin), SHA256);
    cr_expect_eq(p.x.scramble_len, 20);
    buf_release(&p.out.to_client);
    from_client(&p, bytes("\1", 1), 3);
    cr_expect_eq(p.out.to_server.n, 0, "the request for a key is for us");
    cr_expect_gt(p.out.to_client.n, 100);
    end_plain(&p);
}

// The login that waits must not hinder a server that gives up.
Test(exchange, an_error_while_the_login_is_held)
{
    struct play p;
    open_login(&p, SHA256, EXCHANGE_PLAIN, EXCHANGE_TLS);
    cr_expect_eq(p.out.to_server.n, 0);
    cr_expect_eq(p.x.state, EXCHANGE_WAIT_CLIENT);
    from_server(&p, bytes("\xff\x15\x04#08S01bye", 12), 2);
    cr_expect_eq(p.x.state, EXCHANGE_REFUSED);
    end_plain(&p);
}

Test(exchange, a_server_that_answers_the_key_request_with_rubbish)
{
    struct play p;
    open_login(&p, SHA256, EXCHANGE_TLS, EXCHANGE_PLAIN);
    cr_expect_eq(p.x.state, EXCHANGE_WAIT_SERVER_KEY);
    cr_expect_null(memmem(p.out.to_server.p, p.out.to_server.n, "secret", 6), "not in clear");
    from_server(&p, bytes("\1no key", 7), 2);
    cr_expect_eq(p.rc, SL_EPROTO);
    cr_expect_null(p.x.password.p);
    end_plain(&p);
}

// --- session tracking that the client did not ask for -------------------------------------------

Test(exchange, the_last_ok_is_rewritten)
{
    // Status 0x4002, no warnings, info "", a schema entry "x".
    static const char tracked[] = "\0\0\0\2\x40\0\0\0\4\1\2\1x";
    for (int tracks = 0; tracks < 2; tracks++) {
        struct play p;
        open_plain(&p, NATIVE);
        p.x.caps |= CAP_SESSION_TRACK;
        p.x.client_tracks = tracks;
        from_server(&p, bytes(tracked, 13), 2);
        cr_expect_eq(p.x.state, EXCHANGE_ACCEPTED);
        cr_expect_eq(p.x.status, 0x4002);
        expect_client_gets(&p, 2, tracks ? tracked : OK_PACKET, tracks ? 13 : 7);
        end_plain(&p);
    }
}

// --- COM_CHANGE_USER after a move ---------------------------------------------------------------

static void start_moved(struct play *p, uint64_t caps)
{
    struct buf payload = {0};
    struct greeting g;
    p->client.plugin = p->server.plugin = NATIVE;
    p->client.password = p->server.password = "secret";
    p->client.key = p->server.key = p->servers;
    p->client.change_user = p->server.change_user = true;
    server_greeting(&p->server, &g);
    client_login(&p->client, &g, caps, &payload);
    p->client.seq = 1;
    exchange_init(&p->x, p->ours, EXCHANGE_PLAIN, EXCHANGE_PLAIN, &g, caps, p->vault, false);
    p->rc =
        exchange_change_user(&p->x, (struct slice){payload.p, payload.n}, true, &p->out, &p->err);
    buf_release(&payload);
}

static void play_moved(struct play *p)
{
    cr_assert_eq(p->rc, SL_OK, "%s", p->err.text);
    for (int i = 0; i < 5 && p->rc == SL_OK; i++) {
        each_packet(p, &p->out.to_server, server_gets);
        each_packet(p, &p->server.out, from_server);
        each_packet(p, &p->out.to_client, client_gets);
        each_packet(p, &p->client.out, from_client);
    }
    cr_expect_eq(p->rc, SL_OK, "%s", p->err.text);
    cr_expect_null(p->server.wrong, "%s", p->server.wrong);
    cr_expect_null(p->client.wrong, "%s", p->client.wrong);
}

Test(exchange, a_change_of_user_after_a_move)
{
    struct play p;
    play_open(&p);
    start_moved(&p, CAPS);
    play_moved(&p);
    cr_expect(p.client.accepted, "with the scramble of the switch");
    end_plain(&p);
}

enum known { KNOWN_NOTHING, KNOWN_HASH, KNOWN_PASSWORD, KNOWN_OTHER };

static struct secret *know(struct vault *v, enum known known)
{
    struct vault_hash h = {.user = "fred", .host = "%", .plugin = NATIVE, .has_native = true};
    uint8_t stage1[20];
    digest_stage1(text("secret"), stage1);
    digest_stage1((struct slice){stage1, sizeof stage1}, h.native);
    if (known == KNOWN_HASH)
        vault_set_hashes(v, &h, 1);
    return vault_learn_password(v, text(known == KNOWN_PASSWORD ? "fred" : "berta"), text("secret"),
                                NATIVE);
}

// An answer to the scramble of the link that is gone is turned into one to the present link's, where
// the account is known; the server decides in any case.
Test(exchange, a_change_of_user_after_a_move_by_libmariadb)
{
    for (enum known known = KNOWN_NOTHING; known <= KNOWN_OTHER; known++) {
        struct play p;
        bool locked, right = known == KNOWN_HASH || known == KNOWN_PASSWORD;
        play_open(&p);
        cr_assert_eq(vault_new(64 << 10, &p.vault, &locked, &p.err), SL_OK);
        struct secret *s = know(p.vault, known);
        p.client.stubborn = true;
        start_moved(&p, CAPS);
        p.server.password = known == KNOWN_OTHER ? "another" : "secret";
        play_moved(&p);
        cr_expect_eq(p.client.accepted, right, "%d", known);
        cr_expect_eq(vault_wants_hashes(p.vault), !right, "%d: the accounts are read again", known);
        exchange_release(&p.x);
        secret_unref(s);
        vault_free(p.vault);
        end_plain(&p);
    }
}

Test(exchange, a_change_of_user_after_a_move_without_plugins)
{
    struct play p;
    play_open(&p);
    start_moved(&p, CAPS & ~(CAP_PLUGIN_AUTH | CAP_CONNECT_ATTRS));
    cr_expect_eq(p.rc, SL_EUNSUPPORTED);
    end_plain(&p);
}
