// The texts of the capture: the questions, and the statements that make one side like the other.
//
//   want, have ──> SET ROLE | USE | SET @a=..,@b=.. | SET @@SESSION.x=..,..  (character sets last)
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "state/capture.h"
#include "state/capture_internal.h"

#define SET_MAX ((size_t)32 << 10) // bytes of one SET, but for a single larger assignment
#define SQL_MAX ((size_t)8 << 20)

// --- questions -----------------------------------------------------------------------------------

void capture_question(const struct capture_server *both, bool release_locks, struct buf *sql)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(both, rows);
    // MariaDB's function came with 10.5.2; before it, hidden locks stay unknown.
    bool can = both->family == CAPTURE_MYSQL || both->version >= 100502;
    buf_str(sql, "SELECT CAST(LAST_INSERT_ID() AS BINARY),"
                 "CAST(CONVERT(CURRENT_ROLE() USING utf8mb4) AS BINARY),"
                 "CAST(CONVERT(DATABASE() USING utf8mb4) AS BINARY),");
    buf_str(sql, release_locks && can ? "CAST(RELEASE_ALL_LOCKS() AS BINARY)" : "0");
    buf_str(sql, ",CAST(CONCAT_WS(X'1F'");
    for (unsigned i = 0; i < count; i++) {
        if (rows[i]->expression != NULL)
            buf_printf(sql, ",%s", rows[i]->expression);
        else
            buf_printf(sql, ",IFNULL(@@SESSION.%s,X'1E')", rows[i]->name);
    }
    buf_str(sql, ") AS BINARY),_utf8mb4'x' LIMIT 1");
}

const char *capture_select_anything(const struct capture_server *s)
{
    return s->family == CAPTURE_MARIADB
               ? "SET STATEMENT sql_big_selects=1,max_statement_time=0 FOR SELECT "
               : "SELECT /*+ SET_VAR(sql_big_selects=1) */ ";
}

void capture_names_question(const struct capture_server *s, struct buf *sql)
{
    buf_printf(sql, "%sCAST(VARIABLE_NAME AS BINARY) FROM ", capture_select_anything(s));
    if (s->family == CAPTURE_MARIADB)
        buf_str(sql, "information_schema.USER_VARIABLES");
    else if (s->version >= 80016)
        buf_str(sql, "performance_schema.user_variables_by_thread"
                     " WHERE THREAD_ID=PS_CURRENT_THREAD_ID()");
    else
        buf_str(sql, "performance_schema.user_variables_by_thread WHERE THREAD_ID="
                     "(SELECT THREAD_ID FROM performance_schema.threads"
                     " WHERE PROCESSLIST_ID=CONNECTION_ID())");
    buf_printf(sql, " LIMIT %d", CAPTURE_USER_VARIABLES_MAX + 1);
}

// What those without a global value are born with; of others there (timestamp, gtid_next, ...) a
// report alone is enough (portrait.c).
#define ONLY_OF_SESSIONS                                                                           \
    "CASE s.VARIABLE_NAME WHEN _utf8mb4'use_secondary_engine' THEN _utf8mb4'ON'"                   \
    " WHEN _utf8mb4'resultset_metadata' THEN _utf8mb4'FULL'"                                       \
    " WHEN _utf8mb4'transaction_allow_batching' THEN _utf8mb4'OFF'"                                \
    " WHEN _utf8mb4'show_create_table_skip_secondary_engine' THEN _utf8mb4'OFF'"                   \
    " ELSE s.VARIABLE_VALUE END"

void capture_full_question(const struct capture_server *s, struct buf *sql)
{
    buf_str(sql, capture_select_anything(s));
    if (s->family == CAPTURE_MARIADB)
        buf_str(sql, "CAST(VARIABLE_NAME AS BINARY),CAST(SESSION_VALUE AS BINARY),"
                     "CAST(GLOBAL_VALUE AS BINARY) FROM information_schema.SYSTEM_VARIABLES"
                     " WHERE VARIABLE_SCOPE='SESSION' LIMIT 5000");
    else
        // Both tables list variables without a session value as well, and those may change between
        // the two readings; from 9.0 on the server says which they are.
        buf_printf(sql,
                   "CAST(s.VARIABLE_NAME AS BINARY),CAST(s.VARIABLE_VALUE AS BINARY),"
                   "CAST(IFNULL(g.VARIABLE_VALUE," ONLY_OF_SESSIONS ") AS BINARY)"
                   " FROM performance_schema.session_variables s"
                   " LEFT JOIN performance_schema.global_variables g"
                   " ON g.VARIABLE_NAME=s.VARIABLE_NAME%s LIMIT 5000",
                   s->version < 90000 ? ""
                                      : " JOIN performance_schema.variables_metadata m"
                                        " ON m.VARIABLE_NAME=s.VARIABLE_NAME"
                                        " AND m.VARIABLE_SCOPE<>'GLOBAL'");
}

