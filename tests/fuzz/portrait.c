// Reports of changed state: bounded whatever they say, and a context is known or it is not.
//
// Input: one byte (bit 0: certain, bit 1: with a baseline), then blocks of a length byte and bytes.
#include "state/portrait.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct portrait *p)
{
    unsigned count = 0;
    for (const struct variable *v = p->changed; v != NULL; v = v->next) {
        struct slice name = {(const uint8_t *)v->name, strlen(v->name)};
        if (strlen(v->value) > PORTRAIT_VALUE_MAX ||
            portrait_variable_kind(name) != VARIABLE_REPLAYED)
            abort();
        for (const struct variable *w = v->next; w != NULL && count < 8; w = w->next) {
            if (strcmp(v->name, w->name) == 0)
                abort();
        }
        count++;
    }
    if (count > PORTRAIT_VARIABLES_MAX)
        abort();
    for (int i = 0; p->now != NULL && i < CONTEXT_COUNT; i++) {
        if ((p->now->values[i] == NULL) != (i >= CONTEXT_OF_ALL))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const base[CONTEXT_COUNT] = {"utf8mb4", "utf8mb4", "utf8mb4_bin", ""};
    struct portrait p;
    struct portrait_news news;
    struct context *kept = NULL;
    if (size == 0)
        return 0;
    portrait_init(&p);
    for (size_t at = 1; at < size;) {
        size_t n = data[at] < size - at - 1 ? data[at] : size - at - 1;
        if (data[0] & 2)
            portrait_baseline(&p, "app", base);
        if (kept == NULL)
            kept = context_ref(p.now);
        if (portrait_report(&p, reader_make(data + at + 1, n), data[0] & 1, &news) != SL_OK &&
            (!p.missed || p.now != NULL))
            abort();
        check(&p);
        at += n + 1;
    }
    if (kept != NULL && (strcmp(kept->schema, "app") != 0 || kept->references == 0))
        abort();
    context_unref(kept);
    portrait_release(&p);
    return 0;
}
