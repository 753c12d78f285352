// The vault: what sluice has learned while logins passed through, enough to log in as those
// accounts elsewhere. Everything secret lies in locked memory that no core dump contains, and is
// wiped when the last session that logged in with it has gone and the vault forgets it.
//
//   logins (workers) ── vault_learn_* ──> secret <── vault_set_hashes (control account's thread)
//                                           └── secret_is_known, enter.h: log in elsewhere
//
// A user name may stand for several accounts (user@host), each with a password of its own: a user
// has a list of secrets, and a session refers to the one that its own login has proved. A proof
// that cannot be resolved yet (a native answer before the hash is known, a fast answer before the
// password was seen) is kept, and becomes known without another call when what is missing arrives.
//
// All functions are thread safe.
#ifndef SLUICE_AUTH_VAULT_H
#define SLUICE_AUTH_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct vault;
struct secret; // counted references

#define VAULT_NATIVE_BYTES ((size_t)20) // SHA1
#define VAULT_SHA2_BYTES 32             // SHA256
// A longer password is not kept; servers take less, and tokens sent as passwords are shorter.
#define VAULT_PASSWORD_MAX 4096

// Room for `bytes` of secrets: a known one or a proof that waits takes 64 bytes with a usual
// password. Twice as much memory is locked, a power of two: OpenSSL keeps its private keys there,
// too. Sets *locked to false when it could not be locked (RLIMIT_MEMLOCK): the caller warns. SL_EIO.
SL_CHECKED enum sl_code vault_new(size_t bytes, struct vault **out, bool *locked,
                                  struct sl_error *err);
void vault_free(struct vault *v); // wipes; no reference may be left

// --- learning -----------------------------------------------------------------------------------
// What a login that the server accepted has proved. Each returns a reference, never NULL; its
// secret may be unknown (vault full, or unresolved). `password` without its NUL, empty for an
// account without one; `plugin` (static) is for `show accounts`.
struct secret *vault_learn_password(struct vault *v, struct slice user, struct slice password,
                                    const char *plugin);
// mysql_native_password: answer = SHA1(p) XOR SHA1(scramble, SHA1(SHA1(p))); 20 bytes each.
struct secret *vault_learn_native(struct vault *v, struct slice user, const uint8_t *scramble,
                                  const uint8_t *answer);
// caching_sha2_password's fast answer: SHA256(p) XOR SHA256(SHA256(SHA256(p)), scramble); the
// scramble has 20 bytes, the answer 32.
struct secret *vault_learn_fast(struct vault *v, struct slice user, const uint8_t *scramble,
                                const uint8_t *answer);
// An accepted login from which nothing can be learned (client_ed25519, unix_socket, ...): known only
// if the configuration has a password for the user. `plugin` is static, for `show accounts`.
struct secret *vault_learn_nothing(struct vault *v, struct slice user, const char *plugin);
// Whether a password that the vault has for the user would give this fast answer.
bool vault_knows_fast(struct vault *v, struct slice user, const uint8_t *scramble,
                      const uint8_t *answer);
// A native answer to `scramble`, turned into one of the same password to the scramble `other`. False
// where no password or hash that is known of the user explains it: the accounts are wanted then.
bool vault_native_again(struct vault *v, struct slice user, const uint8_t *scramble,
                        const uint8_t *answer, const uint8_t *other,
                        uint8_t again[VAULT_NATIVE_BYTES]);

struct secret *secret_ref(struct secret *s);
void secret_unref(struct secret *s); // NULL is fine
// An atomic read: asked for every session whenever obstacles are.
bool secret_is_known(const struct secret *s);

// --- logging in elsewhere -----------------------------------------------------------------------
// A password that is not right on the other server counts as a failed login there, and several may
// lock the account. So one login with a secret is tried alone; when the server has refused it, it is
// not tried again before vault_forgive: another password makes another secret.
#define SECRET_TURNS(X)                                                                            \
    X(GO)    /* it is right there, as far as is known */                                           \
    X(TRIAL) /* the first: the caller owes secret_tried */                                         \
    X(WAIT)  /* another trial is under way */                                                      \
    X(REFUSED)

enum secret_turn {
#define X(name) SECRET_##name,
    SECRET_TURNS(X)
#undef X
};
enum secret_turn secret_try(struct secret *s);
enum secret_verdict { SECRET_ACCEPTED, SECRET_DENIED, SECRET_UNDECIDED };
// Also without a trial: a server may change its mind.
void secret_tried(struct secret *s, enum secret_verdict verdict);
// An atomic read, as secret_is_known.
bool secret_is_refused(const struct secret *s);
// The target is another one, or an operator has done something: all may be tried again.
void vault_forgive(struct vault *v);

// --- what the control account knows -------------------------------------------------------------
struct vault_hash {
    const char *user;
    const char *host;                   // the account's host pattern, for `show accounts`
    const char *plugin;                 // "mysql_native_password", ...
    uint8_t native[VAULT_NATIVE_BYTES]; // SHA1(SHA1(password)), when has_native
    bool has_native;
};
// All accounts of the active backend, as they are now; copied, or, where they do not fit, at least
// tried on the proofs that wait. Resolves those.
void vault_set_hashes(struct vault *v, const struct vault_hash *hashes, unsigned count);
// Proofs wait that have not been tried on accounts read since they came: the accounts should be
// read now, and given to vault_set_hashes.
bool vault_wants_hashes(struct vault *v);
// The configuration's `accounts:`; replaces the earlier ones.
void vault_configure(struct vault *v, const char *const *users, const char *const *passwords,
                     unsigned count);

// Learning goes on or off, at first on. Off: all that is known and all that waits is wiped, and nothing
// new is kept; secrets that sessions refer to are unknown for good.
void vault_set_learning(struct vault *v, bool on);

// --- showing ------------------------------------------------------------------------------------
struct vault_row {
    char user[81];
    char plugin[64];   // of the last login
    const char *how;   // "password", "hash", "empty", "configured", "refused", "unknown"; static
    bool known;        // sluice could log in as this account elsewhere
    unsigned sessions; // references
};
// One row a secret, in order of user; `each` must not call the vault.
void vault_list(struct vault *v, void (*each)(void *arg, const struct vault_row *row), void *arg);

#endif