// --- values --------------------------------------------------------------------------------------

// Only what every client character set and sql_mode reads as itself.
static bool plain(const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s < ' ' || *s > '~' || *s == '\\' || *s == '"')
            return false;
    }
    return true;
}

static bool number(const char *s)
{
    size_t whole;
    if (*s == '-')
        s++;
    whole = strspn(s, "0123456789");
    if (whole == 0)
        return false;
    s += whole;
    if (*s == '.')
        s += 1 + strspn(s + 1, "0123456789");
    return *s == '\0';
}

static void put_quoted(struct buf *sql, const char *s, char quote)
{
    buf_put(sql, &quote, 1);
    for (; *s != '\0'; s++) {
        if (*s == quote)
            buf_put(sql, &quote, 1);
        buf_put(sql, s, 1);
    }
    buf_put(sql, &quote, 1);
}

void capture_put_name(struct buf *sql, const char *name)
{
    put_quoted(sql, name, '`');
}

void capture_put_hex(struct buf *sql, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_str(sql, "X'");
    uint8_t *to = n > 0 ? buf_extend(sql, 2 * n) : NULL;
    for (size_t i = 0; to != NULL && i < n; i++) {
        to[2 * i] = (uint8_t)digits[p[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[p[i] & 15];
    }
    buf_str(sql, "'");
}

void capture_put_value(struct buf *sql, const char *value)
{
    if (value == NULL) {
        buf_str(sql, "NULL");
    } else if (number(value) || strcmp(value, "DEFAULT") == 0) {
        buf_str(sql, value);
    } else if (plain(value)) {
        // Without the prefix it is utf16 under that collation_connection, and MySQL refuses it.
        buf_str(sql, "_utf8mb4");
        put_quoted(sql, value, '\'');
    } else {
        buf_str(sql, "_utf8mb4 ");
        capture_put_hex(sql, (const uint8_t *)value, strlen(value));
    }
}

// --- statements ----------------------------------------------------------------------------------

// Assignments gathered into one SET.
struct writer {
    struct buf sql;
    void (*emit)(void *arg, const char *sql, size_t n);
    void *arg;
};

static void writer_init(struct writer *w, void (*emit)(void *, const char *, size_t), void *arg)
{
    *w = (struct writer){.emit = emit, .arg = arg};
    buf_init(&w->sql, SQL_MAX);
}

static void flush(struct writer *w)
{
    assert(!w->sql.failed);
    if (w->sql.n > 0)
        w->emit(w->arg, (const char *)w->sql.p, w->sql.n);
    buf_clear(&w->sql);
}

static void writer_end(struct writer *w)
{
    flush(w);
    buf_wipe(&w->sql);
}

// The next assignment, of about `n` bytes, is put behind this.
static void next(struct writer *w, size_t n)
{
    if (w->sql.n > 0 && w->sql.n + n > SET_MAX)
        flush(w);
    buf_str(&w->sql, w->sql.n > 0 ? "," : "SET ");
}

static void set_variable(struct writer *w, const char *name, const char *value)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    next(w, strlen(name) + (value != NULL ? strlen(value) : 0));
    buf_str(&w->sql, "@@SESSION.");
    if (name[strspn(name, letters)] == '\0') // also a component's, which has a dot
        buf_str(&w->sql, name);
    else
        capture_put_name(&w->sql, name);
    buf_str(&w->sql, "=");
    // Only system_versioning_asof takes no quotes around it; of another it is the new server's.
    if (capture_same(value, "DEFAULT") && strcmp(name, "system_versioning_asof") != 0)
        buf_str(&w->sql, "_utf8mb4'DEFAULT'");
    else
        capture_put_value(&w->sql, value);
}

// A statement about a name that may hold any UTF-8, alone.
static void name_statement(struct writer *w, const char *verb, const char *name)
{
    flush(w);
    if (!plain(name)) {
        set_variable(w, "character_set_client", "utf8mb4");
        flush(w);
    }
    buf_str(&w->sql, verb);
    capture_put_name(&w->sql, name);
    flush(w);
}

static void set_role(struct writer *w, const char *role, const struct capture_server *both)
{
    if (role != NULL && both->family == CAPTURE_MARIADB) {
        name_statement(w, "SET ROLE ", role);
        return;
    }
    flush(w);
    if (role != NULL && !plain(role)) {
        set_variable(w, "character_set_client", "utf8mb4");
        flush(w);
    }
    // MySQL gives a list that is quoted already.
    buf_printf(&w->sql, "SET ROLE %s", role != NULL ? role : "NONE");
    flush(w);
}

static const char *literal_of(const struct capture *c, const char *name)
{
    for (unsigned i = 0; i < c->variable_count; i++) {
        if (strcmp(c->variables[i].name, name) == 0)
            return c->variables[i].literal;
    }
    return NULL;
}

static void set_user_variables(struct writer *w, const struct capture *want,
                               const struct capture *have)
{
    for (unsigned i = 0; i < want->variable_count; i++) {
        const struct capture_user_variable *v = &want->variables[i];
        if (capture_same(v->literal, literal_of(have, v->name)))
            continue;
        next(w, strlen(v->name) + strlen(v->literal));
        buf_str(&w->sql, "@");
        capture_put_name(&w->sql, v->name);
        buf_str(&w->sql, "=");
        buf_str(&w->sql, v->literal);
    }
    flush(w);
}

static bool in_rows(const struct capture_row *const *rows, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(rows[i]->name, name) == 0)
            return true;
    }
    return false;
}

