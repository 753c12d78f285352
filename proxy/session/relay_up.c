// The client's side of the relay: finds the commands in the stream, tells the model, and decides
// for each whether it may go to the server now.
//
//   client ──> [ carry | read ] ──> whole small commands, or the stream of a large one ──> server
//                    │
//                    └─ held: the gate is closed and nothing is open; up_blocked
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/move.h"
#include "session/own.h"
#include "session/session.h"
#include "session/translate.h"
#include "session/worker.h"
#include "wire/packet.h"

// Commands up to this size are looked at whole, larger ones pass as a stream: enough for every
// KILL and diagnostics read, and for most statements.
#define SMALL_COMMAND 1024

// What one step over the bytes came to.
enum step {
    STEP_ON,   // go on
    STEP_MORE, // the next packet is not there far enough
    STEP_STOP, // the rest must wait: up_blocked, or ended
};

struct up {
    uint8_t *p; // a statement's number may be exchanged in it
    size_t n;
    size_t at;      // next byte to be understood
    size_t from;    // first byte understood but not sent
    size_t command; // where the passing command begins; NOT_WHOLE: it is not here as a whole
};
#define NOT_WHOLE SIZE_MAX

static bool up_flush(struct session *s, struct up *u)
{
    size_t n = u->at - u->from;
    const uint8_t *p = u->p + u->from;
    u->from = u->at;
    if (n == 0 || conn_send(&s->server, p, n) == SL_OK)
        return true;
    session_end(s, END_SERVER_LEFT, "while sending a command");
    return false;
}

// Everything before `at` is sent; then `skip` bytes are taken out of the stream.
static bool up_skip(struct session *s, struct up *u, size_t skip)
{
    if (!up_flush(s, u))
        return false;
    u->at += skip;
    u->from = u->at;
    return true;
}

// --- admission ----------------------------------------------------------------------------------

// While it matters what a statement reads, larger ones are looked at whole as well.
static uint32_t look_limit(const struct session *s)
{
    return s->model.lost != 0 || s->setup_owed ? SCRATCH_SIZE / 2 : SMALL_COMMAND;
}

enum admission {
    ADMIT,       // to the server
    ADMIT_LATER, // not now; the bytes stay in the carry
    ADMIT_NEVER, // sluice has answered it, or will: taken out of the stream
};

static enum admission answer_error(struct session *s, uint16_t code, const char *sqlstate,
                                   const char *text)
{
    session_refuse_command(s, code, sqlstate, text);
    return ADMIT_NEVER;
}

// The transaction that this command belongs to was rolled back by the ladder: tell the client
// once, unless the command itself ends or forgets the transaction.
static enum admission answer_abort(struct session *s, uint8_t code, uint32_t scan)
{
    bool asks_for_work = code == COM_QUERY || code == COM_STMT_EXECUTE ||
                         code == COM_STMT_BULK_EXECUTE || code == COM_STMT_FETCH ||
                         code == COM_STMT_PREPARE || code == COM_INIT_DB;
    if (code == COM_RESET_CONNECTION || code == COM_CHANGE_USER ||
        (scan & (SCAN_rollback | SCAN_several)) == SCAN_rollback)
        s->owes_abort = false;
    if (!s->owes_abort || !asks_for_work)
        return ADMIT;
    s->owes_abort = false;
    return answer_error(s, ER_LOCK_DEADLOCK, "40001", SESSION_ROLLED_BACK);
}

// The gate is closed: what is open goes on to its end, what would be new waits.
static enum admission admit_closed(struct session *s, uint32_t scan)
{
    uint32_t open =
        model_obstacles(&s->model, worker_now(s->worker)) & obstacle_mask(OBSTACLE_WAITS);
    if (tracker_outstanding(&s->model.tracker) > 0 || session_is_lost(s))
        return ADMIT_LATER; // pipelined: whether it is new is known after the answer
    if (open != 0 || (scan & (SCAN_kill | SCAN_diagnostics_read)) != 0)
        return ADMIT;
    return ADMIT_LATER;
}

