// Which connections on a backend are ours: their numbers on that server, gathered from all workers.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/move.h"

struct links_part {
    uint32_t *ids; // heap
    unsigned count, size;
};

struct links_round {
    struct round round;
    char backend[33];
    void (*done)(void *arg, const uint32_t *ids, unsigned count);
    void *arg;
    struct links_part parts[WORKERS_MAX];
};

static void add(struct links_part *part, uint32_t id)
{
    if (id == 0)
        return;
    if (part->count == part->size) {
        part->size = part->size > 0 ? 2 * part->size : 64;
        part->ids = mem_realloc(part->ids, part->size * sizeof *part->ids);
    }
    part->ids[part->count++] = id;
}

static void visit(struct worker *w, struct round *r)
{
    struct links_round *l = (struct links_round *)(void *)r;
    struct links_part *part = &l->parts[w->index];
    unsigned backend = routes_find(w->routes, l->backend);
    LIST_FOR_EACH (&w->sessions, it, next) {
        const struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead)
            continue;
        if (s->backend == backend)
            add(part, s->link_thread);
        if (s->move != NULL && s->move->backend == backend)
            add(part, s->move->thread_id);
    }
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void all_visited(struct round *r)
{
    struct links_round *l = (struct links_round *)(void *)r;
    struct links_part all = {0};
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        for (unsigned k = 0; k < l->parts[i].count; k++)
            add(&all, l->parts[i].ids[k]);
        mem_free(l->parts[i].ids);
    }
    if (all.count > 0)
        qsort(all.ids, all.count, sizeof *all.ids, by_id);
    l->done(l->arg, all.ids, all.count);
    mem_free(all.ids);
    mem_free(l);
}

void traffic_links(struct traffic *t, const char *backend,
                   void (*done)(void *arg, const uint32_t *ids, unsigned count), void *arg)
{
    struct links_round *l = mem_zalloc(sizeof *l);
    l->round.visit = visit;
    l->round.done = all_visited;
    text_copy(l->backend, sizeof l->backend, backend);
    l->done = done;
    l->arg = arg;
    round_start(t, &l->round);
}
