// Server replies, read as far as a proxy needs them, and the two that sluice sends itself.
//
//     OK       00|FE | affected | insert id | status | warnings | [info | session state]
//     EOF      FE | warnings | status                              (below 9 bytes)
//     ERR      FF | code | [# sqlstate] | message
//     prepare  00 | statement id | columns | params | 00 | warnings | [metadata follows]
//
// All sessions speak the 4.1 protocol: login_decode refuses older clients.
#include "wire/reply.h"

#include <string.h>

#include "wire/packet.h"

#define OK_MARK 0x00
#define EOF_MARK 0xFE
#define ERR_MARK 0xFF
#define EOF_MAX 9 // a longer packet that starts with 0xFE is an OK packet or a row
#define SQLSTATE_LEN 5
#define ERR_MESSAGE_MAX 511 // what client libraries keep (MYSQL_ERRMSG_SIZE)

static enum sl_code reader_code(const struct reader *r)
{
    return r->failed ? SL_EPROTO : SL_OK;
}

enum sl_code ok_decode(struct slice head, struct ok *out)
{
    struct reader r = reader_make(head.p, head.n);
    uint8_t mark = reader_u8(&r);

    memset(out, 0, sizeof *out);
    if (r.failed || (mark != OK_MARK && mark != EOF_MARK))
        return SL_EPROTO;
    out->affected_rows = reader_lenenc(&r);
    out->last_insert_id = reader_lenenc(&r);
    out->status = reader_u16(&r);
    out->warnings = reader_u16(&r);
    out->tail_at = head.n - r.left;
    return reader_code(&r);
}

enum sl_code eof_decode(struct slice payload, uint16_t *status, uint16_t *warnings)
{
    struct reader r = reader_make(payload.p, payload.n);
    uint8_t mark = reader_u8(&r);

    *warnings = reader_u16(&r);
    *status = reader_u16(&r);
    if (mark != EOF_MARK || payload.n >= EOF_MAX)
        return SL_EPROTO;
    return reader_code(&r);
}

enum sl_code err_decode(struct slice payload, struct err *out)
{
    struct reader r = reader_make(payload.p, payload.n);
    uint8_t mark = reader_u8(&r);

    memset(out, 0, sizeof *out);
    memcpy(out->sqlstate, "HY000", sizeof out->sqlstate);
    out->code = reader_u16(&r);
    if (r.failed || mark != ERR_MARK)
        return SL_EPROTO;
    // A progress report has no state, but a byte 0x23 there would be a count of strings.
    if (out->code != ER_MARIADB_PROGRESS && r.left > SQLSTATE_LEN && r.p[0] == '#') {
        reader_skip(&r, 1);
        memcpy(out->sqlstate, reader_bytes(&r, SQLSTATE_LEN).p, SQLSTATE_LEN);
    }
    out->message = reader_rest(&r);
    return SL_OK;
}

enum sl_code prepare_ok_decode(struct slice head, uint64_t caps, struct prepare_ok *out)
{
    struct reader r = reader_make(head.p, head.n);
    uint8_t mark = reader_u8(&r);

    memset(out, 0, sizeof *out);
    out->statement_id = reader_u32(&r);
    out->columns = reader_u16(&r);
    out->params = reader_u16(&r);
    reader_skip(&r, 1);
    out->warnings = reader_u16(&r);
    out->metadata_follows = true;
    if (caps & CAP_OPTIONAL_METADATA)
        out->metadata_follows = reader_u8(&r) != 0;
    if (mark != OK_MARK)
        return SL_EPROTO;
    return reader_code(&r);
}

enum sl_code result_header_decode(struct slice head, uint64_t caps, struct result_header *out)
{
    struct reader r = reader_make(head.p, head.n);

    out->columns = reader_lenenc(&r);
    out->metadata_follows = true;
    if (caps & (CAP_OPTIONAL_METADATA | CAP_MARIADB_CACHE_METADATA))
        out->metadata_follows = reader_u8(&r) != 0;
    if (out->columns == 0)
        return SL_EPROTO;
    return reader_code(&r);
}

// Bytes of `message` to send, never half a UTF-8 character.
static size_t message_length(const char *message)
{
    size_t n = strnlen(message, ERR_MESSAGE_MAX + 1);

    if (n <= ERR_MESSAGE_MAX)
        return n;
    n = ERR_MESSAGE_MAX;
    while (n > 0 && ((uint8_t)message[n] & 0xC0) == 0x80)
        n--;
    return n;
}

void reply_err(struct buf *out, uint8_t seq, uint64_t caps, uint16_t code, const char *sqlstate,
               const char *message)
{
    size_t at = packet_begin(out, seq);
    char state[SQLSTATE_LEN + 1];

    buf_u8(out, ERR_MARK);
    buf_u16(out, code);
    if (caps & CAP_PROTOCOL_41) {
        // Always five characters, or the client takes the message for the state.
        memcpy(state, "HY000", sizeof state);
        if (strnlen(sqlstate, sizeof state) == SQLSTATE_LEN)
            memcpy(state, sqlstate, SQLSTATE_LEN);
        buf_u8(out, '#');
        buf_put(out, state, SQLSTATE_LEN);
    }
    buf_put(out, message, message_length(message));
    packet_end(out, at);
}

void reply_ok(struct buf *out, uint8_t seq, uint64_t caps, uint16_t status)
{
    size_t at = packet_begin(out, seq);

    buf_u8(out, OK_MARK);
    buf_lenenc(out, 0);
    buf_lenenc(out, 0);
    // No info and no session state: the flag would promise a block that is not there.
    if (caps & CAP_PROTOCOL_41) {
        buf_u16(out, (uint16_t)(status & ~STATUS_SESSION_STATE_CHANGED));
        buf_u16(out, 0);
    }
    packet_end(out, at);
}

enum sl_code ok_track_block(struct slice payload, uint64_t caps, struct reader *out)
{
    struct ok ok;
    enum sl_code code = ok_decode(payload, &ok);

    *out = reader_make(NULL, 0);
    if (code != SL_OK)
        return code;
    if (!(caps & CAP_SESSION_TRACK) || !(ok.status & STATUS_SESSION_STATE_CHANGED))
        return SL_OK;
    struct reader r = reader_make(payload.p + ok.tail_at, payload.n - ok.tail_at);
    if (r.left == 0)
        return SL_OK;
    reader_lenenc_bytes(&r); // info
    struct slice block = reader_lenenc_bytes(&r);
    if (r.failed)
        return SL_EPROTO;
    *out = reader_make(block.p, block.n);
    return SL_OK;
}

bool track_next(struct reader *block, struct track_entry *out)
{
    if (block->failed || block->left == 0)
        return false;
    out->type = reader_u8(block);
    out->data = reader_lenenc_bytes(block);
    return !block->failed;
}

bool track_text(const struct track_entry *entry, struct slice *out)
{
    struct reader r = reader_make(entry->data.p, entry->data.n);

    *out = (struct slice){0};
    if (entry->type == TRACK_SYSTEM_VARIABLES)
        return false;
    if (entry->type == TRACK_STATE_CHANGE) { // the only one without a length of its own
        *out = entry->data;
        return true;
    }
    if (entry->type == TRACK_GTIDS)
        reader_skip(&r, 1);
    *out = reader_lenenc_bytes(&r);
    return !r.failed;
}

bool track_variable_next(struct reader *data, struct slice *name, struct slice *value)
{
    if (data->failed || data->left == 0)
        return false;
    *name = reader_lenenc_bytes(data);
    *value = reader_lenenc_bytes(data);
    return !data->failed;
}