// What a statement before left behind is gone: a question of ours, or a move, came between. An answer
// that is outstanding may bring it anew, and is the client's first.
static enum admission refuse_diagnostics(struct session *s)
{
    if (tracker_outstanding(&s->model.tracker) > 0)
        return ADMIT_LATER;
    return answer_error(
        s, ER_UNKNOWN, "HY000",
        "sluice: warnings, row counts and found rows of the statement before are not known any "
        "more: the session was idle, or has been, or is about to be, moved to another server");
}

// The link is on a server that is not active any more: the command waits for the new one.
static enum admission admit_elsewhere(struct session *s)
{
    if (s->state == SESSION_IDLE && !mover_come(s))
        return ADMIT_NEVER;
    return ADMIT_LATER;
}

static bool is_new_work(const struct session *s)
{
    return s->state == SESSION_IDLE || s->state == SESSION_MOVING;
}

static enum admission admit(struct session *s, const uint8_t *payload, uint32_t length)
{
    struct worker *w = s->worker;
    uint8_t code = length > 0 ? payload[0] : (uint8_t)COM_SLEEP;
    uint64_t kill_id = 0;
    if (code == COM_QUIT) {
        if (session_is_lost(s))
            session_end(s, END_QUIT, NULL);
        return s->dead ? ADMIT_NEVER : ADMIT;
    }
    if (s->abort != ABORT_NONE || s->looking_up || setup_must_wait(s))
        return ADMIT_LATER;
    bool look = w->gate_closed || s->model.lost != 0 || s->owes_abort || session_is_elsewhere(s) ||
                code == COM_PROCESS_KILL || (code == COM_QUERY && traffic_is_mixed(w->traffic));
    uint32_t scan = 0;
    if (look && length <= look_limit(s))
        scan = model_peek(&s->model, payload, length, &kill_id);
    if (s->owes_abort) {
        enum admission a = answer_abort(s, code, scan);
        if (a != ADMIT || s->dead)
            return ADMIT_NEVER;
    }
    if (session_is_barred(s)) {
        enum admission a = admit_closed(s, scan);
        if (a != ADMIT)
            return a;
    } else if (session_is_elsewhere(s) && is_new_work(s) &&
               (session_is_lost(s) || (scan & SCAN_diagnostics_read) == 0 ||
                model_lacks_diagnostics(&s->model, scan))) {
        return admit_elsewhere(s);
    }
    if (w->throttle_ns > 0 && s->state == SESSION_IDLE && !s->had_turn) {
        slow_wait(s);
        return ADMIT_LATER;
    }
    if ((scan & SCAN_diagnostics_use) != 0 && s->own != NULL)
        return ADMIT_LATER; // it may leave warnings
    if (model_lacks_diagnostics(&s->model, scan))
        return refuse_diagnostics(s);
    if ((scan & SCAN_kill) != 0 && tracker_outstanding(&s->model.tracker) == 0 &&
        kill_intercept(s, kill_id, (scan & SCAN_kill_query) != 0))
        return ADMIT_NEVER;
    return ADMIT;
}

// --- stepping over packets ----------------------------------------------------------------------

// A packet that is part of something already admitted: file data, or 16 MiB continuation.
static enum step step_continue(struct session *s, struct up *u, uint32_t length)
{
    s->up.left = length;
    if (s->up.drop) {
        s->up.continued = length == PACKET_MAX_PAYLOAD;
        s->up.drop = length > 0;
        return up_skip(s, u, PACKET_HEADER) ? STEP_ON : STEP_STOP;
    }
    u->at += PACKET_HEADER;
    bool ends_file = s->file && length == 0 && !s->up.continued;
    s->up.continued = length == PACKET_MAX_PAYLOAD;
    if (ends_file)
        s->file = false;
    else if (length == 0 && !s->file)
        model_command_end(&s->model); // an empty continuation ends the command
    return STEP_ON;
}