// Variables of the portrait that the table does not have.
static void set_changed(struct writer *w, const struct portrait *p,
                        const struct capture_row *const *rows, unsigned count)
{
    for (const struct variable *v = p->changed; v != NULL; v = v->next) {
        struct slice name = {(const uint8_t *)v->name, strlen(v->name)};
        if (portrait_variable_kind(name) == VARIABLE_REPLAYED && !in_rows(rows, count, v->name))
            set_variable(w, v->name, v->value);
    }
}

// Once set by the client. Setting it says more than its value shows: a character set for results
// chosen at login has a collation, which column definitions carry; one that is SET has the default.
static bool was_set(const struct portrait *p, const char *name)
{
    for (const struct variable *v = p != NULL ? p->changed : NULL; v != NULL; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return true;
    }
    return false;
}

static const char *value_of(const struct capture *c, const struct capture_row *const *rows,
                            unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(rows[i]->name, name) == 0)
            return c->values[i] != NULL ? c->values[i] : "";
    return "";
}

// The report that brought a variable last; 0: none, it is as the login made it.
static uint32_t report_of(const struct portrait *p, const char *name)
{
    for (const struct variable *v = p != NULL ? p->changed : NULL; v != NULL; v = v->next) {
        if (strcmp(v->name, name) == 0)
            return v->report;
    }
    return 0;
}

// What a session has of character sets, and which report brought each of them.
struct names {
    const char *client, *connection, *results, *collation;
    uint32_t client_at, connection_at, results_at, collation_at;
};

static struct names names_of(const struct capture *want, const struct portrait *p,
                             const struct capture_row *const *rows, unsigned count)
{
    return (struct names){
        .client = value_of(want, rows, count, "character_set_client"),
        .connection = value_of(want, rows, count, "character_set_connection"),
        .results = value_of(want, rows, count, "character_set_results"),
        .collation = value_of(want, rows, count, "collation_connection"),
        .client_at = report_of(p, "character_set_client"),
        .connection_at = report_of(p, "character_set_connection"),
        .results_at = report_of(p, "character_set_results"),
        .collation_at = report_of(p, "collation_connection"),
    };
}

static void set_results_by_name(struct writer *w, const struct names *n)
{
    set_variable(w, "character_set_results", *n->results != '\0' ? n->results : NULL);
}

// Collations may be given by number as well, but on MariaDB not that of a character set for results:
// there the number is made a name on the way.
static void set_results_by_number(struct writer *w, const struct names *n, uint16_t id,
                                  const struct capture_server *both)
{
    char number[8];
    bool wide = strncmp(n->results, "utf16", 5) == 0 || strcmp(n->results, "ucs2") == 0 ||
                strcmp(n->results, "utf32") == 0; // not for SET NAMES
    bool alike = strcmp(n->client, n->results) == 0;
    if (*n->results == '\0' || strcmp(n->results, "binary") == 0 || wide)
        return;
    (void)snprintf(number, sizeof number, "%u", id);
    if (both->family == CAPTURE_MYSQL) {
        set_variable(w, "character_set_results", number);
        if (alike)
            set_variable(w, "character_set_client", number);
        return;
    }
    flush(w);
    buf_printf(&w->sql, "SET collation_connection=%s", number);
    flush(w);
    buf_str(&w->sql, "EXECUTE IMMEDIATE CONCAT(_latin1'SET NAMES ',@@character_set_connection,"
                     "_latin1' COLLATE ',@@collation_connection)");
    flush(w);
    if (!alike)
        set_variable(w, "character_set_client", n->client);
    set_variable(w, "character_set_connection", n->connection);
    set_variable(w, "collation_connection", n->collation);
}

