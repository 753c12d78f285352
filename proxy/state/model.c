// The session model: commands in, packets in, obstacles out.
//
//   model_command -> model_text ... -> model_command_end     the command joins the tracker's ring
//   model_packet  -> TRACKER_DONE -> model_learn()           its answer changes what is kept
//
// Pipelining: see model_learn.c.
#include "state/model.h"

#include <assert.h>
#include <string.h>

#include "state/model_learn.h"
#include "wire/command.h"

#define STATUS_NO_BACKSLASH_ESCAPES 0x0200
#define ATTRIBUTES_MAX 65536 // longer query attributes are scanned as if they were text
#define STATEMENT_HEAD 5     // command, statement id

// What model_text does with the bytes.
enum text {
    TEXT_NONE,
    TEXT_SCAN,
    TEXT_ATTRIBUTES, // collect until the text begins
    TEXT_PREPARE,    // scan, and keep
    TEXT_EXECUTE,    // collect until the parameter types are there
    TEXT_USER,       // COM_CHANGE_USER, for its charset
};

// Fields of COM_CHANGE_USER up to the charset.
enum user_field {
    USER_NAME,
    USER_AUTH_LENGTH,
    USER_AUTH,
    USER_DATABASE,
    USER_CHARSET,
    USER_CHARSET_HIGH,
    USER_DONE
};

// Collations of big5, sjis, gbk, cp932 and gb18030, whose second bytes may be a backslash or a
// backquote; MariaDB's "nopad" collations are the same numbers plus 1024.
static bool charset_hides(uint32_t collation)
{
    static const uint16_t hiding[] = {1, 84, 13, 88, 28, 87, 95, 96, 248, 249, 250};
    if (collation >= 2048)
        return false;
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        if (hiding[i] == (collation & 1023))
            return true;
    }
    return false;
}

void model_init(struct model *m, uint64_t caps, uint16_t status, uint8_t charset)
{
    *m = (struct model){.blind = charset_hides(charset)};
    m->blind_login = m->blind;
    tracker_init(&m->tracker, caps, status);
    statements_init(&m->statements);
    portrait_init(&m->portrait);
}

void model_release(struct model *m)
{
    statements_release(&m->statements);
    portrait_release(&m->portrait);
    model_prepare_release(m);
    buf_release(&m->collected);
}

// --- commands -------------------------------------------------------------------------------------

// What an outstanding command may do to how the next text is read.
#define CHANGES_READING (SCAN_sql_mode | SCAN_charset | SCAN_sql_execute)

static enum scan_mode scan_mode(const struct model *m)
{
    if (m->blind)
        return SCAN_BLIND;
    for (unsigned i = 0; i < tracker_outstanding(&m->tracker); i++) {
        if (tracker_at(&m->tracker, i)->scan & CHANGES_READING)
            return SCAN_BLIND;
    }
    return m->tracker.status & STATUS_NO_BACKSLASH_ESCAPES ? SCAN_NO_BACKSLASH : SCAN_BACKSLASH;
}

static uint32_t statement_id(const uint8_t *head, size_t n)
{
    struct reader r = reader_make(head, n);
    reader_skip(&r, 1);
    return reader_u32(&r);
}

// The flags of the text that this id stands for, whose statement is `s` if it is known. An id that
// is not may be that of a prepare whose answer is still to come.
static uint32_t statement_flags(const struct model *m, uint32_t id, const struct statement *s)
{
    uint32_t scan = 0;
    bool pending = false;
    for (unsigned i = 0; i < tracker_outstanding(&m->tracker); i++) {
        const struct tracked *t = tracker_at(&m->tracker, i);
        if (t->command != COM_STMT_PREPARE)
            continue;
        scan |= t->scan;
        pending = true;
    }
    if (!pending || (id != STATEMENT_LAST && s != NULL))
        return s != NULL ? s->scan : 0;
    return scan;
}

#define EXECUTE_FLAGS_AT 5
#define CURSOR_TYPES 0x07

// Whether an execute wants no cursor while the first one did (see tracker.c).
static bool had_cursor(struct statement *s, const uint8_t *head, size_t n)
{
    bool cursor = n > EXECUTE_FLAGS_AT && (head[EXECUTE_FLAGS_AT] & CURSOR_TYPES) != 0;
    if (!s->executed)
        s->cursor_first = cursor;
    s->executed = true;
    return s->cursor_first && !cursor;
}

