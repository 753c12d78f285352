// See sides.h. The server takes what the real ones take: over a secure channel a password in clear,
// over another one only a block for its own key.
#include "sides.h"

#include <string.h>

#include "auth/digest.h"
#include "base/mem.h"
#include "wire/command.h"
#include "wire/packet.h"
#include "wire/reply.h"

#define CACHING "caching_sha2_password"
#define SHA256 "sha256_password"

static bool is(const char *plugin, const char *name)
{
    return strcmp(plugin, name) == 0;
}

// As the real plugins do: only one of them trusts a unix socket.
static bool secure(const struct side *s)
{
    return s->channel == EXCHANGE_TLS || (s->channel == EXCHANGE_LOCAL && is(s->plugin, CACHING));
}

static void put(struct side *s, const void *p, size_t n)
{
    packet_header(&s->out, (uint32_t)n, s->seq++);
    buf_put(&s->out, p, n);
}

// The plugin's answer to the scramble.
static struct slice hash(struct side *s, uint8_t digest[32])
{
    struct slice password = {(const uint8_t *)s->password, strlen(s->password)};
    uint8_t stage1[20];
    if (is(s->plugin, "mysql_native_password")) {
        digest_stage1(password, stage1);
        digest_native(stage1, s->scramble, digest);
        return (struct slice){digest, 20};
    }
    digest_fast(password, s->scramble, digest);
    return (struct slice){digest, 32};
}

static bool check_seq(struct side *s, uint8_t seq)
{
    s->packets++;
    if (seq != s->seq)
        s->wrong = "packets out of order";
    s->seq = (uint8_t)(seq + 1);
    return seq + 1 == s->seq;
}

static bool equal(struct slice a, const void *p, size_t n)
{
    return a.n == n && (n == 0 || memcmp(a.p, p, n) == 0);
}

// --- server ----------------------------------------------------------------------------------

void server_greeting(struct side *s, struct greeting *g)
{
    memset(g, 0, sizeof *g);
    for (uint8_t i = 0; i < 20; i++)
        s->scramble[i] = g->scramble[i] = (uint8_t)(i + 40);
    g->scramble_len = 20;
    g->plugin = (struct slice){(const uint8_t *)CACHING, strlen(CACHING)};
}

static void verdict(struct side *s, bool good)
{
    s->over = true;
    s->accepted = good;
    if (good)
        reply_ok(&s->out, s->seq++, CAP_PROTOCOL_41, STATUS_AUTOCOMMIT);
    else
        reply_err(&s->out, s->seq++, CAP_PROTOCOL_41, ER_ACCESS_DENIED, "28000", "no");
}

static void server_clear(struct side *s, struct slice p)
{
    verdict(s, equal(p, s->password, strlen(s->password) + 1));
}

static void server_secret(struct side *s, struct slice p, uint8_t request)
{
    struct buf clear = {0};
    if (secure(s)) {
        server_clear(s, p);
    } else if (equal(p, &request, 1)) {
        struct buf key = {0};
        buf_u8(&key, 1);
        buf_str(&key, rsa_key_public_pem(s->key));
        put(s, key.p, key.n);
        s->asked_key = true;
        buf_release(&key);
    } else if (rsa_password_decrypt(s->key, p, (struct slice){s->scramble, 20}, &clear) == SL_OK) {
        server_clear(s, (struct slice){clear.p, clear.n});
    } else {
        s->wrong = "server got a password in clear, or for another key";
        verdict(s, false);
    }
    buf_wipe(&clear);
}

static void server_answer(struct side *s, struct slice p)
{
    uint8_t digest[32];
    bool empty = p.n == 0 || equal(p, "", 1);
    if (empty || s->password[0] == '\0') {
        verdict(s, empty && s->password[0] == '\0');
    } else if (is(s->plugin, SHA256)) {
        server_secret(s, p, 1);
    } else if (s->full) {
        server_secret(s, p, 2);
    } else if (!is(s->plugin, CACHING)) {
        struct slice h = hash(s, digest);
        verdict(s, equal(p, h.p, h.n));
    } else if (s->cached) {
        struct slice h = hash(s, digest);
        bool good = equal(p, h.p, h.n);
        if (good)
            put(s, "\1\3", 2);
        verdict(s, good);
    } else {
        s->full = true;
        put(s, "\1\4", 2);
    }
}

static void server_first(struct side *s, struct slice plugin, struct slice auth)
{
    if (equal(plugin, s->plugin, strlen(s->plugin))) {
        server_answer(s, auth);
        return;
    }
    uint8_t packet[128] = {0xFE};
    size_t n = strlen(s->plugin) + 1;
    for (uint8_t i = 0; i < 20; i++)
        s->scramble[i] = (uint8_t)(i + 60);
    memcpy(packet + 1, s->plugin, n);
    memcpy(packet + 1 + n, s->scramble, 20);
    put(s, packet, 1 + n + 21);
}

