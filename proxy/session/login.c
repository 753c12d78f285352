// From an accepted socket to a session that relays: the server greets, the client answers, the
// server decides. Sluice passes the packets on (auth/exchange.h), ends TLS on both sides, and
// holds the client where the gate or the backend asks for it.
#include "session/login.h"

#include <string.h>

#include "base/mem.h"
#include "session/worker.h"
#include "wire/handshake.h"
#include "wire/packet.h"

// A whole SSLRequest with its header: never read more before the handshake may begin.
#define SSL_REQUEST_SIZE 36

struct login_step *login_step_new(struct session *s)
{
    struct worker *w = s->worker;
    struct login_step *l = mem_zalloc(sizeof *l);
    size_t cap = (size_t)w->routes->config->max_packet_before_login + PACKET_HEADER;
    l->routes = routes_ref(w->routes);
    buf_init(&l->in_client, cap);
    buf_init(&l->in_server, EXCHANGE_PACKET_MAX + PACKET_HEADER);
    buf_init(&l->greeting_bytes, EXCHANGE_PACKET_MAX);
    buf_init(&l->login_bytes, cap);
    return l;
}

void login_free(struct session *s)
{
    struct login_step *l = s->login;
    if (l == NULL)
        return;
    s->login = NULL;
    if (l->exchanging)
        exchange_release(&l->exchange);
    buf_wipe(&l->in_client);
    buf_release(&l->in_server);
    buf_release(&l->greeting_bytes);
    buf_wipe(&l->login_bytes);
    buf_release(&l->in_client);
    buf_release(&l->login_bytes);
    routes_unref(l->routes);
    mem_free(l);
}

uint8_t login_next_client_seq(const struct session *s)
{
    const struct login_step *l = s->login;
    if (l->exchanging)
        return l->exchange.client_seq;
    return l->step <= STEP_GREETING && !l->answered ? 0 : (uint8_t)(l->client_seq + 1);
}

uint64_t login_client_caps(const struct session *s)
{
    return s->login->step <= STEP_GREETING && !s->login->answered ? 0 : CAP_PROTOCOL_41;
}

bool login_is_securing(const struct session *s)
{
    return s->login->step == STEP_CLIENT_TLS;
}

// --- reading ------------------------------------------------------------------------------------

bool login_read(struct session *s, struct conn *c, struct buf *in, size_t limit,
                enum session_end_reason on_close)
{
    uint8_t *scratch = s->worker->scratch;
    size_t want = in->n < limit ? limit - in->n : 0;
    int n = conn_read(c, scratch, want < SCRATCH_SIZE ? want : SCRATCH_SIZE);
    if (n == SL_EAGAIN)
        return false;
    if (n < 0) {
        char text[128];
        session_end(s, on_close, n == SL_ECLOSED ? NULL : conn_error_text(c, text, sizeof text));
        return false;
    }
    buf_put(in, scratch, (size_t)n);
    explicit_bzero(scratch, (size_t)n); // perhaps a password
    return true;
}

int login_first_packet(const struct buf *in, struct slice *payload, uint8_t *seq)
{
    if (in->n < PACKET_HEADER)
        return in->failed ? SL_ETOOBIG : 0;
    uint32_t length = packet_length(in->p);
    if (in->failed || length + PACKET_HEADER > in->cap)
        return SL_ETOOBIG;
    if (in->n < PACKET_HEADER + length)
        return 0;
    *payload = (struct slice){in->p + PACKET_HEADER, length};
    *seq = packet_seq(in->p);
    return 1;
}

// --- the client answers -------------------------------------------------------------------------

