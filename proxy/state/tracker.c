// The response tracker: where the answer to each command ends. See tracker.h for the picture.
//
// Facts measured on MariaDB 10.11 and MySQL 9.7 (tests/unit/data, replayed by the unit test):
// - an execute that opens a cursor answers with definitions and one terminator that carries
//   CURSOR_EXISTS, and no rows, with and without CAP_DEPRECATE_EOF;
// - fetch ends with EOF, or with OK in an EOF's clothes under CAP_DEPRECATE_EOF;
// - OUT parameters of a prepared CALL come as a result set with PS_OUT_PARAMS, and an OK always
//   follows, although MySQL's EOF behind the row then lacks MORE_RESULTS without CAP_DEPRECATE_EOF;
// - without definitions (optional or cached metadata) their EOF is still sent without
//   CAP_DEPRECATE_EOF.
//
// - MySQL 9.7: when the first execute of a statement asked for a cursor, one without a cursor is
//   answered with definitions and then an OK (0x00), without EOF, rows or terminator. By its bytes
//   that may be a row as well.
//
// Whatever does not fit makes the tracker OPAQUE for good: it never guesses.
#include "state/tracker.h"

#include <assert.h>

#include "wire/packet.h"

#define STATUS_PS_OUT_PARAMS 0x1000

#define MARK_OK 0x00
#define MARK_AUTH_MORE 0x01
#define MARK_AUTH_FACTOR 0x02
#define MARK_INFILE 0xFB
#define MARK_EOF 0xFE
#define MARK_ERR 0xFF

#define EOF_LENGTH 5      // 0xFE, warnings, status
#define EOF_MAX 9         // longer ones that start with 0xFE are rows, or OK packets
#define DEFINITION_MIN 12 // no column definition is shorter

struct packet {
    struct slice head;
    uint32_t length;
    uint8_t mark;
};

static const char *const phase_names[] = {
#define X(name) #name,
    TRACKER_PHASES(X)
#undef X
};

const char *tracker_phase_name(enum tracker_phase phase)
{
    assert((size_t)phase < sizeof phase_names / sizeof *phase_names);
    return phase_names[phase];
}

void tracker_init(struct tracker *t, uint64_t caps, uint16_t status)
{
    *t = (struct tracker){.caps = caps, .phase = TRACKER_IDLE, .status = status};
}

bool tracker_full(const struct tracker *t)
{
    return !tracker_has_room(t, 1);
}

bool tracker_has_room(const struct tracker *t, unsigned commands)
{
    return t->count + commands <= TRACKER_DEPTH || t->phase == TRACKER_OPAQUE;
}

unsigned tracker_outstanding(const struct tracker *t)
{
    return t->count;
}

const struct tracked *tracker_at(const struct tracker *t, unsigned i)
{
    assert(i < t->count);
    return &t->ring[(t->head + i) % TRACKER_DEPTH];
}

const struct tracked *tracker_current(const struct tracker *t)
{
    return t->count > 0 ? tracker_at(t, 0) : NULL;
}

// The oldest command's answer begins.
static void begin(struct tracker *t)
{
    t->fresh = true;
    t->out_params = false;
    t->second_part = false;
    t->definitions_left = 0;
    t->columns_after = 0;
    switch (t->count > 0 ? command_reply(tracker_current(t)->command) : REPLY_NONE) {
    case REPLY_NONE: t->phase = TRACKER_IDLE; break;
    case REPLY_STREAM: t->phase = TRACKER_OPAQUE; break;
    case REPLY_ROWS: t->phase = TRACKER_ROWS; break;
    case REPLY_AUTH: t->phase = TRACKER_AUTH; break;
    default: t->phase = TRACKER_FIRST; break;
    }
}

void tracker_sent(struct tracker *t, const struct tracked *command)
{
    if (t->phase == TRACKER_OPAQUE || command_reply(command->command) == REPLY_NONE)
        return;
    assert(!tracker_full(t));
    t->ring[(t->head + t->count) % TRACKER_DEPTH] = *command;
    t->count++;
    if (t->count == 1)
        begin(t);
}

static enum tracker_event opaque(struct tracker *t)
{
    t->phase = TRACKER_OPAQUE;
    return TRACKER_OPAQUE_DATA;
}

static enum tracker_event finish(struct tracker *t, struct tracked *done)
{
    *done = *tracker_current(t);
    t->outcome.status = t->status;
    t->head = (uint8_t)((t->head + 1) % TRACKER_DEPTH);
    t->count--;
    begin(t);
    return TRACKER_DONE;
}

// An ERR ends the whole answer wherever it comes, unless it is a progress report.
static enum tracker_event error(struct tracker *t, const struct packet *p, struct tracked *done)
{
    struct err err;
    if (err_decode(p->head, &err) != SL_OK)
        return opaque(t);
    if (err.code == ER_MARIADB_PROGRESS)
        return TRACKER_MORE;
    t->outcome = (struct tracker_outcome){.is_error = true, .error = err.code};
    return finish(t, done);
}

