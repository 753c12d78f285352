// Records as lines: libbson makes and reads the JSON, the checksum is put behind and looked at first.
#include "cutover/journal_record.h"

#include <assert.h>
#include <bson/bson.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/text.h"

#define VERSION 1
#define CRC_FORMAT ", \"crc\" : \"%08" PRIx32 "\" }"
#define CRC_LENGTH (sizeof ", \"crc\" : \"01234567\" }" - 1)
#define CLOSING_LENGTH (sizeof " }" - 1) // libbson ends an object so

static const char *const KINDS[] = {
#define X(name, text) [JOURNAL_##name] = #text,
    JOURNAL_KINDS(X)
#undef X
};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

const char *journal_kind_text(enum journal_kind kind)
{
    assert((size_t)kind < KIND_COUNT);
    return KINDS[kind];
}

void journal_record_release(struct journal_record *r)
{
    mem_free(r->data);
    *r = (struct journal_record){0};
}

static bool step_fits(enum journal_kind kind, const char *step)
{
    bool none = kind == JOURNAL_BEGIN || kind == JOURNAL_NOTE || kind == JOURNAL_END;
    size_t n = strspn(step, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return step[n] == '\0' && n <= JOURNAL_STEP_MAX && none == (n == 0);
}

// --- writing ------------------------------------------------------------------------------------

void journal_put_why(struct buf *out, const char *ended, const char *why)
{
    char text[SL_ERROR_TEXT_MAX];
    text_copy(text, sizeof text, why);
    text_make_printable(text); // servers say what they like
    bson_t doc;
    bson_init(&doc);
    if (ended != NULL)
        BSON_APPEND_UTF8(&doc, "ended", ended);
    BSON_APPEND_UTF8(&doc, "why", text);
    char *json = bson_as_relaxed_extended_json(&doc, NULL);
    buf_str(out, json);
    bson_free(json);
    bson_destroy(&doc);
}

// NULL: not an object. To be destroyed.
static bson_t *data_of(const struct journal_record *r, struct sl_error *err)
{
    const char *data = r->data != NULL ? r->data : "{}";
    bson_error_t why = {0};
    // An array would be taken for an object with the keys 0, 1, ...
    bool object = data[strspn(data, " \t\r\n")] == '{';
    bson_t *b = object ? bson_new_from_json((const uint8_t *)data, -1, &why) : NULL;
    if (b == NULL)
        (void)sl_fail(err, SL_EINVAL, "journal: the data is not a JSON object: %s",
                      object ? why.message : "it is something else");
    return b;
}

// The JSON of everything but the checksum; NULL when a text is not UTF-8. To be bson_free'd.
static char *json_of(const struct journal_record *r, const bson_t *data, size_t *n)
{
    char at[32];
    bson_t b = BSON_INITIALIZER;
    clock_format_wall(r->wall_us, at, sizeof at);
    bool fits = BSON_APPEND_INT32(&b, "v", VERSION) &&
                BSON_APPEND_INT64(&b, "seq", (int64_t)r->seq) && BSON_APPEND_UTF8(&b, "at", at) &&
                BSON_APPEND_INT64(&b, "wall_us", r->wall_us) &&
                BSON_APPEND_INT64(&b, "offset_us", r->offset_us) &&
                BSON_APPEND_UTF8(&b, "kind", journal_kind_text(r->kind)) &&
                BSON_APPEND_UTF8(&b, "step", r->step) && BSON_APPEND_DOCUMENT(&b, "data", data);
    char *json = fits ? bson_as_relaxed_extended_json(&b, n) : NULL;
    bson_destroy(&b);
    return json;
}

// Extended JSON gives some objects another meaning ({"$numberLong": "5"} is a number). What would not
// come back as it is must not be in a journal.
static bool comes_back(const uint8_t *line, size_t n, const bson_t *data)
{
    struct journal_record back;
    if (journal_record_read(line, n, &back, NULL) != SL_OK)
        return false;
    char *json = bson_as_relaxed_extended_json(data, NULL);
    bool same = json != NULL && strcmp(json, back.data) == 0;
    bson_free(json);
    journal_record_release(&back);
    return same;
}

static enum sl_code put_line(const struct journal_record *r, const bson_t *data, struct buf *out,
                             struct sl_error *err)
{
    const size_t start = out->n;
    size_t n;
    char *json = json_of(r, data, &n);
    if (json == NULL)
        return sl_fail(err, SL_EINVAL, "journal: the data cannot be written as JSON");
    n -= CLOSING_LENGTH;
    buf_put(out, json, n);
    buf_printf(out, CRC_FORMAT "\n", crc32c(json, n));
    bson_free(json);
    if (out->failed || out->n - start > JOURNAL_LINE_MAX)
        return sl_fail(err, SL_ETOOBIG, "journal: a record of more than %zu bytes",
                       JOURNAL_LINE_MAX);
    if (!comes_back(out->p + start, out->n - start - 1, data))
        return sl_fail(err, SL_EINVAL, "journal: the data would not be read as it was written");
    return SL_OK;
}

enum sl_code journal_record_write(const struct journal_record *r, struct buf *out,
                                  struct sl_error *err)
{
    if (r->seq == 0 || r->seq > INT64_MAX || !step_fits(r->kind, r->step))
        return sl_fail(err, SL_EINVAL, "journal: \"%s\" is no step for a record of kind %s",
                       r->step, journal_kind_text(r->kind));
    const size_t start = out->n;
    bson_t *data = data_of(r, err);
    if (data == NULL)
        return SL_EINVAL;
    enum sl_code code = put_line(r, data, out, err);
    bson_destroy(data);
    if (code != SL_OK) {
        out->n = start;
        out->failed = false;
    }
    return code;
}

// --- reading ------------------------------------------------------------------------------------

static bool checksum_fits(const uint8_t *line, size_t n)
{
    char wanted[CRC_LENGTH + 1];
    if (n < CRC_LENGTH)
        return false;
    n -= CRC_LENGTH;
    (void)snprintf(wanted, sizeof wanted, CRC_FORMAT, crc32c(line, n));
    return memcmp(line + n, wanted, CRC_LENGTH) == 0;
}

// Each false when the member is missing or of another type.
static bool get_int(const bson_t *b, const char *name, int64_t *out)
{
    bson_iter_t i;
    if (!bson_iter_init_find(&i, b, name) || !BSON_ITER_HOLDS_INT(&i))
        return false;
    *out = bson_iter_as_int64(&i);
    return true;
}

static bool get_text(const bson_t *b, const char *name, const char **out)
{
    bson_iter_t i;
    if (!bson_iter_init_find(&i, b, name) || !BSON_ITER_HOLDS_UTF8(&i))
        return false;
    *out = bson_iter_utf8(&i, NULL);
    return true;
}

static bool get_kind(const bson_t *b, enum journal_kind *out)
{
    const char *text;
    if (!get_text(b, "kind", &text))
        return false;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(KINDS[i], text) == 0) {
            *out = (enum journal_kind)i;
            return true;
        }
    }
    return false;
}

