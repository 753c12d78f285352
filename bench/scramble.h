// A client's answers to the scramble of a server, for the raw connections.
#ifndef SLUICE_BENCH_SCRAMBLE_H
#define SLUICE_BENCH_SCRAMBLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SCRAMBLE_BYTES 20
#define SCRAMBLE_ANSWER_MAX 32

struct scramble_plugin {
    const char *name;
    // Writes the answer to SCRAMBLE_BYTES of scramble, none for an empty password; returns how many
    // bytes it has.
    size_t (*answer)(const uint8_t *scramble, const char *password,
                     uint8_t out[SCRAMBLE_ANSWER_MAX]);
};

// mysql_native_password: SHA1(p) XOR SHA1(scramble, SHA1(SHA1(p))).
size_t scramble_native(const uint8_t *scramble, const char *password,
                       uint8_t out[SCRAMBLE_ANSWER_MAX]);
// caching_sha2_password, the fast path: SHA256(p) XOR SHA256(SHA256(SHA256(p)), scramble).
size_t scramble_sha2(const uint8_t *scramble, const char *password,
                     uint8_t out[SCRAMBLE_ANSWER_MAX]);
// NULL for a plugin that is none of the two.
const struct scramble_plugin *scramble_find(struct slice name);

#endif
