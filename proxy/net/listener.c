// Listening sockets, and accepting from them.
#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/loop_internal.h"

#define LISTEN_QUEUE 4096 // the kernel lowers it to net.core.somaxconn
// Sessions that are there go first: a flood of new ones gets this many a turn.
#define ACCEPTS_A_TURN 64
#define PAUSE_NS (100 * NS_PER_MS)

struct listener {
    struct loop *loop;
    int fd; // -1: freed, memory goes at the end of the turn
    bool owns_fd;
    void (*accepted)(void *arg, int fd, const struct address *peer);
    void *arg;
    struct event event;
    struct timer *pause;
};

// --- opening ---------------------------------------------------------------------------------

// Whether the path is free, after removing a socket that nobody listens on.
static enum sl_code clear_path(const struct address *a, struct sl_error *err)
{
    const char *path = ((const struct sockaddr_un *)&a->sa)->sun_path;
    struct stat st;
    if (lstat(path, &st) != 0)
        return SL_OK; // bind says it better, if anything is wrong
    if (!S_ISSOCK(st.st_mode))
        return sl_fail(err, SL_ECONFLICT, "%s exists and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "cannot make a socket");
    int rc = connect(fd, (const struct sockaddr *)&a->sa, a->len);
    int errnum = rc != 0 ? errno : 0;
    close(fd);
    if (errnum != ECONNREFUSED)
        return sl_fail(err, SL_ECONFLICT, "%s is in use by another process", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return sl_fail_errno(err, SL_EIO, errno, "cannot remove the stale socket %s", path);
    return SL_OK;
}

static int set_options(int fd, const struct address *a, bool reuseport, unsigned mode)
{
    const int on = 1, off = 0;
    // The mode before the file exists: nobody gets in between bind and chmod.
    if (address_is_unix(a))
        return fchmod(fd, (mode_t)mode);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -1;
    if (reuseport && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return -1;
    if (a->sa.ss_family == AF_INET6)
        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return 0;
}

static int bind_and_listen(int fd, const struct address *a, unsigned mode)
{
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) != 0)
        return -1;
    // Again, exactly: the umask took bits away.
    if (address_is_unix(a) &&
        chmod(((const struct sockaddr_un *)&a->sa)->sun_path, (mode_t)mode) != 0)
        return -1;
    return listen(fd, LISTEN_QUEUE);
}

int listener_open(const struct address *a, bool reuseport, unsigned mode, struct sl_error *err)
{
    if (address_is_unix(a)) {
        enum sl_code rc = clear_path(a, err);
        if (rc != SL_OK)
            return (int)rc;
    }
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return (int)sl_fail_errno(err, SL_EIO, errno, "cannot make a socket");
    if (set_options(fd, a, reuseport, mode) != 0 || bind_and_listen(fd, a, mode) != 0) {
        int errnum = errno;
        char text[ADDRESS_TEXT_MAX];
        close(fd);
        return (int)sl_fail_errno(err, errnum == EADDRINUSE ? SL_ECONFLICT : SL_EIO, errnum,
                                  "cannot listen on %s", address_format(a, text, sizeof text));
    }
    return fd;
}

// --- accepting -------------------------------------------------------------------------------

static bool is_exhausted(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

static void on_pause_over(void *arg)
{
    struct listener *l = arg;
    event_add(&l->event, NULL);
}

// Without the pause the socket stays readable and the loop would spin.
static void pause_accepting(struct listener *l, int errnum)
{
    LOG_WARN("accept_paused", LOG_INT("fd", l->fd), LOG_STR("reason", strerror(errnum)));
    event_del(&l->event);
    timer_set(l->pause, PAUSE_NS);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct listener *l = arg;
    loop_turn(l->loop);
    // `accepted` may free the listener.
    for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0; i++) {
        struct address peer;
        memset(&peer, 0, sizeof peer);
        peer.len = sizeof peer.sa;
        int got =
            accept4(l->fd, (struct sockaddr *)&peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got >= 0) {
            l->accepted(l->arg, got, &peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (is_exhausted(errno)) {
            pause_accepting(l, errno);
            return;
        } // else: this one peer is gone already
    }
}

struct listener *listener_new(struct loop *l, int fd, bool owns_fd,
                              void (*accepted)(void *arg, int fd, const struct address *peer),
                              void *arg)
{
    struct listener *n = mem_zalloc(sizeof *n);
    n->loop = l;
    n->fd = fd;
    n->owns_fd = owns_fd;
    n->accepted = accepted;
    n->arg = arg;
    n->pause = timer_new(l, on_pause_over, n);
    event_assign(&n->event, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, n);
    event_add(&n->event, NULL);
    return n;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    event_del(&l->event);
    timer_free(l->pause);
    if (l->owns_fd)
        close(l->fd);
    l->fd = -1;
    loop_defer(l->loop, mem_free, l);
}
