// What a server says about its replication, understood: pure functions of names and values.
//
// MariaDB and MySQL before 8.0.22 say Slave and Master where later ones say Replica and Source;
// both vocabularies are read.
#ifndef SLUICE_CONTROL_REPLICA_STATUS_H
#define SLUICE_CONTROL_REPLICA_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/binlog_place.h"

// One column of one row; borrowed.
struct status_pair {
    const char *name;
    const char *value; // NULL: SQL's NULL
};

// One channel (one row), or all of a server's together.
struct replica_status {
    unsigned channels;            // rows that went in; 0: does not replicate
    bool io_running, sql_running; // of all channels
    double seconds_behind;        // as the server says, the worst channel's; < 0: unknown
    char source[300]; // host:port; of several, the first that is in trouble, else the first
    char error[256];  // of the applier, else of the receiver; "" when there is none
};

// One row of SHOW ALL SLAVES STATUS or SHOW REPLICA STATUS. Missing columns are unknown values.
void replica_status_parse(const struct status_pair *row, unsigned count,
                          struct replica_status *out);
// Takes one more channel into `all`, which starts zeroed.
void replica_status_add(struct replica_status *all, const struct replica_status *channel);

// One channel by itself: who it reads from and how far it is in that server's binary log.
struct replica_channel {
    char name[65];                // MariaDB: connection name; "" is the unnamed one
    uint32_t source_id;           // the source's server id; 0: not known yet
    bool io_running, sql_running; // receiver and applier
    struct binlog_place received, executed;
};
// The same rows.
void replica_channel_parse(const struct status_pair *row, unsigned count,
                           struct replica_channel *out);

// The value under the first or the second name, case aside; NULL when neither is there. `older` may
// be NULL.
const char *status_value(const struct status_pair *row, unsigned count, const char *name,
                         const char *older);

// Seconds behind as the server says, NULL: could not be read; < 0: unknown. 0 for a server that does
// not replicate. Its 0 speaks of the relay log only: see control/lag.h.
double replica_lag_seconds(const struct replica_status *status);

// "master", "replica", "master-master" (replicates and is writable) or "unknown" (status NULL:
// could not be read). A read-only server that does not replicate is a fenced master.
const char *replica_role(const struct replica_status *status, bool read_only);

#endif
