// What the conductor asks of the daemon that it stands in: the gate, the drain, the routes. Each
// call blocks the conductor's thread until the main loop has done it and every worker has
// acknowledged it, or until the patience is at its end; then it may still happen.
#ifndef SLUICE_CUTOVER_PLANT_H
#define SLUICE_CUTOVER_PLANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/hand.h"
#include "cutover/preflight.h"
#include "drain/drain.h"

// The traffic and the two servers at one moment. About 30 KiB.
struct server_look {
    bool known; // by the monitor, reachable
    unsigned threads_running;
    uint64_t queries;
    double lag_seconds;       // < 0: unknown
    int64_t lag_transactions; // -1: unknown
};
struct cutover_look {
    int64_t at_ns;
    struct traffic_stats stats; // without worst_turn_ns
    struct felt felt;
    struct server_look old, target;
};

struct cutover_plant {
    void *arg;
    // Standby links to `backend`; SL_OK also when some could not be had: `counts` say.
    enum sl_code (*warm)(void *arg, const char *backend, const struct patience *p,
                         struct warm_counts *counts, struct sl_error *err);
    enum sl_code (*cool)(void *arg, struct sl_error *err); // drops them
    // Each new unit of work waits for so long before it is sent; 0: none does.
    enum sl_code (*throttle)(void *arg, int64_t delay_ns, struct sl_error *err);
    // Closes the gate for the reason "cutover", or keeps it closed.
    enum sl_code (*hold)(void *arg, const struct patience *p, struct sl_error *err);
    // Who passes although it is closed for that reason; NULL: nobody any more.
    enum sl_code (*let_in)(void *arg, struct gate_exceptions *testers, struct sl_error *err);
    // Opens it again (when it has no other reason).
    enum sl_code (*release)(void *arg, struct sl_error *err);
    // SL_OK when nothing is open any more; the gate must be closed. `at_once`: whom no rule names is
    // not waited for. `rows`: who was ended or is left, at most `*row_count` of them.
    enum sl_code (*drain)(void *arg, bool at_once, const struct patience *p,
                          struct drain_counts *counts, struct drain_row *rows, unsigned *row_count,
                          struct sl_error *err);
    enum sl_code (*end_drain)(void *arg, struct sl_error *err); // one that was given up
    // On disk first, then in the routes.
    enum sl_code (*repoint)(void *arg, const char *backend, struct sl_error *err);
    // The server connection ids of all our links to `backend`, sorted; *ids is heap.
    enum sl_code (*links)(void *arg, const char *backend, const struct patience *p, uint32_t **ids,
                          unsigned *count, struct sl_error *err);
    // The sessions, and those that could not move now.
    enum sl_code (*census)(void *arg, const struct patience *p, struct session_census *out,
                           struct sl_error *err);
    // What clients felt (FELT_BEGIN: from now on), and how the servers named are.
    enum sl_code (*look)(void *arg, enum felt_look how, const char *old, const char *target,
                         const struct patience *p, struct cutover_look *out, struct sl_error *err);
};

#endif
