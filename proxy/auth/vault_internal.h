// The vault from inside, for vault*.c only. Everything is under the vault's mutex, but
// what is atomic.
//
//   vault ── buckets ──> user ── known ────> secret (bytes: SHA1(p), p)  <── of ── secret (resolved)
//     │                    └─── waiting ──> secret (bytes: scramble, answer)
//     └── idle ──> secrets that no session refers to, the longest idle first
#ifndef SLUICE_AUTH_VAULT_INTERNAL_H
#define SLUICE_AUTH_VAULT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/digest.h"
#include "auth/vault.h"
#include "base/list.h"

#define VAULT_BUCKETS 1024
// Secrets kept for later logins after their last session has gone.
#define VAULT_IDLE_MAX 4096

struct user {
    struct user *next; // in its bucket
    struct list known, waiting;
    char *name; // owned; any bytes
    size_t name_n;
};

// GONE: it was known, and has been wiped; nothing explains it any more.
enum proof { PROOF_NONE, PROOF_NATIVE, PROOF_FAST, PROOF_GONE };

struct secret {
    _Atomic bool known;
    _Atomic uint32_t refused; // the round of trials in which a server refused it
    uint32_t trial;           // the round in which one began ...
    bool right;               // ... and went well
    struct vault *vault;
    struct user *user;
    struct secret *of;                 // a reference: this one turned out to be the same as that
    struct list_node on_user, on_idle; // of `user`, unless `of`; on_idle: no references are left
    unsigned refs;
    unsigned sessions; // references of sessions, those by way of `of` included
    bool configured;   // kept without references
    bool has_password;
    uint8_t proof;      // enum proof: what `bytes` are while it waits
    const char *plugin; // static
    uint8_t *bytes;     // secret memory, owned; NULL: nothing known, nothing to wait for
    size_t n;           // known: SHA1(password), then the password if it is there
};

struct vault {
    pthread_mutex_t lock;
    struct user *buckets[VAULT_BUCKETS];
    struct list idle;
    _Atomic uint32_t round; // of trials, from 1
    bool off;               // nothing is kept
    char **hash_users;      // owned; the users of `hashes`
    uint8_t *hashes;        // secret memory, 20 bytes each
    unsigned hash_count;
    uint64_t proofs, proofs_asked, proofs_tried; // native ones that had to wait, counted
};

// --- vault.c ---

static inline struct secret *vault_on_user(struct list_node *it)
{
    return LIST_ITEM(it, struct secret, on_user);
}

struct user *vault_user(struct vault *v, struct slice name, bool create);
// A new secret on the user's list of those that wait, without references.
struct secret *vault_secret_new(struct vault *v, struct user *u, const char *plugin);
// Only its user's list refers to it any more; frees the user as well if that was its last.
void vault_destroy(struct secret *s);
// A session's reference, and no longer idle; vault_wake is the latter only.
struct secret *vault_take(struct secret *s);
void vault_wake(struct secret *s);
// With no references left: kept idle, or freed. vault_trim then keeps the bounds.
void vault_settle(struct secret *s);
void vault_trim(struct vault *v);
// The secret that a reference stands for.
static inline struct secret *vault_root_of(struct secret *s)
{
    return s->of != NULL ? s->of : s;
}
// Secret memory, or NULL, always where nothing is to be kept; idle secrets make room, so that those the caller holds must be taken.
uint8_t *vault_room(struct vault *v, size_t n);
// Gives `bytes` to the secret, in place of its own, which may be the same.
void vault_set_bytes(struct secret *s, uint8_t *bytes, size_t n);
// Of a known secret that has one.
struct slice vault_password(const struct secret *s);

// --- vault_learn.c ---

// Makes a waiting secret a known one, of `bytes` (given away); other proofs of the user that it
// explains are resolved.
void vault_make_known(struct secret *s, uint8_t *bytes, size_t n, bool has_password);
// A waiting secret turned out to be the same as a known one.
void vault_make_same(struct secret *waiting, struct secret *known);
// A reference to the user's secret with this password, made if need be; it stays unknown where
// memory is full.
struct secret *vault_take_password(struct vault *v, struct user *u, struct slice password,
                                   const char *plugin);

// --- vault_known.c ---

// A hash of the user's that explains this native proof: writes SHA1(password).
bool vault_hash_for(const struct vault *v, struct slice user, const uint8_t *scramble,
                    const uint8_t *answer, uint8_t stage1[VAULT_NATIVE_BYTES]);
void vault_drop_hashes(struct vault *v);

#endif
