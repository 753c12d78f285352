// Logins of our own against a server that knows its part (sides.c), and packet by packet.
#include "auth/enter.h"

#include <criterion/criterion.h>
#include <string.h>

#include "auth/digest.h"
#include "play.h"
#include "wire/packet.h"
#include "wire/reply.h"

enum known { KNOWN_PASSWORD, KNOWN_HASH, KNOWN_EMPTY, KNOWN_NOTHING };

struct entry {
    struct vault *vault;
    struct secret *secret;
    struct side server;
    struct enter e;
    struct buf out;
    uint16_t status;
    enum sl_code rc;
    struct sl_error err;
};

// The server's; making one takes long.
static struct rsa_key *key;

// KNOWN_HASH: of "secret"; only mysql_native_password is possible with it.
static struct secret *learn(struct vault *v, enum known known)
{
    static const uint8_t scramble[21] = "abcdefghijklmnopqrst";
    uint8_t stage1[20], answer[20];
    struct vault_hash h = {.user = "fred", .host = "%", .plugin = NATIVE, .has_native = true};
    switch (known) {
    case KNOWN_PASSWORD: return vault_learn_password(v, text("fred"), text("secret"), CACHING);
    case KNOWN_EMPTY: return vault_learn_password(v, text("fred"), text(""), CACHING);
    case KNOWN_NOTHING: return vault_learn_nothing(v, text("fred"), "parsec");
    case KNOWN_HASH: break;
    }
    digest_stage1(text("secret"), stage1);
    digest_stage1((struct slice){stage1, sizeof stage1}, h.native);
    vault_set_hashes(v, &h, 1);
    digest_native(stage1, scramble, answer);
    return vault_learn_native(v, text("fred"), scramble, answer);
}

static void open_entry(struct entry *n, enum known known)
{
    bool locked;
    memset(n, 0, sizeof *n);
    cr_assert_eq(vault_new(64 << 10, &n->vault, &locked, &n->err), SL_OK);
    if (key == NULL)
        cr_assert_eq(rsa_key_new(&key, &n->err), SL_OK);
    n->secret = learn(n->vault, known);
}

// The server's next packet.
static enum sl_code next(struct entry *n, struct slice payload)
{
    return enter_packet(&n->e, payload, n->e.seq, &n->out, &n->status, &n->err);
}

static void close_entry(struct entry *n)
{
    buf_wipe(&n->out);
    secret_unref(n->secret);
    vault_free(n->vault);
}

static void begin(struct entry *n, const char *greeted, uint64_t caps)
{
    struct greeting g;
    struct login l = {
        .caps = caps,
        .charset = 45,
        .user = text("fred"),
        .database = text("shop"),
        .attributes = text("\1k\1v"),
    };
    n->server.key = key;
    n->server.out = (struct buf){0};
    server_greeting(&n->server, &g);
    g.plugin = text(greeted);
    n->server.seq = n->server.channel == EXCHANGE_TLS ? 2 : 1;
    n->rc =
        enter_begin(&n->e, n->secret, &g, &l, n->server.channel, n->server.seq, &n->out, &n->err);
}

// Our packets go to the server, its packets to us, until it is over.
static void talk(struct entry *n)
{
    for (int i = 0; i < 10 && n->rc == SL_OK && n->out.n + n->server.out.n > 0; i++) {
        struct buf *b = n->out.n > 0 ? &n->out : &n->server.out;
        struct buf taken = *b;
        size_t at = 0;
        buf_init(b, 0);
        while (at < taken.n && n->rc == SL_OK) {
            struct slice payload = {taken.p + at + PACKET_HEADER, packet_length(taken.p + at)};
            uint8_t seq = packet_seq(taken.p + at);
            if (b == &n->out)
                server_take(&n->server, payload, seq);
            else
                n->rc = enter_packet(&n->e, payload, seq, &n->out, &n->status, &n->err);
            at += PACKET_HEADER + payload.n;
        }
        buf_wipe(&taken);
    }
    buf_wipe(&n->server.out);
}

