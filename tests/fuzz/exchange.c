// A login or COM_CHANGE_USER, then any packets of either side:
//
//     flags, length, first packet, { side and number, length, packet } ...
//
// Lengths are two bytes. Whatever comes, the packets that go out are whole, and nothing is kept
// or read that is not there (the sanitizers).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/exchange.h"
#include "whole.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rsa_key *key;
static struct vault *vault;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    bool locked;
    if (rsa_key_new(&key, NULL) != SL_OK || vault_new(1 << 16, &vault, &locked, NULL) != SL_OK)
        abort();
    return 0;
}

static void check_sent(struct buf *b)
{
    check_whole(b);
    buf_clear(b);
}

static struct slice next_packet(struct reader *r)
{
    size_t n = reader_u16(r);
    return reader_bytes(r, n < r->left ? n : r->left);
}

static enum sl_code first_packet(struct exchange *x, uint8_t flags, struct slice packet,
                                 struct exchange_out *out)
{
    struct sl_error err;
    struct login l;
    if ((flags & 4) != 0)
        return exchange_change_user(x, packet, (flags & 64) != 0, out, &err);
    enum sl_code rc = login_decode(packet, &l, &err);
    return rc == SL_OK ? exchange_login(x, &l, 2, 1, out, &err) : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(data, size);
    struct greeting g = {.scramble = "abcdefghijklmnopqrst", .scramble_len = 20};
    struct exchange x;
    struct exchange_out out = {.to_client.cap = 1 << 18, .to_server.cap = 1 << 18};
    struct sl_error err;
    uint8_t flags = reader_u8(&r);
    exchange_init(&x, key, (flags & 1) != 0 ? EXCHANGE_TLS : EXCHANGE_PLAIN,
                  (flags & 2) != 0 ? EXCHANGE_TLS : EXCHANGE_PLAIN, &g,
                  (flags & 8) != 0 ? UINT64_MAX : UINT32_MAX, (flags & 16) != 0 ? vault : NULL,
                  (flags & 32) != 0);
    enum sl_code rc = first_packet(&x, flags, next_packet(&r), &out);
    while (rc == SL_OK && r.left > 0) {
        check_sent(&out.to_client);
        check_sent(&out.to_server);
        uint8_t side = reader_u8(&r);
        struct slice packet = next_packet(&r);
        if ((side & 1) != 0)
            rc = exchange_from_client(&x, packet, x.client_seq, &out, &err);
        else
            rc = exchange_from_server(&x, packet, x.server_seq, &out, &err);
    }
    secret_unref(exchange_take_secret(&x));
    exchange_release(&x);
    buf_wipe(&out.to_client);
    buf_wipe(&out.to_server);
    return 0;
}
