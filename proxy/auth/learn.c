// Learning while a login passes. Each answer of the client's replaces what the one before would have
// proved; the server's OK makes it true, and the vault gets it.
//
// When the server took a fast answer of caching_sha2_password and the vault does not know the
// password, the client is asked for it in the server's place:
//
//   client                     exchange                        server
//                              01 03 kept back            <──  01 03 (the fast answer was right)
//   01 04 (password, please) <──                          <──  OK, kept until the client answers
//   password                 ──> checked against the fast answer; the vault gets it, nobody else
//   OK                       <──
//
// Whatever the client answers, it gets the server's word: a login never fails over this.
#include <openssl/crypto.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/exchange_internal.h"
#include "auth/secure.h"

void learn_forget(struct exchange *x)
{
    secure_free(x->learn.bytes);
    x->learn.bytes = NULL;
    x->learn.n = 0;
    x->learn.kind = LEARN_NOTHING;
}

// What is kept until the server has decided, in secret memory; without room nothing is learned.
static void keep(struct exchange *x, enum learn_kind kind, struct slice first, struct slice second)
{
    struct learn *l = &x->learn;
    l->bytes = secure_alloc_brief(first.n + second.n);
    if (l->bytes == NULL)
        return;
    memcpy(l->bytes, first.p, first.n);
    if (second.n > 0)
        memcpy(l->bytes + first.n, second.p, second.n);
    l->n = first.n + second.n;
    l->kind = (uint8_t)kind;
}

static void keep_proof(struct exchange *x, enum learn_kind kind, struct slice answer, size_t size)
{
    struct slice scramble = {.p = x->scramble, .n = DIGEST_SCRAMBLE};
    if (exchange_is_empty(answer))
        x->learn.kind = LEARN_EMPTY;
    else if (answer.n == size && x->scramble_len >= DIGEST_SCRAMBLE)
        keep(x, kind, scramble, answer);
}

void learn_password(struct exchange *x, struct slice password)
{
    learn_forget(x);
    if (x->learn.vault == NULL)
        return;
    if (password.n > 0 && password.p[password.n - 1] == '\0')
        password.n--;
    if (password.n == 0)
        x->learn.kind = LEARN_EMPTY;
    else if (password.n <= VAULT_PASSWORD_MAX)
        keep(x, LEARN_PASSWORD, password, (struct slice){0});
}

void learn_answer(struct exchange *x, struct slice answer)
{
    struct learn *l = &x->learn;
    learn_forget(x);
    if (l->vault == NULL)
        return;
    bool clear = plugin_is_secure(x->plugin, x->client_channel);
    if (exchange_wants_password(x)) {
        // What is encrypted for the server passes unseen.
        if (clear || exchange_is_empty(answer))
            learn_password(x, answer);
    } else if (x->plugin == PLUGIN_NATIVE) {
        keep_proof(x, LEARN_NATIVE, answer, VAULT_NATIVE_BYTES);
    } else if (x->plugin == PLUGIN_CACHING_SHA2) {
        keep_proof(x, LEARN_FAST, answer, VAULT_SHA2_BYTES);
    } else if ((x->plugin == PLUGIN_CLEAR && x->client_channel != EXCHANGE_PLAIN) ||
               (x->plugin == PLUGIN_DIALOG && clear && l->questions == 1 && l->for_password)) {
        learn_password(x, answer);
    }
}

void learn_question(struct exchange *x, struct slice question)
{
    if (question.n == 0)
        return;
    if (x->learn.questions < 2)
        x->learn.questions++;
    x->learn.for_password = question.p[0] >> 1 == DIALOG_PASSWORD;
}

