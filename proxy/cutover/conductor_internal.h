// The inside of the conductor, for its own files: conductor.c runs, tell.c speaks.
#ifndef SLUICE_CUTOVER_CONDUCTOR_INTERNAL_H
#define SLUICE_CUTOVER_CONDUCTOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cutover/conductor.h"

struct conductor {
    struct loop *main_loop;
    const struct cutover_plant *plant;
    void (*said)(void *arg, int64_t at_ns, const char *line);
    void (*ended)(void *arg, const struct conductor_status *how);
    void *arg;
    bool started; // there is a thread to join; the main thread's
    pthread_t thread;
    atomic_bool stop; // the run must end: abort, no-go, quit
    pthread_mutex_t lock;
    pthread_cond_t wake;
    // Under the lock:
    struct conductor_status status;
    struct preflight found;
    int64_t began_ns, held_ns, released_ns;
    bool go, no_go, aborted, quit;
    bool given_up;             // by the operator: no undo is tried again
    bool no_way_back;          // the release has been announced
    struct cutover_plan *plan; // of the run; the thread's once it has started
    unsigned journal;          // with an end that `recovery` says; 0: a new one
    struct recovery recovery;
};

// tell.c: the run is over. Posted behind everything that was told.
void conductor_tell_end(struct conductor *c, const struct conductor_status *how);

#endif
