// HTTP for machines that look: GET only, answers from the same commands as the admin socket.
//
//     /health /status /sessions /backends    JSON
//     /metrics                               Prometheus text
#ifndef SLUICE_ADMIN_HTTP_H
#define SLUICE_ADMIN_HTTP_H

#include "admin/context.h"
#include "admin/request.h"

struct http;

// Opens admin.http; NULL in `out` when it is off. SL_EINVAL for an address that is not loopback
// without a token file; SL_EIO.
SL_CHECKED enum sl_code http_new(struct admin_context *context, struct request_home *home,
                                 struct http **out, struct sl_error *err);
// Reads the token file again.
void http_reloaded(struct http *h);
void http_free(struct http *h); // NULL is fine

#endif
