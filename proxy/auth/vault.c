// The vault: users, their secrets, and references to them. See vault_internal.h for the picture.
#include <assert.h>
#include <string.h>

#include "auth/secret.h"
#include "auth/secure.h"
#include "auth/vault_internal.h"
#include "base/mem.h"

static void lock(struct vault *v)
{
    pthread_mutex_lock(&v->lock);
}

static void unlock(struct vault *v)
{
    pthread_mutex_unlock(&v->lock);
}

// --- users and secrets --------------------------------------------------------------------------

static struct user **bucket_of(struct vault *v, struct slice name)
{
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ name.p[i]) * 16777619u;
    return &v->buckets[h % VAULT_BUCKETS];
}

struct user *vault_user(struct vault *v, struct slice name, bool create)
{
    struct user **bucket = bucket_of(v, name);
    for (struct user *u = *bucket; u != NULL; u = u->next) {
        if (u->name_n == name.n && (name.n == 0 || memcmp(u->name, name.p, name.n) == 0))
            return u;
    }
    if (!create)
        return NULL;
    struct user *u = mem_zalloc(sizeof *u);
    list_init(&u->known);
    list_init(&u->waiting);
    u->name = mem_zalloc(name.n + 1);
    if (name.n > 0)
        memcpy(u->name, name.p, name.n);
    u->name_n = name.n;
    u->next = *bucket;
    *bucket = u;
    return u;
}

static void free_user_if_empty(struct vault *v, struct user *u)
{
    if (u->known.count + u->waiting.count > 0)
        return;
    struct user **link = bucket_of(v, (struct slice){(const uint8_t *)u->name, u->name_n});
    while (*link != u)
        link = &(*link)->next;
    *link = u->next;
    mem_free(u->name);
    mem_free(u);
}

struct slice vault_password(const struct secret *s)
{
    if (s->bytes == NULL)
        return (struct slice){.p = (const uint8_t *)"", .n = 0};
    return (struct slice){.p = s->bytes + VAULT_NATIVE_BYTES, .n = s->n - VAULT_NATIVE_BYTES};
}

void vault_wake(struct secret *s)
{
    if (list_linked(&s->on_idle))
        list_remove(&s->vault->idle, &s->on_idle);
}

void vault_destroy(struct secret *s)
{
    struct user *u = s->user;
    vault_wake(s);
    list_remove(atomic_load(&s->known) ? &u->known : &u->waiting, &s->on_user);
    secure_free(s->bytes);
    free_user_if_empty(s->vault, u);
    mem_free(s);
}

void vault_set_bytes(struct secret *s, uint8_t *bytes, size_t n)
{
    if (s->bytes != bytes)
        secure_free(s->bytes);
    s->bytes = bytes;
    s->n = n;
}

struct secret *vault_secret_new(struct vault *v, struct user *u, const char *plugin)
{
    struct secret *s = mem_zalloc(sizeof *s);
    s->vault = v;
    s->user = u;
    s->plugin = plugin;
    list_append(&u->waiting, &s->on_user);
    // An unknown secret without sessions is only there to be shown; any other is better.
    struct list_node *first = list_first(&u->waiting);
    if (u->waiting.count == 2 && vault_on_user(first)->refs == 0)
        vault_destroy(vault_on_user(first));
    return s;
}

struct secret *vault_take(struct secret *s)
{
    vault_wake(s);
    s->refs++;
    s->sessions++;
    return s;
}

void vault_settle(struct secret *s)
{
    struct user *u = s->user;
    bool only_one = u->known.count + u->waiting.count == 1;
    if (s->refs > 0 || s->configured || list_linked(&s->on_idle))
        return;
    if (!atomic_load(&s->known)) {
        if (!only_one) {
            vault_destroy(s);
            return;
        }
        vault_set_bytes(s, NULL, 0);
        s->proof = PROOF_NONE;
    }
    list_append(&s->vault->idle, &s->on_idle);
}

static bool drop_oldest(struct vault *v)
{
    struct list_node *oldest = list_first(&v->idle);
    if (oldest != NULL)
        vault_destroy(LIST_ITEM(oldest, struct secret, on_idle));
    return oldest != NULL;
}

