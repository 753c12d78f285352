// User variables: the question that gives their types and values, and the expressions that make
// them again.
//
//   4 columns each:  @`a` (type; value of a number) | CHARSET | COLLATION | CAST(@`a` AS BINARY)
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/capture.h"
#include "state/capture_internal.h"

enum column { COLUMN_VALUE, COLUMN_CHARSET, COLUMN_COLLATION, COLUMN_BYTES, COLUMNS };

// MYSQL_TYPE_* as column definitions of user variables have them, and a flag.
enum { TYPE_DOUBLE = 5, TYPE_LONGLONG = 8, TYPE_NEWDECIMAL = 246, TYPE_GEOMETRY = 255 };
#define FLAG_UNSIGNED 32

#define LITERAL_MAX (2 * CAPTURE_VALUES_MAX + 1000)
#define NUMBER_MAX 100 // no number and no name of a collation is longer
#define NAME_BYTES_MAX 100
#define GROUP 32

static bool ascii_name(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s < ' ' || *s > '~')
            return false;
    }
    return true;
}

static void put_variable(struct buf *sql, const char *before, const char *name, const char *after)
{
    buf_str(sql, before);
    capture_put_name(sql, name);
    buf_str(sql, after);
}

// The bytes of all values. In groups, since each level of the sum takes some of the server's stack.
static void put_size(const char *const *names, unsigned count, struct buf *sql)
{
    for (unsigned i = 0; i < count; i++) {
        if (i % GROUP == 0)
            buf_str(sql, i == 0 ? "(" : ")+(");
        put_variable(sql, i % GROUP == 0 ? "IFNULL(OCTET_LENGTH(@" : "+IFNULL(OCTET_LENGTH(@",
                     names[i], "),0)");
    }
    buf_str(sql, ")");
}

enum sl_code capture_values_question(const char *const *names, unsigned count, struct buf *sql,
                                     struct sl_error *err)
{
    if (count > CAPTURE_USER_VARIABLES_MAX)
        return sl_fail(err, SL_EUNSUPPORTED, "more than %d user variables",
                       CAPTURE_USER_VARIABLES_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (!ascii_name(names[i]) || strlen(names[i]) > NAME_BYTES_MAX)
            return sl_fail(err, SL_EUNSUPPORTED, "the name of a user variable is not plain ASCII");
    }
    if (count == 0) {
        buf_str(sql, "DO 0");
        return SL_OK;
    }
    for (unsigned i = 0; i < count; i++) {
        put_variable(sql, i == 0 ? "SELECT @" : ",@", names[i], "");
        put_variable(sql, ",CHARSET(@", names[i], ")");
        put_variable(sql, ",COLLATION(@", names[i], ")");
        put_variable(sql, ",CAST(@", names[i], " AS BINARY)");
    }
    buf_str(sql, " FROM DUAL WHERE ");
    put_size(names, count, sql);
    buf_printf(sql, "<=%zu LIMIT 1", CAPTURE_VALUES_MAX);
    return SL_OK;
}

// Digits, sign, dot and exponent: what may stand in a literal without quotes.
static bool number_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (memchr("0123456789+-.eE", s.p[i], 15) == NULL)
            return false;
    }
    return s.n > 0 && s.n <= NUMBER_MAX;
}

static bool word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool letter = (s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z';
        bool digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (!letter && !digit && s.p[i] != '_')
            return false;
    }
    return s.n > 0 && s.n < 64;
}

// ASCII text in any character_set_results: utf16, ucs2 and utf32 only add zeros. One that does not
// fit `out` stays as it is.
static struct slice plain(struct slice text, uint8_t out[NUMBER_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\0')
            continue;
        if (n == NUMBER_MAX)
            return text;
        out[n++] = text.p[i];
    }
    return (struct slice){out, n};
}

// Its scale is that of its text; the column definition has the largest one.
static void put_decimal(struct buf *out, struct slice text)
{
    const uint8_t *dot = memchr(text.p, '.', text.n);
    size_t scale = dot != NULL ? (size_t)(text.p + text.n - dot) - 1 : 0;
    buf_printf(out, "CAST('%.*s' AS DECIMAL(65,%zu))", (int)text.n, (const char *)text.p, scale);
}

// A bare literal is a double only with an exponent.
static void put_double(struct buf *out, struct slice text)
{
    buf_put(out, text.p, text.n);
    if (memchr(text.p, 'e', text.n) == NULL && memchr(text.p, 'E', text.n) == NULL)
        buf_str(out, "e0");
}

// `bytes`: as a binary string. MySQL remembers with a number the character set that it is converted
// to; one that is not like ASCII (utf16, ucs2, utf32) could not be restored.
static bool put_number(struct buf *out, const struct ask_column *column, struct slice text,
                       struct slice bytes)
{
    uint8_t ascii[NUMBER_MAX];
    text = plain(text, ascii);
    if (!number_text(text) || bytes.n == 0 || memchr(bytes.p, 0, bytes.n) != NULL)
        return false;
    if (column->type == TYPE_DOUBLE)
        put_double(out, text);
    else if (column->type == TYPE_NEWDECIMAL)
        put_decimal(out, text);
    else
        buf_printf(out, "CAST('%.*s' AS %s)", (int)text.n, (const char *)text.p,
                   column->flags & FLAG_UNSIGNED ? "UNSIGNED" : "SIGNED");
    return true;
}

