// TLS over a socket pair: both of our sides against each other.
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/tls.h"
#include "net_help.h"

struct pair {
    struct cert_files files;
    struct loop *loop;
    struct tls_context *server, *client;
    struct ear a, b; // server, client
};

static void pair_open(struct pair *t, enum tls_verify verify, const char *ca, const char *host)
{
    struct sl_error err = {0};
    int fds[2];
    cert_files_make(&t->files);
    t->loop = make_loop();
    cr_assert_eq(tls_server_new(t->files.cert, t->files.key, NULL, &t->server, &err), SL_OK, "%s",
                 err.text);
    if (ca == NULL)
        ca = t->files.cert;
    else if (strcmp(ca, "other") == 0)
        ca = t->files.other;
    cr_assert_eq(tls_client_new(verify, ca, NULL, NULL, host, &t->client, &err), SL_OK, "%s",
                 err.text);
    make_unix_pair(fds);
    ear_attach(&t->a, t->loop, fds[0]);
    ear_attach(&t->b, t->loop, fds[1]);
}

static bool both_secured(void *arg)
{
    struct pair *t = arg;
    return t->a.secured > 0 && t->b.secured > 0;
}

static void pair_secure(struct pair *t)
{
    cr_assert_eq(conn_start_tls(&t->a.conn, t->server, true), SL_OK);
    cr_assert_eq(conn_start_tls(&t->b.conn, t->client, false), SL_OK);
    // The connections keep what they need.
    tls_unref(t->server);
    tls_unref(t->client);
    pump(t->loop, both_secured, t, "both handshakes");
}

static void pair_close(struct pair *t)
{
    ear_release(&t->a);
    ear_release(&t->b);
    loop_free(t->loop);
    cert_files_remove(&t->files);
}

static bool got_all(void *arg)
{
    struct ear *e = arg;
    return e->got.n >= (size_t)e->connected; // the number wanted, in a counter not used here
}

static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 13 + i / 253);
    return p;
}

Test(tls, bytes_pass_in_both_directions)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_IDENTITY, NULL, "localhost");
    cr_assert_eq(conn_start_tls(&t.b.conn, t.client, false), SL_OK);
    cr_assert_eq(conn_send(&t.b.conn, "waits for TLS", 13), SL_OK);
    cr_assert_eq(conn_start_tls(&t.a.conn, t.server, true), SL_OK);
    pump(t.loop, both_secured, &t, "both handshakes");
    cr_expect_eq(conn_error(&t.a.conn), 0);
    cr_expect_eq(conn_error(&t.b.conn), 0);
    cr_expect(conn_is_tls(&t.a.conn));
    tls_unref(t.server);
    tls_unref(t.client);
    conn_watch(&t.a.conn, CONN_WATCH_READ);
    t.a.connected = 13;
    pump(t.loop, got_all, &t.a, "what was sent early");
    cr_expect_arr_eq(t.a.got.p, "waits for TLS", 13);
    conn_watch(&t.b.conn, CONN_WATCH_READ);
    cr_assert_eq(conn_send(&t.a.conn, "answer", 6), SL_OK);
    t.b.connected = 6;
    pump(t.loop, got_all, &t.b, "the answer");
    conn_close(&t.a.conn);
    pump(t.loop, heard_end, &t.b, "the end");
    cr_expect_eq(t.b.last, SL_ECLOSED);
    pair_close(&t);
}

Test(tls, a_backlog_passes_whole)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_CA, NULL, NULL);
    pair_secure(&t);
    const size_t total = (size_t)2 << 20;
    uint8_t *p = pattern(total);
    for (size_t at = 0; at < total; at += 8192)
        cr_assert_eq(conn_send(&t.a.conn, p + at, 8192), SL_OK);
    cr_expect_gt(conn_backlog(&t.a.conn), 0);
    conn_watch(&t.b.conn, CONN_WATCH_READ);
    t.b.connected = (int)total;
    pump(t.loop, got_all, &t.b, "two megabytes");
    pump(t.loop, heard_drained, &t.a, "drained");
    cr_expect_arr_eq(t.b.got.p, p, total);
    free(p);
    pair_close(&t);
}

