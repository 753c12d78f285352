// PROXY protocol version 2 (binary), as load balancers send it and servers accept it.
//
// Source: haproxy.org/download/1.8/doc/proxy-protocol.txt, section 2.2.
#ifndef SLUICE_WIRE_PROXYV2_H
#define SLUICE_WIRE_PROXYV2_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "base/error.h"

#define PROXYV2_PREFIX 16
#define PROXYV2_MAX 1024 // header with TLVs; longer ones are refused

// Needs at least PROXYV2_PREFIX bytes; returns the header's whole length, or 0 when the bytes are
// not a version 2 header, or SL_ETOOBIG / SL_EPROTO.
int proxyv2_length(const uint8_t *p, size_t n);

struct proxyv2 {
    bool local; // health check of the balancer itself: keep the socket's own address
    struct sockaddr_storage source, destination; // family AF_UNSPEC when not given
};

SL_CHECKED enum sl_code proxyv2_decode(struct slice header, struct proxyv2 *out,
                                       struct sl_error *err);
// Both addresses of one family (AF_INET or AF_INET6); anything else is sent as LOCAL.
void proxyv2_encode(const struct sockaddr *source, const struct sockaddr *destination,
                    struct buf *out);

#endif
