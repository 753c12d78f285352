// The gate: open, or closed for a set of reasons, each with an owner and a deadline. Ending one
// reason never ends another's. A reason may make exceptions: who is meant by all reasons' exceptions
// passes the closed gate. Pure; the main thread owns the one true gate, workers hold copies.
#ifndef SLUICE_SESSION_GATE_H
#define SLUICE_SESSION_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "base/error.h"

#define GATE_REASONS_MAX 8
#define GATE_TEXT_MAX 64

// A list of users and networks; immutable once it is in a gate, shared by counting.
struct gate_exceptions;
struct gate_exceptions *gate_exceptions_new(void); // empty, one reference
struct gate_exceptions *gate_exceptions_ref(struct gate_exceptions *x);
void gate_exceptions_unref(struct gate_exceptions *x); // NULL is fine
// Who has this name (a pattern of text_match; NULL: any) and comes from one of these networks (none:
// from anywhere). Copies all.
void gate_exceptions_add(struct gate_exceptions *x, const char *user, const struct cidr *networks,
                         size_t count);
size_t gate_exceptions_count(const struct gate_exceptions *x); // 0 for NULL
// Whether a user of that name, from anywhere, may be meant.
bool gate_exceptions_name(const struct gate_exceptions *x, const char *user);

struct gate_reason {
    char name[GATE_TEXT_MAX];  // "operator", "cutover", ...
    char owner[GATE_TEXT_MAX]; // who closed it, for people
    int64_t since_ns;
    int64_t deadline_ns;                // 0: none
    struct gate_exceptions *exceptions; // a reference; NULL: nobody passes
};

struct gate {
    unsigned count; // 0: open
    struct gate_reason reasons[GATE_REASONS_MAX];
};

void gate_init(struct gate *g);
void gate_release(struct gate *g); // leaves it open
// `to` is one that was initialised; what it was is released.
void gate_copy(struct gate *to, const struct gate *from);
static inline bool gate_is_closed(const struct gate *g)
{
    return g->count > 0;
}
// Adds the reason, or replaces its owner and deadline when it holds already. SL_ETOOBIG,
// SL_EINVAL (name empty or too long).
SL_CHECKED enum sl_code gate_close(struct gate *g, const char *name, const char *owner,
                                   int64_t now_ns, int64_t deadline_ns, struct sl_error *err);
// Who passes although this reason holds; NULL: nobody. Takes a reference. SL_ENOTFOUND when the
// reason does not hold.
SL_CHECKED enum sl_code gate_except(struct gate *g, const char *name, struct gate_exceptions *x,
                                    struct sl_error *err);
enum gate_pass {
    GATE_BARRED,
    GATE_PERHAPS, // it depends on the user, who is not known yet
    GATE_LET_THROUGH
};
// Whether the closed gate lets somebody through: `user` NULL: not known yet; `peer` NULL: unknown.
enum gate_pass gate_judge(const struct gate *g, const char *user, const struct sockaddr *peer);
// Whether anybody might be let through.
bool gate_has_exceptions(const struct gate *g);
// SL_ENOTFOUND when that reason does not hold. name NULL or "": every reason.
SL_CHECKED enum sl_code gate_open(struct gate *g, const char *name, struct sl_error *err);
// Ends the reasons whose deadline has passed; returns how many.
unsigned gate_expire(struct gate *g, int64_t now_ns);
// The earliest deadline, 0 when there is none.
int64_t gate_next_deadline(const struct gate *g);
// When the gate closed first (smallest since_ns), 0 when open.
int64_t gate_closed_since(const struct gate *g);

#endif
