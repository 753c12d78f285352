// What the exchange learns, over every pair of channels and packet by packet, and that no login fails
// over it.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "auth/digest.h"
#include "play.h"
#include "wire/packet.h"

// --- learning -----------------------------------------------------------------------------------

static void open_vault(struct play *p)
{
    bool locked;
    cr_assert_eq(vault_new(64 << 10, &p->vault, &locked, &p->err), SL_OK);
}

static void close_vault(struct play *p)
{
    vault_free(p->vault);
    p->vault = NULL;
}

// "how plugin"
static void take_row(void *arg, const struct vault_row *row)
{
    cr_expect_str_eq(row->user, "fred");
    snprintf(arg, 100, "%s %s", row->how, row->plugin);
}

static const char *expected_how(const char *accounts, unsigned bits)
{
    bool client_secure = (bits & 3) != EXCHANGE_PLAIN, cached = bits & 32;
    if (strcmp(accounts, NATIVE) == 0)
        return "unknown"; // until the control account brings the hash
    if (strcmp(accounts, CACHING) == 0 && cached && !client_secure)
        return "unknown";
    return "password";
}

static void expect_learned(struct play *p, const char *mine, const char *accounts, unsigned bits)
{
    char row[100] = "", expected[100];
    open_vault(p);
    expect_login(p, mine, accounts, bits, "secret", "secret");
    vault_list(p->vault, take_row, row);
    snprintf(expected, sizeof expected, "%s %s", expected_how(accounts, bits), accounts);
    cr_expect_str_eq(row, expected, "%s/%s/%x: %s, not %s", mine, accounts, bits, row, expected);
    // Whoever is known already is not asked, and what waited is resolved.
    struct secret *s = vault_learn_password(p->vault, text("fred"), text("secret"), accounts);
    expect_login(p, mine, accounts, bits, "secret", "secret");
    vault_list(p->vault, take_row, row);
    snprintf(expected, sizeof expected, "password %s", accounts);
    cr_expect_str_eq(row, expected, "%s/%s/%x", mine, accounts, bits);
    expect_login(p, mine, accounts, bits, "wrong", "secret");
    vault_list(p->vault, take_row, row);
    cr_expect_str_eq(row, expected, "%s/%s/%x", mine, accounts, bits);
    secret_unref(s);
    close_vault(p);
    open_vault(p);
    expect_login(p, mine, accounts, bits, "", "");
    vault_list(p->vault, take_row, row);
    snprintf(expected, sizeof expected, "empty %s", accounts);
    cr_expect_str_eq(row, expected, "%s/%s/%x", mine, accounts, bits);
    close_vault(p);
}

Test(learn, learns_over_every_channel)
{
    struct play p;
    play_open(&p);
    play_all(&p, expect_learned);
    play_close(&p);
}

// --- learning: packets one by one ---------------------------------------------------------------

static void open_learning(struct play *p, const char *plugin, enum exchange_channel client)
{
    play_open(p);
    open_vault(p);
    p->client.channel = client;
    p->client.plugin = p->server.plugin = plugin;
    p->client.password = p->server.password = "secret";
    start(p);
    cr_assert_eq(p->rc, SL_OK);
    buf_release(&p->out.to_server);
}

// The row of `show accounts`, when the exchange has been closed.
static void end_learning(struct play *p, const char *expected)
{
    char row[100] = "";
    exchange_release(&p->x);
    vault_list(p->vault, take_row, row);
    cr_expect_str_eq(row, expected);
    close_vault(p);
    end_plain(p);
}

static void expect_nothing_sent(struct play *p)
{
    cr_expect_eq(p->rc, SL_OK, "%s", p->err.text);
    cr_expect_eq(p->out.to_client.n + p->out.to_server.n, 0);
}

Test(learn, the_ok_comes_before_the_password)
{
    struct play p;
    open_learning(&p, CACHING, EXCHANGE_TLS);
    from_server(&p, bytes("\1\3", 2), 2);
    expect_client_gets(&p, 3, "\1\4", 2);
    from_server(&p, bytes(OK_PACKET, 7), 3);
    expect_nothing_sent(&p);
    cr_expect_eq(p.x.state, EXCHANGE_WAIT_CLIENT);
    from_client(&p, bytes("secret", 7), 4);
    cr_expect_eq(p.x.state, EXCHANGE_ACCEPTED);
    cr_expect_eq(p.x.status, 2);
    cr_expect_eq(p.out.to_server.n, 0, "the server hears nothing of it");
    expect_client_gets(&p, 5, OK_PACKET, 7);
    end_learning(&p, "password " CACHING);
}

