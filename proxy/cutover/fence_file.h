// A fence as JSON: in the journal, and in a file of the state folder for a server that stays fenced
// after a cutover, so that the way back knows what is to be opened.
//
//   state_dir/fence-NAME.json
//   {"read_only":false,"super_read_only":false,"event_scheduler":true,
//    "accounts":[{"user":"web","host":"10.%"}]}
#ifndef SLUICE_CUTOVER_FENCE_FILE_H
#define SLUICE_CUTOVER_FENCE_FILE_H

#include "base/bytes.h"
#include "control/fence.h"

void fence_to_json(const struct fence *f, struct buf *out);
// SL_EPROTO: not one of these; `out` is empty then.
SL_CHECKED enum sl_code fence_from_json(const char *json, struct fence *out, struct sl_error *err);

// On disk when it returns SL_OK.
SL_CHECKED enum sl_code fence_file_store(const char *state_dir, const char *backend,
                                         const struct fence *f, struct sl_error *err);
// No file is an empty fence. One that is not understood is SL_EPROTO: nothing is guessed.
SL_CHECKED enum sl_code fence_file_load(const char *state_dir, const char *backend,
                                        struct fence *out, struct sl_error *err);
SL_CHECKED enum sl_code fence_file_remove(const char *state_dir, const char *backend,
                                          struct sl_error *err);

#endif
