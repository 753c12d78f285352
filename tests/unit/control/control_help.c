#include "control_help.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"

// --- the loop -----------------------------------------------------------------------------------

static bool stopped;

struct loop *help_loop(void)
{
    struct loop *l = NULL;
    struct sl_error err = {0};
    cr_assert_eq(loop_new("test", NULL, &l, &err), SL_OK, "%s", err.text);
    return l;
}

static void deadline(void *arg)
{
    loop_stop(arg);
}

void help_stop(struct loop *l)
{
    stopped = true;
    loop_stop(l);
}

void help_run(struct loop *l, const char *what)
{
    struct timer *t = timer_new(l, deadline, l);
    stopped = false;
    timer_set(t, DEADLINE_NS);
    loop_run(l);
    timer_free(t);
    cr_assert(stopped, "waited too long for %s", what);
}

// --- targets ------------------------------------------------------------------------------------

struct control_target help_target(const char *name, uint16_t port)
{
    struct control_target t = {.host = "127.0.0.1", .port = port, .timeout_ms = 1000};
    snprintf(t.name, sizeof t.name, "%s", name);
    snprintf(t.user, sizeof t.user, "control");
    snprintf(t.password, sizeof t.password, "top-secret");
    return t;
}

static int bind_socket(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

uint16_t help_dead_port(void)
{
    uint16_t port;
    (void)bind_socket(&port);
    return port;
}

uint16_t help_silent_port(void)
{
    uint16_t port;
    cr_assert_eq(listen(bind_socket(&port), 64), 0);
    return port;
}

// --- the fake server ----------------------------------------------------------------------------

struct fake {
    int fd, stop[2];
    uint16_t port;
    pthread_t thread;
    struct buf seen;
    unsigned logins;
};

// Protocol 10; long password, 4.1, transactions, secure connection, plugin; no SSL (0x0800).
static const char greeting[] = "\x0a"
                               "8.4.0\0"
                               "\x07\0\0\0"
                               "abcdefgh\0"
                               "\x01\xa2\x2d\x02\0\x08\0\x15"
                               "\0\0\0\0\0\0\0\0\0\0"
                               "ijklmnopqrst\0"
                               "caching_sha2_password";

// False when the peer hangs up, or when it is time to end.
static bool wait_readable(const struct fake *f, int fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = f->stop[0], .events = POLLIN}};
    return poll(p, 2, 20000) > 0 && p[1].revents == 0;
}

// Takes what comes in one read: a client's packets here are small and wait for an answer.
static bool receive(struct fake *f, int fd)
{
    uint8_t bytes[4096];
    if (!wait_readable(f, fd))
        return false;
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    buf_put(&f->seen, bytes, (size_t)n);
    return true;
}

static void send_packet(int fd, uint8_t sequence, const void *p, size_t n)
{
    uint8_t header[4] = {(uint8_t)n, (uint8_t)(n >> 8), 0, sequence};
    (void)send(fd, header, 4, MSG_NOSIGNAL);
    (void)send(fd, p, n, MSG_NOSIGNAL);
}

static void serve(struct fake *f, int fd)
{
    send_packet(fd, 0, greeting, sizeof greeting);
    if (!receive(f, fd))
        return;
    f->logins++;
    send_packet(fd, 2, "\x01\x04", 2); // authenticate in full
    (void)receive(f, fd);
}

static void *fake_main(void *arg)
{
    struct fake *f = arg;
    while (wait_readable(f, f->fd)) {
        int fd = accept(f->fd, NULL, NULL);
        serve(f, fd);
        close(fd);
    }
    return NULL;
}

struct fake *fake_start(void)
{
    struct fake *f = mem_zalloc(sizeof *f);
    f->fd = bind_socket(&f->port);
    cr_assert_eq(listen(f->fd, 16), 0);
    cr_assert_eq(pipe(f->stop), 0);
    cr_assert_eq(pthread_create(&f->thread, NULL, fake_main, f), 0);
    return f;
}

uint16_t fake_port(const struct fake *f)
{
    return f->port;
}

bool fake_stop(struct fake *f, const char *secret, unsigned *logins)
{
    cr_assert_eq(write(f->stop[1], "x", 1), 1);
    pthread_join(f->thread, NULL);
    bool found = f->seen.n > 0 && memmem(f->seen.p, f->seen.n, secret, strlen(secret)) != NULL;
    *logins = f->logins;
    close(f->fd);
    close(f->stop[0]);
    close(f->stop[1]);
    buf_release(&f->seen);
    mem_free(f);
    return found;
}
