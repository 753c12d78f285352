// Server replies: OK, EOF, ERR, prepare-OK, result set headers and session-state tracking.
//
// Sources: dev.mysql.com page_protocol_basic_ok_packet, _err_packet, _eof_packet,
// page_protocol_com_stmt_prepare; mariadb.com/kb "OK_Packet" (same layout, own tracker types).
#ifndef SLUICE_WIRE_REPLY_H
#define SLUICE_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/caps.h"

struct ok {
    uint64_t affected_rows;
    uint64_t last_insert_id;
    uint16_t status;
    uint16_t warnings;
    size_t tail_at; // offset in the payload of what follows the warnings (info, session state)
};

// An OK packet (0x00, or 0xFE when it ends a result set under CAP_DEPRECATE_EOF), of which at
// least the first min(total, REPLY_HEAD) bytes are there. SL_EPROTO when malformed.
SL_CHECKED enum sl_code ok_decode(struct slice head, struct ok *out);

// Bytes of a packet that are enough for every decision of the tracker: 0x00, two length-encoded
// integers of 9 bytes, status, warnings; prepare-OK needs 13.
#define REPLY_HEAD 24

// EOF (0xFE, payload below 9 bytes): warnings, status. SL_EPROTO.
SL_CHECKED enum sl_code eof_decode(struct slice payload, uint16_t *status, uint16_t *warnings);

struct err {
    uint16_t code;
    char sqlstate[6]; // "HY000" when the packet has none (before login)
    struct slice message;
};

SL_CHECKED enum sl_code err_decode(struct slice payload, struct err *out);

struct prepare_ok {
    uint32_t statement_id;
    uint16_t columns, params, warnings;
    bool metadata_follows; // true unless CAP_OPTIONAL_METADATA and the server says no
};

#define PREPARE_OK_ID_AT 1 // 4 bytes

// Recorded on MySQL 9.7 (tests/unit/data/mysql-optional-metadata-*): with CAP_OPTIONAL_METADATA
// the flag is the 13th byte, behind the warnings, in every prepare-OK. When it is 0, no definition
// follows; but without CAP_DEPRECATE_EOF the EOF packets that end the definitions are still sent,
// one for params > 0 and one for columns > 0.

SL_CHECKED enum sl_code prepare_ok_decode(struct slice head, uint64_t caps, struct prepare_ok *out);

// First packet of a result set.
struct result_header {
    uint64_t columns;
    bool metadata_follows; // true where the packet has no flag
};

// Recorded on MySQL 9.7 with CAP_OPTIONAL_METADATA and on MariaDB 10.11 with
// CAP_MARIADB_CACHE_METADATA: first the column count (length-encoded, never 0), then one byte, 1
// when definitions follow: `02 01`, `02 00`. With 0 the rows follow at once under
// CAP_DEPRECATE_EOF; otherwise an EOF comes first, as behind definitions. MariaDB sends 0 only for
// COM_STMT_EXECUTE without a cursor. OK (0x00), ERR (0xFF) and LOCAL INFILE (0xFB) give SL_EPROTO.
SL_CHECKED enum sl_code result_header_decode(struct slice head, uint64_t caps,
                                             struct result_header *out);

// Also recorded:
// - a COM_STMT_EXECUTE that opened a cursor: definitions, then one EOF (or OK under
//   CAP_DEPRECATE_EOF) with STATUS_CURSOR_EXISTS, and no rows, on both servers. Where the flag is
//   missing in the first terminator no cursor was opened, and rows and a terminator follow;
// - COM_FIELD_LIST under resultset_metadata=NONE: the terminator alone;
// - COM_SET_OPTION and COM_DEBUG answer with 0xFE, as if a result set ended;
// - MariaDB bulk execute: one OK for all rows; an ERR for prepare is followed by another one for a
//   pipelined execute of statement -1.

// Whole packets with header. The message is cut to fit; `caps` decides whether the SQL state is
// sent (CAP_PROTOCOL_41) and how a terminating packet looks.
void reply_err(struct buf *out, uint8_t seq, uint64_t caps, uint16_t code, const char *sqlstate,
               const char *message);
