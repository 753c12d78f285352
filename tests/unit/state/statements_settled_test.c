// What a server settles for the parameters of a statement, and whether one that was prepared again
// reads an execute in the same way. What takes what was measured on MySQL 9.7 (statements_settled.c).
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "state/statements.h"
#include "wire/recording.h"

#define PARAMS 2

// Values: i 5, u 5 unsigned, f 1.5, d date, 0 NULL, s 'five', n '5', m '-5', o '5.7'. Definitions: as
// these.
static const struct {
    const char *about;
    const char *derived;
    const char *before[3];
    const char *after;
    uint16_t columns;
    bool alike, apart; // apart: right after the move
} rows[] = {
    {"never executed", "ss", {NULL}, "ii", 1, true, false},
    {"fits", "ss", {"ss"}, "ii", 1, true, false},
    {"the same", "ss", {"ii"}, "ii", 1, true, true},
    {"a text for a number", "ss", {"ii"}, "ss", 1, false, true},
    {"a text for one number", "ss", {"ii"}, "is", 1, false, true},
    {"all other", "ss", {"ii"}, "ff", 1, true, true},
    {"a double takes integers", "ss", {"ff"}, "ii", 1, false, true},
    {"and before", "ss", {"ff", "ii"}, "ff", 1, true, true},
    {"another since", "ss", {"ii", "ss"}, "fs", 1, true, true},
    {"a date takes numbers", "ss", {"dd"}, "if", 1, false, true},
    {"an integer takes its text", "ii", {"ni", "in", "si"}, "mi", 1, true, false},
    {"and no fraction", "ii", {"oi"}, "ni", 1, false, true},
    {"an unsigned one no sign", "uu", {"mu"}, "nu", 1, false, true},
    {"perhaps LIMIT", "su", {"si"}, "si", 1, true, true},
    {"perhaps LIMIT, and a text", "iu", {"ni", "ii"}, "ni", 1, false, true},
    {"a NULL", "ss", {"ii"}, "0i", 1, false, true},
    {"a NULL is not seen", "is", {"fs"}, "0s", 0, true, true},
    {"a NULL was not settled", "is", {"f0"}, "fs", 1, true, true},
    {"not derived", "??", {"ii"}, "ii", 1, true, true},
    {"not derived, other", "??", {"ii"}, "ss", 1, false, true},
};

static uint8_t type_of(char c)
{
    switch (c) {
    case 'i':
    case 'u': return 8;
    case 'f': return 5;
    case 'd': return 10;
    case '0': return 6;
    default: return 0xFD;
    }
}

static void put_value(struct buf *out, char c)
{
    static const uint8_t five[8] = {5}, date[] = {4, 0xE4, 7, 1, 1};
    const char *text = c == 'n' ? "5" : c == 'm' ? "-5" : c == 'o' ? "5.7" : "five";
    switch (type_of(c)) {
    case 5:
    case 8: buf_put(out, five, sizeof five); break;
    case 10: buf_put(out, date, sizeof date); break;
    case 6: break;
    default: buf_u8(out, (uint8_t)strlen(text)); buf_str(out, text);
    }
}

static void execute_of(struct buf *out, const char *kinds)
{
    static const uint8_t head[] = {0x17, 1, 0, 0, 0, 0, 1, 0, 0, 0};
    uint8_t nulls = 0;
    buf_init(out, 0);
    buf_put(out, head, sizeof head);
    for (int i = 0; i < PARAMS; i++)
        nulls |= (uint8_t)((kinds[i] == '0') << i);
    buf_u8(out, nulls);
    buf_u8(out, 1);
    for (int i = 0; i < PARAMS; i++) {
        buf_u8(out, type_of(kinds[i]));
        buf_u8(out, kinds[i] == 'u' ? 0x80 : 0);
    }
    for (int i = 0; i < PARAMS; i++)
        put_value(out, kinds[i]);
}

static bool execute(struct statement *s, const char *kinds)
{
    struct buf b;
    execute_of(&b, kinds);
    bool changed = statement_settle(s, 0, b.p, b.n);
    (void)statement_types_learn(s, 0, b.p, b.n);
    buf_release(&b);
    return changed;
}

static bool reads_alike(struct statement *s, const char *kinds)
{
    struct buf b;
    execute_of(&b, kinds);
    bool alike = statement_reads_alike(s, 0, b.p, b.n);
    buf_release(&b);
    return alike;
}

