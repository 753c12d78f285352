// Turning replication round: a server that was the master becomes a replica of the one that was
// promoted, which stops being its replica. For errands (hand.h): blocking.
//
// The old master must be fenced, and must have all of the new one's past: its own next event would
// not be in the new one's log. The new one need not be quiet.
//
// Measured on MariaDB 10.11 and MySQL 9.7 (tests/func/test_follow.py): gtid_slave_pos of a former
// master is empty and is set from gtid_current_pos; MASTER_DEMOTE_TO_SLAVE does that as well, but
// only from 10.10 on. MySQL finds its place by itself (AUTO_POSITION).
#ifndef SLUICE_CONTROL_FOLLOW_H
#define SLUICE_CONTROL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/sql.h"
#include "control/target.h"

struct follow_source {
    char host[256];
    uint16_t port;
    char user[129];
    char password[256]; // wiped by its owner
    bool tls;           // encrypted, whatever the certificate
    bool gtid;          // else by file and offset:
    char file[256];
    uint64_t offset;
};

// Configures the server's default channel, and starts it. It must not replicate from another
// (SL_ECONFLICT); a channel that reads from there already is started. Does not wait until it is
// connected.
SL_CHECKED enum sl_code follow_start(struct sql *sql, const struct follow_source *source,
                                     struct sl_error *err);
// Stops and forgets the channel that reads from this host and port; none is fine.
SL_CHECKED enum sl_code follow_leave(struct sql *sql, const char *host, uint16_t port,
                                     struct sl_error *err);
// SL_OK: both threads of that channel run. SL_EAGAIN: it is still connecting; SL_ECONFLICT: it has an
// error, which the text names, or there is none.
SL_CHECKED enum sl_code follow_check(struct sql *sql, const char *host, uint16_t port,
                                     struct sl_error *err);

#endif
