// Which types the server has settled for the parameters of a statement.
//
// Measured on MySQL 9.7, every pair of types: what is settled takes what `takes` says and NULL, and a
// number's text; anything else makes the server prepare again, with the types of all that is bound
// (where NULL is, what the text asks for). Then nothing but those counts: SELECT ? with 5 and then
// 'five' is 0, GREATEST(?, ?) with (5, 10) and then ('5', '10') is 10 and not '5'. What is settled
// stays for NULL as well: COALESCE(?, ...) of NULL has the type. What differs in other ways:
// - where an integer is settled, a text that is one is taken, and one that is no number; '5.7', or
//   '-1' for an unsigned one, are settled as a decimal;
// - the type of LIMIT ? is fixed (unsigned, like that of an unsigned column): nothing ever settles;
// - ALTER TABLE, FLUSH TABLES and the like prepare again as well, but then what is bound next counts,
//   as it does after a move.
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "state/statements_internal.h"
#include "wire/packet.h"

enum kind {
    KIND_NULL,
    KIND_INTEGER,
    KIND_UNSIGNED,
    KIND_DECIMAL,
    KIND_DOUBLE,
    KIND_DATE,
    KIND_TIME,
    KIND_DATETIME,
    KIND_TEXT,
    KIND_ODD_TEXT, // bound only: one that an integer may not take
    KIND_UNSURE,   // settled only
};

#define BIT(kind) (1u << KIND_##kind)
#define NUMBERS (BIT(INTEGER) | BIT(UNSIGNED) | BIT(DECIMAL))

static const uint16_t takes[] = {
    [KIND_INTEGER] = BIT(TEXT),
    [KIND_UNSIGNED] = BIT(TEXT),
    [KIND_DECIMAL] = NUMBERS | BIT(TEXT),
    [KIND_DOUBLE] = NUMBERS | BIT(TEXT),
    [KIND_DATE] = NUMBERS | BIT(DOUBLE) | BIT(TEXT),
    [KIND_TIME] = NUMBERS | BIT(DOUBLE) | BIT(TEXT) | BIT(DATETIME),
    [KIND_DATETIME] = NUMBERS | BIT(DOUBLE) | BIT(TEXT) | BIT(DATE) | BIT(TIME),
    [KIND_TEXT] = 0,
};

// Of `kinds`, one byte a parameter each.
enum vector {
    DERIVED, // from the text, before anything is bound
    SETTLED, // as on the server where it was first prepared
    PRESENT, // after a move: on this one
    LAST,    // bound in the last execute
    VECTORS,
};

struct settled {
    bool executed;
    bool varied;  // not all executes had the same kinds; NULLs and odd texts are never the same
    bool doubted; // an execute was refused, perhaps before its types were settled
    bool apart;   // PRESENT counts
    bool nulls;   // the type of a NULL counts; known while `apart`
    uint8_t kinds[];
};

static uint8_t *kinds_of(const struct statement *s, enum vector v)
{
    return s->settled->kinds + (size_t)s->params * v;
}

static bool is_integer(uint8_t kind)
{
    return kind == KIND_INTEGER || kind == KIND_UNSIGNED;
}

// The kind of a protocol type.
static uint8_t kind_of(uint8_t type, bool is_unsigned)
{
    switch (type) {
    case 1:
    case 2:
    case 3:
    case 8:
    case 9: return is_unsigned ? KIND_UNSIGNED : KIND_INTEGER;
    case 13: // YEAR, which takes both, and BIT
    case 16: return KIND_UNSIGNED;
    case 4:
    case 5: return KIND_DOUBLE;
    case 0:
    case 246: return KIND_DECIMAL;
    case 6: return KIND_NULL;
    case 10: return KIND_DATE;
    case 11: return KIND_TIME;
    case 7:
    case 12: return KIND_DATETIME;
    default: return KIND_TEXT;
    }
}

// --- what the server derives --------------------------------------------------------------------

void statement_settles(struct statement *s)
{
    size_t n = (size_t)s->params * VECTORS;
    if (n == 0)
        return;
    s->settled = mem_zalloc(sizeof *s->settled + n);
    memset(s->settled->kinds, KIND_UNSURE, n);
}

void statement_defined(struct statement *s, unsigned i, const uint8_t *definition, size_t n)
{
    struct reader r = reader_make(definition, n);
    for (int name = 0; name < 6; name++)
        reader_lenenc_bytes(&r);
    reader_skip(&r, 1 + 2 + 4);
    uint8_t type = reader_u8(&r);
    uint16_t flags = reader_u16(&r);
    if (r.failed || s->settled == NULL || i >= s->params)
        return;
    uint8_t kind = kind_of(type, (flags & 0x20) != 0);
    kinds_of(s, DERIVED)[i] = kinds_of(s, SETTLED)[i] = kind == KIND_NULL ? KIND_UNSURE : kind;
}

// --- what an execute binds ----------------------------------------------------------------------

// The types of an execute, one after the other: its own, or those of the execute before.
struct types {
    struct reader r;
    bool named;
};

