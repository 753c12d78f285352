// A session's birth, state, names and end.
#include "session/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/login.h"
#include "session/lost.h"
#include "session/move.h"
#include "session/own.h"
#include "session/remember.h"
#include "session/worker.h"

static const struct {
    const char *name;
    uint16_t code;
    const char *sqlstate;
    enum log_level level;
    const char *text;
} ENDS[] = {
#define X(reason, code, sqlstate, level, text)                                                     \
    [END_##reason] = {#reason, code, sqlstate, LOG_LEVEL_##level, text},
    SESSION_ENDS(X)
#undef X
};

// The list a session is on because of its state, or NULL.
static struct list *state_list(struct worker *w, enum session_state state)
{
    switch (state) {
    case SESSION_WAITING: return &w->waiting;
    case SESSION_CONNECTING:
    case SESSION_LOGIN: return &w->logins;
    case SESSION_HELD: return &w->held;
    case SESSION_SLOWED: return &w->slowed;
    case SESSION_MOVING: return &w->moving;
    default: return NULL;
    }
}

static void count_state(struct worker *w, enum session_state state, int by)
{
    _Atomic unsigned *n = &w->counters.by_state[state];
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + (unsigned)by,
                          memory_order_relaxed);
}

struct session *session_new(struct worker *w, int fd, const struct address *peer)
{
    struct session *s = mem_zalloc(sizeof *s);
    s->worker = w;
    // The worker's index in the low byte: whoever has an id knows where to ask.
    s->id = ++w->next_id << 8 | w->index;
    s->born_ns = s->state_ns = worker_now(w);
    s->backend = s->lost_on = BACKEND_NONE;
    s->state = SESSION_WAITING;
    conn_init(&s->client, w->loop, &LOGIN_CLIENT, s);
    conn_init(&s->server, w->loop, &LOGIN_SERVER, s);
    conn_attach(&s->client, fd, CONN_PREPARED);
    list_append(&w->sessions, &s->all);
    list_append(&w->waiting, &s->queue);
    count_state(w, SESSION_WAITING, 1);
    char text[ADDRESS_TEXT_MAX];
    address_format(peer, text, sizeof text);
    size_t n = strlen(text);
    s->names = mem_zalloc(n + NAME_COUNT);
    memcpy(s->names, text, n);
    return s;
}

void session_set_state(struct session *s, enum session_state to, const char *why)
{
    struct worker *w = s->worker;
    assert(session_state_may_follow(s->state, to));
    struct list *from_list = state_list(w, s->state);
    struct list *to_list = state_list(w, to);
    if (log_enabled(LOG_LEVEL_DEBUG) && to != SESSION_BUSY && s->state != SESSION_BUSY)
        LOG_DEBUG("session_state", LOG_U64("session", s->id),
                  LOG_STR("from", session_state_name(s->state)),
                  LOG_STR("to", session_state_name(to)), LOG_STR("why", why));
    count_state(w, s->state, -1);
    count_state(w, to, 1);
    s->state = (uint8_t)to;
    s->state_ns = worker_now(w);
    if (from_list != to_list) {
        if (from_list != NULL)
            list_remove(from_list, &s->queue);
        if (to_list != NULL)
            list_append(to_list, &s->queue);
    }
    if (to_list != NULL)
        worker_arm_tick(w);
    if (to == SESSION_IDLE)
        remember_rested(w, &w->rememberer);
    session_check(s);
}

const char *session_name(const struct session *s, unsigned which)
{
    const char *p = s->names;
    for (unsigned i = 0; i < which; i++)
        p += strlen(p) + 1;
    return p;
}

static size_t name_size(struct slice name)
{
    return (name.n < SESSION_NAME_MAX ? name.n : SESSION_NAME_MAX) + 1;
}

static char *name_put(char *at, struct slice name)
{
    size_t n = name_size(name) - 1;
    for (size_t i = 0; i < n; i++) // a NUL inside a name would shift the ones behind it
        at[i] = name.p[i] != '\0' ? (char)name.p[i] : '?';
    at[n] = '\0';
    return at + n + 1;
}

