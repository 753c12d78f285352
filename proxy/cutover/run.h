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
struct report;

struct run {
    struct cutover_plan *plan; // a reference
    const struct cutover_plant *plant;
    struct conductor *conductor; // told what happens
    const atomic_bool *stop;     // abort, no-go or the daemon's end, until the final step
    struct journal *journal;
    struct report *report; // owned; for a check as well, but not stored
    struct hand *old, *target;
    struct fence old_fence;    // what is done to the old server
    struct fence target_fence; // ... to the target, by this cutover
    struct fence saved;     // ... to the target, by an earlier one: opened by release, not by undo
    struct schedule events; // enabled on the old server
    struct position fenced; // the old server's, right behind its fence
    struct position before_testers; // the target's, when nobody had written there
    atomic_bool nobody;             // never set: for waits that nobody may cut short
    struct binlog_place place;      // the target's, before anybody wrote there
    // Locked by us on its own disk, seen to be, and nobody has been told to unlock it since.
    bool old_sealed, target_sealed;
    bool testers_in;  // some of the target's accounts were, or may have been, unlocked for testers
    bool no_way_back; // the release has been announced
    bool both_ways;   // the old server replicates from the target, too
    bool by_gtid;
    int64_t slowed_ns;    // new work is slowed since, 0: it is not
    int64_t slowed_by_ns; // ... and by so much
    unsigned tries;       // of the undo, or the release, at work that failed
    int64_t held_ns;      // the gate was closed, 0: not yet
    int64_t released_ns;  // ... and opened, 0: not yet
};

// The steps of the one that is planned: a cutover, a dry run or a check.
void steps_of(const struct cutover_plan *plan, const struct sequence_step **steps, unsigned *count);
// Takes the plan over. Nothing is done on a server yet.
void run_begin(struct run *r, struct conductor *c, struct cutover_plan *plan,
               const struct cutover_plant *plant, const atomic_bool *stop);
void run_end(struct run *r);
// A new one; a check has none: it changes nothing.
SL_CHECKED enum sl_code run_open_journal(struct run *r, struct sl_error *err);
// `how` NULL: it has no end, and the next start finds it.
void run_close_journal(struct run *r, const char *how, const char *why);
// How long a step may take: its own limit, and the budget's end while clients are held.
struct patience run_patience(const struct run *r, int64_t limit_ns);
// For undoing: no budget, and nobody can stop it. Longer with each try that failed.
struct patience run_undo_patience(const struct run *r, int64_t limit_ns);

// conductor.c: a line for whoever watches; seconds matter, so it is posted at once.
void conductor_tell(struct conductor *c, const char *fmt, ...) SL_PRINTF(2, 3);
// From here on nothing can be aborted.
void conductor_no_way_back(struct conductor *c);
// Keeps what the preflight found, and tells what is not as it should be.
void conductor_found(struct conductor *c, const struct preflight *found);
// False: `stop` was set.
bool conductor_sleep(struct conductor *c, int64_t ns, const atomic_bool *stop);
// Waits for the operator's word: SL_OK for go.
SL_CHECKED enum sl_code conductor_wait_for_go(struct conductor *c, const struct patience *p,
                                              struct sl_error *err);

#endif