// A login, and SET NAMES x COLLATE y, give the client's and the results' character set that collation
// as well, which no variable shows, but metadata and comparisons of parameters do. MySQL's
// COM_RESET_CONNECTION does the same with the defaults. What was SET by itself afterwards has its
// default again: the reports tell what came together, and the results' collation is known.
static void set_collations(struct writer *w, const struct capture *want, const struct capture *have,
                           const struct capture_server *both, const struct portrait *p,
                           const struct names *n)
{
    bool set = was_set(p, "character_set_client") || was_set(p, "character_set_connection") ||
               was_set(p, "character_set_results") || was_set(p, "collation_connection");
    bool reset = p != NULL && p->reset;
    bool named = n->client_at == n->connection_at && n->collation_at <= n->client_at &&
                 strcmp(n->client, n->connection) == 0;
    bool together = n->results_at == n->client_at;
    if (have->replayed && want->results_collation != have->results_collation) {
        set_results_by_number(w, n, want->results_collation, both);
    } else if (!set && !(reset ? both->family == CAPTURE_MYSQL : have->entered)) {
        return; // as the login made it
    } else if (named) {
        flush(w);
        buf_printf(&w->sql, "SET NAMES %s COLLATE %s", n->client, n->collation);
        flush(w);
        if (!together || strcmp(n->client, n->results) != 0)
            set_results_by_name(w, n);
    } else if (together) {
        set_results_by_number(w, n, want->results_collation, both);
    }
}

static void set_row(struct writer *w, const struct capture_row *row, const char *value)
{
    if (row->how == ALONE)
        flush(w);
    set_variable(w, row->name, value);
    if (row->how == ALONE)
        flush(w);
}

void capture_difference(const struct capture *want, const struct capture *have,
                        const struct capture_server *both, const struct portrait *p,
                        void (*emit)(void *arg, const char *sql, size_t n), void *arg)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    unsigned count = capture_rows(both, rows);
    struct writer w;
    assert(want->value_count == count && have->value_count == count);
    writer_init(&w, emit, arg);
    if (!capture_same(want->role, have->role))
        set_role(&w, want->role, both);
    if (want->schema != NULL && !capture_same(want->schema, have->schema))
        name_statement(&w, "USE ", want->schema);
    set_user_variables(&w, want, have);
    if (p != NULL)
        set_changed(&w, p, rows, count);
    bool before = false;
    for (unsigned i = 0; i < count; i++) {
        before = !capture_same(want->values[i], have->values[i]) ||
                 (before && rows[i]->how == AGAIN) || was_set(p, rows[i]->name) ||
                 (want->results_collation != have->results_collation &&
                  strcmp(rows[i]->name, "character_set_results") == 0);
        if (before && rows[i]->expression == NULL)
            set_row(&w, rows[i], want->values[i]);
    }
    struct names names = names_of(want, p, rows, count);
    set_collations(&w, want, have, both, p, &names);
    if (want->last_insert_id != have->last_insert_id) {
        next(&w, 0);
        buf_printf(&w.sql, "@@SESSION.last_insert_id=%llu",
                   (unsigned long long)want->last_insert_id);
    }
    writer_end(&w);
}

void capture_changed(const struct portrait *p, void (*emit)(void *arg, const char *sql, size_t n),
                     void *arg)
{
    struct writer w;
    writer_init(&w, emit, arg);
    for (const struct variable *v = p->changed; v != NULL; v = v->next) {
        struct slice name = {(const uint8_t *)v->name, strlen(v->name)};
        if (portrait_variable_kind(name) == VARIABLE_REPLAYED &&
            strncmp(v->name, "character_set_", 14) != 0 && strncmp(v->name, "collation_", 10) != 0)
            set_variable(&w, v->name, v->value);
    }
    writer_end(&w);
}

void capture_enter_context(const struct context *c,
                           void (*emit)(void *arg, const char *sql, size_t n), void *arg)
{
    struct writer w;
    writer_init(&w, emit, arg);
    if (c->schema != NULL)
        name_statement(&w, "USE ", c->schema);
    // The character sets, which are the first of them, last: texts behind them are read in others.
    for (int k = 0; k < CONTEXT_COUNT; k++) {
        int i = (k + CONTEXT_sql_mode) % CONTEXT_COUNT;
        if (c->values[i] != NULL)
            set_variable(&w, context_variable_name((enum context_variable)i), c->values[i]);
    }
    writer_end(&w);
}
