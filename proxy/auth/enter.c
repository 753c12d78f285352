// The client's part of a login, for links of our own. The first response guesses the plugin by the
// greeting, with mysql_native_password or caching_sha2_password, so that it never holds a password;
// a server that wants another one says so:
//
//   NATIVE, CACHING_SHA2 ─ hash ──> OK | 01 03, OK | 01 04 ─ password, or key? ─> key ─ encrypted ──> OK
//   SHA256, CLEAR, DIALOG          <── switch, question ── password, or key? ...
#include "auth/enter.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "auth/plugin.h"
#include "auth/rsa.h"
#include "auth/secret.h"
#include "wire/packet.h"
#include "wire/reply.h"

static enum sl_code no_use(const struct enter *e, struct sl_error *err)
{
    return sl_fail(err, SL_EUNSUPPORTED,
                   "the account wants %s, for which what is known of it is not enough",
                   plugin_name(e->plugin));
}

static enum sl_code insecure(const struct enter *e, struct sl_error *err)
{
    return sl_fail(err, SL_EUNSUPPORTED,
                   "%s would send the password in clear over an insecure connection",
                   plugin_name(e->plugin));
}

// --- answers ------------------------------------------------------------------------------------
// Each appends the plugin's first answer; `question` is what came with the switch, or by itself.

// The hashing plugins cannot hash an empty password.
static enum sl_code put_hash(const struct enter *e, bool known, const uint8_t *answer, size_t n,
                             struct buf *out, struct sl_error *err)
{
    if (!known)
        return no_use(e, err);
    buf_put(out, answer, n);
    return SL_OK;
}

static enum sl_code answer_native(struct enter *e, struct slice question, struct buf *out,
                                  struct sl_error *err)
{
    (void)question;
    uint8_t answer[VAULT_NATIVE_BYTES];
    if (secret_is_empty(e->secret))
        return SL_OK;
    bool known = e->scramble_len >= 20 && secret_native(e->secret, e->scramble, answer);
    return put_hash(e, known, answer, sizeof answer, out, err);
}

static enum sl_code answer_fast(struct enter *e, struct slice question, struct buf *out,
                                struct sl_error *err)
{
    (void)question;
    uint8_t answer[VAULT_SHA2_BYTES];
    if (secret_is_empty(e->secret)) {
        buf_u8(out, 0);
        return SL_OK;
    }
    bool known = e->scramble_len >= 20 && secret_fast(e->secret, e->scramble, answer);
    return put_hash(e, known, answer, sizeof answer, out, err);
}

// In clear where the plugin does so, else the request for the server's key.
static enum sl_code answer_password(struct enter *e, struct slice question, struct buf *out,
                                    struct sl_error *err)
{
    (void)question;
    if (secret_is_empty(e->secret)) {
        buf_u8(out, 0);
    } else if (plugin_is_secure(e->plugin, e->channel)) {
        if (!secret_password(e->secret, out))
            return no_use(e, err);
    } else if (plugin_key_request(e->plugin) != 0) {
        buf_u8(out, plugin_key_request(e->plugin));
        e->state = ENTER_WAIT_KEY;
    } else {
        return insecure(e, err);
    }
    return SL_OK;
}

static enum sl_code answer_question(struct enter *e, struct slice question, struct buf *out,
                                    struct sl_error *err)
{
    if (question.n == 0 || question.p[0] >> 1 != DIALOG_PASSWORD || e->asked)
        return sl_fail(err, SL_EUNSUPPORTED, "the server asks for more than a password");
    e->asked = true;
    return answer_password(e, question, out, err);
}

static const struct way {
    enum sl_code (*answer)(struct enter *e, struct slice question, struct buf *out,
                           struct sl_error *err);
} ways[] = {
    [PLUGIN_NATIVE] = {answer_native},   [PLUGIN_CACHING_SHA2] = {answer_fast},
    [PLUGIN_SHA256] = {answer_password}, [PLUGIN_CLEAR] = {answer_password},
    [PLUGIN_DIALOG] = {answer_question},
};

static enum sl_code answer(struct enter *e, struct slice question, struct buf *out,
                           struct sl_error *err)
{
    if (e->plugin == PLUGIN_UNKNOWN || e->plugin >= sizeof ways / sizeof ways[0])
        return no_use(e, err);
    return ways[e->plugin].answer(e, question, out, err);
}

