// The portrait of a session, from what the server reports. See portrait.h for the picture.
//
// A context is never changed once another holds it: a change makes a new one.
#include "state/portrait.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "wire/reply.h"

#define NAME_MAX_BYTES 64 // of a variable

// --- kinds of variables -----------------------------------------------------------------------------

static const struct {
    const char *name;
    enum variable_kind kind;
} kinds[] = {
    // Of the statement, not of the session; or captured by their own questions.
    {"error_count", VARIABLE_IGNORED},
    {"gtid_owned", VARIABLE_IGNORED},
    {"identity", VARIABLE_IGNORED},
    {"last_gtid", VARIABLE_IGNORED},
    {"last_insert_id", VARIABLE_IGNORED},
    {"statement_id", VARIABLE_IGNORED},
    {"warning_count", VARIABLE_IGNORED},
    // Setting them acts on the server's replication, not on the session.
    {"max_relay_log_size", VARIABLE_IGNORED},
    {"sql_slave_skip_counter", VARIABLE_IGNORED},
    // For the next statement, or used up: where the old server stands is not told.
    {"insert_id", VARIABLE_ODD},
    {"rand_seed1", VARIABLE_ODD},
    {"rand_seed2", VARIABLE_ODD},
    {"timestamp", VARIABLE_ODD},
    // Applying a binary log by hand, or writing one in a way of one's own.
    {"gtid_domain_id", VARIABLE_ODD},
    {"gtid_next", VARIABLE_ODD},
    {"gtid_next_list", VARIABLE_ODD},
    {"gtid_seq_no", VARIABLE_ODD},
    {"immediate_server_version", VARIABLE_ODD},
    {"original_commit_timestamp", VARIABLE_ODD},
    {"original_server_version", VARIABLE_ODD},
    {"pseudo_replica_mode", VARIABLE_ODD},
    {"pseudo_slave_mode", VARIABLE_ODD},
    {"pseudo_thread_id", VARIABLE_ODD},
    {"require_row_format", VARIABLE_ODD},
    {"server_id", VARIABLE_ODD},
    {"skip_parallel_replication", VARIABLE_ODD},
    {"skip_replication", VARIABLE_ODD},
    {"sql_log_bin", VARIABLE_ODD},
    {"wsrep_gtid_seq_no", VARIABLE_ODD},
    {"wsrep_on", VARIABLE_ODD},
    // What they collect stays behind.
    {"optimizer_trace", VARIABLE_ODD},
    {"profiling", VARIABLE_ODD},
    // They follow the default database, unless somebody sets them.
    {"character_set_database", VARIABLE_ODD},
    {"collation_database", VARIABLE_ODD},
};

static bool name_is(struct slice name, const char *s)
{
    return strlen(s) == name.n && strncasecmp((const char *)name.p, s, name.n) == 0;
}

static bool begins(struct slice name, const char *s)
{
    size_t n = strlen(s);
    return name.n >= n && strncasecmp((const char *)name.p, s, n) == 0;
}

enum variable_kind portrait_variable_kind(struct slice name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (name_is(name, kinds[i].name))
            return kinds[i].kind;
    }
    return begins(name, "debug") ? VARIABLE_ODD : VARIABLE_REPLAYED;
}

static const char *const context_names[CONTEXT_COUNT] = {
#define X(id) [CONTEXT_##id] = #id,
    CONTEXT_VARIABLES(X)
#undef X
};

const char *context_variable_name(enum context_variable v)
{
    return context_names[v];
}

static int context_index(struct slice name)
{
    for (int i = 0; i < CONTEXT_COUNT; i++) {
        if (name_is(name, context_names[i]))
            return i;
    }
    return -1;
}

// --- contexts -----------------------------------------------------------------------------------------

struct context *context_ref(struct context *c)
{
    if (c != NULL)
        c->references++;
    return c;
}

