// HTTP on the main loop: checks method and token, then runs a command of the table as a viewer, or
// prints the metrics.
//
//     GET /sessions ──> request_start("--json show sessions") ──> handler
//              200, JSON <── sink_finish ───────────────────────────┘
#include "admin/http.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "admin/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/load.h"
#include "net/address.h"
#include "net/listener.h"

#define HEADERS_MAX ((ev_ssize_t)8 << 10)
#define BODY_MAX ((ev_ssize_t)1 << 10) // read, so that other methods get their 501
#define IDLE_SECONDS 30                // of a kept connection
#define METRICS_MAX ((size_t)1 << 20)
#define SOCKET_MODE 0600U // when admin.http is a unix socket

struct http {
    struct admin_context *context;
    struct request_home *home;
    struct evhttp *server;
    struct list waiting; // struct exchange
    bool needs_token;
    struct config_secret token; // empty: nobody gets in while one is needed
    char socket_path[CONFIG_UNIX_PATH_MAX + 1];
};

// An HTTP request whose command has not answered yet.
struct exchange {
    struct list_node node;
    struct http *owner;
    struct evhttp_request *http;
    struct request *request;
};

static const struct route {
    const char *path, *command; // NULL: metrics
} ROUTES[] = {
    {"/health", "--json show version"},
    {"/status", "--json show status"},
    {"/sessions", "--json show sessions"},
    {"/backends", "--json show backends"},
    {"/metrics", NULL},
};

static void reply(struct evhttp_request *http, int status, const char *type, const char *text,
                  size_t n)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
    struct evbuffer *body = evbuffer_new();
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    if (body != NULL)
        evbuffer_add(body, text, n);
    evhttp_send_reply(http, status, NULL, body);
    if (body != NULL)
        evbuffer_free(body);
}

// The same document as a refusal on the socket.
static void reply_error(struct evhttp_request *http, int status, const char *kind, const char *text)
{
    struct buf out = {0};
    answer_print_json(NULL, kind, text, &out);
    reply(http, status, "application/json", buf_text(&out), out.n);
    buf_release(&out);
}

// --- as the sink of a request --------------------------------------------------------------------

// Before the answer is sent: from then on evhttp may free its request at any time.
static void exchange_free(struct exchange *x)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(x->http);
    if (connection != NULL)
        evhttp_connection_set_closecb(connection, NULL, NULL);
    list_remove(&x->owner->waiting, &x->node);
    mem_free(x);
}

static void sink_line(void *sink, const char *text, size_t n)
{
    (void)sink; // no command here has progress
    (void)text;
    (void)n;
}

static void sink_finish(void *sink, enum sl_code code, const char *text, size_t n)
{
    struct exchange *x = sink;
    struct evhttp_request *http = x->http;
    exchange_free(x);
    reply(http, code == SL_OK ? 200 : 500, "application/json", text, n);
}

static size_t sink_backlog(void *sink)
{
    (void)sink;
    return 0;
}

static const struct request_sink SINK = {sink_line, sink_finish, sink_backlog};

// evhttp frees its request after this; the command's answer goes nowhere.
static void on_connection_closed(struct evhttp_connection *connection, void *arg)
{
    struct exchange *x = arg;
    (void)connection;
    if (x->request != NULL)
        request_leave(x->request);
    list_remove(&x->owner->waiting, &x->node);
    mem_free(x);
}

// As a viewer whom the kernel does not know. Nothing in ROUTES changes anything.
static void run_command(struct http *h, struct evhttp_request *http, const char *command)
{
    struct peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1, .user = "http"};
    struct exchange *x = mem_zalloc(sizeof *x);
    x->owner = h;
    x->http = http;
    list_append(&h->waiting, &x->node);
    evhttp_connection_set_closecb(evhttp_request_get_connection(http), on_connection_closed, x);
    struct request *r =
        request_start(h->home, &peer, ROLE_VIEW, &SINK, x, command, strlen(command));
    // Without a request the answer has been sent, and the exchange is gone.
    if (r != NULL)
        x->request = r;
}

// Built from what the main thread has: a scrape never asks the workers.
static void send_metrics(struct http *h, struct evhttp_request *http)
{
    struct metrics_source s = {.context = h->context, .now_ns = clock_now_ns()};
    struct buf out = {.cap = METRICS_MAX};
    traffic_stats(h->context->traffic, &s.stats);
    rates_fold(h->home->rates, &s.stats);
    s.routes = traffic_routes(h->context->traffic);
    s.gate = traffic_gate(h->context->traffic);
    metrics_print(&s, &out);
    reply(http, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&out), out.n);
    buf_release(&out);
}

// --- who may -------------------------------------------------------------------------------------