static bool get_data(const bson_t *b, char **out)
{
    bson_iter_t i;
    const uint8_t *bytes;
    uint32_t n;
    bson_t inner;
    if (!bson_iter_init_find(&i, b, "data") || !BSON_ITER_HOLDS_DOCUMENT(&i))
        return false;
    bson_iter_document(&i, &n, &bytes);
    char *json =
        bson_init_static(&inner, bytes, n) ? bson_as_relaxed_extended_json(&inner, NULL) : NULL;
    if (json == NULL)
        return false;
    *out = mem_strdup(json);
    bson_free(json);
    return true;
}

static bool get_record(const bson_t *b, struct journal_record *out)
{
    int64_t version, seq;
    const char *step;
    *out = (struct journal_record){0};
    if (!get_int(b, "v", &version) || version != VERSION || !get_int(b, "seq", &seq) || seq < 1 ||
        !get_int(b, "wall_us", &out->wall_us) || !get_int(b, "offset_us", &out->offset_us) ||
        !get_kind(b, &out->kind) || !get_text(b, "step", &step) || !step_fits(out->kind, step))
        return false;
    out->seq = (uint64_t)seq;
    (void)text_copy(out->step, sizeof out->step, step);
    return get_data(b, &out->data);
}

enum sl_code journal_record_read(const void *line, size_t n, struct journal_record *out,
                                 struct sl_error *err)
{
    if (n >= JOURNAL_LINE_MAX || !checksum_fits(line, n))
        return sl_fail(err, SL_EPROTO, "the checksum does not fit");
    bson_error_t why = {0};
    bson_t *b = bson_new_from_json(line, (ssize_t)n, &why);
    if (b == NULL)
        return sl_fail(err, SL_EPROTO, "not JSON: %s", why.message);
    bool good = get_record(b, out);
    bson_destroy(b);
    return good ? SL_OK
                : sl_fail(err, SL_EPROTO, "not a record of version %d that is understood", VERSION);
}
