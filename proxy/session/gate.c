// The gate's set of reasons. A handful at most, so a small array and linear search.
#include "session/gate.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

// --- exceptions -----------------------------------------------------------------------------------

struct exception {
    char *user;            // NULL: any
    struct cidr *networks; // none: from anywhere
    size_t count;
};

struct gate_exceptions {
    _Atomic unsigned references;
    size_t count;
    struct exception *items;
};

struct gate_exceptions *gate_exceptions_new(void)
{
    struct gate_exceptions *x = mem_zalloc(sizeof *x);
    atomic_init(&x->references, 1);
    return x;
}

struct gate_exceptions *gate_exceptions_ref(struct gate_exceptions *x)
{
    if (x != NULL)
        atomic_fetch_add_explicit(&x->references, 1, memory_order_relaxed);
    return x;
}

void gate_exceptions_unref(struct gate_exceptions *x)
{
    if (x == NULL || atomic_fetch_sub_explicit(&x->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < x->count; i++) {
        mem_free(x->items[i].user);
        mem_free(x->items[i].networks);
    }
    mem_free(x->items);
    mem_free(x);
}

void gate_exceptions_add(struct gate_exceptions *x, const char *user, const struct cidr *networks,
                         size_t count)
{
    x->items = mem_realloc(x->items, (x->count + 1) * sizeof *x->items);
    struct exception *e = &x->items[x->count++];
    *e = (struct exception){.user = user != NULL ? mem_strdup(user) : NULL, .count = count};
    if (count == 0)
        return;
    e->networks = mem_array(count, sizeof *networks);
    memcpy(e->networks, networks, count * sizeof *networks);
}

size_t gate_exceptions_count(const struct gate_exceptions *x)
{
    return x != NULL ? x->count : 0;
}

bool gate_exceptions_name(const struct gate_exceptions *x, const char *user)
{
    for (size_t i = 0; i < gate_exceptions_count(x); i++)
        if (x->items[i].user == NULL || text_match(x->items[i].user, user))
            return true;
    return false;
}

static enum gate_pass judge(const struct gate_exceptions *x, const char *user,
                            const struct sockaddr *peer)
{
    enum gate_pass best = GATE_BARRED;
    for (size_t i = 0; i < gate_exceptions_count(x) && best != GATE_LET_THROUGH; i++) {
        const struct exception *e = &x->items[i];
        if (e->count > 0 && !cidr_match_any(e->networks, e->count, peer))
            continue;
        if (e->user == NULL || (user != NULL && text_match(e->user, user)))
            best = GATE_LET_THROUGH;
        else if (user == NULL)
            best = GATE_PERHAPS;
    }
    return best;
}

enum gate_pass gate_judge(const struct gate *g, const char *user, const struct sockaddr *peer)
{
    enum gate_pass worst = GATE_LET_THROUGH;
    for (unsigned i = 0; i < g->count; i++) {
        enum gate_pass one = judge(g->reasons[i].exceptions, user, peer);
        worst = one < worst ? one : worst;
    }
    return worst;
}

bool gate_has_exceptions(const struct gate *g)
{
    for (unsigned i = 0; i < g->count; i++)
        if (gate_exceptions_count(g->reasons[i].exceptions) == 0)
            return false;
    return g->count > 0;
}

// --- reasons --------------------------------------------------------------------------------------

void gate_init(struct gate *g)
{
    memset(g, 0, sizeof *g);
}

void gate_release(struct gate *g)
{
    for (unsigned i = 0; i < g->count; i++)
        gate_exceptions_unref(g->reasons[i].exceptions);
    gate_init(g);
}

void gate_copy(struct gate *to, const struct gate *from)
{
    for (unsigned i = 0; i < from->count; i++)
        (void)gate_exceptions_ref(from->reasons[i].exceptions);
    gate_release(to);
    *to = *from;
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
    gate_exceptions_unref(r->exceptions);
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
        r->exceptions = NULL;
        text_copy(r->name, sizeof r->name, name);
        r->since_ns = now_ns;
    }
    text_copy(r->owner, sizeof r->owner, owner != NULL ? owner : "");
    r->deadline_ns = deadline_ns;
    return SL_OK;
}

enum sl_code gate_except(struct gate *g, const char *name, struct gate_exceptions *x,
                         struct sl_error *err)
{
    struct gate_reason *r = find(g, name);
    if (r == NULL)
        return sl_fail(err, SL_ENOTFOUND, "the gate is not closed for \"%s\"", name);
    struct gate_exceptions *before = r->exceptions;
    r->exceptions = gate_exceptions_ref(x);
    gate_exceptions_unref(before);
    return SL_OK;
}

enum sl_code gate_open(struct gate *g, const char *name, struct sl_error *err)
{
    if (name == NULL || name[0] == '\0') {
        gate_release(g);
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
