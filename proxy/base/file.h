// Files: read a small one whole, replace one atomically and durably.
#ifndef SLUICE_BASE_FILE_H
#define SLUICE_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/error.h"

// Appends the whole file to `out`, whose cap must allow it. SL_ENOTFOUND, SL_ETOOBIG (more than
// `max` bytes, or than `out` takes) or SL_EIO; then `out` is as it was before.
SL_CHECKED enum sl_code file_read(const char *path, size_t max, struct buf *out,
                                  struct sl_error *err);

// Writes path.tmp, fsyncs it, renames it over `path`, fsyncs the folder: after a crash there is
// the old content or the new, whole. `mode` is exact, the umask does not matter. One writer a
// path at a time. SL_EINVAL (path too long) or SL_EIO.
SL_CHECKED enum sl_code file_replace(const char *path, const void *p, size_t n, mode_t mode,
                                     struct sl_error *err);

// Makes the name of a file that was just made, renamed or removed survive a crash. SL_EIO.
SL_CHECKED enum sl_code file_sync_folder_of(const char *path, struct sl_error *err);

// Makes the folder if it is missing (only the last component), with exactly `mode`; one that
// exists is left alone. SL_ECONFLICT if something else has the name, else SL_EIO.
SL_CHECKED enum sl_code file_make_folder(const char *path, mode_t mode, struct sl_error *err);

// Takes an exclusive lock on the file (made if missing), held until the descriptor is closed or the
// process ends. Returns the descriptor, SL_ECONFLICT when another process holds it, or SL_EIO.
SL_CHECKED int file_lock(const char *path, struct sl_error *err);

#endif
