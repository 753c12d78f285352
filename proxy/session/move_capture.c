// The capture: what a session's present link holds, asked there between two units of work.
//
//   (ping) what is it like? names (all variables) ─> values of its user variables ─> replay
//
// The answers are worth something only while the client sends nothing: session->epoch says so.
#include <assert.h>
#include <string.h>

#include "session/confirm.h"
#include "session/move.h"
#include "session/own.h"
#include "session/remember.h"

#define ER_TABLEACCESS_DENIED 1142
#define NEXT_TRANSACTION                                                                           \
    "obstacles: next_transaction_set (a stored routine may have said SET TRANSACTION)"

static void ask_old_link(struct move *m);

static void release_locks(struct own *o, unsigned question, unsigned column)
{
    o->releases = true;
    o->locks = question;
    o->locks_column = column;
}

// Interrupted, or over max_statement_time, max_execution_time: perhaps after the release.
static bool may_have_run(const struct answer *a)
{
    const unsigned interrupted = 1317, maria_too_long = 1969, mysql_too_long = 3024;
    return a->kind != ANSWER_ERR || a->error == interrupted || a->error == maria_too_long ||
           a->error == mysql_too_long;
}

// Locks that a question of ours has released, or may have, are gone whoever still wants its answer:
// going on would be wrong in silence. True: the session has ended.
static bool locks_are_lost(struct session *s, const struct own *o)
{
    struct slice released;
    if (!o->releases)
        return false;
    const struct answer *a = ask_answer(&o->ask, o->locks);
    bool told =
        a->kind == ANSWER_ROWS && ask_value(&o->ask, o->locks, 0, o->locks_column, &released);
    if (told ? released.n == 1 && released.p[0] == '0' : !may_have_run(a))
        return false;
    session_end(s, END_CANNOT_MOVE, "obstacles: user_lock (taken inside a stored routine)");
    return true;
}

// The answers to our questions are here; false when nobody wants them any more.
static bool still_wanted(struct session *s)
{
    struct move *m = s->move;
    if (m == NULL || m->phase != MOVE_CAPTURING)
        return false;
    if (m->captured_at == s->epoch)
        return true;
    if (move_only_asks(m)) // the client went on: it is old already
        move_free(s);
    else
        move_set_phase(m, MOVE_STANDBY);
    return false;
}

static void captured_all(struct move *m)
{
    m->wanted.known = true;
    if (move_only_asks(m))
        remember_captured(m->session);
    else
        move_replay(m);
}

static void values_captured(struct session *s, struct own *o)
{
    struct sl_error err = {0};
    if (!still_wanted(s))
        return;
    struct move *m = s->move;
    if (o->failed)
        move_refuse(m, "the values of its user variables are too large");
    else if (capture_values_read(&m->wanted, (const char *const *)m->names, m->name_count, &o->ask,
                                 0, &err) != SL_OK)
        move_refuse(m, err.text);
    else
        captured_all(m);
}

static void capture_values(struct move *m)
{
    struct session *s = m->session;
    struct sl_error err = {0};
    struct own *o = own_new(s, values_captured);
    unsigned question = 0;
    if (m->name_count == 0) {
        own_free(o);
        captured_all(m);
    } else if (!move_ask_values(m, &o->ask, &o->out, &question, &err)) {
        own_free(o);
        move_refuse(m, err.text);
    } else {
        (void)own_send(s, o);
    }
}

void move_names(struct session *s, char **names, unsigned count)
{
    struct move *m = s->move;
    move_forget_names(&m->names, &m->name_count);
    m->names = names;
    m->name_count = count;
    if (still_wanted(s))
        capture_values(m);
}

// The characteristics of the next transaction, used up by asking: a session that had some ends.
static void transaction_known(struct session *s, struct own *o)
{
    const struct ask *a = &o->ask;
    const struct answer *begun = o->failed ? NULL : ask_answer(a, 0);
    bool fine = begun != NULL && begun->kind == ANSWER_OK && ask_answer(a, 1)->kind == ANSWER_OK;
    bool read_only = fine && (begun->status & STATUS_IN_TRANS_READONLY) != 0;
    if (!fine || begun->warnings > 0 || read_only != o->read_only) {
        session_end(s, END_CANNOT_MOVE, NEXT_TRANSACTION);
        return;
    }
    s->model.unconsumed = s->model.next_hidden = false;
    if (still_wanted(s))
        ask_old_link(s->move);
}

