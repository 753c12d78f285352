// Logs in and asks by the raw protocol, with the codec of wire/.
#include "bench/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "bench/scramble.h"
#include "wire/command.h"
#include "wire/handshake.h"
#include "wire/packet.h"
#include "wire/reply.h"

#define CHARSET_UTF8MB4 45
#define WANTED_FILES 65536

// Root may raise the hard limit too; others get as far as it allows.
uint64_t raw_raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    struct rlimit more = {WANTED_FILES, WANTED_FILES};
    if (limit.rlim_max < WANTED_FILES && setrlimit(RLIMIT_NOFILE, &more) != 0) {
        more.rlim_cur = more.rlim_max = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &more);
    } else if (limit.rlim_max >= WANTED_FILES) {
        more.rlim_max = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &more);
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    return (uint64_t)limit.rlim_cur;
}

enum sl_code raw_resolve(const struct target *target, struct raw_address *out, struct sl_error *err)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    struct sockaddr_un *local = (struct sockaddr_un *)&out->storage;
    if (target->socket != NULL) {
        local->sun_family = AF_UNIX;
        out->length = sizeof *local;
        if (!text_copy(local->sun_path, sizeof local->sun_path, target->socket))
            return sl_fail(err, SL_ETOOBIG, "--socket: the path is too long");
    } else if (inet_pton(AF_INET, target->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)target->port);
        out->length = sizeof *v4;
    } else if (inet_pton(AF_INET6, target->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)target->port);
        out->length = sizeof *v6;
    } else {
        return sl_fail(err, SL_EINVAL, "--host: expected a numeric address, found \"%s\"",
                       target->host);
    }
    return SL_OK;
}

// A unix socket connects at once or is refused at once (EAGAIN when its backlog is full, which
// counts as a failure); TCP goes on in the background.
enum sl_code raw_start(struct raw *r, const struct raw_address *address, struct sl_error *err)
{
    int family = address->storage.ss_family;
    r->have = 0;
    r->answers = 0;
    r->state = RAW_FAILED;
    r->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "socket");
    int on = 1;
    if (family != AF_UNIX)
        setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int failed = connect(r->fd, (const struct sockaddr *)&address->storage, address->length);
    if (failed != 0 && errno != EINPROGRESS) {
        int errnum = errno;
        raw_close(r);
        r->state = RAW_FAILED;
        return sl_fail_errno(err, SL_EIO, errnum, "connect");
    }
    r->state = RAW_CONNECTING;
    return SL_OK;
}

void raw_close(struct raw *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->state = RAW_IDLE;
}

