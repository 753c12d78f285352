// Plain connections: reading, back-pressure, hang-ups with unread data, connecting, finishing.
#include "net/conn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net_help.h"

// Reads what is there into `to`; 0 at the end, -1 when there is nothing now.
static ssize_t slurp(int fd, struct buf *to)
{
    uint8_t scratch[65536];
    ssize_t n;
    while ((n = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT)) > 0)
        buf_put(to, scratch, (size_t)n);
    return n;
}

Test(conn, reads_what_comes_and_sees_the_end)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    conn_watch(&e.conn, CONN_WATCH_READ);
    cr_expect_eq(send(fds[1], "hello", 5, 0), 5);
    pump(l, heard_readable, &e, "readable");
    cr_expect_eq(e.got.n, 5);
    cr_expect_eq(e.last, SL_EAGAIN);
    close(fds[1]);
    pump(l, heard_end, &e, "the end");
    cr_expect_eq(e.last, SL_ECLOSED);
    cr_expect(conn_is_open(&e.conn));
    ear_release(&e);
    cr_expect(!conn_is_open(&e.conn));
    conn_close(&e.conn);
    loop_free(l);
}

struct sink {
    int fd;
    struct buf got;
    size_t wanted;
};

static bool sink_is_full(void *arg)
{
    struct sink *s = arg;
    slurp(s->fd, &s->got);
    return s->got.n >= s->wanted;
}

static void check_pattern(const struct buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        cr_assert_eq(b->p[i], (uint8_t)(i * 7 + i / 251), "byte %zu", i);
}

static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 7 + i / 251);
    return p;
}

Test(conn, keeps_only_what_the_peer_does_not_take)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    const size_t total = (size_t)3 << 20;
    uint8_t *p = pattern(total);
    for (size_t at = 0; at < total; at += 4096)
        cr_assert_eq(conn_send(&e.conn, p + at, 4096), SL_OK);
    cr_expect_gt(conn_backlog(&e.conn), total / 2);
    cr_expect_eq(e.drained, 0);
    struct sink s = {.fd = fds[1], .wanted = total, .got.cap = total * 2};
    pump(l, sink_is_full, &s, "all bytes");
    pump(l, heard_drained, &e, "drained");
    cr_expect_eq(e.drained, 1);
    cr_expect_eq(conn_backlog(&e.conn), 0);
    cr_expect_null(e.conn.backlog);
    check_pattern(&s.got);
    free(p);
    buf_release(&s.got);
    ear_release(&e);
    close(fds[1]);
    loop_free(l);
}

Test(conn, the_backlog_has_a_limit)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    uint8_t *p = pattern(CONN_BACKLOG_MAX);
    cr_expect_eq(conn_queue(&e.conn, p, CONN_BACKLOG_MAX), SL_OK);
    cr_expect_eq(conn_queue(&e.conn, p, 1), SL_ETOOBIG);
    cr_expect_eq(conn_send(&e.conn, p, 1), SL_ETOOBIG);
    free(p);
    ear_release(&e);
    close(fds[1]);
    loop_free(l);
}

Test(conn, drained_comes_also_when_a_flush_has_emptied_the_backlog)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    uint8_t *p = pattern((size_t)1 << 20);
    cr_assert_eq(conn_send(&e.conn, p, (size_t)1 << 20), SL_OK);
    struct sink s = {.fd = fds[1], .wanted = (size_t)1 << 20, .got.cap = (size_t)4 << 20};
    while (!sink_is_full(&s))
        cr_assert_eq(conn_flush(&e.conn), SL_OK);
    cr_expect_eq(conn_backlog(&e.conn), 0);
    cr_expect_eq(e.drained, 0, "callbacks come from the loop only");
    pump(l, heard_drained, &e, "drained");
    check_pattern(&s.got);
    free(p);
    buf_release(&s.got);
    ear_release(&e);
    close(fds[1]);
    loop_free(l);
}

Test(conn, queued_bytes_go_out_in_one_piece)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    cr_expect_eq(conn_queue(&e.conn, "ab", 2), SL_OK);
    cr_expect_eq(conn_queue(&e.conn, "cd", 2), SL_OK);
    struct buf got = {.cap = 100};
    cr_expect_lt(slurp(fds[1], &got), 0);
    cr_expect_eq(got.n, 0);
    cr_expect_eq(conn_flush(&e.conn), SL_OK);
    slurp(fds[1], &got);
    cr_expect_eq(got.n, 4);
    cr_expect_arr_eq(got.p, "abcd", 4);
    buf_release(&got);
    ear_release(&e);
    close(fds[1]);
    loop_free(l);
}