void session_set_names(struct session *s, struct slice user, struct slice database,
                       struct slice program)
{
    size_t peer = strlen(s->names) + 1;
    char *names = mem_alloc(peer + name_size(user) + name_size(database) + name_size(program));
    memcpy(names, s->names, peer);
    name_put(name_put(name_put(names + peer, user), database), program);
    mem_free(s->names);
    s->names = names;
    if (s->worker->gate_closed)
        worker_judge(s);
}

bool session_is_settled(const struct session *s)
{
    // A stream (a replica reading the binary log) is BUSY for ever, but nothing is open in it.
    const uint32_t waits = obstacle_mask(OBSTACLE_WAITS) | obstacle_mask(OBSTACLE_WAITS_BRIEFLY);
    uint32_t open = model_obstacles(&s->model, worker_now(s->worker)) & waits;
    if (s->own != NULL && s->state != SESSION_BUSY) // questions of ours are nobody's work
        open &= ~OBSTACLE_BIT(statement_running);
    return s->state >= SESSION_IDLE && s->state <= SESSION_MOVING && s->up.left == 0 &&
           s->login == NULL && open == 0;
}

bool session_is_reading(const struct session *s)
{
    if (s->state != SESSION_BUSY || model_in_transaction(&s->model) ||
        tracker_outstanding(&s->model.tracker) != 1)
        return false;
    const struct tracked *current = tracker_current(&s->model.tracker);
    uint32_t waits =
        model_obstacles(&s->model, worker_now(s->worker)) & obstacle_mask(OBSTACLE_WAITS);
    return current != NULL && (current->scan & SCAN_read) != 0 &&
           waits == OBSTACLE_BIT(statement_running);
}

bool session_is_untracked(const struct session *s)
{
    return s->untracked || (s->model.tracker.caps & CAP_SESSION_TRACK) == 0;
}

uint32_t session_obstacles(const struct session *s)
{
    uint32_t set = model_obstacles(&s->model, worker_now(s->worker));
    if (!s->worker->routes->config->migrate.sessions)
        return set;
    if (s->secret == NULL || !secret_is_known(s->secret) || secret_is_refused(s->secret))
        set |= OBSTACLE_BIT(credential_unknown);
    if (session_is_untracked(s) ||
        (s->move != NULL && s->move->phase == MOVE_REFUSED && s->move->refused_at == s->epoch))
        set |= OBSTACLE_BIT(unknown_state);
    return set;
}

bool session_is_elsewhere(const struct session *s)
{
    return session_is_lost(s) ||
           (s->backend != BACKEND_NONE && s->backend != s->worker->routes->active);
}

const char *session_server_name(const struct session *s)
{
    const struct routes *routes = s->worker->routes;
    return s->backend < routes->count && !s->readdressed ? routes->backends[s->backend].name : NULL;
}

// The sequence number that an error from us must have for the client to take it as the answer.
static uint8_t next_seq_to_client(const struct session *s)
{
    if (s->login != NULL)
        return login_next_client_seq(s);
    if (s->state == SESSION_WAITING || s->state == SESSION_CONNECTING)
        return 0;
    return (uint8_t)((s->answer_began ? s->down.seq : s->up.seq) + 1);
}

// An error fits only between two packets, and only if the client speaks plainly or has finished
// its TLS handshake.
static bool client_can_be_told(const struct session *s)
{
    return conn_is_open(&s->client) && s->down.left == 0 && s->down.carry_n == 0 &&
           !(s->login != NULL && login_is_securing(s));
}

static void tell_client(struct session *s, enum session_end_reason why, const char *detail)
{
    struct buf out;
    char text[512];
    buf_init(&out, 1024);
    (void)snprintf(text, sizeof text, "%s%s%s", ENDS[why].text, detail != NULL ? ": " : "",
                   detail != NULL ? detail : "");
    // Before the login nothing is negotiated: the short form without an SQL state (as servers
    // send it), except that every client since 4.1 takes the long one once it has answered.
    uint64_t caps = s->login != NULL ? login_client_caps(s) : s->model.tracker.caps;
    reply_err(&out, next_seq_to_client(s), caps, ENDS[why].code, ENDS[why].sqlstate, text);
    if (conn_queue(&s->client, out.p, out.n) != SL_OK)
        conn_close(&s->client);
    buf_release(&out);
}