bool login_send_out(struct session *s, struct exchange_out *out)
{
    enum sl_code client = SL_OK, server = SL_OK;
    if (out->to_server.n > 0)
        server = conn_send(&s->server, out->to_server.p, out->to_server.n);
    if (out->to_client.n > 0)
        client = conn_send(&s->client, out->to_client.p, out->to_client.n);
    bool failed = out->to_client.failed || out->to_server.failed;
    buf_wipe(&out->to_server);
    buf_release(&out->to_server);
    buf_release(&out->to_client);
    if (failed || server != SL_OK)
        session_end(s, END_SERVER_LEFT, NULL);
    else if (client != SL_OK)
        session_end(s, END_CLIENT_LEFT, NULL);
    return !s->dead;
}

void login_out_init(struct exchange_out *out)
{
    buf_init(&out->to_client, 2 * EXCHANGE_PACKET_MAX);
    buf_init(&out->to_server, 2 * EXCHANGE_PACKET_MAX);
}

enum exchange_channel login_channel(const struct conn *c, bool is_local)
{
    if (conn_is_tls(c))
        return EXCHANGE_TLS;
    return is_local ? EXCHANGE_LOCAL : EXCHANGE_PLAIN;
}

// Both channels are as they will stay: hand the login over to the server.
static void start_exchange(struct session *s, uint8_t server_seq)
{
    struct login_step *l = s->login;
    struct sl_error err = {0};
    struct exchange_out out;
    exchange_init(&l->exchange, traffic_rsa_key(s->worker->traffic),
                  login_channel(&s->client, l->client_is_local),
                  login_channel(&s->server, address_is_unix(&l->route->address)), &l->greeting,
                  l->login.caps & l->greeting.caps, traffic_vault(s->worker->traffic),
                  s->client_tracks);
    l->exchanging = true;
    l->step = STEP_EXCHANGE;
    if (conn_is_tls(&s->server))
        l->login.caps |= CAP_SSL;
    else
        l->login.caps &= ~CAP_SSL;
    login_out_init(&out);
    enum sl_code code = exchange_login(&l->exchange, &l->login, (uint8_t)(l->client_seq + 1),
                                       server_seq, &out, &err);
    if (!login_send_out(s, &out))
        return;
    if (code != SL_OK) {
        session_end(s, END_LOGIN_BROKEN, err.text);
        return;
    }
    conn_watch(&s->server, CONN_WATCH_READ);
    conn_watch(&s->client, CONN_WATCH_READ);
}

static void start_server_tls(struct session *s)
{
    struct login_step *l = s->login;
    const struct backend_route *route = l->route;
    struct login request = l->login;
    struct buf out;
    buf_init(&out, SSL_REQUEST_SIZE);
    request.caps |= CAP_SSL;
    size_t begin = packet_begin(&out, 1);
    login_encode_ssl_request(&request, &out);
    packet_end(&out, begin);
    l->step = STEP_SERVER_TLS;
    conn_watch(&s->client, CONN_WATCH_HANGUP);
    enum sl_code code = conn_send(&s->server, out.p, out.n);
    buf_release(&out);
    if (code == SL_OK)
        code = conn_start_tls(&s->server, route->tls, false);
    if (code != SL_OK)
        session_end(s, END_SERVER_LEFT, "could not start TLS with the server");
}

// What another link must be told again, and tracking for us where the client asked for none.
static void keep_identity(struct session *s)
{
    struct login_step *l = s->login;
    size_t n = l->login.attributes.n;
    s->client_tracks = (l->login.caps & CAP_SESSION_TRACK) != 0;
    if (l->routes->config->migrate.sessions)
        l->login.caps |= l->greeting.caps & CAP_SESSION_TRACK;
    mem_free(s->who);
    s->who = mem_zalloc(sizeof *s->who + n);
    s->who->max_packet = l->login.max_packet;
    s->who->charset = l->login.charset;
    s->who->attributes_n = (uint16_t)n;
    if (n > 0)
        memcpy(s->who->attributes, l->login.attributes.p, n);
}

static void enter_server(struct session *s)
{
    struct login_step *l = s->login;
    const struct backend_route *route = l->route;
    if (route->tls == NULL || address_is_unix(&route->address)) {
        start_exchange(s, 1);
    } else if ((l->greeting.caps & CAP_SSL) != 0) {
        start_server_tls(s);
    } else if (route->tls_mode == CONFIG_TLS_PREFERRED) {
        start_exchange(s, 1);
    } else {
        session_end(s, END_BACKEND_TLS, "it offers none, and the configuration requires it");
    }
}

