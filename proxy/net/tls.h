// TLS contexts: made from files at start and at reload, immutable afterwards, shared by reference.
#ifndef SLUICE_NET_TLS_H
#define SLUICE_NET_TLS_H

#include <stdbool.h>

#include "base/error.h"

struct tls_context;

// Server side (towards clients). `ca` may be NULL or "": then no client certificate is asked for;
// with one, every client must show a certificate that it signed.
// Reads files: never in a loop thread. Errors name the file and OpenSSL's reason.
SL_CHECKED enum sl_code tls_server_new(const char *cert, const char *key, const char *ca,
                                       struct tls_context **out, struct sl_error *err);

enum tls_verify { TLS_VERIFY_NONE, TLS_VERIFY_CA, TLS_VERIFY_IDENTITY };

// Client side (towards a backend). `host` is checked against the certificate (DNS name or IP
// address) with TLS_VERIFY_IDENTITY. `cert`/`key`: our own, may be NULL.
SL_CHECKED enum sl_code tls_client_new(enum tls_verify verify, const char *ca, const char *cert,
                                       const char *key, const char *host, struct tls_context **out,
                                       struct sl_error *err);

struct tls_context *tls_ref(struct tls_context *t);
void tls_unref(struct tls_context *t); // NULL is fine

#endif
