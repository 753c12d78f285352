// What connections need of a TLS context.
#ifndef SLUICE_NET_TLS_INTERNAL_H
#define SLUICE_NET_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "net/tls.h"

// A session on a non-blocking socket, ready for SSL_do_handshake; NULL when out of memory. The
// caller frees it, never the socket; it keeps what it needs of the context alive.
SSL *tls_open(struct tls_context *t, int fd, bool server);

#endif
