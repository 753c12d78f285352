// The capture: answers to its questions, as both servers give them.
#include "state/capture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "state/capture_internal.h"
#include "wire/packet.h"

#define CAPS (CAP_PROTOCOL_41 | CAP_DEPRECATE_EOF)

static const struct capture_server maria = {CAPTURE_MARIADB, 101119};
static const struct capture_server mysql = {CAPTURE_MYSQL, 90704};

enum {
    T_DOUBLE = 5,
    T_LONGLONG = 8,
    T_DECIMAL = 246,
    T_BLOB = 251,
    T_STRING = 253,
    T_GEOMETRY = 255
};

// --- answers as a server would give them ---------------------------------------------------------

struct value {
    const char *p; // NULL: SQL's NULL
    size_t n;
};

#define TEXT(s) ((struct value){s, sizeof(s) - 1})
#define NONE ((struct value){NULL, 0})

static void feed(struct ask *a, struct buf *packet)
{
    struct sl_error err;
    cr_assert_eq(ask_packet(a, (struct slice){packet->p, packet->n}, &err), SL_OK, "%s", err.text);
    buf_release(packet);
}

static void feed_definition(struct ask *a, uint8_t type, uint16_t flags)
{
    struct buf b = {0};
    for (int i = 0; i < 6; i++)
        buf_lenenc_bytes(&b, "def", 3);
    buf_lenenc(&b, 12);
    buf_u16(&b, 45);
    buf_u32(&b, 0);
    buf_u8(&b, type);
    buf_u16(&b, flags);
    buf_u8(&b, 0);
    buf_u16(&b, 0);
    feed(a, &b);
}

static void feed_row(struct ask *a, const struct value *values, uint32_t columns)
{
    struct buf b = {0};
    for (uint32_t i = 0; i < columns; i++) {
        if (values[i].p != NULL)
            buf_lenenc_bytes(&b, values[i].p, values[i].n);
        else
            buf_u8(&b, 0xFB);
    }
    feed(a, &b);
}

// One question, answered with `rows` rows. All columns have the type and flags.
static void answer(struct ask *a, const struct value *values, uint32_t columns, uint32_t rows,
                   uint8_t type, uint16_t flags)
{
    struct buf b = {0};
    ask_init(a, CAPS, 2);
    ask_query(a, &b, "Q", 1);
    buf_release(&b);
    buf_lenenc(&b, columns);
    feed(a, &b);
    for (uint32_t i = 0; i < columns; i++)
        feed_definition(a, type, flags);
    for (uint32_t i = 0; i < rows; i++)
        feed_row(a, values + (size_t)i * columns, columns);
    buf_put(&b, "\xfe\x00\x00\x02\x00\x00\x00", 7);
    feed(a, &b);
}

static void answer_err(struct ask *a)
{
    struct buf b = {0};
    ask_init(a, CAPS, 2);
    ask_query(a, &b, "Q", 1);
    buf_release(&b);
    buf_put(&b, "\xff\x50\x04#HY000no", 11);
    feed(a, &b);
}

// --- reading -------------------------------------------------------------------------------------

// As many values as the question asks for; `special` is one of them.
static struct value make_blob(const struct capture_server *s, const char *name, const char *special)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(s, rows);
    struct buf b = {0};
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            buf_u8(&b, 0x1F);
        buf_str(&b, name != NULL && strcmp(rows[i]->name, name) == 0 ? special : "1");
    }
    size_t n;
    const char *p = (const char *)buf_steal(&b, &n);
    return (struct value){p, n};
}

static enum sl_code read_capture(struct capture *c, const struct capture_server *s,
                                 const struct value row[6])
{
    struct ask a;
    struct sl_error err;
    answer(&a, row, 6, 1, T_STRING, 0);
    enum sl_code code = capture_read(c, s, &a, 0, &err);
    ask_release(&a);
    return code;
}

Test(capture_read, read)
{
    struct capture c;
    struct value blob = make_blob(&maria, "character_set_results", "\x1e");
    struct value row[6] = {TEXT("18446744073709551615"), TEXT("dev"), TEXT("app"), TEXT("2"), blob};
    capture_init(&c);
    cr_assert_eq(read_capture(&c, &maria, row), SL_OK);
    cr_assert(c.known);
    cr_assert_eq(c.last_insert_id, UINT64_MAX);
    cr_assert_str_eq(c.role, "dev");
    cr_assert_str_eq(c.schema, "app");
    cr_assert_eq(c.results_collation, 45);
    unsigned nulls = 0;
    for (unsigned i = 0; i < c.value_count; i++)
        nulls += c.values[i] == NULL;
    cr_assert_eq(nulls, 1);
    mem_free((char *)blob.p);
    capture_release(&c);
}

