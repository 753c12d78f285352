// The statement that waits on the target until it has what the source had, and its answer.
//
// It is a way to sleep, not a proof (control/position.h): after "reached" look anew and compare.
//
//     by GTID            MySQL    WAIT_FOR_EXECUTED_GTID_SET(set, s)       0 reached, 1 time is up
//                        MariaDB  MASTER_GTID_WAIT(entries, s)             0 reached, -1 time is up
//     file and position  MySQL    SOURCE_POS_WAIT(file, pos, s, channel)   from 8.0.26, before that
//                                 MASTER_POS_WAIT                          events waited for, -1 time
//                                                                          is up, NULL no applier
//                        MariaDB  MASTER_POS_WAIT(file, pos, s, connection), the same answers
//
// Measured on MySQL 9.7 and MariaDB 10.11:
//   - By GTID nobody notices that the applier is stopped: the whole time passes. So wait in short pieces, and
//     look at the channel between them. By file the answer is NULL, at once.
//   - 0 seconds mean for ever, everywhere. MariaDB's MASTER_POS_WAIT rounds to whole seconds, 0.2 to 0,
//     1.6 to 2; there max_statement_time ends it, with NULL.
//   - WAIT_FOR_EXECUTED_GTID_SET fails with gtid_mode=OFF (3062).
//   - MASTER_GTID_WAIT compares numbers in each domain. The entries that are waited for are the
//     highest that the target has not written itself.
#ifndef SLUICE_CONTROL_POSITION_WAIT_H
#define SLUICE_CONTROL_POSITION_WAIT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "control/position.h"

// Writes the statement for `target`'s server, whose version is a number as in control/family.h;
// timeout_ms at least 1. SL_ECONFLICT: neither GTIDs on both nor a channel to count along;
// SL_EUNSUPPORTED: a name that cannot be quoted; SL_ETOOBIG: `out` does not take it.
SL_CHECKED enum sl_code position_wait_statement(const struct position *source,
                                                const struct position *target,
                                                unsigned long version, int64_t timeout_ms,
                                                struct buf *out, struct sl_error *err);

enum wait_answer {
    WAIT_REACHED,
    WAIT_TIMED_OUT,
    WAIT_NOT_REPLICATING, // the applier is stopped, or there is no such channel
};
// `value` is the one that the statement returned (NULL: SQL's NULL) after `elapsed_ms`. Anything that
// is not understood is WAIT_NOT_REPLICATING.
enum wait_answer position_wait_answer(const struct position *source, const struct position *target,
                                      const char *value, int64_t elapsed_ms, int64_t timeout_ms);

#endif
