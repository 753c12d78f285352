// Our own questions: the commands for them, and their answers taken from the packets that come.
//
//   questions:  [ done | in the tracker, up to its depth | queued ]    oldest first
//   data:       types of columns, raw rows one behind the other, texts of errors
//   cells:      (offset in data, length) of each value, row by row
//
// Sources: dev.mysql.com page_protocol_com_query_response_text_resultset, _column_definition (with
// MariaDB's string of extended metadata, mariadb.com/kb "Result Set Packets").
#include "state/ask.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "state/scan.h"
#include "wire/packet.h"

#define MARK_PROGRESS 0xFF // no row, definition or header begins with it
#define CELL_NULL UINT32_MAX
#define COLUMN_TEXTS 6 // catalog, schema, table and name as shown and as stored

struct cell {
    uint32_t at, n; // n is CELL_NULL for SQL's NULL
};

void ask_init(struct ask *a, uint64_t caps, uint16_t status)
{
    *a = (struct ask){.caps = caps};
    tracker_init(&a->tracker, caps, status);
    buf_init(&a->data, ASK_BYTES_MAX);
    buf_init(&a->cells, ASK_BYTES_MAX);
}

void ask_release(struct ask *a)
{
    buf_wipe(&a->data);
    buf_wipe(&a->cells);
    mem_free(a->answers);
    ask_init(a, a->caps, 0);
}

// Hands queued questions to the tracker as far as it takes them.
static void feed(struct ask *a)
{
    unsigned sent = a->done + tracker_outstanding(&a->tracker);
    for (; sent < a->count && !tracker_full(&a->tracker); sent++) {
        struct tracked command = {.command = a->answers[sent].command};
        tracker_sent(&a->tracker, &command);
    }
}

// A command of `n` bytes of text behind the command byte and `prefix`, in as many packets as its
// size takes; the last one is shorter than PACKET_MAX_PAYLOAD.
static void put_command(struct buf *out, uint8_t command, struct slice prefix, const char *text,
                        size_t n)
{
    size_t head = 1 + prefix.n;
    uint8_t seq = 0;
    for (size_t at = 0;;) {
        size_t room = PACKET_MAX_PAYLOAD - (at == 0 ? head : 0);
        size_t take = n - at < room ? n - at : room;
        size_t length = take + (at == 0 ? head : 0);
        packet_header(out, (uint32_t)length, seq++);
        if (at == 0) {
            buf_u8(out, command);
            buf_put(out, prefix.p, prefix.n);
        }
        buf_put(out, text + at, take);
        at += take;
        if (length < PACKET_MAX_PAYLOAD)
            return;
    }
}

static unsigned ask(struct ask *a, struct buf *out, uint8_t command, const char *text, size_t n)
{
    // No query attributes, one set of parameters.
    static const uint8_t no_attributes[] = {0, 1};
    struct slice prefix = {0};
    if (a->count == ASK_MAX) {
        out->failed = true;
        return ASK_MAX;
    }
    if (command == COM_QUERY && (a->caps & CAP_QUERY_ATTRIBUTES))
        prefix = (struct slice){no_attributes, sizeof no_attributes};
    put_command(out, command, prefix, text, n);
    if (a->count == a->size) {
        a->size = a->size > 0 ? 2 * a->size : 16;
        a->answers = mem_realloc(a->answers, a->size * sizeof *a->answers);
    }
    a->answers[a->count++] = (struct answer){.command = command};
    feed(a);
    return a->count - 1;
}

// Ours are in capitals, and what they execute is a SET.
static void count_sets(struct ask *a, const char *sql, size_t n)
{
    static const char executes[] = "EXECUTE IMMEDIATE ";
    struct scan scan;
    if (n >= sizeof executes && memcmp(sql, executes, sizeof executes - 1) == 0) {
        a->sets[0]++;
        a->sets[1]++;
        return;
    }
    if (n < 4 || memcmp(sql, "SET ", 4) != 0)
        return;
    scan_begin(&scan, SCAN_BACKSLASH);
    scan_feed(&scan, (const uint8_t *)sql, n);
    (void)scan_end(&scan);
    for (int maria = 0; maria < 2; maria++)
        a->sets[maria] += scan_sets(&scan, maria == 1);
}

