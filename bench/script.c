// The commands of a session and their answers, byte for byte.
#include "bench/script.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "wire/command.h"
#include "wire/packet.h"

#define TYPE_LONGLONG 8
#define TEXT_MAX 64

void script_begin(struct script *s, uint64_t number, unsigned statements, unsigned variables)
{
    assert(statements <= SCRIPT_STATEMENTS_MAX && variables <= SCRIPT_VARIABLES_MAX);
    *s = (struct script){.number = number,
                         .statements = (uint8_t)statements,
                         .variables = (uint8_t)variables,
                         .next = SCRIPT_SET};
}

void script_variables(struct script *s)
{
    s->next = SCRIPT_VARIABLES;
    s->next_at = 0;
}

void script_again(struct script *s)
{
    s->next = SCRIPT_AGAIN;
    s->next_at = 0;
}

// Integers, strings and decimals in turn; `literal` as SQL wants it, else as a result shows it.
static void variable(const struct script *s, unsigned k, bool literal, char *out, size_t size)
{
    uint64_t n = s->number;
    switch (k % 3) {
    case 0: snprintf(out, size, "%" PRIu64, n * 10 + k); break;
    case 1: snprintf(out, size, literal ? "'s%" PRIu64 "-%u'" : "s%" PRIu64 "-%u", n, k); break;
    default: snprintf(out, size, "%" PRIu64 ".%u5", n, k); break;
    }
}

static uint64_t parameter(const struct script *s, unsigned k)
{
    return s->number * 100 + k;
}

static void put_set(const struct script *s, struct buf *out)
{
    char text[TEXT_MAX];
    buf_u8(out, COM_QUERY);
    for (unsigned k = 0; k < s->variables; k++) {
        variable(s, k, true, text, sizeof text);
        buf_printf(out, "%s @v%u = %s", k == 0 ? "SET" : ",", k, text);
    }
}

static void put_select(const struct script *s, struct buf *out)
{
    buf_u8(out, COM_QUERY);
    for (unsigned k = 0; k < s->variables; k++)
        buf_printf(out, "%s @v%u", k == 0 ? "SELECT" : ",", k);
}

static void put_prepare(unsigned k, struct buf *out)
{
    buf_u8(out, COM_STMT_PREPARE);
    buf_printf(out, "SELECT CONCAT(CAST(? AS CHAR), '/%u')", k);
}

// Source: dev.mysql.com page_protocol_com_stmt_execute, without query attributes.
static void put_execute(const struct script *s, unsigned k, bool types, struct buf *out)
{
    buf_u8(out, COM_STMT_EXECUTE);
    buf_u32(out, s->ids[k]);
    buf_u8(out, 0);  // no cursor
    buf_u32(out, 1); // iterations
    buf_u8(out, 0);  // no NULL
    buf_u8(out, types);
    if (types)
        buf_u16(out, TYPE_LONGLONG);
    buf_u64(out, parameter(s, k));
}

// From the step that has been asked to the one after it.
static void advance(struct script *s)
{
    bool each = s->asked != SCRIPT_SET && s->asked != SCRIPT_VARIABLES;
    s->next_at++;
    if (each && s->next_at < s->statements)
        return;
    s->next_at = 0;
    bool on = s->statements > 0 && s->asked < SCRIPT_EXECUTE;
    s->next = on ? (uint8_t)(s->asked + 1) : SCRIPT_OVER;
}

bool script_next(struct script *s, struct raw *r)
{
    if (s->next == SCRIPT_OVER || (s->next == SCRIPT_AGAIN && s->statements == 0))
        return false;
    struct buf out;
    buf_init(&out, 0);
    s->asked = s->next;
    s->asked_at = s->next_at;
    switch (s->asked) {
    case SCRIPT_SET: put_set(s, &out); break;
    case SCRIPT_PREPARE: put_prepare(s->asked_at, &out); break;
    case SCRIPT_VARIABLES: put_select(s, &out); break;
    default: put_execute(s, s->asked_at, s->asked == SCRIPT_EXECUTE, &out); break;
    }
    advance(s);
    bool sent = raw_ask(r, s->asked == SCRIPT_PREPARE ? WALK_PREPARE : WALK_RESULT, out.p, out.n);
    buf_release(&out);
    s->waits = sent;
    return sent;
}

// The row as it has to be: length-encoded texts, behind an empty NULL bitmap in the binary protocol.
static bool row_is(const struct walk *answer, const struct buf *row)
{
    return answer->rows == 1 && answer->row_n == row->n && memcmp(answer->row, row->p, row->n) == 0;
}

static void put_row(const struct script *s, struct buf *row)
{
    char text[TEXT_MAX];
    if (s->asked != SCRIPT_VARIABLES) {
        snprintf(text, sizeof text, "%" PRIu64 "/%u", parameter(s, s->asked_at), s->asked_at);
        buf_u16(row, 0);
        buf_lenenc_bytes(row, text, strlen(text));
        return;
    }
    for (unsigned k = 0; k < s->variables; k++) {
        variable(s, k, false, text, sizeof text);
        buf_lenenc_bytes(row, text, strlen(text));
    }
}

bool script_is_right(struct script *s, const struct walk *answer)
{
    if (s->asked == SCRIPT_SET)
        return answer->columns == 0;
    if (s->asked == SCRIPT_PREPARE) {
        s->ids[s->asked_at] = answer->statement;
        return answer->columns == 1;
    }
    struct buf row;
    buf_init(&row, 0);
    put_row(s, &row);
    bool right = row_is(answer, &row);
    buf_release(&row);
    return right;
}

const char *script_title(const struct script *s)
{
    static const char *const titles[] = {
        "SET",    "a prepare", "an execute", "an execute without types", "SELECT of its variables",
        "nothing"};
    return titles[s->asked];
}
