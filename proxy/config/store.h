// The heap behind a snapshot: the public struct, the memory that it points into, and where each
// key came from. Private to this folder.
#ifndef SLUICE_CONFIG_STORE_H
#define SLUICE_CONFIG_STORE_H

#include "config/errors.h"
#include "config/node.h"
#include "config/option.h"

// One key of the snapshot. Elements of a mapping or list of structs have an entry too, in front of
// those of their keys: it has the row of the mapping or list, and no value.
struct config_entry {
    char *key; // "drain.rules[0].match.user", owned by the store
    const struct config_option *option;
    void *field;
    int line, column; // of the value; 0: the default
    bool bad;         // had a value that was refused, and has its default now
};

struct config_chunk;

struct config_store {
    struct config config; // first: a pointer to one is a pointer to the other
    char *file;
    struct config_chunk *chunks;
    struct config_entry *entries; // in the order of the table
    size_t entry_count, entry_room;
    char **warnings;
    size_t warning_count;
};

static inline bool config_entry_has_value(const struct config_entry *e)
{
    return e->option->type != CONFIG_TYPE_MAP_OF && e->option->type != CONFIG_TYPE_LIST_OF;
}

// With one reference.
struct config_store *config_store_new(const char *file);
const struct config_store *config_store_of(const struct config *c);

// Memory that lives as long as the snapshot and is wiped with it. Zeroed, never NULL.
void *config_store_alloc(struct config_store *s, size_t count, size_t size);
char *config_store_text(struct config_store *s, const char *text, size_t length);

struct config_entry *config_store_add(struct config_store *s, const char *key,
                                      const struct config_option *option, void *field);
// The entry of exactly this key, or NULL.
struct config_entry *config_store_find(const struct config_store *s, const char *key);
void config_store_warn(struct config_store *s, const struct config_entry *at, const char *fmt, ...)
    SL_PRINTF(3, 4);
// Where to report something about an entry.
struct config_place config_entry_place(const struct config_store *s, const struct config_entry *e);

#endif