// During COM_CHANGE_USER packets are collected whole.
static enum step step_exchange(struct session *s, struct up *u, uint32_t length, bool begin)
{
    size_t whole = PACKET_HEADER + (size_t)length;
    if (length > EXCHANGE_PACKET_MAX / 2) {
        session_end(s, END_PROTOCOL, "COM_CHANGE_USER packet too large");
        return STEP_STOP;
    }
    if (u->n - u->at < whole)
        return STEP_MORE;
    struct slice payload = {u->p + u->at + PACKET_HEADER, length};
    uint8_t seq = packet_seq(u->p + u->at);
    s->up.seq = seq;
    if (!up_skip(s, u, whole))
        return STEP_STOP;
    if (!begin) {
        bool goes_on = change_user_packet(s, true, payload, seq);
        explicit_bzero(u->p + u->at - length, length); // perhaps a password
        return goes_on ? STEP_ON : STEP_STOP;
    }
    uint32_t text_at = model_command(&s->model, payload.p, payload.n, length);
    model_text(&s->model, payload.p + text_at, length - text_at);
    model_command_end(&s->model);
    return change_user_begin(s, payload, seq) ? STEP_ON : STEP_STOP;
}

// It has a command of its own under way, not only questions of ours.
static bool client_waits(const struct session *s)
{
    for (unsigned i = 0; i < tracker_outstanding(&s->model.tracker); i++)
        if (!tracker_at(&s->model.tracker, i)->own)
            return true;
    return false;
}

static void mark_sent(struct session *s, uint8_t code)
{
    int64_t now = worker_now(s->worker);
    s->last_command = code;
    s->epoch++;
    if (!client_waits(s))
        s->sent_ns = now;
    if (s->state == SESSION_IDLE) {
        s->unit_ns = now;
        s->had_turn = false;
        session_set_state(s, SESSION_BUSY, command_name(code));
    }
    COUNT(s->worker, commands, 1);
}

static void feed_text(struct session *s, const uint8_t *p, size_t n)
{
    size_t skip = s->text_skip < n ? s->text_skip : n;
    s->text_skip -= (uint32_t)skip;
    model_text(&s->model, p + skip, n - skip);
}

static enum step refuse(struct session *s, struct up *u, enum admission a, uint32_t length)
{
    if (s->dead)
        return STEP_STOP;
    if (a == ADMIT_LATER) {
        s->up_blocked = true;
        return STEP_STOP;
    }
    size_t there = u->n - u->at - PACKET_HEADER;
    size_t skip = there < length ? there : length;
    s->up.left = length - (uint32_t)skip; // a large command: the rest is dropped as it comes
    s->up.drop = s->up.left > 0;
    s->up.continued = length == PACKET_MAX_PAYLOAD;
    return up_skip(s, u, PACKET_HEADER + skip) ? STEP_ON : STEP_STOP;
}

// The command, on a link that the session was moved to.
static enum step step_translated(struct session *s, struct up *u, uint32_t length)
{
    uint8_t *payload = u->p + u->at + PACKET_HEADER;
    size_t there = u->n - u->at - PACKET_HEADER;
    size_t head = there < length ? there : length;
    struct statement *st = translate_find(s, payload, head);
    bool owed = translate_owes_types(s, payload, head);
    translate_number(s, payload, head);
    if (!owed)
        return STEP_ON;
    struct buf out;
    buf_init(&out, 0);
    int taken = translate_types(s, st, payload, head, length, s->up.seq, &out);
    if (taken > 0) {
        feed_text(s, payload, (size_t)taken);
        if (up_skip(s, u, PACKET_HEADER + (size_t)taken) &&
            conn_send(&s->server, out.p, out.n) != SL_OK)
            session_end(s, END_SERVER_LEFT, "while sending a command");
        s->up.left = length - (uint32_t)taken;
    } else if (taken < 0) {
        session_end(s, END_CANNOT_MOVE, "a statement's parameter types do not fit its packet");
    }
    buf_release(&out);
    return s->dead ? STEP_STOP : STEP_ON;
}

