// The parameter types in an execute: found, remembered, and put in where the client left them out
// because the server it prepared on knew them already.
//
//   EXECUTE   17 | id | flags | 1 | [count] | NULL bitmap | bound | types [names] | values
//   BULK      FA | id | flags (128: types) | types | rows
#include <string.h>

#include "base/mem.h"
#include "state/statements_internal.h"
#include "wire/caps.h"
#include "wire/command.h"
#include "wire/packet.h"

#define BULK_FLAGS_AT 5
#define BULK_SEND_TYPES 128
#define EXECUTE_FIXED 10
#define COUNT_MAX 131072 // parameters and attributes; a statement has at most 65535

static enum execute_head bulk_form(const uint8_t *payload, size_t n, struct execute_form *f)
{
    struct reader r = reader_make(payload, n);
    reader_skip(&r, BULK_FLAGS_AT);
    f->flag_at = BULK_FLAGS_AT;
    f->carries = (reader_u16(&r) & BULK_SEND_TYPES) != 0;
    f->types = r;
    return r.failed ? EXECUTE_MORE : EXECUTE_COMPLETE;
}

static enum execute_head single_form(const struct statement *s, uint64_t caps,
                                     const uint8_t *payload, size_t n, struct execute_form *f)
{
    struct reader r = reader_make(payload, n);
    uint64_t count = s->params;
    f->named = (caps & CAP_QUERY_ATTRIBUTES) != 0;
    reader_skip(&r, EXECUTE_FIXED);
    if (f->named)
        count = reader_lenenc(&r);
    if (!r.failed && (count < s->params || count > COUNT_MAX))
        return EXECUTE_CANNOT;
    f->count = (unsigned)count;
    f->nulls = reader_bytes(&r, ((size_t)count + 7) / 8).p;
    f->flag_at = n - r.left;
    uint8_t flag = reader_u8(&r);
    f->carries = flag != 0;
    f->types = r;
    if (r.failed)
        return EXECUTE_MORE;
    return flag > 1 ? EXECUTE_CANNOT : EXECUTE_COMPLETE;
}

enum execute_head statement_execute_form(const struct statement *s, uint64_t caps,
                                         const uint8_t *payload, size_t n, struct execute_form *f)
{
    *f = (struct execute_form){0};
    if (n == 0)
        return EXECUTE_MORE;
    enum execute_head head = payload[0] == COM_STMT_BULK_EXECUTE
                                 ? bulk_form(payload, n, f)
                                 : single_form(s, caps, payload, n, f);
    if (head != EXECUTE_COMPLETE || !f->carries)
        return head;
    struct reader r = f->types;
    for (unsigned i = 0; i < s->params && !r.failed; i++) {
        reader_skip(&r, 2);
        if (f->named)
            reader_lenenc_bytes(&r);
    }
    return r.failed ? EXECUTE_MORE : EXECUTE_COMPLETE;
}

enum execute_head statement_execute_head(const struct statement *s, uint64_t caps,
                                         const uint8_t *payload, size_t n, size_t *types_at)
{
    struct execute_form f;
    *types_at = 0;
    if (s->params == 0)
        return EXECUTE_COMPLETE;
    enum execute_head head = statement_execute_form(s, caps, payload, n, &f);
    if (head != EXECUTE_COMPLETE || f.carries)
        return head;
    if (s->types == NULL) // the server refuses it, as the one before would have
        return s->incomplete ? EXECUTE_CANNOT : EXECUTE_COMPLETE;
    *types_at = f.flag_at;
    return f.count > s->params ? EXECUTE_CANNOT : EXECUTE_LACKS;
}

size_t statement_types_put(const struct statement *s, uint64_t caps, const uint8_t *payload,
                           size_t types_at, struct buf *out)
{
    bool bulk = payload[0] == COM_STMT_BULK_EXECUTE;
    if (bulk) {
        buf_u8(out, payload[types_at] | BULK_SEND_TYPES);
        buf_u8(out, payload[types_at + 1]);
    } else {
        buf_u8(out, 1);
    }
    if (bulk || !(caps & CAP_QUERY_ATTRIBUTES)) {
        buf_put(out, s->types, (size_t)s->params * 2);
        return bulk ? 2 : 1;
    }
    for (unsigned i = 0; i < s->params; i++) {
        buf_put(out, s->types + 2 * (size_t)i, 2);
        buf_lenenc(out, 0); // no name
    }
    return 1;
}

bool statement_binds_text(const struct statement *s)
{
    enum { VARCHAR = 15, ENUM = 247, SET = 248, VAR_STRING = 253, STRING = 254 };
    for (unsigned i = 0; s->types != NULL && i < s->params; i++) {
        uint8_t type = s->types[2 * (size_t)i];
        if (type == VARCHAR || type == ENUM || type == SET || type == VAR_STRING || type == STRING)
            return true;
    }
    return false;
}

static void copy_types(struct statement *s, struct execute_form *f)
{
    for (unsigned i = 0; i < s->params; i++) {
        memcpy(s->types + 2 * (size_t)i, reader_bytes(&f->types, 2).p, 2);
        if (f->named)
            reader_lenenc_bytes(&f->types);
    }
}

enum execute_head statement_types_learn(struct statement *s, uint64_t caps, const uint8_t *payload,
                                        size_t n)
{
    struct execute_form f;
    if (s->params == 0)
        return EXECUTE_COMPLETE;
    enum execute_head head = statement_execute_form(s, caps, payload, n, &f);
    if (head != EXECUTE_COMPLETE)
        return head;
    if (!f.carries)
        return EXECUTE_LACKS;
    if (s->types == NULL)
        s->types = mem_alloc((size_t)s->params * 2);
    copy_types(s, &f);
    s->types_owed = false;
    return EXECUTE_COMPLETE;
}
