// A connection to a MySQL or MariaDB server for the control plane: blocking, with time-outs. The
// only part of sluice that knows the client library (MariaDB Connector/C).
//
// A connection belongs to one thread at a time. Error texts name the server and never the password.
#ifndef SLUICE_CONTROL_SQL_H
#define SLUICE_CONTROL_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/target.h"

struct sql;

// Every thread that uses this calls the first before and the second after everything else.
void sql_thread_begin(void);
void sql_thread_end(void);

// Connects and logs in. `t` is not kept. Time-outs are whole seconds, timeout_ms cut down to them
// (at least 1), for connecting and for each read and write.
//
// TLS: disabled; preferred (plain when the server has none or no handshake succeeds); required
// (whatever the certificate); verify-ca (`ca`, or the system's trust store when it is empty);
// verify-identity (and the host name). Over a unix socket there is none. Without TLS,
// caching_sha2_password's password is encrypted with the RSA key that the server sends.
//
// SL_EDENIED: the server does not let the account in; SL_ETIMEOUT; SL_EIO: not reached.
SL_CHECKED enum sl_code sql_open(const struct control_target *t, struct sql **out,
                                 struct sl_error *err);
void sql_close(struct sql *s); // NULL is fine

// Runs one statement; `sql_run` drops its rows, `sql_query` keeps them (all in memory) until the
// next statement or sql_close.
// SL_EDENIED: privilege missing; SL_ECONFLICT: the server refused otherwise; SL_ECLOSED, SL_ETIMEOUT
// or SL_EIO: the connection is of no use any more.
SL_CHECKED enum sl_code sql_run(struct sql *s, const char *statement, struct sl_error *err);
SL_CHECKED enum sl_code sql_query(struct sql *s, const char *statement, struct sl_error *err);
// Overwrites the rows of the last sql_query and the library's buffer that they came through: for
// secrets. They must not be read any more. (The buffers of TLS are out of reach.)
void sql_wipe(struct sql *s);
// The server's number of the last failure (mysqld's or the client library's), 0 after a success.
unsigned sql_errno(const struct sql *s);
// Whether that failure ended the connection.
bool sql_lost(const struct sql *s);

// Steps to the next row of the last sql_query; false at the end.
bool sql_next(struct sql *s);
// The value in the current row, valid until the next step; NULL for SQL's NULL and when there is
// no such column (names compare without case).
const char *sql_value(const struct sql *s, const char *column);
unsigned sql_columns(const struct sql *s);
const char *sql_column_name(const struct sql *s, unsigned i);
const char *sql_column_value(const struct sql *s, unsigned i);

// As the server greeted: "10.11.6-MariaDB" (without the replication prefix 5.5.5-), and as a
// number, 101106.
const char *sql_version(const struct sql *s);
unsigned long sql_version_number(const struct sql *s);
bool sql_is_encrypted(const struct sql *s);
// The server's number of this connection (CONNECTION_ID()).
uint64_t sql_thread_id(const struct sql *s);

#endif
