// The command table, and the way to the text of a COM_QUERY that carries query attributes:
//
//     03 | count | sets | null bitmap | 1 | (type, name) * count | values | text ...
//
// where everything between `sets` and the text is there only when count > 0.
// Source: dev.mysql.com page_protocol_com_query, page_protocol_binary_resultset (value sizes).
#include "wire/command.h"

#include <string.h>

#include "wire/caps.h"
#include "wire/packet.h"

// Codes without a row are REPLY_UNKNOWN, which is 0.
static const uint8_t command_replies[256] = {
#define X(name, code, reply) [code] = reply,
    COMMANDS(X)
#undef X
};

// In logs and metrics. The unit test compares them with the enumerators.
static const char *const command_names[256] = {
    [COM_SLEEP] = "sleep",
    [COM_QUIT] = "quit",
    [COM_INIT_DB] = "init_db",
    [COM_QUERY] = "query",
    [COM_FIELD_LIST] = "field_list",
    [COM_CREATE_DB] = "create_db",
    [COM_DROP_DB] = "drop_db",
    [COM_REFRESH] = "refresh",
    [COM_SHUTDOWN] = "shutdown",
    [COM_STATISTICS] = "statistics",
    [COM_PROCESS_INFO] = "process_info",
    [COM_PROCESS_KILL] = "process_kill",
    [COM_DEBUG] = "debug",
    [COM_PING] = "ping",
    [COM_CHANGE_USER] = "change_user",
    [COM_BINLOG_DUMP] = "binlog_dump",
    [COM_TABLE_DUMP] = "table_dump",
    [COM_REGISTER_SLAVE] = "register_slave",
    [COM_STMT_PREPARE] = "stmt_prepare",
    [COM_STMT_EXECUTE] = "stmt_execute",
    [COM_STMT_SEND_LONG_DATA] = "stmt_send_long_data",
    [COM_STMT_CLOSE] = "stmt_close",
    [COM_STMT_RESET] = "stmt_reset",
    [COM_SET_OPTION] = "set_option",
    [COM_STMT_FETCH] = "stmt_fetch",
    [COM_BINLOG_DUMP_GTID] = "binlog_dump_gtid",
    [COM_RESET_CONNECTION] = "reset_connection",
    [COM_CLONE] = "clone",
    [COM_SUBSCRIBE_GROUP_REPLICATION] = "subscribe_group_replication",
    [COM_STMT_BULK_EXECUTE] = "stmt_bulk_execute",
};

const char *command_name(uint8_t code)
{
    return command_names[code] ? command_names[code] : "unknown";
}

enum reply_kind command_reply(uint8_t code)
{
    return (enum reply_kind)command_replies[code];
}

// Size of a parameter value in the binary protocol: 1 to 8 bytes, or one of these.
enum value_size {
    VALUE_INVALID = 0,  // no such type
    VALUE_EMPTY = 0xFF, // MYSQL_TYPE_NULL
    VALUE_TIME = 0xFE,  // one byte of length, then that many
    VALUE_TEXT = 0xFD,  // length-encoded
};

// By MYSQL_TYPE_* (field_types.h of either server).
static const uint8_t value_sizes[256] = {
    [0x00] = VALUE_TEXT, // DECIMAL
    [0x01] = 1,          // TINY
    [0x02] = 2,          // SHORT
    [0x03] = 4,          // LONG
    [0x04] = 4,          // FLOAT
    [0x05] = 8,          // DOUBLE
    [0x06] = VALUE_EMPTY,
    [0x07] = VALUE_TIME, // TIMESTAMP
    [0x08] = 8,          // LONGLONG
    [0x09] = 4,          // INT24
    [0x0A] = VALUE_TIME, // DATE
    [0x0B] = VALUE_TIME, // TIME
    [0x0C] = VALUE_TIME, // DATETIME
    [0x0D] = 2,          // YEAR
    [0x0F] = VALUE_TEXT, // VARCHAR
    [0x10] = VALUE_TEXT, // BIT
    [0xF2] = VALUE_TEXT, // VECTOR
    [0xF4] = 1,          // BOOL
    [0xF5] = VALUE_TEXT, // JSON
    [0xF6] = VALUE_TEXT, // NEWDECIMAL
    [0xF7] = VALUE_TEXT, // ENUM
    [0xF8] = VALUE_TEXT, // SET
    [0xF9] = VALUE_TEXT, // TINY_BLOB
    [0xFA] = VALUE_TEXT, // MEDIUM_BLOB
    [0xFB] = VALUE_TEXT, // LONG_BLOB
    [0xFC] = VALUE_TEXT, // BLOB
    [0xFD] = VALUE_TEXT, // VAR_STRING
    [0xFE] = VALUE_TEXT, // STRING
    [0xFF] = VALUE_TEXT, // GEOMETRY
};

// Steps over one value; false when there is no such type.
static bool value_skip(struct reader *r, uint8_t type)
{
    uint8_t size = value_sizes[type];

    switch (size) {
    case VALUE_INVALID: return false;
    case VALUE_EMPTY: return true;
    case VALUE_TIME: reader_skip(r, reader_u8(r)); return true;
    case VALUE_TEXT: reader_lenenc_bytes(r); return true;
    default: reader_skip(r, size); return true;
    }
}

// Steps over `count` attributes; false when they are malformed. Running out of bytes is only
// r->failed. Types stand before all values, so a second reader goes along with the first.
static bool attributes_skip(struct reader *r, uint64_t count)
{
    // More parameters than bits in the bytes that are there: not all of the bitmap is.
    struct slice nulls = reader_bytes(r, count / 8 > r->left ? SIZE_MAX : ((size_t)count + 7) / 8);
    if (reader_u8(r) != 1)
        return r->failed; // without types nobody knows the values' lengths
    struct reader types = *r;
    for (uint64_t i = 0; i < count && !r->failed; i++) {
        reader_skip(r, 2);
        reader_lenenc_bytes(r);
    }
    for (uint64_t i = 0; i < count && !r->failed; i++) {
        uint8_t type = (uint8_t)reader_u16(&types); // the high byte says unsigned
        reader_lenenc_bytes(&types);
        bool null = nulls.p[i / 8] >> (i % 8) & 1;
        if (!null && !value_skip(r, type))
            return false;
    }
    return true;
}

bool command_query_text(const uint8_t *payload, size_t n, uint64_t caps, size_t *text_at,
                        bool *malformed)
{
    struct reader r = reader_make(payload, n);

    *malformed = false;
    reader_skip(&r, 1);
    if (caps & CAP_QUERY_ATTRIBUTES) {
        uint64_t count = reader_lenenc(&r);
        uint64_t sets = reader_lenenc(&r);
        if (!r.failed && sets != 1) // MySQL 9.7 refuses it too
            *malformed = true;
        else if (!r.failed && count > 0)
            *malformed = !attributes_skip(&r, count);
    }
    if (r.failed || *malformed)
        return false;
    *text_at = n - r.left;
    return true;
}
