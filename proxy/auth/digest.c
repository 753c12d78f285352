// Hashes of the password plugins, on OpenSSL's digests. Every intermediate value would do to log in
// somewhere, so none is left on the stack.
#include "auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void digest(const EVP_MD *type, struct slice in, uint8_t *out)
{
    // Both are in OpenSSL's default and FIPS providers; without them nothing here is of use.
    if (EVP_Digest(in.n > 0 ? in.p : (const uint8_t *)"", in.n, out, NULL, type, NULL) != 1)
        abort();
}

static struct slice bytes(const uint8_t *p, size_t n)
{
    return (struct slice){.p = p, .n = n};
}

// `to` = `to` XOR `with`.
static void mix(uint8_t *to, const uint8_t *with, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] ^= with[i];
}

void digest_stage1(struct slice password, uint8_t stage1[DIGEST_NATIVE])
{
    digest(EVP_sha1(), password, stage1);
}

// SHA1(scramble, hash): what covers stage 1 in an answer.
static void native_cover(const uint8_t *scramble, const uint8_t *hash, uint8_t *cover)
{
    uint8_t both[DIGEST_SCRAMBLE + DIGEST_NATIVE];
    memcpy(both, scramble, DIGEST_SCRAMBLE);
    memcpy(both + DIGEST_SCRAMBLE, hash, DIGEST_NATIVE);
    digest(EVP_sha1(), bytes(both, sizeof both), cover);
    OPENSSL_cleanse(both, sizeof both);
}

void digest_native(const uint8_t stage1[DIGEST_NATIVE], const uint8_t *scramble,
                   uint8_t answer[DIGEST_NATIVE])
{
    uint8_t hash[DIGEST_NATIVE];
    digest(EVP_sha1(), bytes(stage1, DIGEST_NATIVE), hash);
    native_cover(scramble, hash, answer);
    mix(answer, stage1, DIGEST_NATIVE);
    OPENSSL_cleanse(hash, sizeof hash);
}

bool digest_native_recover(const uint8_t hash[DIGEST_NATIVE], const uint8_t *scramble,
                           const uint8_t *answer, uint8_t stage1[DIGEST_NATIVE])
{
    uint8_t again[DIGEST_NATIVE];
    native_cover(scramble, hash, stage1);
    mix(stage1, answer, DIGEST_NATIVE);
    digest(EVP_sha1(), bytes(stage1, DIGEST_NATIVE), again);
    bool good = CRYPTO_memcmp(again, hash, sizeof again) == 0;
    OPENSSL_cleanse(again, sizeof again);
    if (!good)
        OPENSSL_cleanse(stage1, DIGEST_NATIVE);
    return good;
}

void digest_fast(struct slice password, const uint8_t *scramble, uint8_t answer[DIGEST_SHA2])
{
    uint8_t once[DIGEST_SHA2], both[DIGEST_SHA2 + DIGEST_SCRAMBLE];
    digest(EVP_sha256(), password, once);
    digest(EVP_sha256(), bytes(once, sizeof once), both);
    memcpy(both + DIGEST_SHA2, scramble, DIGEST_SCRAMBLE);
    digest(EVP_sha256(), bytes(both, sizeof both), answer);
    mix(answer, once, DIGEST_SHA2);
    OPENSSL_cleanse(once, sizeof once);
    OPENSSL_cleanse(both, sizeof both);
}