static void expect_entry(enum known known, const char *greeted, const char *accounts,
                         unsigned channel, bool cached)
{
    struct entry n;
    open_entry(&n, known);
    n.server.plugin = accounts;
    n.server.password = known == KNOWN_EMPTY ? "" : "secret";
    n.server.channel = channel;
    n.server.cached = cached;
    begin(&n, greeted, CAPS);
    talk(&n);
    bool useful = known != KNOWN_HASH || strcmp(accounts, NATIVE) == 0;
    cr_expect_eq(n.rc, useful ? SL_OK : SL_EUNSUPPORTED, "%d/%s/%s/%u: %s", known, greeted,
                 accounts, channel, n.err.text);
    cr_expect_null(n.server.wrong, "%d/%s/%s/%u: %s", known, greeted, accounts, channel,
                   n.server.wrong);
    cr_expect_eq(n.server.accepted, useful, "%d/%s/%s/%u", known, greeted, accounts, channel);
    cr_expect_eq(n.e.state == ENTER_IN, useful);
    cr_expect_eq(n.status, useful ? STATUS_AUTOCOMMIT : 0);
    close_entry(&n);
}

Test(enter, every_plugin_over_every_channel)
{
    static const enum known kinds[] = {KNOWN_PASSWORD, KNOWN_HASH, KNOWN_EMPTY};
    for (unsigned channel = 0; channel < 3; channel++) {
        for (int i = 0; i < 9; i++) {
            for (int k = 0; k < 3; k++) {
                expect_entry(kinds[k], play_plugins[i / 3], play_plugins[i % 3], channel, true);
                expect_entry(kinds[k], play_plugins[i / 3], play_plugins[i % 3], channel, false);
            }
        }
    }
}

Test(enter, a_changed_password_is_refused)
{
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    n.server.plugin = CACHING;
    n.server.password = "changed";
    begin(&n, CACHING, CAPS);
    talk(&n);
    cr_expect_eq(n.rc, SL_OK);
    cr_expect_eq(n.e.state, ENTER_REFUSED);
    cr_expect_str_eq(n.e.problem, "1045 (28000): no");
    cr_expect(n.e.denied, "it would be refused again");
    cr_expect_eq(next(&n, bytes(OK_PACKET, 7)), SL_ECONFLICT);
    close_entry(&n);
}

Test(enter, nothing_known_nothing_sent)
{
    struct entry n;
    open_entry(&n, KNOWN_NOTHING);
    begin(&n, CACHING, CAPS);
    cr_expect_eq(n.rc, SL_EUNSUPPORTED);
    cr_expect_eq(n.out.n, 0);
    close_entry(&n);
}

Test(enter, an_old_client)
{
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    begin(&n, CACHING, CAP_PROTOCOL_41);
    cr_expect_eq(n.rc, SL_EUNSUPPORTED);
    begin(&n, CACHING, CAP_PROTOCOL_41 | CAP_SECURE_CONNECTION);
    cr_expect_eq(n.rc, SL_OK);
    cr_expect_eq(n.e.plugin, PLUGIN_NATIVE, "without plugins that is meant");
    close_entry(&n);
}

// One packet of the server's, behind the handshake response; `expected` is our answer.
static void expect_answer(enum exchange_channel channel, const char *packet, size_t n_packet,
                          enum sl_code rc, const char *expected, size_t n_expected)
{
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    n.server.channel = channel;
    begin(&n, NATIVE, CAPS | CAP_MULTI_FACTOR);
    buf_wipe(&n.out);
    enum sl_code got = next(&n, bytes(packet, n_packet));
    cr_expect_eq(got, rc, "%s: %d %s", packet + 1, got, n.err.text);
    cr_expect_eq(n.out.n, n_expected > 0 ? PACKET_HEADER + n_expected : 0, "%s: %zu", packet + 1,
                 n.out.n);
    if (n.out.n == PACKET_HEADER + n_expected && n_expected > 0) {
        cr_expect_arr_eq(n.out.p + PACKET_HEADER, expected, n_expected);
        cr_expect_eq(packet_seq(n.out.p), channel == EXCHANGE_TLS ? 4 : 3);
    }
    close_entry(&n);
}

