// What the vault is told (accounts' hashes, configured passwords), and what it shows.
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/secure.h"
#include "auth/vault_internal.h"
#include "base/mem.h"

// --- hashes -------------------------------------------------------------------------------------

void vault_drop_hashes(struct vault *v)
{
    for (unsigned i = 0; i < v->hash_count; i++)
        mem_free(v->hash_users[i]);
    mem_free(v->hash_users);
    secure_free(v->hashes);
    v->hash_users = NULL;
    v->hashes = NULL;
    v->hash_count = 0;
}

static unsigned count_native(const struct vault_hash *hashes, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += hashes[i].has_native;
    return n;
}

static void keep_hashes(struct vault *v, const struct vault_hash *hashes, unsigned count)
{
    size_t n = count_native(hashes, count);
    v->hashes = n > 0 && !v->off ? secure_alloc(n * VAULT_NATIVE_BYTES) : NULL;
    if (v->hashes == NULL)
        return; // none, or they do not fit: later proofs wait for the next reading
    v->hash_users = mem_array(n, sizeof *v->hash_users);
    for (unsigned i = 0; i < count; i++) {
        if (!hashes[i].has_native)
            continue;
        memcpy(v->hashes + v->hash_count * VAULT_NATIVE_BYTES, hashes[i].native,
               VAULT_NATIVE_BYTES);
        v->hash_users[v->hash_count++] = mem_strdup(hashes[i].user);
    }
}

static bool is_user(struct slice user, const char *name)
{
    return strlen(name) == user.n && memcmp(name, user.p, user.n) == 0;
}

bool vault_hash_for(const struct vault *v, struct slice user, const uint8_t *scramble,
                    const uint8_t *answer, uint8_t stage1[VAULT_NATIVE_BYTES])
{
    for (unsigned i = 0; i < v->hash_count; i++) {
        if (is_user(user, v->hash_users[i]) &&
            digest_native_recover(v->hashes + i * VAULT_NATIVE_BYTES, scramble, answer, stage1))
            return true;
    }
    return false;
}

// The first proof of the user's that this hash explains becomes known, and with it all those of the
// same password.
static void try_hash(struct user *u, const uint8_t *hash)
{
    uint8_t stage1[VAULT_NATIVE_BYTES];
    LIST_FOR_EACH (&u->waiting, it, tmp) {
        struct secret *s = vault_on_user(it);
        if (s->proof != PROOF_NATIVE ||
            !digest_native_recover(hash, s->bytes, s->bytes + DIGEST_SCRAMBLE, stage1))
            continue;
        // Into the proof's own memory, which is larger: this cannot fail.
        OPENSSL_cleanse(s->bytes, s->n);
        memcpy(s->bytes, stage1, sizeof stage1);
        vault_make_known(s, s->bytes, sizeof stage1, false);
        OPENSSL_cleanse(stage1, sizeof stage1);
        return;
    }
}

void vault_set_hashes(struct vault *v, const struct vault_hash *hashes, unsigned count)
{
    pthread_mutex_lock(&v->lock);
    vault_drop_hashes(v);
    keep_hashes(v, hashes, count);
    for (unsigned i = 0; i < count; i++) {
        struct slice name = {(const uint8_t *)hashes[i].user, strlen(hashes[i].user)};
        struct user *u = hashes[i].has_native ? vault_user(v, name, false) : NULL;
        if (u != NULL)
            try_hash(u, hashes[i].native);
    }
    v->proofs_tried = v->proofs_asked;
    pthread_mutex_unlock(&v->lock);
}

bool vault_wants_hashes(struct vault *v)
{
    pthread_mutex_lock(&v->lock);
    // Those that come while the accounts are being read may be of newer accounts.
    v->proofs_asked = v->proofs;
    bool wants = v->proofs > v->proofs_tried;
    pthread_mutex_unlock(&v->lock);
    return wants;
}

// --- the configuration --------------------------------------------------------------------------

