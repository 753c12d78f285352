// The hashes of the password plugins: what a client answers to a scramble, and what an answer gives
// away to who knows the server's side of it.
//
// Sources: dev.mysql.com page_protocol_connection_phase_authentication_methods_native_password_
// authentication, page_caching_sha2_authentication_exchanges.
#ifndef SLUICE_AUTH_DIGEST_H
#define SLUICE_AUTH_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define DIGEST_SCRAMBLE 20 // bytes of a scramble, here
#define DIGEST_NATIVE 20   // SHA1
#define DIGEST_SHA2 32     // SHA256

// SHA1(password), all that mysql_native_password needs.
void digest_stage1(struct slice password, uint8_t stage1[DIGEST_NATIVE]);
// SHA1(p) XOR SHA1(scramble, SHA1(SHA1(p))).
void digest_native(const uint8_t stage1[DIGEST_NATIVE], const uint8_t *scramble,
                   uint8_t answer[DIGEST_NATIVE]);
// The other way round: from an answer and the server's hash SHA1(SHA1(p)). False, and `stage1`
// zero, when they do not belong together.
bool digest_native_recover(const uint8_t hash[DIGEST_NATIVE], const uint8_t *scramble,
                           const uint8_t *answer, uint8_t stage1[DIGEST_NATIVE]);
// caching_sha2_password: SHA256(p) XOR SHA256(SHA256(SHA256(p)), scramble).
void digest_fast(struct slice password, const uint8_t *scramble, uint8_t answer[DIGEST_SHA2]);

#endif
