// Events: publishing, and noticing by comparison what nobody publishes.
#include "admin/events.h"

#include <string.h>

#include "admin/answer_internal.h"
#include "base/clock.h"

#define PUBLISH(e, name, ...)                                                                      \
    do {                                                                                           \
        const struct log_field fields_[] = {__VA_ARGS__};                                          \
        events_publish((e), (name), fields_, sizeof fields_ / sizeof fields_[0]);                  \
    } while (0)

void events_init(struct events *e)
{
    memset(e, 0, sizeof *e);
    list_init(&e->subscribers);
    gate_init(&e->gate);
}

void events_subscribe(struct events *e, struct subscriber *s)
{
    list_append(&e->subscribers, &s->node);
}

void events_unsubscribe(struct events *e, struct subscriber *s)
{
    if (list_linked(&s->node))
        list_remove(&e->subscribers, &s->node);
}

static struct cell cell_of_field(const struct log_field *f)
{
    switch (f->kind) {
    case LOG_KIND_STR: return cell_text(f->v.str != NULL ? f->v.str : "");
    case LOG_KIND_INT: return cell_of(CELL_NUMBER, f->v.i);
    case LOG_KIND_U64: return cell_number(f->v.u);
    case LOG_KIND_BOOL: return cell_bool(f->v.i != 0);
    case LOG_KIND_MS: return cell_of(CELL_MS, f->v.i);
    }
    return cell_text(NULL);
}

// The event is built once for all subscribers, and not at all without one.
void events_publish(struct events *e, const char *name, const struct log_field *fields,
                    size_t count)
{
    if (list_first(&e->subscribers) == NULL)
        return;
    struct answer *event = answer_new();
    answer_fact(event, "time", "time", cell_of(CELL_TIME, clock_wall_us()));
    answer_fact(event, "name", "name", cell_text(name));
    for (size_t i = 0; i < count; i++)
        answer_fact(event, fields[i].key, fields[i].key, cell_of_field(&fields[i]));
    LIST_FOR_EACH (&e->subscribers, node, next) {
        struct subscriber *s = LIST_ITEM(node, struct subscriber, node);
        s->deliver(s, event);
    }
    answer_free(event);
}

void event_print(const struct answer *event, struct buf *out)
{
    char text[64];
    for (unsigned i = 0; i < event->count; i++) {
        const struct item *item = &event->items[i];
        if (i > 0)
            buf_u8(out, ' ');
        if (i > 1)
            buf_printf(out, "%s=", item->key);
        const char *value = cell_print(&item->cells[0], text, sizeof text);
        bool quoted = strchr(value, ' ') != NULL && i > 1;
        buf_printf(out, quoted ? "\"%s\"" : "%s", value);
    }
}

// --- the gate ------------------------------------------------------------------------------------

static const struct gate_reason *reason_in(const struct gate *g, const char *name)
{
    for (unsigned i = 0; i < g->count; i++)
        if (strcmp(g->reasons[i].name, name) == 0)
            return &g->reasons[i];
    return NULL;
}

// By name of the reason: a reason that was closed anew with another deadline is no news.
void events_look_at_gate(struct events *e, const struct gate *gate)
{
    int64_t now = clock_now_ns();
    for (unsigned i = 0; i < gate->count; i++) {
        const struct gate_reason *r = &gate->reasons[i];
        if (reason_in(&e->gate, r->name) == NULL)
            PUBLISH(e, "gate_closed", LOG_STR("reason", r->name), LOG_STR("owner", r->owner),
                    LOG_MS("for_ms", r->deadline_ns > 0 ? r->deadline_ns - now : 0));
    }
    for (unsigned i = 0; i < e->gate.count; i++) {
        const struct gate_reason *r = &e->gate.reasons[i];
        if (reason_in(gate, r->name) == NULL)
            PUBLISH(e, "gate_opened", LOG_STR("reason", r->name),
                    LOG_BOOL("open", gate->count == 0), LOG_MS("after_ms", now - r->since_ns));
    }
    e->gate = *gate;
    for (unsigned i = 0; i < gate->count; i++)
        e->gate.reasons[i].exceptions = NULL; // not ours to keep
}

// --- backends ------------------------------------------------------------------------------------

static const struct backend_view *view_in(const struct events *e, const char *name)
{
    for (unsigned i = 0; i < e->view_count; i++)
        if (strcmp(e->views[i].name, name) == 0)
            return &e->views[i];
    return NULL;
}

// The first look counts as news: a listener then knows where it begins.
static void compare_views(struct events *e, const struct backend_view *was,
                          const struct backend_view *is)
{
    bool known = was != NULL && was->looked;
    if (!is->looked)
        return;
    if ((!known || was->reachable) && !is->reachable)
        PUBLISH(e, "backend_unreachable", LOG_STR("backend", is->name),
                LOG_STR("problem", is->problem));
    if ((!known || !was->reachable) && is->reachable)
        PUBLISH(e, "backend_reachable", LOG_STR("backend", is->name),
                LOG_STR("version", is->version));
    if (known && is->reachable && was->reachable &&
        (strcmp(was->role, is->role) != 0 || was->read_only != is->read_only))
        PUBLISH(e, "backend_changed", LOG_STR("backend", is->name), LOG_STR("role", is->role),
                LOG_BOOL("read_only", is->read_only));
}

void events_look_at_backends(struct events *e, const struct backend_view *views, unsigned count)
{
    if (count > MONITOR_BACKENDS_MAX)
        count = MONITOR_BACKENDS_MAX;
    for (unsigned i = 0; i < count; i++)
        compare_views(e, view_in(e, views[i].name), &views[i]);
    memcpy(e->views, views, count * sizeof *views);
    e->view_count = count;
}
