// A second link for a session: opened, logged in with what sluice has learned, and prepared, while
// the session goes on undisturbed on its present one.
//
//   connect ─> greeting ─> (TLS) ─> login ─> SET tracking, PREPARE ..., what is it like? ─> STANDBY
//
// The link belongs to the move; only move_swap gives it to the session.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/login.h"
#include "session/move.h"
#include "session/select.h"
#include "wire/packet.h"
#include "wire/proxyv2.h"

static const struct conn_handler STANDBY;

// --- opening ------------------------------------------------------------------------------------

static void open_link(struct move *m)
{
    struct worker *w = m->session->worker;
    const struct backend_route *route = &m->routes->backends[m->backend];
    int keepalive = (int)(m->routes->config->tcp_keepalive_ms / 1000);
    conn_init(&m->link, w->loop, &STANDBY, m);
    move_set_phase(m, MOVE_OPENING);
    lost_opens(m);
    if (!route->send_proxy)
        conn_watch(&m->link, CONN_WATCH_READ); // a server speaks first
    char text[128];
    if (conn_connect(&m->link, &route->address, keepalive) != SL_OK)
        move_link_lost(m, conn_error_text(&m->link, text, sizeof text));
}

void standby_open(struct move *m)
{
    struct secret *secret = m->session->secret;
    enum secret_turn turn = secret_try(secret);
    if (turn == SECRET_REFUSED) {
        move_refuse(m, MOVE_DENIED);
    } else if (turn != SECRET_WAIT) {
        standby_close(m);
        m->trial = turn == SECRET_TRIAL ? secret_ref(secret) : NULL;
        open_link(m);
    }
}

static void end_trial(struct move *m, enum secret_verdict verdict)
{
    if (m->trial == NULL)
        return;
    secret_tried(m->trial, verdict);
    secret_unref(m->trial);
    m->trial = NULL;
}

void standby_close(struct move *m)
{
    end_trial(m, SECRET_UNDECIDED);
    m->generation++;
    lost_forget_probe(m);
    conn_close(&m->link);
    buf_wipe(&m->in);
    buf_clear(&m->greeting_bytes);
    standby_round(m);
    m->sets = 0;
    m->alike = m->again = m->warned = false;
    m->statement_count = 0;
    born_forget(m);
    capture_release(&m->actual);
    capture_init(&m->actual);
}

bool standby_send(struct move *m, struct buf *out)
{
    bool sent = !out->failed && conn_send(&m->link, out->p, out->n) == SL_OK;
    buf_wipe(out);
    buf_release(out);
    if (!sent)
        move_link_lost(m, "could not send");
    return sent;
}

static void connected(struct conn *c, void *owner)
{
    struct move *m = owner;
    char text[128];
    if (conn_error(c) != 0) {
        move_link_lost(m, conn_error_text(c, text, sizeof text));
        return;
    }
    const struct backend_route *route = &m->routes->backends[m->backend];
    struct sockaddr_storage peer;
    conn_watch(c, CONN_WATCH_READ);
    if (!route->send_proxy)
        return;
    struct buf header;
    buf_init(&header, PROXYV2_MAX);
    proxyv2_encode(select_peer(m->session, &peer) ? (struct sockaddr *)&peer : NULL,
                   (const struct sockaddr *)&route->address.sa, &header);
    (void)standby_send(m, &header);
}

// The login as the client's was, but for the database: that is set with everything else.
static struct login login_as_client(const struct move *m)
{
    const struct session *s = m->session;
    const char *user = session_name(s, NAME_USER);
    return (struct login){
        .caps = s->model.tracker.caps & ~(CAP_CONNECT_WITH_DB | CAP_SSL),
        .max_packet = s->who->max_packet,
        .charset = s->who->charset,
        .user = {(const uint8_t *)user, strlen(user)},
        .attributes = {s->who->attributes, s->who->attributes_n},
    };
}