// No account has this plugin, so that the server asks for the one that the account has, with its own
// scramble (tried on MariaDB 10.11 and MySQL 9.7).
void login_answer_again(struct session *s)
{
    static const char plugin[] = "sluice_asks_again";
    struct login *l = &s->login->login;
    l->auth = (struct slice){.p = (const uint8_t *)"", .n = 0};
    l->plugin = (struct slice){.p = (const uint8_t *)plugin, .n = sizeof plugin - 1};
    enter_server(s);
}

static void take_login(struct session *s)
{
    struct login_step *l = s->login;
    keep_identity(s);
    session_set_names(s, l->login.user, l->login.database,
                      login_attribute(l->login.attributes, "program_name"));
    if (l->routes->config->client_tls.mode == CONFIG_TLS_REQUIRED && !conn_is_tls(&s->client) &&
        !address_is_unix(&l->peer)) {
        session_end(s, END_TLS_REQUIRED, NULL);
        return;
    }
    if (session_is_barred(s) && gate_has_exceptions(&s->worker->gate))
        login_park(s);
    else
        enter_server(s);
}

static void take_first(struct session *s, struct slice payload, uint8_t seq)
{
    struct login_step *l = s->login;
    struct sl_error err = {0};
    l->client_seq = seq;
    buf_put(&l->login_bytes, payload.p, payload.n);
    struct slice kept = {l->login_bytes.p, l->login_bytes.n};
    if (login_decode(kept, &l->login, &err) != SL_OK) {
        session_end(s, END_LOGIN_BROKEN, err.text);
        return;
    }
    buf_consume(&l->in_client, PACKET_HEADER + payload.n);
    if (!l->login.ssl_request) {
        take_login(s);
        return;
    }
    if (l->step != STEP_CLIENT_FIRST || l->routes->client_tls == NULL || l->in_client.n > 0) {
        session_end(s, END_LOGIN_BROKEN, "unexpected SSLRequest");
        return;
    }
    buf_clear(&l->login_bytes);
    l->step = STEP_CLIENT_TLS;
    if (conn_start_tls(&s->client, l->routes->client_tls, true) != SL_OK)
        session_end(s, END_CLIENT_LEFT, "could not start TLS with the client");
}

static void client_secured(struct conn *c, void *owner)
{
    struct session *s = owner;
    char text[256];
    if (conn_error(c) != 0) {
        session_end(s, END_CLIENT_LEFT, conn_error_text(c, text, sizeof text));
        return;
    }
    s->login->step = STEP_CLIENT_LOGIN;
    conn_watch(c, CONN_WATCH_READ);
}

static void server_secured(struct conn *c, void *owner)
{
    struct session *s = owner;
    char text[256];
    if (conn_error(c) != 0) {
        session_end(s, END_BACKEND_TLS, conn_error_text(c, text, sizeof text));
        return;
    }
    start_exchange(s, 2);
}

// --- the exchange -------------------------------------------------------------------------------

bool login_pass(struct session *s, bool from_client, struct slice payload, uint8_t seq,
                uint16_t *status)
{
    struct login_step *l = s->login;
    struct sl_error err = {0};
    struct exchange_out out;
    login_out_init(&out);
    enum sl_code code = from_client ? exchange_from_client(&l->exchange, payload, seq, &out, &err)
                                    : exchange_from_server(&l->exchange, payload, seq, &out, &err);
    *status = l->exchange.status;
    l->client_seq = from_client ? seq : l->client_seq;
    if (!login_send_out(s, &out))
        return false;
    if (code == SL_OK)
        return true;
    if (!from_client)
        session_end(s, END_SERVER_PROTOCOL, err.text);
    else
        session_end(s, s->state == SESSION_LOGIN ? END_LOGIN_BROKEN : END_PROTOCOL, err.text);
    return false;
}

