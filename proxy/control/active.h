// Which backend is active: one small file in the state folder, replaced atomically and synced, so
// that it survives kill -9. The configuration's `active` counts only while the file is missing.
#ifndef SLUICE_CONTROL_ACTIVE_H
#define SLUICE_CONTROL_ACTIVE_H

#include <stddef.h>

#include "base/error.h"

// Reads the name into `name` (size >= 33). SL_ENOTFOUND when the file does not exist; SL_EPROTO
// when it is not ours (never guessed around: the operator is asked).
SL_CHECKED enum sl_code active_load(const char *state_dir, char *name, size_t size,
                                    struct sl_error *err);
// On disk when it returns SL_OK. Blocking (fsync): the main thread calls it only for a repoint.
SL_CHECKED enum sl_code active_store(const char *state_dir, const char *name, struct sl_error *err);

#endif
