// Going on with a cutover that a crash has cut off, in the conductor's thread. Internal to cutover/.
//
//   start ─ gate closed ─ recovery_decide ─┬─ UNDO:   put back what is open, open the gate
//                                          ├─ FINISH: release once more, and what is behind it
//                                          └─ CLOSE, ASK: without a conductor (proxy/stage.c)
#ifndef SLUICE_CUTOVER_RECOVER_H
#define SLUICE_CUTOVER_RECOVER_H

#include "cutover/recovery.h"
#include "cutover/run.h"

// Goes on with its journal, and has every step take back what it had put there. SL_EPROTO: what is
// there is not understood.
SL_CHECKED enum sl_code recover_open(struct run *r, unsigned journal, const struct recovery *how,
                                     struct sl_error *err);
// UNDONE, DONE, LATE, or STUCK when it was given up.
struct sequence_result recover_go(struct run *r, struct sequence *q, const struct recovery *how,
                                  struct sl_error *err);

#endif