void session_refuse_command(struct session *s, uint16_t code, const char *sqlstate,
                            const char *text)
{
    struct buf out;
    felt_answered(s);
    buf_init(&out, 512);
    reply_err(&out, (uint8_t)(s->up.seq + 1), s->model.tracker.caps, code, sqlstate, text);
    if (conn_send(&s->client, out.p, out.n) != SL_OK)
        session_end(s, END_CLIENT_LEFT, NULL);
    buf_release(&out);
}

static void session_free(void *arg)
{
    struct session *s = arg;
    assert(s->dead && s->mails == 0);
    mem_free(s);
}

// Both sockets are closed: what is left is memory.
static void session_gone(void *arg)
{
    struct session *s = arg;
    struct worker *w = s->worker;
    conn_close(&s->client);
    count_state(w, s->state, -1);
    list_remove(&w->sessions, &s->all);
    setup_free(s);
    mem_free(s->who);
    mem_free(s->names);
    s->names = NULL;
    if (s->mails == 0)
        loop_defer(w->loop, session_free, s);
}

// Sessions that could not go on because of a move are all named, however many they are: their lines
// are never left out.
static void log_end(const struct session *s, enum session_end_reason why, const char *detail)
{
    static struct log_site site;
    bool named = why == END_CANNOT_MOVE || why == END_NOT_REESTABLISHED;
    const struct log_field fields[] = {
        LOG_U64("session", s->id),
        LOG_U64("thread", s->thread_id),
        LOG_STR("client", session_name(s, NAME_CLIENT)),
        LOG_STR("user", session_name(s, NAME_USER)),
        LOG_STR("reason", ENDS[why].name),
        LOG_STR("state", session_state_name(s->state)),
        LOG_STR("command", command_name(s->last_command)),
        LOG_STR("detail", detail),
        LOG_MS("age_ms", worker_now(s->worker) - s->born_ns),
    };
    if (log_enabled(ENDS[why].level))
        log_emit(named ? NULL : &site, ENDS[why].level, "session_ended", fields,
                 sizeof fields / sizeof fields[0]);
}

void session_end(struct session *s, enum session_end_reason why, const char *detail)
{
    if (s->dead)
        return;
    struct worker *w = s->worker;
    if (ENDS[why].code != 0 && model_commit_outstanding(&s->model)) {
        detail = ENDS[why].text;
        why = END_OUTCOME_UNKNOWN;
    }
    if (ENDS[why].code == ER_CON_COUNT)
        COUNT(w, refused, 1);
    log_end(s, why, detail);
    if (ENDS[why].code != 0)
        felt_ended(s, ENDS[why].name, detail);
    felt_forget(s);
    s->dead = true;
    if (ENDS[why].code != 0 && client_can_be_told(s))
        tell_client(s, why, detail);
    conn_close(&s->server);
    move_free(s);
    remember_forget(s);
    lost_over(s);
    own_free(s->own);
    s->own = NULL;
    secret_unref(s->secret);
    s->secret = NULL;
    if (s->backend < BACKENDS_MAX)
        worker_count_backend(w, s->backend, -1);
    session_set_state(s, SESSION_CLOSING, ENDS[why].name);
    login_free(s);
    flow_release(&s->up);
    flow_release(&s->down);
    model_release(&s->model);
    if (w->settled != NULL)
        w->settled(w, s);
    // Who has quit reads on only to see the end; a plain close shows it, and nothing is lost.
    bool said = why == END_QUIT && conn_backlog(&s->client) == 0;
    if (conn_is_open(&s->client) && !said)
        conn_finish(&s->client, session_gone, s);
    else
        loop_defer(w->loop, session_gone, s);
}

bool session_mail_returned(struct session *s)
{
    assert(s->mails > 0);
    s->mails--;
    if (!s->dead)
        return true;
    if (s->mails == 0 && s->names == NULL)
        loop_defer(s->worker->loop, session_free, s);
    return false;
}

void session_check(const struct session *s)
{
    // S1: a dead session holds no server; a live one relays with a model.
    assert(!s->dead || s->state == SESSION_CLOSING);
    // S2: parked means at rest: nothing outstanding but questions of ours.
    assert(!session_is_parked(s) || s->own != NULL || tracker_outstanding(&s->model.tracker) == 0);
    // S3: our own ROLLBACK is outstanding exactly in ROLLBACK.
    assert((s->abort == ABORT_ROLLING_BACK) == (s->state == SESSION_ROLLBACK) || s->dead);
    (void)s;
}
