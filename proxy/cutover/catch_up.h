// Waiting until the target has what the old server has. Internal to cutover/.
#ifndef SLUICE_CUTOVER_CATCH_UP_H
#define SLUICE_CUTOVER_CATCH_UP_H

#include "cutover/run.h"

// Where a server stands; to be released.
SL_CHECKED enum sl_code catch_up_look(struct run *r, struct hand *h, const struct patience *p,
                                      struct position *out, struct sl_error *err);
// Waits until the target has everything that `source` says. *took_ns is how long it took.
// SL_ECONFLICT: it will never come, and why; SL_ETIMEOUT.
SL_CHECKED enum sl_code catch_up_to(struct run *r, const struct position *source,
                                    const struct patience *p, int64_t *took_ns,
                                    struct sl_error *err);

#endif
