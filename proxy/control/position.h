// Where a server stands in the stream of transactions, and what another lacks of it: pure functions
// of what both have said.
//
// By GTID where both have them, else by file and offset of the source's binary log, which the
// target's channel counts along.
//
// MySQL (gtid_mode=ON): `logged` is @@gtid_executed, and the difference of two sets is exact.
//
// MariaDB: `logged` is @@gtid_binlog_state (see gtid.h) and `applied` is @@gtid_slave_pos. Measured
// on 10.11, two masters that share domain 0, both with log_slave_updates:
//   - The target's applier stood still while A wrote 0-1-3, 0-1-4, 0-1-5 and the target 0-2-3. Then
//     A's @@gtid_binlog_pos is 0-2-3, and with 0-1-3 applied the target answers
//     MASTER_GTID_WAIT('0-2-3') with 0, "reached", because only the numbers are compared. Two
//     acknowledged transactions would be lost. A's @@gtid_binlog_state, 0-1-5,0-2-3, shows them.
//   - The target's own transactions that come back to it do count in its gtid_slave_pos when A has
//     log_slave_updates. Without it they never come back: A's @@gtid_current_pos has 0-2-7, and a wait for
//     that never ends. Nothing is lost by waiting for what A has logged only.
//   - gtid_slave_pos is kept up with MASTER_USE_GTID=no as well: MariaDB always goes by GTID.
// So an entry d-s-n of the source counts as present on the target when the target has logged d-s-n
// or later; or, when it has logged nothing of server s in domain d (it was made from a copy, or logs
// no updates of others), when its gtid_slave_pos in d is at n or above. That second rule is exact
// while a domain has at most two writers and one channel. A server with log_slave_updates off is
// believed in what it logged of its own only.
//
// A transaction is in `logged` of MariaDB once it is in the binary log, a moment before it is committed.
// So catching up is: wait (control/position_wait.h), look anew, and only then ask `position_gap`. The
// wait is how to sleep, the gap is what decides.
#ifndef SLUICE_CONTROL_POSITION_H
#define SLUICE_CONTROL_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/binlog_place.h"
#include "control/family.h"
#include "control/gtid.h"
#include "control/replica_status.h"

#define POSITION_CHANNELS_MAX 8

// A zeroed struct is a position of which nothing is known.
struct position {
    enum backend_family family;
    uint32_t server_id;              // 0: unknown
    uint8_t uuid[16];                // MySQL's, zero: unknown
    bool gtid;                       // `logged` says where it stands
    bool log_updates;                // logs what it applies from others, too
    struct gtid_set logged, applied; // owned; `applied` is MariaDB's
    struct binlog_place log;         // end of its binary log
    unsigned channel_count;
    struct replica_channel channels[POSITION_CHANNELS_MAX]; // more are left out
};

// Takes the server's own variables: one row with server_id, gtid_logged, gtid_applied, log_updates and
// gtid_used (see control/look.c; MySQL also server_uuid), which is @@gtid_mode, and on MariaDB @@log_bin: without a binary
// log its state is empty, which must not look like a server that never wrote. SL_EPROTO or SL_ETOOBIG: a set is not understood; then `gtid` is
// false. `p` starts zeroed and may be released at any time.
SL_CHECKED enum sl_code position_read_own(struct position *p, enum backend_family family,
                                          const struct status_pair *row, unsigned count,
                                          struct sl_error *err);
// One row of SHOW MASTER STATUS or SHOW BINARY LOG STATUS.
void position_read_log(struct position *p, const struct status_pair *row, unsigned count);
// One row of SHOW ALL SLAVES STATUS, SHOW SLAVE STATUS or SHOW REPLICA STATUS.
void position_add_channel(struct position *p, const struct status_pair *row, unsigned count);
void position_release(struct position *p); // leaves it zeroed

// Whether the two are compared by GTID; otherwise only a direct channel tells.
bool position_both_gtid(const struct position *a, const struct position *b);
// The channel of `target` that reads from `source`, by server id; NULL when there is none.
const struct replica_channel *position_channel(const struct position *target,
                                               const struct position *source);

// What `of` has and `at` does not, both by GTID; to be released. With the target for `of` these are
// its errant transactions (what gtid.h says cannot be told holds); in master-master also those
// that are on their way: look at the target first, and at the source when it has caught up.
struct gtid_set position_missing(const struct position *of, const struct position *at);

// Two looks at one server, the earlier first: whether it has logged something of its own in between,
// and not only what came from others. By GTIDs; without them any growth of its binary log counts.
bool position_wrote_itself(const struct position *before, const struct position *after);

struct position_gap {
    enum gap_kind {
        GAP_UNKNOWN, // not comparable: neither GTIDs on both nor a channel with a place in the same log
        GAP_NONE, // the target has everything that the source had when it was looked at
        GAP_BEHIND
    } kind;
    int64_t transactions; // that it lacks; -1: unknown. An estimate on MariaDB
    int64_t bytes;        // of the source's binary log not applied yet; -1: unknown
};
struct position_gap position_gap(const struct position *source, const struct position *target);

#endif
