// The server's side of the relay: finds where answers end, so that the session's safe points are
// known, and passes the bytes on.
//
//   client <── [ carry | read ] <── rows stream by; heads of packets go to the model <── server
//
// A packet's head (at most REPLY_HEAD bytes) is complete before any of the packet is forwarded, so
// that a packet can still be swallowed or replaced.
#include <string.h>

#include "auth/plugin.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/login.h"
#include "session/lost.h"
#include "session/move.h"
#include "session/own.h"
#include "session/session.h"
#include "session/worker.h"
#include "wire/packet.h"

struct down {
    const uint8_t *p;
    size_t n;
    size_t at;   // next byte to be understood
    size_t from; // first byte understood but not sent
};

static bool down_flush(struct session *s, struct down *d)
{
    size_t n = d->at - d->from;
    const uint8_t *p = d->p + d->from;
    d->from = d->at;
    if (n == 0 || conn_send(&s->client, p, n) == SL_OK)
        return true;
    session_end(s, END_CLIENT_LEFT, "while sending an answer");
    return false;
}

// --- the end of an answer -----------------------------------------------------------------------

static void note_longest(struct session *s, int64_t now)
{
    struct worker *w = s->worker;
    raise_to(&w->counters.longest_answer_ns, now - s->sent_ns);
    if (w->felt.sampling)
        spread_add(&w->felt.answers, now - s->sent_ns);
    s->sent_ns = now;
}

// The last byte of an answer has been handled.
static void answer_ended(struct session *s, struct down *d)
{
    bool was_error = s->model.tracker.outcome.is_error;
    s->answer_ended = false;
    if (s->answer_own) {
        own_answered(s);
        if (s->dead)
            return;
    } else {
        s->answer_began = false;
        COUNT(s->worker, answers, 1);
        if (was_error)
            COUNT(s->worker, errors, 1);
        note_longest(s, worker_now(s->worker));
    }
    if (tracker_outstanding(&s->model.tracker) > 0)
        return;
    if (!down_flush(s, d))
        return;
    if (s->abort != ABORT_NONE && !abort_answered(s, was_error))
        return;
    relay_rest(s);
}

// --- packets ------------------------------------------------------------------------------------

// During an abort the statement's "interrupted" becomes what frameworks retry.
static bool replace_interrupted(struct session *s, struct down *d, const uint8_t *head,
                                uint32_t length)
{
    unsigned code = length >= 3 ? head[1] | (unsigned)head[2] << 8 : 0;
    if (s->abort == ABORT_NONE || code != ER_QUERY_INTERRUPTED)
        return true;
    struct buf out;
    buf_init(&out, 512);
    reply_err(&out, s->down.seq, s->model.tracker.caps, ER_LOCK_DEADLOCK, "40001",
              SESSION_ROLLED_BACK);
    bool sent = down_flush(s, d) && conn_send(&s->client, out.p, out.n) == SL_OK;
    buf_release(&out);
    s->down.drop = true;
    s->owes_abort = false;
    if (!sent && !s->dead)
        session_end(s, END_CLIENT_LEFT, NULL);
    return sent;
}

static bool take_error(struct session *s, struct down *d, const uint8_t *head, uint32_t length)
{
    unsigned code = length >= 3 ? head[1] | (unsigned)head[2] << 8 : 0;
    COUNT(s->worker, by_error[error_class_of(code)], 1);
    return replace_interrupted(s, d, head, length);
}

// Looks at a packet's head. False when the session has ended.
static bool take_head(struct session *s, struct down *d, uint32_t length)
{
    const uint8_t *head = d->p + d->at + PACKET_HEADER;
    size_t there = d->n - d->at - PACKET_HEADER;
    struct tracked done = {0};
    const struct tracked *current = tracker_current(&s->model.tracker);
    s->down.drop = current != NULL && current->own;
    s->down.keep = s->down.drop && s->own != NULL;
    if (s->waits_ns != 0 && !s->down.drop)
        felt_answered(s);
    enum tracker_event event = model_packet(&s->model, head, there < length ? there : length,
                                            length, worker_now(s->worker), &done);
    switch (event) {
    case TRACKER_DONE:
        s->answer_ended = true;
        s->answer_own = done.own;
        // With the answer, not before: a standby link that is made meanwhile is like the old session.
        if (done.command == COM_RESET_CONNECTION)
            move_anew(s);
        if (s->model.tracker.outcome.is_error && !s->down.drop)
            return take_error(s, d, head, length);
        break;
    case TRACKER_WANTS_FILE: s->file = true; break;
    case TRACKER_OPAQUE_DATA:
        LOG_INFO("session_opaque", LOG_U64("session", s->id),
                 LOG_STR("command", command_name(s->last_command)));
        break;
    case TRACKER_MORE:
    case TRACKER_AUTH_PACKET:
    case TRACKER_UNASKED: break;
    }
    return true;
}

