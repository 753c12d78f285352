// Server replies: decoders stand any bytes. The first byte gives the capabilities.
#include "wire/reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What sluice says is what it would read.
static void try_own_error(const uint8_t *data, size_t size)
{
    char message[1024];
    size_t n = size < sizeof message ? size : sizeof message - 1;
    struct buf b;
    struct err err;

    memcpy(message, data, n);
    message[n] = 0;
    buf_init(&b, 0);
    reply_err(&b, 0, CAP_PROTOCOL_41, ER_UNKNOWN, message, message);
    if (err_decode((struct slice){b.p + PACKET_HEADER, b.n - PACKET_HEADER}, &err) != SL_OK)
        abort();
    if (err.message.n > n || strlen(err.sqlstate) > 5)
        abort();
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ok ok;
    struct err err;
    struct prepare_ok prepare;
    struct result_header header;
    uint16_t status, warnings;

    if (size == 0)
        return 0;
    struct slice p = {data + 1, size - 1};
    uint64_t caps = data[0] & 1 ? CAP_OPTIONAL_METADATA : 0;
    if (ok_decode(p, &ok) == SL_OK && ok.tail_at > p.n)
        abort();
    if (err_decode(p, &err) == SL_OK && err.message.n > p.n)
        abort();
    (void)!eof_decode(p, &status, &warnings);
    (void)!prepare_ok_decode(p, caps, &prepare);
    if (result_header_decode(p, caps, &header) == SL_OK && header.columns == 0)
        abort();
    try_own_error(p.p, p.n);
    return 0;
}
