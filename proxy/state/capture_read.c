// The answers to the capture's questions about a session and about all its variables.
//
//   one row: id | role | schema | locks | value 1F value 1F 1E 1F value ... | text   (1E is NULL)
#include <string.h>

#include "base/mem.h"
#include "state/capture.h"
#include "state/capture_internal.h"

enum column {
    COLUMN_ID,
    COLUMN_ROLE,
    COLUMN_SCHEMA,
    COLUMN_LOCKS = CAPTURE_LOCKS,
    COLUMN_VALUES,
    COLUMN_TEXT,
    COLUMNS
};

#define SEPARATOR 0x1F
#define MARK_NULL 0x1E

// Whether the answer has `columns` and `rows`; -1: any number of rows.
static enum sl_code check_shape(const struct ask *a, unsigned i, uint32_t columns, int64_t rows,
                                struct sl_error *err)
{
    const struct answer *answer = ask_answer(a, i);
    char text[300];
    if (answer->kind == ANSWER_ERR)
        return sl_fail(err, SL_ECONFLICT, "the server refused the question: %s",
                       ask_error_text(a, i, text, sizeof text));
    if (answer->kind != ANSWER_ROWS || answer->columns != columns ||
        (rows >= 0 && answer->rows != (uint64_t)rows))
        return sl_fail(err, SL_EPROTO, "%u columns and %u rows, expected %u and %lld",
                       answer->columns, answer->rows, columns, (long long)rows);
    return SL_OK;
}

static bool to_u64(struct slice s, uint64_t *out)
{
    uint64_t v = 0;
    bool fine = s.n > 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(s.p[i] - '0');
        fine = fine && digit <= 9 && v <= (UINT64_MAX - digit) / 10;
        v = v * 10 + digit;
    }
    *out = v;
    return fine;
}

static char *copy(struct slice s)
{
    return mem_strndup((const char *)s.p, s.n);
}

static bool begins(struct slice s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

// Servers before MySQL 8.0.30 and MariaDB 10.6 say "utf8" for what is "utf8mb3" everywhere.
static char *character_set_value(struct slice s)
{
    if (begins(s, "utf8_") || (begins(s, "utf8") && s.n == 4))
        return mem_printf("utf8mb3%.*s", (int)(s.n - 4), (const char *)s.p + 4);
    return copy(s);
}

static char *read_value(const struct capture_row *row, struct slice s)
{
    struct slice name = {(const uint8_t *)row->name, strlen(row->name)};
    if (s.n == 1 && s.p[0] == MARK_NULL)
        return NULL;
    if (begins(name, "character_set_") || begins(name, "collation_"))
        return character_set_value(s);
    return copy(s);
}

static bool read_values(struct capture *c, const struct capture_server *both, struct slice all)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(both, rows);
    c->values = mem_array(count, sizeof *c->values);
    c->value_count = count;
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *end = all.n > 0 ? memchr(all.p, SEPARATOR, all.n) : NULL;
        bool last = i + 1 == count;
        if ((end == NULL) != last)
            return false;
        size_t n = last ? all.n : (size_t)(end - all.p);
        if (n > 0 && memchr(all.p, '\0', n) != NULL)
            return false;
        c->values[i] = read_value(rows[i], (struct slice){all.p, n});
        all.p += last ? n : n + 1;
        all.n -= last ? n : n + 1;
    }
    return true;
}

enum sl_code capture_read(struct capture *c, const struct capture_server *both, const struct ask *a,
                          unsigned i, struct sl_error *err)
{
    struct slice id;
    struct slice role;
    struct slice schema;
    struct slice values;
    struct ask_column text;
    enum sl_code code = check_shape(a, i, COLUMNS, 1, err);
    capture_release(c);
    if (code != SL_OK)
        return code;
    if (ask_value(a, i, 0, COLUMN_ROLE, &role) &&
        !(both->family == CAPTURE_MYSQL && role.n == 4 && memcmp(role.p, "NONE", 4) == 0))
        c->role = copy(role);
    if (ask_value(a, i, 0, COLUMN_SCHEMA, &schema))
        c->schema = copy(schema);
    if (ask_column(a, i, COLUMN_TEXT, &text))
        c->results_collation = text.charset;
    c->known = ask_value(a, i, 0, COLUMN_ID, &id) && to_u64(id, &c->last_insert_id) &&
               ask_value(a, i, 0, COLUMN_VALUES, &values) && read_values(c, both, values);
    if (c->known)
        return SL_OK;
    capture_release(c);
    return sl_fail(err, SL_EPROTO, "the answer to the question about a session is malformed");
}

