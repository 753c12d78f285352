// What the session model learns when an answer is complete.
//
// Everything that text or answers change is learned when the answer is complete, in the order of
// the answers, which is the order in which the server worked: that makes pipelining right. Until
// then the flags of outstanding commands count as well (raised_by).
//
// What a CALL or EXECUTE does is in no text: model_report.c looks at what the server reports.
#include "state/model_learn.h"

#include "wire/command.h"

// What scan flags raise. Those that WAIT do so only if the answer was not an error.
static const struct {
    uint32_t scan, obstacles;
} raises[] = {
    {SCAN_temporary_table, OBSTACLE_BIT(temporary_table)},
    {SCAN_lock_tables | SCAN_lock_other, OBSTACLE_BIT(lock_tables)},
    {SCAN_get_lock, OBSTACLE_BIT(user_lock)},
    {SCAN_handler_open, OBSTACLE_BIT(handler_open)},
    {SCAN_sql_prepare, OBSTACLE_BIT(sql_prepare)},
    {SCAN_next_transaction, OBSTACLE_BIT(next_transaction_set)},
    {SCAN_xa_start, OBSTACLE_BIT(xa_transaction)},
};

// Opposites that stand alone in their text.
static const struct {
    uint32_t scan, obstacles;
} clears[] = {
    {SCAN_unlock_tables, OBSTACLE_BIT(lock_tables)},
    {SCAN_release_all_locks, OBSTACLE_BIT(user_lock)},
    {SCAN_xa_end, OBSTACLE_BIT(xa_transaction)},
};

// Known to the session, or final: a reset of the connection does not end these.
#define SURVIVES_RESET                                                                             \
    (OBSTACLE_BIT(credential_unknown) | OBSTACLE_BIT(binlog_dump) | OBSTACLE_BIT(unsupported))

uint32_t model_raised_by(uint32_t scan)
{
    uint32_t set = 0;
    for (size_t i = 0; i < sizeof raises / sizeof *raises; i++)
        set |= scan & raises[i].scan ? raises[i].obstacles : 0;
    return set;
}

// An ERR has no status. A statement that failed may have left a transaction open that no status
// has shown yet: under autocommit=0, or in the middle of a procedure or of several statements.
static bool may_have_begun(const struct model *m, const struct tracked *done)
{
    const uint32_t hidden = SCAN_call | SCAN_several | SCAN_sql_execute | SCAN_begin;
    uint16_t status = m->tracker.status;
    if (!model_is_statement(done->command) || (status & STATUS_IN_TRANS))
        return false;
    return !(status & STATUS_AUTOCOMMIT) || (done->scan & hidden) != 0;
}

// One statement that surely was a transaction, or ended one.
static bool begins_and_ends(const struct tracked *done, const struct tracker_outcome *o)
{
    return (done->scan & (SCAN_commit | SCAN_rollback)) != 0 ||
           ((o->status & STATUS_AUTOCOMMIT) && (done->scan & SCAN_tables) &&
            !(done->scan & (SCAN_set | SCAN_several | SCAN_call)));
}

// SET TRANSACTION holds until a transaction has begun and ended: one that was seen open, or one
// statement that reads or changes tables under autocommit. Measured: SELECT 1, SHOW, and on
// MariaDB also reads of information_schema, leave it for the statement after them, as do errors.
static void learn_next_transaction(struct model *m, const struct tracked *done,
                                   const struct tracker_outcome *o)
{
    const uint32_t bit = OBSTACLE_BIT(next_transaction_set);
    if (!(m->kept & bit) || o->is_error)
        return;
    if (o->status & STATUS_IN_TRANS) {
        m->begun = true;
        return;
    }
    bool own = model_is_statement(done->command) && !(done->scan & SCAN_next_transaction);
    if (m->begun || (own && begins_and_ends(done, o))) {
        m->kept &= ~bit;
        m->begun = false;
    }
}

// The same of a SET TRANSACTION that no text shows. Measured: MySQL takes none in functions and
// triggers (1568), MariaDB does in a function of a statement without tables.
static void learn_unconsumed(struct model *m, const struct tracked *done,
                             const struct tracker_outcome *o)
{
    bool maria = m->keeps_warnings;
    if (!model_is_statement(done->command))
        return;
    bool calls = (done->scan & (SCAN_call | SCAN_calls | SCAN_sql_execute)) != 0 ||
                 (maria && !(done->scan & SCAN_tables) && (done->scan & SCAN_read) != 0 &&
                  (done->traits & SCAN_MAY_CALL) != 0);
    if (!o->is_error && (o->status & STATUS_IN_TRANS))
        m->unconsumed = false;
    else if (calls)
        m->unconsumed = true;
    else if (!o->is_error && begins_and_ends(done, o))
        m->unconsumed = false;
}

