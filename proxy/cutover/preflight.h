// The preflight's verdict: a pure function of what both servers, their positions and the traffic say.
// One row a question, each with its evidence in one line that an operator understands at night.
//
//   GO    as it should be
//   WARN  a cutover will work, but somebody should know this
//   NO    a cutover must not start, or would be undone
#ifndef SLUICE_CUTOVER_PREFLIGHT_H
#define SLUICE_CUTOVER_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "control/facts.h"
#include "control/position.h"

enum verdict { VERDICT_GO, VERDICT_WARN, VERDICT_NO };
const char *verdict_name(enum verdict v); // "GO"

#define PREFLIGHT_ROWS_MAX 40

struct preflight_row {
    const char *name; // static
    enum verdict verdict;
    char evidence[400];
};

struct preflight {
    unsigned count;
    struct preflight_row rows[PREFLIGHT_ROWS_MAX];
};

// One server as it was found; all borrowed.
struct preflight_server {
    const char *name;
    const char *problem; // why nothing is known of it; "" when all is
    const struct facts *facts;
    const struct position *position;
    const char *replication_error; // "" for none
};

// The sessions that sluice carries.
struct session_census {
    unsigned sessions, staying; // all; those that could not move now
    char reasons[200];          // of those: "3 temporary_table, 1 user_lock"
};

struct preflight_input {
    struct preflight_server old, target;
    // How long the target took to get where the old server was.
    enum { LAG_UNASKED, LAG_MEASURED, LAG_TOO_LONG } lag;
    int64_t lag_ns, max_lag_ns;
    struct session_census census;
    const uint32_t *ours; // server connection ids of our links on the old server, sorted
    unsigned our_count;
    const struct fence *saved; // what an earlier cutover left locked on the target
    struct fence_names seen;   // users that have logged in through sluice
    size_t testers;            // configured
    bool asks;                 // the cutover waits for a go, without which testers have no effect
    const char *state_dir;
    int64_t disk_free; // bytes there; -1: unknown
};

void preflight_judge(const struct preflight_input *in, struct preflight *out);
// The worst of all rows.
enum verdict preflight_verdict(const struct preflight *p);
// Rows whose NO somebody has accepted by name; borrowed.
struct preflight_accepted {
    const char *const *names;
    unsigned count;
};
// SL_ENOTFOUND: there is no such row; SL_EDENIED: its NO cannot be accepted, since the steps
// themselves would be impossible.
SL_CHECKED enum sl_code preflight_may_accept(const char *name, struct sl_error *err);
// Names the NO rows that were not accepted (NULL: none is), with their evidence; SL_OK when there is none.
SL_CHECKED enum sl_code preflight_check(const struct preflight *p,
                                        const struct preflight_accepted *accepted,
                                        struct sl_error *err);
bool preflight_is_accepted(const struct preflight_accepted *accepted, const char *name);

#endif