static struct types types_of(const struct statement *s, const struct execute_form *f)
{
    if (f->carries)
        return (struct types){f->types, f->named};
    return (struct types){reader_make(s->types, s->types != NULL ? (size_t)s->params * 2 : 0),
                          false};
}

static uint16_t next_type(struct types *t)
{
    uint16_t type = reader_u16(&t->r);
    if (t->named)
        reader_lenenc_bytes(&t->r);
    return type;
}

static struct reader values_of(const struct statement *s, const struct execute_form *f)
{
    struct types t = types_of(s, f);
    for (unsigned i = 0; f->carries && i < f->count && !t.r.failed; i++)
        (void)next_type(&t);
    return f->carries ? t.r : f->types;
}

static struct slice value_of(uint8_t type, struct reader *r)
{
    switch (type) {
    case 1: return reader_bytes(r, 1);
    case 2:
    case 13: return reader_bytes(r, 2);
    case 3:
    case 4:
    case 9: return reader_bytes(r, 4);
    case 5:
    case 8: return reader_bytes(r, 8);
    case 7:
    case 10:
    case 11:
    case 12: return reader_bytes(r, reader_u8(r));
    default: return reader_lenenc_bytes(r);
    }
}

// Taken by an integer: a number that all of 8 bytes have room for, or a word, which is none.
static bool is_plain(struct slice text, bool negative)
{
    size_t i = negative && text.n > 1 && text.p[0] == '-' ? 1 : 0;
    if (text.n > 0 && isalpha(text.p[0]))
        return true;
    if (text.n == 0 || text.n > 18)
        return false;
    for (; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    return true;
}

static bool meets_integer(const struct statement *s, unsigned i, uint8_t bound)
{
    return bound == KIND_TEXT &&
           (is_integer(kinds_of(s, SETTLED)[i]) || is_integer(kinds_of(s, PRESENT)[i]));
}

// Texts that an integer may not take are found by their values.
static void look_at_texts(const struct statement *s, const struct execute_form *f, uint8_t *kinds)
{
    struct reader values = values_of(s, f);
    struct types types = types_of(s, f);
    for (unsigned i = 0; i < s->params; i++) {
        uint16_t type = next_type(&types);
        if (kinds[i] == KIND_NULL)
            continue;
        struct slice value = value_of((uint8_t)type, &values);
        bool negative =
            kinds_of(s, SETTLED)[i] != KIND_UNSIGNED && kinds_of(s, PRESENT)[i] != KIND_UNSIGNED;
        bool plain = !s->long_data && !values.failed && is_plain(value, negative);
        if (!plain && meets_integer(s, i, kinds[i]))
            kinds[i] = KIND_ODD_TEXT;
    }
}

// False: it cannot be read, and the server will not.
static bool bound_kinds(const struct statement *s, uint64_t caps, const uint8_t *payload, size_t n,
                        uint8_t *kinds)
{
    struct execute_form f;
    bool look = false;
    if (statement_execute_form(s, caps, payload, n, &f) != EXECUTE_COMPLETE || f.nulls == NULL)
        return false;
    struct types types = types_of(s, &f);
    for (unsigned i = 0; i < s->params; i++) {
        uint16_t type = next_type(&types);
        bool null = (f.nulls[i / 8] >> i % 8 & 1) != 0;
        kinds[i] = null ? KIND_NULL : kind_of((uint8_t)type, type >= 0x8000);
        look = look || meets_integer(s, i, kinds[i]);
    }
    if (look && !types.r.failed)
        look_at_texts(s, &f, kinds);
    return !types.r.failed;
}

// --- what becomes of it -------------------------------------------------------------------------

enum verdict { TAKEN, PERHAPS, AGAIN };

// Each takes the other: an ALTER TABLE in between, which nobody sees, decides which one is settled.
static bool after_alter_other(uint8_t settled, uint8_t bound)
{
    return (settled == KIND_TIME && bound == KIND_DATETIME) ||
           (settled == KIND_DATETIME && bound == KIND_TIME);
}

static enum verdict verdict_on(uint8_t derived, uint8_t settled, uint8_t bound)
{
    if (bound == KIND_NULL || bound == settled)
        return TAKEN;
    if (settled == KIND_UNSURE)
        return PERHAPS;
    if (bound == KIND_ODD_TEXT)
        return is_integer(settled) ? PERHAPS : TAKEN;
    if (after_alter_other(settled, bound))
        return PERHAPS;
    if ((takes[settled] >> bound & 1) != 0)
        return TAKEN;
    bool limit = derived == KIND_UNSIGNED && is_integer(settled) && is_integer(bound);
    return limit ? PERHAPS : AGAIN;
}

static uint8_t settled_after(enum verdict verdict, uint8_t derived, uint8_t settled, uint8_t bound)
{
    uint8_t again = bound;
    if (bound == KIND_NULL)
        again = derived;
    else if (bound == KIND_ODD_TEXT)
        again = is_integer(settled) || settled == KIND_UNSURE ? KIND_UNSURE : KIND_TEXT;
    if (verdict == AGAIN || settled == again)
        return again;
    return derived == KIND_UNSIGNED && is_integer(settled) && is_integer(again) ? again
                                                                                : KIND_UNSURE;
}

// True: `settled` may have changed.
static bool step(const struct statement *s, uint8_t *settled, const uint8_t *bound)
{
    const uint8_t *derived = kinds_of(s, DERIVED);
    enum verdict verdict = TAKEN;
    for (unsigned i = 0; i < s->params; i++) {
        enum verdict one = verdict_on(derived[i], settled[i], bound[i]);
        verdict = one > verdict ? one : verdict;
    }
    for (unsigned i = 0; verdict != TAKEN && i < s->params; i++)
        settled[i] = settled_after(verdict, derived[i], settled[i], bound[i]);
    return verdict != TAKEN;
}

static bool has(const struct statement *s, const uint8_t *kinds, uint8_t kind)
{
    return memchr(kinds, kind, s->params) != NULL;
}

static bool equal(const struct statement *s, const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, s->params) == 0;
}

