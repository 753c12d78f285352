// One look at one backend: the questions that are asked every second, and their answers in a view.
// Internal to control/.
#ifndef SLUICE_CONTROL_LOOK_H
#define SLUICE_CONTROL_LOOK_H

#include "base/error.h"
#include "control/monitor.h"
#include "control/position.h"
#include "control/sql.h"

// Fills in all of `view` but name, looked, reachable, the two times and what takes the other
// backends to know (lag in transactions and bytes), and `position`, which starts zeroed and is the
// caller's to release whatever the result. When only a part could
// not be seen (a privilege is missing), that part is unknown, view->problem says what is missing
// and the result is SL_OK. Otherwise the connection is of no use any more.
SL_CHECKED enum sl_code look(struct sql *sql, struct backend_view *view, struct position *position,
                             struct sl_error *err);
// The same, but only of what positions need: fewer round trips, for somebody whom clients wait for.
// The latency, connections and what else is not asked for stay as they are in `view`.
SL_CHECKED enum sl_code look_at_position(struct sql *sql, struct backend_view *view,
                                         struct position *position, struct sl_error *err);

#endif