void reply_ok(struct buf *out, uint8_t seq, uint64_t caps, uint16_t status);

// Session-state entries of an OK packet with STATUS_SESSION_STATE_CHANGED, of a session with
// CAP_SESSION_TRACK.
enum track_type {
    TRACK_SYSTEM_VARIABLES = 0, // name, value (MariaDB: possibly several pairs in one entry)
    TRACK_SCHEMA = 1,
    TRACK_STATE_CHANGE = 2,
    TRACK_GTIDS = 3,
    TRACK_TRANSACTION_CHARACTERISTICS = 4,
    TRACK_TRANSACTION_STATE = 5,
};

struct track_entry {
    uint8_t type;
    struct slice data; // the entry's payload, uninterpreted
};

// Positions a reader at the session-state block of a whole OK payload; an empty reader when there
// is none. SL_EPROTO when malformed. (The flag in an EOF packet, which MariaDB sets, has no block.)
SL_CHECKED enum sl_code ok_track_block(struct slice payload, uint64_t caps, struct reader *out);
// Next entry; false at the end or on failure (reader->failed tells which).
bool track_next(struct reader *block, struct track_entry *out);
// The text in an entry's data: the schema's name, "1" of a state change, the GTIDs (behind MySQL's
// byte of encoding), the SQL of TRACK_TRANSACTION_CHARACTERISTICS, the 8 letters of
// TRACK_TRANSACTION_STATE. False when malformed, or for TRACK_SYSTEM_VARIABLES.
bool track_text(const struct track_entry *entry, struct slice *out);
// Next name/value pair of a TRACK_SYSTEM_VARIABLES entry's data.
bool track_variable_next(struct reader *data, struct slice *name, struct slice *value);

// Which entries a client would get from the server itself: TRACK_SYSTEM_VARIABLES as in its own
// session_track_system_variables, the others as in session_track_schema and _state_change; those
// that are not named here it gets unless it is `silent` (measured on MySQL 9.7: of a transaction's
// state even with session_track_transaction_info=OFF, as soon as anything else is tracked).
struct track_filter {
    bool schema, state_change;
    bool silent;       // asked for nothing at all: no entry of any kind
    bool empty;        // with no entry left, a report without entries: flag and empty block
    const char *names; // borrowed; comma separated, in any case; "*": all; NULL: none
};

// Whether the OK or EOF packet that begins with `head` has STATUS_SESSION_STATE_CHANGED: it then
// has to go through ok_for_client. Looks at nothing else, so the caller must know that it is one
// (tracker_expects_status).
static inline bool ok_state_changed(const uint8_t *head, size_t n)
{
    struct ok ok;
    // Two numbers of one byte each, or the warnings of an EOF, stand before the status.
    if (n == 5 || (n > 5 && head[1] < 0xFB && head[2] < 0xFB))
        return (head[4] & (STATUS_SESSION_STATE_CHANGED >> 8)) != 0;
    return ok_decode((struct slice){head, n}, &ok) == SL_OK &&
           (ok.status & STATUS_SESSION_STATE_CHANGED) != 0;
}

// Makes a whole OK or EOF payload of `*n` bytes that was sent on a link with CAP_SESSION_TRACK what
// the client would have got: `client_tracks` says whether it has CAP_SESSION_TRACK itself, `filter`
// (NULL: everything passes) what it asked for. `*n` never grows. Measured: the info text has a
// length in front of it, with CAP_SESSION_TRACK and without; with neither text nor entries there is
// no byte behind the warnings. SL_EPROTO when malformed, and nothing was changed.
SL_CHECKED enum sl_code ok_rewrite(uint8_t *payload, size_t *n, uint64_t link_caps,
                                   bool client_tracks, const struct track_filter *filter);
// The same into `out`, behind what it holds. SL_ETOOBIG.
SL_CHECKED enum sl_code ok_for_client(struct slice payload, uint64_t link_caps, bool client_tracks,
                                      const struct track_filter *filter, struct buf *out);

#endif
