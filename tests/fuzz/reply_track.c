// OK packets for clients: never longer than they were, never with entries that were not asked for,
// and what is written can be read, and written again the same.
//
// Input: one byte (bit 0: the client tracks, 1: schema, 2: state change, 3: names), then a payload.
#include "wire/reply.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(struct slice payload, const struct track_filter *f)
{
    struct reader block;
    struct track_entry e;
    if (ok_track_block(payload, CAP_SESSION_TRACK, &block) != SL_OK)
        abort();
    while (track_next(&block, &e)) {
        struct reader pairs = reader_make(e.data.p, e.data.n);
        struct slice name, value;
        if (f == NULL || (e.type == TRACK_SCHEMA && !f->schema) ||
            (e.type == TRACK_STATE_CHANGE && !f->state_change))
            abort();
        while (e.type == TRACK_SYSTEM_VARIABLES && track_variable_next(&pairs, &name, &value)) {
            if (name.n != 1 && name.n != 2)
                abort();
        }
    }
    if (block.failed)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct track_filter f = {.schema = data[0] & 2, .state_change = data[0] & 4};
    f.names = data[0] & 8 ? "a,bc" : NULL;
    bool tracks = data[0] & 1;
    struct slice in = {data + 1, size - 1};
    struct buf out, again;
    buf_init(&out, 0);
    buf_init(&again, 0);
    if (ok_for_client(in, CAP_SESSION_TRACK, tracks, &f, &out) == SL_OK) {
        struct slice got = {out.p, out.n};
        if (out.n > in.n)
            abort();
        if (in.n != 5 && ok_state_changed(out.p, out.n))
            check_entries(got, tracks ? &f : NULL);
        if (ok_for_client(got, CAP_SESSION_TRACK, tracks, &f, &again) != SL_OK ||
            again.n != out.n || memcmp(again.p, out.p, out.n) != 0)
            abort();
    } else if (out.n != 0) {
        abort();
    }
    buf_release(&again);
    buf_release(&out);
    return 0;
}
