// Constants of the MySQL client/server protocol.
//
// Sources: dev.mysql.com "MySQL Internals: Client/Server Protocol" (capability and status flags),
// mariadb.com/kb "MariaDB Protocol" (extended capabilities: the 4 bytes that MySQL leaves zero in
// the greeting's and the response's filler, present when CLIENT_MYSQL is *not* set).
#ifndef SLUICE_WIRE_CAPS_H
#define SLUICE_WIRE_CAPS_H

#include <stdint.h>

// Lower 32 bits: both servers. Upper 32 bits: MariaDB's extended capabilities.
#define CAP_MYSQL UINT64_C(0x1) // CLIENT_LONG_PASSWORD; MariaDB servers clear it
#define CAP_FOUND_ROWS UINT64_C(0x2)
#define CAP_CONNECT_WITH_DB UINT64_C(0x8)
#define CAP_COMPRESS UINT64_C(0x20)
#define CAP_LOCAL_FILES UINT64_C(0x80)
#define CAP_PROTOCOL_41 UINT64_C(0x200)
#define CAP_INTERACTIVE UINT64_C(0x400) // a person at a console: interactive_timeout counts
#define CAP_SSL UINT64_C(0x800)
#define CAP_TRANSACTIONS UINT64_C(0x2000)
#define CAP_SECURE_CONNECTION UINT64_C(0x8000)
#define CAP_MULTI_STATEMENTS UINT64_C(0x10000)
#define CAP_MULTI_RESULTS UINT64_C(0x20000)
#define CAP_PS_MULTI_RESULTS UINT64_C(0x40000)
#define CAP_PLUGIN_AUTH UINT64_C(0x80000)
#define CAP_CONNECT_ATTRS UINT64_C(0x100000)
#define CAP_PLUGIN_AUTH_LENENC UINT64_C(0x200000)
#define CAP_EXPIRED_PASSWORDS UINT64_C(0x400000)
#define CAP_SESSION_TRACK UINT64_C(0x800000)
#define CAP_DEPRECATE_EOF UINT64_C(0x1000000)
#define CAP_OPTIONAL_METADATA UINT64_C(0x2000000)
#define CAP_ZSTD UINT64_C(0x4000000)
#define CAP_QUERY_ATTRIBUTES UINT64_C(0x8000000)
#define CAP_MULTI_FACTOR UINT64_C(0x10000000)
#define CAP_MARIADB_PROGRESS UINT64_C(0x100000000)
#define CAP_MARIADB_COM_MULTI UINT64_C(0x200000000)
#define CAP_MARIADB_BULK UINT64_C(0x400000000)
#define CAP_MARIADB_EXTENDED_METADATA UINT64_C(0x800000000)
#define CAP_MARIADB_CACHE_METADATA UINT64_C(0x1000000000)
#define CAP_MARIADB_BULK_UNIT_RESULTS UINT64_C(0x2000000000)

// What sluice never offers to clients: it reads the stream, so compression and COM_MULTI are out.
#define CAP_NEVER_OFFERED (CAP_COMPRESS | CAP_ZSTD | CAP_MARIADB_COM_MULTI)

// Server status flags.
#define STATUS_IN_TRANS 0x0001
#define STATUS_AUTOCOMMIT 0x0002
#define STATUS_MORE_RESULTS 0x0008
#define STATUS_CURSOR_EXISTS 0x0040
#define STATUS_LAST_ROW_SENT 0x0080
// On MySQL without CAP_DEPRECATE_EOF, STATUS_MORE_RESULTS of a result set of OUT parameters is only
// in the EOF behind the definitions, together with this flag; the EOF behind the rows has neither,
// and yet an OK packet follows (recording mysql-call-out-eof).
#define STATUS_PS_OUT_PARAMS 0x1000
#define STATUS_IN_TRANS_READONLY 0x2000
#define STATUS_SESSION_STATE_CHANGED 0x4000

// Errors that sluice itself sends, and those it looks for.
#define ER_CON_COUNT 1040
#define ER_SERVER_SHUTDOWN 1053
#define ER_UNKNOWN 1105
#define ER_NEED_REPREPARE 1615
#define ER_LOCK_DEADLOCK 1213
#define ER_QUERY_INTERRUPTED 1317
#define ER_ERROR_DURING_COMMIT 1180
#define ER_NET_PACKETS_OUT_OF_ORDER 1156
#define ER_NET_PACKET_TOO_LARGE 1153
#define ER_HANDSHAKE 1043
#define ER_ACCESS_DENIED 1045
#define ER_MARIADB_PROGRESS 0xFFFF // not an error: a progress report in an ERR packet

// A packet: 3 bytes length, 1 byte sequence number, payload. A payload of exactly
// PACKET_MAX_PAYLOAD bytes is continued in the next packet.
#define PACKET_HEADER 4
#define PACKET_MAX_PAYLOAD 0xFFFFFFu

#endif
