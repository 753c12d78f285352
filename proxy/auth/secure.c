// Secret memory, from OpenSSL's secure heap, with an account of our own half.
#include "auth/secure.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdatomic.h>

// One block of the heap at least: the scramble and answer of a login, or a usual password.
#define BLOCK_MIN 32
#define HEAP_MIN ((size_t)64 << 10)

static _Atomic size_t used, limit;
static _Atomic bool heap_locked;

static size_t power_of_two(size_t n)
{
    size_t size = HEAP_MIN;
    while (size < n)
        size *= 2;
    return size;
}

enum sl_code secure_open(size_t bytes, bool *locked, struct sl_error *err)
{
    size_t size = power_of_two(2 * bytes);
    if (!CRYPTO_secure_malloc_initialized()) {
        int rc = CRYPTO_secure_malloc_init(size, BLOCK_MIN);
        if (rc == 0) {
            ERR_clear_error();
            return sl_fail(err, SL_EIO, "cannot get %zu bytes of secret memory", size);
        }
        atomic_store(&heap_locked, rc == 1);
        atomic_store(&limit, size / 2);
    }
    *locked = atomic_load(&heap_locked);
    return SL_OK;
}

void secure_close(void)
{
    if (CRYPTO_secure_malloc_done() == 1)
        atomic_store(&limit, 0);
}

void *secure_alloc_brief(size_t n)
{
    void *p = atomic_load(&limit) > 0 ? OPENSSL_secure_malloc(n) : NULL;
    if (p != NULL)
        atomic_fetch_add(&used, CRYPTO_secure_actual_size(p));
    else
        ERR_clear_error();
    return p;
}

void *secure_alloc(size_t n)
{
    // A race passes the limit by a block a thread, of which there is as much again.
    return atomic_load(&used) + n <= atomic_load(&limit) ? secure_alloc_brief(n) : NULL;
}

void secure_free(void *p)
{
    if (p == NULL)
        return;
    size_t n = CRYPTO_secure_actual_size(p);
    atomic_fetch_sub(&used, n);
    OPENSSL_secure_clear_free(p, n);
}
