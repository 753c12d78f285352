// An answer as one line of JSON, by libbson's relaxed extended JSON.
#include <bson/bson.h>

#include <string.h>

#include "admin/answer_internal.h"
#include "base/clock.h"

#define NS_PER_US INT64_C(1000)

static void append_list(bson_t *doc, const char *key, const char *names)
{
    bson_t array;
    char index_text[16];
    BSON_APPEND_ARRAY_BEGIN(doc, key, &array);
    for (uint32_t i = 0; *names != '\0'; i++) {
        const char *index;
        size_t n = strcspn(names, ","), k = bson_uint32_to_string(i, &index, index_text, 16);
        bson_append_utf8(&array, index, (int)k, names, (int)n);
        names += n + (names[n] == ',');
    }
    bson_append_array_end(doc, &array);
}

// One representation for a kind, whatever the command: people's units never reach JSON.
static void append_cell(bson_t *doc, const char *key, const struct cell *c)
{
    char time[32];
    switch (c->kind) {
    case CELL_NONE: BSON_APPEND_NULL(doc, key); break;
    case CELL_TEXT: BSON_APPEND_UTF8(doc, key, c->text); break;
    case CELL_BOOL: BSON_APPEND_BOOL(doc, key, c->number != 0); break;
    case CELL_NUMBER:
    case CELL_BYTES: BSON_APPEND_INT64(doc, key, c->number); break;
    case CELL_MS: BSON_APPEND_INT64(doc, key, c->number / NS_PER_MS); break;
    case CELL_US: BSON_APPEND_INT64(doc, key, c->number / NS_PER_US); break;
    case CELL_LIST: append_list(doc, key, c->text); break;
    case CELL_TIME:
        clock_format_wall(c->number, time, sizeof time);
        BSON_APPEND_UTF8(doc, key, time);
        break;
    }
}

// Columns without a key are for people only.
static void append_table(bson_t *doc, const char *key, const struct item *t)
{
    bson_t array, row;
    char index_text[16];
    uint32_t n = 0;
    BSON_APPEND_ARRAY_BEGIN(doc, key, &array);
    for (size_t i = 0; i < t->cell_count; i += t->column_count) {
        const char *index;
        size_t k = bson_uint32_to_string(n++, &index, index_text, sizeof index_text);
        bson_append_document_begin(&array, index, (int)k, &row);
        for (unsigned c = 0; c < t->column_count; c++)
            if (t->columns[c].key[0] != '\0')
                append_cell(&row, t->columns[c].key, &t->cells[i + c]);
        bson_append_document_end(&array, &row);
    }
    bson_append_array_end(doc, &array);
}

static void append_document(bson_t *doc, const char *key, const char *json)
{
    bson_t *inner = bson_new_from_json((const uint8_t *)json, -1, NULL);
    if (inner != NULL)
        BSON_APPEND_DOCUMENT(doc, key, inner);
    else
        BSON_APPEND_NULL(doc, key);
    bson_destroy(inner);
}

static void append_item(bson_t *doc, const char *key, const struct item *item)
{
    if (item->kind == ITEM_TABLE)
        append_table(doc, key, item);
    else if (item->kind == ITEM_DOCUMENT)
        append_document(doc, key, item->cells[0].text);
    else
        append_cell(doc, key, &item->cells[0]);
}

// The length of the part before the dot; 0: not nested.
static size_t group_of(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot != NULL ? (size_t)(dot - key) : 0;
}

// Items of one group stand together: from `at` to what is returned.
static unsigned append_group(bson_t *doc, const struct answer *a, unsigned at)
{
    bson_t group;
    const char *name = a->items[at].key;
    size_t n = group_of(name);
    bson_append_document_begin(doc, name, (int)n, &group);
    for (; at < a->count; at++) {
        const char *key = a->items[at].key;
        if (group_of(key) != n || strncmp(key, name, n) != 0)
            break;
        append_item(&group, key + n + 1, &a->items[at]);
    }
    bson_append_document_end(doc, &group);
    return at;
}

static void append_items(bson_t *doc, const struct answer *a)
{
    for (unsigned i = 0; a != NULL && i < a->count;) {
        if (group_of(a->items[i].key) > 0) {
            i = append_group(doc, a, i);
            continue;
        }
        if (a->items[i].key[0] != '\0')
            append_item(doc, a->items[i].key, &a->items[i]);
        i++;
    }
}

static void print(const bson_t *doc, struct buf *out)
{
    size_t n = 0;
    char *json = bson_as_relaxed_extended_json(doc, &n);
    if (json == NULL) // only for text that is not UTF-8, which cells cannot hold
        buf_str(out, "{ \"ok\" : false, \"kind\" : \"failed\", \"error\" : \"no UTF-8\" }");
    else
        buf_put(out, json, n);
    buf_u8(out, '\n');
    bson_free(json);
}

void answer_print_json(const struct answer *a, const char *kind, const char *error, struct buf *out)
{
    bson_t doc = BSON_INITIALIZER;
    BSON_APPEND_BOOL(&doc, "ok", error == NULL);
    if (error != NULL) {
        BSON_APPEND_UTF8(&doc, "kind", kind);
        BSON_APPEND_UTF8(&doc, "error", error);
    }
    append_items(&doc, a);
    print(&doc, out);
    bson_destroy(&doc);
}

void answer_print_json_as(const struct answer *a, const char *name, struct buf *out)
{
    bson_t doc = BSON_INITIALIZER, inner;
    BSON_APPEND_DOCUMENT_BEGIN(&doc, name, &inner);
    append_items(&inner, a);
    bson_append_document_end(&doc, &inner);
    print(&doc, out);
    bson_destroy(&doc);
}
