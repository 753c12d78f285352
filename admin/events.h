// The stream of events: what happened, to whoever listens. Main thread only.
#ifndef SLUICE_ADMIN_EVENTS_H
#define SLUICE_ADMIN_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "admin/answer.h"
#include "base/list.h"
#include "base/log.h"
#include "control/monitor.h"
#include "session/gate.h"

// Embedded by the listener.
struct subscriber {
    struct list_node node;
    // `event` is lent: "time", "name", then the fields.
    void (*deliver)(struct subscriber *s, const struct answer *event);
};

struct events {
    struct list subscribers;
    // What the gate and the backends were when they were last looked at.
    struct gate gate;
    struct backend_view views[MONITOR_BACKENDS_MAX];
    unsigned view_count;
};

void events_init(struct events *e);
void events_subscribe(struct events *e, struct subscriber *s);
void events_unsubscribe(struct events *e, struct subscriber *s); // fine when it is not subscribed

// Fields are borrowed. Durations (LOG_MS) are given out as whole milliseconds: end their keys in
// "_ms". Keys are literals.
void events_publish(struct events *e, const char *name, const struct log_field *fields,
                    size_t count);

// Publishes gate_closed and gate_opened for every reason that came or went since the last call.
void events_look_at_gate(struct events *e, const struct gate *gate);
// Publishes backend_reachable, backend_unreachable and backend_changed (role, read only).
void events_look_at_backends(struct events *e, const struct backend_view *views, unsigned count);

// One line for people: "<time> <name> key=value ...", not ended.
void event_print(const struct answer *event, struct buf *out);

#endif
