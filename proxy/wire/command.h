// Client commands: one row for each, with what the server answers.
//
// Sources: dev.mysql.com page_protocol_command_phase; mariadb.com/kb "Client/Server Protocol"
// (COM_STMT_BULK_EXECUTE); server sources for the ones no document names.
#ifndef SLUICE_WIRE_COMMAND_H
#define SLUICE_WIRE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

// How the answer to a command looks; the response tracker (state/tracker.h) knows each of them.
enum reply_kind {
    REPLY_UNKNOWN, // not in the table: ERR, or pass through from then on
    REPLY_NONE,    // no answer at all
    REPLY_OK,      // one OK, EOF or ERR
    REPLY_RESULT,  // OK, ERR, LOCAL INFILE or result sets, chained by MORE_RESULTS
    REPLY_PREPARE, // prepare-OK with definitions, or ERR
    REPLY_ROWS,    // COM_STMT_FETCH: rows up to EOF
    REPLY_FIELDS,  // COM_FIELD_LIST: definitions up to EOF
    REPLY_STRING,  // COM_STATISTICS: one packet of text
    REPLY_AUTH,    // COM_CHANGE_USER: an authentication exchange
    REPLY_STREAM,  // binlog dump, clone: no end; pass through
};

#define COMMANDS(X)                                                                                \
    X(COM_SLEEP, 0x00, REPLY_OK)                                                                   \
    X(COM_QUIT, 0x01, REPLY_NONE)                                                                  \
    X(COM_INIT_DB, 0x02, REPLY_OK)                                                                 \
    X(COM_QUERY, 0x03, REPLY_RESULT)                                                               \
    X(COM_FIELD_LIST, 0x04, REPLY_FIELDS)                                                          \
    X(COM_CREATE_DB, 0x05, REPLY_OK)                                                               \
    X(COM_DROP_DB, 0x06, REPLY_OK)                                                                 \
    X(COM_REFRESH, 0x07, REPLY_OK)                                                                 \
    X(COM_SHUTDOWN, 0x08, REPLY_OK)                                                                \
    X(COM_STATISTICS, 0x09, REPLY_STRING)                                                          \
    X(COM_PROCESS_INFO, 0x0A, REPLY_RESULT)                                                        \
    X(COM_PROCESS_KILL, 0x0C, REPLY_OK)                                                            \
    X(COM_DEBUG, 0x0D, REPLY_OK)                                                                   \
    X(COM_PING, 0x0E, REPLY_OK)                                                                    \
    X(COM_CHANGE_USER, 0x11, REPLY_AUTH)                                                           \
    X(COM_BINLOG_DUMP, 0x12, REPLY_STREAM)                                                         \
    X(COM_TABLE_DUMP, 0x13, REPLY_STREAM)                                                          \
    X(COM_REGISTER_SLAVE, 0x15, REPLY_OK)                                                          \
    X(COM_STMT_PREPARE, 0x16, REPLY_PREPARE)                                                       \
    X(COM_STMT_EXECUTE, 0x17, REPLY_RESULT)                                                        \
    X(COM_STMT_SEND_LONG_DATA, 0x18, REPLY_NONE)                                                   \
    X(COM_STMT_CLOSE, 0x19, REPLY_NONE)                                                            \
    X(COM_STMT_RESET, 0x1A, REPLY_OK)                                                              \
    X(COM_SET_OPTION, 0x1B, REPLY_OK)                                                              \
    X(COM_STMT_FETCH, 0x1C, REPLY_ROWS)                                                            \
    X(COM_BINLOG_DUMP_GTID, 0x1E, REPLY_STREAM)                                                    \
    X(COM_RESET_CONNECTION, 0x1F, REPLY_OK)                                                        \
    X(COM_CLONE, 0x20, REPLY_STREAM)                                                               \
    X(COM_SUBSCRIBE_GROUP_REPLICATION, 0x21, REPLY_STREAM)                                         \
    X(COM_STMT_BULK_EXECUTE, 0xFA, REPLY_RESULT)

enum command {
#define X(name, code, reply) name = code,
    COMMANDS(X)
#undef X
};

// "query", "stmt_prepare", ... or "unknown".
const char *command_name(uint8_t code);
enum reply_kind command_reply(uint8_t code);

// Finds the statement text in the first `n` bytes of a COM_QUERY payload of `total` bytes
// (command byte included): after the command byte, or after MySQL's query attributes when `caps`
// has CAP_QUERY_ATTRIBUTES. Returns false when the text does not start within `n` bytes (the
// attributes are longer: read on) or the attributes are malformed (then *malformed is set).
bool command_query_text(const uint8_t *payload, size_t n, uint64_t caps, size_t *text_at,
                        bool *malformed);

#endif