static struct statement *prepared_text(struct statements *all, const char *derived,
                                       uint16_t columns, const char *text)
{
    uint8_t definition[32];
    size_t n = recording_hex("03646566000000013f000c3f0015000000088000000000", definition);
    statements_init(all);
    struct statement *s =
        statements_add(all, 1, 0, PARAMS, columns, mem_strdup(text), (uint32_t)strlen(text), NULL);
    statement_settles(s);
    for (unsigned i = 0; i < PARAMS && derived[i] != '?'; i++) {
        definition[17] = type_of(derived[i]);
        definition[18] = derived[i] == 'u' ? 0xA0 : 0x80;
        statement_defined(s, i, definition, n);
    }
    return s;
}

static struct statement *prepared(struct statements *all, const char *derived, uint16_t columns)
{
    return prepared_text(all, derived, columns, "x");
}

// The type of a NULL counts where it may decide that of something else.
Test(statement_settled, nulls_that_come_not_back)
{
    static const struct {
        const char *text;
        bool alike;
    } texts[] = {
        {"INSERT INTO t (a, b) VALUES (?, ?)", true},
        {"INSERT INTO t(a, b) values(?,?), (?, 'f(?)')", true},
        {"UPDATE t SET a = ? WHERE b IN (?) AND (c = 5)", true},
        {"DELETE FROM t WHERE a = ? /* f(?) */ AND b = NOW() -- f(?)\n AND c = ?", true},
        {"INSERT INTO t VALUES ('it\\'s (', ?)", true},
        {"INSERT INTO t VALUES (COALESCE(?, 5), ?)", false},
        {"INSERT INTO t VALUES (coalesce (a, (?)))", false},
        {"UPDATE t SET a = `f`(')', ?)", false},
        {"UPDATE t SET a = CASE WHEN b THEN ? ELSE c END", false},
        {"INSERT INTO t SELECT ?, b FROM t", false},
        {"INSERT INTO t VALUES (/*! f( */ ?)", false},
        {"INSERT INTO t VALUES )", false},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct statements all;
        struct statement *s = prepared_text(&all, "is", 0, texts[i].text);
        (void)execute(s, "fs");
        statement_prepared_anew(s);
        cr_expect_eq(reads_alike(s, "0s"), texts[i].alike, "%s", texts[i].text);
        statements_release(&all);
    }
}

Test(statement_settled, moved)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statements all;
        struct statement *s = prepared(&all, rows[i].derived, rows[i].columns);
        for (int k = 0; k < 3 && rows[i].before[k] != NULL; k++)
            (void)execute(s, rows[i].before[k]);
        statement_prepared_anew(s);
        cr_expect_eq(statement_is_apart(s), rows[i].apart, "%s", rows[i].about);
        cr_expect_eq(!statement_is_apart(s) || reads_alike(s, rows[i].after), rows[i].alike, "%s",
                     rows[i].about);
        statements_release(&all);
    }
}

Test(statement_settled, until_both_are_settled)
{
    struct statements all;
    struct statement *s = prepared(&all, "is", 0);
    cr_expect(execute(s, "fs"));
    cr_expect_not(execute(s, "fs"));
    statement_prepared_anew(s);
    (void)execute(s, "0s");
    cr_expect(statement_is_apart(s));
    (void)execute(s, "fs");
    cr_expect_not(statement_is_apart(s));
    statement_prepared_anew(s); // once more, and back
    statement_prepared_anew(s);
    cr_expect(statement_is_apart(s));
    (void)execute(s, "is");
    statements_release(&all);
}

Test(statement_settled, told)
{
    struct statements all;
    struct buf b;
    struct statement *s = prepared(&all, "ss", 1);
    (void)execute(s, "ii");
    statement_prepared_anew(s);
    execute_of(&b, "ss");
    cr_expect_not(statement_reads_alike(s, 0, b.p, b.n));
    statement_told_apart(s, 0, b.p, b.n);
    cr_expect_not(statement_is_apart(s));
    cr_expect(s->types_owed);
    cr_expect_eq(s->types[0], 0xFD); // the client does not send them again
    buf_release(&b);
    statement_prepared_anew(s);
    cr_expect_not(statement_is_apart(s));
    statements_release(&all);
}

Test(statement_settled, refused)
{
    struct statements all;
    struct statement *s = prepared(&all, "is", 0);
    (void)execute(s, "is");
    cr_expect(execute(s, "ii"));
    statement_unsettled(s);
    statement_prepared_anew(s);
    cr_expect(statement_is_apart(s));
    cr_expect(reads_alike(s, "ii"));
    cr_expect_not(reads_alike(s, "ff"));
    statements_release(&all);
}

Test(statement_settled, servers_that_settle_nothing)
{
    struct statements all;
    statements_init(&all);
    struct statement *s = statements_add(&all, 1, 0, PARAMS, 0, mem_strdup("x"), 1, NULL);
    cr_expect_not(execute(s, "ii"));
    statement_prepared_anew(s);
    cr_expect_not(statement_is_apart(s));
    statements_release(&all);
}