// No socket event announces what OpenSSL has read ahead: `readable` must come all the same.
Test(tls, what_was_read_ahead_is_announced)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
    pair_secure(&t);
    uint8_t *p = pattern(5000);
    for (int i = 0; i < 50; i++)
        cr_assert_eq(conn_send(&t.a.conn, p + 100 * i, 100), SL_OK);
    t.b.read_budget = 1;
    conn_watch(&t.b.conn, CONN_WATCH_READ);
    t.b.connected = 5000;
    pump(t.loop, got_all, &t.b, "fifty records, one a call");
    cr_expect_arr_eq(t.b.got.p, p, 5000);
    cr_expect_eq(t.b.readable, 50);
    cr_expect(!conn_has_buffered(&t.b.conn));
    // The same when the watch is taken away and set again in the middle.
    for (int i = 0; i < 10; i++)
        cr_assert_eq(conn_send(&t.a.conn, p, 100), SL_OK);
    t.b.connected = 5100;
    pump(t.loop, got_all, &t.b, "one more");
    conn_watch(&t.b.conn, CONN_WATCH_HANGUP);
    pump_ms(t.loop, 5);
    conn_watch(&t.b.conn, CONN_WATCH_READ);
    t.b.connected = 6000;
    pump(t.loop, got_all, &t.b, "the rest");
    free(p);
    pair_close(&t);
}

Test(tls, a_hangup_is_seen_over_unread_data)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
    pair_secure(&t);
    conn_watch(&t.a.conn, CONN_WATCH_HANGUP);
    cr_assert_eq(conn_send(&t.b.conn, "unread", 6), SL_OK);
    pump_ms(t.loop, 20);
    cr_expect_eq(t.a.hangup, 0);
    conn_close(&t.b.conn);
    pump(t.loop, heard_hangup, &t.a, "hangup");
    conn_watch(&t.a.conn, CONN_WATCH_READ);
    pump(t.loop, heard_end, &t.a, "the end");
    cr_expect_eq(t.a.got.n, 6);
    pair_close(&t);
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

Test(tls, finishing_delivers_the_last_words)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
    pair_secure(&t);
    cr_assert_eq(conn_send(&t.b.conn, "unread", 6), SL_OK);
    cr_assert_eq(conn_send(&t.a.conn, "last", 4), SL_OK);
    bool closed = false;
    conn_finish(&t.a.conn, set_true, &closed);
    conn_watch(&t.b.conn, CONN_WATCH_READ);
    pump(t.loop, heard_end, &t.b, "the end");
    cr_expect_eq(t.b.last, SL_ECLOSED);
    cr_expect_eq(t.b.got.n, 4);
    conn_close(&t.b.conn);
    pump(t.loop, is_true, &closed, "closed");
    pair_close(&t);
}

