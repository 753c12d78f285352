// One client of the admin socket: lines in, one request at a time, answers out.
//
//     socket ──> in ── a line ──> request_start ──> handler
//     socket <── conn <── out <── line, finish ───────┘
//
// While a request runs or its answer has not been taken, no further line is looked at: what a
// client can make us keep is one line and one answer.
#include "admin/server_internal.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/conn.h"

#define READ_SIZE ((size_t)16 << 10)
#define SEND_SIZE ((size_t)256 << 10)  // given to the connection at a time, far below its own limit
#define OUT_MAX ((size_t)300 << 20)    // above one answer and the events before it
#define PROGRESS_MAX ((size_t)4 << 20) // unread progress above this is dropped
// A reader that takes nothing for so long is dropped.
#define STUCK_NS (60 * NS_PER_S)

struct client {
    struct list_node node;
    struct admin *admin;
    struct conn conn;
    struct peer peer;
    struct buf in, out;
    size_t out_at;       // of `out`: given to the connection
    struct timer *stuck; // runs while there is something to send
    struct request *request;
    bool pumping; // client_pump is running: an answer must not start it again
    bool ended;   // everything that it sent has been read, and it will send no more
    bool half;    // it has ended its sending side, and still reads
    bool broken;  // it takes nothing any more: closed by the timer, since callers still hold it
};

static void client_pump(struct client *c);

// The last step of two: nothing points here any more.
static void client_free(void *arg)
{
    struct client *c = arg;
    buf_release(&c->in);
    buf_release(&c->out);
    mem_free(c);
}

// What both ways to end have in common. The request may live on without us; it has no sink then.
static void client_unlink(struct client *c)
{
    list_remove(&c->admin->clients, &c->node);
    if (c->request != NULL)
        request_leave(c->request);
    c->request = NULL;
    timer_free(c->stuck);
}

// At once, with what is unsent. The memory stays until the end of the turn, since callers up the
// stack may still look at it.
static void client_close(struct client *c)
{
    client_unlink(c);
    conn_close(&c->conn);
    loop_defer(c->admin->context->loop, client_free, c);
}

void client_drop(struct list_node *node)
{
    client_close(LIST_ITEM(node, struct client, node));
}

static bool has_output(const struct client *c)
{
    return c->out_at < c->out.n || conn_backlog(&c->conn) > 0;
}

// Gives the connection what it takes; the rest follows when that is gone.
static void client_flush(struct client *c)
{
    while (c->out_at < c->out.n && conn_backlog(&c->conn) == 0 && conn_is_open(&c->conn)) {
        size_t n = c->out.n - c->out_at;
        n = n < SEND_SIZE ? n : SEND_SIZE;
        if (conn_send(&c->conn, c->out.p + c->out_at, n) != SL_OK) {
            c->broken = true;
            c->out_at = c->out.n;
            break;
        }
        c->out_at += n;
    }
    if (c->out_at == c->out.n) {
        buf_release(&c->out);
        c->out_at = 0;
    }
    if (c->broken)
        timer_set(c->stuck, 0);
    else
        has_output(c) ? timer_set(c->stuck, STUCK_NS) : timer_cancel(c->stuck);
}

static void client_write(struct client *c, const char *text, size_t n)
{
    buf_put(&c->out, text, n);
    client_flush(c);
}

// --- as the sink of a request --------------------------------------------------------------------

// Progress is worth less than memory: a reader that is far behind misses lines.
static void sink_line(void *sink, const char *text, size_t n)
{
    struct client *c = sink;
    if (c->out.n - c->out_at < PROGRESS_MAX)
        client_write(c, text, n);
}

// Comes from inside request_start for quick commands, and from a callback of the traffic for
// others; only in the second case nobody else will look at the next line.
static void sink_finish(void *sink, enum sl_code code, const char *text, size_t n)
{
    struct client *c = sink;
    (void)code;
    c->request = NULL;
    client_write(c, text, n);
    if (!c->pumping)
        client_pump(c);
}

static size_t sink_backlog(void *sink)
{
    const struct client *c = sink;
    return c->out.n - c->out_at + conn_backlog(&c->conn);
}

static const struct request_sink SINK = {sink_line, sink_finish, sink_backlog};

// --- lines ---------------------------------------------------------------------------------------

// The role is looked up for every line: a reload may have changed what this peer may do.
static void run_line(struct client *c, const char *line, size_t n)
{
    struct admin *a = c->admin;
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n == 0)
        return; // an empty line asks for nothing
    enum admin_role role = role_of_peer(&a->context->config->admin.roles, &c->peer, &a->scope);
    c->request = request_start(&a->home, &c->peer, role, &SINK, c, line, n);
}

// Runs the next whole line of `in`; false when there is none.
static bool next_line(struct client *c)
{
    if (c->in.n == 0)
        return false;
    const uint8_t *end = memchr(c->in.p, '\n', c->in.n);
    if (end == NULL && !c->ended)
        return false;
    size_t n = end != NULL ? (size_t)(end - c->in.p) : c->in.n;
    char *line = mem_alloc(n + 1); // running it may fill `in`
    memcpy(line, c->in.p, n);
    buf_consume(&c->in, end != NULL ? n + 1 : n);
    run_line(c, line, n);
    mem_free(line);
    return true;
}

