// The first half of a login: the PROXY header of a balancer, waiting for the gate or for a backend
// that answers, opening the link, and passing the server's greeting on.
//
//   client ──> (PROXY header) ──> wait ──> connect ──> greeting ──> client
//                                  ^          │ no answer, gate closed
//                                  └──────────┘
#include <string.h>

#include "base/cidr.h"
#include "base/log.h"
#include "base/mem.h"
#include "session/fleet.h"
#include "session/login.h"
#include "session/worker.h"
#include "wire/packet.h"
#include "wire/proxyv2.h"

// --- waiting and connecting ---------------------------------------------------------------------

// The link failed before the greeting had passed: the client does not know yet, so try again.
static void link_failed(struct session *s, const char *why)
{
    LOG_WARN("backend_unreachable", LOG_U64("session", s->id),
             LOG_STR("backend", s->login->route->name), LOG_STR("why", why));
    login_back_to_waiting(s, why);
    worker_backend_failed(s->worker);
}

void login_back_to_waiting(struct session *s, const char *why)
{
    struct login_step *l = s->login;
    conn_close(&s->server);
    conn_init(&s->server, s->worker->loop, &LOGIN_SERVER, s);
    worker_count_backend(s->worker, s->backend, -1);
    s->backend = BACKEND_NONE;
    l->step = STEP_WAIT;
    buf_clear(&l->in_server);
    buf_clear(&l->greeting_bytes);
    conn_watch(&s->client, CONN_WATCH_HANGUP);
    felt_begin(s, s->born_ns);
    session_set_state(s, SESSION_WAITING, why);
}

void login_connect(struct session *s)
{
    struct worker *w = s->worker;
    struct login_step *l = s->login;
    if (l->routes != w->routes) {
        routes_unref(l->routes);
        l->routes = routes_ref(w->routes);
    }
    s->backend = (uint8_t)l->routes->active;
    s->readdressed = false;
    l->route = &l->routes->backends[l->routes->active];
    worker_count_backend(w, s->backend, 1);
    session_set_state(s, SESSION_CONNECTING, "gate open");
    const struct backend_route *route = l->route;
    int keepalive = (int)(l->routes->config->tcp_keepalive_ms / 1000);
    if (!route->send_proxy)
        conn_watch(&s->server, CONN_WATCH_READ); // a server speaks first
    if (conn_connect(&s->server, &route->address, keepalive) != SL_OK) {
        char text[128];
        link_failed(s, conn_error_text(&s->server, text, sizeof text));
    }
}

void login_park(struct session *s)
{
    struct worker *w = s->worker;
    if ((s->login->login.caps & CAP_PLUGIN_AUTH) == 0) {
        session_end(s, END_TOO_MANY_HELD, "a client of this kind cannot wait once it is greeted");
        return;
    }
    s->login->answered = true;
    COUNT(w, held, 1);
    login_back_to_waiting(s, "the gate does not let it through");
    if (worker_too_many_held(w))
        session_end(s, END_TOO_MANY_HELD, NULL);
}

static void wait_or_connect(struct session *s)
{
    struct worker *w = s->worker;
    s->login->step = STEP_WAIT;
    worker_arm_tick(w);
    if (w->gate_closed)
        worker_judge(s);
    if ((!w->gate_closed || s->gate_pass != GATE_BARRED) && w->backend_retry_ns == 0) {
        login_connect(s);
        return;
    }
    conn_watch(&s->client, CONN_WATCH_HANGUP);
    felt_begin(s, s->born_ns);
    COUNT(w, held, 1);
    if (worker_too_many_held(w))
        session_end(s, END_TOO_MANY_HELD, NULL);
}

void login_begin(struct session *s, const struct address *peer)
{
    struct worker *w = s->worker;
    s->login = login_step_new(s);
    const struct config_cidrs *trusted = &w->routes->config->proxy_protocol.accept_from;
    s->login->peer = *peer;
    s->login->client_is_local = address_is_unix(peer);
    if (worker_too_many_sessions(w)) {
        session_end(s, END_TOO_MANY_SESSIONS, NULL);
        return;
    }
    if (cidr_match_any(trusted->items, trusted->count, (const struct sockaddr *)&peer->sa)) {
        s->login->step = STEP_PROXY;
        conn_watch(&s->client, CONN_WATCH_READ);
        worker_arm_tick(w);
        return;
    }
    wait_or_connect(s);
}

static void take_proxied_peer(struct session *s, const struct proxyv2 *header)
{
    struct address *peer = &s->login->peer;
    if (header->local || header->source.ss_family == AF_UNSPEC)
        return;
    peer->sa = header->source;
    peer->len = header->source.ss_family == AF_INET ? sizeof(struct sockaddr_in)
                                                    : sizeof(struct sockaddr_in6);
    char text[ADDRESS_TEXT_MAX];
    address_format(peer, text, sizeof text);
    size_t n = strlen(text);
    mem_free(s->names);
    s->names = mem_zalloc(n + NAME_COUNT);
    memcpy(s->names, text, n);
}

