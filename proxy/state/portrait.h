// The portrait of a session: what the server has reported of its state through session tracking,
// from its first command on. It says in which context each statement was prepared, and what has
// to be looked at more closely before the session can be moved.
//
//   OK packets ── portrait_report ──> context (schema, charset, sql_mode, ...), changed variables
//   our own first question ── portrait_baseline ──┘
//
// Measured on MariaDB 10.11 and MySQL 9.7, with session_track_system_variables='*' and
// session_track_state_change=ON:
// - SET @x, CREATE TEMPORARY TABLE, PREPARE, SET ROLE (MariaDB only), and CALLs and functions that
//   do these give a state-change entry; SELECT @q := 5, GET_LOCK(), SELECT LAST_INSERT_ID(5), triggers
//   that set user variables, and SET TRANSACTION for the next one only give nothing;
// - MySQL reports statement_id with every statement; MariaDB last_gtid with every write;
// - a client without CAP_DEPRECATE_EOF gets a result set's changes with the next OK from MySQL, and
//   never from MariaDB, which only sets STATUS_SESSION_STATE_CHANGED in the EOF packet;
// - what a statement changed before it failed is reported by MySQL with the next OK, by MariaDB
//   with the next one that has something to report;
// - SET timestamp = DEFAULT reports a value as if it had been set; rand_seed1 is reported as 0;
// - changing session_track_system_variables to a list without it is not reported as a variable;
// - with '*' MariaDB sets the flag in the EOF of an INSERT ... RETURNING and a SELECT NEXTVAL(),
//   because of last_gtid; with a list that does not have it, it does not;
// - MariaDB's SET STATEMENT x = 1 FOR ... reports 1, and the old value only with the next OK;
// - SET NAMES and SET character_set_connection do not report collation_connection, and setting
//   that does not report character_set_connection: the context is then not known;
// - DROP and ALTER of a temporary table, DEALLOCATE PREPARE give a state-change entry as well,
//   DROP TEMPORARY TABLE IF EXISTS even when there is none.
#ifndef SLUICE_STATE_PORTRAIT_H
#define SLUICE_STATE_PORTRAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

// What decides how the text of a statement is understood when it is prepared: these everywhere, and
// on MySQL also some that it takes types and constants from (measured on 9.7; MariaDB looks at them
// with each execute). Counted references: statements that were prepared in the same context share
// one.
#define CONTEXT_VARIABLES_OF_ALL(X)                                                                \
    X(character_set_client)                                                                        \
    X(character_set_connection)                                                                    \
    X(collation_connection)                                                                        \
    X(sql_mode)
#define CONTEXT_VARIABLES_OF_MYSQL(X)                                                              \
    X(default_collation_for_utf8mb4)                                                               \
    X(default_week_format)                                                                         \
    X(div_precision_increment)                                                                     \
    X(group_concat_max_len)                                                                        \
    X(lc_time_names)
#define CONTEXT_VARIABLES(X) CONTEXT_VARIABLES_OF_ALL(X) CONTEXT_VARIABLES_OF_MYSQL(X)

enum context_variable {
#define X(name) CONTEXT_##name,
    CONTEXT_VARIABLES(X)
#undef X
        CONTEXT_COUNT
};
#define CONTEXT_OF_ALL (CONTEXT_sql_mode + 1) // the first ones, which every server has
const char *context_variable_name(enum context_variable v);

// Never changed; the texts lie behind it.
struct context {
    unsigned references;
    const char *schema;                // NULL: none
    const char *values[CONTEXT_COUNT]; // NULL: it does not count on this server
};

// A variable that was changed in this session, with its last reported value.
struct variable {
    struct variable *next; // in order of the last change, the oldest first
    char *name;            // heap, lower case
    char *value;           // heap, as reported; may hold any byte but NUL
    uint32_t report;       // which of portrait.reports brought it
};

struct portrait {
    struct context *now;      // NULL: not known: no baseline yet, or none since a change that the
                              // reports do not tell in full (SET NAMES); ask before a prepare
    struct variable *changed; // owned
    uint32_t reports;         // how many came
    uint32_t assignments;     // counts texts that may have assigned user variables
    uint32_t charsets; // counts reports that may have changed how texts of parameters are read
    bool missed;       // variables may have changed without a (certain) report
    bool hidden;       // a state change that neither the report nor the text explains: perhaps a
                       // temporary table or a PREPARE inside a routine
    bool tampered;     // the client has changed what is tracked: its portrait is not to be trusted
    bool retracked;    // ... unseen: from then on the server tracks what it said, not what we need
    bool reset;        // by COM_RESET_CONNECTION since the login
    bool odd;          // a variable changed that cannot be replayed (timestamp, insert_id, ...)
    bool truncated;    // more was reported than we keep
};

#define PORTRAIT_VARIABLES_MAX 200
#define PORTRAIT_VALUE_MAX 4096

void portrait_init(struct portrait *p);
void portrait_release(struct portrait *p);
// COM_RESET_CONNECTION, COM_CHANGE_USER: everything is as after a login; the baseline is unknown.
void portrait_reset(struct portrait *p);

// The context as asked on the link: schema (NULL: none) and the values of CONTEXT_VARIABLES (NULL:
// does not count there). Does nothing when a context is known.
void portrait_baseline(struct portrait *p, const char *schema,
                       const char *const values[CONTEXT_COUNT]);

// What a report brought, for whoever knows the statement.
struct portrait_news {
    bool variables; // at least one variable that counts
    bool schema;
    bool state_change;           // the state-change entry
    bool tracking;               // session_track_schema or session_track_state_change was set
    struct slice client_charset; // character_set_client, borrowed from the block; p NULL: not told
};
// The session-state block of an OK packet (ok_track_block). `certain`: its values hold when the
// statement is over, as after a plain SET; else its variables are forgotten, `missed` is set and
// the context is unknown if it is one of them. SL_EPROTO leaves the portrait `missed`.
SL_CHECKED enum sl_code portrait_report(struct portrait *p, struct reader block, bool certain,
                                        struct portrait_news *out);
// Variables changed, and nobody knows which (STATUS_SESSION_STATE_CHANGED in a classic EOF).
void portrait_missed(struct portrait *p);

struct context *context_ref(struct context *c);
void context_unref(struct context *c); // NULL is fine
bool context_equal(const struct context *a, const struct context *b);

// Variables that reports may bring and that say nothing (statement_id, last_gtid), that are carried
// over otherwise (last_insert_id), or whose replay would be wrong or is not enough (odd). Decided
// for each session variable of MariaDB 10.11 and MySQL 9.7; unknown ones are replayed.
enum variable_kind { VARIABLE_REPLAYED, VARIABLE_IGNORED, VARIABLE_ODD };
enum variable_kind portrait_variable_kind(struct slice name);

#endif
