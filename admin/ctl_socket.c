// sluicectl's connection: whole lines over a blocking unix socket, interruptible by Ctrl-C.
#include "admin/ctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signo)
{
    (void)signo;
    interrupted = 1;
}

void ctl_allow_interrupts(bool allow)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(allow ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

bool ctl_was_interrupted(void)
{
    bool was = interrupted != 0;
    interrupted = 0;
    return was;
}

void ctl_catch_interrupts(void)
{
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    // Delivered only while we wait, so that none is missed between looking and waiting.
    ctl_allow_interrupts(false);
}

void ctl_init(struct ctl *c, const char *path, bool json)
{
    *c = (struct ctl){.path = path, .json = json, .fd = -1};
    buf_init(&c->in, CTL_LINE_MAX);
}

void ctl_close(struct ctl *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->lent = false;
    buf_release(&c->in);
}

// Says what to do: this is the first thing a new operator sees.
static enum sl_code no_socket(const struct ctl *c, int errnum, struct sl_error *err)
{
    switch (errnum) {
    case ENOENT:
    case ECONNREFUSED:
        return sl_fail(err, SL_EIO,
                       "nobody answers at %s; is sluice running? If its admin.socket is elsewhere, "
                       "name it with -s or SLUICE_SOCKET",
                       c->path);
    case EACCES:
    case EPERM:
        return sl_fail(err, SL_EIO,
                       "no permission to connect to %s; its group and admin.mode decide who may",
                       c->path);
    default: return sl_fail_errno(err, SL_EIO, errnum, "cannot connect to %s", c->path);
    }
}

// Blocking: a unix socket answers or refuses at once.
static enum sl_code connect_to(struct ctl *c, struct sl_error *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof to.sun_path)
        return sl_fail(err, SL_EINVAL, "the path %s is too long for a socket", c->path);
    memcpy(to.sun_path, c->path, strlen(c->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "no socket");
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        int errnum = errno;
        close(fd);
        return no_socket(c, errnum, err);
    }
    c->fd = fd;
    return SL_OK;
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

enum sl_code ctl_send(struct ctl *c, const char *line, struct sl_error *err)
{
    bool was_open = c->fd >= 0;
    enum sl_code code = was_open ? SL_OK : connect_to(c, err);
    if (code != SL_OK)
        return code;
    interrupted = 0;
    if (send_all(c->fd, line, strlen(line)) && send_all(c->fd, "\n", 1))
        return SL_OK;
    int errnum = errno;
    ctl_close(c);
    // A connection kept at the prompt may be to a daemon that has been restarted since. Nothing of
    // a line that could not be sent has been acted on.
    if (was_open)
        return ctl_send(c, line, err);
    return sl_fail_errno(err, SL_EIO, errnum, "cannot write to %s", c->path);
}

// Waits for bytes, or for Ctrl-C.
static enum sl_code wait_for_bytes(struct ctl *c, struct sl_error *err)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    sigset_t none;
    sigemptyset(&none);
    while (ppoll(&p, 1, NULL, &none) < 0) {
        if (errno != EINTR)
            return sl_fail_errno(err, SL_EIO, errno, "cannot wait for %s", c->path);
        if (interrupted)
            return sl_fail(err, SL_EAGAIN, "interrupted; the command was left");
    }
    return SL_OK;
}

// At most one piece, appended to what is there.
static enum sl_code read_more(struct ctl *c, struct sl_error *err)
{
    enum sl_code code = wait_for_bytes(c, err);
    if (code != SL_OK)
        return code;
    uint8_t *to = buf_reserve(&c->in, READ_SIZE) ? c->in.p + c->in.n : NULL;
    if (to == NULL)
        return sl_fail(err, SL_ETOOBIG, "the answer is larger than %zu bytes", CTL_LINE_MAX);
    ssize_t n = recv(c->fd, to, READ_SIZE, 0);
    if (n < 0)
        return sl_fail_errno(err, SL_EIO, errno, "cannot read from %s", c->path);
    if (n == 0)
        return sl_fail(err, SL_ECLOSED, "sluice closed the connection");
    c->in.n += (size_t)n;
    return SL_OK;
}

enum sl_code ctl_read_line(struct ctl *c, const char **line, struct sl_error *err)
{
    // The line that was lent before is still in front, with its end made a NUL.
    const uint8_t *lent = c->lent ? memchr(c->in.p, '\0', c->in.n) : NULL;
    if (lent != NULL)
        buf_consume(&c->in, (size_t)(lent - c->in.p) + 1);
    c->lent = false;
    size_t seen = 0;
    for (;;) {
        uint8_t *end = c->in.n > seen ? memchr(c->in.p + seen, '\n', c->in.n - seen) : NULL;
        if (end != NULL) {
            *end = '\0';
            c->lent = true;
            *line = (const char *)c->in.p;
            return SL_OK;
        }
        seen = c->in.n;
        enum sl_code code = read_more(c, err);
        if (code != SL_OK) {
            ctl_close(c);
            return code;
        }
    }
}
