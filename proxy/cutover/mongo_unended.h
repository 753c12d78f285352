// A MongoDB manoeuvre that did not end, and what is to be done about it: finish it, or undo it. Pure, but
// for the reading of the journal.
#ifndef SLUICE_CUTOVER_MONGO_UNENDED_H
#define SLUICE_CUTOVER_MONGO_UNENDED_H

#include "cutover/journal.h"
#include "cutover/mongo_memory.h"
#include "cutover/mongo_plan.h"

struct mongo_unended {
    unsigned number; // of its journal, 0: there is none
    enum mongo_deed deed;
    char host[MONGO_HOST_MAX]; // as it was ordered
    struct mongo_memory memory;
    char step[JOURNAL_STEP_MAX + 1]; // the last that has begun, "" for none
    char last[80];                   // the last record, "before step_down"
    bool step_done;                  // ... and that one is done
    bool undoing;                    // an undo has begun
    bool touched;                    // something may be to undo
};

// The newest journal in MongoDB's folder. SL_EPROTO: it is damaged.
SL_CHECKED enum sl_code mongo_unended_look(const char *state_dir, struct mongo_unended *out,
                                           struct sl_error *err);
// From records that are there already.
SL_CHECKED enum sl_code mongo_unended_read(const struct journal_records *r,
                                           struct mongo_unended *out, struct sl_error *err);

enum mongo_way {
    MONGO_WAY_NOTHING, // nothing was changed
    MONGO_WAY_ON,      // from step `at` on
    MONGO_WAY_BACK,    // from step `at` back
};
// `chosen_leads`: whom the failover was for is primary by now.
enum mongo_way mongo_unended_way(const struct mongo_unended *u, bool chosen_leads, unsigned *at);

#endif
