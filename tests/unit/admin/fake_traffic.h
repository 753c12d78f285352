// Traffic and drain as the admin face sees them, without workers: calls are remembered, and a test
// answers them when it likes.
#ifndef SLUICE_TESTS_ADMIN_FAKE_TRAFFIC_H
#define SLUICE_TESTS_ADMIN_FAKE_TRAFFIC_H

#include "admin/request.h"
#include "drain/drain.h"
#include "session/traffic.h"

struct fake {
    struct gate gate;
    struct routes routes;
    struct traffic_stats stats;
    // With `loop` set, a look is answered by it with these rows, once it has returned.
    struct loop *loop;
    const struct session_row *rows;
    unsigned row_count;
    const struct account_row *accounts;
    unsigned account_count;
    struct session_filter filter; // of the last look or kill
    uint64_t ids[8];
    char why[128];
    char unconfirmed[128]; // what traffic_confirm tells; "": nothing is wrong
    unsigned pauses, resumes, looks, confirms, kills, drains, cancels, reloads, shutdowns;
    int64_t drain_wait, drain_timeout;
    int drain_then;
    // What is owed, NULL: nothing.
    void (*paused)(void *arg, int64_t took_ns);
    void (*resumed)(void *arg);
    void (*looked)(void *arg, const struct session_row *rows, unsigned count, unsigned total);
    void (*killed)(void *arg, unsigned killed);
    void (*drain_moves)(void *arg, const struct drain_counts *counts);
    char warm[33]; // the target, "": none
    unsigned warm_cancels;
    int64_t warm_timeout;
    void (*warm_moves)(void *arg, const struct warm_counts *counts);
    void (*warmed)(void *arg, const struct warm_counts *counts);
    void (*drained)(void *arg, const struct drain_counts *counts, const struct drain_row *rows,
                    unsigned row_count);
    void *arg;
};

extern struct fake fake;

// A home for requests with everything behind it faked: two backends, milan active; the
// configuration is the smallest legal one.
struct fake_home {
    struct request_home home;
    struct admin_context context;
    struct events events;
    struct rates rates;
    struct peer peer;
};

void fake_home_init(struct fake_home *h);
void fake_home_release(struct fake_home *h);

// A sink that keeps what it is given.
struct kept {
    struct buf lines, end;
    enum sl_code code;
    bool finished;
    size_t backlog;
    struct loop *stop; // stopped when the answer comes
};

extern const struct request_sink KEEP;
void kept_release(struct kept *k);
// Runs one line with a role; the request while it runs.
struct request *fake_run(struct fake_home *h, struct kept *k, enum admin_role role,
                         const char *line);

#endif