// During COM_CHANGE_USER: whole packets, through the exchange. 1: taken, 0: more needed, -1: ended.
static int take_exchange(struct session *s, struct down *d, uint32_t length)
{
    size_t whole = PACKET_HEADER + (size_t)length;
    if (length > EXCHANGE_PACKET_MAX / 2) {
        session_end(s, END_SERVER_PROTOCOL, "authentication packet too large");
        return -1;
    }
    if (d->n - d->at < whole)
        return 0;
    struct slice payload = {d->p + d->at + PACKET_HEADER, length};
    if (exchange_is_asking(&s->login->exchange) && length > 0 && payload.p[0] != FROM_SERVER_ERR)
        return 0; // the server's OK: it waits for the client's password
    if (!down_flush(s, d) || !take_head(s, d, length))
        return -1;
    bool ended = s->answer_ended;
    d->at += whole;
    d->from = d->at;
    if (!change_user_packet(s, false, payload, s->down.seq))
        return -1;
    if (ended)
        answer_ended(s, d);
    return s->dead ? -1 : 1;
}

// In place: the packet becomes shorter, and what is behind it moves up. `as_it_is`: for a client that
// tracks, the report is what it asked for. `turns`: see model_turns_transaction.
static int rewrite_report(struct session *s, struct down *d, uint32_t length, bool as_it_is,
                          bool turns)
{
    uint8_t *packet = (uint8_t *)d->p + d->at;
    const struct track_filter *f = setup_filter(s);
    struct track_filter filter = f != NULL ? *f : (struct track_filter){0};
    size_t n = length;
    filter.empty = turns && s->link_server.family == CAPTURE_MYSQL;
    d->at += PACKET_HEADER;
    if (!(s->client_tracks && as_it_is) &&
        ok_rewrite(packet + PACKET_HEADER, &n, s->model.tracker.caps, s->client_tracks,
                   f != NULL ? &filter : NULL) != SL_OK) {
        session_end(s, END_SERVER_PROTOCOL, "a malformed report of session state");
        return -1;
    }
    d->at += n;
    if (n < length) {
        size_t gone = length - n;
        packet_set_length(packet, (uint32_t)n);
        memmove((uint8_t *)d->p + d->at, d->p + d->at + gone, d->n - gone - d->at);
        d->n -= gone;
    }
    return 1;
}

// An OK packet that reports changes of the session's state: the model learns from it, and the client
// gets what it would have got without us. As take_exchange.
static int take_report(struct session *s, struct down *d, uint32_t length)
{
    size_t whole = PACKET_HEADER + (size_t)length;
    if (whole > SCRATCH_SIZE / 2) {
        session_end(s, END_SERVER_PROTOCOL, "a report of session state is too large");
        return -1;
    }
    if (d->n - d->at < whole)
        return 0;
    struct slice payload = {d->p + d->at + PACKET_HEADER, length};
    const struct tracked *t = tracker_current(&s->model.tracker);
    bool bare = t != NULL && t->bare, turns = model_turns_transaction(&s->model, payload);
    model_report(&s->model, payload);
    if (!take_head(s, d, length))
        return -1;
    if (!s->down.drop) {
        s->answer_began = true;
        return rewrite_report(s, d, length, bare || s->model.portrait.retracked, turns);
    }
    if (!down_flush(s, d))
        return -1;
    d->at += whole;
    d->from = d->at;
    if (s->down.keep) {
        own_bytes(s, payload.p, payload.n);
        own_packet(s);
        s->down.keep = false;
    }
    return 1;
}

// After a move the server's number of a new statement is not the client's.
static void patch_statement_id(struct session *s, struct down *d)
{
    const struct statement *added = s->model.added;
    uint8_t *id = (uint8_t *)d->p + d->at + PACKET_HEADER + 1;
    if (added == NULL || added->id == added->server_id || s->down.drop)
        return;
    for (unsigned i = 0; i < 4; i++)
        id[i] = (uint8_t)(added->id >> 8 * i);
}

