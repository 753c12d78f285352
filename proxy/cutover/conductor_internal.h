// The inside of the conductor, for its own files: conductor.c runs, tell.c speaks.
#ifndef SLUICE_CUTOVER_CONDUCTOR_INTERNAL_H
#define SLUICE_CUTOVER_CONDUCTOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cutover/conductor.h"
#include "cutover/report.h"

struct conductor {
    struct loop *main_loop;
    const struct cutover_plant *plant;
    struct conductor_ears ears;
    bool started; // there is a thread to join; the main thread's
    pthread_t thread;
    atomic_bool stop;       // the run must end: abort, no-go, quit
    atomic_bool stop_watch; // another starts, quit
    struct report *report;  // of the run; the thread's
    pthread_mutex_t lock;
    pthread_cond_t wake;
    // Under the lock:
    struct conductor_status status;
    struct preflight found;
    int64_t began_ns, held_ns, released_ns;
    bool go, no_go, aborted, quit;
    bool given_up;    // by the operator: no undo is tried again
    bool no_way_back; // the release has been announced
    struct report_word heard[REPORT_WORDS_MAX];
    unsigned heard_count;
    struct cutover_plan *plan; // of the run; the thread's once it has started
    unsigned journal;          // with an end that `recovery` says; 0: a new one
    struct recovery recovery;
};

// tell.c: the run, or its watch, is over. Posted behind everything that was told.
void conductor_tell_end(struct conductor *c, const struct conductor_status *how, bool of_watch);

#endif