static void enter(struct move *m, uint8_t seq)
{
    struct sl_error err = {0};
    struct login l = login_as_client(m);
    const struct backend_route *route = &m->routes->backends[m->backend];
    struct buf out;
    if (conn_is_tls(&m->link))
        l.caps |= CAP_SSL;
    buf_init(&out, EXCHANGE_PACKET_MAX);
    move_set_phase(m, MOVE_ENTERING);
    enum sl_code code =
        enter_begin(&m->enter, m->session->secret, &m->greeting, &l,
                    login_channel(&m->link, address_is_unix(&route->address)), seq, &out, &err);
    if (!standby_send(m, &out))
        return;
    if (code != SL_OK)
        move_refuse(m, err.text);
}

static void start_tls(struct move *m)
{
    const struct backend_route *route = &m->routes->backends[m->backend];
    struct login request = login_as_client(m);
    struct buf out;
    request.caps |= CAP_SSL;
    buf_init(&out, 64);
    size_t begin = packet_begin(&out, 1);
    login_encode_ssl_request(&request, &out);
    packet_end(&out, begin);
    move_set_phase(m, MOVE_SECURING);
    if (standby_send(m, &out) && conn_start_tls(&m->link, route->tls, false) != SL_OK)
        move_link_lost(m, "could not start TLS");
}

static void secured(struct conn *c, void *owner)
{
    struct move *m = owner;
    char text[256];
    if (conn_error(c) != 0)
        move_link_lost(m, conn_error_text(c, text, sizeof text));
    else
        enter(m, 2);
}

// The questions are those that both servers understand. What was captured with others is of no use:
// false when it cannot be asked again.
static bool agree_on_questions(struct move *m)
{
    const struct capture_server *old = &m->session->link_server;
    unsigned before = m->both.version;
    m->both = m->server.version < old->version ? m->server : *old;
    if (m->both.version != before)
        m->wanted.known = false;
    return m->wanted.known || !session_is_lost(m->session);
}

static void take_greeting(struct move *m, struct slice payload)
{
    const struct backend_route *route = &m->routes->backends[m->backend];
    uint64_t wanted = m->session->model.tracker.caps & ~(CAP_CONNECT_WITH_DB | CAP_SSL);
    struct sl_error err = {0};
    buf_put(&m->greeting_bytes, payload.p, payload.n);
    if (payload.n == 0 || payload.p[0] == 0xFF ||
        greeting_decode((struct slice){m->greeting_bytes.p, m->greeting_bytes.n}, &m->greeting,
                        &err) != SL_OK) {
        move_link_lost(m, "the server refused before its greeting");
        return;
    }
    m->thread_id = m->greeting.thread_id;
    m->server = capture_server_of(m->greeting.version);
    if (m->server.family != m->session->link_server.family) {
        move_refuse(m, "the servers are of different kinds");
        return;
    }
    lost_answered(m->session->worker);
    if (!agree_on_questions(m))
        move_refuse(m, "what its lost link held is not known");
    else if ((m->greeting.caps & wanted) != wanted)
        move_refuse(m, "the new server lacks a protocol capability of the session");
    else if (route->tls == NULL || address_is_unix(&route->address))
        enter(m, 1);
    else if ((m->greeting.caps & CAP_SSL) != 0)
        start_tls(m);
    else if (route->tls_mode == CONFIG_TLS_PREFERRED)
        enter(m, 1);
    else
        move_refuse(m, "the new server offers no TLS, and the configuration requires it");
}

// --- preparing ----------------------------------------------------------------------------------

void standby_round(struct move *m)
{
    m->sets += m->ask.sets[m->server.family == CAPTURE_MARIADB];
    ask_release(&m->ask);
    ask_init(&m->ask, m->session->model.tracker.caps, m->status);
    m->asked_born = m->asked_strangers = m->asked_uptime = m->asked_values = NOT_ASKED;
}

