// RSA as the password plugins of MySQL use it: PEM public keys, OAEP padding, the password
// XORed with the scramble.
//
// Source: dev.mysql.com page_caching_sha2_authentication_exchanges; sha256_password is the same
// but for the request byte.
#ifndef SLUICE_AUTH_RSA_H
#define SLUICE_AUTH_RSA_H

#include "base/bytes.h"
#include "base/error.h"

struct rsa_key; // our own key pair

// A fresh 2048 bit pair; takes ~100 ms, once at start. Thread safe afterwards.
SL_CHECKED enum sl_code rsa_key_new(struct rsa_key **out, struct sl_error *err);
void rsa_key_free(struct rsa_key *k);
const char *rsa_key_public_pem(const struct rsa_key *k);
// Decrypts what a client sent for our key and takes the scramble off. `password` gets the bytes
// with their trailing NUL; the caller wipes it. SL_EPROTO.
SL_CHECKED enum sl_code rsa_password_decrypt(struct rsa_key *k, struct slice encrypted,
                                             struct slice scramble, struct buf *password);
// Encrypts a password (with trailing NUL) for a server's PEM public key.
SL_CHECKED enum sl_code rsa_password_encrypt(struct slice pem, struct slice password,
                                             struct slice scramble, struct buf *encrypted);

#endif
