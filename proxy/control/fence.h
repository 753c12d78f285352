// The fence: it keeps application accounts from writing to a server, through sluice or around it.
//
//   accounts locked in the server's own tables    survives a restart; lets those in that are in
//   direct connections killed                     ... until a look finds none
//   read_only (MySQL: super_read_only)            at once, for everybody in; a restart forgets it
//   event scheduler off                           nothing wakes up behind the fence
//
// Nothing of it is written to the binary log. Undoing it makes undone exactly what was done: the
// plan says what that is, and is kept by the caller (journal) before anything is done.
//
// Who is an application account: all that are not
//   - roles, or locked already                          (never ours to unlock)
//   - sluice's own, or in `keep`                        (cutover.keep, replication's)
//   - seen reading the binary log                       (replicas)
//   - administrators': SUPER, READ_ONLY ADMIN, CONNECTION_ADMIN, SYSTEM_VARIABLES_ADMIN; unless
//     sluice has seen applications log in with them (`seen`)
//
// Measured, MariaDB 10.11 and MySQL 9.7: one ALTER USER locks many accounts in 0.2 to 0.5 ms and
// leaves those who are in alive. Under super_read_only nobody can lock or unlock (1290); under
// MariaDB's read_only the control account can. SET GLOBAL read_only waits for running writes and
// LOCK TABLES, not for open transactions: those fail at COMMIT (MySQL, 1290).
//
// The functions are for an errand (hand.h): blocking, in the thread of `sql`.
#ifndef SLUICE_CONTROL_FENCE_H
#define SLUICE_CONTROL_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/sql.h"

struct fence_account {
    char user[129]; // UTF-8: 32 characters on MySQL, 80 bytes on MariaDB
    char host[256];
};

// What a server was like, and what is to be changed there.
struct fence {
    bool read_only, super_read_only, event_scheduler; // as found: on
    struct fence_account *accounts;                   // heap: those to lock
    unsigned count;
};

// Names of users that decide; all borrowed, any list may be empty.
struct fence_names {
    const char *const *items;
    unsigned count;
};
struct fence_rules {
    const char *own;         // the control account's user
    struct fence_names keep; // never locked, never killed
    struct fence_names seen; // applications, whatever they may do
};

// Connections of sluice's own on that server, which nothing here touches or blames.
struct fence_links {
    const uint32_t *ids; // sorted, borrowed
    unsigned count;
};

void fence_release(struct fence *f); // the accounts, not `f`
struct fence fence_copy(const struct fence *f);

// Only looks. SL_EDENIED: a privilege is missing, the text says which; SL_ECONFLICT...
SL_CHECKED enum sl_code fence_plan(struct sql *sql, const struct fence_rules *rules,
                                   struct fence *out, struct sl_error *err);
// Locks and turns the scheduler off, then read_only. Again and again does no harm. SL_ECONFLICT when
// it waits behind somebody for more than a second: the text names who, not one of `ours`.
SL_CHECKED enum sl_code fence_lock(struct sql *sql, const struct fence *f,
                                   const struct fence_links *ours, struct sl_error *err);
SL_CHECKED enum sl_code fence_read_only(struct sql *sql, const struct fence_links *ours,
                                        struct sl_error *err);
// read_only and super_read_only off.
SL_CHECKED enum sl_code fence_writable(struct sql *sql, struct sl_error *err);
// SL_OK: read-only, and every account of `f` is locked (or gone). SL_ECONFLICT: the text says what
// is not.
SL_CHECKED enum sl_code fence_holds(struct sql *sql, const struct fence *f, struct sl_error *err);
// Unlocks the accounts of `f`; read_only stays, but MySQL's super_read_only is off afterwards.
SL_CHECKED enum sl_code fence_unlock(struct sql *sql, const struct fence *f, struct sl_error *err);
// Makes all as it was found. What is so already is not waited for: a lock that kept the fence from
// being put up would keep it from being taken down, too.
SL_CHECKED enum sl_code fence_open(struct sql *sql, const struct fence *f, struct sl_error *err);

// Kills the connections of all but administrators, `rules`, the server itself, and `ours`. A fence
// is tight when a look finds none.
struct fence_found {
    unsigned killed; // by this call
    unsigned dying;  // killed before, by whomever, and not gone yet
};
SL_CHECKED enum sl_code fence_kill_direct(struct sql *sql, const struct fence_rules *rules,
                                          const struct fence_links *ours, struct fence_found *found,
                                          struct sl_error *err);

#endif
