// Any text, cut anywhere, gives the same result as in one piece.
//
// Input: one byte for the mode, one for the size of the pieces, then the text.
#include "state/scan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t scan_pieces(struct scan *s, enum scan_mode mode, const uint8_t *p, size_t n,
                            size_t piece)
{
    scan_begin(s, mode);
    for (size_t at = 0; at < n; at += piece)
        scan_feed(s, p + at, n - at < piece ? n - at : piece);
    return scan_end(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan whole, cut;
    if (size < 3 || size > 4096)
        return 0;
    enum scan_mode mode = (enum scan_mode)(data[0] % 3);
    uint32_t flags = scan_pieces(&whole, mode, data + 2, size - 2, size);
    for (size_t piece = 1; piece < 4; piece++) {
        size_t n = piece < 3 ? piece : 1 + (size_t)data[1] % 64;
        if (scan_pieces(&cut, mode, data + 2, size - 2, n) != flags)
            abort();
        if (cut.kill_id != whole.kill_id || scan_traits(&cut) != scan_traits(&whole))
            abort();
    }
    if ((flags & SCAN_kill_query) && !(flags & SCAN_kill))
        abort();
    if ((flags & SCAN_diagnostics_read) && !(flags & SCAN_diagnostics_use))
        abort();
    return 0;
}