Test(capture_read, read_without_role_and_schema)
{
    struct capture c;
    struct value blob = make_blob(&mysql, "character_set_client", "utf8");
    struct value row[6] = {TEXT("0"), TEXT("NONE"), NONE, TEXT("0"), blob};
    capture_init(&c);
    cr_assert_eq(read_capture(&c, &mysql, row), SL_OK);
    cr_assert_null(c.role);
    cr_assert_null(c.schema);
    bool renamed = false;
    for (unsigned i = 0; i < c.value_count; i++)
        renamed = renamed || strcmp(c.values[i], "utf8mb3") == 0; // its name everywhere
    cr_assert(renamed);
    mem_free((char *)blob.p);
    capture_release(&c);
}

Test(capture_read, read_what_is_malformed)
{
    struct value blob = make_blob(&mysql, NULL, NULL);
    struct value cut = {blob.p, blob.n - 2};
    struct value more = make_blob(&mysql, "sql_mode", "\x1f");
    const struct value rows[][6] = {
        {NONE, NONE, NONE, TEXT("0"), blob},
        {TEXT("18446744073709551616"), NONE, NONE, TEXT("0"), blob},
        {TEXT("-1"), NONE, NONE, TEXT("0"), blob},
        {TEXT("0"), NONE, NONE, TEXT("0"), NONE},
        {TEXT("0"), NONE, NONE, TEXT("0"), TEXT("")},
        {TEXT("0"), NONE, NONE, TEXT("0"), cut},
        {TEXT("0"), NONE, NONE, TEXT("0"), more},
    };
    struct capture c;
    struct sl_error err;
    struct ask a;
    capture_init(&c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(read_capture(&c, &mysql, rows[i]), SL_EPROTO, "%zu", i);
        cr_expect(!c.known);
    }
    answer(&a, rows[0], 5, 1, T_STRING, 0);
    cr_expect_eq(capture_read(&c, &mysql, &a, 0, &err), SL_EPROTO);
    ask_release(&a);
    answer(&a, rows[0], 6, 0, T_STRING, 0);
    cr_expect_eq(capture_read(&c, &mysql, &a, 0, &err), SL_EPROTO);
    ask_release(&a);
    answer_err(&a);
    cr_expect_eq(capture_read(&c, &mysql, &a, 0, &err), SL_ECONFLICT);
    cr_expect_not_null(strstr(err.text, "1104 (HY000): no"), "%s", err.text);
    ask_release(&a);
    mem_free((char *)blob.p);
    mem_free((char *)more.p);
}

// --- user variables ------------------------------------------------------------------------------

