// The last cutover's journal when it has no end: sluice was killed in the middle of it, or gave it up.
#ifndef SLUICE_CUTOVER_UNENDED_H
#define SLUICE_CUTOVER_UNENDED_H

#include "base/error.h"
#include "cutover/journal.h"

struct unended {
    unsigned number; // of the journal, 0: the last cutover has ended, or there was none
    struct journal_records records; // of that one
};

// SL_EPROTO and others: the journal is damaged or cannot be read; `number` says which, if it is known,
// and there are no records.
SL_CHECKED enum sl_code unended_look(const char *state_dir, struct unended *out,
                                     struct sl_error *err);
void unended_release(struct unended *u);
// Writes its end. A damaged journal is put aside, as journal-N.jsonl.damaged. `how` is without quotes
// and backslashes.
SL_CHECKED enum sl_code unended_close(const char *state_dir, const char *how, struct sl_error *err);

#endif