// Takes status and warnings from an OK or EOF packet.
static bool take_status(struct tracker *t, const struct packet *p)
{
    if (p->mark == MARK_EOF && p->length == EOF_LENGTH)
        return eof_decode(p->head, &t->status, &t->outcome.warnings) == SL_OK;
    struct ok ok;
    if (ok_decode(p->head, &ok) != SL_OK)
        return false;
    t->status = ok.status;
    t->outcome.warnings = ok.warnings;
    return true;
}

// One result is complete: either there are more, or the answer ends.
static enum tracker_event result_ends(struct tracker *t, struct tracked *done)
{
    if ((t->status & STATUS_MORE_RESULTS) || t->out_params) {
        t->out_params = false;
        t->phase = TRACKER_FIRST;
        return TRACKER_MORE;
    }
    return finish(t, done);
}

static bool executes(const struct tracker *t)
{
    return tracker_current(t)->command == COM_STMT_EXECUTE;
}

// Whether this packet ends rows or definitions. A row that starts with 0xFE has a column of 16 MiB
// or more, so it fills its packet.
static bool terminates(const struct tracker *t, const struct packet *p)
{
    if (p->mark != MARK_EOF)
        return false;
    return t->caps & CAP_DEPRECATE_EOF ? p->length < PACKET_MAX_PAYLOAD : p->length < EOF_MAX;
}

// After the last definition, or where it would have been.
static void definitions_end(struct tracker *t)
{
    bool look = !(t->caps & CAP_DEPRECATE_EOF) || tracker_current(t)->cursor_before;
    t->phase = look ? TRACKER_DEFINITIONS_EOF : TRACKER_ROWS;
}

static void definitions_begin(struct tracker *t, uint32_t count)
{
    t->definitions_left = count;
    if (count > 0)
        t->phase = TRACKER_DEFINITIONS;
    else
        definitions_end(t);
}

static enum tracker_event first_of_result(struct tracker *t, const struct packet *p,
                                          struct tracked *done)
{
    struct result_header header;
    if (p->mark == MARK_OK)
        return take_status(t, p) ? result_ends(t, done) : opaque(t);
    if (p->mark == MARK_INFILE)
        return TRACKER_WANTS_FILE;
    if (result_header_decode(p->head, t->caps, &header) != SL_OK || header.columns > UINT16_MAX)
        return opaque(t);
    t->metadata = header.metadata_follows;
    definitions_begin(t, t->metadata ? (uint32_t)header.columns : 0);
    return TRACKER_MORE;
}

// Prepare: parameters, then columns, each with an EOF of its own where EOFs are sent, even when
// the definitions themselves are left out.
static enum tracker_event prepare_goes_on(struct tracker *t, struct tracked *done)
{
    bool eof = !(t->caps & CAP_DEPRECATE_EOF);
    while (!t->second_part) {
        t->second_part = true;
        if (t->columns_after == 0)
            break;
        definitions_begin(t, t->metadata ? t->columns_after : 0);
        if (t->metadata || eof)
            return TRACKER_MORE;
    }
    return finish(t, done);
}

static enum tracker_event first_of_prepare(struct tracker *t, const struct packet *p,
                                           struct tracked *done)
{
    struct prepare_ok *ok = &t->outcome.prepare;
    if (p->mark != MARK_OK || prepare_ok_decode(p->head, t->caps, ok) != SL_OK)
        return opaque(t);
    t->outcome.prepared = true;
    t->outcome.warnings = ok->warnings;
    t->metadata = ok->metadata_follows;
    t->columns_after = ok->columns;
    if (ok->params > 0 && (t->metadata || !(t->caps & CAP_DEPRECATE_EOF))) {
        definitions_begin(t, t->metadata ? ok->params : 0);
        return TRACKER_MORE;
    }
    return prepare_goes_on(t, done);
}

static enum tracker_event on_first(struct tracker *t, const struct packet *p, struct tracked *done)
{
    switch (command_reply(tracker_current(t)->command)) {
    case REPLY_STRING: return finish(t, done);
    case REPLY_OK:
        if (p->mark != MARK_OK && !(p->mark == MARK_EOF && p->length < PACKET_MAX_PAYLOAD))
            return opaque(t);
        return take_status(t, p) ? finish(t, done) : opaque(t);
    case REPLY_RESULT: return first_of_result(t, p, done);
    case REPLY_PREPARE: return first_of_prepare(t, p, done);
    case REPLY_FIELDS:
        if (terminates(t, p))
            return take_status(t, p) ? finish(t, done) : opaque(t);
        return p->length >= DEFINITION_MIN ? TRACKER_MORE : opaque(t);
    default: return opaque(t);
    }
}

static enum tracker_event on_definition(struct tracker *t, const struct packet *p,
                                        struct tracked *done)
{
    if (p->length < DEFINITION_MIN)
        return opaque(t);
    if (--t->definitions_left > 0)
        return TRACKER_MORE;
    definitions_end(t);
    bool prepare = command_reply(tracker_current(t)->command) == REPLY_PREPARE;
    return prepare && t->phase == TRACKER_ROWS ? prepare_goes_on(t, done) : TRACKER_MORE;
}

