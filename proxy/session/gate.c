// The gate's set of reasons. A handful at most, so a small array and linear search.
#include "session/gate.h"

#include <string.h>

#include "base/text.h"

void gate_init(struct gate *g)
{
    memset(g, 0, sizeof *g);
}

static struct gate_reason *find(struct gate *g, const char *name)
{
    for (unsigned i = 0; i < g->count; i++)
        if (strcmp(g->reasons[i].name, name) == 0)
            return &g->reasons[i];
    return NULL;
}

static void remove_reason(struct gate *g, struct gate_reason *r)
{
    struct gate_reason *last = &g->reasons[g->count - 1];
    memmove(r, r + 1, (size_t)(last - r) * sizeof *r);
    g->count--;
}

enum sl_code gate_close(struct gate *g, const char *name, const char *owner, int64_t now_ns,
                        int64_t deadline_ns, struct sl_error *err)
{
    if (name == NULL || name[0] == '\0' || strlen(name) >= GATE_TEXT_MAX)
        return sl_fail(err, SL_EINVAL, "a reason is 1 to %d characters long", GATE_TEXT_MAX - 1);
    struct gate_reason *r = find(g, name);
    if (r == NULL) {
        if (g->count == GATE_REASONS_MAX)
            return sl_fail(err, SL_ETOOBIG, "the gate is closed for %d reasons already",
                           GATE_REASONS_MAX);
        r = &g->reasons[g->count++];
        text_copy(r->name, sizeof r->name, name);
        r->since_ns = now_ns;
    }
    text_copy(r->owner, sizeof r->owner, owner != NULL ? owner : "");
    r->deadline_ns = deadline_ns;
    return SL_OK;
}

enum sl_code gate_open(struct gate *g, const char *name, struct sl_error *err)
{
    if (name == NULL || name[0] == '\0') {
        g->count = 0;
        return SL_OK;
    }
    struct gate_reason *r = find(g, name);
    if (r == NULL)
        return sl_fail(err, SL_ENOTFOUND, "the gate is not closed for \"%s\"", name);
    remove_reason(g, r);
    return SL_OK;
}

unsigned gate_expire(struct gate *g, int64_t now_ns)
{
    unsigned expired = 0;
    for (unsigned i = g->count; i-- > 0;) {
        struct gate_reason *r = &g->reasons[i];
        if (r->deadline_ns != 0 && r->deadline_ns <= now_ns) {
            remove_reason(g, r);
            expired++;
        }
    }
    return expired;
}

int64_t gate_next_deadline(const struct gate *g)
{
    int64_t next = 0;
    for (unsigned i = 0; i < g->count; i++) {
        int64_t d = g->reasons[i].deadline_ns;
        if (d != 0 && (next == 0 || d < next))
            next = d;
    }
    return next;
}

int64_t gate_closed_since(const struct gate *g)
{
    int64_t since = 0;
    for (unsigned i = 0; i < g->count; i++)
        if (since == 0 || g->reasons[i].since_ns < since)
            since = g->reasons[i].since_ns;
    return since;
}
