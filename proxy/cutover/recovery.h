// After a crash in the middle of a cutover: what its journal says, and what follows from it. Pure;
// who does it is recover.h.
#ifndef SLUICE_CUTOVER_RECOVERY_H
#define SLUICE_CUTOVER_RECOVERY_H

#include <stdbool.h>

#include "cutover/journal.h"
#include "cutover/plan.h"
#include "cutover/sequence.h"

#define RECOVERY_ADDRESS_MAX 300

// The data of the begin record, which says between whom it is; also for recovery.
void recovery_begin_json(const struct cutover_plan *plan, struct buf *out);

struct recovery_backend {
    const char *name; // borrowed
    char address[RECOVERY_ADDRESS_MAX];
};
void recovery_address(const struct control_target *t, char out[RECOVERY_ADDRESS_MAX]);

// What is known besides the journal; all borrowed.
struct recovery_world {
    const struct sequence_step *steps; // of a whole cutover
    unsigned step_count;
    const char *active; // what the state folder says
    const struct recovery_backend *backends;
    unsigned backend_count;
};

// X(name, text)
#define RECOVERY_WAYS(X)                                                                           \
    X(CLOSE, "close")   /* nothing is left to do */                                                \
    X(UNDO, "undo")     /* back to the old server */                                               \
    X(FINISH, "finish") /* forward: clients may be on the new one already */                       \
    X(ASK, "ask")       /* not known: the operator has to look at both servers */

enum recovery_way {
#define X(name, text) RECOVERY_##name,
    RECOVERY_WAYS(X)
#undef X
};
const char *recovery_way_name(enum recovery_way way);

struct recovery {
    enum recovery_way way;
    char why[200];
    char from[33], to[33];         // "" when the journal does not say
    unsigned step;                 // UNDO: the last one to undo. FINISH: the final one
    bool skip[SEQUENCE_STEPS_MAX]; // UNDO: those that need no undo, for struct sequence
    bool open_first; // UNDO: nothing is left that clients of the old server would wait for
    // The server's accounts were seen to be locked, and nobody has begun to unlock them since.
    bool old_sealed, target_sealed;
};

void recovery_decide(const struct journal_records *journal, const struct recovery_world *world,
                     struct recovery *out);

#endif
