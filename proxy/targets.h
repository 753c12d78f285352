// From the configuration to how the control plane reaches each backend.
#ifndef SLUICE_TARGETS_H
#define SLUICE_TARGETS_H

#include "base/error.h"
#include "config/config.h"
#include "control/target.h"

// One for each backend, in the configuration's order; `out` has room for all of them, and is wiped by
// the caller. Reads password files. SL_EINVAL, SL_EIO: the control account's password cannot be had.
SL_CHECKED enum sl_code targets_make(const struct config *c, struct control_target *out,
                                     struct sl_error *err);

#endif