void vault_trim(struct vault *v)
{
    while (v->idle.count > VAULT_IDLE_MAX)
        drop_oldest(v);
}

uint8_t *vault_room(struct vault *v, size_t n)
{
    uint8_t *p = v->off ? NULL : secure_alloc(n);
    while (p == NULL && !v->off && drop_oldest(v))
        p = secure_alloc(n);
    return p;
}

// --- references ---------------------------------------------------------------------------------

struct secret *secret_ref(struct secret *s)
{
    lock(s->vault);
    s->refs++;
    vault_root_of(s)->sessions++;
    unlock(s->vault);
    return s;
}

void secret_unref(struct secret *s)
{
    if (s == NULL)
        return;
    struct vault *v = s->vault;
    lock(v);
    struct secret *root = vault_root_of(s);
    root->sessions--;
    s->refs--;
    if (s != root && s->refs == 0) {
        root->refs--;
        mem_free(s);
    }
    vault_settle(root);
    vault_trim(v);
    unlock(v);
}

// `of` is set before it is known, and never changes afterwards; what it stands for may be wiped.
bool secret_is_known(const struct secret *s)
{
    return atomic_load_explicit(&s->known, memory_order_acquire) &&
           (s->of == NULL || atomic_load_explicit(&s->of->known, memory_order_acquire));
}

// --- answers for logins of our own --------------------------------------------------------------

bool secret_native(struct secret *s, const uint8_t *scramble, uint8_t answer[VAULT_NATIVE_BYTES])
{
    lock(s->vault);
    const struct secret *root = vault_root_of(s);
    bool can = atomic_load(&root->known) && root->bytes != NULL;
    if (can)
        digest_native(root->bytes, scramble, answer);
    unlock(s->vault);
    return can;
}

bool secret_fast(struct secret *s, const uint8_t *scramble, uint8_t answer[VAULT_SHA2_BYTES])
{
    lock(s->vault);
    const struct secret *root = vault_root_of(s);
    bool can = root->has_password && root->bytes != NULL;
    if (can)
        digest_fast(vault_password(root), scramble, answer);
    unlock(s->vault);
    return can;
}

bool secret_password(struct secret *s, struct buf *out)
{
    struct buf grown;
    lock(s->vault);
    const struct secret *root = vault_root_of(s);
    struct slice password = vault_password(root);
    bool can = root->has_password;
    buf_init(&grown, out->cap);
    if (can && buf_reserve(&grown, out->n + password.n + 1)) {
        buf_put(&grown, out->p, out->n);
        buf_put(&grown, password.p, password.n);
        buf_u8(&grown, 0);
        buf_wipe(out);
        *out = grown;
    }
    unlock(s->vault);
    return can && !grown.failed;
}

bool secret_is_empty(struct secret *s)
{
    lock(s->vault);
    const struct secret *root = vault_root_of(s);
    bool empty = root->has_password && root->bytes == NULL;
    unlock(s->vault);
    return empty;
}

// --- life ---------------------------------------------------------------------------------------

enum sl_code vault_new(size_t bytes, struct vault **out, bool *locked, struct sl_error *err)
{
    enum sl_code rc = secure_open(bytes, locked, err);
    if (rc != SL_OK)
        return rc;
    struct vault *v = mem_zalloc(sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    list_init(&v->idle);
    atomic_init(&v->round, 1);
    *out = v;
    return SL_OK;
}

static void free_secrets(struct list *l)
{
    LIST_FOR_EACH (l, it, tmp) {
        struct secret *s = vault_on_user(it);
        assert(s->refs == 0);
        secure_free(s->bytes);
        mem_free(s);
    }
}

void vault_free(struct vault *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < VAULT_BUCKETS; i++) {
        while (v->buckets[i] != NULL) {
            struct user *u = v->buckets[i];
            v->buckets[i] = u->next;
            free_secrets(&u->known);
            free_secrets(&u->waiting);
            mem_free(u->name);
            mem_free(u);
        }
    }
    vault_drop_hashes(v);
    pthread_mutex_destroy(&v->lock);
    mem_free(v);
    secure_close();
}
