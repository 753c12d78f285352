// RSA for password plugins, on OpenSSL's EVP interface.
//
//     block = RSA-OAEP(public key, (password NUL) XOR (scramble scramble ...))
#include "auth/rsa.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/mem.h"

#define KEY_BITS 2048
// Above what any server has; a longer key would only cost time.
#define KEY_BYTES_MAX 2048

struct rsa_key {
    EVP_PKEY *pair;
    char *pem; // public half
};

static char *public_pem(EVP_PKEY *pair)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    if (bio != NULL && PEM_write_bio_PUBKEY(bio, pair) == 1) {
        char *data;
        long n = BIO_get_mem_data(bio, &data);
        pem = mem_strndup(data, (size_t)n);
    }
    BIO_free(bio);
    return pem;
}

enum sl_code rsa_key_new(struct rsa_key **out, struct sl_error *err)
{
    struct rsa_key *k = mem_zalloc(sizeof *k);
    k->pair = EVP_RSA_gen(KEY_BITS);
    k->pem = k->pair != NULL ? public_pem(k->pair) : NULL;
    if (k->pem == NULL) {
        const char *reason = ERR_reason_error_string(ERR_get_error());
        ERR_clear_error();
        rsa_key_free(k);
        return sl_fail(err, SL_EIO, "cannot make an RSA key: %s",
                       reason != NULL ? reason : "unknown error");
    }
    *out = k;
    return SL_OK;
}

void rsa_key_free(struct rsa_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pair);
    mem_free(k->pem);
    mem_free(k);
}

const char *rsa_key_public_pem(const struct rsa_key *k)
{
    return k->pem;
}

static void xor_scramble(uint8_t *p, size_t n, struct slice scramble)
{
    for (size_t i = 0; i < n; i++)
        p[i] ^= scramble.p[i % scramble.n];
}

typedef int (*start_fn)(EVP_PKEY_CTX *ctx);
typedef int (*crypt_fn)(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *out_n,
                        const unsigned char *in, size_t in_n);

// One OAEP operation, either way; `*out_n` is the room first, then what was written.
static bool crypt_oaep(EVP_PKEY *key, start_fn start, crypt_fn crypt, struct slice in, uint8_t *out,
                       size_t *out_n)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && start(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
              crypt(ctx, out, out_n, in.p, in.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

enum sl_code rsa_password_decrypt(struct rsa_key *k, struct slice encrypted, struct slice scramble,
                                  struct buf *password)
{
    uint8_t clear[KEY_BITS / 8];
    size_t n = sizeof clear;
    if (scramble.n == 0 || encrypted.n != sizeof clear ||
        !crypt_oaep(k->pair, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, encrypted, clear, &n))
        return SL_EPROTO;
    xor_scramble(clear, n, scramble);
    bool whole = n > 0 && clear[n - 1] == '\0';
    if (whole)
        buf_put(password, clear, n);
    OPENSSL_cleanse(clear, sizeof clear);
    return whole && !password->failed ? SL_OK : SL_EPROTO;
}

static EVP_PKEY *read_pem(struct slice pem)
{
    BIO *bio = pem.n > 0 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (key != NULL &&
        (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_size(key) > KEY_BYTES_MAX)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

enum sl_code rsa_password_encrypt(struct slice pem, struct slice password, struct slice scramble,
                                  struct buf *encrypted)
{
    uint8_t mixed[KEY_BYTES_MAX], block[KEY_BYTES_MAX];
    size_t n = sizeof block;
    if (scramble.n == 0 || password.n > sizeof mixed || pem.n > INT32_MAX)
        return SL_EPROTO;
    EVP_PKEY *key = read_pem(pem);
    if (key == NULL)
        return SL_EPROTO;
    if (password.n > 0)
        memcpy(mixed, password.p, password.n);
    xor_scramble(mixed, password.n, scramble);
    bool ok = crypt_oaep(key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt,
                         (struct slice){.p = mixed, .n = password.n}, block, &n);
    OPENSSL_cleanse(mixed, sizeof mixed);
    EVP_PKEY_free(key);
    if (ok)
        buf_put(encrypted, block, n);
    return ok && !encrypted->failed ? SL_OK : SL_EPROTO;
}
