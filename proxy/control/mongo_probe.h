// Writes that never stop: a thread that writes one small document with majority, to whichever member
// says that it is the primary, and measures for how long nobody took a write.
//
// It asks the members itself, every few milliseconds, and not a driver: what it measures is the set's
// gap, which is what a driver with retryable writes is kept waiting for at least.
#ifndef SLUICE_CONTROL_MONGO_PROBE_H
#define SLUICE_CONTROL_MONGO_PROBE_H

#include "base/error.h"
#include "control/hand.h"
#include "control/mongo_set.h"

struct mongo_gap {
    uint64_t writes;                 // acknowledged
    uint64_t failures;               // tries that were not
    int64_t longest_ns;              // between two acknowledged writes, or since the last one
    char on[MONGO_HOST_MAX];         // who took the last one, "" before the first
    char problem[SL_ERROR_TEXT_MAX]; // why the last try failed, "" when it did not
};

struct mongo_probe;

SL_CHECKED enum sl_code mongo_probe_start(const char *uri, struct mongo_probe **out,
                                          struct sl_error *err);
void mongo_probe_look(struct mongo_probe *p, struct mongo_gap *out);
// Waits for a write that `host` ("": anybody) took and that began after this call.
SL_CHECKED enum sl_code mongo_probe_wait(struct mongo_probe *p, const char *host,
                                         const struct patience *patience, struct sl_error *err);
// Ends the thread and takes the document away; what was measured goes into `out` (NULL: nowhere).
// Blocks for a look's time-out at most. NULL is fine.
void mongo_probe_stop(struct mongo_probe *p, struct mongo_gap *out);

#endif
