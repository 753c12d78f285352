// OK packets for a client that did not ask for all that sluice asks the server for.
//
//     OK  ... | status | warnings | info | block            entries that the client would not get
//                                          └ entry entry ...  are left out; none left: no block,
//                                                             and STATUS_SESSION_STATE_CHANGED off
//
// Done where the packet lies: it only becomes shorter, so what is kept moves towards its beginning.
#include "wire/reply.h"

#include <string.h>
#include <strings.h>

#include "wire/packet.h"

#define EOF_MARK 0xFE
#define EOF_LENGTH 5
#define STATUS_HIGH_CHANGED (STATUS_SESSION_STATE_CHANGED >> 8)

static bool same_name(const char *p, size_t n, struct slice name)
{
    return n == name.n && strncasecmp(p, (const char *)name.p, n) == 0;
}

// Whether a comma separated list names it. Beside other names "*" means nothing (MySQL warns).
static bool listed(const char *names, struct slice name)
{
    if (names != NULL && strcmp(names, "*") == 0)
        return true;
    while (names != NULL && *names != '\0') {
        names += strspn(names, ", ");
        size_t n = strcspn(names, ", ");
        if (same_name(names, n, name))
            return true;
        names += n;
    }
    return false;
}

static size_t lenenc_size(size_t v)
{
    return v < 0xFB ? 1 : v <= UINT16_MAX ? 3 : v <= 0xFFFFFF ? 4 : 9;
}

static uint8_t *lenenc_write(uint8_t *to, size_t v)
{
    struct buf b;
    buf_init(&b, 16);
    buf_lenenc(&b, v);
    memcpy(to, b.p, b.n);
    to += b.n;
    buf_release(&b);
    return to;
}

// The pairs of an entry that pass: moved to `to`, unless that is NULL. Returns their size.
static size_t pairs(const struct track_entry *entry, const struct track_filter *f, uint8_t *to)
{
    struct reader r = reader_make(entry->data.p, entry->data.n);
    struct slice name, value;
    size_t size = 0;
    for (const uint8_t *from = r.p; track_variable_next(&r, &name, &value); from = r.p) {
        if (!listed(f->names, name))
            continue;
        if (to != NULL)
            memmove(to + size, from, (size_t)(r.p - from));
        size += (size_t)(r.p - from);
    }
    return size;
}

// A filter of NULL lets nothing pass.
static bool passes(const struct track_entry *entry, const struct track_filter *f, size_t *size)
{
    *size = entry->data.n;
    if (f == NULL)
        return false;
    switch (entry->type) {
    case TRACK_SYSTEM_VARIABLES: *size = pairs(entry, f, NULL); return *size > 0;
    case TRACK_SCHEMA: return f->schema;
    case TRACK_STATE_CHANGE: return f->state_change;
    default: return !f->silent;
    }
}

// The block's size with only what passes; malformed blocks have failed `block` at the end.
static size_t filtered_size(struct reader *block, const struct track_filter *f)
{
    struct track_entry entry;
    size_t size = 0, n;
    while (track_next(block, &entry)) {
        if (passes(&entry, f, &n))
            size += 1 + lenenc_size(n) + n;
    }
    return size;
}

// What passes of `block`, to `to`, which is not behind its beginning.
static uint8_t *put_filtered(uint8_t *to, struct reader block, const struct track_filter *f)
{
    struct track_entry entry;
    size_t n;
    while (track_next(&block, &entry)) {
        if (!passes(&entry, f, &n))
            continue;
        *to = entry.type;
        to = lenenc_write(to + 1, n);
        if (entry.type == TRACK_SYSTEM_VARIABLES)
            (void)pairs(&entry, f, to);
        else
            memmove(to, entry.data.p, n);
        to += n;
    }
    return to;
}

static enum sl_code rewrite_ok(uint8_t *payload, size_t *n, size_t tail_at,
                               const struct track_filter *f)
{
    struct reader r = reader_make(payload + tail_at, *n - tail_at);
    struct slice info = {0}, bytes = {0};
    if (r.left > 0) {
        info = reader_lenenc_bytes(&r);
        bytes = reader_lenenc_bytes(&r);
    }
    struct reader block = reader_make(bytes.p, bytes.n);
    size_t size = filtered_size(&block, f);
    if (r.failed || block.failed)
        return SL_EPROTO;
    uint8_t *to = payload + tail_at;
    bool empty = size == 0 && f != NULL && f->empty && !f->silent;
    if (size > 0 || empty) {
        to = info.n > 0 ? (uint8_t *)info.p + info.n : lenenc_write(to, 0);
        to = lenenc_write(to, size);
        to = put_filtered(to, reader_make(bytes.p, bytes.n), f);
    } else {
        payload[tail_at - 3] &= (uint8_t)~STATUS_HIGH_CHANGED;
        to = info.n > 0 ? (uint8_t *)info.p + info.n : to;
    }
    *n = (size_t)(to - payload);
    return SL_OK;
}

enum sl_code ok_rewrite(uint8_t *payload, size_t *n, uint64_t link_caps, bool client_tracks,
                        const struct track_filter *filter)
{
    bool eof = *n == EOF_LENGTH && payload[0] == EOF_MARK;
    struct ok ok;
    enum sl_code code = SL_OK;
    if (!eof && (code = ok_decode((struct slice){payload, *n}, &ok)) != SL_OK)
        return code;
    if (!(link_caps & CAP_SESSION_TRACK) || (client_tracks && filter == NULL) ||
        (!eof && !(ok.status & STATUS_SESSION_STATE_CHANGED)))
        return SL_OK;
    if (!eof)
        return rewrite_ok(payload, n, ok.tail_at, client_tracks ? filter : NULL);
    payload[EOF_LENGTH - 1] &= (uint8_t)~STATUS_HIGH_CHANGED;
    return SL_OK;
}

enum sl_code ok_for_client(struct slice payload, uint64_t link_caps, bool client_tracks,
                           const struct track_filter *filter, struct buf *out)
{
    size_t before = out->n, n = payload.n;
    buf_put(out, payload.p, payload.n);
    if (out->failed)
        return SL_ETOOBIG;
    enum sl_code code = ok_rewrite(out->p + before, &n, link_caps, client_tracks, filter);
    out->n = before + (code == SL_OK ? n : 0);
    return code;
}