void learn_accepted(struct exchange *x)
{
    struct learn *l = &x->learn;
    struct slice user = {.p = l->user.p, .n = l->user.n};
    struct slice password = {.p = l->bytes, .n = l->n};
    const char *plugin = plugin_name(x->plugin);
    if (l->vault == NULL)
        return;
    // One secret of several is not enough.
    if (l->factors || (x->plugin == PLUGIN_DIALOG && l->questions > 1))
        learn_forget(x);
    switch ((enum learn_kind)l->kind) {
    case LEARN_NOTHING: l->secret = vault_learn_nothing(l->vault, user, plugin); break;
    case LEARN_EMPTY:
        password.n = 0;
        l->secret = vault_learn_password(l->vault, user, password, plugin);
        break;
    case LEARN_PASSWORD: l->secret = vault_learn_password(l->vault, user, password, plugin); break;
    case LEARN_NATIVE:
        l->secret = vault_learn_native(l->vault, user, l->bytes, l->bytes + DIGEST_SCRAMBLE);
        break;
    case LEARN_FAST:
        l->secret = vault_learn_fast(l->vault, user, l->bytes, l->bytes + DIGEST_SCRAMBLE);
        break;
    }
    learn_forget(x);
}

// --- asking the client --------------------------------------------------------------------------

bool learn_must_ask(const struct exchange *x)
{
    const struct learn *l = &x->learn;
    struct slice user = {.p = l->user.p, .n = l->user.n};
    return l->may_ask && l->vault != NULL && l->kind == LEARN_FAST &&
           plugin_is_secure(x->plugin, x->client_channel) &&
           !vault_knows_fast(l->vault, user, l->bytes, l->bytes + DIGEST_SCRAMBLE);
}

void learn_ask(struct exchange *x, struct exchange_out *out)
{
    static const uint8_t full_please[] = {FROM_SERVER_MORE, FULL_PLEASE};
    x->learn.asking = true;
    exchange_to_client(x, (struct slice){full_please, sizeof full_please}, out);
    exchange_set_state(x, EXCHANGE_WAIT_CLIENT);
}

// Learned only if it is the one that the server has just accepted.
static void check_password(struct exchange *x, struct slice password)
{
    uint8_t expected[VAULT_SHA2_BYTES];
    struct slice clear = password;
    if (clear.n > 0 && clear.p[clear.n - 1] == '\0')
        clear.n--;
    digest_fast(clear, x->learn.bytes, expected);
    if (CRYPTO_memcmp(expected, x->learn.bytes + DIGEST_SCRAMBLE, sizeof expected) == 0)
        learn_password(x, password);
    OPENSSL_cleanse(expected, sizeof expected);
}

enum sl_code learn_asked_client(struct exchange *x, struct slice payload, struct exchange_out *out,
                                struct sl_error *err)
{
    struct buf password, kept = x->learn.kept;
    // A client that does not trust its unix socket.
    if (!x->offered && translate_is_key_request(x, payload)) {
        translate_offer_key(x, out);
        return exchange_check_out(out, err);
    }
    buf_init(&password, EXCHANGE_PACKET_MAX);
    if (!x->offered)
        check_password(x, payload);
    else if (translate_decrypt(x, payload, &password, NULL) == SL_OK)
        check_password(x, (struct slice){.p = password.p, .n = password.n});
    buf_wipe(&password);
    x->learn.asking = false;
    x->offered = false;
    exchange_set_state(x, EXCHANGE_WAIT_SERVER);
    if (kept.n == 0)
        return SL_OK;
    buf_init(&x->learn.kept, EXCHANGE_PACKET_MAX);
    enum sl_code rc = exchange_take_server(x, (struct slice){.p = kept.p, .n = kept.n}, out, err);
    buf_release(&kept);
    return rc;
}

enum sl_code learn_asked_server(struct exchange *x, struct slice payload, struct sl_error *err)
{
    if (payload.n == 0 || x->learn.kept.n > 0)
        return sl_fail(err, SL_EPROTO, "server sent a login packet that was not its turn");
    buf_put(&x->learn.kept, payload.p, payload.n);
    return SL_OK;
}