void context_unref(struct context *c)
{
    if (c != NULL && --c->references == 0)
        mem_free(c);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool context_equal(const struct context *a, const struct context *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    for (int i = 0; i < CONTEXT_COUNT; i++) {
        if (!same_text(a->values[i], b->values[i]))
            return false;
    }
    return same_text(a->schema, b->schema);
}

static struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

// Copies `text` to *end, NUL and all; NULL stays NULL.
static const char *put_text(char **end, struct slice text)
{
    char *at = *end;
    if (text.p == NULL)
        return NULL;
    memcpy(at, text.p, text.n);
    at[text.n] = '\0';
    *end = at + text.n + 1;
    return at;
}

static struct context *context_new(struct slice schema, const struct slice values[CONTEXT_COUNT])
{
    size_t n = schema.n + 1;
    for (int i = 0; i < CONTEXT_COUNT; i++)
        n += values[i].n + 1;
    struct context *c = mem_alloc(sizeof *c + n);
    char *end = (char *)(c + 1);
    c->references = 1;
    c->schema = put_text(&end, schema);
    for (int i = 0; i < CONTEXT_COUNT; i++)
        c->values[i] = put_text(&end, values[i]);
    return c;
}

static void lose_context(struct portrait *p)
{
    context_unref(p->now);
    p->now = NULL;
}

static bool can_hold(struct slice reported, size_t most)
{
    return reported.n <= most && memchr(reported.p, '\0', reported.n) == NULL;
}

// --- the portrait -------------------------------------------------------------------------------------

void portrait_init(struct portrait *p)
{
    *p = (struct portrait){0};
}

static void variable_free(struct variable *v)
{
    mem_free(v->name);
    mem_free(v->value);
    mem_free(v);
}

void portrait_release(struct portrait *p)
{
    while (p->changed != NULL) {
        struct variable *v = p->changed;
        p->changed = v->next;
        variable_free(v);
    }
    lose_context(p);
}

void portrait_reset(struct portrait *p)
{
    portrait_release(p);
    portrait_init(p);
}

void portrait_baseline(struct portrait *p, const char *schema,
                       const char *const values[CONTEXT_COUNT])
{
    struct slice texts[CONTEXT_COUNT];
    for (int i = 0; i < CONTEXT_COUNT; i++)
        texts[i] = slice_of(values[i]);
    if (p->now == NULL)
        p->now = context_new(slice_of(schema), texts);
}

void portrait_missed(struct portrait *p)
{
    p->missed = true;
    p->charsets++;
    lose_context(p);
}

static void forget(struct portrait *p, struct slice name)
{
    for (struct variable **at = &p->changed; *at != NULL; at = &(*at)->next) {
        struct variable *v = *at;
        if (!name_is(name, v->name))
            continue;
        *at = v->next;
        variable_free(v);
        return;
    }
}

static char *lower_case(struct slice name)
{
    char *s = mem_strndup((const char *)name.p, name.n);
    for (char *c = s; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    return s;
}

static void remember(struct portrait *p, struct slice name, struct slice value)
{
    unsigned count = 0;
    struct variable **end = &p->changed;
    forget(p, name);
    for (; *end != NULL; end = &(*end)->next)
        count++;
    if (count >= PORTRAIT_VARIABLES_MAX || !can_hold(name, NAME_MAX_BYTES) ||
        !can_hold(value, PORTRAIT_VALUE_MAX)) {
        p->truncated = true;
        return;
    }
    struct variable *v = mem_zalloc(sizeof *v);
    v->name = lower_case(name);
    v->value = mem_strndup((const char *)value.p, value.n);
    v->report = p->reports;
    *end = v;
}

static void set(struct portrait *p, struct slice name, struct slice value)
{
    switch (portrait_variable_kind(name)) {
    case VARIABLE_IGNORED: break;
    case VARIABLE_ODD: p->odd = true; break;
    case VARIABLE_REPLAYED: remember(p, name, value); break;
    }
}

// --- reports --------------------------------------------------------------------------------------------

// What one block says of the context, until its end is reached.
struct reading {
    struct slice values[CONTEXT_COUNT]; // p NULL: not in the report
    struct slice schema;
    bool certain;
    bool lost; // the context is not what it was, and not told in full
};

// MariaDB and MySQL have more than one row of session_track_*: those that sluice relies on.
static bool is_tracking(struct slice name)
{
    return name_is(name, "session_track_schema") || name_is(name, "session_track_state_change") ||
           name_is(name, "session_track_system_variables");
}

static void read_variable(struct portrait *p, struct reading *r, struct slice name,
                          struct slice value, struct portrait_news *out)
{
    if (is_tracking(name)) {
        out->tracking = true;
        return;
    }
    if (portrait_variable_kind(name) == VARIABLE_IGNORED)
        return;
    out->variables = true;
    int i = context_index(name);
    p->charsets += i >= 0 && i <= CONTEXT_collation_connection ? 1 : 0;
    if (i == CONTEXT_character_set_client)
        out->client_charset = value;
    if (i >= 0 && r->certain)
        r->values[i] = value;
    r->lost = r->lost || (i >= 0 && !r->certain);
    if (r->certain) {
        set(p, name, value);
        return;
    }
    forget(p, name);
    p->missed = true;
    p->odd = p->odd || portrait_variable_kind(name) == VARIABLE_ODD;
}

static void read_entry(struct portrait *p, struct reading *r, const struct track_entry *entry,
                       struct portrait_news *out)
{
    struct reader pairs = reader_make(entry->data.p, entry->data.n);
    struct slice name, value;
    switch (entry->type) {
    case TRACK_SYSTEM_VARIABLES:
        while (track_variable_next(&pairs, &name, &value))
            read_variable(p, r, name, value, out);
        p->missed = p->missed || pairs.failed;
        p->charsets += pairs.failed ? 1 : 0;
        r->lost = r->lost || pairs.failed;
        break;
    case TRACK_SCHEMA:
        out->schema = true;
        if (!track_text(entry, &r->schema))
            r->lost = true;
        break;
    case TRACK_STATE_CHANGE: out->state_change = true; break;
    default: break;
    }
}

// The context with what is reported of it; NULL when that cannot be held.
static struct context *changed_context(const struct context *was, const struct reading *r)
{
    struct slice schema = r->schema.p != NULL ? r->schema : slice_of(was->schema);
    struct slice values[CONTEXT_COUNT];
    if (r->schema.p != NULL && r->schema.n == 0)
        schema = (struct slice){0}; // the default database was dropped
    bool held = schema.p == NULL || can_hold(schema, PORTRAIT_VALUE_MAX);
    for (int i = 0; i < CONTEXT_COUNT; i++) {
        bool counts = r->values[i].p != NULL && was->values[i] != NULL;
        values[i] = counts ? r->values[i] : slice_of(was->values[i]);
        held = held && (values[i].p == NULL || can_hold(values[i], PORTRAIT_VALUE_MAX));
    }
    return held ? context_new(schema, values) : NULL;
}

// The context after the report: of the two about the connection's character set either both are
// told or none.
static void change_context(struct portrait *p, const struct reading *r)
{
    struct context *was = p->now;
    bool charset = r->values[CONTEXT_character_set_connection].p != NULL;
    bool collation = r->values[CONTEXT_collation_connection].p != NULL;
    bool same = r->schema.p == NULL && !r->lost;
    for (int i = 0; i < CONTEXT_COUNT; i++)
        same = same && r->values[i].p == NULL;
    if (was == NULL || same)
        return;
    p->now = r->lost || charset != collation ? NULL : changed_context(was, r);
    if (p->now != NULL && context_equal(p->now, was)) {
        context_unref(p->now);
        p->now = was;
        return;
    }
    context_unref(was);
}

enum sl_code portrait_report(struct portrait *p, struct reader block, bool certain,
                             struct portrait_news *out)
{
    struct reading r = {.certain = certain};
    p->reports++;
    struct track_entry entry;
    *out = (struct portrait_news){0};
    while (track_next(&block, &entry))
        read_entry(p, &r, &entry, out);
    if (block.failed) {
        portrait_missed(p);
        return SL_EPROTO;
    }
    change_context(p, &r);
    return SL_OK;
}
