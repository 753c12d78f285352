// Secret memory: locked, in no core dump, wiped when freed. It is OpenSSL's secure heap, where
// OpenSSL keeps private keys as well, a handshake's too: only half of it is given out here, so that
// a full vault makes no handshake fail.
#ifndef SLUICE_AUTH_SECURE_H
#define SLUICE_AUTH_SECURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

// Twice `bytes`, rounded up to a power of two; once a process. Before any private key is made or
// loaded, if that shall lie there. `*locked` is false when the memory could not be locked
// (RLIMIT_MEMLOCK); it is in no core dump all the same. SL_EIO.
SL_CHECKED enum sl_code secure_open(size_t bytes, bool *locked, struct sl_error *err);
// Gives the memory back if nobody uses it any more.
void secure_close(void);
// NULL when there is no more, or secure_open was not called; `n` is at least 1.
void *secure_alloc(size_t n);
// From all of it: for what is freed at the end of a login.
void *secure_alloc_brief(size_t n);
void secure_free(void *p); // wipes; NULL is fine

#endif
