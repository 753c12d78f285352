// One session's move: what its present link holds is asked for there, made true on the standby
// link, and asked for again there. Only when both answers are alike the links are swapped.
//
//   present link:  what is it like? names ─> values of user variables ─┐ wanted
//   standby link:  (PREPARE ...) SET ... SET ... what is it like? ─────┴> equal? ─> VERIFIED ─> swap
//
// A link that is lost is opened anew, and a capture stays good while the client sends nothing. What
// cannot be carried over refuses the move: the session stays where it is, and the reason is shown.
#include "session/move.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/remember.h"
#include "wire/packet.h"

#define LINK_BYTES_MAX (ASK_BYTES_MAX + (64u << 10))
#define OUT_MAX ((size_t)64 << 20) // all statements' texts together
#define RETRY_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)

const char *move_phase_name(enum move_phase phase)
{
    static const char *const names[] = {
#define X(name) [MOVE_##name] = #name,
        MOVE_PHASES(X)
#undef X
    };
    return names[phase];
}

// The list a move is on because of its phase, or NULL.
static struct list *phase_list(struct worker *w, uint8_t phase)
{
    switch ((enum move_phase)phase) {
    case MOVE_QUEUED: return &w->queued;
    case MOVE_STANDBY: return &w->standing;
    case MOVE_VERIFIED:
    case MOVE_REFUSED: return NULL;
    default: return &w->running;
    }
}

static bool is_opening(uint8_t phase)
{
    return phase > MOVE_QUEUED && phase < MOVE_STANDBY;
}

static bool is_copying(uint8_t phase)
{
    return phase == MOVE_CAPTURING || phase == MOVE_REPLAYING;
}

static void leave_lists(struct move *m)
{
    struct worker *w = m->session->worker;
    struct list *l = phase_list(w, m->phase);
    w->opening -= is_opening(m->phase) ? 1 : 0;
    w->copying -= is_copying(m->phase) ? 1 : 0;
    if (l != NULL)
        list_remove(l, &m->turn);
}

static void enter_lists(struct move *m)
{
    struct worker *w = m->session->worker;
    struct list *l = phase_list(w, m->phase);
    w->opening += is_opening(m->phase) ? 1 : 0;
    w->copying += is_copying(m->phase) ? 1 : 0;
    if (l != NULL && m->urgent)
        list_prepend(l, &m->turn);
    else if (l != NULL)
        list_append(l, &m->turn);
    if (l == &w->running)
        worker_arm_tick(w);
    mover_wake(w); // there may be room for another
}

void move_set_phase(struct move *m, enum move_phase phase)
{
    struct session *s = m->session;
    assert(!move_only_asks(m) || phase == MOVE_STANDBY || phase == MOVE_CAPTURING);
    LOG_DEBUG("session_move", LOG_U64("session", s->id),
              LOG_STR("from", move_phase_name((enum move_phase)m->phase)),
              LOG_STR("to", move_phase_name(phase)));
    leave_lists(m);
    m->phase = (uint8_t)phase;
    m->since_ns = worker_now(s->worker);
    enter_lists(m);
}

struct move *move_new(struct session *s, unsigned backend)
{
    struct move *m = mem_zalloc(sizeof *m);
    struct worker *w = s->worker;
    m->session = s;
    m->backend = (uint8_t)backend;
    m->routes = routes_ref(w->routes);
    m->since_ns = worker_now(w);
    buf_init(&m->in, LINK_BYTES_MAX);
    buf_init(&m->greeting_bytes, EXCHANGE_PACKET_MAX);
    standby_round(m);
    capture_init(&m->wanted);
    capture_init(&m->actual);
    if (session_is_lost(s) && remember_is_valid(s))
        remember_recall(s, m);
    conn_init(&m->link, w->loop, NULL, m);
    s->move = m;
    m->phase = MOVE_QUEUED;
    enter_lists(m);
    return m;
}

void move_forget_names(char ***names, unsigned *count)
{
    for (unsigned i = 0; i < *count; i++)
        mem_free((*names)[i]);
    mem_free(*names);
    *names = NULL;
    *count = 0;
}

