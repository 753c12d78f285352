// How the report of a run comes to what clients felt, and to disk. Internal to cutover/; in the
// conductor's thread.
#ifndef SLUICE_CUTOVER_REPORTING_H
#define SLUICE_CUTOVER_REPORTING_H

#include <stdatomic.h>
#include <stdbool.h>

#include "control/hand.h"

struct run;

// From now on workers note what clients feel.
void reporting_begin(struct run *r);
// What it is like before clients are held: what the watch compares with.
void reporting_baseline(struct run *r, const struct patience *p);
// The run is over: waits a moment for the answers of those who were held, and stores the report.
// `watched`: answers go on being timed.
void reporting_end(struct run *r, bool watched);
// Stores it again, with what the watch saw and what became of the waits meanwhile. Does not wait for
// the traffic once `stop` is set.
void reporting_watched(struct run *r, const atomic_bool *stop);

#endif
