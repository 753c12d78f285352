// To JSON and back. A host with a letter that JSON would want escaped cannot be; it would be spoilt here.
#include "cutover/mongo_memory.h"

#include <bson/bson.h>
#include <string.h>

#include "base/text.h"

static void put_text(struct buf *json, const char *text)
{
    buf_u8(json, '"');
    for (const char *at = text; *at != '\0'; at++)
        buf_u8(json, (uint8_t)(*at == '"' || *at == '\\' || *at < ' ' ? '?' : *at));
    buf_u8(json, '"');
}

void mongo_memory_write(const struct mongo_memory *m, struct buf *json)
{
    buf_str(json, "{\"host\":");
    put_text(json, m->host);
    buf_str(json, ",\"old_primary\":");
    put_text(json, m->old_primary);
    buf_printf(json, ",\"priority\":%.17g,\"votes\":%d,\"winning\":%.17g,\"staying\":%.17g",
               m->priority, m->votes, m->winning, m->staying);
    buf_str(json, ",\"frozen\":[");
    for (unsigned i = 0; i < m->frozen_count; i++) {
        buf_str(json, i > 0 ? "," : "");
        put_text(json, m->frozen[i]);
    }
    buf_str(json, "]}");
}

static void read_text(const bson_iter_t *i, char out[MONGO_HOST_MAX])
{
    if (BSON_ITER_HOLDS_UTF8(i))
        text_copy(out, MONGO_HOST_MAX, bson_iter_utf8(i, NULL));
}

static void read_frozen(const bson_iter_t *array, struct mongo_memory *out)
{
    bson_iter_t i;
    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &i))
        return;
    while (out->frozen_count < MONGO_MEMBERS_MAX && bson_iter_next(&i))
        read_text(&i, out->frozen[out->frozen_count++]);
}

static void read_field(const bson_iter_t *i, struct mongo_memory *out)
{
    const char *key = bson_iter_key(i);
    if (strcmp(key, "host") == 0)
        read_text(i, out->host);
    else if (strcmp(key, "old_primary") == 0)
        read_text(i, out->old_primary);
    else if (strcmp(key, "priority") == 0)
        out->priority = bson_iter_as_double(i);
    else if (strcmp(key, "votes") == 0)
        out->votes = (int)bson_iter_as_int64(i);
    else if (strcmp(key, "winning") == 0)
        out->winning = bson_iter_as_double(i);
    else if (strcmp(key, "staying") == 0)
        out->staying = bson_iter_as_double(i);
    else if (strcmp(key, "frozen") == 0)
        read_frozen(i, out);
}

enum sl_code mongo_memory_read(const char *json, struct mongo_memory *out, struct sl_error *err)
{
    bson_error_t why;
    bson_iter_t i;
    *out = (struct mongo_memory){0};
    bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &why);
    if (doc == NULL)
        return sl_fail(err, SL_EPROTO, "a journal's data: %s", why.message);
    if (bson_iter_init(&i, doc))
        while (bson_iter_next(&i))
            read_field(&i, out);
    bson_destroy(doc);
    out->known = out->host[0] != '\0';
    return SL_OK;
}
