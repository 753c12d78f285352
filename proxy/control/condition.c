// Waiting with a deadline that a change of the wall clock does not move.
#include "control/condition.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void condition_init(pthread_cond_t *c)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(c, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

bool condition_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns)
{
    struct timespec at = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = until_ns % NS_PER_S};
    return pthread_cond_timedwait(c, lock, &at) != ETIMEDOUT;
}
