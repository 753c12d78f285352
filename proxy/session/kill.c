// KILL by a client's own connection id, when sessions have links to more than one server, or others
// than at their login: the same id may mean another thread on the server behind this session. A question goes from worker to
// worker and comes back with the session that was meant.
//
//   KILL 17 ──> worker 0 ──> worker 1 ──> ... ──> back: same server: passed on as it is;
//                                                 another server: the killer does it;
//                                                 lost its link: round once more, ended by us;
//                                                 none: passed on
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/session.h"
#include "session/worker.h"
#include "wire/reply.h"

struct lookup {
    struct mail mail;
    struct traffic *traffic;
    struct session *asker;
    struct worker *home;
    unsigned next;        // worker to ask next
    uint32_t thread_id;   // as clients know it
    uint32_t link_thread; // of the session found elsewhere
    bool query_only;
    uint8_t own_backend;
    char user[SESSION_NAME_MAX + 1];
    // what was found: the asker's own server first, then its own user's sessions elsewhere
    bool found_here, found_elsewhere, found_lost, other_users;
    bool ends_lost; // the second time round
    char backend[33];
};

static bool is_meant(const struct session *s, const struct lookup *l)
{
    return !s->dead && s->thread_id == l->thread_id;
}

// It waits for its server: nothing of it runs anywhere, and its number may be another's by now.
static bool is_meant_and_lost(const struct session *s, const struct lookup *l)
{
    return is_meant(s, l) && session_is_lost(s) && strcmp(session_name(s, NAME_USER), l->user) == 0;
}

static void end_lost(struct worker *w, struct lookup *l)
{
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s != l->asker && is_meant_and_lost(s, l))
            session_kill(s, END_KILLED, "KILL by another connection of its user");
    }
}

static void look(struct worker *w, struct lookup *l)
{
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        const char *server = session_server_name(s);
        l->found_lost = l->found_lost || is_meant_and_lost(s, l);
        if (!is_meant(s, l) || server == NULL)
            continue;
        if (s->backend == l->own_backend && s->link_thread == s->thread_id) {
            l->found_here = true;
        } else if (strcmp(session_name(s, NAME_USER), l->user) == 0) {
            l->found_elsewhere = true;
            l->link_thread = s->link_thread;
            text_copy(l->backend, sizeof l->backend, server);
        } else {
            l->other_users = true;
        }
    }
}

// Gives the client the server's answer to a KILL that another way has carried out.
static void answer(struct session *s, const char *refusal)
{
    if (refusal != NULL) {
        session_refuse_command(s, 1095, "HY000", refusal);
        return;
    }
    struct buf out;
    buf_init(&out, 64);
    reply_ok(&out, (uint8_t)(s->up.seq + 1), s->model.tracker.caps, s->model.tracker.status);
    if (conn_send(&s->client, out.p, out.n) != SL_OK)
        session_end(s, END_CLIENT_LEFT, NULL);
    buf_release(&out);
}

static void pass_on(struct session *s, const struct lookup *l)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "KILL %s%u", l->query_only ? "QUERY " : "", l->thread_id);
    session_set_state(s, SESSION_BUSY, "kill");
    if (session_send_sql(s, sql, false) != SL_OK)
        session_end(s, END_SERVER_LEFT, NULL);
}

static void carry_out(struct session *s, struct lookup *l)
{
    struct worker *w = s->worker;
    bool none = !(l->found_elsewhere || l->found_lost || l->other_users);
    s->looking_up = false;
    if (s->state == SESSION_IDLE && (l->found_here || none)) {
        pass_on(s, l);
    } else if (l->found_elsewhere && w->killer != NULL) {
        w->killer->kill(w->killer->arg, l->backend, l->link_thread, l->query_only, NULL, NULL);
        answer(s, NULL);
    } else if (l->found_lost) {
        answer(s, NULL);
    } else {
        answer(s, "sluice: you are not owner of that connection, or it has moved");
    }
    if (!s->dead)
        relay_up_resume(s);
}

static void travel(struct mail *m, void *owner);

static void send_on(struct lookup *l)
{
    struct traffic *t = l->traffic;
    struct worker *to = l->next < t->worker_count ? t->workers[l->next] : l->home;
    l->mail.deliver = travel;
    loop_post(to->loop, &l->mail);
}

static void travel(struct mail *m, void *owner)
{
    struct lookup *l = (struct lookup *)(void *)m;
    struct worker *w = owner;
    if (l->next < l->traffic->worker_count) {
        if (l->ends_lost)
            end_lost(w, l);
        else
            look(w, l);
        l->next++;
        send_on(l);
        return;
    }
    if (l->found_lost && !l->found_here && !l->found_elsewhere && !l->query_only && !l->ends_lost) {
        l->ends_lost = true;
        l->next = 0;
        send_on(l);
        return;
    }
    if (session_mail_returned(l->asker))
        carry_out(l->asker, l);
    mem_free(l);
}

bool kill_intercept(struct session *s, uint64_t thread_id, bool query_only)
{
    struct traffic *t = s->worker->traffic;
    if (!traffic_is_mixed(t) || thread_id == 0 || thread_id > UINT32_MAX)
        return false;
    struct lookup *l = mem_zalloc(sizeof *l);
    l->traffic = t;
    l->asker = s;
    l->home = s->worker;
    l->thread_id = (uint32_t)thread_id;
    l->query_only = query_only;
    l->own_backend = s->backend;
    text_copy(l->user, sizeof l->user, session_name(s, NAME_USER));
    s->mails++;
    s->looking_up = true;
    send_on(l);
    return true;
}
