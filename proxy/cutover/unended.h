// A cutover that did not end: sluice was killed in the middle of it, or gave an undo up.
//
// Nothing is guessed (C8): sluice starts with the gate closed, says what the journal says, and lets
// nobody through before an operator has looked at both servers and said `cutover forget`.
#ifndef SLUICE_CUTOVER_UNENDED_H
#define SLUICE_CUTOVER_UNENDED_H

#include <stdbool.h>

#include "base/error.h"

struct unended {
    unsigned number; // of the journal, 0: the last cutover has ended, or there was none
    // A step of it may have changed a server (from close_target on); else it only looked.
    bool touched;
    char last[80]; // its last record, "before fence"
};

// SL_EPROTO: the journal is damaged, which counts as touched.
SL_CHECKED enum sl_code unended_look(const char *state_dir, struct unended *out,
                                     struct sl_error *err);
// Writes the end of it: what was left has been seen to by hand.
SL_CHECKED enum sl_code unended_forget(const char *state_dir, struct sl_error *err);

#endif
