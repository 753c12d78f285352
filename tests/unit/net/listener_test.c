// Opening, stale and live socket files, accepting, and running out of file descriptors.
#include "net/listener.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "net_help.h"

struct door {
    struct listener *listener;
    int wanted, count, last_fd;
    bool free_it;
    struct address peer;
};

static void on_accepted(void *arg, int fd, const struct address *peer)
{
    struct door *d = arg;
    d->count++;
    d->peer = *peer;
    close(fd);
    if (d->free_it)
        listener_free(d->listener);
}

static bool all_in(void *arg)
{
    return ((struct door *)arg)->count >= ((struct door *)arg)->wanted;
}

static void local(struct address *a, int fd)
{
    a->len = sizeof a->sa;
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a->sa, &a->len), 0);
}

static int call(const struct address *a)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&a->sa, a->len), 0);
    return fd;
}

static int open_tcp(struct address *a, bool reuseport)
{
    struct sl_error err;
    int fd = listener_open(a, reuseport, 0, &err);
    cr_assert_geq(fd, 0, "%s", err.text);
    local(a, fd);
    return fd;
}

Test(listener, two_share_a_port_and_every_caller_gets_in)
{
    struct loop *l = make_loop();
    struct address a;
    struct sl_error err;
    cr_assert_eq(address_resolve("127.0.0.1", 0, &a, &err), SL_OK);
    int first = open_tcp(&a, true), second = open_tcp(&a, true);
    struct door d = {.wanted = 200};
    struct listener *x = listener_new(l, first, true, on_accepted, &d);
    struct listener *y = listener_new(l, second, true, on_accepted, &d);
    int calls[200];
    for (int i = 0; i < 200; i++)
        calls[i] = call(&a);
    pump(l, all_in, &d, "200 connections");
    char text[ADDRESS_TEXT_MAX];
    cr_expect_str_eq(address_format_host(&d.peer, text, sizeof text), "127.0.0.1");
    for (int i = 0; i < 200; i++)
        close(calls[i]);
    listener_free(x);
    listener_free(y);
    loop_free(l);
}

Test(listener, a_port_in_use_is_a_conflict)
{
    struct address a;
    struct sl_error err;
    cr_assert_eq(address_resolve("127.0.0.1", 0, &a, &err), SL_OK);
    int fd = open_tcp(&a, false);
    cr_expect_eq(listener_open(&a, false, 0, &err), SL_ECONFLICT);
    close(fd);
}

Test(listener, star_takes_ipv4)
{
    struct loop *l = make_loop();
    struct address a, to;
    struct sl_error err;
    cr_assert_eq(address_resolve("*", 0, &a, &err), SL_OK);
    int fd = open_tcp(&a, false);
    struct door d = {.wanted = 1, .free_it = true};
    d.listener = listener_new(l, fd, true, on_accepted, &d);
    unsigned port = ntohs(((struct sockaddr_in6 *)&a.sa)->sin6_port);
    cr_assert_eq(address_resolve("127.0.0.1", port, &to, &err), SL_OK);
    int c = call(&to);
    pump(l, all_in, &d, "an IPv4 caller, whose door is freed behind it");
    close(c);
    loop_free(l);
}

Test(listener, replaces_a_stale_socket_file_but_no_live_one)
{
    char folder[] = "/tmp/sluice-listen-XXXXXX", host[80], path[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    snprintf(host, sizeof host, "unix:%s", path);
    struct address a;
    struct sl_error err;
    struct stat st;
    cr_assert_eq(address_resolve(host, 0, &a, &err), SL_OK);
    umask(0077);
    int fd = listener_open(&a, false, 0666, &err);
    cr_assert_geq(fd, 0, "%s", err.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0666, "the umask takes nothing away");
    cr_expect_eq(listener_open(&a, false, 0600, &err), SL_ECONFLICT);
    close(fd);
    fd = listener_open(&a, false, 0600, &err);
    cr_expect_geq(fd, 0, "a stale socket is replaced: %s", err.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    close(fd);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    cr_expect_eq(listener_open(&a, false, 0600, &err), SL_ECONFLICT, "no file is ever replaced");
    unlink(path);
    rmdir(folder);
}

static void on_lift(void *arg)
{
    setrlimit(RLIMIT_NOFILE, arg);
}

Test(listener, pauses_without_file_descriptors_and_goes_on)
{
    struct loop *l = make_loop();
    struct address a;
    struct sl_error err;
    cr_assert_eq(address_resolve("127.0.0.1", 0, &a, &err), SL_OK);
    int fd = open_tcp(&a, false);
    struct door d = {.wanted = 1};
    struct listener *x = listener_new(l, fd, true, on_accepted, &d);
    int c = call(&a);
    struct rlimit full, none;
    getrlimit(RLIMIT_NOFILE, &full);
    none = full;
    none.rlim_cur = 3; // nothing new gets a number
    int null = open("/dev/null", O_WRONLY);
    log_set_fd(null);
    setrlimit(RLIMIT_NOFILE, &none);
    struct timer *lift = timer_new(l, on_lift, &full);
    timer_set(lift, 30 * INT64_C(1000000));
    pump(l, all_in, &d, "the caller to get in after the limit was lifted");
    timer_free(lift);
    listener_free(x);
    loop_free(l);
    close(c);
    close(null);
}