unsigned ask_query(struct ask *a, struct buf *out, const char *sql, size_t n)
{
    count_sets(a, sql, n);
    return ask(a, out, COM_QUERY, sql, n);
}

unsigned ask_prepare(struct ask *a, struct buf *out, const char *text, size_t n)
{
    return ask(a, out, COM_STMT_PREPARE, text, n);
}

unsigned ask_ping(struct ask *a, struct buf *out)
{
    return ask(a, out, COM_PING, "", 0);
}

unsigned ask_reset(struct ask *a, struct buf *out)
{
    return ask(a, out, COM_RESET_CONNECTION, "", 0);
}

unsigned ask_set_option(struct ask *a, struct buf *out, uint16_t option)
{
    const char bytes[] = {(char)(option & 0xFF), (char)(option >> 8)};
    a->sets[0]++; // the servers count it as a SET
    a->sets[1]++;
    return ask(a, out, COM_SET_OPTION, bytes, sizeof bytes);
}

// The first packet of a result set.
static enum sl_code take_header(struct ask *a, struct answer *answer, struct slice payload)
{
    struct result_header header;
    if (result_header_decode(payload, a->caps, &header) != SL_OK || header.columns > UINT16_MAX)
        return SL_EPROTO;
    answer->columns = (uint32_t)header.columns;
    answer->data_at = a->data.n;
    answer->cells_at = a->cells.n;
    return SL_OK;
}

static enum sl_code take_definition(struct ask *a, struct answer *answer, struct slice payload)
{
    struct reader r = reader_make(payload.p, payload.n);
    struct ask_column column;
    for (int i = 0; i < COLUMN_TEXTS; i++)
        reader_lenenc_bytes(&r);
    if (a->caps & CAP_MARIADB_EXTENDED_METADATA)
        reader_lenenc_bytes(&r);
    reader_lenenc(&r); // length of what follows
    memset(&column, 0, sizeof column);
    column.charset = reader_u16(&r);
    column.length = reader_u32(&r);
    column.type = reader_u8(&r);
    column.flags = reader_u16(&r);
    column.decimals = reader_u8(&r);
    if (r.failed)
        return SL_EPROTO;
    buf_put(&a->data, &column, sizeof column);
    answer->described++;
    return SL_OK;
}

static enum sl_code take_row(struct ask *a, struct answer *answer, struct slice payload)
{
    struct reader r = reader_make(payload.p, payload.n);
    for (uint32_t i = 0; i < answer->columns && !r.failed; i++) {
        bool null;
        uint64_t n = reader_lenenc_null(&r, &null);
        struct cell cell = {.at = (uint32_t)(a->data.n + (payload.n - r.left)),
                            .n = null ? CELL_NULL : (uint32_t)n};
        if (!null && n > r.left)
            return SL_EPROTO;
        reader_skip(&r, null ? 0 : (size_t)n);
        buf_put(&a->cells, &cell, sizeof cell);
    }
    if (r.failed || r.left > 0)
        return SL_EPROTO;
    buf_put(&a->data, payload.p, payload.n);
    answer->rows++;
    return SL_OK;
}

// A packet behind which the answer goes on.
static enum sl_code take_part(struct ask *a, struct answer *answer, uint8_t phase,
                              struct slice payload)
{
    if (payload.p[0] == MARK_PROGRESS || answer->command != COM_QUERY)
        return SL_OK;
    if (phase == TRACKER_FIRST)
        return answer->columns == 0 ? take_header(a, answer, payload) : SL_EPROTO;
    if (a->tracker.phase == TRACKER_FIRST) // the end of a result behind which another one comes
        return SL_EPROTO;
    if (phase == TRACKER_DEFINITIONS)
        return take_definition(a, answer, payload);
    return phase == TRACKER_ROWS ? take_row(a, answer, payload) : SL_OK;
}

static enum sl_code take_error(struct ask *a, struct answer *answer, struct slice payload)
{
    struct err err;
    if (err_decode(payload, &err) != SL_OK)
        return SL_EPROTO;
    answer->columns = answer->rows = answer->described = 0;
    answer->data_at = a->data.n;
    buf_put(&a->data, err.sqlstate, sizeof err.sqlstate);
    buf_put(&a->data, err.message.p, err.message.n);
    if (a->data.failed)
        return SL_ETOOBIG;
    answer->kind = ANSWER_ERR;
    answer->error = err.code;
    answer->text = (uint32_t)err.message.n;
    return SL_OK;
}

