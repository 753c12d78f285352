// One cutover while it runs, in the conductor's thread. Internal to cutover/.
#ifndef SLUICE_CUTOVER_RUN_H
#define SLUICE_CUTOVER_RUN_H

#include "control/fence.h"
#include "control/hand.h"
#include "control/position.h"
#include "control/schedule.h"
#include "cutover/journal.h"
#include "cutover/plan.h"
#include "cutover/plant.h"
#include "cutover/preflight.h"
#include "cutover/sequence.h"

struct conductor;

// What is left to undo on a target that did not answer; bits.
enum run_debt { DEBT_NONE = 0, DEBT_DEMOTE = 1, DEBT_REOPEN = 2, DEBT_UNINVITE = 4 };

struct run {
    struct cutover_plan *plan; // a reference
    const struct cutover_plant *plant;
    struct conductor *conductor; // told what happens
    const atomic_bool *stop;     // abort, no-go or the daemon's end, until the final step
    struct journal *journal;
    struct hand *old, *target;
    struct fence old_fence;    // what is done to the old server
    struct fence target_fence; // ... to the target, by this cutover
    struct fence saved;     // ... to the target, by an earlier one: opened by release, not by undo
    struct schedule events; // enabled on the old server
    struct binlog_place place; // the target's, before anybody wrote there
    bool target_sealed;        // closed by us, and nobody has been told to unlock it since
    unsigned debts;            // enum run_debt
    bool both_ways;            // the old server replicates from the target, too
    bool by_gtid;
    int64_t slowed_ns;    // new work is slowed since, 0: it is not
    int64_t slowed_by_ns; // ... and by so much
    int64_t held_ns;      // the gate was closed, 0: not yet
    int64_t released_ns;  // ... and opened, 0: not yet
    struct drain_counts drained;
    unsigned direct; // connections past sluice that were killed
};

// The steps of a cutover, of a dry run or of a check.
void steps_of(const struct cutover_plan *plan, const struct sequence_step **steps, unsigned *count);
// How long a step may take: its own limit, and the budget's end while clients are held.
struct patience run_patience(const struct run *r, int64_t limit_ns);
// For undoing: no budget, and nobody can stop it.
struct patience run_undo_patience(int64_t limit_ns);

// conductor.c: a line for whoever watches; seconds matter, so it is posted at once.
void conductor_tell(struct conductor *c, const char *fmt, ...) SL_PRINTF(2, 3);
// Keeps what the preflight found, and tells what is not as it should be.
void conductor_found(struct conductor *c, const struct preflight *found);
// Waits for the operator's word: SL_OK for go.
SL_CHECKED enum sl_code conductor_wait_for_go(struct conductor *c, const struct patience *p,
                                              struct sl_error *err);

#endif
