// A thread that looks at every backend each second: reachable, version, read only, replication,
// position, lag, latency. What it saw is posted to the main loop as a whole.
#ifndef SLUICE_CONTROL_MONITOR_H
#define SLUICE_CONTROL_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/family.h"
#include "control/target.h"
#include "net/loop.h"

struct backend_view {
    char name[33];
    bool looked;       // at least one look has ended
    bool reachable;    // by the control account; `problem` says why not
    char problem[256]; // of a reachable one: what the account may not see
    enum backend_family family;
    char version[64];
    bool read_only, super_read_only, offline_mode;
    char role[16];   // "master", "replica", "master-master" (replicates and is writable), "unknown"
    bool replicates; // has a replication channel configured
    bool io_running, sql_running;
    char replication_error[256];
    char source[300];    // host:port it replicates from
    char position[1024]; // GTID set executed (MariaDB: gtid_current_pos), may be cut
    char binlog[300];    // file:offset
    // Behind its sources; < 0: unknown. Transactions and bytes of the source's binary log are known
    // when the source is a backend of ours (control/lag.h), seen within the same second or so.
    double lag_seconds;
    int64_t lag_transactions, lag_bytes;
    unsigned connections, threads_running;
    uint64_t queries;      // since the server's start
    int64_t latency_ns;    // of a trivial statement
    int64_t since_wall_us; // reachable (or unreachable) since
    int64_t looked_wall_us;
};

#define MONITOR_BACKENDS_MAX 16

struct monitor;

// `seen` runs in the loop `to` after each round, the views are lent; in the order of the targets.
// A backend that hangs is reported as last seen until its time-out has passed.
SL_CHECKED enum sl_code monitor_new(struct loop *to,
                                    void (*seen)(void *arg, const struct backend_view *views,
                                                 unsigned count),
                                    void *arg, struct monitor **out, struct sl_error *err);
void monitor_set_targets(struct monitor *m, const struct control_target *targets, unsigned count);
// In the thread of the loop `to` and before its loop_join or loop_free (or when it runs no more);
// `seen` does not run afterwards. Waits for the threads: at most for a look under way.
void monitor_free(struct monitor *m);

#endif