// Before MySQL 8.0.30 and MariaDB 10.6 utf8mb3 was called utf8.
static void put_charset(struct buf *out, struct slice name)
{
    bool old = name.n >= 4 && memcmp(name.p, "utf8", 4) == 0 && (name.n == 4 || name.p[4] == '_');
    if (old) {
        buf_str(out, "utf8mb3");
        name.p += 4;
        name.n -= 4;
    }
    buf_put(out, name.p, name.n);
}

static bool put_string(struct buf *out, const struct ask *a, unsigned i, uint32_t at,
                       struct slice bytes)
{
    uint8_t ascii[2][NUMBER_MAX];
    struct slice charset;
    struct slice collation;
    if (!ask_value(a, i, 0, at + COLUMN_CHARSET, &charset) ||
        !ask_value(a, i, 0, at + COLUMN_COLLATION, &collation))
        return false;
    charset = plain(charset, ascii[0]);
    collation = plain(collation, ascii[1]);
    if (!word(charset) || !word(collation))
        return false;
    buf_str(out, "_");
    put_charset(out, charset);
    buf_str(out, " ");
    capture_put_hex(out, bytes.p, bytes.n);
    if (collation.n == 6 && memcmp(collation.p, "binary", 6) == 0)
        return true; // BINARY is a keyword there, and the only collation
    buf_str(out, " COLLATE ");
    put_charset(out, collation);
    return true;
}

// Appends the expression of the variable whose columns begin at `at`; false when it has none.
static bool put_literal(struct buf *out, const struct ask *a, unsigned i, uint32_t at,
                        const char *name)
{
    static const struct slice zero = {(const uint8_t *)"0", 1};
    struct ask_column column;
    struct slice value;
    struct slice bytes;
    if (!ask_column(a, i, at, &column) || column.type == TYPE_GEOMETRY)
        return false;
    bool null = !ask_value(a, i, 0, at + COLUMN_VALUE, &value);
    // A value of which only one is there is one that did not fit in max_allowed_packet.
    if (ask_value(a, i, 0, at + COLUMN_BYTES, &bytes) == null)
        return false;
    bool numeric = column.type == TYPE_DOUBLE || column.type == TYPE_NEWDECIMAL ||
                   column.type == TYPE_LONGLONG;
    if (numeric && !put_number(out, &column, null ? zero : value, null ? zero : bytes))
        return false;
    if (!numeric && !put_string(out, a, i, at, null ? (struct slice){0} : bytes))
        return false;
    if (null) // its type is that of what was there before
        put_variable(out, ",@", name, "=NULL");
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct capture_user_variable *x = a;
    const struct capture_user_variable *y = b;
    return strcmp(x->name, y->name);
}

static enum sl_code check_answer(const struct ask *a, unsigned i, unsigned count,
                                 struct sl_error *err)
{
    const struct answer *answer = ask_answer(a, i);
    char text[300];
    if (answer->kind == ANSWER_ERR)
        return sl_fail(err, SL_ECONFLICT, "the server refused the question: %s",
                       ask_error_text(a, i, text, sizeof text));
    if (answer->kind != ANSWER_ROWS || answer->columns != count * COLUMNS || answer->rows > 1)
        return sl_fail(err, SL_EPROTO, "not the answer to the question about user variables");
    struct ask_column column;
    if (!ask_column(a, i, 0, &column))
        return sl_fail(err, SL_EUNSUPPORTED, "user variables while resultset_metadata is NONE");
    if (answer->rows == 0)
        return sl_fail(err, SL_EUNSUPPORTED, "user variables of more than %zu bytes",
                       CAPTURE_VALUES_MAX);
    return SL_OK;
}

enum sl_code capture_values_read(struct capture *c, const char *const *names, unsigned count,
                                 const struct ask *a, unsigned i, struct sl_error *err)
{
    capture_drop_variables(c);
    if (count == 0)
        return SL_OK;
    enum sl_code code = check_answer(a, i, count, err);
    if (code != SL_OK)
        return code;
    c->variables = mem_array(count, sizeof *c->variables);
    for (unsigned k = 0; k < count; k++) {
        struct buf literal;
        buf_init(&literal, LITERAL_MAX);
        bool fine = put_literal(&literal, a, i, k * COLUMNS, names[k]) && !literal.failed;
        if (fine) {
            c->variables[k].name = mem_strdup(names[k]);
            c->variables[k].literal = mem_strdup(buf_text(&literal));
            c->variable_count = k + 1;
        }
        buf_wipe(&literal);
        if (!fine)
            return sl_fail(err, SL_EUNSUPPORTED,
                           "the value of user variable @%s cannot be written as an expression",
                           names[k]);
    }
    qsort(c->variables, count, sizeof *c->variables, by_name);
    return SL_OK;
}
