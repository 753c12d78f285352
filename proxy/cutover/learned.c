// What was learned, to JSON and back.
#include "cutover/learned.h"

#include <bson/bson.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cutover/fence_file.h"

static void put_json(bson_t *doc, struct buf *out)
{
    char *json = bson_as_relaxed_extended_json(doc, NULL);
    buf_str(out, json);
    bson_free(json);
    bson_destroy(doc);
}

// --- writing --------------------------------------------------------------------------------------

static void append_events(bson_t *doc, const struct schedule *s)
{
    bson_t events, event;
    char index_text[16];
    BSON_APPEND_ARRAY_BEGIN(doc, "events", &events);
    for (uint32_t i = 0; i < s->count; i++) {
        const char *index;
        size_t n = bson_uint32_to_string(i, &index, index_text, sizeof index_text);
        bson_append_document_begin(&events, index, (int)n, &event);
        BSON_APPEND_UTF8(&event, "schema", s->events[i].schema);
        BSON_APPEND_UTF8(&event, "name", s->events[i].name);
        bson_append_document_end(&events, &event);
    }
    bson_append_array_end(doc, &events);
}

static void append_fence(bson_t *doc, const char *key, const struct fence *f)
{
    struct buf json;
    buf_init(&json, JOURNAL_LINE_MAX);
    fence_to_json(f, &json);
    bson_t *fence = bson_new_from_json((const uint8_t *)buf_text(&json), -1, NULL);
    if (fence != NULL)
        BSON_APPEND_DOCUMENT(doc, key, fence);
    bson_destroy(fence);
    buf_release(&json);
}

void learned_to_json(const struct run *r, struct buf *out)
{
    bson_t doc = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&doc, "both_ways", r->both_ways);
    BSON_APPEND_BOOL(&doc, "by_gtid", r->by_gtid);
    append_events(&doc, &r->events);
    append_fence(&doc, "saved", &r->saved);
    put_json(&doc, out);
}

void place_to_json(const struct binlog_place *place, struct buf *out)
{
    bson_t doc = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&doc, "file", place->file);
    BSON_APPEND_INT64(&doc, "offset", (int64_t)place->offset);
    put_json(&doc, out);
}

// --- reading --------------------------------------------------------------------------------------

static bool read_flag(const bson_t *doc, const char *key, bool *out)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, doc, key) || !BSON_ITER_HOLDS_BOOL(&it))
        return false;
    *out = bson_iter_bool(&it);
    return true;
}

static bool read_text(bson_iter_t *in, const char *key, char *out, size_t size)
{
    return bson_iter_find(in, key) && BSON_ITER_HOLDS_UTF8(in) &&
           text_copy(out, size, bson_iter_utf8(in, NULL));
}

static bool read_event(const bson_iter_t *at, struct schedule_event *out)
{
    bson_iter_t schema, name;
    return BSON_ITER_HOLDS_DOCUMENT(at) && bson_iter_recurse(at, &schema) &&
           bson_iter_recurse(at, &name) &&
           read_text(&schema, "schema", out->schema, sizeof out->schema) &&
           read_text(&name, "name", out->name, sizeof out->name);
}

static bool read_events(const bson_t *doc, struct schedule *out)
{
    bson_iter_t it, each;
    if (!bson_iter_init_find(&it, doc, "events") || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &each))
        return false;
    while (bson_iter_next(&each)) {
        out->events = mem_realloc(out->events, (out->count + 1) * sizeof *out->events);
        if (!read_event(&each, &out->events[out->count]))
            return false;
        out->count++;
    }
    return true;
}

static bool read_fence(const bson_t *doc, const char *key, struct fence *out)
{
    bson_iter_t it;
    const uint8_t *bytes;
    uint32_t n;
    bson_t inner;
    if (!bson_iter_init_find(&it, doc, key) || !BSON_ITER_HOLDS_DOCUMENT(&it))
        return false;
    bson_iter_document(&it, &n, &bytes);
    char *json =
        bson_init_static(&inner, bytes, n) ? bson_as_relaxed_extended_json(&inner, NULL) : NULL;
    bool good = json != NULL && fence_from_json(json, out, NULL) == SL_OK;
    bson_free(json);
    return good;
}

enum sl_code learned_from_json(const char *json, struct run *r, struct sl_error *err)
{
    bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, NULL);
    fence_release(&r->saved);
    schedule_release(&r->events);
    bool good = doc != NULL && read_flag(doc, "both_ways", &r->both_ways) &&
                read_flag(doc, "by_gtid", &r->by_gtid) && read_events(doc, &r->events) &&
                read_fence(doc, "saved", &r->saved);
    bson_destroy(doc);
    return good ? SL_OK : sl_fail(err, SL_EPROTO, "not what a preflight learns");
}

enum sl_code place_from_json(const char *json, struct binlog_place *place, struct sl_error *err)
{
    bson_iter_t file, offset;
    bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, NULL);
    *place = (struct binlog_place){0};
    bool good = doc != NULL && bson_iter_init(&file, doc) &&
                read_text(&file, "file", place->file, sizeof place->file) &&
                bson_iter_init_find(&offset, doc, "offset") && BSON_ITER_HOLDS_INT(&offset) &&
                bson_iter_as_int64(&offset) >= 0;
    if (good)
        place->offset = (uint64_t)bson_iter_as_int64(&offset);
    bson_destroy(doc);
    return good ? SL_OK : sl_fail(err, SL_EPROTO, "not a place in a binary log");
}