Test(learn, the_ok_comes_behind_the_password)
{
    struct play p;
    open_learning(&p, CACHING, EXCHANGE_LOCAL);
    from_server(&p, bytes("\1\3", 2), 2);
    expect_client_gets(&p, 2, "\1\4", 2);
    from_client(&p, bytes("secret", 7), 3);
    expect_nothing_sent(&p);
    cr_expect_eq(p.x.state, EXCHANGE_WAIT_SERVER);
    from_server(&p, bytes(OK_PACKET, 7), 3);
    expect_client_gets(&p, 4, OK_PACKET, 7);
    struct secret *s = exchange_take_secret(&p.x);
    cr_expect(secret_is_known(s));
    cr_expect_null(exchange_take_secret(&p.x));
    secret_unref(s);
    end_learning(&p, "password " CACHING);
}

// Whatever the client says when it is asked by us, it is in: the server has said so.
Test(learn, the_client_says_something_else)
{
    static const struct {
        const char *says;
        size_t n;
    } cases[] = {{"wrong", 6}, {"", 0}, {"", 1}, {"secret and more", 16}, {"\1", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct play p;
        open_learning(&p, CACHING, EXCHANGE_TLS);
        from_server(&p, bytes("\1\3", 2), 2);
        buf_release(&p.out.to_client);
        from_server(&p, bytes(OK_PACKET, 7), 3);
        from_client(&p, bytes(cases[i].says, cases[i].n), 4);
        cr_expect_eq(p.rc, SL_OK, "%s", p.err.text);
        expect_client_gets(&p, 5, OK_PACKET, 7);
        end_learning(&p, "unknown " CACHING);
    }
}

// A client that does not trust its unix socket asks for the key.
Test(learn, the_client_asks_for_the_key)
{
    struct play p;
    struct buf block = {0};
    open_learning(&p, CACHING, EXCHANGE_LOCAL);
    from_server(&p, bytes("\1\3", 2), 2);
    buf_release(&p.out.to_client);
    from_client(&p, bytes("\2", 1), 3);
    cr_assert_gt(p.out.to_client.n, 100);
    cr_expect_eq(packet_seq(p.out.to_client.p), 4);
    buf_release(&p.out.to_client);
    from_server(&p, bytes(OK_PACKET, 7), 3);
    expect_nothing_sent(&p);
    cr_assert_eq(rsa_password_encrypt(text(rsa_key_public_pem(p.ours)), bytes("secret", 7),
                                      (struct slice){p.server.scramble, 20}, &block),
                 SL_OK);
    from_client(&p, (struct slice){block.p, block.n}, 5);
    expect_client_gets(&p, 6, OK_PACKET, 7);
    buf_release(&block);
    end_learning(&p, "password " CACHING);
}

// The client looks for the error behind the password that it is about to send.
Test(learn, an_error_while_the_client_is_asked)
{
    struct play p;
    open_learning(&p, CACHING, EXCHANGE_TLS);
    from_server(&p, bytes("\1\3", 2), 2);
    buf_release(&p.out.to_client);
    from_server(&p, bytes("\xff\x15\x04#08S01bye", 12), 3);
    cr_expect_eq(p.x.state, EXCHANGE_REFUSED);
    expect_client_gets(&p, 5, "\xff\x15\x04#08S01bye", 12);
    end_learning(&p, "");
}

Test(learn, the_server_talks_on_while_the_client_is_asked)
{
    struct play p;
    open_learning(&p, CACHING, EXCHANGE_TLS);
    from_server(&p, bytes("\1\3", 2), 2);
    from_server(&p, bytes("\1what?", 6), 3);
    cr_expect_eq(p.rc, SL_OK);
    from_server(&p, bytes(OK_PACKET, 7), 4);
    cr_expect_eq(p.rc, SL_EPROTO);
    end_learning(&p, "");
}

// Its key is the server's, and the server sees the block itself: as before, and nothing is learned.
Test(learn, a_key_configured_in_the_client)
{
    struct play p;
    play_open(&p);
    for (int i = 1; i < 3; i++) {
        char row[100] = "", expected[100];
        open_vault(&p);
        memset(&p.client, 0, sizeof p.client);
        memset(&p.server, 0, sizeof p.server);
        p.client.plugin = p.server.plugin = play_plugins[i];
        p.client.password = p.server.password = "secret";
        p.client.knows_key = true;
        run(&p);
        cr_expect_eq(p.rc, SL_OK, "%s", p.err.text);
        cr_expect(p.client.accepted);
        vault_list(p.vault, take_row, row);
        snprintf(expected, sizeof expected, "unknown %s", play_plugins[i]);
        cr_expect_str_eq(row, expected);
        close_vault(&p);
    }
    play_close(&p);
}

// Clear text plugins: `answers` to the questions, which are a switch and then further packets.
static void play_dialog(const char *plugin, const char *const *questions, unsigned count,
                        enum exchange_channel client, const char *expected)
{
    struct play p;
    struct buf packet = {0};
    open_learning(&p, NATIVE, client);
    uint8_t seq = 2;
    buf_u8(&packet, 0xFE);
    buf_cstr(&packet, plugin);
    for (unsigned i = 0; i < count; i++) {
        buf_str(&packet, questions[i]);
        from_server(&p, (struct slice){packet.p, packet.n}, seq);
        cr_expect_eq(p.rc, SL_OK, "%s", p.err.text);
        from_client(&p, bytes("secret", 7), p.x.client_seq);
        cr_expect_eq(p.rc, SL_OK, "%s", p.err.text);
        seq = (uint8_t)(seq + 2);
        buf_clear(&packet);
    }
    from_server(&p, bytes(OK_PACKET, 7), seq);
    cr_expect_eq(p.x.state, EXCHANGE_ACCEPTED);
    buf_release(&packet);
    end_learning(&p, expected);
}

Test(learn, passwords_in_clear)
{
    static const char *const none[] = {""}, *const one[] = {"\4Password: "},
                             *const last[] = {"\5Password: "}, *const name[] = {"\2Your name: "},
                             *const two[] = {"\4Password: ", "\5Code: "};
    play_dialog("mysql_clear_password", none, 1, EXCHANGE_TLS, "password mysql_clear_password");
    play_dialog("mysql_clear_password", none, 1, EXCHANGE_PLAIN, "unknown mysql_clear_password");
    play_dialog("dialog", one, 1, EXCHANGE_TLS, "password dialog");
    play_dialog("dialog", last, 1, EXCHANGE_LOCAL, "password dialog");
    play_dialog("dialog", one, 1, EXCHANGE_PLAIN, "unknown dialog");
    play_dialog("dialog", name, 1, EXCHANGE_TLS, "unknown dialog");
    play_dialog("dialog", two, 2, EXCHANGE_TLS, "unknown dialog");
    play_dialog("client_ed25519", none, 1, EXCHANGE_TLS, "unknown client_ed25519");
    play_dialog("exotic", none, 1, EXCHANGE_TLS, "unknown unknown");
}

Test(learn, a_second_factor_is_not_learned)
{
    struct play p;
    open_learning(&p, NATIVE, EXCHANGE_TLS);
    p.x.caps |= CAP_MULTI_FACTOR;
    p.x.server_channel = EXCHANGE_TLS;
    from_server(&p, bytes("\2" SHA256 "\0abcdefghijklmnopqrst\0", 1 + 16 + 21), 2);
    from_client(&p, bytes("secret", 7), 4);
    from_server(&p, bytes(OK_PACKET, 7), 4);
    cr_expect_eq(p.x.state, EXCHANGE_ACCEPTED);
    end_learning(&p, "unknown " SHA256);
}

Test(learn, native_is_resolved_by_the_hash)
{
    struct play p;
    struct vault_hash h = {.user = "fred", .host = "%", .plugin = NATIVE, .has_native = true};
    uint8_t stage1[20];
    digest_stage1(text("secret"), stage1);
    digest_stage1((struct slice){stage1, sizeof stage1}, h.native);
    open_learning(&p, NATIVE, EXCHANGE_PLAIN);
    from_server(&p, bytes(OK_PACKET, 7), 2);
    struct secret *s = exchange_take_secret(&p.x);
    cr_expect_not(secret_is_known(s));
    vault_set_hashes(p.vault, &h, 1);
    cr_expect(secret_is_known(s));
    secret_unref(s);
    end_learning(&p, "hash " NATIVE);
}

Test(learn, nothing_when_learning_is_off)
{
    struct play p;
    open_plain(&p, NATIVE);
    from_server(&p, bytes(OK_PACKET, 7), 2);
    cr_expect_null(exchange_take_secret(&p.x));
    end_plain(&p);
}
