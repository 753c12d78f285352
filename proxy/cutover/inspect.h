// The step preflight: asks both servers and the traffic, judges (preflight.h), and tells. Internal to
// cutover/.
#ifndef SLUICE_CUTOVER_INSPECT_H
#define SLUICE_CUTOVER_INSPECT_H

#include "base/error.h"

// `arg` is a struct run. SL_ECONFLICT: a NO; the text names the rows.
SL_CHECKED enum sl_code inspect_servers(void *arg, struct sl_error *err);

#endif