static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// Unread data must neither hide the end nor keep the loop busy, and a reset (which libevent 2.1
// does not report as closed) must be seen as well.
static void expect_hangup(bool tcp, bool with_data, void (*end)(int fd))
{
    struct loop *l = make_loop();
    int fds[2];
    if (tcp)
        make_tcp_pair(fds);
    else
        make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    conn_watch(&e.conn, CONN_WATCH_HANGUP);
    if (with_data)
        cr_expect_eq(send(fds[1], "unread", 6, 0), 6);
    double before = cpu_ms();
    pump_ms(l, 60);
    cr_expect_lt(cpu_ms() - before, 40, "the loop does not spin");
    cr_expect_eq(e.hangup, 0);
    end(fds[1]);
    pump(l, heard_hangup, &e, "hangup");
    before = cpu_ms();
    pump_ms(l, 60);
    cr_expect_lt(cpu_ms() - before, 40, "nor after it");
    cr_expect_eq(e.hangup, 1);
    cr_expect_eq(e.readable, 0);
    if (with_data && end != reset) {
        conn_watch(&e.conn, CONN_WATCH_READ);
        pump(l, heard_end, &e, "the end");
        cr_expect_eq(e.got.n, 6);
    }
    ear_release(&e);
    loop_free(l);
}

static void just_close(int fd)
{
    close(fd);
}

static void half_close(int fd)
{
    shutdown(fd, SHUT_WR);
}

Test(conn, hangup)
{
    for (int row = 0; row < 10; row++) {
        void (*ends[])(int) = {just_close, half_close, reset};
        int end = row / 4;
        if (end == 2 && row % 2 == 1)
            expect_hangup(true, true, reset);
        else if (end == 2)
            expect_hangup(true, false, reset);
        else
            expect_hangup(row % 2 == 1, row / 2 % 2 == 1, ends[end]);
    }
}

Test(conn, a_watch_may_go_to_and_fro)
{
    struct loop *l = make_loop();
    int fds[2];
    make_tcp_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    for (int i = 0; i < 100; i++) {
        conn_watch(&e.conn, (enum conn_interest)(i % 3));
        if (i % 7 == 0)
            pump_ms(l, 0);
    }
    conn_watch(&e.conn, CONN_WATCH_NONE);
    send(fds[1], "x", 1, 0);
    pump_ms(l, 10);
    cr_expect_eq(e.readable, 0);
    conn_watch(&e.conn, CONN_WATCH_HANGUP);
    pump_ms(l, 10);
    cr_expect_eq(e.readable, 0);
    conn_watch(&e.conn, CONN_WATCH_READ);
    pump(l, heard_readable, &e, "readable");
    cr_expect_eq(e.got.n, 1);
    ear_release(&e);
    close(fds[1]);
    loop_free(l);
}

Test(conn, a_reset_while_a_backlog_waits_is_a_hangup)
{
    struct loop *l = make_loop();
    int fds[2];
    make_tcp_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    uint8_t *p = pattern(CONN_BACKLOG_MAX);
    size_t sent = 0;
    while (conn_backlog(&e.conn) == 0 && sent++ < 100)
        cr_assert_eq(conn_send(&e.conn, p, CONN_BACKLOG_MAX), SL_OK);
    reset(fds[1]);
    pump(l, heard_hangup, &e, "hangup");
    cr_expect_neq(conn_error(&e.conn), 0);
    cr_expect_eq(conn_backlog(&e.conn), 0);
    pump_ms(l, 10);
    cr_expect_eq(e.hangup, 1);
    free(p);
    ear_release(&e);
    loop_free(l);
}

static int listen_on(struct address *a)
{
    struct sl_error err;
    cr_assert_eq(address_resolve("127.0.0.1", 0, a, &err), SL_OK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a->sa, a->len), 0);
    cr_assert_eq(listen(fd, 5), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a->sa, &a->len), 0);
    return fd;
}

Test(conn, connects_and_what_was_sent_before_goes_out)
{
    struct loop *l = make_loop();
    struct address a;
    int listening = listen_on(&a);
    struct ear e;
    ear_init(&e, l);
    cr_assert_eq(conn_connect(&e.conn, &a, 60), SL_OK);
    cr_expect(!conn_is_open(&e.conn));
    cr_expect_eq(conn_send(&e.conn, "early", 5), SL_OK);
    pump(l, heard_connected, &e, "connected");
    cr_expect_eq(conn_error(&e.conn), 0);
    cr_expect(conn_is_open(&e.conn));
    pump(l, heard_drained, &e, "the early bytes gone");
    int peer = accept(listening, NULL, NULL);
    char got[5];
    cr_expect_eq(recv(peer, got, 5, MSG_WAITALL), 5);
    cr_expect_arr_eq(got, "early", 5);
    close(peer);
    close(listening);
    ear_release(&e);
    loop_free(l);
}

