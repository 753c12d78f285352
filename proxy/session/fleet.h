// The inside of struct traffic, and rounds: one question to every worker, one answer when all have
// spoken. Internal to session/ and drain/.
#ifndef SLUICE_SESSION_FLEET_H
#define SLUICE_SESSION_FLEET_H

#include <stdatomic.h>
#include <stdbool.h>

#include "auth/rsa.h"
#include "auth/vault.h"
#include "session/traffic.h"
#include "session/worker.h"

#define WORKERS_MAX 64

struct traffic {
    struct loop *main_loop;
    struct routes *routes;
    struct worker *workers[WORKERS_MAX];
    unsigned worker_count;
    struct gate gate;
    struct timer *gate_timer;
    struct rsa_key *rsa;
    struct vault *vault;              // NULL until auth.learn is on for the first time
    _Atomic(struct vault *) learning; // the same; NULL while auth.learn is off
    struct namer namer;
    struct confirm *confirm;
    struct warming *warming; // somebody waits for standby links
    unsigned warm;           // index of the backend kept warm, BACKEND_NONE
    struct killer killer;
    atomic_bool repointed; // a client's number of its connection may not be its link's
    void *drain;           // the drain that runs (drain/), or NULL
    struct timer *grace;   // shutdown: looks whether all have gone
    int64_t grace_left_ns;
    bool stop_forced;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

// Embedded as the first member of what the asker wants to keep; heap, freed by `done`.
struct round {
    struct traffic *traffic;
    unsigned waiting; // workers that have not answered; main thread only
    // In each worker's thread. Touches its own part of the asker's struct only.
    void (*visit)(struct worker *w, struct round *r);
    // In the main thread, when all have been visited. Owns r.
    void (*done)(struct round *r);
};

// Main thread.
void round_start(struct traffic *t, struct round *r);

#endif