void standby_emit(void *arg, const char *sql, size_t n)
{
    struct move_out *o = arg;
    (void)ask_query(&o->move->ask, o->out, sql, n);
}

static struct move_statement *find_prepared(const struct move *m, uint32_t id)
{
    for (unsigned i = 0; i < m->statement_count; i++)
        if (m->statements[i].id == id)
            return &m->statements[i];
    return NULL;
}

// Closed by the client since: closed here as well.
static void drop_closed(struct move *m, struct buf *out)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < m->statement_count; i++) {
        struct move_statement *one = &m->statements[i];
        if (statements_find(&m->session->model.statements, one->id) != NULL) {
            m->statements[kept++] = *one;
            continue;
        }
        size_t begin = packet_begin(out, 0);
        buf_u8(out, COM_STMT_CLOSE);
        buf_u32(out, one->server_id);
        packet_end(out, begin);
    }
    m->statement_count = kept;
}

static void remember(struct move *m, uint32_t id, unsigned question)
{
    if (m->statement_count == m->statement_size) {
        m->statement_size = m->statement_size == 0 ? 8 : 2 * m->statement_size;
        m->statements = mem_realloc(m->statements, m->statement_size * sizeof *m->statements);
    }
    m->statements[m->statement_count++] = (struct move_statement){.id = id, .question = question};
}

// On MySQL the types of user variables are settled when a statement is prepared: it needs them there.
static bool waits_for_variables(const struct move *m, const struct statement *st)
{
    return m->server.family == CAPTURE_MYSQL && (st->traits & SCAN_READS_VARIABLES) != 0 &&
           m->phase == MOVE_PREPARING;
}

// Why a statement cannot be prepared as it was, or NULL.
static const char *unlike(const struct move *m, const struct statement *st)
{
    const struct portrait *p = &m->session->model.portrait;
    if (st->context == NULL)
        return "it was prepared before tracking began";
    if (m->server.family == CAPTURE_MYSQL && (st->traits & SCAN_READS_VARIABLES) != 0 &&
        st->assignments != p->assignments)
        return "a user variable may have another type than when it was prepared";
    return m->ask.count + 8 >= ASK_MAX ? "there are too many" : NULL;
}

static void refuse_statement(struct move *m, uint32_t id, const char *why)
{
    char text[sizeof m->problem];
    (void)snprintf(text, sizeof text, "prepared statement %u: %s", id, why);
    move_refuse(m, text);
}

unsigned standby_prepare(struct move *m, struct buf *out)
{
    const struct statements *all = &m->session->model.statements;
    const struct context *here = NULL;
    struct move_out arg = {m, out};
    unsigned added = 0;
    drop_closed(m, out);
    for (struct statement *st = statements_next(all, NULL); st != NULL;
         st = statements_next(all, st)) {
        if (find_prepared(m, st->id) != NULL || waits_for_variables(m, st))
            continue;
        const char *problem = unlike(m, st);
        if (problem != NULL) {
            refuse_statement(m, st->id, problem);
            return 0;
        }
        if (here == NULL || !context_equal(here, st->context))
            capture_enter_context(st->context, standby_emit, &arg);
        here = st->context;
        remember(m, st->id, ask_prepare(&m->ask, out, st->text, st->text_n));
        added++;
    }
    return added;
}

// Why the new server's statement cannot stand for the old one, or NULL.
static const char *not_the_same(const struct move *m, const struct move_statement *one,
                                const struct statement *st, char *text, size_t size)
{
    const struct answer *a = ask_answer(&m->ask, one->question);
    if (a->kind != ANSWER_PREPARED)
        return ask_error_text(&m->ask, one->question, text, size);
    if (a->prepare.params != st->params || a->prepare.columns != st->columns)
        return "other parameters or columns than on the old server";
    return NULL;
}