Test(conn, a_refused_connection_says_so)
{
    struct loop *l = make_loop();
    struct address a;
    char text[100];
    close(listen_on(&a));
    struct ear e;
    ear_init(&e, l);
    cr_assert_eq(conn_connect(&e.conn, &a, 60), SL_OK);
    pump(l, heard_connected, &e, "the refusal");
    cr_expect_eq(conn_error(&e.conn), ECONNREFUSED);
    cr_expect_str_eq(conn_error_text(&e.conn, text, sizeof text), "Connection refused");
    cr_expect(!conn_is_open(&e.conn));
    cr_expect_eq(conn_send(&e.conn, "x", 1), SL_ECLOSED);
    pump_ms(l, 10);
    cr_expect_eq(e.connected, 1);
    ear_release(&e);
    loop_free(l);
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

// A plain close with unread data makes the kernel reset the connection, and the peer may lose the
// error packet that came before it.
Test(conn, the_last_packet_arrives_although_data_was_not_read)
{
    struct loop *l = make_loop();
    int fds[2];
    make_tcp_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    conn_watch(&e.conn, CONN_WATCH_READ);
    e.read_all = false;
    uint8_t junk[30000] = {0};
    cr_expect_eq(send(fds[1], junk, sizeof junk, 0), (ssize_t)sizeof junk);
    cr_assert_eq(conn_send(&e.conn, "the last words", 14), SL_OK);
    bool closed = false;
    conn_finish(&e.conn, set_true, &closed);
    cr_expect(!conn_is_open(&e.conn));
    cr_expect_eq(conn_send(&e.conn, "x", 1), SL_ECLOSED);
    pump_ms(l, 20);
    cr_expect(!closed, "the peer has not closed yet");
    struct buf got = {.cap = 100};
    cr_expect_eq(slurp(fds[1], &got), 0, "an orderly end, no reset");
    cr_expect_eq(got.n, 14);
    close(fds[1]);
    pump(l, is_true, &closed, "closed");
    cr_expect_eq(e.conn.fd, -1);
    buf_release(&got);
    ear_release(&e);
    loop_free(l);
}

Test(conn, finishing_writes_the_backlog_first_and_does_not_wait_for_ever)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    const size_t total = (size_t)1 << 20;
    uint8_t *p = pattern(total);
    cr_assert_eq(conn_send(&e.conn, p, total), SL_OK);
    bool closed = false;
    conn_finish(&e.conn, set_true, &closed);
    struct sink s = {.fd = fds[1], .wanted = total, .got.cap = total * 2};
    pump(l, sink_is_full, &s, "all bytes");
    check_pattern(&s.got);
    int64_t before = clock_now_ns();
    pump(l, is_true, &closed, "closed, although the peer keeps its side open");
    cr_expect_lt(clock_now_ns() - before, NS_PER_S);
    cr_expect_eq(e.drained, 0);
    free(p);
    buf_release(&s.got);
    close(fds[1]);
    ear_release(&e);
    loop_free(l);
}

Test(conn, a_close_cancels_finishing)
{
    struct loop *l = make_loop();
    int fds[2];
    make_unix_pair(fds);
    struct ear e;
    ear_attach(&e, l, fds[0]);
    bool closed = false;
    conn_finish(&e.conn, set_true, &closed);
    conn_close(&e.conn);
    pump_ms(l, 250);
    cr_expect(!closed);
    conn_finish(&e.conn, set_true, &closed);
    pump(l, is_true, &closed, "one that is closed to be finished at once");
    close(fds[1]);
    ear_release(&e);
    loop_free(l);
}

struct reuse {
    struct ear old, new;
    struct timer *timer;
    int fds[2];
    enum conn_interest before, after;
};

static void replace(void *arg)
{
    struct reuse *r = arg;
    struct loop *l = r->old.conn.loop;
    int fd = r->old.conn.fd;
    conn_close(&r->old.conn);
    make_unix_pair(r->fds);
    cr_assert_eq(r->fds[0], fd, "the kernel gives the lowest number");
    ear_attach(&r->new, l, r->fds[0]);
    conn_watch(&r->new.conn, r->after);
}

// libevent's change list still knows the old socket when the new one gets its number.
Test(conn, a_number_that_is_used_again_within_a_turn)
{
    for (int row = 0; row < 9; row++) {
        struct loop *l = make_loop();
        struct reuse r = {.before = (enum conn_interest)(row % 3),
                          .after = (enum conn_interest)(row / 3)};
        int fds[2];
        make_unix_pair(fds);
        ear_attach(&r.old, l, fds[0]);
        conn_watch(&r.old.conn, r.before);
        pump_ms(l, 2);
        r.timer = timer_new(l, replace, &r);
        timer_set(r.timer, 0);
        pump_ms(l, 5);
        close(fds[1]);
        conn_watch(&r.new.conn, CONN_WATCH_READ);
        cr_expect_eq(send(r.fds[1], "new", 3, 0), 3);
        pump(l, heard_readable, &r.new, "data on the new connection");
        conn_watch(&r.new.conn, CONN_WATCH_HANGUP);
        close(r.fds[1]);
        pump(l, heard_hangup, &r.new, "its hangup");
        cr_expect_eq(r.old.readable + r.old.hangup, 0, "row %d", row);
        timer_free(r.timer);
        ear_release(&r.old);
        ear_release(&r.new);
        loop_free(l);
    }
}
