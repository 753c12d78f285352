// The admin face of the daemon: the unix socket with its clients, the stream of events, and HTTP.
//
//     sluicectl ── line ──> client ──> dispatch (role, words, types) ──> handler
//                    <── progress, answer ─── struct request <──────────────┘
//     events <── admin_publish: the daemon, handlers, and what the server notices by itself
//     HTTP GET ── the same commands, read only ──> JSON
//
// Main thread only.
#ifndef SLUICE_ADMIN_SERVER_H
#define SLUICE_ADMIN_SERVER_H

#include <stddef.h>
#include <stdio.h>

#include "admin/context.h"
#include "base/error.h"
#include "base/log.h"

struct admin;

// Opens the socket (admin.socket, admin.mode) and, when it is configured, HTTP. `context` is
// borrowed for the life of the struct; its `config`, `loop` and `traffic` must be set. SL_EIO,
// SL_ECONFLICT (another daemon answers on that socket), SL_EINVAL.
SL_CHECKED enum sl_code admin_new(struct admin_context *context, struct admin **out,
                                  struct sl_error *err);

// To whoever listens to `events`: a name like "drain_done" and fields as in a log line (borrowed
// for the call). Costs nothing when nobody listens. Is not logged.
void admin_publish(struct admin *a, const char *event, const struct log_field *fields,
                   size_t count);

#define ADMIN_PUBLISH(a, event, ...)                                                               \
    do {                                                                                           \
        const struct log_field admin_fields_[] = {{.key = NULL}, __VA_ARGS__};                     \
        admin_publish((a), (event), admin_fields_ + 1,                                             \
                      sizeof admin_fields_ / sizeof admin_fields_[0] - 1);                         \
    } while (0)

// context->views have been replaced: publishes what has changed (reachable, role, read only).
void admin_backends_seen(struct admin *a);
// The conductor said something; its cutover has ended.
void admin_cutover_said(struct admin *a, int64_t at_ns, const char *line);
void admin_cutover_ended(struct admin *a, const struct conductor_status *how);
// The same of MongoDB's conductor; and its looker has seen the set, or `set` is NULL and err why not.
void admin_mongo_said(struct admin *a, int64_t at_ns, const char *line);
void admin_mongo_ended(struct admin *a, const struct mongo_status *how);
void admin_mongo_seen(struct admin *a, const struct mongo_set *set, const struct sl_error *err);
void admin_cutover_watched(struct admin *a, const struct conductor_status *how);
// context->config has been replaced, by SIGHUP or by the command: roles and the HTTP token are
// taken from the new one.
void admin_reloaded(struct admin *a);

// Closes the socket and HTTP and drops all clients and what they wait for. Only when no `done` of
// traffic.h or drain.h can come any more: after the main loop has returned, or after traffic_free.
void admin_free(struct admin *a);

// The Markdown tables of docs/generated: `what` is "commands", "metrics", "states" or "obstacles".
// SL_ENOTFOUND for anything else.
SL_CHECKED enum sl_code admin_generate_docs(const char *what, FILE *out);

#endif