static bool could_be_ok(const struct packet *p)
{
    struct ok ok;
    return p->mark == MARK_OK && ok_decode(p->head, &ok) == SL_OK && ok.affected_rows == 0 &&
           ok.last_insert_id == 0 &&
           (ok.tail_at == p->length || (ok.status & STATUS_SESSION_STATE_CHANGED) != 0);
}

static enum tracker_event on_row(struct tracker *t, const struct packet *p, struct tracked *done);

static enum tracker_event on_definitions_eof(struct tracker *t, const struct packet *p,
                                             struct tracked *done)
{
    if (t->caps & CAP_DEPRECATE_EOF) { // only looked for because of `cursor_before`
        t->phase = TRACKER_ROWS;
        return could_be_ok(p) ? opaque(t) : on_row(t, p, done);
    }
    if (!terminates(t, p) || !take_status(t, p))
        return opaque(t);
    if (command_reply(tracker_current(t)->command) == REPLY_PREPARE)
        return prepare_goes_on(t, done);
    t->out_params = (t->status & STATUS_PS_OUT_PARAMS) != 0;
    if (executes(t) && (t->status & STATUS_CURSOR_EXISTS)) {
        t->outcome.cursor = true;
        return result_ends(t, done);
    }
    t->phase = TRACKER_ROWS;
    return TRACKER_MORE;
}

static enum tracker_event on_row(struct tracker *t, const struct packet *p, struct tracked *done)
{
    if (!terminates(t, p))
        return TRACKER_MORE;
    if (!take_status(t, p))
        return opaque(t);
    if (command_reply(tracker_current(t)->command) == REPLY_ROWS)
        return finish(t, done);
    if (executes(t) && (t->status & STATUS_CURSOR_EXISTS))
        t->outcome.cursor = true;
    return result_ends(t, done);
}

static enum tracker_event on_auth(struct tracker *t, const struct packet *p, struct tracked *done)
{
    switch (p->mark) {
    case MARK_OK: return take_status(t, p) ? finish(t, done) : opaque(t);
    case MARK_AUTH_MORE:
    case MARK_AUTH_FACTOR:
    case MARK_EOF: return TRACKER_AUTH_PACKET;
    default: return opaque(t);
    }
}

static enum tracker_event on_packet(struct tracker *t, const struct packet *p, struct tracked *done)
{
    bool text =
        t->phase == TRACKER_FIRST && command_reply(tracker_current(t)->command) == REPLY_STRING;
    if (t->fresh) { // until now the outcome of the answer before this one could be read
        t->outcome = (struct tracker_outcome){0};
        t->fresh = false;
    }
    if (p->mark == MARK_ERR && !text)
        return error(t, p, done);
    switch ((enum tracker_phase)t->phase) {
    case TRACKER_FIRST: return on_first(t, p, done);
    case TRACKER_DEFINITIONS: return on_definition(t, p, done);
    case TRACKER_DEFINITIONS_EOF: return on_definitions_eof(t, p, done);
    case TRACKER_ROWS: return on_row(t, p, done);
    case TRACKER_AUTH: return on_auth(t, p, done);
    default: return opaque(t);
    }
}

bool tracker_expects_status(const struct tracker *t, const uint8_t *head, size_t n, uint32_t length)
{
    if (t->continued || t->count == 0 || n == 0 || length == PACKET_MAX_PAYLOAD)
        return false;
    struct packet p = {.head = {head, n}, .length = length, .mark = head[0]};
    enum reply_kind reply = command_reply(tracker_current(t)->command);
    switch ((enum tracker_phase)t->phase) {
    case TRACKER_ROWS:
    case TRACKER_DEFINITIONS_EOF: return terminates(t, &p);
    case TRACKER_AUTH: return p.mark == MARK_OK;
    case TRACKER_FIRST:
        if (reply == REPLY_FIELDS)
            return terminates(t, &p);
        return (reply == REPLY_RESULT && p.mark == MARK_OK) ||
               (reply == REPLY_OK && (p.mark == MARK_OK || p.mark == MARK_EOF));
    default: return false;
    }
}

enum tracker_event tracker_packet(struct tracker *t, const uint8_t *head, size_t n, uint32_t length,
                                  struct tracked *done)
{
    bool continues = t->continued;
    t->continued = length == PACKET_MAX_PAYLOAD;
    if (t->phase == TRACKER_ROWS && (continues || (n > 0 && head[0] < MARK_EOF)))
        return TRACKER_MORE;
    if (t->phase == TRACKER_OPAQUE)
        return TRACKER_OPAQUE_DATA;
    if (t->phase == TRACKER_IDLE)
        return TRACKER_UNASKED;
    if (continues)
        return TRACKER_MORE;
    if (n == 0 || length == 0)
        return opaque(t);
    struct slice whole = {.p = head, .n = n < length ? n : length};
    struct packet p = {.head = whole, .length = length, .mark = head[0]};
    return on_packet(t, &p, done);
}
