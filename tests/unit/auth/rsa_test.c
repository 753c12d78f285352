// RSA as the password plugins use it: there and back, and what is refused.
#include "auth/rsa.h"

#include <criterion/criterion.h>
#include <string.h>

static struct slice text(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

static const struct slice scramble = {(const uint8_t *)"abcdefghijklmnopqrst", 20};

Test(rsa, there_and_back)
{
    struct rsa_key *k = NULL;
    struct sl_error err;
    cr_assert_eq(rsa_key_new(&k, &err), SL_OK);
    static const char *const passwords[] = {"", "x", "secret",
                                            "longer than the scramble, which repeats"};
    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        struct buf block = {0}, back = {0};
        struct slice p = text(passwords[i]);
        p.n++; // the NUL belongs to it
        cr_expect_eq(rsa_password_encrypt(text(rsa_key_public_pem(k)), p, scramble, &block), SL_OK);
        cr_expect_eq(block.n, 256);
        struct slice b = {block.p, block.n};
        cr_expect_eq(rsa_password_decrypt(k, b, scramble, &back), SL_OK);
        cr_expect_eq(back.n, p.n);
        cr_expect_arr_eq(back.p, passwords[i], p.n);
        buf_clear(&back);
        struct slice other = text("ANOTHER SCRAMBLE ...");
        cr_expect_eq(rsa_password_decrypt(k, b, other, &back), SL_EPROTO, "no NUL at the end");
        block.p[100] ^= 1;
        cr_expect_eq(rsa_password_decrypt(k, b, scramble, &back), SL_EPROTO);
        buf_release(&block);
        buf_release(&back);
    }
    rsa_key_free(k);
}

Test(rsa, refuses)
{
    struct rsa_key *k = NULL;
    struct sl_error err;
    struct buf out = {0};
    uint8_t junk[300] = {0};
    cr_assert_eq(rsa_key_new(&k, &err), SL_OK);
    struct slice pem = text(rsa_key_public_pem(k));
    cr_expect_eq(rsa_password_encrypt(text("no key"), text("x"), scramble, &out), SL_EPROTO);
    cr_expect_eq(rsa_password_encrypt(text(""), text("x"), scramble, &out), SL_EPROTO);
    cr_expect_eq(rsa_password_encrypt(pem, text("x"), text(""), &out), SL_EPROTO);
    cr_expect_eq(rsa_password_encrypt(pem, (struct slice){junk, 215}, scramble, &out), SL_EPROTO);
    cr_expect_eq(rsa_password_decrypt(k, (struct slice){junk, 0}, scramble, &out), SL_EPROTO);
    cr_expect_eq(rsa_password_decrypt(k, (struct slice){junk, 300}, scramble, &out), SL_EPROTO);
    cr_expect_eq(rsa_password_decrypt(k, (struct slice){junk, 256}, text(""), &out), SL_EPROTO);
    cr_expect_eq(out.n, 0);
    rsa_key_free(k);
    rsa_key_free(NULL);
}