void move_read_names(const struct ask *a, unsigned i, char ***names, unsigned *count)
{
    uint32_t rows = ask_answer(a, i)->rows;
    move_forget_names(names, count);
    *names = mem_array(rows + 1, sizeof **names);
    for (uint32_t row = 0; row < rows; row++) {
        struct slice name;
        if (ask_value(a, i, row, 0, &name))
            (*names)[(*count)++] = mem_strndup((const char *)name.p, name.n);
    }
}

bool move_is_captured(const struct move *m)
{
    return m->wanted.known && m->captured_at == m->session->epoch;
}

// At the end of the turn: whoever handles a packet of its link may still be inside.
static void free_now(void *arg)
{
    mem_free(arg);
}

void move_free(struct session *s)
{
    struct move *m = s->move;
    if (m == NULL)
        return;
    leave_lists(m);
    m->phase = MOVE_REFUSED;
    standby_close(m);
    s->move = NULL;
    ask_release(&m->ask);
    buf_release(&m->in);
    buf_release(&m->greeting_bytes);
    capture_release(&m->wanted);
    capture_release(&m->actual);
    move_forget_names(&m->names, &m->name_count);
    born_forget(m);
    mem_free(m->statements);
    routes_unref(m->routes);
    loop_defer(s->worker->loop, free_now, m);
}

void move_anew(struct session *s)
{
    struct move *m = s->move;
    if (m == NULL || m->phase == MOVE_QUEUED || m->phase == MOVE_REFUSED)
        return;
    if (move_only_asks(m)) {
        move_free(s);
        return;
    }
    standby_close(m);
    m->retry_ns = 0;
    move_set_phase(m, MOVE_QUEUED);
}

// --- what can go wrong --------------------------------------------------------------------------

void move_link_lost(struct move *m, const char *why)
{
    struct session *s = m->session;
    int64_t pause = RETRY_NS * (1 << (m->attempts < 6 ? m->attempts : 6));
    LOG_INFO("standby_lost", LOG_U64("session", s->id),
             LOG_STR("backend", m->routes->backends[m->backend].name),
             LOG_STR("phase", move_phase_name((enum move_phase)m->phase)), LOG_STR("why", why));
    text_copy(m->problem, sizeof m->problem, why);
    m->attempts++;
    m->retry_ns = worker_now(s->worker) + (pause < RETRY_MAX_NS ? pause : RETRY_MAX_NS);
    if (m->phase == MOVE_OPENING)
        lost_no_answer(m);
    standby_close(m);
    move_set_phase(m, MOVE_QUEUED);
}

void move_refuse(struct move *m, const char *why)
{
    struct session *s = m->session;
    if (m->phase == MOVE_REFUSED)
        return;
    if (move_only_asks(m)) {
        remember_refused(s, why);
        return;
    }
    LOG_INFO("session_not_moved", LOG_U64("session", s->id), LOG_U64("thread", s->thread_id),
             LOG_STR("user", session_name(s, NAME_USER)), LOG_STR("why", why));
    COUNT(s->worker, move_refusals, 1);
    if (why != m->problem)
        text_copy(m->problem, sizeof m->problem, why);
    m->refused_at = s->epoch;
    standby_close(m);
    move_set_phase(m, MOVE_REFUSED);
    mover_refused(s);
}

// Each answer up to the question `m->asked` must be an OK or a prepared statement: the first that
// is not, or NOT_ASKED.
static unsigned first_refused(const struct move *m)
{
    for (unsigned i = 0; i < m->asked; i++) {
        const struct answer *a = ask_answer(&m->ask, i);
        if (a->kind != ANSWER_OK && a->kind != ANSWER_PREPARED && i != m->asked_born &&
            i != m->asked_strangers && i != m->asked_uptime)
            return i;
    }
    return NOT_ASKED;
}

// `what`: the item that is not the same because of it, or "".
static void refuse_because_of(struct move *m, unsigned question, const char *what)
{
    char text[sizeof m->problem - 40], why[sizeof m->problem];
    ask_error_text(&m->ask, question, text, sizeof text);
    (void)snprintf(why, sizeof why, "%s%sthe new server says %s", what,
                   *what != '\0' ? " is not the same: " : "", text);
    move_refuse(m, why);
}

