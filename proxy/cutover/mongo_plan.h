// What one manoeuvre on a MongoDB set is to do: a copy of everything that it needs of the
// configuration, so that a reload in the middle changes nothing.
#ifndef SLUICE_CUTOVER_MONGO_PLAN_H
#define SLUICE_CUTOVER_MONGO_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "control/mongo_set.h"

// X(name, word in commands, journals and events)
#define MONGO_DEEDS(X)                                                                             \
    X(FAILOVER, "failover")                                                                        \
    X(ADD, "add")                                                                                  \
    X(REMOVE, "remove")

enum mongo_deed {
#define X(name, word) MONGO_DEED_##name,
    MONGO_DEEDS(X)
#undef X
};
const char *mongo_deed_name(enum mongo_deed d);
int mongo_deed_of(const char *name); // -1: none

struct mongo_plan {
    enum mongo_deed deed;
    char host[MONGO_HOST_MAX]; // a failover's may be "": the healthiest
    bool dry_run;              // the preflight alone
    char *uri;                 // heap, wiped; as all pointers below
    char *state_dir;           // of MongoDB's own journals
    char *by;
    int64_t max_lag_ns, step_down_ns, catch_up_ns;
    unsigned repair; // journal of a manoeuvre that did not end, to be gone on with; 0: a new one
};

struct mongo_plan *mongo_plan_new(void);
// As servers want them: whole seconds, rounded up.
int64_t mongo_plan_step_down_s(const struct mongo_plan *p);
int64_t mongo_plan_catch_up_s(const struct mongo_plan *p);
void mongo_plan_free(struct mongo_plan *p); // NULL is fine

#endif
