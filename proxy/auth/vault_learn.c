// What logins prove. A proof is compared with what is known of its user; what fits nothing waits, and
// whatever becomes known later is tried on all that wait.
#include <openssl/crypto.h>
#include <string.h>

#include "auth/vault_internal.h"

static void lock(struct vault *v)
{
    pthread_mutex_lock(&v->lock);
}

static void unlock(struct vault *v)
{
    pthread_mutex_unlock(&v->lock);
}

// --- what proves what ---------------------------------------------------------------------------

static bool explains_native(const struct secret *known, const uint8_t *scramble,
                            const uint8_t *answer)
{
    uint8_t expected[VAULT_NATIVE_BYTES];
    if (known->bytes == NULL)
        return false;
    digest_native(known->bytes, scramble, expected);
    return CRYPTO_memcmp(expected, answer, sizeof expected) == 0;
}

static bool explains_fast(const struct secret *known, const uint8_t *scramble,
                          const uint8_t *answer)
{
    uint8_t expected[VAULT_SHA2_BYTES];
    if (!known->has_password || known->bytes == NULL)
        return false;
    digest_fast(vault_password(known), scramble, expected);
    return CRYPTO_memcmp(expected, answer, sizeof expected) == 0;
}

static bool explains(const struct secret *known, enum proof proof, const uint8_t *scramble,
                     const uint8_t *answer)
{
    return proof == PROOF_NATIVE ? explains_native(known, scramble, answer)
                                 : explains_fast(known, scramble, answer);
}

static struct secret *find_explaining(const struct user *u, enum proof proof,
                                      const uint8_t *scramble, const uint8_t *answer)
{
    LIST_FOR_EACH (&u->known, it, tmp) {
        if (explains(vault_on_user(it), proof, scramble, answer))
            return vault_on_user(it);
    }
    return NULL;
}

void vault_make_same(struct secret *waiting, struct secret *known)
{
    if (waiting->refs == 0) {
        vault_destroy(waiting);
        return;
    }
    list_remove(&waiting->user->waiting, &waiting->on_user);
    vault_set_bytes(waiting, NULL, 0);
    waiting->proof = PROOF_NONE;
    waiting->of = known;
    vault_wake(known);
    known->refs++;
    known->sessions += waiting->refs;
    atomic_store(&waiting->known, true);
}

// Tries a secret that is new, or knows more than before, on all proofs that wait.
static void resolve_with(struct secret *known)
{
    LIST_FOR_EACH (&known->user->waiting, it, tmp) {
        struct secret *w = vault_on_user(it);
        if (w->bytes != NULL && // of PROOF_NATIVE or PROOF_FAST
            explains(known, w->proof, w->bytes, w->bytes + DIGEST_SCRAMBLE))
            vault_make_same(w, known);
    }
}

void vault_make_known(struct secret *s, uint8_t *bytes, size_t n, bool has_password)
{
    list_remove(&s->user->waiting, &s->on_user);
    list_append(&s->user->known, &s->on_user);
    vault_set_bytes(s, bytes, n);
    s->proof = PROOF_NONE;
    s->has_password = has_password;
    atomic_store(&s->known, true);
    resolve_with(s);
}

// --- learning -----------------------------------------------------------------------------------

static struct secret *find_password(const struct user *u, struct slice password,
                                    const uint8_t *stage1)
{
    LIST_FOR_EACH (&u->known, it, tmp) {
        struct secret *s = vault_on_user(it);
        struct slice own = vault_password(s);
        if (s->has_password
                ? own.n == password.n && CRYPTO_memcmp(own.p, password.p, own.n) == 0
                : password.n > 0 && CRYPTO_memcmp(s->bytes, stage1, VAULT_NATIVE_BYTES) == 0)
            return s;
    }
    return NULL;
}

// Fills a taken secret with the password; it stays as it is where there is no room.
static void set_password(struct secret *s, struct slice password, const uint8_t *stage1)
{
    uint8_t *bytes = NULL;
    size_t n = VAULT_NATIVE_BYTES + password.n;
    if (password.n > 0) {
        bytes = password.n <= VAULT_PASSWORD_MAX ? vault_room(s->vault, n) : NULL;
        if (bytes == NULL)
            return;
        memcpy(bytes, stage1, VAULT_NATIVE_BYTES);
        memcpy(bytes + VAULT_NATIVE_BYTES, password.p, password.n);
    }
    if (!atomic_load(&s->known)) {
        vault_make_known(s, bytes, n, true);
        return;
    }
    vault_set_bytes(s, bytes, n);
    s->has_password = true;
    resolve_with(s);
}

struct secret *vault_take_password(struct vault *v, struct user *u, struct slice password,
                                   const char *plugin)
{
    uint8_t stage1[VAULT_NATIVE_BYTES];
    digest_stage1(password, stage1);
    struct secret *s = find_password(u, password, stage1);
    if (s == NULL)
        s = vault_secret_new(v, u, plugin);
    vault_take(s);
    if (!s->has_password)
        set_password(s, password, stage1);
    OPENSSL_cleanse(stage1, sizeof stage1);
    return s;
}

