// The prepared statements of one session, by the client's id.
#include "state/statements.h"

#include <stddef.h>

#include "base/mem.h"

#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(p, size) mem_free(p)
#include <uthash.h>

struct statement_entry {
    struct statement s; // first: a pointer to it is one to the entry
    UT_hash_handle hh;
};

void statements_init(struct statements *s)
{
    *s = (struct statements){0};
}

void statements_release(struct statements *s)
{
    statements_clear(s);
    statements_init(s);
}

struct statement *statements_find(const struct statements *s, uint32_t id)
{
    struct statement_entry *found = NULL;
    if (id == STATEMENT_LAST)
        id = s->last_id;
    HASH_FIND(hh, s->table, &id, sizeof id, found);
    return found != NULL ? &found->s : NULL;
}

struct statement *statements_next(const struct statements *s, const struct statement *after)
{
    const struct statement_entry *e = (const struct statement_entry *)after;
    struct statement_entry *next = e == NULL ? s->table : e->hh.next;
    return next != NULL ? &next->s : NULL;
}

static void free_entry(struct statement_entry *e)
{
    context_unref(e->s.context);
    mem_free(e->s.types);
    mem_free(e->s.settled);
    mem_free(e->s.text);
    mem_free(e);
}

static void forget(struct statements *s, struct statement *one)
{
    struct statement_entry *e = (struct statement_entry *)one;
    s->cursors -= one->cursor;
    s->long_data -= one->long_data;
    s->incomplete -= one->incomplete;
    s->text_bytes -= one->text_n;
    HASH_DEL(s->table, e);
    free_entry(e);
}

// The id that the client gets for what the server calls `server_id`.
static uint32_t client_id(const struct statements *s, uint32_t server_id)
{
    return s->moved ? s->highest + 1 : server_id;
}

struct statement *statements_add(struct statements *s, uint32_t server_id, uint32_t scan,
                                 uint16_t params, uint16_t columns, char *text, uint32_t text_n,
                                 struct context *context)
{
    uint32_t id = client_id(s, server_id);
    struct statement *old = statements_find(s, id);
    if (old != NULL)
        forget(s, old);
    if (statements_count(s) >= STATEMENTS_MAX || id == STATEMENT_LAST) {
        s->last_id = 0;
        mem_free(text);
        context_unref(context);
        return NULL;
    }
    if (text != NULL && text_n > STATEMENTS_TEXT_MAX - s->text_bytes) {
        mem_free(text);
        text = NULL;
    }
    struct statement_entry *e = mem_zalloc(sizeof *e);
    e->s = (struct statement){.id = id,
                              .server_id = server_id,
                              .scan = scan,
                              .params = params,
                              .columns = columns,
                              .text = text,
                              .context = context};
    e->s.text_n = text != NULL ? text_n : 0;
    s->text_bytes += e->s.text_n;
    s->last_id = id;
    s->highest = id > s->highest ? id : s->highest;
    HASH_ADD(hh, s->table, s.id, sizeof e->s.id, e);
    statements_set_incomplete(s, &e->s, text == NULL);
    return &e->s;
}

void statements_remove(struct statements *s, uint32_t id)
{
    struct statement *one = statements_find(s, id);
    if (one != NULL)
        forget(s, one);
}

void statements_clear(struct statements *s)
{
    struct statement_entry *e, *next;
    HASH_ITER (hh, s->table, e, next) {
        HASH_DEL(s->table, e);
        free_entry(e);
    }
    *s = (struct statements){.highest = s->highest, .moved = s->moved};
}

unsigned statements_count(const struct statements *s)
{
    return HASH_COUNT(s->table);
}

uint32_t statements_scan(const struct statements *s, uint32_t id)
{
    const struct statement *one = statements_find(s, id);
    return one != NULL ? one->scan : 0;
}

// Sets a mark that is counted.
static void mark(bool *is, bool on, uint32_t *count)
{
    if (*is == on)
        return;
    *is = on;
    *count += on ? 1 : UINT32_MAX;
}

void statements_set_cursor(struct statements *s, uint32_t id, bool open)
{
    struct statement *one = s->cursors > 0 || open ? statements_find(s, id) : NULL;
    if (one != NULL)
        mark(&one->cursor, open, &s->cursors);
}

void statements_set_long_data(struct statements *s, uint32_t id, bool pending)
{
    struct statement *one = s->long_data > 0 || pending ? statements_find(s, id) : NULL;
    if (one != NULL)
        mark(&one->long_data, pending, &s->long_data);
}

void statements_set_incomplete(struct statements *s, struct statement *one, bool incomplete)
{
    mark(&one->incomplete, incomplete, &s->incomplete);
}