// Moves over one packet's head. 1: on, 0: more bytes needed, -1: ended.
static int step_packet(struct session *s, struct down *d)
{
    size_t there = d->n - d->at;
    if (there < PACKET_HEADER)
        return 0;
    uint32_t length = packet_length(d->p + d->at);
    uint32_t need = length < REPLY_HEAD ? length : REPLY_HEAD;
    if (there < PACKET_HEADER + need)
        return 0;
    s->down.seq = packet_seq(d->p + d->at);
    if (s->login != NULL)
        return take_exchange(s, d, length);
    if (model_wants_whole(&s->model, d->p + d->at + PACKET_HEADER, need, length))
        return take_report(s, d, length);
    if (!take_head(s, d, length))
        return -1;
    patch_statement_id(s, d);
    if (s->down.drop) {
        if (!down_flush(s, d))
            return -1;
        d->at += PACKET_HEADER;
        d->from = d->at;
    } else {
        s->answer_began = true;
        d->at += PACKET_HEADER;
    }
    s->down.left = length;
    return 1;
}

static void step_payload(struct session *s, struct down *d)
{
    size_t n = d->n - d->at;
    if (n > s->down.left)
        n = s->down.left;
    if (s->down.keep)
        own_bytes(s, d->p + d->at, n);
    s->down.left -= (uint32_t)n;
    d->at += n;
    if (s->down.drop)
        d->from = d->at;
}

// Rows need no thought: skip over those that are whole and cannot be an end.
static void skip_rows(struct session *s, struct down *d)
{
    const uint8_t *p = d->p + d->at, *end = d->p + d->n;
    const uint8_t *last = NULL;
    while (end - p > PACKET_HEADER) {
        uint32_t length = packet_length(p);
        uint8_t first = p[PACKET_HEADER];
        if (length == 0 || length == PACKET_MAX_PAYLOAD || first >= 0xFE ||
            (size_t)(end - p) < PACKET_HEADER + (size_t)length)
            break;
        last = p;
        p += PACKET_HEADER + length;
    }
    if (last != NULL) {
        s->down.seq = packet_seq(last);
        s->answer_began = true;
        d->at = (size_t)(p - d->p);
    }
}

void relay_down_bytes(struct session *s, const uint8_t *p, size_t n)
{
    struct down d = {.p = p, .n = n};
    while (d.at < d.n) {
        if (s->model.tracker.phase == TRACKER_OPAQUE) {
            d.at = d.n;
            break;
        }
        if (s->down.left > 0) {
            step_payload(s, &d);
        } else {
            if (tracker_in_rows(&s->model.tracker) && !tracker_current(&s->model.tracker)->own)
                skip_rows(s, &d);
            int taken = d.at < d.n ? step_packet(s, &d) : 1;
            if (taken < 0)
                return;
            if (taken == 0)
                break;
        }
        if (s->down.left > 0)
            continue;
        if (s->down.keep) {
            own_packet(s);
            s->down.keep = false;
        }
        if (s->answer_ended)
            answer_ended(s, &d);
        if (s->dead)
            return;
    }
    if (!down_flush(s, &d))
        return;
    flow_keep(&s->down, p + d.at, d.n - d.at);
}

void relay_down_resume(struct session *s)
{
    struct flow *f = &s->down;
    uint8_t *bytes = f->carry;
    size_t n = f->carry_n;
    f->carry = NULL;
    f->carry_n = 0;
    relay_down_bytes(s, bytes, n);
    mem_wipe_free(bytes, n);
}

// Our answers may have made room for what the client has already sent.
static void after_answers(struct session *s)
{
    if (s->up_blocked && !session_is_parked(s) && s->abort == ABORT_NONE && !s->looking_up)
        relay_up_resume(s);
    else
        relay_watch(s);
}

// After COM_QUIT that is what it should do. A session at rest may go on without (lost.h).
static void server_closed(struct session *s, int code)
{
    char text[128];
    if (s->last_command == COM_QUIT)
        session_end(s, END_QUIT, NULL);
    else if (!lost_begin(s))
        session_end(s, END_SERVER_LEFT,
                    code == SL_ECLOSED ? NULL : conn_error_text(&s->server, text, sizeof text));
}

static void server_readable(struct conn *c, void *owner)
{
    struct session *s = owner;
    do {
        int n = flow_read(s, &s->down, c);
        if (n == SL_EAGAIN)
            return;
        if (n < 0) {
            server_closed(s, n);
            return;
        }
        COUNT(s->worker, bytes_from_servers, (uint64_t)n);
        relay_down_bytes(s, s->worker->scratch, (size_t)n);
        if (s->dead)
            return;
        after_answers(s);
    } while (!s->dead && c->interest == CONN_WATCH_READ && conn_has_buffered(c));
}

static void server_drained(struct conn *c, void *owner)
{
    (void)c;
    after_answers(owner);
}

static void server_hangup(struct conn *c, void *owner)
{
    (void)c;
    server_closed(owner, SL_ECLOSED);
}

static void nothing(struct conn *c, void *owner)
{
    (void)c;
    (void)owner;
}

const struct conn_handler RELAY_SERVER = {server_readable, server_drained, nothing, nothing,
                                          server_hangup};
