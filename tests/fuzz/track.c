// Session-state tracking: the input is an OK payload; every entry lies inside it.
#include "wire/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_inside(struct slice s, const uint8_t *data, size_t size)
{
    if (s.n > 0 && (s.p < data || s.n > size || s.p + s.n > data + size))
        abort();
}

static void try_variables(struct slice entry)
{
    struct reader r = reader_make(entry.p, entry.n);
    struct slice name, value;

    while (track_variable_next(&r, &name, &value)) {
        expect_inside(name, entry.p, entry.n);
        expect_inside(value, entry.p, entry.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader block;
    struct track_entry e;
    struct slice text;

    if (ok_track_block((struct slice){data, size}, CAP_SESSION_TRACK, &block) != SL_OK)
        return 0;
    while (track_next(&block, &e)) {
        expect_inside(e.data, data, size);
        if (track_text(&e, &text))
            expect_inside(text, e.data.p, e.data.n);
        try_variables(e.data);
    }
    return 0;
}
