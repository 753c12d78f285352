// What fuzz targets of logins share.
#ifndef SLUICE_TESTS_FUZZ_WHOLE_H
#define SLUICE_TESTS_FUZZ_WHOLE_H

#include <stdlib.h>

#include "base/bytes.h"
#include "wire/packet.h"

// What goes out are whole packets.
static inline void check_whole(const struct buf *b)
{
    size_t at = 0;
    while (at < b->n) {
        if (b->n - at < PACKET_HEADER)
            abort();
        at += PACKET_HEADER + packet_length(b->p + at);
    }
    if (at != b->n)
        abort();
}

#endif