// --- the standby link ---------------------------------------------------------------------------

static void ask_what_it_is_like(struct move *m, struct buf *out)
{
    struct buf sql;
    buf_init(&sql, 64u << 10);
    capture_question(&m->both, false, &sql);
    m->asked = ask_query(&m->ask, out, (const char *)sql.p, sql.n);
    buf_release(&sql);
}

// `anew`: the link was prepared before, and is born again.
static void prepare(struct move *m, bool anew)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    standby_round(m);
    struct move_out arg = {m, &out};
    if (anew)
        born_anew(m, &out);
    else
        born_ask(m, &out);
    (void)ask_query(&m->ask, &out, SETUP_SQL, strlen(SETUP_SQL));
    capture_changed(&m->session->model.portrait, standby_emit, &arg);
    move_set_phase(m, MOVE_PREPARING);
    (void)standby_prepare(m, &out);
    if (m->phase == MOVE_REFUSED) {
        buf_release(&out);
        return;
    }
    lost_ask(m, &out);
    ask_what_it_is_like(m, &out);
    (void)standby_send(m, &out);
}

void move_entered(struct move *m)
{
    prepare(m, false);
}

static enum sl_code read_actual(struct move *m, struct sl_error *err)
{
    capture_release(&m->actual);
    capture_init(&m->actual);
    enum sl_code code = capture_read(&m->actual, &m->both, &m->ask, m->asked, err);
    if (code == SL_OK && m->asked_values != NOT_ASKED)
        code = capture_values_read(&m->actual, (const char *const *)m->names, m->name_count,
                                   &m->ask, m->asked_values, err);
    m->status = ask_answer(&m->ask, m->ask.count - 1)->status;
    return code;
}

static void prepared(struct move *m)
{
    struct sl_error err = {0};
    unsigned refused = first_refused(m);
    if (!lost_is_restart(m) || !standby_prepared(m))
        return;
    if (refused != NOT_ASKED) {
        refuse_because_of(m, refused, "");
        return;
    }
    born_take(m);
    if (read_actual(m, &err) != SL_OK) {
        move_refuse(m, err.text);
        return;
    }
    m->actual.entered = m->statement_count > 0;
    m->attempts = 0;
    move_set_phase(m, MOVE_STANDBY);
}

// --- replay and comparison ----------------------------------------------------------------------

bool move_ask_values(const struct move *m, struct ask *a, struct buf *out, unsigned *question,
                     struct sl_error *err)
{
    struct buf sql;
    buf_init(&sql, 4u << 20);
    enum sl_code code =
        capture_values_question((const char *const *)m->names, m->name_count, &sql, err);
    if (code == SL_OK)
        *question = ask_query(a, out, (const char *)sql.p, sql.n);
    buf_release(&sql);
    return code == SL_OK;
}

static void add_set_option(struct move *m, struct buf *out)
{
    if (m->session->multi == 0)
        return;
    (void)ask_set_option(&m->ask, out, (uint16_t)(m->session->multi - 1));
}

void move_replay(struct move *m)
{
    struct sl_error err = {0};
    struct buf out;
    struct move_out arg = {m, &out};
    if (born_with_strangers(m)) {
        prepare(m, true);
        return;
    }
    buf_init(&out, OUT_MAX);
    standby_round(m);
    capture_difference(&m->wanted, &m->actual, &m->both, &m->session->model.portrait, standby_emit,
                       &arg);
    unsigned added = standby_prepare(m, &out);
    if (m->phase == MOVE_REFUSED) {
        buf_release(&out);
        return;
    }
    add_set_option(m, &out);
    ask_what_it_is_like(m, &out);
    if (added > 0) { // their contexts have left their traces: once more from there
        move_set_phase(m, MOVE_PREPARING);
        (void)standby_send(m, &out);
        return;
    }
    move_set_phase(m, MOVE_REPLAYING);
    if (m->name_count > 0 && !move_ask_values(m, &m->ask, &out, &m->asked_values, &err)) {
        buf_release(&out);
        move_refuse(m, err.text);
        return;
    }
    (void)standby_send(m, &out);
}