static void ask_transaction(struct move *m, bool read_only)
{
    static const char begin[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
    static const char end[] = "ROLLBACK AND NO CHAIN NO RELEASE";
    struct own *o = own_new(m->session, transaction_known);
    o->read_only = read_only;
    (void)ask_query(&o->ask, &o->out, begin, sizeof begin - 1);
    (void)ask_query(&o->ask, &o->out, end, sizeof end - 1);
    move_set_phase(m, MOVE_CAPTURING);
    (void)own_send(m->session, o);
}

// False: it is asked, or refused.
static bool knows_transaction(struct move *m)
{
    bool read_only;
    if (!m->session->model.next_hidden)
        return true;
    if (m->early || move_only_asks(m) ||
        !capture_tells_transaction(&m->wanted, &m->both, &read_only))
        move_refuse(m, NEXT_TRANSACTION);
    else
        ask_transaction(m, read_only);
    return false;
}

// Routines, functions and triggers may have left something behind that no text shows.
static bool read_hidden(struct move *m, const struct own *o, struct sl_error *err)
{
    struct session *s = m->session;
    char why[160];
    if (model_hidden_answer(&s->model, &o->ask, m->asked_hidden, err) != SL_OK)
        return false;
    if (mover_can_move(s, why, sizeof why))
        return true;
    (void)sl_fail(err, SL_ECONFLICT, "%s", why);
    return false;
}

static bool read_capture(struct move *m, const struct own *o, unsigned question,
                         struct sl_error *err)
{
    struct portrait *p = &m->session->model.portrait;
    capture_release(&m->wanted);
    capture_init(&m->wanted);
    if (o->failed) {
        (void)sl_fail(err, SL_EPROTO, "the old server's answers were not understood");
        return false;
    }
    if (capture_read(&m->wanted, &m->both, &o->ask, question, err) != SL_OK ||
        capture_portable(&m->wanted, &m->both, err) != SL_OK)
        return false;
    if (m->asked_all != NOT_ASKED && capture_full_read(p, &o->ask, m->asked_all, err) != SL_OK)
        return false;
    if (m->asked_filter != NOT_ASKED && ask_answer(&o->ask, m->asked_filter)->kind == ANSWER_ROWS)
        setup_learn_filter(m->session, &o->ask, m->asked_filter);
    return read_hidden(m, o, err);
}

static void captured(struct session *s, struct own *o)
{
    struct sl_error err = {0};
    if (locks_are_lost(s, o) || !still_wanted(s))
        return;
    struct move *m = s->move;
    unsigned question = m->asked, names = question + 1;
    if (!read_capture(m, o, question, &err)) {
        move_refuse(m, err.text);
    } else if (!knows_transaction(m)) {
        return;
    } else if (ask_answer(&o->ask, names)->kind == ANSWER_ROWS) {
        move_read_names(&o->ask, names, &m->names, &m->name_count);
        capture_values(m);
    } else if (ask_answer(&o->ask, names)->error == ER_TABLEACCESS_DENIED) {
        mover_ask_names(s);
    } else {
        char text[160];
        move_refuse(m, ask_error_text(&o->ask, names, text, sizeof text));
    }
}

// The gate is open and the session is where it should be: it may go on any moment.
static bool is_early(const struct session *s)
{
    return !s->worker->gate_closed && !session_is_elsewhere(s);
}

static void locks_known(struct session *s, struct own *o)
{
    if (locks_are_lost(s, o) || !still_wanted(s))
        return;
    struct move *m = s->move;
    m->early = false;
    if (o->failed || ask_answer(&o->ask, 0)->kind != ANSWER_ROWS)
        move_refuse(m, "the old server did not tell its user locks");
    else if (m->alike)
        move_verified(m);
    else
        move_replay(m);
}

// All was asked before but this, which could not be asked without doing harm.
static void ask_locks(struct move *m)
{
    static const char sql[] = "SELECT CAST(RELEASE_ALL_LOCKS() AS BINARY) LIMIT 1";
    struct own *o = own_new(m->session, locks_known);
    release_locks(o, ask_query(&o->ask, &o->out, sql, sizeof sql - 1), 0);
    model_diagnostics_lost(&m->session->model, false);
    move_set_phase(m, MOVE_CAPTURING);
    (void)own_send(m->session, o);
}

static void add_text(struct own *o, struct buf *sql)
{
    (void)ask_query(&o->ask, &o->out, (const char *)sql->p, sql->n);
    buf_clear(sql);
}

static void ask_old_link(struct move *m)
{
    struct session *s = m->session;
    struct own *o = own_new(s, captured);
    struct buf sql;
    buf_init(&sql, 64u << 10);
    m->asked = 0;
    // A server that could not report with the last EOF packet does it now.
    if (s->link_server.family == CAPTURE_MYSQL &&
        (s->model.tracker.caps & CAP_DEPRECATE_EOF) == 0) {
        (void)ask_ping(&o->ask, &o->out);
        m->asked = 1;
    }
    m->early = is_early(s);
    m->alike = m->again = false;
    if (!m->early)
        release_locks(o, m->asked, CAPTURE_LOCKS);
    capture_question(&m->both, !m->early, &sql);
    add_text(o, &sql);
    capture_names_question(&s->link_server, &sql);
    add_text(o, &sql);
    m->asked_all = m->asked_filter = NOT_ASKED;
    if (s->setup_owed && !s->filter_known) { // its own tracking is still there
        buf_str(&sql, setup_filter_question(s));
        m->asked_filter = o->ask.count;
        add_text(o, &sql);
    }
    if (s->model.portrait.missed) {
        m->asked_all = o->ask.count;
        capture_full_question(&s->link_server, &sql);
        add_text(o, &sql);
    }
    if (m->asked > 0) // what our own questions would have reported with the client's next command
        (void)ask_ping(&o->ask, &o->out);
    m->asked_hidden = o->ask.count;
    model_hidden_question(&s->link_server, &sql);
    add_text(o, &sql);
    buf_release(&sql);
    model_diagnostics_lost(&s->model, false);
    m->captured_at = s->epoch;
    move_set_phase(m, MOVE_CAPTURING);
    (void)own_send(s, o);
}

// Long enough at rest that nobody will ask for the diagnostics of its last statement any more.
#define LONG_IDLE_NS (500 * NS_PER_MS)

// With the gate open, in preparation: idle sessions only, so that their moves cost nothing later.
static bool may_capture_early(const struct move *m)
{
    const struct session *s = m->session;
    const struct worker *w = s->worker;
    return (w->warm != BACKEND_NONE || move_only_asks(m)) && s->state == SESSION_IDLE &&
           worker_now(w) - s->state_ns >= LONG_IDLE_NS &&
           (s->model.kept & OBSTACLE_BIT(diagnostics_pending)) == 0;
}

static bool may_capture(const struct move *m)
{
    const struct session *s = m->session;
    bool rests = s->state == SESSION_HELD || s->state == SESSION_MOVING ||
                 (s->state == SESSION_IDLE && session_is_settled(s));
    return rests && !s->dead && s->own == NULL && s->login == NULL && s->abort == ABORT_NONE &&
           !s->looking_up && s->up.left == 0 && tracker_outstanding(&s->model.tracker) == 0 &&
           (is_early(s) ? may_capture_early(m) : !confirm_delays(s));
}

bool move_capture(struct move *m)
{
    struct session *s = m->session;
    char why[160];
    assert(m->phase == MOVE_STANDBY);
    if (!may_capture(m))
        return false;
    if (!mover_can_move(s, why, sizeof why))
        move_refuse(m, why);
    else if (!move_is_captured(m))
        ask_old_link(m);
    else if (!m->early || (is_early(s) && !m->alike)) // prepared anew meanwhile
        move_replay(m);
    else if (!is_early(s))
        ask_locks(m);
    else
        return false; // nothing more to be done with the gate open
    return true;
}
