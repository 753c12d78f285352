// What the ladder (and `kill`) does to one session: roll its unit of work back while the session
// lives, or end it.
//
//   abort, statement running:  KILLING ──answer──> ANSWERED ──killer's word──┐
//                                 └─killer's word─> KILLED ──answer──────────┤
//   abort, transaction idle:   ──────────────────────────────────────────────┴─> ROLLING_BACK ─> NONE
//
// Both the answer and the killer's word are waited for, because a KILL QUERY that is still under
// way would hit our own ROLLBACK, or the client's next statement.
#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/own.h"
#include "session/session.h"
#include "session/worker.h"
#include "wire/packet.h"

struct kill_mail {
    struct mail mail;
    struct session *session;
};

static bool kill_thread(struct session *s, bool query_only, struct mail *done)
{
    struct worker *w = s->worker;
    const char *server = session_server_name(s);
    if (w->killer == NULL || server == NULL)
        return false;
    w->killer->kill(w->killer->arg, server, s->link_thread, query_only, w->loop, done);
    return true;
}

static enum sl_code send_command(struct session *s, const struct buf *packet, bool own)
{
    const uint8_t *payload = packet->p + PACKET_HEADER;
    uint32_t length = (uint32_t)(packet->n - PACKET_HEADER);
    assert(tracker_outstanding(&s->model.tracker) == 0);
    if (own) {
        own_command(s, payload, length);
    } else {
        uint32_t text_at = model_command(&s->model, payload, length, length);
        model_text(&s->model, payload + text_at, length - text_at);
        model_command_end(&s->model);
    }
    return conn_send(&s->server, packet->p, packet->n);
}

enum sl_code session_send_sql(struct session *s, const char *sql, bool own)
{
    struct buf out;
    buf_init(&out, 256);
    size_t begin = packet_begin(&out, 0);
    buf_u8(&out, COM_QUERY);
    if ((s->model.tracker.caps & CAP_QUERY_ATTRIBUTES) != 0)
        buf_put(&out, "\0\1", 2); // no attributes, one set of them
    buf_str(&out, sql);
    packet_end(&out, begin);
    enum sl_code code = send_command(s, &out, own);
    buf_release(&out);
    return code;
}

void session_ask_status(struct session *s)
{
    if (s->dead || s->state != SESSION_BUSY || s->abort != ABORT_NONE || s->up.left > 0 ||
        s->login != NULL || tracker_outstanding(&s->model.tracker) > 0 ||
        !model_status_uncertain(&s->model))
        return;
    struct buf out;
    buf_init(&out, 16);
    size_t begin = packet_begin(&out, 0);
    buf_u8(&out, COM_PING);
    packet_end(&out, begin);
    enum sl_code code = send_command(s, &out, true);
    buf_release(&out);
    if (code != SL_OK)
        session_end(s, END_SERVER_LEFT, "while asking for its status");
}

static void start_rollback(struct session *s)
{
    s->abort = ABORT_ROLLING_BACK;
    session_set_state(s, SESSION_ROLLBACK, "ladder");
    if (session_send_sql(s, "ROLLBACK", true) != SL_OK)
        session_end(s, END_SERVER_LEFT, "while rolling back");
}

static void aborted(struct session *s)
{
    s->abort = ABORT_NONE;
    s->aborted = true;
    COUNT(s->worker, aborted, 1);
    session_set_state(s, SESSION_IDLE, "rolled back");
    if (s->worker->settled != NULL)
        s->worker->settled(s->worker, s);
}

// Nothing runs any more: roll back what is open, or be done.
static void statement_over(struct session *s)
{
    if (model_in_transaction(&s->model)) {
        s->abort = ABORT_NONE;
        start_rollback(s);
        return;
    }
    // Committed or failed by itself before the kill came: there is nothing to be sorry for, and a
    // client that retried would do it twice.
    s->owes_abort = false;
    if (model_obstacles(&s->model, worker_now(s->worker)) & obstacle_mask(OBSTACLE_WAITS)) {
        session_kill(s, END_DRAINED, "its unit of work cannot be rolled back");
        return;
    }
    aborted(s);
    if (!s->dead && s->up_blocked)
        relay_up_resume(s);
}

static void killer_answered(struct mail *m, void *owner)
{
    struct session *s = ((struct kill_mail *)(void *)m)->session;
    (void)owner;
    mem_free(m);
    if (!session_mail_returned(s))
        return;
    if (s->abort == ABORT_KILLING)
        s->abort = ABORT_KILLED;
    else if (s->abort == ABORT_ANSWERED)
        statement_over(s);
}

void session_abort(struct session *s, const char *why)
{
    // A COMMIT on its way is never interrupted: its outcome would be anybody's guess.
    if (s->dead || s->state != SESSION_BUSY || s->abort != ABORT_NONE ||
        model_commit_outstanding(&s->model))
        return;
    LOG_INFO("session_abort", LOG_U64("session", s->id), LOG_U64("thread", s->thread_id),
             LOG_STR("user", session_name(s, NAME_USER)), LOG_STR("why", why));
    uint32_t open = model_obstacles(&s->model, worker_now(s->worker));
    if (open &
        (OBSTACLE_BIT(xa_transaction) | OBSTACLE_BIT(unsupported) | OBSTACLE_BIT(binlog_dump))) {
        session_kill(s, END_DRAINED, "what it runs cannot be rolled back");
        return;
    }
    if (tracker_outstanding(&s->model.tracker) == 0 && s->up.left == 0 && s->login == NULL) {
        s->owes_abort = model_in_transaction(&s->model);
        if (s->owes_abort)
            start_rollback(s);
        else
            session_kill(s, END_DRAINED, "its unit of work cannot be rolled back");
        return;
    }
    struct kill_mail *m = mem_zalloc(sizeof *m);
    m->mail.deliver = killer_answered;
    m->session = s;
    s->owes_abort = true; // unless the answer itself can say so
    if (!kill_thread(s, true, &m->mail)) {
        mem_free(m);
        session_kill(s, END_DRAINED, "no control account to interrupt its statement with");
        return;
    }
    s->mails++;
    s->abort = ABORT_KILLING;
}

bool abort_answered(struct session *s, bool was_error)
{
    switch ((enum session_abort_phase)s->abort) {
    case ABORT_KILLING: s->abort = ABORT_ANSWERED; break;
    case ABORT_KILLED: statement_over(s); break;
    case ABORT_ROLLING_BACK:
        if (was_error || model_in_transaction(&s->model)) {
            session_kill(s, END_DRAINED, "the server did not roll its transaction back");
            break;
        }
        model_rolled_back(&s->model);
        aborted(s);
        break;
    case ABORT_NONE:
    case ABORT_ANSWERED: break;
    }
    return !s->dead;
}

void session_kill(struct session *s, enum session_end_reason why, const char *detail)
{
    if (s->dead)
        return;
    // A server notices a closed socket only when it writes: end what runs, too.
    if (tracker_outstanding(&s->model.tracker) > 0)
        (void)kill_thread(s, false, NULL);
    COUNT(s->worker, killed, 1);
    session_end(s, why, detail);
}
