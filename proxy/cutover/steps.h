// The steps of a whole cutover, for those who only look at the table.
#ifndef SLUICE_CUTOVER_STEPS_H
#define SLUICE_CUTOVER_STEPS_H

#include "cutover/sequence.h"

void steps_all(const struct sequence_step **steps, unsigned *count);

#endif
