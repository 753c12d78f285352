// Re-wrapping passwords of the two SHA-256 plugins, which send them in clear or encrypted, by side:
//
//   client secure, server not          client not, server secure
//   C ─ password ─> x                  C ─ key? ─────> x
//       x ─ key? ──────────> S         C <─ our key ── x
//       x <─ its key ─────── S         C ─ encrypted ─> x
//       x ─ encrypted ─────> S             x ─ password ──────> S
//
// Where neither is and passwords are learned, both: the client encrypts for our key, we for the
// server's. A client that has the server's key from elsewhere passes unseen.
//
// caching_sha2_password does so after the server asked for it (01 04), sha256_password with its
// first answer, which is part of the login packet: that packet then waits (`held`) or carries a
// key request instead of the password.
#include <string.h>

#include "auth/digest.h"
#include "auth/exchange_internal.h"
#include "wire/packet.h"

static bool client_is_secure(const struct exchange *x)
{
    return plugin_is_secure(x->plugin, x->client_channel);
}

static bool server_is_secure(const struct exchange *x)
{
    return plugin_is_secure(x->plugin, x->server_channel);
}

bool translate_is_key_request(const struct exchange *x, struct slice answer)
{
    return answer.n == 1 && answer.p[0] == plugin_key_request(x->plugin);
}

bool translate_needed(const struct exchange *x, struct slice answer)
{
    if (plugin_key_request(x->plugin) == 0 || exchange_is_empty(answer))
        return false;
    if (client_is_secure(x) || server_is_secure(x))
        return client_is_secure(x) != server_is_secure(x);
    return x->learn.vault != NULL && (x->offered || translate_is_key_request(x, answer));
}

void translate_offer_key(struct exchange *x, struct exchange_out *out)
{
    const char *pem = rsa_key_public_pem(x->key);
    size_t n = strlen(pem);
    packet_header(&out->to_client, (uint32_t)(n + 1), x->client_seq++);
    buf_u8(&out->to_client, FROM_SERVER_MORE);
    buf_put(&out->to_client, pem, n);
    x->offered = true;
    exchange_set_state(x, EXCHANGE_WAIT_CLIENT);
}

// The client's password, in clear, on its way: as it is, or after the server's key has come.
static enum sl_code pass_on(struct exchange *x, struct slice password, struct exchange_out *out,
                            struct sl_error *err)
{
    const uint8_t request = plugin_key_request(x->plugin);
    learn_password(x, password);
    if (server_is_secure(x)) {
        exchange_answer_server(x, password, out);
        return exchange_check_out(out, err);
    }
    exchange_answer_server(x, (struct slice){.p = &request, .n = 1}, out);
    buf_wipe(&x->password);
    buf_reserve(&x->password, password.n);
    buf_put(&x->password, password.p, password.n);
    exchange_set_state(x, EXCHANGE_WAIT_SERVER_KEY);
    return exchange_check_out(out, err);
}

// RSA makes blocks of the key's size, 256 bytes or more; a password in clear ends with its NUL and
// is shorter. MariaDB Connector/C 3.3 sends one in clear where TLS was wished for but not offered
// (measured with the command line of 10.11.19): directly, the server's TLS would have let it in.
static bool is_in_clear(struct slice answer)
{
    return answer.n > 0 && answer.n < 128 && answer.p[answer.n - 1] == '\0';
}

enum sl_code translate_decrypt(struct exchange *x, struct slice answer, struct buf *password,
                               struct sl_error *err)
{
    if (rsa_password_decrypt(x->key, answer, exchange_scramble(x), password) == SL_OK)
        return SL_OK;
    if (x->offered)
        return sl_fail(err, SL_EPROTO, "the encrypted password cannot be decrypted");
    return sl_fail(err, SL_EPROTO,
                   "the password was encrypted with a public key configured in the client, which "
                   "sluice does not have; let the client ask for the key, or use TLS");
}

enum sl_code translate_answer(struct exchange *x, struct slice answer, struct exchange_out *out,
                              struct sl_error *err)
{
    if (client_is_secure(x))
        return pass_on(x, answer, out, err);
    if (translate_is_key_request(x, answer)) {
        translate_offer_key(x, out);
        return exchange_check_out(out, err);
    }
    if (!x->offered && is_in_clear(answer))
        return pass_on(x, answer, out, err);
    struct buf password;
    buf_init(&password, EXCHANGE_PACKET_MAX);
    enum sl_code rc = translate_decrypt(x, answer, &password, err);
    if (rc == SL_OK)
        rc = pass_on(x, (struct slice){.p = password.p, .n = password.n}, out, err);
    buf_wipe(&password);
    return rc;
}

enum sl_code translate_server_key(struct exchange *x, struct slice pem, struct exchange_out *out,
                                  struct sl_error *err)
{
    struct buf block;
    struct slice password = {.p = x->password.p, .n = x->password.n};
    buf_init(&block, EXCHANGE_PACKET_MAX);
    enum sl_code rc = rsa_password_encrypt(pem, password, exchange_scramble(x), &block);
    buf_wipe(&x->password);
    if (rc == SL_OK)
        exchange_to_server(x, (struct slice){.p = block.p, .n = block.n}, out);
    buf_release(&block);
    if (rc != SL_OK)
        return sl_fail(err, SL_EPROTO,
                       "the password cannot be encrypted with the server's public key");
    return exchange_check_out(out, err);
}

struct slice translate_scramble(const struct exchange *x, struct slice answer,
                                uint8_t again[VAULT_NATIVE_BYTES])
{
    struct slice user = {.p = x->learn.user.p, .n = x->learn.user.n};
    if (!x->moved || x->plugin != PLUGIN_NATIVE || x->learn.vault == NULL ||
        answer.n != VAULT_NATIVE_BYTES || x->scramble_len < DIGEST_SCRAMBLE ||
        !vault_native_again(x->learn.vault, user, x->old_scramble, answer.p, x->scramble, again))
        return answer;
    return (struct slice){.p = again, .n = VAULT_NATIVE_BYTES};
}
