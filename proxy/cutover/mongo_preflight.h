// What speaks for and against a manoeuvre on a MongoDB set: a pure function of the set as it was found.
// Rows and verdicts are those of a cutover's preflight.
#ifndef SLUICE_CUTOVER_MONGO_PREFLIGHT_H
#define SLUICE_CUTOVER_MONGO_PREFLIGHT_H

#include "cutover/mongo_memory.h"
#include "cutover/mongo_plan.h"
#include "cutover/preflight.h"

struct mongo_input {
    const struct mongo_plan *plan;
    const struct mongo_set *set;
    // For `add`: the new server, asked by itself.
    const struct mongo_hello *guest; // NULL: it did not answer
    const char *guest_problem;       // why not
};

// Fills `out`, and `memory` with what is decided; `memory->known` when nothing says NO.
void mongo_preflight_judge(const struct mongo_input *in, struct preflight *out,
                           struct mongo_memory *memory);

#endif