static uint32_t execute_begins(struct model *m, const uint8_t *head, size_t n, uint32_t length)
{
    uint32_t id = m->passing.statement;
    struct statement *s = statements_find(&m->statements, id);
    m->passing.scan = statement_flags(m, id, s);
    const uint8_t counts =
        SCAN_CREATES_TABLE | SCAN_SELECTS | SCAN_SETS | SCAN_SETS_MARIA | SCAN_MAY_CALL;
    const uint8_t sets = SCAN_SETS | (m->keeps_warnings ? SCAN_SETS_MARIA : 0);
    m->passing.traits = s != NULL ? s->traits & counts : SCAN_MAY_CALL;
    m->passing.sets = (m->passing.traits & sets) != 0 ? 1 : 0;
    m->passing.cursor_before =
        s != NULL && m->passing.command == COM_STMT_EXECUTE && had_cursor(s, head, n);
    if (!model_execute_begins(m, s, head, n, length))
        return length;
    m->text = TEXT_EXECUTE;
    return 0;
}

static bool has_statement_id(uint8_t command)
{
    return command == COM_STMT_EXECUTE || command == COM_STMT_BULK_EXECUTE ||
           command == COM_STMT_SEND_LONG_DATA || command == COM_STMT_CLOSE ||
           command == COM_STMT_RESET || command == COM_STMT_FETCH;
}

static uint32_t query_begins(struct model *m, const uint8_t *head, size_t n)
{
    size_t at = 0;
    bool malformed = false;
    scan_begin(&m->scan, scan_mode(m));
    if (command_query_text(head, n, m->tracker.caps, &at, &malformed)) {
        m->text = TEXT_SCAN;
        return (uint32_t)at;
    }
    buf_init(&m->collected, ATTRIBUTES_MAX);
    buf_u8(&m->collected, COM_QUERY);
    m->text = TEXT_ATTRIBUTES;
    return 1;
}

uint32_t model_command(struct model *m, const uint8_t *head, size_t n, uint32_t length)
{
    uint8_t command = n > 0 ? head[0] : 0;
    n = n < length ? n : length;
    m->passing = (struct tracked){.command = command};
    m->in_passing = true;
    m->text = TEXT_NONE;
    if (has_statement_id(command) && n >= STATEMENT_HEAD)
        m->passing.statement = statement_id(head, n);
    switch (command) {
    case COM_QUERY: return query_begins(m, head, n);
    case COM_STMT_PREPARE:
        scan_begin(&m->scan, scan_mode(m));
        model_prepare_begins(m, length);
        m->text = TEXT_PREPARE;
        return 1;
    case COM_CHANGE_USER:
        m->text = TEXT_USER;
        m->user_state = USER_NAME;
        m->passing.blind = m->blind; // when it names no charset
        return 1;
    case COM_STMT_EXECUTE:
    case COM_STMT_BULK_EXECUTE: return execute_begins(m, head, n, length);
    default: return length;
    }
}

void model_command_own(struct model *m)
{
    assert(m->in_passing);
    m->passing.own = true;
}

void model_command_bare(struct model *m)
{
    assert(m->in_passing);
    m->passing.bare = true;
}

void model_own_before(struct model *m, uint32_t scan)
{
    struct tracked own = {
        .command = COM_QUERY, .scan = scan, .own = true, .sets = (scan & SCAN_set) != 0 ? 1 : 0};
    assert(m->in_passing);
    tracker_sent(&m->tracker, &own);
}

// Attributes that cannot be read are looked at as text, everywhere.
static void attributes_unreadable(struct model *m)
{
    scan_begin(&m->scan, SCAN_BLIND);
    scan_feed(&m->scan, m->collected.p, m->collected.n);
    m->kept |= OBSTACLE_BIT(unknown_state);
    m->text = TEXT_SCAN;
    buf_release(&m->collected);
}

// Collects until the text begins; tries again only when the head has doubled.
static void attributes_pass(struct model *m, const uint8_t *p, size_t n, bool last)
{
    struct buf *b = &m->collected;
    size_t before = b->n, at = 0;
    bool malformed = false;
    buf_put(b, p, n);
    if (b->failed) {
        b->failed = false;
        attributes_unreadable(m);
        scan_feed(&m->scan, p, n);
        return;
    }
    bool power = (before ^ b->n) > before; // passed a power of two
    if (!last && !power)
        return;
    if (command_query_text(b->p, b->n, m->tracker.caps, &at, &malformed)) {
        m->text = TEXT_SCAN;
        scan_feed(&m->scan, b->p + at, b->n - at);
        buf_release(b);
    } else if (malformed || last) {
        attributes_unreadable(m);
    }
}

// One byte of COM_CHANGE_USER: user, NUL, length, auth, database, NUL, charset (2 bytes).
static void user_byte(struct model *m, uint8_t c)
{
    switch (m->user_state) {
    case USER_NAME: m->user_state = c == 0 ? USER_AUTH_LENGTH : USER_NAME; break;
    case USER_AUTH_LENGTH:
        m->user_left = c;
        m->user_state = c == 0 ? USER_DATABASE : USER_AUTH;
        break;
    case USER_AUTH:
        if (--m->user_left == 0)
            m->user_state = USER_DATABASE;
        break;
    case USER_DATABASE: m->user_state = c == 0 ? USER_CHARSET : USER_DATABASE; break;
    case USER_CHARSET:
        m->user_left = c;
        m->user_state = USER_CHARSET_HIGH;
        break;
    case USER_CHARSET_HIGH:
        m->passing.blind = charset_hides((uint32_t)m->user_left | (uint32_t)c << 8);
        m->user_state = USER_DONE;
        break;
    default: break;
    }
}

