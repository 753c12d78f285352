// A login of our own against whatever the server sends:
//
//     flags, { length, packet } ...
//
// Lengths are two bytes. The packets that go out are whole, and a password goes out in clear over
// TLS or a unix socket only.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/enter.h"
#include "whole.h"

#define PASSWORD "a very secret password"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct secret *secrets[3];

static struct slice text(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct vault *vault;
    bool locked;
    uint8_t scramble[20] = {0}, answer[20] = {0};
    (void)argc;
    (void)argv;
    if (vault_new(1 << 16, &vault, &locked, NULL) != SL_OK)
        abort();
    secrets[0] = vault_learn_password(vault, text("fred"), text(PASSWORD), "");
    secrets[1] = vault_learn_password(vault, text("fred"), text(""), "");
    secrets[2] = vault_learn_native(vault, text("wilma"), scramble, answer);
    return 0;
}

static void check_sent(struct buf *b, bool secure)
{
    check_whole(b);
    if (!secure && b->n > 0 && memmem(b->p, b->n, PASSWORD, strlen(PASSWORD)) != NULL)
        abort();
    buf_wipe(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(data, size);
    struct greeting g = {.scramble = "abcdefghijklmnopqrst", .scramble_len = 20};
    struct login l = {.caps = CAP_PROTOCOL_41 | CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH,
                      .user = text("fred")};
    struct enter e;
    struct buf out = {0};
    struct sl_error err;
    uint16_t status;
    uint8_t flags = reader_u8(&r);
    enum exchange_channel channel = (flags & 3) % 3;
    g.plugin = text((flags & 4) != 0 ? "caching_sha2_password" : "mysql_native_password");
    if ((flags & 8) != 0)
        l.caps |= CAP_MULTI_FACTOR | CAP_PLUGIN_AUTH_LENENC;
    enum sl_code rc = enter_begin(&e, secrets[(flags >> 4) % 3], &g, &l, channel, 1, &out, &err);
    while (rc == SL_OK && r.left > 0) {
        check_sent(&out, channel != EXCHANGE_PLAIN);
        size_t n = reader_u16(&r);
        struct slice packet = reader_bytes(&r, n < r.left ? n : r.left);
        rc = enter_packet(&e, packet, e.seq, &out, &status, &err);
    }
    check_sent(&out, channel != EXCHANGE_PLAIN);
    return 0;
}
