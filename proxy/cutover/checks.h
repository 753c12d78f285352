// The operator's smoke checks on the new master, before clients are let through: SQL with an expected
// first value, and commands whose exit status says it. All at the same time, each with its own limit.
#ifndef SLUICE_CUTOVER_CHECKS_H
#define SLUICE_CUTOVER_CHECKS_H

#include "control/hand.h"

struct run;

// Commands are run by /bin/sh with SLUICE_BACKEND, SLUICE_HOST and SLUICE_PORT of the target in their
// environment; the last line of what they print is told. SL_ECONFLICT: one failed; the text names the
// first of those and says what came of it. Each result is told, and in the report.
SL_CHECKED enum sl_code checks_run(struct run *r, const struct patience *p, struct sl_error *err);

#endif