void model_text(struct model *m, const uint8_t *p, size_t n)
{
    switch (m->text) {
    case TEXT_SCAN: scan_feed(&m->scan, p, n); break;
    case TEXT_ATTRIBUTES: attributes_pass(m, p, n, false); break;
    case TEXT_PREPARE:
        scan_feed(&m->scan, p, n);
        model_prepare_text(m, p, n);
        break;
    case TEXT_EXECUTE:
        if (!model_execute_text(m, p, n, false))
            m->text = TEXT_NONE;
        break;
    case TEXT_USER:
        for (size_t i = 0; i < n && m->user_state != USER_DONE; i++)
            user_byte(m, p[i]);
        break;
    default: break;
    }
}

// Commands of which only the passing matters: they have no answer, or their effect on parameters
// comes before anything that is sent after them.
static void statement_passes(struct model *m, uint8_t command, uint32_t id)
{
    switch (command) {
    case COM_STMT_SEND_LONG_DATA: statements_set_long_data(&m->statements, id, true); break;
    case COM_STMT_CLOSE: statements_remove(&m->statements, id); break;
    case COM_STMT_EXECUTE:
    case COM_STMT_BULK_EXECUTE:
    case COM_STMT_RESET: statements_set_long_data(&m->statements, id, false); break;
    default: break;
    }
}

uint32_t model_text_end(struct model *m)
{
    struct tracked *t = &m->passing;
    if (m->text == TEXT_ATTRIBUTES)
        attributes_pass(m, NULL, 0, true);
    if (m->text == TEXT_EXECUTE)
        (void)model_execute_text(m, NULL, 0, true);
    if (m->text == TEXT_SCAN || m->text == TEXT_PREPARE) {
        t->scan = scan_end(&m->scan);
        t->traits = scan_traits(&m->scan);
        t->sets = t->command == COM_QUERY ? scan_sets(&m->scan, m->keeps_warnings) : 0;
    }
    m->text = TEXT_NONE;
    return t->scan;
}

void model_command_end(struct model *m)
{
    struct tracked *t = &m->passing;
    (void)model_text_end(m);
    m->in_passing = false;
    if (!t->own)
        statement_passes(m, t->command, t->statement);
    if (command_reply(t->command) == REPLY_STREAM) {
        m->dumps = true;
        m->kept |= OBSTACLE_BIT(binlog_dump);
    }
    if (t->command == COM_STMT_PREPARE)
        model_prepare_sent(m);
    tracker_sent(&m->tracker, t);
}

static uint32_t peek_execute(const struct model *m, uint32_t id)
{
    uint32_t flags = statement_flags(m, id, statements_find(&m->statements, id));
    return flags & ~(uint32_t)(SCAN_kill | SCAN_kill_query);
}

uint32_t model_peek(const struct model *m, const uint8_t *payload, size_t n, uint64_t *kill_id)
{
    size_t at = 1;
    bool malformed = false;
    *kill_id = 0;
    if (n == 0)
        return 0;
    if (payload[0] == COM_STMT_EXECUTE || payload[0] == COM_STMT_BULK_EXECUTE)
        return n < STATEMENT_HEAD ? 0 : peek_execute(m, statement_id(payload, n));
    if (payload[0] != COM_QUERY && payload[0] != COM_STMT_PREPARE)
        return 0;
    if (payload[0] == COM_QUERY &&
        !command_query_text(payload, n, m->tracker.caps, &at, &malformed))
        return 0;
    struct scan scan;
    scan_begin(&scan, scan_mode(m));
    scan_feed(&scan, payload + at, n - at);
    uint32_t flags = scan_end(&scan);
    if (payload[0] == COM_STMT_PREPARE)
        return flags & ~(uint32_t)(SCAN_kill | SCAN_kill_query);
    *kill_id = scan.kill_id;
    return flags;
}

