// What a secret of the vault can answer, for a login of our own (enter.c). All return false when
// the secret does not know enough; all are thread safe.
#ifndef SLUICE_AUTH_SECRET_H
#define SLUICE_AUTH_SECRET_H

#include "auth/vault.h"

// mysql_native_password's answer to a scramble of 20 bytes, and caching_sha2_password's first one.
bool secret_native(struct secret *s, const uint8_t *scramble, uint8_t answer[VAULT_NATIVE_BYTES]);
bool secret_fast(struct secret *s, const uint8_t *scramble, uint8_t answer[VAULT_SHA2_BYTES]);
// The password and a NUL, behind what is in `out`, which the caller wipes. Nothing is left in
// memory that `out` had before it grew.
bool secret_password(struct secret *s, struct buf *out);
bool secret_is_empty(struct secret *s);

#endif
