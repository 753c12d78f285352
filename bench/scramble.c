// The two password plugins that the raw connections know.
#include "bench/scramble.h"

#include <openssl/evp.h>

#define SHA1_BYTES 20
#define SHA256_BYTES 32

_Static_assert(SHA256_BYTES == SCRAMBLE_ANSWER_MAX, "the longest answer");

// Of two pieces, so that digest(scramble, hash) needs no copy.
static void digest(const EVP_MD *kind, struct slice a, struct slice b, uint8_t *out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, kind, NULL);
    EVP_DigestUpdate(context, a.p, a.n);
    EVP_DigestUpdate(context, b.p, b.n);
    EVP_DigestFinal_ex(context, out, NULL);
    EVP_MD_CTX_free(context);
}

static struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){.p = p, .n = n};
}

// Both are hash(p) XOR hash(scramble and hash(hash(p))); only the order of the two differs.
static size_t answer(const EVP_MD *kind, size_t n, bool scramble_first, const uint8_t *scramble,
                     const char *password, uint8_t *out)
{
    if (*password == '\0')
        return 0;
    uint8_t once[SCRAMBLE_ANSWER_MAX];
    uint8_t twice[SCRAMBLE_ANSWER_MAX];
    const struct slice none = slice_of("", 0), given = slice_of(scramble, SCRAMBLE_BYTES);
    digest(kind, slice_of(password, strlen(password)), none, once);
    digest(kind, slice_of(once, n), none, twice);
    const struct slice hash = slice_of(twice, n);
    digest(kind, scramble_first ? given : hash, scramble_first ? hash : given, out);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(out[i] ^ once[i]);
    return n;
}

size_t scramble_native(const uint8_t *scramble, const char *password,
                       uint8_t out[SCRAMBLE_ANSWER_MAX])
{
    return answer(EVP_sha1(), SHA1_BYTES, true, scramble, password, out);
}

size_t scramble_sha2(const uint8_t *scramble, const char *password,
                     uint8_t out[SCRAMBLE_ANSWER_MAX])
{
    return answer(EVP_sha256(), SHA256_BYTES, false, scramble, password, out);
}

static const struct scramble_plugin plugins[] = {
    {"mysql_native_password", scramble_native},
    {"caching_sha2_password", scramble_sha2},
};

const struct scramble_plugin *scramble_find(struct slice name)
{
    for (size_t i = 0; i < sizeof plugins / sizeof plugins[0]; i++) {
        if (name.n == strlen(plugins[i].name) && memcmp(name.p, plugins[i].name, name.n) == 0)
            return &plugins[i];
    }
    return NULL;
}
