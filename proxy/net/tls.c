// TLS contexts, made from files.
#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "net/tls_internal.h"

struct tls_context {
    _Atomic int refs;
    SSL_CTX *ctx;
    char *server_name; // for SNI, NULL: none; client side only
};

static bool given(const char *s)
{
    return s != NULL && s[0] != '\0';
}

// OpenSSL's first reason, and an empty queue for the next call.
static enum sl_code fail_tls(struct sl_error *err, const char *what, const char *file)
{
    unsigned long e = ERR_get_error();
    // System errors (no such file) have no reason string of OpenSSL's.
    const char *reason = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : NULL;
    if (reason == NULL)
        reason = e != 0 ? ERR_reason_error_string(e) : NULL;
    ERR_clear_error();
    return sl_fail(err, SL_EINVAL, "%s%s%s: %s", what, given(file) ? " " : "",
                   given(file) ? file : "", reason != NULL ? reason : "unknown TLS error");
}

static void set_modes(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    // An end without close_notify is common among MySQL clients, and every packet has its length:
    // nothing that was cut can be taken for whole.
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    // RELEASE_BUFFERS: an idle connection holds none.
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    // One read(2) for header and body of a small record.
    SSL_CTX_set_read_ahead(ctx, 1);
    // Tickets need no memory here; a cache would.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

static enum sl_code load_own(SSL_CTX *ctx, const char *cert, const char *key, struct sl_error *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return fail_tls(err, "cannot use certificate", cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return fail_tls(err, "cannot use private key", key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail_tls(err, "private key does not belong to certificate", cert);
    return SL_OK;
}

static struct tls_context *context_new(const SSL_METHOD *method)
{
    struct tls_context *t = mem_zalloc(sizeof *t);
    atomic_store(&t->refs, 1);
    t->ctx = SSL_CTX_new(method);
    if (t->ctx != NULL)
        set_modes(t->ctx);
    return t;
}

static enum sl_code finish(struct tls_context *t, enum sl_code rc, struct tls_context **out)
{
    if (rc == SL_OK)
        *out = t;
    else
        tls_unref(t);
    return rc;
}

static enum sl_code set_up_server(struct tls_context *t, const char *cert, const char *key,
                                  const char *ca, struct sl_error *err)
{
    static const unsigned char id[] = "sluice";
    if (t->ctx == NULL)
        return fail_tls(err, "cannot make a TLS context", NULL);
    // Clients send passwords: what was read does not stay in OpenSSL's buffers.
    SSL_CTX_set_options(t->ctx, SSL_OP_CLEANSE_PLAINTEXT);
    enum sl_code rc = load_own(t->ctx, cert, key, err);
    if (rc != SL_OK || !given(ca))
        return rc;
    if (SSL_CTX_load_verify_file(t->ctx, ca) != 1)
        return fail_tls(err, "cannot use CA file", ca);
    SSL_CTX_set_client_CA_list(t->ctx, SSL_load_client_CA_file(ca));
    SSL_CTX_set_session_id_context(t->ctx, id, sizeof id - 1);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SL_OK;
}

enum sl_code tls_server_new(const char *cert, const char *key, const char *ca,
                            struct tls_context **out, struct sl_error *err)
{
    ERR_clear_error();
    if (!given(cert) || !given(key))
        return sl_fail(err, SL_EINVAL, "TLS towards clients needs a certificate and a key");
    struct tls_context *t = context_new(TLS_server_method());
    return finish(t, set_up_server(t, cert, key, ca, err), out);
}

static enum sl_code set_host(struct tls_context *t, enum tls_verify verify, const char *host,
                             struct sl_error *err)
{
    uint8_t ip[sizeof(struct in6_addr)];
    bool is_ip =
        given(host) && (inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1);
    if (given(host) && !is_ip)
        t->server_name = mem_strdup(host);
    if (verify != TLS_VERIFY_IDENTITY)
        return SL_OK;
    if (!given(host))
        return sl_fail(err, SL_EINVAL, "verify-identity needs a host name");
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int ok = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                   : X509_VERIFY_PARAM_set1_host(param, host, 0);
    return ok == 1 ? SL_OK : fail_tls(err, "cannot check for host", host);
}

static enum sl_code set_up_client(struct tls_context *t, enum tls_verify verify, const char *ca,
                                  const char *cert, const char *key, struct sl_error *err)
{
    if (t->ctx == NULL)
        return fail_tls(err, "cannot make a TLS context", NULL);
    if (given(cert)) {
        enum sl_code rc = load_own(t->ctx, cert, given(key) ? key : cert, err);
        if (rc != SL_OK)
            return rc;
    }
    if (verify == TLS_VERIFY_NONE)
        return SL_OK;
    // Without a CA of the operator's: those that the system trusts.
    int ok =
        given(ca) ? SSL_CTX_load_verify_file(t->ctx, ca) : SSL_CTX_set_default_verify_paths(t->ctx);
    if (ok != 1)
        return fail_tls(err, "cannot use CA file", ca);
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    return SL_OK;
}

enum sl_code tls_client_new(enum tls_verify verify, const char *ca, const char *cert,
                            const char *key, const char *host, struct tls_context **out,
                            struct sl_error *err)
{
    ERR_clear_error();
    struct tls_context *t = context_new(TLS_client_method());
    enum sl_code rc = set_up_client(t, verify, ca, cert, key, err);
    if (rc == SL_OK)
        rc = set_host(t, verify, host, err);
    return finish(t, rc, out);
}

struct tls_context *tls_ref(struct tls_context *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void tls_unref(struct tls_context *t)
{
    if (t == NULL)
        return;
    int before = atomic_fetch_sub(&t->refs, 1);
    assert(before > 0);
    if (before > 1)
        return;
    SSL_CTX_free(t->ctx);
    mem_free(t->server_name);
    mem_free(t);
}

SSL *tls_open(struct tls_context *t, int fd, bool server)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(t->ctx);
    if (ssl == NULL)
        return NULL;
    bool ok = SSL_set_fd(ssl, fd) == 1;
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    if (ok && !server && t->server_name != NULL)
        ok = SSL_set_tlsext_host_name(ssl, t->server_name) == 1;
    if (ok)
        return ssl;
    SSL_free(ssl);
    return NULL;
}
