// What one cutover is to do: a copy of everything it needs of the configuration, taken when it
// starts, so that a reload in the middle changes nothing. Immutable, shared by counting, because a
// statement that was left behind on a server that hangs may outlive the cutover.
#ifndef SLUICE_CUTOVER_PLAN_H
#define SLUICE_CUTOVER_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/fence.h"
#include "control/target.h"

#include "cutover/preflight.h"

struct gate_exceptions;

struct cutover_check {
    char *name, *sql, *expect, *command; // heap; sql or command is "", expect NULL: anything
    int64_t timeout_ns;
};

struct cutover_plan {
    _Atomic unsigned references;
    char *state_dir;                   // heap, as all pointers below
    struct control_target old, target; // their names are the backends'
    char *by;                          // who ordered it, for journal and report
    bool check;                        // the preflight alone
    bool dry_run, ask;
    int64_t budget_ns; // the longest stall
    int64_t max_lag_ns, approach_lag_ns, approach_ns, throttle_ns, catch_up_ns;
    int64_t watch_ns;                // 0: no watch
    struct gate_exceptions *testers; // a reference; NULL: none
    char **accept;                   // rows of the preflight whose NO is no hindrance
    unsigned accept_count;
    char **keep; // users whose accounts are never locked nor killed
    unsigned keep_count;
    char **seen; // users that have logged in through sluice
    unsigned seen_count;
    char *replication_user, *replication_password; // wiped; how the old server follows the new one
    struct cutover_check *checks;
    unsigned check_count;
};

struct cutover_plan *cutover_plan_new(void); // zeroed, one reference
struct cutover_plan *cutover_plan_ref(struct cutover_plan *p);
void cutover_plan_unref(struct cutover_plan *p); // NULL is fine
// Before it is shared.
void cutover_plan_add_seen(struct cutover_plan *p, const char *user);
// Who is an application on the server `on`; borrowed from the plan.
struct fence_rules cutover_plan_rules(const struct cutover_plan *p,
                                      const struct control_target *on);

// The rows of the preflight whose NO was accepted; borrowed from the plan.
struct preflight_accepted cutover_plan_accepted(const struct cutover_plan *p);

#endif
