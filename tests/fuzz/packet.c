// Length-encoded integers: whatever is read, written again and read again is the same.
#include "wire/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_make(data, size);
    bool null;

    while (r.left > 0) {
        struct reader at = r;
        struct buf b;
        uint64_t v = reader_lenenc_null(&r, &null);
        struct slice s = reader_lenenc_bytes(&at);
        if (!at.failed && (s.p < data || s.n > size))
            abort();
        if (r.failed || null)
            continue;
        buf_init(&b, 0);
        buf_lenenc(&b, v);
        struct reader back = reader_make(b.p, b.n);
        if (reader_lenenc(&back) != v || back.failed || back.left != 0)
            abort();
        buf_release(&b);
    }
    return 0;
}