enum tracker_event model_packet(struct model *m, const uint8_t *head, size_t n, uint32_t length,
                                int64_t now_ns, struct tracked *done)
{
    enum tracker_event event = tracker_packet(&m->tracker, head, n, length, done);
    m->added = NULL;
    if (m->defining != 0)
        model_defined(m, head, n);
    if (m->tracker.outcome.prepared)
        model_prepared(m, event == TRACKER_DONE ? done->own : tracker_current(&m->tracker)->own);
    if (event == TRACKER_MORE)
        return event;
    if (event == TRACKER_DONE) {
        if (!done->own)
            m->answered_ns = now_ns;
        model_learn(m, done);
        if (done->command == COM_STMT_PREPARE && !done->own)
            model_prepare_answered(m);
    } else if (event == TRACKER_OPAQUE_DATA) {
        m->kept |= OBSTACLE_BIT(unsupported) & (m->dumps ? 0 : UINT32_MAX);
    }
    return event;
}

// --- what follows from it ---------------------------------------------------------------------------

void model_rolled_back(struct model *m)
{
    m->tracker.status &= (uint16_t) ~(STATUS_IN_TRANS | STATUS_IN_TRANS_READONLY);
    m->uncertain = false;
    m->begun = false;
    m->kept &= ~(OBSTACLE_BIT(next_transaction_set) | OBSTACLE_BIT(xa_transaction));
}

void model_moved(struct model *m, uint16_t status)
{
    m->tracker.status = status;
    m->kept &= ~OBSTACLE_BIT(diagnostics_pending);
    m->executed = m->created = m->sets = 0;
    m->unconsumed = m->next_hidden = m->may_lock = false;
    // What was asked for on the way says more than any report.
    m->portrait.missed = false;
    m->portrait.hidden = false;
}

void model_set_obstacle(struct model *m, enum obstacle o, bool on)
{
    uint32_t bit = UINT32_C(1) << o;
    m->kept = on ? m->kept | bit : m->kept & ~bit;
}

void model_confirm(struct model *m, uint32_t known, uint32_t held)
{
    const uint32_t certain = OBSTACLE_BIT(user_lock) | OBSTACLE_BIT(sql_prepare);
    assert(tracker_outstanding(&m->tracker) == 0);
    known &= MODEL_CONFIRMABLE;
    m->kept = (m->kept & (~known | held)) | (known & held & certain);
    if ((m->kept & OBSTACLE_BIT(lock_tables)) == 0)
        m->lock_other = false;
}

bool model_hidden(const struct model *m)
{
    return m->portrait.hidden;
}

// What cannot be carried over because it is not known.
static bool is_unknown(const struct model *m)
{
    const struct portrait *p = &m->portrait;
    return p->hidden || p->tampered || p->odd || p->truncated || m->statements.incomplete > 0;
}

bool model_only_hidden(const struct model *m)
{
    const struct portrait *p = &m->portrait;
    return p->hidden && !p->tampered && !p->odd && !p->truncated && m->statements.incomplete == 0 &&
           (m->kept & OBSTACLE_BIT(unknown_state)) == 0;
}

static uint32_t outstanding_flags(const struct model *m)
{
    uint32_t scan = 0;
    for (unsigned i = 0; i < tracker_outstanding(&m->tracker); i++) {
        const struct tracked *t = tracker_at(&m->tracker, i);
        scan |= model_is_statement(t->command) && !t->own ? t->scan : 0;
    }
    return scan;
}

bool model_status_uncertain(const struct model *m)
{
    return m->uncertain;
}

uint32_t model_obstacles(const struct model *m, int64_t now_ns)
{
    uint32_t set = m->kept | model_raised_by(outstanding_flags(m));
    if (is_unknown(m))
        set |= OBSTACLE_BIT(unknown_state);
    if (now_ns - m->answered_ns >= OBSTACLE_BRIEF_NS)
        set &= ~OBSTACLE_BIT(diagnostics_pending);
    if (m->tracker.phase == TRACKER_OPAQUE && m->dumps)
        return set; // a stream that only reads has no unit of work
    if (m->in_passing || tracker_outstanding(&m->tracker) > 0)
        set |= OBSTACLE_BIT(statement_running);
    if ((m->tracker.status & STATUS_IN_TRANS) || m->uncertain)
        set |= OBSTACLE_BIT(in_transaction);
    if (m->statements.cursors > 0)
        set |= OBSTACLE_BIT(cursor_open);
    if (m->statements.long_data > 0)
        set |= OBSTACLE_BIT(long_data_pending);
    return set;
}

bool model_at_safe_point(const struct model *m, int64_t now_ns)
{
    const uint32_t waits = obstacle_mask(OBSTACLE_WAITS) | obstacle_mask(OBSTACLE_WAITS_BRIEFLY);
    return (model_obstacles(m, now_ns) & waits) == 0;
}

bool model_in_transaction(const struct model *m)
{
    uint32_t xa = (m->kept | model_raised_by(outstanding_flags(m))) & OBSTACLE_BIT(xa_transaction);
    return (m->tracker.status & STATUS_IN_TRANS) || m->uncertain || xa != 0;
}

bool model_commit_outstanding(const struct model *m)
{
    return (outstanding_flags(m) & SCAN_commit) != 0;
}
