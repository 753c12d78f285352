// See net_help.h; certificates are made in code, so that no tool is needed.
#include "net_help.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

struct pump {
    struct loop *loop;
    struct timer *timer;
    bool (*is_so)(void *arg);
    void *arg;
    int64_t deadline;
    bool so;
};

static void look(void *arg)
{
    struct pump *p = arg;
    p->so = p->is_so != NULL && p->is_so(p->arg);
    if (p->so || clock_now_ns() > p->deadline)
        loop_stop(p->loop);
    else
        timer_set(p->timer, NS_PER_MS);
}

static bool run(struct loop *l, bool (*is_so)(void *), void *arg, int ms)
{
    struct pump p = {.loop = l, .is_so = is_so, .arg = arg};
    p.deadline = clock_now_ns() + ms * NS_PER_MS;
    p.timer = timer_new(l, look, &p);
    timer_set(p.timer, 0);
    loop_run(l);
    timer_free(p.timer);
    return p.so;
}

void pump(struct loop *l, bool (*is_so)(void *arg), void *arg, const char *what)
{
    cr_assert(run(l, is_so, arg, PATIENCE_MS), "waited %d ms for: %s", PATIENCE_MS, what);
}

void pump_ms(struct loop *l, int ms)
{
    run(l, NULL, NULL, ms);
}

struct loop *make_loop(void)
{
    struct loop *l = NULL;
    struct sl_error err;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(loop_new("test", NULL, &l, &err), SL_OK);
    return l;
}

void make_unix_pair(int fds[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

void make_tcp_pair(int fds[2])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof in;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listening, (struct sockaddr *)&in, n), 0);
    cr_assert_eq(listen(listening, 1), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&in, &n), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fds[0], (struct sockaddr *)&in, n), 0);
    fds[1] = accept(listening, NULL, NULL);
    cr_assert_geq(fds[1], 0);
    close(listening);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
}

static void on_readable(struct conn *c, void *owner)
{
    struct ear *e = owner;
    uint8_t scratch[16384];
    size_t size = e->read_budget > 0 ? 100 : sizeof scratch;
    int times = e->read_budget > 0 ? e->read_budget : 1000;
    e->readable++;
    if (!e->read_all)
        return;
    for (int i = 0; i < times; i++) {
        e->last = conn_read(c, scratch, size);
        if (e->last <= 0)
            break;
        buf_put(&e->got, scratch, (size_t)e->last);
    }
    if (e->last < 0 && e->last != SL_EAGAIN)
        conn_watch(c, CONN_WATCH_NONE);
}

#define COUNTER(name)                                                                              \
    static void on_##name(struct conn *c, void *owner)                                             \
    {                                                                                              \
        (void)c;                                                                                   \
        ((struct ear *)owner)->name++;                                                             \
    }                                                                                              \
    bool heard_##name(void *ear)                                                                   \
    {                                                                                              \
        return ((struct ear *)ear)->name > 0;                                                      \
    }

COUNTER(drained)
COUNTER(connected)
COUNTER(secured)
COUNTER(hangup)

bool heard_readable(void *ear)
{
    return ((struct ear *)ear)->readable > 0;
}

bool heard_end(void *ear)
{
    int last = ((struct ear *)ear)->last;
    return last == SL_ECLOSED || last == SL_EIO;
}

bool is_true(void *flag)
{
    return *(bool *)flag;
}

static const struct conn_handler counting = {
    .readable = on_readable,
    .drained = on_drained,
    .connected = on_connected,
    .secured = on_secured,
    .hangup = on_hangup,
};

void ear_init(struct ear *e, struct loop *l)
{
    memset(e, 0, sizeof *e);
    buf_init(&e->got, (size_t)64 << 20);
    e->read_all = true;
    conn_init(&e->conn, l, &counting, e);
}

void ear_attach(struct ear *e, struct loop *l, int fd)
{
    ear_init(e, l);
    conn_attach(&e->conn, fd, 60);
}

void ear_release(struct ear *e)
{
    conn_close(&e->conn);
    buf_release(&e->got);
}

// --- certificates ----------------------------------------------------------------------------

static void write_pair(const char *cert_path, const char *key_path)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"sluice test", -1,
                               -1, 0);
    X509_set_issuer_name(x, name);
    X509_EXTENSION *e =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    cr_assert_gt(X509_sign(x, key, EVP_sha256()), 0);
    FILE *f = fopen(cert_path, "w");
    PEM_write_X509(f, x);
    fclose(f);
    f = fopen(key_path, "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

void cert_files_make(struct cert_files *f)
{
    snprintf(f->folder, sizeof f->folder, "/tmp/sluice-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(f->folder));
    snprintf(f->cert, sizeof f->cert, "%s/cert.pem", f->folder);
    snprintf(f->key, sizeof f->key, "%s/key.pem", f->folder);
    snprintf(f->other, sizeof f->other, "%s/other.pem", f->folder);
    snprintf(f->other_key, sizeof f->other_key, "%s/other-key.pem", f->folder);
    write_pair(f->cert, f->key);
    write_pair(f->other, f->other_key);
}

void cert_files_remove(struct cert_files *f)
{
    unlink(f->cert);
    unlink(f->key);
    unlink(f->other);
    unlink(f->other_key);
    rmdir(f->folder);
}
