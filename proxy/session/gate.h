// The gate: open, or closed for a set of reasons, each with an owner and a deadline. Ending one
// reason never ends another's. Pure; the main thread owns the one true gate, workers hold a copy
// of its two facts (closed, since when).
#ifndef SLUICE_SESSION_GATE_H
#define SLUICE_SESSION_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define GATE_REASONS_MAX 8
#define GATE_TEXT_MAX 64

struct gate_reason {
    char name[GATE_TEXT_MAX];  // "operator", "cutover", ...
    char owner[GATE_TEXT_MAX]; // who closed it, for people
    int64_t since_ns;
    int64_t deadline_ns; // 0: none
};

struct gate {
    unsigned count; // 0: open
    struct gate_reason reasons[GATE_REASONS_MAX];
};

void gate_init(struct gate *g);
static inline bool gate_is_closed(const struct gate *g)
{
    return g->count > 0;
}
// Adds the reason, or replaces its owner and deadline when it holds already. SL_ETOOBIG,
// SL_EINVAL (name empty or too long).
SL_CHECKED enum sl_code gate_close(struct gate *g, const char *name, const char *owner,
                                   int64_t now_ns, int64_t deadline_ns, struct sl_error *err);
// SL_ENOTFOUND when that reason does not hold. name NULL or "": every reason.
SL_CHECKED enum sl_code gate_open(struct gate *g, const char *name, struct sl_error *err);
// Ends the reasons whose deadline has passed; returns how many.
unsigned gate_expire(struct gate *g, int64_t now_ns);
// The earliest deadline, 0 when there is none.
int64_t gate_next_deadline(const struct gate *g);
// When the gate closed first (smallest since_ns), 0 when open.
int64_t gate_closed_since(const struct gate *g);

#endif
