// What the threads of a server hold, asked for all of them at once through the control account: for
// sessions whose statements looked as if they took a lock or prepared a statement, the server's word
// on whether they still have it.
//
// A bit that is known and not held is gone. What cannot be told stays unknown:
//
//                  MariaDB                                MySQL
//   user locks     plugin METADATA_LOCK_INFO              performance_schema.metadata_locks
//   table locks    the same                               the same
//   SQL PREPARE    never                                  performance_schema
//   temp. tables   never                                  never (the tablespace stays after DROP,
//                                                         other engines' tables are shown nowhere)
//
// Every metadata lock that is not a user lock counts as a table lock: FLUSH TABLES WITH READ LOCK,
// LOCK INSTANCE FOR BACKUP, BACKUP LOCK and an open HANDLER are among them, and so are the locks of
// an open transaction. LOCK TABLES on temporary tables alone takes none; a session that has those
// does not move anyway. performance_schema is believed when its instruments are on now: somebody who
// turns them off and on again while a session takes a lock makes it miss that lock.
//
// Measured with 2000 connections, each with five statements prepared: see docs/RUNBOOK.md.
#ifndef SLUICE_CONTROL_HOLDINGS_H
#define SLUICE_CONTROL_HOLDINGS_H

#include <stdint.h>

#include "base/error.h"
#include "control/target.h"
#include "net/loop.h"

enum {
    HOLDS_USER_LOCK = 1,
    HOLDS_TABLE_LOCK = 2,
    HOLDS_SQL_PREPARE = 4,
};

struct holding {
    uint32_t thread_id;
    uint8_t known; // HOLDS_*: the server can tell
    uint8_t held;  // of those
};

// Allocated zeroed by the asker, usually as the first member of something larger, with
// mail.deliver set. Everything else is filled in before it is delivered.
struct holdings_answer {
    struct mail mail;
    enum sl_code code;               // not SL_OK: nothing is known; `problem` says why
    char problem[SL_ERROR_TEXT_MAX]; // also with SL_OK: what cannot be told, and what would help
    unsigned count;
    struct holding *threads; // heap, in order of thread_id: all that the server had
};
void holdings_answer_release(struct holdings_answer *a); // the threads, not `a` itself
// NULL: the server does not show this thread, so that nothing is known of it.
const struct holding *holdings_find(const struct holdings_answer *a, uint32_t thread_id);

struct holdings_service;

SL_CHECKED enum sl_code holdings_new(struct holdings_service **out, struct sl_error *err);
// The backends to reach, copied; replaces the earlier list.
void holdings_set_targets(struct holdings_service *h, const struct control_target *targets,
                          unsigned count);
// From any thread, does not block; `answer` is the service's until it is delivered to `reply_to`,
// within a few seconds. What it says was true at some moment after this call. Several that wait
// get the same one. Failures are not logged.
void holdings_ask(struct holdings_service *h, const char *backend, struct loop *reply_to,
                  struct holdings_answer *answer);
void holdings_free(struct holdings_service *h); // waits for its threads; posts what is still owed

#endif
