// What one server says about itself before it takes part in a cutover: settings, accounts, what is at
// work there. For an errand (hand.h): blocking, in the thread of `sql`. Nothing is judged here, see
// cutover/preflight.h.
//
// Measured on MariaDB 10.11 and MySQL 9.7: information_schema.USER_PRIVILEGES leaves out what comes
// by a role (MariaDB leaves out roles altogether), SHOW GRANTS shows it, on both with roles active.
// Roles stand among MySQL's accounts like any other, with an empty password and locked.
#ifndef SLUICE_CONTROL_FACTS_H
#define SLUICE_CONTROL_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/family.h"
#include "control/fence.h"
#include "control/sql.h"

// Global variables, by the names that they have on the servers: X(NAME, name, another name or NULL)
#define FACTS_VARIABLES(X)                                                                         \
    X(VERSION, "version", NULL)                                                                    \
    X(SERVER_ID, "server_id", NULL)                                                                \
    X(READ_ONLY, "read_only", NULL)                                                                \
    X(CHARACTER_SET, "character_set_server", NULL)                                                 \
    X(COLLATION, "collation_server", NULL)                                                         \
    X(SQL_MODE, "sql_mode", NULL)                                                                  \
    X(TIME_ZONE, "time_zone", NULL)                                                                \
    X(SYSTEM_TIME_ZONE, "system_time_zone", NULL)                                                  \
    X(ISOLATION, "transaction_isolation", "tx_isolation")                                          \
    X(MAX_ALLOWED_PACKET, "max_allowed_packet", NULL)                                              \
    X(LOWER_CASE_TABLE_NAMES, "lower_case_table_names", NULL)                                      \
    X(LOG_BIN, "log_bin", NULL)                                                                    \
    X(LOG_UPDATES, "log_slave_updates", "log_replica_updates")                                     \
    X(BINLOG_FORMAT, "binlog_format", NULL)                                                        \
    X(GTID_MODE, "gtid_mode", NULL)                                                                \
    X(AUTO_INCREMENT_INCREMENT, "auto_increment_increment", NULL)                                  \
    X(AUTO_INCREMENT_OFFSET, "auto_increment_offset", NULL)                                        \
    X(EVENT_SCHEDULER, "event_scheduler", NULL)                                                    \
    X(MAX_CONNECTIONS, "max_connections", NULL)

enum facts_variable {
#define X(name, text, other) FACTS_##name,
    FACTS_VARIABLES(X)
#undef X
        FACTS_VARIABLE_COUNT
};
const char *facts_variable_name(enum facts_variable v);

struct facts_account {
    char user[129], host[256];
    char plugin[65];
    char digest[65]; // SHA-256 of what its password is checked against; never that itself
    bool locked;
    bool powerful; // SUPER or one of the privileges that pass read_only
    uint64_t
        grants; // of its privileges on everything, schemas and tables: equal sets, equal numbers
};

// A connection and what it does.
struct facts_work {
    uint32_t id; // 0: none, a transaction that was prepared (XA) and left
    char user[129];
    char host[256];  // without the port
    int64_t seconds; // that it has done so
    char what[33];   // "ALTER TABLE": the first two words of DDL, else ""
};

struct facts_works {
    struct facts_work *items; // heap
    unsigned count;
};

// Owned; facts_release frees it. Zeroed: nothing is known.
struct facts {
    enum backend_family family;
    unsigned long version;                 // as a number, 101106
    char *variables[FACTS_VARIABLE_COUNT]; // NULL: this server has no such variable
    int64_t utc_offset_s;                  // local time less UTC
    unsigned connections;                  // in use
    // What the control account may not do and a cutover needs, "PROCESS (to see connections), ...".
    char lacks[400];
    bool has_accounts; // else what follows is empty, and `denied` says why
    char denied[SL_ERROR_TEXT_MAX];
    struct fence fence;             // what a fence would change
    struct facts_account *accounts; // heap, sorted by user and host; without MariaDB's roles
    unsigned account_count;
    struct facts_works transactions; // open
    struct facts_works present;      // connections of clients
    struct facts_works ddl;          // under way, the applier's too
};

// As the server spells it; "" when there is no such variable.
const char *facts_text(const struct facts *f, enum facts_variable v);
uint64_t facts_number(const struct facts *f, enum facts_variable v); // 0 when it is none
bool facts_is_on(const struct facts *f, enum facts_variable v);
// NULL: there is none.
const struct facts_account *facts_find_account(const struct facts *f, const char *user,
                                               const char *host);

// What is not allowed to be seen is left out, and said. SL_OK, or the connection is of no use.
SL_CHECKED enum sl_code facts_ask(struct sql *sql, const struct fence_rules *rules,
                                  struct facts *out, struct sl_error *err);
void facts_release(struct facts *f); // leaves it zeroed

#endif