// Takes one packet of the first login.
static void exchange_packet(struct session *s, bool from_client, struct slice payload, uint8_t seq)
{
    uint16_t status = 0;
    if (!login_pass(s, from_client, payload, seq, &status))
        return;
    if (s->login->exchange.state == EXCHANGE_ACCEPTED) {
        relay_begin(s, status);
    } else if (s->login->exchange.state == EXCHANGE_REFUSED) {
        COUNT(s->worker, login_failures, 1);
        session_end(s, END_LOGIN_REFUSED, NULL);
    }
}

static void run_exchange(struct session *s, bool from_client)
{
    struct slice payload;
    uint8_t seq;
    int whole = 0;
    while (!s->dead && s->login != NULL) {
        struct buf *in = from_client ? &s->login->in_client : &s->login->in_server;
        whole = login_first_packet(in, &payload, &seq);
        if (whole <= 0)
            break;
        struct buf packet = *in; // the packet outlives the step, which relay_begin frees
        buf_init(in, packet.cap);
        if (packet.n > PACKET_HEADER + payload.n)
            buf_put(in, packet.p + PACKET_HEADER + payload.n, packet.n - PACKET_HEADER - payload.n);
        exchange_packet(s, from_client, payload, seq);
        buf_wipe(&packet);
        buf_release(&packet);
    }
    if (whole < 0 && !s->dead)
        session_end(s, END_LOGIN_BROKEN, "a packet is larger than max_packet_before_login");
}

static void client_readable(struct conn *c, void *owner)
{
    struct session *s = owner;
    struct login_step *l = s->login;
    struct slice payload;
    uint8_t seq;
    if (l->step == STEP_PROXY) {
        login_read_proxy_header(s);
        return;
    }
    size_t limit = l->step == STEP_CLIENT_FIRST && l->in_client.n < SSL_REQUEST_SIZE
                       ? SSL_REQUEST_SIZE
                       : l->in_client.cap;
    if (!login_read(s, c, &l->in_client, limit, END_CLIENT_LEFT))
        return;
    if (l->step == STEP_EXCHANGE) {
        run_exchange(s, true);
        return;
    }
    int whole = login_first_packet(&l->in_client, &payload, &seq);
    if (whole < 0)
        session_end(s, END_LOGIN_BROKEN, "a packet is larger than max_packet_before_login");
    else if (whole > 0)
        take_first(s, payload, seq);
    else if (limit == SSL_REQUEST_SIZE && l->in_client.n == limit)
        client_readable(c, owner); // it is a login: what is behind may be read
}

static void server_readable(struct conn *c, void *owner)
{
    struct session *s = owner;
    if (s->login->step == STEP_GREETING) {
        login_read_greeting(s);
        return;
    }
    // Before the exchange a server has nothing to say but that it gives up (an ERR, kept until the
    // exchange passes it on) or that it is gone.
    if (login_read(s, c, &s->login->in_server, s->login->in_server.cap, END_SERVER_LEFT) &&
        s->login->step == STEP_EXCHANGE)
        run_exchange(s, false);
}

static void nothing(struct conn *c, void *owner)
{
    (void)c;
    (void)owner;
}

static void client_hangup(struct conn *c, void *owner)
{
    struct session *s = owner;
    (void)c;
    if (s->state == SESSION_WAITING)
        COUNT(s->worker, held_dropped, 1);
    session_end(s, END_CLIENT_LEFT, NULL);
}

static void server_hangup(struct conn *c, void *owner)
{
    (void)c;
    session_end(owner, END_SERVER_LEFT, "during the login");
}

const struct conn_handler LOGIN_CLIENT = {client_readable, nothing, nothing, client_secured,
                                          client_hangup};
const struct conn_handler LOGIN_SERVER = {server_readable, nothing, login_connected, server_secured,
                                          server_hangup};