bool standby_prepared(struct move *m)
{
    char text[160];
    for (unsigned i = 0; i < m->statement_count; i++) {
        struct move_statement *one = &m->statements[i];
        const struct statement *st = statements_find(&m->session->model.statements, one->id);
        if (one->server_id != 0 || st == NULL)
            continue; // before, or closed meanwhile
        const char *problem = not_the_same(m, one, st, text, sizeof text);
        if (problem != NULL) {
            refuse_statement(m, one->id, problem);
            return false;
        }
        one->server_id = ask_answer(&m->ask, one->question)->prepare.statement_id;
    }
    return true;
}

// --- talking ------------------------------------------------------------------------------------

static void take_entry(struct move *m)
{
    end_trial(m, SECRET_ACCEPTED);
    move_entered(m);
}

static void take_refusal(struct move *m)
{
    if (m->enter.locked) { // by a cutover, until its release
        move_link_lost(m, m->enter.problem);
        return;
    }
    if (m->enter.denied)
        secret_tried(m->session->secret, SECRET_DENIED);
    move_refuse(m, m->enter.problem);
}

static void take_login_packet(struct move *m, struct slice payload, uint8_t seq)
{
    struct sl_error err = {0};
    struct buf out;
    buf_init(&out, EXCHANGE_PACKET_MAX);
    enum sl_code code = enter_packet(&m->enter, payload, seq, &out, &m->status, &err);
    if (out.n > 0 && !standby_send(m, &out))
        return;
    buf_release(&out);
    if (code != SL_OK)
        move_refuse(m, err.text);
    else if (m->enter.state == ENTER_REFUSED)
        take_refusal(m);
    else if (m->enter.state == ENTER_IN)
        take_entry(m);
}

static void take_answer(struct move *m, struct slice payload)
{
    struct sl_error err = {0};
    if (ask_done(&m->ask)) { // nothing was asked: the server says why it closes
        move_link_lost(m, "the server ended the link");
        return;
    }
    if (ask_packet(&m->ask, payload, &err) != SL_OK)
        move_refuse(m, err.text);
    else if (ask_done(&m->ask))
        move_replied(m);
}

static void take_packet(struct move *m, struct slice payload, uint8_t seq)
{
    switch ((enum move_phase)m->phase) {
    case MOVE_OPENING: take_greeting(m, payload); break;
    case MOVE_ENTERING: take_login_packet(m, payload, seq); break;
    default: take_answer(m, payload); break;
    }
}

// Takes all whole packets of `in`; the phase, or the link, may change with each of them.
static void take_packets(struct move *m)
{
    uint32_t generation = m->generation;
    size_t at = 0;
    while (m->generation == generation && m->in.n - at >= PACKET_HEADER) {
        uint32_t length = packet_length(m->in.p + at);
        if (m->in.n - at < PACKET_HEADER + (size_t)length)
            break;
        struct slice payload = {m->in.p + at + PACKET_HEADER, length};
        uint8_t seq = packet_seq(m->in.p + at);
        at += PACKET_HEADER + length;
        take_packet(m, payload, seq);
    }
    if (m->generation == generation)
        buf_consume(&m->in, at);
}

static void readable(struct conn *c, void *owner)
{
    struct move *m = owner;
    uint8_t *scratch = m->session->worker->scratch;
    int n = conn_read(c, scratch, SCRATCH_SIZE);
    if (n == SL_EAGAIN)
        return;
    char text[128];
    if (n < 0) {
        move_link_lost(m, n == SL_ECLOSED ? "the server closed the link"
                                          : conn_error_text(c, text, sizeof text));
        return;
    }
    buf_put(&m->in, scratch, (size_t)n);
    if (m->in.failed)
        move_refuse(m, "an answer is too large");
    else
        take_packets(m);
}

static void hangup(struct conn *c, void *owner)
{
    (void)c;
    move_link_lost(owner, "the server closed the link");
}

static void nothing(struct conn *c, void *owner)
{
    (void)c;
    (void)owner;
}

static const struct conn_handler STANDBY = {readable, nothing, connected, secured, hangup};