static enum sl_code take_end(struct ask *a, struct answer *answer, struct slice payload)
{
    const struct tracker_outcome *outcome = &a->tracker.outcome;
    answer->status = outcome->status;
    answer->warnings = outcome->warnings;
    answer->prepare = outcome->prepare;
    a->done++;
    if (outcome->is_error)
        return take_error(a, answer, payload);
    answer->kind = outcome->prepared ? ANSWER_PREPARED : ANSWER_OK;
    if (answer->columns > 0)
        answer->kind = ANSWER_ROWS;
    return SL_OK;
}

static enum sl_code take(struct ask *a, struct slice payload)
{
    struct tracked done;
    uint8_t phase = a->tracker.phase;
    struct answer *answer = a->done < a->count ? &a->answers[a->done] : NULL;
    switch (tracker_packet(&a->tracker, payload.p, payload.n, (uint32_t)payload.n, &done)) {
    case TRACKER_MORE: return take_part(a, answer, phase, payload);
    case TRACKER_DONE: {
        enum sl_code code = take_end(a, answer, payload);
        feed(a);
        return code;
    }
    default: return SL_EPROTO;
    }
}

enum sl_code ask_packet(struct ask *a, struct slice payload, struct sl_error *err)
{
    if (a->failed)
        return sl_fail(err, SL_EPROTO, "an earlier answer was not understood");
    enum sl_code code = payload.n < PACKET_MAX_PAYLOAD ? take(a, payload) : SL_ETOOBIG;
    if (code == SL_OK && (a->data.failed || a->cells.failed))
        code = SL_ETOOBIG;
    if (code == SL_OK)
        return SL_OK;
    a->failed = true;
    if (code == SL_ETOOBIG)
        return sl_fail(err, code, "the server's answers are larger than %zu bytes", ASK_BYTES_MAX);
    return sl_fail(err, code, "the server's answer is not one to our question (phase %s)",
                   tracker_phase_name((enum tracker_phase)a->tracker.phase));
}

bool ask_done(const struct ask *a)
{
    return a->done == a->count && !a->failed;
}

bool ask_warned(const struct ask *a)
{
    for (unsigned i = 0; i < a->count; i++) {
        if (a->answers[i].kind == ANSWER_ERR || a->answers[i].warnings > 0)
            return true;
    }
    return false;
}

const struct answer *ask_answer(const struct ask *a, unsigned i)
{
    assert(i < a->count);
    return &a->answers[i];
}

const char *ask_error_text(const struct ask *a, unsigned i, char *out, size_t size)
{
    const struct answer *answer = ask_answer(a, i);
    assert(answer->kind == ANSWER_ERR);
    const char *state = (const char *)a->data.p + answer->data_at;
    const char *message = state + sizeof((struct err *)0)->sqlstate;
    snprintf(out, size, "%u (%s): %.*s", answer->error, state, (int)answer->text, message);
    text_make_printable(out);
    return out;
}

bool ask_value(const struct ask *a, unsigned i, uint32_t row, uint32_t column, struct slice *out)
{
    const struct answer *answer = ask_answer(a, i);
    struct cell cell;
    assert(answer->kind == ANSWER_ROWS && row < answer->rows && column < answer->columns);
    size_t index = (size_t)row * answer->columns + column;
    memcpy(&cell, a->cells.p + answer->cells_at + index * sizeof cell, sizeof cell);
    *out = (struct slice){a->data.p + cell.at, cell.n == CELL_NULL ? 0 : cell.n};
    return cell.n != CELL_NULL;
}

bool ask_column(const struct ask *a, unsigned i, uint32_t column, struct ask_column *out)
{
    const struct answer *answer = ask_answer(a, i);
    assert(answer->kind == ANSWER_ROWS && column < answer->columns);
    if (column >= answer->described)
        return false;
    memcpy(out, a->data.p + answer->data_at + column * sizeof *out, sizeof *out);
    return true;
}