// Sessions from which nothing could be learned take the configuration's word.
static void resolve_with_configured(struct secret *s)
{
    LIST_FOR_EACH (&s->user->waiting, it, tmp) {
        struct secret *w = vault_on_user(it);
        if (w->proof == PROOF_NONE)
            vault_make_same(w, s);
    }
}

static void configure_one(struct vault *v, const char *user, const char *password)
{
    struct slice name = {(const uint8_t *)user, strlen(user)};
    struct slice clear = {(const uint8_t *)password, strlen(password)};
    struct user *u = vault_user(v, name, true);
    struct secret *s = vault_take_password(v, u, clear, "");
    if (atomic_load(&s->known)) {
        s->configured = true;
        resolve_with_configured(s);
    }
    s->refs--; // it is kept without
    s->sessions--;
    vault_settle(s);
}

static void forget_configured(struct user *u)
{
    LIST_FOR_EACH (&u->known, it, tmp) {
        struct secret *s = vault_on_user(it);
        s->configured = false;
        vault_settle(s);
    }
}

void vault_configure(struct vault *v, const char *const *users, const char *const *passwords,
                     unsigned count)
{
    pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < VAULT_BUCKETS; i++) {
        for (struct user *u = v->buckets[i]; u != NULL; u = u->next)
            forget_configured(u);
    }
    for (unsigned i = 0; i < count; i++)
        configure_one(v, users[i], passwords[i]);
    vault_trim(v);
    pthread_mutex_unlock(&v->lock);
}

// --- showing ------------------------------------------------------------------------------------

struct listing {
    void (*each)(void *arg, const struct vault_row *row);
    void *arg;
};

static void show(const struct listing *l, const struct secret *s, const char *how,
                 unsigned sessions)
{
    bool known = atomic_load(&s->known), refused = known && secret_is_refused(s);
    struct vault_row row = {
        .how = refused ? "refused" : how, .known = known && !refused, .sessions = sessions};
    snprintf(row.user, sizeof row.user, "%s", s->user->name);
    snprintf(row.plugin, sizeof row.plugin, "%s", s->plugin);
    l->each(l->arg, &row);
}

static const char *how_known(const struct secret *s)
{
    if (s->configured)
        return "configured";
    if (!s->has_password)
        return "hash";
    return s->bytes != NULL ? "password" : "empty";
}

// Unknown secrets of one user and plugin are one row: the first of them that is met.
static void show_unknown(const struct listing *l, const struct user *u, const struct secret *s)
{
    unsigned sessions = 0;
    bool first = true;
    LIST_FOR_EACH (&u->waiting, it, tmp) {
        const struct secret *w = vault_on_user(it);
        if (strcmp(w->plugin, s->plugin) != 0)
            continue;
        if (first && w != s)
            return; // shown with that one
        first = false;
        sessions += w->sessions;
    }
    show(l, s, "unknown", sessions);
}

static int by_name(const void *a, const void *b)
{
    const struct user *const *one = a, *const *other = b;
    return strcmp((*one)->name, (*other)->name);
}

void vault_list(struct vault *v, void (*each)(void *arg, const struct vault_row *row), void *arg)
{
    const struct listing l = {each, arg};
    size_t count = 0, n = 0;
    pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < VAULT_BUCKETS; i++) {
        for (const struct user *u = v->buckets[i]; u != NULL; u = u->next)
            count++;
    }
    const struct user **users = mem_array(count, sizeof(void *));
    for (size_t i = 0; i < VAULT_BUCKETS; i++) {
        for (const struct user *u = v->buckets[i]; u != NULL; u = u->next)
            users[n++] = u;
    }
    qsort(users, count, sizeof(void *), by_name);
    for (size_t i = 0; i < count; i++) {
        LIST_FOR_EACH (&users[i]->known, it, tmp) {
            const struct secret *s = vault_on_user(it);
            show(&l, s, how_known(s), s->sessions);
        }
        LIST_FOR_EACH (&users[i]->waiting, waiting, tmp)
            show_unknown(&l, users[i], vault_on_user(waiting));
    }
    mem_free(users);
    pthread_mutex_unlock(&v->lock);
}