static void closed(void *arg)
{
    struct client *c = arg;
    list_remove(&c->admin->leaving, &c->node);
    client_free(c);
}

void client_drop_leaving(struct list_node *node)
{
    struct client *c = LIST_ITEM(node, struct client, node);
    list_remove(&c->admin->leaving, &c->node);
    conn_close(&c->conn); // now nobody calls closed
    loop_defer(c->admin->context->loop, client_free, c);
}

// Politely: what the connection still has is written before it closes.
static void client_finish(struct client *c)
{
    client_unlink(c);
    list_append(&c->admin->leaving, &c->node);
    conn_finish(&c->conn, closed, c);
}

// While its command waits we only want to know when the client leaves; a quick command is not
// watched at all, so that a client that ends its side behind the line still gets the answer.
static void client_watch(struct client *c)
{
    if (c->request != NULL)
        conn_watch(&c->conn, c->request->call.command->waiting && !c->half ? CONN_WATCH_HANGUP
                                                                           : CONN_WATCH_NONE);
    else
        conn_watch(&c->conn, has_output(c) ? CONN_WATCH_NONE : CONN_WATCH_READ);
}

// Goes on as far as it can: next lines, then the end, then what to watch. Called whenever something
// has changed; may end the client, so callers return afterwards.
static void client_pump(struct client *c)
{
    c->pumping = true;
    while (c->request == NULL && !has_output(c) && next_line(c))
        ;
    c->pumping = false;
    bool too_long = c->request == NULL && !has_output(c) && c->in.n > PROTOCOL_LINE_MAX;
    if (too_long) {
        static const char TEXT[] = PROTOCOL_ERR PROTOCOL_USAGE "the line is too long\n";
        buf_clear(&c->in);
        client_write(c, TEXT, sizeof TEXT - 1);
    }
    if (too_long || (c->ended && c->request == NULL && c->out_at == c->out.n))
        client_finish(c);
    else
        client_watch(c);
}

// --- the connection ------------------------------------------------------------------------------

static void on_readable(struct conn *conn, void *owner)
{
    struct client *c = owner;
    uint8_t scratch[READ_SIZE];
    int n = conn_read(conn, scratch, sizeof scratch);
    if (n == SL_EAGAIN)
        return;
    if (n == SL_ECLOSED) {
        c->ended = true;
        client_pump(c);
        return;
    }
    if (n < 0) {
        client_close(c);
        return;
    }
    buf_put(&c->in, scratch, (size_t)n);
    client_pump(c);
}

static void on_drained(struct conn *conn, void *owner)
{
    (void)conn;
    struct client *c = owner;
    client_flush(c);
    client_pump(c);
}

static void on_nothing(struct conn *conn, void *owner)
{
    (void)conn;
    (void)owner;
}

// `echo pause | socat` ends its side and waits for the answer; a client that is gone has ended
// both. The kernel tells the two apart for unix sockets: only the second is a POLLHUP.
static bool is_gone(const struct conn *conn)
{
    struct pollfd p = {.fd = conn->fd, .events = 0};
    return conn_error(conn) != 0 || poll(&p, 1, 0) != 0;
}

static void on_hangup(struct conn *conn, void *owner)
{
    struct client *c = owner;
    if (is_gone(conn)) {
        client_close(c);
        return;
    }
    c->half = true;
    client_watch(c);
}

static void on_stuck(void *arg)
{
    struct client *c = arg;
    if (!c->broken)
        LOG_WARN("admin_client_stuck", LOG_STR("user", c->peer.user), LOG_INT("pid", c->peer.pid),
                 LOG_U64("bytes", sink_backlog(c)));
    client_close(c);
}

static const struct conn_handler HANDLER = {
    .readable = on_readable,
    .drained = on_drained,
    .connected = on_nothing,
    .secured = on_nothing,
    .hangup = on_hangup,
};

static void refuse(int fd, const char *text)
{
    // The socket buffer of a new connection takes a line.
    if (write(fd, text, strlen(text)) < 0)
        LOG_DEBUG("admin_refused", LOG_STR("reason", text));
    close(fd);
}

void client_accept(struct admin *a, int fd)
{
    struct sl_error err;
    if (a->clients.count >= CLIENTS_MAX) {
        refuse(fd, PROTOCOL_ERR "too many clients of the admin socket\n");
        return;
    }
    struct client *c = mem_zalloc(sizeof *c);
    if (peer_of_socket(fd, &c->peer, &err) != SL_OK) {
        LOG_WARN("admin_refused", LOG_STR("reason", err.text));
        close(fd);
        mem_free(c);
        return;
    }
    c->admin = a;
    buf_init(&c->in, PROTOCOL_LINE_MAX + READ_SIZE + 1);
    buf_init(&c->out, OUT_MAX);
    c->stuck = timer_new(a->context->loop, on_stuck, c);
    list_append(&a->clients, &c->node);
    conn_init(&c->conn, a->context->loop, &HANDLER, c);
    conn_attach(&c->conn, fd, 0);
    conn_watch(&c->conn, CONN_WATCH_READ);
}