// Whether a function, trigger or procedure may have run: views and tables have them, too.
static bool may_call(const struct tracked *done)
{
    const uint32_t calls = SCAN_call | SCAN_calls | SCAN_sql_execute | SCAN_tables;
    const uint32_t plain = SCAN_set | SCAN_begin | SCAN_commit | SCAN_rollback;
    if (!model_is_statement(done->command))
        return false;
    if ((done->scan & calls) != 0 || (done->traits & SCAN_UNSURE) != 0)
        return true;
    if ((done->scan & plain) != 0 && (done->scan & SCAN_several) == 0)
        return false;
    return (done->scan & SCAN_read) == 0 || (done->traits & SCAN_MAY_CALL) != 0;
}

// Of the diagnostics, those that this statement has made its own for sure. Measured on MariaDB 10.11
// and MySQL 9.7: errors replace warnings and row count. FOUND_ROWS() outlives all that is not a
// SELECT. MariaDB keeps the warnings of old until a statement warns, or names a table (the FROM of a
// SELECT, which may go INTO a variable, may be EXTRACT's). MySQL's CALL of an empty procedure keeps the row count. COM_INIT_DB, COM_PING
// and COM_STMT_PREPARE keep most, and nothing is concluded from them.
static uint8_t replaced_diagnostics(const struct model *m, const struct tracked *done,
                                    const struct tracker_outcome *o)
{
    const uint32_t unlike = SCAN_several | SCAN_call | SCAN_sql_execute | SCAN_ddl;
    bool read = (done->scan & SCAN_read) != 0;
    if (!model_is_statement(done->command) || (done->scan & SCAN_diagnostics_read))
        return 0;
    if (o->is_error)
        return DIAGNOSTICS_WARNINGS | DIAGNOSTICS_ROW_COUNT;
    uint8_t set = o->warnings > 0 || !m->keeps_warnings ? DIAGNOSTICS_WARNINGS : 0;
    if (!(done->scan & (SCAN_call | SCAN_sql_execute)))
        set |= DIAGNOSTICS_ROW_COUNT;
    if (done->traits & SCAN_SELECTS)
        set |= DIAGNOSTICS_FOUND_ROWS;
    if (!(done->scan & SCAN_tables) || (done->scan & unlike))
        return set;
    if (read) // WITH, TABLE
        set |= DIAGNOSTICS_FOUND_ROWS;
    else if (!(done->scan & SCAN_user_variable))
        set |= DIAGNOSTICS_WARNINGS;
    return set;
}

static void learn_diagnostics(struct model *m, const struct tracked *done,
                              const struct tracker_outcome *o)
{
    const uint32_t bit = OBSTACLE_BIT(diagnostics_pending);
    const uint32_t counts = done->scan & (SCAN_found_rows | SCAN_diagnostics_use);
    uint8_t replaced = replaced_diagnostics(m, done, o);
    if (o->is_error || o->warnings > 0)
        m->warned = true;
    else if (replaced & DIAGNOSTICS_WARNINGS)
        m->warned = false;
    m->lost &= (uint8_t)~replaced;
    if (o->is_error ||
        (model_is_statement(done->command) && (o->warnings > 0 || counts == SCAN_found_rows)))
        m->kept |= bit;
    else if (model_is_statement(done->command) && !(done->scan & SCAN_diagnostics_read))
        m->kept &= ~bit;
}

void model_diagnostics_lost(struct model *m, bool warned)
{
    m->lost |= DIAGNOSTICS_ROW_COUNT | DIAGNOSTICS_FOUND_ROWS;
    if (m->warned || warned)
        m->lost |= DIAGNOSTICS_WARNINGS;
}

bool model_lacks_diagnostics(const struct model *m, uint32_t scan)
{
    uint8_t asked = DIAGNOSTICS_WARNINGS | DIAGNOSTICS_ROW_COUNT;
    if (scan & SCAN_found_rows)
        asked |= DIAGNOSTICS_FOUND_ROWS;
    return (scan & SCAN_diagnostics_use) != 0 && (m->lost & asked) != 0;
}

// A bare SET is asked for and replaced by ours before the next command. FLUSH STATUS is neither read
// nor SET: what model_hidden.c asks is not told any more. It may have had an effect before an error.
static void learn_tracking(struct model *m, const struct tracked *done)
{
    struct portrait *p = &m->portrait;
    if (!(done->scan & SCAN_session_track) || (done->scan & SCAN_read))
        return;
    bool sets = (done->scan & (SCAN_set | SCAN_several)) == SCAN_set;
    p->tampered = p->tampered || !done->bare || !sets;
    p->retracked = p->retracked || !done->bare;
}