void login_read_proxy_header(struct session *s)
{
    struct login_step *l = s->login;
    struct sl_error err = {0};
    struct proxyv2 header;
    int want = PROXYV2_PREFIX;
    if (l->in_client.n >= PROXYV2_PREFIX)
        want = proxyv2_length(l->in_client.p, l->in_client.n);
    if (want <= 0 || want > PROXYV2_MAX) {
        session_end(s, END_LOGIN_BROKEN, "no PROXY protocol version 2 header");
        return;
    }
    if (!login_read(s, &s->client, &l->in_client, (size_t)want, END_CLIENT_LEFT))
        return;
    if (l->in_client.n < PROXYV2_PREFIX)
        return;
    want = proxyv2_length(l->in_client.p, l->in_client.n);
    if (want > 0 && l->in_client.n < (size_t)want)
        return;
    if (want <= 0 ||
        proxyv2_decode((struct slice){l->in_client.p, (size_t)want}, &header, &err) != SL_OK) {
        session_end(s, END_LOGIN_BROKEN, "bad PROXY protocol header");
        return;
    }
    take_proxied_peer(s, &header);
    buf_clear(&l->in_client);
    wait_or_connect(s);
}

// --- the server greets --------------------------------------------------------------------------

void login_connected(struct conn *c, void *owner)
{
    struct session *s = owner;
    char text[128];
    if (conn_error(c) != 0) {
        link_failed(s, conn_error_text(c, text, sizeof text));
        return;
    }
    struct login_step *l = s->login;
    const struct backend_route *route = l->route;
    l->step = STEP_GREETING;
    conn_watch(c, CONN_WATCH_READ);
    if (!route->send_proxy)
        return;
    struct buf header;
    buf_init(&header, PROXYV2_MAX);
    proxyv2_encode((struct sockaddr *)&l->peer.sa, (const struct sockaddr *)&route->address.sa,
                   &header);
    enum sl_code sent = conn_send(c, header.p, header.n);
    buf_release(&header);
    if (sent != SL_OK)
        link_failed(s, "could not send the PROXY header");
}

// The server refused before greeting (too many connections, host blocked): its word is passed on.
static void pass_refusal(struct session *s)
{
    struct login_step *l = s->login;
    uint32_t n = PACKET_HEADER + packet_length(l->in_server.p);
    COUNT(s->worker, login_failures, 1);
    if (conn_queue(&s->client, l->in_server.p, n) != SL_OK)
        conn_close(&s->client);
    session_end(s, END_LOGIN_REFUSED, "refused before the greeting");
}

// The client was greeted by another link: it keeps the number that it knows.
static void take_greeting_again(struct session *s)
{
    const struct greeting *g = &s->login->greeting;
    s->link_thread = g->thread_id;
    s->link_ns = worker_now(s->worker);
    s->link_server = capture_server_of(g->version);
    s->moved = true;
    atomic_store_explicit(&s->worker->traffic->repointed, true, memory_order_relaxed);
    session_set_state(s, SESSION_LOGIN, "greeting");
    worker_backend_answered(s->worker);
    felt_answered(s);
    login_answer_again(s);
}

static void pass_greeting(struct session *s)
{
    struct login_step *l = s->login;
    struct greeting offered = l->greeting;
    struct buf out;
    offered.caps &= ~CAP_NEVER_OFFERED;
    offered.caps &= ~CAP_SSL;
    if (l->routes->client_tls != NULL)
        offered.caps |= CAP_SSL;
    s->thread_id = s->link_thread = offered.thread_id;
    s->link_ns = worker_now(s->worker);
    s->link_server = capture_server_of(offered.version);
    memcpy(s->scramble, offered.scramble, sizeof s->scramble);
    buf_init(&out, EXCHANGE_PACKET_MAX);
    size_t begin = packet_begin(&out, 0);
    greeting_encode(&offered, &out);
    packet_end(&out, begin);
    l->step = STEP_CLIENT_FIRST;
    session_set_state(s, SESSION_LOGIN, "greeting");
    felt_answered(s);
    worker_backend_answered(s->worker);
    enum sl_code sent = out.failed ? SL_ETOOBIG : conn_send(&s->client, out.p, out.n);
    buf_release(&out);
    if (sent != SL_OK) {
        session_end(s, END_CLIENT_LEFT, NULL);
        return;
    }
    conn_watch(&s->client, CONN_WATCH_READ);
}

void login_read_greeting(struct session *s)
{
    struct login_step *l = s->login;
    struct sl_error err = {0};
    struct slice payload;
    uint8_t seq;
    uint8_t *scratch = s->worker->scratch;
    int n = conn_read(&s->server, scratch, SCRATCH_SIZE);
    if (n == SL_EAGAIN)
        return;
    if (n < 0) {
        link_failed(s, "closed before the greeting");
        return;
    }
    buf_put(&l->in_server, scratch, (size_t)n);
    int whole = login_first_packet(&l->in_server, &payload, &seq);
    if (whole == 0)
        return;
    if (whole < 0 || payload.n == 0) {
        link_failed(s, "not a MySQL greeting");
        return;
    }
    if (payload.p[0] == 0xFF) {
        pass_refusal(s);
        return;
    }
    buf_put(&l->greeting_bytes, payload.p, payload.n);
    struct slice kept = {l->greeting_bytes.p, l->greeting_bytes.n};
    if (greeting_decode(kept, &l->greeting, &err) != SL_OK) {
        link_failed(s, err.text);
        return;
    }
    buf_clear(&l->in_server);
    if (l->answered)
        take_greeting_again(s);
    else
        pass_greeting(s);
}
