// Memory of a snapshot: chunks that are wiped and freed together, so that no secret in it can be
// forgotten, and the list of entries that `show config`, cross-checks and reload read.
#include "config/store.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct config_chunk {
    struct config_chunk *next;
    size_t size; // of all of it
    max_align_t data[];
};

// By config_unref, through the public struct.
static void destroy(struct config *c)
{
    struct config_store *s = (struct config_store *)(void *)c;
    for (struct config_chunk *chunk = s->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        mem_wipe_free(chunk, chunk->size);
    }
    for (size_t i = 0; i < s->warning_count; i++)
        mem_free(s->warnings[i]);
    mem_free(s->warnings);
    mem_free(s->entries);
    mem_free(s->file);
    mem_wipe_free(s, sizeof *s);
}

struct config_store *config_store_new(const char *file)
{
    struct config_store *s = mem_zalloc(sizeof *s);
    s->file = mem_strdup(file);
    s->config.destroy = destroy;
    atomic_init(&s->config.refs, 1U);
    return s;
}

// Snapshots of other origin (a test's own struct) have no store.
const struct config_store *config_store_of(const struct config *c)
{
    assert(c->destroy == destroy);
    return (const struct config_store *)(const void *)c;
}

void *config_store_alloc(struct config_store *s, size_t count, size_t size)
{
    // The file is capped, and so is what can be asked for here.
    assert(count <= CONFIG_FILE_MAX && size <= CONFIG_FILE_MAX);
    size_t whole = sizeof(struct config_chunk) + count * size;
    struct config_chunk *chunk = mem_zalloc(whole);
    chunk->size = whole;
    chunk->next = s->chunks;
    s->chunks = chunk;
    return chunk->data;
}

char *config_store_text(struct config_store *s, const char *text, size_t length)
{
    char *copy = config_store_alloc(s, length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

struct config_entry *config_store_add(struct config_store *s, const char *key,
                                      const struct config_option *option, void *field)
{
    if (s->entry_count == s->entry_room) {
        s->entry_room = s->entry_room == 0 ? 128 : 2 * s->entry_room;
        s->entries = mem_realloc(s->entries, s->entry_room * sizeof *s->entries);
    }
    struct config_entry *e = &s->entries[s->entry_count++];
    *e = (struct config_entry){.option = option, .field = field};
    e->key = config_store_text(s, key, strlen(key));
    return e;
}

struct config_entry *config_store_find(const struct config_store *s, const char *key)
{
    for (size_t i = 0; i < s->entry_count; i++)
        if (strcmp(s->entries[i].key, key) == 0)
            return &s->entries[i];
    return NULL;
}

struct config_place config_entry_place(const struct config_store *s, const struct config_entry *e)
{
    // A default has no place of its own: the file as a whole, from its first character.
    bool placed = e->line > 0;
    return (struct config_place){s->file, placed ? e->line : 1, placed ? e->column : 1, e->key};
}

void config_store_warn(struct config_store *s, const struct config_entry *at, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    struct config_place place = config_entry_place(s, at);
    s->warnings = mem_realloc(s->warnings, (s->warning_count + 1) * sizeof *s->warnings);
    s->warnings[s->warning_count++] = config_place_text(&place, "%s", what);
}
