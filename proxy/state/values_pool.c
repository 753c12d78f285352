// Captured values, each different array once (values_pool.h). A plain list: there are few, and the
// hash tells them apart.
#include "state/values_pool.h"

#include <assert.h>

#include "base/mem.h"
#include "state/capture_internal.h"

struct shared_values {
    struct shared_values *next;
    unsigned references;
    unsigned count;
    uint64_t hash;
    char **values; // heap, as in struct capture
};

// FNV-1a, each value's end and NULL counted as bytes that no text has.
static uint64_t hash_of(char *const *values, unsigned count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < count; i++) {
        for (const char *s = values[i] != NULL ? values[i] : "\xFE"; *s != '\0'; s++)
            hash = (hash ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
        hash = (hash ^ 0xFF) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool are_equal(const struct shared_values *v, const struct capture *c, uint64_t hash)
{
    if (v->hash != hash || v->count != c->value_count)
        return false;
    for (unsigned i = 0; i < v->count; i++)
        if (!capture_same(v->values[i], c->values[i]))
            return false;
    return true;
}

static void free_values(char **values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        mem_free(values[i]);
    mem_free(values);
}

void values_pool_init(struct values_pool *p)
{
    *p = (struct values_pool){0};
}

struct shared_values *values_pool_keep(struct values_pool *p, struct capture *c)
{
    uint64_t hash = hash_of(c->values, c->value_count);
    struct shared_values *v = p->first;
    while (v != NULL && !are_equal(v, c, hash))
        v = v->next;
    if (v != NULL) {
        free_values(c->values, c->value_count);
    } else {
        v = mem_zalloc(sizeof *v);
        *v = (struct shared_values){
            .next = p->first, .count = c->value_count, .hash = hash, .values = c->values};
        p->first = v;
        p->count++;
    }
    v->references++;
    c->values = NULL;
    c->value_count = 0;
    return v;
}

void values_pool_copy(const struct shared_values *v, struct capture *c)
{
    assert(c->values == NULL);
    c->values = mem_array(v->count, sizeof *c->values);
    c->value_count = v->count;
    for (unsigned i = 0; i < v->count; i++)
        c->values[i] = v->values[i] != NULL ? mem_strdup(v->values[i]) : NULL;
}

void values_pool_drop(struct values_pool *p, struct shared_values *v)
{
    if (v == NULL || --v->references > 0)
        return;
    struct shared_values **at = &p->first;
    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    p->count--;
    free_values(v->values, v->count);
    mem_free(v);
}
