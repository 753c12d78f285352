// One command on its way: who asked, the checked call, the answer so far, and where it goes.
//
//     RUNNING ── request_done, request_fail ──> ANSWERED ─┐ nothing held
//        └────── the client left ─────────────> LEFT ─────┴────────────> freed
//
// A handler that has to wait takes a hold for each callback that is still to come and releases it
// as the callback's last act; the request lives until then, also when its client is gone or its
// deadline has passed, and request_is_open says whether anybody still waits for the answer.
#ifndef SLUICE_ADMIN_REQUEST_H
#define SLUICE_ADMIN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/answer.h"
#include "admin/command.h"
#include "admin/context.h"
#include "admin/events.h"
#include "admin/protocol.h"
#include "admin/rates.h"
#include "admin/roles.h"
#include "base/list.h"

struct request;

// Where answers go: a client of the socket, or an HTTP request. No entry is NULL.
struct request_sink {
    // One line of progress or of a stream, ended.
    void (*line)(void *sink, const char *text, size_t n);
    // The end: `code` and everything that is to be said, all lines ended. The request is gone for
    // the sink from now on.
    void (*finish)(void *sink, enum sl_code code, const char *text, size_t n);
    // Bytes that the reader has not taken yet.
    size_t (*backlog)(void *sink);
};

// What all requests of a daemon share; owned by the server.
struct request_home {
    struct admin_context *context;
    struct events *events;
    struct rates *rates;
    const struct command_table *table;
    struct list requests;
    struct request *cutover; // the one that started it and waits for its end, or NULL
    struct request *mongo;   // likewise
    struct request *watcher; // the one that waits for the end of its watch, or NULL
};

enum request_state { REQUEST_RUNNING, REQUEST_ANSWERED, REQUEST_LEFT };

struct request {
    struct list_node node;
    struct request_home *home;
    struct admin_context *context; // home->context
    const struct peer *peer;       // copied into the same block
    enum admin_role role;
    struct words words;
    struct call call;
    bool json;
    enum request_state state;
    unsigned holds;
    struct answer *answer; // filled by the handler, printed at the end
    const struct request_sink *ops;
    void *sink; // NULL once answered or left
    struct timer *deadline;
    int64_t began_ns;
    // Set by a handler that waits, else NULL. `leave`: nobody waits any more (client or deadline);
    // may release holds. `expired`: instead of failing when the deadline passes.
    void (*leave)(struct request *r);
    void (*expired)(struct request *r);
    struct subscriber subscriber; // for the handler of `events`
    unsigned dropped;             // events that a slow reader has missed
};

void request_home_init(struct request_home *home);
// The traffic has ended: what requests wait for is gone, and must not be cancelled any more.
void request_home_orphan(struct request_home *home);
// Frees all requests; their sinks are told nothing.
void request_home_release(struct request_home *home);

// Reads the line, checks it, runs the handler. The answer may be there before this returns, or
// come later; the result is the request while it runs, NULL when it is over. `sink` is borrowed
// until `finish` or request_leave.
struct request *request_start(struct request_home *home, const struct peer *peer,
                              enum admin_role role, const struct request_sink *ops, void *sink,
                              const char *line, size_t n);
// The client has gone: nothing more is sent to the sink.
void request_leave(struct request *r);

// --- for handlers --------------------------------------------------------------------------------
void request_hold(struct request *r);
void request_release(struct request *r); // may free it
static inline bool request_is_open(const struct request *r)
{
    return r->state == REQUEST_RUNNING;
}
// Each of the two ends the request, once; later calls do nothing, so that a callback that comes
// after the deadline needs no special case.
void request_done(struct request *r);
// r->answer is sent as well, before the reason.
void request_fail(struct request *r, const struct sl_error *err);
// A line of progress, made of the facts of `a`, which is freed.
void request_progress(struct request *r, struct answer *a);
// An event, by the request's own format; counted and left out when the reader is too slow.
void request_event(struct request *r, const struct answer *event);
// The handler has a deadline of its own.
void request_cancel_deadline(struct request *r);

// Options and arguments of the call, for short.
const struct value *request_option(const struct request *r, const char *name);

#endif