// --- packets ------------------------------------------------------------------------------------

// A packet of what `write` appends; it holds nothing when that fails.
static enum sl_code send(struct enter *e,
                         enum sl_code (*write)(struct enter *e, struct slice question,
                                               struct buf *out, struct sl_error *err),
                         struct slice question, struct buf *out, struct sl_error *err)
{
    size_t begin = packet_begin(out, e->seq);
    enum sl_code rc = write(e, question, out, err);
    if (rc == SL_OK && out->failed)
        rc = sl_fail(err, SL_ETOOBIG, "login packet does not fit");
    if (rc != SL_OK) {
        out->n = begin;
        return rc;
    }
    packet_end(out, begin);
    e->seq++;
    return SL_OK;
}

static uint8_t first_plugin(const struct greeting *g, struct secret *secret, uint64_t caps)
{
    uint8_t unused[VAULT_SHA2_BYTES];
    bool sha2 = (caps & CAP_PLUGIN_AUTH) != 0 && plugin_find(g->plugin) == PLUGIN_CACHING_SHA2 &&
                (secret_is_empty(secret) ||
                 (g->scramble_len >= 20 && secret_fast(secret, g->scramble, unused)));
    return sha2 ? PLUGIN_CACHING_SHA2 : PLUGIN_NATIVE;
}

enum sl_code enter_begin(struct enter *e, struct secret *secret, const struct greeting *g,
                         const struct login *l, enum exchange_channel channel, uint8_t seq,
                         struct buf *out, struct sl_error *err)
{
    memset(e, 0, sizeof *e);
    e->plugin = first_plugin(g, secret, l->caps);
    e->channel = (uint8_t)channel;
    e->seq = seq;
    e->caps = l->caps;
    e->secret = secret;
    e->scramble_len = g->scramble_len;
    memcpy(e->scramble, g->scramble, g->scramble_len);
    if (!secret_is_known(secret))
        return sl_fail(err, SL_EUNSUPPORTED, "the account's password is not known");
    if ((l->caps & (CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH_LENENC)) == 0)
        return sl_fail(err, SL_EUNSUPPORTED, "the client's protocol is too old");
    struct buf first;
    struct login ours = *l;
    buf_init(&first, 64);
    enum sl_code rc = answer(e, (struct slice){0}, &first, err);
    ours.auth = (struct slice){.p = first.p, .n = first.n};
    ours.plugin = (struct slice){.p = (const uint8_t *)plugin_name(e->plugin),
                                 .n = strlen(plugin_name(e->plugin))};
    if (rc == SL_OK) {
        size_t begin = packet_begin(out, e->seq++);
        login_encode(&ours, out);
        packet_end(out, begin);
        if (out->failed)
            rc = sl_fail(err, SL_ETOOBIG, "login packet does not fit");
    }
    buf_wipe(&first);
    return rc;
}

static enum sl_code on_switch(struct enter *e, struct slice payload, struct buf *out,
                              struct sl_error *err)
{
    struct auth_switch s;
    enum sl_code rc = auth_switch_decode(payload, &s, err);
    if (rc != SL_OK)
        return rc;
    e->state = ENTER_WAIT;
    e->plugin = plugin_find(s.plugin);
    e->asked = false;
    e->scramble_len = (uint8_t)(s.data.n < SCRAMBLE_MAX ? s.data.n : SCRAMBLE_MAX);
    if (s.data.n > 0)
        memcpy(e->scramble, s.data.p, e->scramble_len);
    // Most plugins send a NUL behind it.
    if (e->scramble_len > 0 && e->scramble[e->scramble_len - 1] == '\0')
        e->scramble_len--;
    if (e->plugin == PLUGIN_DIALOG && s.data.n == 0)
        return SL_OK; // the question comes by itself
    return send(e, answer, s.data, out, err);
}

static enum sl_code put_encrypted(struct enter *e, struct slice pem, struct buf *out,
                                  struct sl_error *err)
{
    struct buf password;
    struct slice scramble = {.p = e->scramble, .n = e->scramble_len};
    enum sl_code rc = SL_EPROTO;
    buf_init(&password, VAULT_PASSWORD_MAX + 1);
    if (!secret_password(e->secret, &password))
        rc = no_use(e, err);
    else if (rsa_password_encrypt(pem, (struct slice){password.p, password.n}, scramble, out) !=
             SL_OK)
        rc = sl_fail(err, SL_EPROTO,
                     "the password cannot be encrypted with the server's public key");
    else
        rc = SL_OK;
    buf_wipe(&password);
    return rc;
}

