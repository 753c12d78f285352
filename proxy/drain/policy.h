// Who waits how long, and what then: the rules of the configuration applied to one session. Pure.
#ifndef SLUICE_DRAIN_POLICY_H
#define SLUICE_DRAIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"

// What a rule can ask about.
struct drain_facts {
    const char *user, *database, *program;
    const struct sockaddr *peer;
    int64_t unit_age_ns;
    bool reading; // a read outside a transaction
};

// What the operator's command says; negative: as configured.
struct drain_order {
    int64_t wait_ns;
    int then; // enum config_then
};

struct drain_sentence {
    int64_t wait_ns;
    enum config_then then;
    int rule;     // index of the rule that decided, -1: the default
    bool excused; // a read that no rule names: it may finish where it is
};

struct drain_sentence drain_judge(const struct config_drain *config,
                                  const struct drain_order *order, const struct drain_facts *facts);

// The next thing to do with a session whose unit of work is still open.
enum drain_step { DRAIN_STEP_WAIT, DRAIN_STEP_ABORT, DRAIN_STEP_KILL };

// A session that does not react to an abort (a client that reads no rows, a server that hangs) is
// killed after this.
#define DRAIN_ABORT_GRACE_NS INT64_C(1000000000)

// `waited_ns`: since the drain began; `aborting_ns`: since the abort, negative before it.
enum drain_step drain_next(const struct drain_sentence *s, int64_t waited_ns, int64_t aborting_ns);

#endif