#define CLEAR "\xfemysql_clear_password\0"
#define DIALOG                                                                                     \
    "\xfe"                                                                                         \
    "dialog\0"

Test(enter, passwords_in_clear)
{
    static const char password[] = DIALOG "\4Password: ", name[] = DIALOG "\3Name: ";
    expect_answer(EXCHANGE_TLS, CLEAR, sizeof CLEAR - 1, SL_OK, "secret", 7);
    expect_answer(EXCHANGE_LOCAL, CLEAR, sizeof CLEAR - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_PLAIN, CLEAR, sizeof CLEAR - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, password, sizeof password - 1, SL_OK, "secret", 7);
    expect_answer(EXCHANGE_LOCAL, password, sizeof password - 1, SL_OK, "secret", 7);
    expect_answer(EXCHANGE_PLAIN, password, sizeof password - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, name, sizeof name - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, DIALOG, sizeof DIALOG - 1, SL_OK, "", 0);
}

Test(enter, what_cannot_be_answered)
{
    static const char factor[] = "\2" SHA256 "\0abc",
                      ed25519[] = "\xfe"
                                  "client_ed25519\0abc",
                      scramble[] = "\xfe" CACHING "\0short";
    expect_answer(EXCHANGE_TLS, factor, sizeof factor - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, ed25519, sizeof ed25519 - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, scramble, sizeof scramble - 1, SL_EUNSUPPORTED, "", 0);
    expect_answer(EXCHANGE_TLS, "\1\4", 2, SL_EPROTO, "", 0);
    expect_answer(EXCHANGE_TLS, "", 0, SL_EPROTO, "", 0);
    expect_answer(EXCHANGE_TLS, "\0", 1, SL_EPROTO, "", 0);
}

Test(enter, dialog_asks_once)
{
    static const char password[] = DIALOG "\4Password: ";
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    n.server.channel = EXCHANGE_TLS;
    begin(&n, NATIVE, CAPS);
    cr_expect_eq(next(&n, bytes(password, sizeof password - 1)), SL_OK);
    cr_expect_eq(next(&n, bytes("\4Again: ", 8)), SL_EUNSUPPORTED);
    close_entry(&n);
}

Test(enter, wrong_numbers_and_early_errors)
{
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    begin(&n, NATIVE, CAPS);
    cr_expect_eq(enter_packet(&n.e, bytes(OK_PACKET, 7), 9, &n.out, &n.status, &n.err), SL_EPROTO);
    cr_expect_eq(
        enter_packet(&n.e, bytes("\xff\x15\x04#08S01bye", 12), 0, &n.out, &n.status, &n.err),
        SL_OK);
    cr_expect_eq(n.e.state, ENTER_REFUSED);
    cr_expect_str_eq(n.e.problem, "1045 (08S01): bye");
    close_entry(&n);
}

Test(enter, a_key_that_is_none)
{
    struct entry n;
    open_entry(&n, KNOWN_PASSWORD);
    begin(&n, CACHING, CAPS);
    buf_wipe(&n.out);
    cr_expect_eq(next(&n, bytes("\1\4", 2)), SL_OK);
    cr_expect_eq(n.e.state, ENTER_WAIT_KEY);
    cr_assert_eq(n.out.n, PACKET_HEADER + 1);
    cr_expect_eq(n.out.p[PACKET_HEADER], 2, "asks for the key");
    cr_expect_eq(next(&n, bytes("\1no key", 7)), SL_EPROTO);
    close_entry(&n);
}