// How many bytes of a command must be there before anything is decided about it.
static size_t bytes_needed(const struct session *s, const uint8_t *payload, size_t there,
                           uint32_t length)
{
    if (length <= look_limit(s))
        return length;
    if (there >= MODEL_COMMAND_HEAD && translate_owes_types(s, payload, there))
        return length < SCRATCH_SIZE / 2 ? length : SCRATCH_SIZE / 2;
    return MODEL_COMMAND_HEAD;
}

// What is owed goes before the command: ours, or, before a stream, nothing of ours.
static enum step step_setup(struct session *s, struct up *u, uint8_t code, uint32_t length)
{
    uint64_t kill_id;
    uint32_t scan = 0;
    if (setup_is_owed(s, code, 0) && length <= look_limit(s))
        scan = model_peek(&s->model, u->p + u->at + PACKET_HEADER, length, &kill_id);
    if (!setup_is_owed(s, code, scan))
        return STEP_ON;
    if (own_is_outstanding(s) || !tracker_has_room(&s->model.tracker, SETUP_ROOM + 1))
        return refuse(s, u, ADMIT_LATER, length);
    if (!up_flush(s, u) || !setup_begin(s, code, scan))
        return STEP_STOP;
    return setup_goes_opaque(code) ? refuse(s, u, ADMIT_LATER, length) : STEP_ON;
}

// A whole command that reads or sets session_track_*: nothing of it has been sent yet.
static bool reveal(struct session *s, struct up *u, uint32_t scan)
{
    size_t at = u->at;
    if (u->command == NOT_WHOLE || !setup_wants_reveal(s, scan))
        return true;
    u->at = u->command;
    bool sent = up_flush(s, u) && setup_reveal(s);
    u->at = at;
    return sent;
}

static enum step step_command(struct session *s, struct up *u, uint32_t length)
{
    const uint8_t *payload = u->p + u->at + PACKET_HEADER;
    size_t there = u->n - u->at - PACKET_HEADER;
    if (there < bytes_needed(s, payload, there, length))
        return STEP_MORE;
    s->up.seq = packet_seq(u->p + u->at);
    enum admission a = admit(s, payload, length);
    if (a == ADMIT && !translate_admits(s, payload, there < length ? there : length))
        a = ADMIT_NEVER;
    if (a != ADMIT)
        return refuse(s, u, a, length);
    uint8_t code = length > 0 ? payload[0] : (uint8_t)COM_SLEEP;
    if (code != COM_QUIT && code != COM_CHANGE_USER) {
        enum step next = step_setup(s, u, code, length);
        if (next != STEP_ON)
            return next;
    }
    mark_sent(s, code);
    setup_note(s, payload, length);
    if (code == COM_CHANGE_USER)
        return step_exchange(s, u, length, true);
    size_t head = there < length ? there : length;
    s->text_skip = model_command(&s->model, payload, head, length);
    u->command = head == length ? u->at : NOT_WHOLE;
    if (s->setup_owed)
        model_command_bare(&s->model);
    // An execute, whose text is known already, may be translated before its last byte has passed.
    if (!reveal(s, u, s->model.passing.scan))
        return STEP_STOP;
    s->up.left = length;
    s->up.continued = length == PACKET_MAX_PAYLOAD;
    if (s->model.statements.moved && step_translated(s, u, length) != STEP_ON)
        return STEP_STOP;
    if (s->up.left == length)
        u->at += PACKET_HEADER;
    if (s->up.left == 0)
        model_command_end(&s->model);
    return STEP_ON;
}