static enum sl_code on_plugin_data(struct enter *e, struct slice payload, struct buf *out,
                                   struct sl_error *err)
{
    struct slice data = {.p = payload.p + 1, .n = payload.n > 0 ? payload.n - 1 : 0};
    bool more = payload.n > 0 && payload.p[0] == FROM_SERVER_MORE;
    if (e->state == ENTER_WAIT_KEY && more) {
        e->state = ENTER_WAIT;
        return send(e, put_encrypted, data, out, err);
    }
    if (e->plugin == PLUGIN_CACHING_SHA2 && more && data.n == 1) {
        if (data.p[0] == FAST_OK)
            return SL_OK;
        if (data.p[0] == FULL_PLEASE)
            return send(e, answer_password, data, out, err);
    }
    if (e->plugin == PLUGIN_DIALOG)
        return send(e, answer, more ? data : payload, out, err);
    if (payload.n > 0 && payload.p[0] == FROM_SERVER_NEXT_FACTOR)
        return sl_fail(err, SL_EUNSUPPORTED, "the account wants a second factor");
    return sl_fail(err, SL_EPROTO, "server sent an authentication packet that %s does not have",
                   plugin_name(e->plugin));
}

#define ER_ACCOUNT_LOCKED 3118
#define ER_ACCOUNT_LOCKED_MARIADB 4151

// The password is wrong there, the account is blocked, its password has expired: more tries can only
// do harm. Others (too many connections, ...) are about the moment.
static bool is_denial(uint16_t code)
{
    static const uint16_t codes[] = {1045, 1698, 1862, 3955, 4150};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static enum sl_code on_refusal(struct enter *e, struct slice payload, struct sl_error *err)
{
    struct err refusal;
    if (err_decode(payload, &refusal) != SL_OK)
        return sl_fail(err, SL_EPROTO, "server sent a malformed error");
    size_t n = refusal.message.n < sizeof e->problem ? refusal.message.n : sizeof e->problem;
    snprintf(e->problem, sizeof e->problem, "%u (%s): %.*s", refusal.code, refusal.sqlstate, (int)n,
             (const char *)refusal.message.p);
    e->locked = refusal.code == ER_ACCOUNT_LOCKED || refusal.code == ER_ACCOUNT_LOCKED_MARIADB;
    e->denied = !e->locked && is_denial(refusal.code);
    e->state = ENTER_REFUSED;
    return SL_OK;
}

static enum sl_code on_ok(struct enter *e, struct slice payload, uint16_t *status,
                          struct sl_error *err)
{
    struct ok ok;
    if (ok_decode(payload, &ok) != SL_OK)
        return sl_fail(err, SL_EPROTO, "server sent a malformed OK after the login");
    *status = ok.status;
    e->state = ENTER_IN;
    return SL_OK;
}

enum sl_code enter_packet(struct enter *e, struct slice payload, uint8_t seq, struct buf *out,
                          uint16_t *status, struct sl_error *err)
{
    assert(e->secret != NULL);
    if (e->state == ENTER_IN || e->state == ENTER_REFUSED)
        return sl_fail(err, SL_ECONFLICT, "server sent a login packet after the login");
    if (payload.n > EXCHANGE_PACKET_MAX)
        return sl_fail(err, SL_ETOOBIG, "server sent a login packet of %zu bytes, %u are allowed",
                       payload.n, EXCHANGE_PACKET_MAX);
    int first = payload.n > 0 ? payload.p[0] : -1;
    // A server that gives up (time-out, shutdown) does not wait for its turn.
    if (seq != e->seq && first != FROM_SERVER_ERR)
        return sl_fail(err, SL_EPROTO, "server sent login packet %u, expected %u", seq, e->seq);
    e->seq = (uint8_t)(seq + 1);
    if (first == FROM_SERVER_ERR)
        return on_refusal(e, payload, err);
    if (first == FROM_SERVER_OK)
        return on_ok(e, payload, status, err);
    if (first == FROM_SERVER_SWITCH)
        return on_switch(e, payload, out, err);
    return on_plugin_data(e, payload, out, err);
}
