// Looking at a snapshot: rows for `show config`, and what differs between two.
#include "config/inspect.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "config/value.h"

const char *config_effect_name(enum config_effect effect)
{
#define X(name, text) [CONFIG_EFFECT_##name] = text,
    static const char *const names[] = {CONFIG_EFFECTS(X)};
#undef X
    assert((size_t)effect < sizeof names / sizeof names[0]);
    return names[effect];
}

void config_dump_start(struct config_dump *d, const struct config *c)
{
    *d = (struct config_dump){.config = c};
}

bool config_dump_next(struct config_dump *d, struct config_row *row)
{
    const struct config_store *s = config_store_of(d->config);
    while (d->next < s->entry_count && !config_entry_has_value(&s->entries[d->next]))
        d->next++;
    if (d->next == s->entry_count)
        return false;
    const struct config_entry *e = &s->entries[d->next++];
    buf_clear(&d->value);
    buf_clear(&d->origin);
    config_value_format(e->option, e->field, &d->value);
    if (e->line == 0)
        buf_str(&d->origin, "default");
    else
        buf_printf(&d->origin, "%s:%d", s->file, e->line);
    *row = (struct config_row){e->key, buf_text(&d->value), buf_text(&d->origin)};
    return true;
}

void config_dump_end(struct config_dump *d)
{
    buf_release(&d->value);
    buf_release(&d->origin);
}

static void add_change(struct config_diff *d, const struct config_entry *e,
                       enum config_change_kind kind)
{
    d->items = mem_realloc(d->items, (d->count + 1) * sizeof *d->items);
    d->items[d->count++] = (struct config_change){mem_strdup(e->key), e->option->effect, kind};
    d->restarts += e->option->effect == CONFIG_EFFECT_RESTART;
}

// The same key in the other snapshot. Both are in the order of the table, so the search begins
// where the last one ended, and goes round.
static const struct config_entry *counterpart(const struct config_store *s, const char *key,
                                              size_t *hint)
{
    for (size_t i = 0; i < s->entry_count; i++) {
        size_t at = (*hint + i) % s->entry_count;
        if (strcmp(s->entries[at].key, key) != 0)
            continue;
        *hint = at + 1;
        return &s->entries[at];
    }
    return NULL;
}

void config_diff(const struct config *before, const struct config *after, struct config_diff *out)
{
    const struct config_store *old = config_store_of(before), *new = config_store_of(after);
    size_t hint = 0;
    *out = (struct config_diff){0};
    for (size_t i = 0; i < new->entry_count; i++) {
        const struct config_entry *e = &new->entries[i];
        const struct config_entry *was = counterpart(old, e->key, &hint);
        if (was == NULL)
            add_change(out, e, CONFIG_ADDED);
        else if (!config_value_equal(e->option, was->field, e->field))
            add_change(out, e, CONFIG_CHANGED);
    }
    hint = 0;
    for (size_t i = 0; i < old->entry_count; i++)
        if (counterpart(new, old->entries[i].key, &hint) == NULL)
            add_change(out, &old->entries[i], CONFIG_REMOVED);
}

void config_diff_release(struct config_diff *d)
{
    for (size_t i = 0; i < d->count; i++)
        mem_free(d->items[i].key);
    mem_free(d->items);
    *d = (struct config_diff){0};
}
