// Events of the scheduler: what ran on the old master runs on the new one. On a replica an event is
// disabled (SLAVESIDE_DISABLED, REPLICA_SIDE_DISABLED) although it is enabled on its master.
//
// ALTER EVENT makes whoever alters it the definer, so the definer is said again. It is written to
// the binary log on purpose: a replica that applies it has the event disabled on its side, which
// is how the old master is to have it.
#ifndef SLUICE_CONTROL_SCHEDULE_H
#define SLUICE_CONTROL_SCHEDULE_H

#include "base/error.h"
#include "control/sql.h"

struct schedule_event {
    char schema[65 * 4], name[65 * 4]; // UTF-8
};

// Owned by the caller.
struct schedule {
    struct schedule_event *events; // heap
    unsigned count;
};
void schedule_release(struct schedule *s);
struct schedule schedule_copy(const struct schedule *s);

// Those that are enabled here. For errands: blocking.
SL_CHECKED enum sl_code schedule_look(struct sql *sql, struct schedule *out, struct sl_error *err);
// Enables those of `wanted` that are disabled because this server was a replica; what somebody
// disabled stays so. `enabled` counts them.
SL_CHECKED enum sl_code schedule_enable(struct sql *sql, const struct schedule *wanted,
                                        unsigned *enabled, struct sl_error *err);

#endif