static void learn_text(struct model *m, const struct tracked *done, bool is_error)
{
    uint32_t raised = model_raised_by(done->scan);
    // DO RELEASE_ALL_LOCKS() is a call as well, but nothing else.
    bool alone = !(done->scan & (SCAN_several | SCAN_sql_execute)) &&
                 (!(done->scan & SCAN_call) || (done->scan & SCAN_release_all_locks));
    if (is_error && alone)
        raised &= ~obstacle_mask(OBSTACLE_WAITS);
    if (!is_error && alone) {
        for (size_t i = 0; i < sizeof clears / sizeof *clears; i++) {
            if ((done->scan & clears[i].scan) &&
                !(clears[i].obstacles == OBSTACLE_BIT(lock_tables) && m->lock_other))
                m->kept &= ~clears[i].obstacles;
        }
    }
    if ((raised & OBSTACLE_BIT(next_transaction_set)) != 0)
        m->begun = false;
    m->kept |= raised;
    m->lock_other = m->lock_other || (done->scan & SCAN_lock_other);
    m->blind = m->blind || (done->scan & SCAN_charset);
    learn_tracking(m, done);
    // A server that accepts a string or comment without an end has read it differently.
    if ((done->traits & SCAN_UNSURE) != 0 && !is_error)
        m->kept |= OBSTACLE_BIT(unknown_state);
}

#define ER_STMT_HAS_NO_OPEN_CURSOR 1421

static void learn_cursor(struct model *m, const struct tracked *done,
                         const struct tracker_outcome *o)
{
    bool gone = o->is_error && o->error == ER_STMT_HAS_NO_OPEN_CURSOR;
    switch (done->command) {
    case COM_STMT_EXECUTE:
        model_executed(m, done);
        if (!o->is_error)
            statements_set_cursor(&m->statements, done->statement, o->cursor);
        break;
    case COM_STMT_FETCH:
        if (gone || (!o->is_error && (o->status & STATUS_LAST_ROW_SENT)))
            statements_set_cursor(&m->statements, done->statement, false);
        break;
    case COM_STMT_RESET:
        if (!o->is_error)
            statements_set_cursor(&m->statements, done->statement, false);
        break;
    default: break;
    }
}

// Errors with which a CREATE TABLE is counted all the same, as measured on MySQL 9.7: it was executed.
// Of others nothing is known; those of the parser (1064, 1286, 1426) are not counted.
static bool is_counted(uint16_t error)
{
    static const uint16_t counted[] = {
        1049, // no such database
        1050, // it exists
        1060, // a column twice
        1067, // an invalid default
        1074, // a column too long
        1146, // no such table to read or to be like
        1264, // out of range
        1365, // division by 0
        1824, // no such table to refer to
        3750, // no primary key, which sql_require_primary_key wants
    };
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (counted[i] == error)
            return true;
    }
    return false;
}

// What the server's counters say of this statement at least (model_hidden.c).
static void learn_counters(struct model *m, const struct tracked *done,
                           const struct tracker_outcome *o)
{
    bool began = !o->is_error || is_counted(o->error);
    if (done->command == COM_SET_OPTION)
        m->sets++;
    if (done->command != COM_QUERY && done->command != COM_STMT_EXECUTE)
        return;
    m->executed++;
    m->sets += o->is_error ? 0 : done->sets;
    m->created += began && (done->traits & SCAN_CREATES_TABLE) != 0 ? 1 : 0;
}

void model_learn(struct model *m, const struct tracked *done)
{
    const struct tracker_outcome *o = &m->tracker.outcome;
    bool reset = done->command == COM_CHANGE_USER || done->command == COM_RESET_CONNECTION;
    if (reset) // one that was refused may have set the server's to zero as well
        m->executed = m->created = m->sets = 0;
    // A change of user resets the session before anybody is let in, or not (MariaDB 10.11).
    if (reset && (done->command == COM_CHANGE_USER || !o->is_error)) {
        model_reset(m);
        m->portrait.reset = done->command == COM_RESET_CONNECTION;
        if (done->command == COM_CHANGE_USER)
            m->blind = m->blind_login = done->blind;
        return;
    }
    if (o->is_error)
        m->uncertain = m->uncertain || may_have_begun(m, done);
    else if (done->command != COM_STATISTICS && done->command != COM_STMT_PREPARE)
        m->uncertain = false; // this answer brought a status
    learn_counters(m, done, o);
    if (done->own)
        return;
    if ((done->scan & SCAN_user_variable) &&
        (done->command == COM_QUERY || (done->scan & SCAN_set)))
        m->portrait.assignments++;
    m->may_lock = m->may_lock || may_call(done);
    if (done->bare)
        model_report_bare(m, done);
    model_report_none(m, done, o->is_error);
    learn_diagnostics(m, done, o);
    if (model_is_statement(done->command))
        learn_text(m, done, o->is_error);
    learn_next_transaction(m, done, o);
    learn_unconsumed(m, done, o);
    learn_cursor(m, done, o);
}

void model_reset(struct model *m)
{
    statements_clear(&m->statements);
    portrait_reset(&m->portrait);
    m->kept &= SURVIVES_RESET;
    m->lock_other = false;
    m->uncertain = false;
    m->begun = false;
    m->may_lock = false;
    m->unconsumed = m->next_hidden = false;
    m->blind = m->blind_login;
    m->tracker.status &= (uint16_t) ~(STATUS_IN_TRANS | STATUS_IN_TRANS_READONLY);
}
