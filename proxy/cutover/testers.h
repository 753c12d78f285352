// Testers on the new master: let through before everybody else, while all others are held. The step
// `testers`, and what undoes it. Internal to cutover/.
//
//   old fence holds? ─> where does the target stand? ─> unlock testers' accounts there ─> gate: they pass
//   undo: gate: nobody passes ─> their work ended ─> locked, direct connections killed ─> did they write?
//
// Only with --ask: there is nobody to wait for otherwise.
#ifndef SLUICE_CUTOVER_TESTERS_H
#define SLUICE_CUTOVER_TESTERS_H

#include "base/bytes.h"
#include "base/error.h"

// `arg` is a struct run. The accounts, as a fence.
enum sl_code testers_plan(void *arg, struct buf *json, struct sl_error *err);
enum sl_code testers_recall(void *arg, const char *json, struct sl_error *err);
enum sl_code testers_let_in(void *arg, struct sl_error *err);
enum sl_code testers_shut_out(void *arg, struct sl_error *err);

#endif