static enum step step_payload(struct session *s, struct up *u)
{
    size_t n = u->n - u->at;
    if (n > s->up.left)
        n = s->up.left;
    s->up.left -= (uint32_t)n;
    if (s->up.drop) {
        if (!up_skip(s, u, n))
            return STEP_STOP;
        s->up.drop = s->up.left > 0 || s->up.continued;
        return STEP_ON;
    }
    if (!s->file)
        feed_text(s, u->p + u->at, n);
    u->at += n;
    if (s->up.left > 0 || s->up.continued || s->file)
        return STEP_ON;
    uint32_t scan = model_text_end(&s->model);
    if (!reveal(s, u, scan))
        return STEP_STOP;
    setup_passed(s, scan);
    model_command_end(&s->model);
    return STEP_ON;
}

static enum step step(struct session *s, struct up *u)
{
    if (s->model.tracker.phase == TRACKER_OPAQUE) {
        u->at = u->n;
        return STEP_ON;
    }
    if (s->up.left > 0)
        return step_payload(s, u);
    if (u->n - u->at < PACKET_HEADER)
        return STEP_MORE;
    uint32_t length = packet_length(u->p + u->at);
    if (s->login != NULL)
        return step_exchange(s, u, length, false);
    if (s->file || s->up.continued)
        return step_continue(s, u, length);
    return step_command(s, u, length);
}

// --- entry points -------------------------------------------------------------------------------

// A command waits: is the session at rest and the gate the reason?
static void block(struct session *s)
{
    if ((s->state == SESSION_IDLE || s->state == SESSION_MOVING) && session_is_barred(s) &&
        !s->looking_up)
        worker_hold(s->worker, s);
}

void relay_up_bytes(struct session *s, uint8_t *p, size_t n)
{
    struct up u = {.p = p, .n = n, .command = NOT_WHOLE};
    enum step next = STEP_ON;
    while (next == STEP_ON && u.at < n)
        next = step(s, &u);
    if (s->dead || !up_flush(s, &u))
        return;
    flow_keep(&s->up, p + u.at, n - u.at);
    if (s->login != NULL && s->down.carry_n > 0)
        relay_down_resume(s);
    if (s->dead)
        return;
    if (s->state == SESSION_BUSY && tracker_outstanding(&s->model.tracker) == 0) {
        felt_forget(s);
        relay_rest(s); // commands without an answer leave nothing open
    }
    if (s->up_blocked && !s->dead)
        block(s);
    if (!s->dead)
        relay_watch(s);
}

void relay_up_resume(struct session *s)
{
    struct flow *f = &s->up;
    s->up_blocked = false;
    if (f->carry_n > 0) {
        uint8_t *bytes = f->carry;
        size_t n = f->carry_n;
        f->carry = NULL;
        f->carry_n = 0;
        relay_up_bytes(s, bytes, n);
        mem_free(bytes);
    }
    if (!s->dead)
        relay_watch(s);
}

static void client_readable(struct conn *c, void *owner)
{
    struct session *s = owner;
    do {
        int n = flow_read(s, &s->up, c);
        if (n == SL_EAGAIN)
            return;
        if (n < 0) {
            char text[128];
            session_end(s, END_CLIENT_LEFT,
                        n == SL_ECLOSED ? NULL : conn_error_text(c, text, sizeof text));
            return;
        }
        COUNT(s->worker, bytes_from_clients, (uint64_t)n);
        relay_up_bytes(s, s->worker->scratch, (size_t)n);
    } while (!s->dead && c->interest == CONN_WATCH_READ && conn_has_buffered(c));
}

static void client_drained(struct conn *c, void *owner)
{
    (void)c;
    relay_watch(owner);
}

static void client_hangup(struct conn *c, void *owner)
{
    struct session *s = owner;
    (void)c;
    if (session_is_parked(s))
        COUNT(s->worker, held_dropped, 1);
    session_end(s, END_CLIENT_LEFT, "while its command was held");
}

static void nothing(struct conn *c, void *owner)
{
    (void)c;
    (void)owner;
}

const struct conn_handler RELAY_CLIENT = {client_readable, client_drained, nothing, nothing,
                                          client_hangup};