static bool send_all(struct raw *r, const void *p, size_t n)
{
    // A few hundred bytes on an empty socket buffer: taken whole, or the peer is gone.
    return send(r->fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

// The answer to an authentication switch is the bare bytes in a packet.
static bool send_answer(struct raw *r, uint8_t seq, const uint8_t *answer, size_t n)
{
    struct buf out;
    buf_init(&out, 0);
    packet_header(&out, (uint32_t)n, seq);
    buf_put(&out, answer, n);
    bool sent = send_all(r, out.p, out.n);
    buf_release(&out);
    return sent;
}

static enum sl_code send_login(struct raw *r, const struct target *target, const struct greeting *g,
                               uint8_t seq, struct sl_error *err)
{
    // A proxy that greets in its own name (MySQL Router) has a scramble of its own and does not
    // know the account's plugin: give no answer there, and let the server ask.
    const struct scramble_plugin *plugin = scramble_find(g->plugin);
    uint8_t answer[SCRAMBLE_ANSWER_MAX];
    size_t n = plugin != NULL ? plugin->answer(g->scramble, target->password, answer) : 0;
    struct login login = {
        .caps = CAP_PROTOCOL_41 | CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH | CAP_PLUGIN_AUTH_LENENC |
                CAP_CONNECT_ATTRS | CAP_TRANSACTIONS | CAP_MYSQL,
        .max_packet = PACKET_MAX_PAYLOAD,
        .charset = CHARSET_UTF8MB4,
        .user = {(const uint8_t *)target->user, strlen(target->user)},
        .auth = {answer, n},
        .plugin = g->plugin,
    };
    struct buf out;
    buf_init(&out, 0);
    size_t begin = packet_begin(&out, seq);
    login_encode(&login, &out);
    packet_end(&out, begin);
    bool sent = send_all(r, out.p, out.n);
    buf_release(&out);
    return sent ? SL_OK : sl_fail_errno(err, SL_EIO, errno, "sending the login");
}

// An ERR packet ends the login, whatever was expected.
static enum sl_code server_error(struct slice payload, struct sl_error *err)
{
    struct err e;
    if (err_decode(payload, &e) != SL_OK)
        return sl_fail(err, SL_EPROTO, "malformed error packet");
    return sl_fail(err, SL_EDENIED, "error %u (%s): %.*s", e.code, e.sqlstate, (int)e.message.n,
                   (const char *)e.message.p);
}

static enum sl_code on_greeting(struct raw *r, const struct target *target, struct slice payload,
                                uint8_t seq, struct sl_error *err)
{
    struct greeting g;
    enum sl_code code = greeting_decode(payload, &g, err);
    if (code != SL_OK)
        return code;
    r->state = RAW_ANSWER;
    return send_login(r, target, &g, (uint8_t)(seq + 1), err);
}

// More from caching_sha2_password: 3, the fast answer was right, or 4, it wants the password.
static enum sl_code on_more(struct slice payload, struct sl_error *err)
{
    if (payload.n == 2 && payload.p[1] == 3)
        return SL_OK;
    return sl_fail(err, SL_EUNSUPPORTED, "the server wants the password itself: its cache is cold");
}

// OK, or a switch to the plugin of the account. Anything else is not for a load generator.
static enum sl_code on_answer(struct raw *r, const struct target *target, struct slice payload,
                              uint8_t seq, struct sl_error *err)
{
    if (payload.p[0] == 0x00) {
        r->state = RAW_READY;
        return SL_OK;
    }
    if (payload.p[0] == 0x01)
        return on_more(payload, err);
    struct auth_switch s;
    enum sl_code code = auth_switch_decode(payload, &s, err);
    if (code != SL_OK)
        return code;
    const struct scramble_plugin *plugin = scramble_find(s.plugin);
    if (plugin == NULL || s.data.n < SCRAMBLE_BYTES)
        return sl_fail(err, SL_EUNSUPPORTED, "the account needs the plugin %.*s", (int)s.plugin.n,
                       (const char *)s.plugin.p);
    uint8_t answer[SCRAMBLE_ANSWER_MAX];
    size_t n = plugin->answer(s.data.p, target->password, answer);
    if (!send_answer(r, (uint8_t)(seq + 1), answer, n))
        return sl_fail_errno(err, SL_EIO, errno, "sending the answer");
    return SL_OK;
}

// A refused command is an answer like others: the connection lives on.
static enum sl_code on_reply(struct raw *r, struct slice payload, struct sl_error *err)
{
    if (!walk_packet(&r->walk, payload, err))
        return SL_OK;
    if (r->walk.failed && err->code != SL_EDENIED)
        return err->code;
    r->answers++;
    r->state = RAW_READY;
    return SL_OK;
}

static enum sl_code on_packet(struct raw *r, const struct target *target, struct slice payload,
                              uint8_t seq, struct sl_error *err)
{
    if (r->state == RAW_ASKED)
        return on_reply(r, payload, err);
    if (payload.p[0] == 0xFF)
        return server_error(payload, err);
    switch (r->state) {
    case RAW_GREETING: return on_greeting(r, target, payload, seq, err);
    case RAW_ANSWER: return on_answer(r, target, payload, seq, err);
    default: return sl_fail(err, SL_EPROTO, "a packet that nobody asked for");
    }
}

// Handles the packets that have arrived whole.
static enum sl_code on_input(struct raw *r, const struct target *target, struct sl_error *err)
{
    while (r->have >= PACKET_HEADER) {
        size_t length = packet_length(r->in);
        if (length == 0 || length + PACKET_HEADER > sizeof r->in)
            return sl_fail(err, SL_EPROTO, "a packet of %zu bytes during login", length);
        if (r->have < length + PACKET_HEADER)
            return SL_OK;
        struct slice payload = {r->in + PACKET_HEADER, length};
        enum sl_code code = on_packet(r, target, payload, packet_seq(r->in), err);
        if (code != SL_OK)
            return code;
        r->have = (uint16_t)(r->have - length - PACKET_HEADER);
        memmove(r->in, r->in + length + PACKET_HEADER, r->have);
    }
    return SL_OK;
}

// The outcome of a connect in the background lies in SO_ERROR.
static enum sl_code finish_connect(struct raw *r, struct sl_error *err)
{
    int errnum = 0;
    socklen_t length = sizeof errnum;
    getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &errnum, &length);
    if (errnum != 0)
        return sl_fail_errno(err, SL_EIO, errnum, "connect");
    r->state = RAW_GREETING;
    return SL_OK;
}

// One read a step. After COM_QUIT only the end of the stream matters; a reset is an end as well.
static enum sl_code step(struct raw *r, const struct target *target, struct sl_error *err)
{
    if (r->state == RAW_CONNECTING) {
        enum sl_code code = finish_connect(r, err);
        if (code != SL_OK)
            return code;
    }
    ssize_t n = recv(r->fd, r->in + r->have, sizeof r->in - r->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return SL_OK;
    if (r->state == RAW_QUITTING) {
        if (n <= 0)
            r->state = RAW_CLOSED;
        return SL_OK;
    }
    if (n < 0)
        return sl_fail_errno(err, SL_EIO, errno, "receive");
    if (n == 0)
        return sl_fail(err, SL_ECLOSED, "the server closed the connection");
    r->have = (uint16_t)(r->have + n);
    return on_input(r, target, err);
}

enum raw_state raw_step(struct raw *r, const struct target *target, struct sl_error *err)
{
    if (step(r, target, err) != SL_OK)
        r->state = RAW_FAILED;
    return r->state;
}

bool raw_ask(struct raw *r, enum walk_kind kind, const void *payload, size_t n)
{
    struct buf out;
    buf_init(&out, 0);
    packet_header(&out, (uint32_t)n, 0);
    buf_put(&out, payload, n);
    walk_begin(&r->walk, kind);
    r->state = RAW_ASKED;
    bool sent = send_all(r, out.p, out.n);
    buf_release(&out);
    return sent;
}

bool raw_query(struct raw *r, const char *sql)
{
    struct buf payload;
    buf_init(&payload, 0);
    buf_u8(&payload, COM_QUERY);
    buf_str(&payload, sql);
    bool sent = raw_ask(r, WALK_RESULT, payload.p, payload.n);
    buf_release(&payload);
    return sent;
}

void raw_quit(struct raw *r)
{
    static const uint8_t quit[] = {1, 0, 0, 0, COM_QUIT};
    r->have = 0;
    r->state = send_all(r, quit, sizeof quit) ? RAW_QUITTING : RAW_CLOSED;
}