void server_take(struct side *s, struct slice payload, uint8_t seq)
{
    struct login l;
    struct change_user cu;
    if (!check_seq(s, seq))
        return;
    if (s->packets > 1) {
        server_answer(s, payload);
    } else if (s->change_user) {
        if (change_user_decode(payload, UINT32_MAX, &cu, NULL) != SL_OK ||
            !equal(cu.user, "fred", 4) || !equal(cu.database, "shop", 4) || cu.charset != 45)
            s->wrong = "server got a broken COM_CHANGE_USER";
        server_first(s, cu.plugin, cu.auth);
    } else {
        if (login_decode(payload, &l, NULL) != SL_OK || !equal(l.user, "fred", 4) ||
            !equal(l.database, "shop", 4) || !equal(l.attributes, "\1k\1v", 4))
            s->wrong = "server got a broken login";
        if ((l.caps & CAP_NEVER_OFFERED) != 0)
            s->wrong = "server got capabilities that are never offered";
        server_first(s, l.plugin, l.auth);
    }
}

// --- client ----------------------------------------------------------------------------------

static void client_block(struct side *c, struct slice pem, struct buf *block)
{
    struct slice password = {(const uint8_t *)c->password, strlen(c->password) + 1};
    if (rsa_password_encrypt(pem, password, (struct slice){c->scramble, 20}, block) != SL_OK)
        c->wrong = "client cannot encrypt";
}

static void client_secret(struct side *c, uint8_t request, struct buf *out)
{
    const char *pem = rsa_key_public_pem(c->key);
    if (secure(c))
        buf_put(out, c->password, strlen(c->password) + 1);
    else if (c->knows_key)
        client_block(c, (struct slice){(const uint8_t *)pem, strlen(pem)}, out);
    else
        buf_u8(out, request);
    c->asked_key = !secure(c);
}

static void client_answer(struct side *c, struct buf *out)
{
    uint8_t digest[32];
    if (c->password[0] == '\0') {
        // caching_sha2 and sha256 send a NUL, native nothing.
        if (!is(c->plugin, "mysql_native_password"))
            buf_u8(out, 0);
    } else if (is(c->plugin, SHA256)) {
        client_secret(c, 1, out);
    } else {
        struct slice h = hash(c, digest);
        buf_put(out, h.p, h.n);
    }
}

void client_login(struct side *c, const struct greeting *g, uint64_t caps, struct buf *payload)
{
    struct buf answer = {0};
    memcpy(c->scramble, g->scramble, 20);
    client_answer(c, &answer);
    struct login l = {
        .caps = caps,
        .charset = 45,
        .user = {(const uint8_t *)"fred", 4},
        .auth = {answer.p, answer.n},
        .database = {(const uint8_t *)"shop", 4},
        .plugin = {(const uint8_t *)c->plugin, strlen(c->plugin)},
        .attributes = {(const uint8_t *)"\1k\1v", 4},
    };
    if (c->change_user) {
        buf_u8(payload, COM_CHANGE_USER);
        buf_str(payload, "fred");
        buf_u8(payload, 0);
        buf_u8(payload, (uint8_t)answer.n);
        buf_put(payload, answer.p, answer.n);
        buf_put(payload, "shop\0\55\0", 7);
        buf_cstr(payload, c->plugin);
        buf_put(payload, "\4\1k\1v", 5);
    } else {
        login_encode(&l, payload);
    }
    buf_wipe(&answer);
}

static void client_switch(struct side *c, struct slice payload, struct buf *answer)
{
    static char name[64];
    struct auth_switch sw;
    if (auth_switch_decode(payload, &sw, NULL) != SL_OK || sw.plugin.n >= sizeof name ||
        sw.data.n != 21) {
        c->wrong = "client got a broken switch";
        return;
    }
    memcpy(name, sw.plugin.p, sw.plugin.n);
    name[sw.plugin.n] = '\0';
    c->plugin = name;
    c->asked_key = c->full = false;
    if (!c->stubborn || !is(c->plugin, "mysql_native_password"))
        memcpy(c->scramble, sw.data.p, 20);
    client_answer(c, answer);
}

void client_take(struct side *c, struct slice payload, uint8_t seq)
{
    struct buf answer = {0};
    bool speaks = true;
    if (!check_seq(c, seq) || payload.n == 0)
        return;
    if (payload.p[0] == 0x00 || payload.p[0] == 0xFF) {
        c->over = true;
        c->accepted = payload.p[0] == 0;
        speaks = false;
    } else if (payload.p[0] == 0xFE) {
        client_switch(c, payload, &answer);
    } else if (equal(payload, "\1\3", 2)) {
        speaks = false;
    } else if (equal(payload, "\1\4", 2) && is(c->plugin, CACHING)) {
        c->full = true;
        client_secret(c, 2, &answer);
    } else if (payload.p[0] == 1 && c->asked_key && !secure(c)) {
        client_block(c, (struct slice){payload.p + 1, payload.n - 1}, &answer);
    } else {
        c->wrong = "client got what it cannot answer";
    }
    if (speaks)
        put(c, answer.p, answer.n);
    buf_wipe(&answer);
}