// Takes as long for every wrong token of one length.
static bool same_secret(const char *given, const struct config_secret *s)
{
    unsigned char differs = strlen(given) != s->length;
    for (size_t i = 0; i < s->length && given[i] != '\0'; i++)
        differs |= (unsigned char)(given[i] ^ s->text[i]);
    return differs == 0;
}

static bool may_enter(const struct http *h, struct evhttp_request *http)
{
    static const char SCHEME[] = "Bearer ";
    if (!h->needs_token)
        return true;
    const char *given = evhttp_find_header(evhttp_request_get_input_headers(http), "Authorization");
    return given != NULL && h->token.length > 0 && strncmp(given, SCHEME, sizeof SCHEME - 1) == 0 &&
           same_secret(given + sizeof SCHEME - 1, &h->token);
}

static void on_request(struct evhttp_request *http, void *arg)
{
    struct http *h = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(http));
    if (!may_enter(h, http)) {
        evhttp_add_header(evhttp_request_get_output_headers(http), "WWW-Authenticate", "Bearer");
        reply_error(http, 401, "denied", "a token is needed: Authorization: Bearer ...");
        return;
    }
    for (size_t i = 0; path != NULL && i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        if (strcmp(path, ROUTES[i].path) != 0)
            continue;
        if (ROUTES[i].command != NULL)
            run_command(h, http, ROUTES[i].command);
        else
            send_metrics(h, http);
        return;
    }
    reply_error(http, 404, "unknown", "see /health /status /sessions /backends /metrics");
}

// --- beginning and end ---------------------------------------------------------------------------

// Looks at the address itself, not at its text, since names resolve to anything.
static bool is_loopback(const struct address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&a->sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&a->sa;
    if (address_is_unix(a))
        return true;
    if (a->sa.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

// The configuration checks this too; here it is checked against what the name resolved to.
static enum sl_code open_socket(struct http *h, struct sl_error *err)
{
    const struct config_admin *conf = &h->context->config->admin;
    bool is_unix = conf->http.kind == CONFIG_ADDRESS_UNIX;
    struct address address;
    enum sl_code code = address_resolve(is_unix ? conf->http.text : conf->http.host,
                                        conf->http.port, &address, err);
    if (code != SL_OK)
        return code;
    if (!is_loopback(&address) && !h->needs_token)
        return sl_fail(err, SL_EINVAL, "admin.http: %s is not loopback and needs a token",
                       conf->http.text);
    int fd = listener_open(&address, false, SOCKET_MODE, err);
    if (fd < 0)
        return (enum sl_code)fd;
    if (is_unix)
        text_copy(h->socket_path, sizeof h->socket_path, conf->http.path);
    if (evhttp_accept_socket(h->server, fd) != 0) {
        close(fd);
        return sl_fail(err, SL_EIO, "admin.http: cannot accept on %s", conf->http.text);
    }
    return SL_OK;
}

// Once a token was needed it stays so until the restart: taking the key out of the file must not
// open the door before the address can change as well.
static enum sl_code read_token(struct http *h, struct sl_error *err)
{
    const char *path = h->context->config->admin.http_token_file;
    config_secret_wipe(&h->token);
    h->needs_token |= path != NULL;
    return path != NULL ? config_read_secret(path, &h->token, err) : SL_OK;
}

enum sl_code http_new(struct admin_context *context, struct request_home *home, struct http **out,
                      struct sl_error *err)
{
    *out = NULL;
    if (!context->config->admin.http_on)
        return SL_OK;
    struct http *h = mem_zalloc(sizeof *h);
    h->context = context;
    h->home = home;
    list_init(&h->waiting);
    h->server = evhttp_new(loop_base(context->loop));
    enum sl_code code =
        h->server != NULL ? read_token(h, err) : sl_fail(err, SL_EIO, "admin.http: no memory");
    if (code == SL_OK)
        code = open_socket(h, err);
    if (code != SL_OK) {
        http_free(h);
        return code;
    }
    evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET);
    evhttp_set_max_headers_size(h->server, HEADERS_MAX);
    evhttp_set_max_body_size(h->server, BODY_MAX);
    evhttp_set_timeout(h->server, IDLE_SECONDS);
    evhttp_set_gencb(h->server, on_request, h);
    *out = h;
    return SL_OK;
}

void http_reloaded(struct http *h)
{
    struct sl_error err;
    if (h != NULL && read_token(h, &err) != SL_OK)
        LOG_ERROR("http_token_unreadable", LOG_STR("reason", err.text));
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    // Their connections are closed by evhttp_free, which calls back.
    if (h->server != NULL)
        evhttp_free(h->server);
    if (h->socket_path[0] != '\0')
        unlink(h->socket_path);
    config_secret_wipe(&h->token);
    mem_free(h);
}
