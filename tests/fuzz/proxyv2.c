// PROXY headers: what is accepted and has addresses is encoded to an equal header.
#include "wire/proxyv2.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxyv2 p, back;
    struct sl_error err;
    struct buf b;

    if (proxyv2_length(data, size) > PROXYV2_MAX)
        abort();
    if (proxyv2_decode((struct slice){data, size}, &p, &err) != SL_OK)
        return 0;
    buf_init(&b, 0);
    proxyv2_encode((struct sockaddr *)&p.source, (struct sockaddr *)&p.destination, &b);
    if (proxyv2_decode((struct slice){b.p, b.n}, &back, &err) != SL_OK)
        abort();
    if (memcmp(&p.source, &back.source, sizeof p.source) != 0 ||
        memcmp(&p.destination, &back.destination, sizeof p.destination) != 0)
        abort();
    buf_release(&b);
    return 0;
}