// As every execute until now.
static bool is_steady(const struct statement *s, const uint8_t *bound)
{
    return s->settled->executed && !s->settled->varied && equal(s, bound, kinds_of(s, LAST));
}

static void vary(struct statement *s, const uint8_t *bound)
{
    struct settled *t = s->settled;
    t->varied = t->varied || has(s, bound, KIND_NULL) || has(s, bound, KIND_ODD_TEXT) ||
                (t->executed && !equal(s, bound, kinds_of(s, LAST)));
    t->executed = true;
    memcpy(kinds_of(s, LAST), bound, s->params);
}

static bool settle(struct statement *s, const uint8_t *bound)
{
    struct settled *t = s->settled;
    uint8_t *settled = kinds_of(s, SETTLED), *present = kinds_of(s, PRESENT);
    if (is_steady(s, bound)) {
        t->apart = false;
        return false;
    }
    vary(s, bound);
    bool changed = step(s, settled, bound);
    if (t->apart) {
        (void)step(s, present, bound);
        t->apart = !equal(s, settled, present);
    }
    return changed;
}

bool statement_settle(struct statement *s, uint64_t caps, const uint8_t *payload, size_t n)
{
    uint8_t few[32];
    if (s->settled == NULL)
        return false;
    uint8_t *bound = s->params <= sizeof few ? few : mem_alloc(s->params);
    bool changed = bound_kinds(s, caps, payload, n, bound) && settle(s, bound);
    if (bound != few)
        mem_free(bound);
    return changed;
}

void statement_unsettled(struct statement *s)
{
    if (s->settled != NULL)
        s->settled->doubted = true;
}

// --- after a move -------------------------------------------------------------------------------

void statement_prepared_anew(struct statement *s)
{
    struct settled *t = s->settled;
    if (t == NULL)
        return;
    memcpy(kinds_of(s, PRESENT), kinds_of(s, DERIVED), s->params);
    t->apart = t->executed && (t->doubted || has(s, kinds_of(s, SETTLED), KIND_UNSURE) ||
                               !equal(s, kinds_of(s, SETTLED), kinds_of(s, DERIVED)));
    t->nulls = t->apart && (s->columns > 0 || statement_nulls_count(s->text, s->text_n));
}

bool statement_is_apart(const struct statement *s)
{
    return s->settled != NULL && s->settled->apart;
}

// A NULL's type is seen in what comes back, or decides the type of an expression.
static bool agree(const struct statement *s, const uint8_t *there, const uint8_t *here,
                  const uint8_t *bound)
{
    for (unsigned i = 0; i < s->params; i++) {
        bool matters = bound[i] != KIND_NULL || s->settled->nulls;
        if (matters && (there[i] != here[i] || there[i] == KIND_UNSURE))
            return false;
    }
    return true;
}

static bool alike(const struct statement *s, const uint8_t *bound, uint8_t *there, uint8_t *here)
{
    if (is_steady(s, bound))
        return true;
    if (s->settled->doubted && !equal(s, bound, kinds_of(s, SETTLED)))
        return false; // else what may not have been settled then is settled by this one
    memcpy(there, kinds_of(s, SETTLED), s->params);
    memcpy(here, kinds_of(s, PRESENT), s->params);
    step(s, there, bound);
    step(s, here, bound);
    return agree(s, there, here, bound);
}

bool statement_reads_alike(const struct statement *s, uint64_t caps, const uint8_t *payload,
                           size_t n)
{
    size_t params = s->params;
    uint8_t *bound = mem_alloc(params * 3);
    bool same = bound_kinds(s, caps, payload, n, bound) &&
                alike(s, bound, bound + params, bound + 2 * params);
    mem_free(bound);
    return same;
}

void statement_told_apart(struct statement *s, uint64_t caps, const uint8_t *payload, size_t n)
{
    struct settled *t = s->settled;
    (void)statement_types_learn(s, caps, payload, n);
    s->types_owed = s->types != NULL;
    memcpy(kinds_of(s, SETTLED), kinds_of(s, PRESENT), s->params);
    t->varied = true;
    t->apart = t->doubted = false;
}
