// Obstacles: the named reasons why a session cannot stop (it waits) or cannot move.
//
// A set of obstacles is a bit mask. The table is the source for `show obstacles`, for docs and
// for the safe-point rule: a session is at a safe point when no obstacle of kind WAITS or
// WAITS_BRIEFLY holds.
#ifndef SLUICE_STATE_OBSTACLE_H
#define SLUICE_STATE_OBSTACLE_H

#include <stdbool.h>
#include <stdint.h>

enum obstacle_kind {
    OBSTACLE_WAITS,         // a unit of work is open: the session cannot stop yet
    OBSTACLE_WAITS_BRIEFLY, // as above, for at most OBSTACLE_BRIEF_NS after the answer
    OBSTACLE_STAYS,         // the session can stop, but its server side cannot be rebuilt elsewhere
};

#define OBSTACLE_BRIEF_NS INT64_C(50000000)

// name, kind, what it comes from, what makes it go away
#define OBSTACLES(X)                                                                               \
    X(statement_running, WAITS, "a command whose answer is not complete", "the answer")            \
    X(in_transaction, WAITS, "an open transaction", "COMMIT or ROLLBACK")                          \
    X(xa_transaction, WAITS, "XA START", "XA COMMIT or XA ROLLBACK")                               \
    X(cursor_open, WAITS, "a server-side cursor", "its last row, close or reset")                  \
    X(long_data_pending, WAITS, "COM_STMT_SEND_LONG_DATA", "execute, reset or close")              \
    X(next_transaction_set, WAITS, "SET TRANSACTION for the next transaction only",                \
      "the next transaction")                                                                      \
    X(diagnostics_pending, WAITS_BRIEFLY, "warnings or SQL_CALC_FOUND_ROWS",                       \
      "the next statement that is not a diagnostics read")                                         \
    X(temporary_table, STAYS, "CREATE TEMPORARY TABLE", "reset of the connection")                 \
    X(lock_tables, STAYS, "LOCK TABLES, FLUSH TABLES WITH READ LOCK", "UNLOCK TABLES")             \
    X(user_lock, STAYS, "GET_LOCK()", "RELEASE_ALL_LOCKS() or reset of the connection")            \
    X(handler_open, STAYS, "HANDLER ... OPEN", "reset of the connection")                          \
    X(sql_prepare, STAYS, "PREPARE ... FROM", "reset of the connection")                           \
    X(binlog_dump, STAYS, "a replica reads the binary log here", "end of the session")             \
    X(unknown_state, STAYS, "a command or state that sluice does not know",                        \
      "reset of the connection or end of the session")                                             \
    X(credential_unknown, STAYS, "an account whose secret sluice has not learned",                 \
      "a login that sluice can learn from")                                                        \
    X(unsupported, STAYS, "a protocol that sluice only passes through", "end of the session")

enum obstacle {
#define X(name, kind, from, until) OBSTACLE_##name,
    OBSTACLES(X)
#undef X
        OBSTACLE_COUNT
};

#define OBSTACLE_BIT(name) (UINT32_C(1) << OBSTACLE_##name)

struct obstacle_info {
    const char *name;
    enum obstacle_kind kind;
    const char *from;
    const char *until;
};

const struct obstacle_info *obstacle_info(enum obstacle o);
// All obstacles of a kind. Inline: asked with every command and every answer, and a constant there.
static inline uint32_t obstacle_mask(enum obstacle_kind kind)
{
    uint32_t mask = 0;
#define X(name, its_kind, from, until) mask |= OBSTACLE_##its_kind == kind ? OBSTACLE_BIT(name) : 0;
    OBSTACLES(X)
#undef X
    return mask;
}
// "in_transaction,user_lock"; "" for none. Returns `out`.
const char *obstacle_format(uint32_t set, char *out, unsigned long size);

#endif