Test(capture_read, literals)
{
#define NUMBER(s) TEXT(s), TEXT("binary"), TEXT("binary"), TEXT(s)
#define NO_NUMBER NONE, TEXT("binary"), TEXT("binary"), NONE
    const struct {
        uint8_t type;
        uint16_t flags;
        struct value row[4];
        const char *literal; // NULL: refused
    } rows[] = {
        {T_LONGLONG, 128, {NUMBER("5")}, "CAST('5' AS SIGNED)"},
        {T_LONGLONG,
         128,
         {NUMBER("-9223372036854775808")},
         "CAST('-9223372036854775808' AS SIGNED)"},
        {T_LONGLONG,
         160,
         {NUMBER("18446744073709551615")},
         "CAST('18446744073709551615' AS UNSIGNED)"},
        {T_LONGLONG, 160, {NO_NUMBER}, "CAST('0' AS UNSIGNED),@`v`=NULL"},
        {T_DECIMAL, 128, {NUMBER("1.500")}, "CAST('1.500' AS DECIMAL(65,3))"},
        {T_DECIMAL, 128, {NUMBER("-7")}, "CAST('-7' AS DECIMAL(65,0))"},
        {T_DECIMAL, 128, {NO_NUMBER}, "CAST('0' AS DECIMAL(65,0)),@`v`=NULL"},
        {T_DOUBLE, 128, {NUMBER("0.1")}, "0.1e0"},
        {T_DOUBLE, 128, {NUMBER("-0")}, "-0e0"},
        {T_DOUBLE, 128, {NUMBER("1.7976931348623157e308")}, "1.7976931348623157e308"},
        {T_DOUBLE, 128, {NO_NUMBER}, "0e0,@`v`=NULL"},
        {T_LONGLONG, 128, {TEXT("1;DROP"), TEXT("binary"), TEXT("binary"), TEXT("1")}, NULL},
        {T_LONGLONG, 128, {TEXT("5"), TEXT("binary"), TEXT("binary"), TEXT("\0005")}, NULL},
        {T_BLOB,
         0,
         {TEXT("?"), TEXT("utf8"), TEXT("utf8_bin"), TEXT("\xc3\xa4")},
         "_utf8mb3 X'C3A4' COLLATE utf8mb3_bin"},
        {T_BLOB,
         0,
         {TEXT(""), TEXT("utf8mb4"), TEXT("utf8mb4_uca1400_ai_ci"), TEXT("")},
         "_utf8mb4 X'' COLLATE utf8mb4_uca1400_ai_ci"},
        {T_BLOB, 128, {TEXT("\0"), TEXT("binary"), TEXT("binary"), TEXT("\0")}, "_binary X'00'"},
        {T_BLOB,
         0,
         {NONE, TEXT("latin1"), TEXT("latin1_bin"), NONE},
         "_latin1 X'' COLLATE latin1_bin,@`v`=NULL"},
        {T_BLOB, 0, {TEXT("x"), TEXT("latin1"), TEXT("latin1_bin"), NONE}, NULL},
        {T_BLOB, 0, {TEXT("x"), TEXT("latin1"), TEXT("a b"), TEXT("x")}, NULL},
        {T_BLOB, 0, {TEXT("x"), NONE, TEXT("latin1_bin"), TEXT("x")}, NULL},
        {T_GEOMETRY, 128, {TEXT("x"), TEXT("binary"), TEXT("binary"), TEXT("x")}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *names[] = {"v"};
        struct capture c;
        struct ask a;
        struct sl_error err;
        capture_init(&c);
        answer(&a, rows[i].row, 4, 1, rows[i].type, rows[i].flags);
        enum sl_code code = capture_values_read(&c, names, 1, &a, 0, &err);
        if (rows[i].literal == NULL) {
            cr_expect_eq(code, SL_EUNSUPPORTED, "%zu", i);
        } else {
            cr_assert_eq(code, SL_OK, "%zu %s", i, err.text);
            cr_expect_str_eq(c.variables[0].literal, rows[i].literal);
        }
        ask_release(&a);
        capture_release(&c);
    }
}

Test(capture_read, values_are_in_order_of_name)
{
    const char *names[] = {"b", "a"};
    const struct value row[] = {TEXT("1"), TEXT("binary"), TEXT("binary"), TEXT("1"),
                                TEXT("2"), TEXT("binary"), TEXT("binary"), TEXT("2")};
    struct capture c;
    struct ask a;
    struct sl_error err;
    capture_init(&c);
    answer(&a, row, 8, 1, T_LONGLONG, 128);
    for (int i = 0; i < 2; i++) { // over what was there
        cr_assert_eq(capture_values_read(&c, names, 2, &a, 0, &err), SL_OK);
        cr_assert_eq(c.variable_count, 2);
        cr_assert_str_eq(c.variables[0].name, "a");
        cr_assert_str_eq(c.variables[0].literal, "CAST('2' AS SIGNED)");
    }
    cr_assert_eq(capture_values_read(&c, names, 1, &a, 0, &err), SL_EPROTO);
    cr_assert_eq(c.variable_count, 0);
    ask_release(&a);
    answer(&a, row, 8, 0, T_LONGLONG, 128); // too large: no row
    cr_assert_eq(capture_values_read(&c, names, 2, &a, 0, &err), SL_EUNSUPPORTED);
    ask_release(&a);
    answer_err(&a);
    cr_assert_eq(capture_values_read(&c, names, 2, &a, 0, &err), SL_ECONFLICT);
    cr_assert_eq(capture_values_read(&c, names, 0, &a, 0, &err), SL_OK);
    ask_release(&a);
    capture_release(&c);
}

// --- all variables -------------------------------------------------------------------------------

static void add_changed(struct portrait *p, const char *name, const char *value)
{
    struct variable **end = &p->changed;
    while (*end != NULL)
        end = &(*end)->next;
    *end = mem_zalloc(sizeof **end);
    (*end)->name = mem_strdup(name);
    (*end)->value = mem_strdup(value);
}

static const char *changed_value(const struct portrait *p, const char *name)
{
    for (const struct variable *v = p->changed; v != NULL; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return v->value;
    }
    return NULL;
}

Test(capture_read, full)
{
    const struct value rows[] = {
        TEXT("LONG_QUERY_TIME"),
        TEXT("1"),
        TEXT("10"), // new
        TEXT("OPTIMIZER_SWITCH"),
        TEXT("b"),
        TEXT("a"), // another value
        TEXT("JOIN_BUFFER_SIZE"),
        TEXT("7"),
        TEXT("7"), // set back unseen
        TEXT("SORT_BUFFER_SIZE"),
        TEXT("7"),
        TEXT("7"), // never changed
        TEXT("INNODB_TMPDIR"),
        NONE,
        TEXT("/x"), //
        TEXT("CHARACTER_SET_DATABASE"),
        TEXT("latin1"),
        TEXT("gbk"), // the schema's
        TEXT("SESSION_TRACK_SCHEMA"),
        TEXT("ON"),
        TEXT("OFF"), // ours
        TEXT("AUTO_INCREMENT_INCREMENT"),
        TEXT("5"),
        TEXT("1"), // the client's, as was reported
        NONE,
        TEXT("1"),
        TEXT("2"),
    };
    struct portrait p;
    struct ask a;
    struct sl_error err;
    portrait_init(&p);
    add_changed(&p, "optimizer_switch", "x");
    add_changed(&p, "join_buffer_size", "5");
    add_changed(&p, "auto_increment_increment", "5");
    answer(&a, rows, 3, 9, T_STRING, 0);
    cr_assert_eq(capture_full_read(&p, &a, 0, &err), SL_OK);
    cr_assert_str_eq(changed_value(&p, "auto_increment_increment"), "5");
    cr_assert_str_eq(changed_value(&p, "long_query_time"), "1");
    cr_assert_str_eq(changed_value(&p, "optimizer_switch"), "b");
    cr_assert_str_eq(changed_value(&p, "join_buffer_size"), "7");
    cr_assert_str_eq(changed_value(&p, "innodb_tmpdir"), "");
    cr_assert_null(changed_value(&p, "sort_buffer_size"));
    cr_assert_null(changed_value(&p, "character_set_database"));
    cr_assert_null(changed_value(&p, "session_track_schema"));
    cr_assert(!p.odd && !p.truncated);
    ask_release(&a);
    portrait_release(&p);
}

Test(capture_read, full_of_what_cannot_be_replayed)
{
    const char *const names[] = {"AUTO_INCREMENT_OFFSET", "PSEUDO_SLAVE_MODE"};
    for (size_t i = 0; i < 2; i++) {
        struct value row[] = {{names[i], strlen(names[i])}, TEXT("2"), TEXT("1")};
        struct portrait p;
        struct ask a;
        struct sl_error err;
        portrait_init(&p);
        answer(&a, row, 3, 1, T_STRING, 0);
        cr_assert_eq(capture_full_read(&p, &a, 0, &err), SL_OK);
        cr_assert(p.odd);
        cr_assert_null(p.changed);
        ask_release(&a);
        row[1] = row[2];
        p.odd = false;
        answer(&a, row, 3, 1, T_STRING, 0);
        cr_assert_eq(capture_full_read(&p, &a, 0, &err), SL_OK);
        cr_assert(!p.odd);
        ask_release(&a);
        portrait_release(&p);
    }
}

Test(capture_read, full_refused_or_malformed)
{
    struct portrait p;
    struct ask a;
    struct sl_error err;
    portrait_init(&p);
    answer_err(&a);
    cr_assert_eq(capture_full_read(&p, &a, 0, &err), SL_ECONFLICT);
    ask_release(&a);
    answer(&a, NULL, 2, 0, T_STRING, 0);
    cr_assert_eq(capture_full_read(&p, &a, 0, &err), SL_EPROTO);
    ask_release(&a);
    portrait_release(&p);
}