struct secret *vault_learn_password(struct vault *v, struct slice user, struct slice password,
                                    const char *plugin)
{
    lock(v);
    struct secret *s = vault_take_password(v, vault_user(v, user, true), password, plugin);
    s->plugin = plugin;
    unlock(v);
    return s;
}

static struct slice name_of(const struct user *u)
{
    return (struct slice){.p = (const uint8_t *)u->name, .n = u->name_n};
}

// A proof that nothing known explains.
static struct secret *wait_for(struct vault *v, struct user *u, enum proof proof,
                               const uint8_t *scramble, const uint8_t *answer, const char *plugin)
{
    size_t n = proof == PROOF_NATIVE ? VAULT_NATIVE_BYTES : VAULT_SHA2_BYTES;
    struct secret *s = vault_take(vault_secret_new(v, u, plugin));
    uint8_t stage1[VAULT_NATIVE_BYTES];
    bool hashed = proof == PROOF_NATIVE && vault_hash_for(v, name_of(u), scramble, answer, stage1);
    uint8_t *bytes = vault_room(v, hashed ? sizeof stage1 : DIGEST_SCRAMBLE + n);
    if (bytes == NULL) {
        OPENSSL_cleanse(stage1, sizeof stage1);
        return s;
    }
    if (hashed) {
        memcpy(bytes, stage1, sizeof stage1);
        OPENSSL_cleanse(stage1, sizeof stage1);
        vault_make_known(s, bytes, sizeof stage1, false);
        return s;
    }
    memcpy(bytes, scramble, DIGEST_SCRAMBLE);
    memcpy(bytes + DIGEST_SCRAMBLE, answer, n);
    vault_set_bytes(s, bytes, DIGEST_SCRAMBLE + n);
    s->proof = (uint8_t)proof;
    v->proofs += proof == PROOF_NATIVE;
    return s;
}

static struct secret *learn_proof(struct vault *v, struct slice user, enum proof proof,
                                  const uint8_t *scramble, const uint8_t *answer,
                                  const char *plugin)
{
    lock(v);
    struct user *u = vault_user(v, user, true);
    struct secret *s = find_explaining(u, proof, scramble, answer);
    s = s != NULL ? vault_take(s) : wait_for(v, u, proof, scramble, answer, plugin);
    s->plugin = plugin;
    unlock(v);
    return s;
}

struct secret *vault_learn_native(struct vault *v, struct slice user, const uint8_t *scramble,
                                  const uint8_t *answer)
{
    return learn_proof(v, user, PROOF_NATIVE, scramble, answer, "mysql_native_password");
}

struct secret *vault_learn_fast(struct vault *v, struct slice user, const uint8_t *scramble,
                                const uint8_t *answer)
{
    return learn_proof(v, user, PROOF_FAST, scramble, answer, "caching_sha2_password");
}

static struct secret *find_configured(const struct user *u)
{
    LIST_FOR_EACH (&u->known, it, tmp) {
        if (vault_on_user(it)->configured)
            return vault_on_user(it);
    }
    return NULL;
}

// Sessions of one user from which nothing can be learned share a secret.
static struct secret *find_nothing(const struct user *u, const char *plugin)
{
    LIST_FOR_EACH (&u->waiting, it, tmp) {
        if (vault_on_user(it)->proof == PROOF_NONE &&
            strcmp(vault_on_user(it)->plugin, plugin) == 0)
            return vault_on_user(it);
    }
    return NULL;
}

struct secret *vault_learn_nothing(struct vault *v, struct slice user, const char *plugin)
{
    lock(v);
    struct user *u = vault_user(v, user, true);
    struct secret *s = find_configured(u);
    if (s == NULL)
        s = find_nothing(u, plugin);
    if (s == NULL)
        s = vault_secret_new(v, u, plugin);
    vault_take(s);
    s->plugin = plugin;
    unlock(v);
    return s;
}

bool vault_knows_fast(struct vault *v, struct slice user, const uint8_t *scramble,
                      const uint8_t *answer)
{
    lock(v);
    const struct user *u = vault_user(v, user, false);
    bool knows = u != NULL && find_explaining(u, PROOF_FAST, scramble, answer) != NULL;
    unlock(v);
    return knows;
}

bool vault_native_again(struct vault *v, struct slice user, const uint8_t *scramble,
                        const uint8_t *answer, const uint8_t *other,
                        uint8_t again[VAULT_NATIVE_BYTES])
{
    uint8_t stage1[VAULT_NATIVE_BYTES];
    lock(v);
    const struct user *u = vault_user(v, user, false);
    const struct secret *s = u != NULL ? find_explaining(u, PROOF_NATIVE, scramble, answer) : NULL;
    bool can = s != NULL || vault_hash_for(v, user, scramble, answer, stage1);
    if (can)
        digest_native(s != NULL ? s->bytes : stage1, other, again);
    else
        v->proofs++; // perhaps of an account that is newer than the last reading
    unlock(v);
    OPENSSL_cleanse(stage1, sizeof stage1);
    return can;
}
