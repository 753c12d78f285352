// What both directions of the relay share: reading behind a carry, keeping what cannot go on yet,
// and deciding which side to listen to.
#include "session/login.h"
#include "session/move.h"
#include "session/session.h"

#include <string.h>

#include "base/mem.h"
#include "session/worker.h"

void flow_release(struct flow *f)
{
    mem_wipe_free(f->carry, f->carry_n); // perhaps a password, during COM_CHANGE_USER
    f->carry = NULL;
    f->carry_n = 0;
}

void flow_keep(struct flow *f, const uint8_t *p, size_t n)
{
    uint8_t *kept = NULL;
    if (n == 0 && f->carry == NULL)
        return;
    if (n > 0) { // `p` may point into the old carry
        kept = mem_alloc(n);
        memcpy(kept, p, n);
    }
    mem_wipe_free(f->carry, f->carry_n);
    f->carry = kept;
    f->carry_n = (uint32_t)n;
}

int flow_read(struct session *s, struct flow *f, struct conn *c)
{
    uint8_t *scratch = s->worker->scratch;
    size_t kept = f->carry_n;
    if (kept == SCRATCH_SIZE) // whoever keeps that much must not be reading
        return SL_ETOOBIG;
    int n = conn_read(c, scratch + kept, SCRATCH_SIZE - kept);
    if (n <= 0)
        return n;
    if (kept > 0) {
        memcpy(scratch, f->carry, kept);
        flow_release(f);
    }
    return (int)kept + n;
}

void relay_watch(struct session *s)
{
    if (s->dead)
        return;
    // Back-pressure: nobody is read whose peer has not taken what it was sent.
    bool up = !s->up_blocked && conn_backlog(&s->server) == 0;
    bool down = conn_backlog(&s->client) == 0;
    // A client whose commands are held back is only watched for leaving; one that we cannot
    // serve because the server is slow is not watched at all.
    enum conn_interest client = CONN_WATCH_READ;
    if (!up)
        client = s->up_blocked ? CONN_WATCH_HANGUP : CONN_WATCH_NONE;
    conn_watch(&s->client, client);
    if (!session_is_lost(s))
        conn_watch(&s->server, down ? CONN_WATCH_READ : CONN_WATCH_NONE);
}

void relay_rest(struct session *s)
{
    struct worker *w = s->worker;
    uint32_t open = model_obstacles(&s->model, worker_now(w)) & obstacle_mask(OBSTACLE_WAITS);
    bool passing = s->up.left > 0 || s->up.continued || s->file || s->login != NULL;
    if (open != 0 && w->gate_closed)
        session_ask_status(s);
    if (s->state != SESSION_BUSY || open != 0 || passing)
        return;
    session_set_state(s, SESSION_IDLE, "unit of work done");
    if (w->stopping) {
        session_end(s, END_SHUTDOWN, NULL);
        return;
    }
    if (session_is_elsewhere(s))
        mover_leave(s);
    else if (w->warm != BACKEND_NONE)
        (void)mover_want(s, false, NULL, 0);
    if (w->settled != NULL && !s->dead)
        w->settled(w, s);
}

static uint64_t agreed_caps(const struct login_step *l)
{
    return l->login.caps & l->greeting.caps;
}

void relay_begin(struct session *s, uint16_t status)
{
    struct login_step *l = s->login;
    model_init(&s->model, agreed_caps(l), status, l->login.charset);
    s->model.keeps_warnings = s->link_server.family == CAPTURE_MARIADB;
    s->model.settles =
        s->link_server.family == CAPTURE_MYSQL && s->link_server.version >= SETTLES_SINCE;
    flow_keep(&s->up, l->in_client.p, l->in_client.n);
    flow_keep(&s->down, l->in_server.p, l->in_server.n);
    s->secret = exchange_take_secret(&l->exchange);
    login_free(s);
    COUNT(s->worker, logins, 1);
    setup_owe(s);
    s->client.handler = &RELAY_CLIENT;
    s->server.handler = &RELAY_SERVER;
    session_set_state(s, SESSION_IDLE, "logged in");
    relay_watch(s);
    if (s->worker->stopping)
        session_end(s, END_SHUTDOWN, NULL);
    else if (session_is_elsewhere(s))
        mover_leave(s);
    else if (s->worker->warm != BACKEND_NONE)
        (void)mover_want(s, false, NULL, 0);
    if (!s->dead && s->up.carry_n > 0)
        relay_up_resume(s);
}
