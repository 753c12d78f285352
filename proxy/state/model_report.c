// What the session model learns from the server's reports of changed state.
//
//   OK with a block ── portrait_report ──> the portrait
//                          └─ a state change that the text does not explain ──> portrait.hidden
//   classic EOF with the flag: MariaDB has lost the report ──> portrait.missed
//
//   ERR: what the statement did before is reported later, or not at all
//
// A text explains what it says itself. What runs inside CALL, EXECUTE, functions and triggers is
// not in the text: it may have created a temporary table, or prepared a statement.
#include <string.h>

#include "state/model.h"
#include "state/model_learn.h"
#include "wire/command.h"

#define EOF_LENGTH 5

// One statement that does what its text says, and nothing else.
static bool is_plain(uint32_t scan)
{
    return (scan & (SCAN_several | SCAN_call | SCAN_sql_execute | SCAN_calls)) == 0;
}

static bool is_plain_set(const struct tracked *t)
{
    return model_is_statement(t->command) && (t->scan & SCAN_set) != 0 && is_plain(t->scan);
}

// Whether the values reported with this command's answer hold when it is over: inside a routine, or
// under SET STATEMENT, they may be for a while only.
static bool is_certain(const struct tracked *t)
{
    return t->own || is_plain_set(t) || !model_is_statement(t->command);
}

// DROP, ALTER and the like report changes of temporary tables, but create none.
static bool explains(const struct tracked *t, const struct portrait_news *r)
{
    const uint32_t says = SCAN_set | SCAN_temporary_table | SCAN_sql_prepare | SCAN_ddl;
    if (!model_is_statement(t->command))
        return r->schema; // COM_INIT_DB; others bring nothing of their own
    return is_plain(t->scan) && (r->schema || (t->scan & says) != 0);
}

// Charsets whose second bytes may be quotes; a routine may have chosen one.
static bool hides_quotes(struct slice charset)
{
    static const char *const hiding[] = {"big5", "cp932", "gb18030", "gbk", "sjis"};
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        if (strlen(hiding[i]) == charset.n && memcmp(hiding[i], charset.p, charset.n) == 0)
            return true;
    }
    return false;
}

// Of two pings of ours around questions of ours, the first brings what the client's statements have
// changed, the second what our questions have: nothing that stays.
static bool reports_our_own(struct model *m, const struct tracked *t)
{
    if (!t->own)
        return false;
    if (t->command == COM_QUERY)
        return (t->scan & SCAN_read) != 0;
    bool second = m->pinged;
    m->pinged = false;
    for (unsigned i = 1; i < tracker_outstanding(&m->tracker); i++) {
        const struct tracked *behind = tracker_at(&m->tracker, i);
        m->pinged = m->pinged || (behind->own && behind->command == COM_PING);
    }
    return second;
}

static void report_changes(struct model *m, const struct tracked *t, struct reader block)
{
    struct portrait_news r;
    if (portrait_report(&m->portrait, block, is_certain(t), &r) != SL_OK)
        m->portrait.hidden = true;
    m->blind = m->blind || hides_quotes(r.client_charset);
    if (r.tracking && !t->own && !t->bare)
        m->portrait.tampered = m->portrait.retracked = true;
    if (reports_our_own(m, t))
        return;
    if (r.state_change && !explains(t, &r))
        m->portrait.hidden = true;
}

void model_report_none(struct model *m, const struct tracked *done, bool is_error)
{
    bool tracks = (m->tracker.caps & CAP_SESSION_TRACK) != 0;
    if (!model_is_statement(done->command) || (tracks && !is_error))
        return;
    if (is_plain(done->scan) && tracks)
        return;
    portrait_missed(&m->portrait);
    m->portrait.hidden = m->portrait.hidden || !is_plain(done->scan);
}

// Only what the client wants to be told was reported, perhaps nothing. SHOW VARIABLES without a call
// changes nothing.
void model_report_bare(struct model *m, const struct tracked *done)
{
    const uint32_t shows = SCAN_read | SCAN_session_track;
    if (!model_is_statement(done->command) ||
        (done->scan & (shows | SCAN_calls | SCAN_several)) == shows)
        return;
    portrait_missed(&m->portrait);
    m->portrait.hidden = m->portrait.hidden || !is_plain(done->scan);
}

bool model_turns_transaction(const struct model *m, struct slice payload)
{
    const struct tracked *t = tracker_current(&m->tracker);
    struct ok ok;
    // BEGIN; INSERT ...; COMMIT: the INSERT has no such report, and nothing tells its OK from that of
    // a second BEGIN.
    return t != NULL && (t->scan & (SCAN_begin | SCAN_commit | SCAN_rollback)) != 0 &&
           (t->scan & SCAN_several) == 0 && (m->tracker.status & STATUS_IN_TRANS) != 0 &&
           ok_decode(payload, &ok) == SL_OK && (ok.status & STATUS_IN_TRANS) != 0;
}

void model_report(struct model *m, struct slice payload)
{
    const struct tracked *t = tracker_current(&m->tracker);
    struct reader block;
    if (t == NULL)
        return;
    if (payload.n == EOF_LENGTH) {
        if (t->own) // our questions change nothing
            return;
        portrait_missed(&m->portrait);
        m->portrait.hidden = m->portrait.hidden || !(is_plain(t->scan) && (t->scan & SCAN_ddl));
        return;
    }
    if (ok_track_block(payload, m->tracker.caps, &block) == SL_OK)
        report_changes(m, t, block);
    else
        portrait_missed(&m->portrait);
}