// Rows: what the client checks, against whose certificate, for which host; whether that is well.
Test(tls, certificates_are_checked_as_asked)
{
    static const struct {
        enum tls_verify verify;
        const char *ca, *host;
        bool good;
        const char *text;
    } rows[] = {
        {TLS_VERIFY_NONE, "other", NULL, true, NULL},
        {TLS_VERIFY_CA, NULL, "wrong.example", true, NULL},
        {TLS_VERIFY_CA, "other", NULL, false, "TLS: "},
        {TLS_VERIFY_IDENTITY, NULL, "localhost", true, NULL},
        {TLS_VERIFY_IDENTITY, NULL, "127.0.0.1", true, NULL},
        {TLS_VERIFY_IDENTITY, NULL, "wrong.example", false, "TLS: hostname mismatch"},
        {TLS_VERIFY_IDENTITY, NULL, "127.0.0.2", false, "TLS: IP address mismatch"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair t;
        char text[200];
        pair_open(&t, rows[i].verify, rows[i].ca, rows[i].host);
        pair_secure(&t);
        conn_error_text(&t.b.conn, text, sizeof text);
        cr_expect_eq(conn_error(&t.b.conn) == 0, rows[i].good, "row %zu: %s", i, text);
        cr_expect_eq(conn_is_open(&t.b.conn), rows[i].good, "row %zu", i);
        if (!rows[i].good)
            cr_expect_eq(strncasecmp(text, rows[i].text, strlen(rows[i].text)), 0, "row %zu: %s", i,
                         text);
        pair_close(&t);
    }
}

Test(tls, a_peer_that_speaks_no_tls_is_an_error)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
    cr_assert_eq(conn_send(&t.b.conn, "this is no TLS hello at all", 27), SL_OK);
    cr_assert_eq(conn_start_tls(&t.a.conn, t.server, true), SL_OK);
    cr_expect_eq(conn_start_tls(&t.a.conn, t.server, true), SL_ECONFLICT);
    pump(t.loop, heard_secured, &t.a, "the failed handshake");
    cr_expect_lt(conn_error(&t.a.conn), 0);
    tls_unref(t.server);
    tls_unref(t.client);
    pair_close(&t);
}

Test(tls, a_peer_that_leaves_in_the_handshake_is_an_error)
{
    struct pair t;
    pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
    cr_assert_eq(conn_start_tls(&t.a.conn, t.server, true), SL_OK);
    conn_close(&t.b.conn);
    pump(t.loop, heard_secured, &t.a, "the failed handshake");
    cr_expect_neq(conn_error(&t.a.conn), 0);
    tls_unref(t.server);
    tls_unref(t.client);
    pair_close(&t);
}

Test(tls, errors_name_the_file)
{
    struct cert_files f;
    struct tls_context *t = NULL;
    struct sl_error err = {0};
    cert_files_make(&f);
    cr_expect_eq(tls_server_new("/nowhere/cert.pem", f.key, NULL, &t, &err), SL_EINVAL);
    cr_expect_not_null(strstr(err.text, "/nowhere/cert.pem"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "No such file"), "%s", err.text);
    cr_expect_eq(tls_server_new(f.cert, f.other_key, NULL, &t, &err), SL_EINVAL);
    cr_expect_eq(tls_server_new(f.key, f.key, NULL, &t, &err), SL_EINVAL);
    cr_expect_eq(tls_server_new(f.cert, f.key, f.key, &t, &err), SL_EINVAL, "no CA in it");
    cr_expect_not_null(strstr(err.text, f.key), "%s", err.text);
    cr_expect_eq(tls_server_new("", "", NULL, &t, &err), SL_EINVAL);
    cr_expect_eq(tls_client_new(TLS_VERIFY_IDENTITY, f.cert, NULL, NULL, "", &t, &err), SL_EINVAL);
    cr_expect_eq(tls_client_new(TLS_VERIFY_CA, "/nowhere/ca", NULL, NULL, "", &t, &err), SL_EINVAL);
    cert_files_remove(&f);
}

// A CA on the server's side: whoever has no certificate of it stays outside.
Test(tls, client_certificates)
{
    for (int with = 0; with < 2; with++) {
        struct pair t;
        struct sl_error err;
        struct tls_context *server = NULL, *client = NULL;
        pair_open(&t, TLS_VERIFY_NONE, NULL, NULL);
        cr_assert_eq(tls_server_new(t.files.cert, t.files.key, t.files.other, &server, &err),
                     SL_OK);
        cr_assert_eq(tls_client_new(TLS_VERIFY_NONE, NULL, with ? t.files.other : NULL,
                                    t.files.other_key, NULL, &client, &err),
                     SL_OK);
        tls_unref(t.server);
        tls_unref(t.client);
        t.server = server;
        t.client = client;
        pair_secure(&t);
        cr_expect_eq(conn_error(&t.a.conn) == 0, with, "with a certificate: %d", with);
        pair_close(&t);
    }
}