// --- all variables -------------------------------------------------------------------------------

enum { FULL_NAME, FULL_SESSION, FULL_GLOBAL, FULL_COLUMNS };

// Follow the schema, or belong to the link or to sluice, or are another's second name.
static const char *const not_ours[] = {
    "character_set_database",
    "collation_database",
    "max_allowed_packet",
    "net_buffer_length",
    "storage_engine",
    "session_track_schema",
    "session_track_state_change",
    "session_track_system_variables",
};

// What a replay might make worse, unless the client is known to have set it: with these of the old
// server, two masters make the same keys.
static const char *const server_bound[] = {"auto_increment_"};

static bool listed(const char *const *list, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++) {
        if (begins(name, list[i]))
            return true;
    }
    return false;
}

static struct variable *take_out(struct portrait *p, const char *name)
{
    for (struct variable **at = &p->changed; *at != NULL; at = &(*at)->next) {
        struct variable *v = *at;
        if (strcmp(v->name, name) == 0) {
            *at = v->next;
            return v;
        }
    }
    return NULL;
}

// The variable's value is this; it goes to the end of the list.
static void change(struct portrait *p, struct variable *v, const char *name, struct slice value)
{
    unsigned count = 0;
    struct variable **end = &p->changed;
    for (; *end != NULL; end = &(*end)->next)
        count++;
    p->truncated |= value.n > PORTRAIT_VALUE_MAX || count >= PORTRAIT_VARIABLES_MAX;
    if (v != NULL) {
        mem_free(v->name);
        mem_free(v->value);
    } else {
        v = mem_zalloc(sizeof *v);
    }
    *v = (struct variable){.name = mem_strdup(name), .value = copy(value), .report = v->report};
    *end = v;
}

// `differs` from the global value. One that does not may have been set back unseen.
static void merge(struct portrait *p, const char *text, struct slice value, bool differs)
{
    struct slice name = {(const uint8_t *)text, strlen(text)};
    if (listed(not_ours, sizeof not_ours / sizeof *not_ours, name))
        return;
    enum variable_kind kind = portrait_variable_kind(name);
    struct variable *v = kind == VARIABLE_REPLAYED ? take_out(p, text) : NULL;
    if (v == NULL && listed(server_bound, sizeof server_bound / sizeof *server_bound, name))
        kind = VARIABLE_ODD;
    if (kind == VARIABLE_ODD && differs)
        p->odd = true;
    if (kind != VARIABLE_REPLAYED)
        return;
    if (v != NULL || differs)
        change(p, v, text, value);
}

// Names are lower case in a portrait, and upper case in MariaDB's information_schema.
static void merge_row(struct portrait *p, const struct ask *a, unsigned i, uint32_t row)
{
    struct slice name;
    struct slice session;
    struct slice global;
    if (!ask_value(a, i, row, FULL_NAME, &name))
        return;
    bool null = !ask_value(a, i, row, FULL_SESSION, &session);
    bool differs = null == ask_value(a, i, row, FULL_GLOBAL, &global) || session.n != global.n ||
                   memcmp(session.p, global.p, session.n) != 0;
    char *lower = copy(name);
    for (char *s = lower; *s != '\0'; s++)
        *s = (char)(*s >= 'A' && *s <= 'Z' ? *s + ('a' - 'A') : *s);
    merge(p, lower, session, differs);
    mem_free(lower);
}

enum sl_code capture_full_read(struct portrait *p, const struct ask *a, unsigned i,
                               struct sl_error *err)
{
    enum sl_code code = check_shape(a, i, FULL_COLUMNS, -1, err);
    if (code != SL_OK)
        return code;
    for (uint32_t row = 0; row < ask_answer(a, i)->rows; row++)
        merge_row(p, a, i, row);
    return SL_OK;
}