void move_verified(struct move *m)
{
    struct session *s = m->session;
    if (m->early && (s->worker->gate_closed || session_is_elsewhere(s))) {
        move_set_phase(m, MOVE_STANDBY); // meanwhile its locks may be asked for
        return;
    }
    move_set_phase(m, MOVE_VERIFIED);
    mover_verified(s);
}

// Reports have not told how the results came to their collation: one more statement mends it.
static void replay_again(struct move *m)
{
    if (m->again) {
        move_refuse(m, "the collation of results is not the same on the new server");
        return;
    }
    m->again = m->actual.replayed = true;
    move_replay(m);
}

static void compare(struct move *m)
{
    struct sl_error err = {0};
    char what[120] = "", why[sizeof m->problem];
    unsigned refused = first_refused(m);
    bool read = read_actual(m, &err) == SL_OK;
    bool equal = read && capture_equal(&m->wanted, &m->actual, &m->both, what, sizeof what);
    if (refused != NOT_ASKED) {
        refuse_because_of(m, refused, what);
    } else if (!read) {
        move_refuse(m, err.text);
    } else if (!equal) {
        (void)snprintf(why, sizeof why, "%s is not the same on the new server", what);
        move_refuse(m, why);
    } else if (m->wanted.results_collation != m->actual.results_collation) {
        replay_again(m);
    } else {
        m->alike = true;
        move_verified(m);
    }
}

void move_replied(struct move *m)
{
    m->warned = m->warned || ask_warned(&m->ask);
    if (m->phase == MOVE_PREPARING)
        prepared(m);
    else
        compare(m);
}

// --- swap ---------------------------------------------------------------------------------------

bool move_is_ready(const struct session *s)
{
    const struct move *m = s->move;
    return m != NULL && m->phase == MOVE_VERIFIED && m->captured_at == s->epoch && !m->early;
}

static void take_statements(struct session *s, const struct move *m)
{
    for (unsigned i = 0; i < m->statement_count; i++) {
        struct statement *st = statements_find(&s->model.statements, m->statements[i].id);
        if (st == NULL)
            continue;
        st->server_id = m->statements[i].server_id;
        st->types_owed = st->types != NULL;
        statement_prepared_anew(st);
        st->executed = false;
    }
    s->model.statements.moved = true;
}

static void leave_old_link(struct session *s)
{
    static const uint8_t quit[] = {1, 0, 0, 0, COM_QUIT};
    if (conn_is_open(&s->server) && conn_backlog(&s->server) == 0)
        (void)!conn_send(&s->server, quit, sizeof quit);
    conn_close(&s->server);
    worker_count_backend(s->worker, s->backend, -1);
}

void move_swap(struct session *s)
{
    struct move *m = s->move;
    struct worker *w = s->worker;
    assert(move_is_ready(s) && tracker_outstanding(&s->model.tracker) == 0);
    bool lost = session_is_lost(s);
    if (!lost)
        leave_old_link(s);
    lost_over(s);
    conn_init(&s->server, w->loop, &RELAY_SERVER, s);
    conn_take(&s->server, &m->link);
    flow_release(&s->down);
    s->backend = m->backend;
    s->link_server = m->server;
    s->link_ns = worker_now(w);
    worker_count_backend(w, s->backend, 1);
    s->link_thread = m->thread_id;
    s->readdressed = false;
    s->moved = true;
    s->epoch++;
    if (lost)
        remember_renew(s);
    s->setup_owed = false;
    s->tracking = true;
    take_statements(s, m);
    model_moved(&s->model, m->status);
    s->model.sets = m->sets + m->ask.sets[m->server.family == CAPTURE_MARIADB];
    model_diagnostics_lost(&s->model, m->warned);
    if (lost)
        COUNT(w, reestablished, 1);
    else
        COUNT(w, moved, 1);
    LOG_INFO(lost ? "session_reestablished" : "session_moved", LOG_U64("session", s->id),
             LOG_U64("thread", s->thread_id), LOG_U64("to_thread", s->link_thread),
             LOG_STR("user", session_name(s, NAME_USER)),
             LOG_STR("backend", m->routes->backends[m->backend].name),
             LOG_U64("statements", m->statement_count), LOG_U64("variables", m->name_count));
    move_free(s);
}
