// One manoeuvre on a MongoDB set while it runs, in its conductor's thread. Internal to cutover/.
#ifndef SLUICE_CUTOVER_MONGO_RUN_H
#define SLUICE_CUTOVER_MONGO_RUN_H

#include "control/mongo_circle.h"
#include "control/mongo_probe.h"
#include "cutover/journal.h"
#include "cutover/mongo_memory.h"
#include "cutover/mongo_plan.h"
#include "cutover/preflight.h"
#include "cutover/sequence.h"

struct mongo_conductor;

struct mongo_run {
    struct mongo_plan *plan; // owned
    struct mongo_conductor *conductor;
    const atomic_bool *stop; // abort or the daemon's end, until the final step
    const atomic_bool *quit; // the daemon's end
    struct journal *journal; // NULL for a dry run
    struct mongo_circle *circle;
    struct mongo_probe *probe; // NULL: nobody writes
    struct mongo_memory memory;
    struct mongo_gap gap; // once the probe has stopped
    bool measured;
    bool other_leads; // an undo could not have the old primary, and left it at that
};

// The steps of a deed, or of its dry run.
void mongo_steps_of(const struct mongo_plan *plan, const struct sequence_step **steps,
                    unsigned *count);
// Steps up to this one change nothing on any server.
bool mongo_step_is_harmless(const char *step);

// mongo_conductor.c: a line for whoever watches.
void mongo_tell(struct mongo_conductor *c, const char *fmt, ...) SL_PRINTF(2, 3);
// Keeps what the preflight found, and tells what is not as it should be.
void mongo_found(struct mongo_conductor *c, const struct preflight *found);
// Something that must be done failed: waits a little. False: the daemon ends, or the operator gives up.
bool mongo_again(struct mongo_conductor *c, const char *what, const struct sl_error *err);
// It did work in the end.
void mongo_goes_on(struct mongo_conductor *c);

#endif
