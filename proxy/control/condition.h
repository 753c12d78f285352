// Condition variables on the clock that clock_now_ns reads, which no operator sets. Internal to
// control/.
#ifndef SLUICE_CONTROL_CONDITION_H
#define SLUICE_CONTROL_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

void condition_init(pthread_cond_t *c); // pthread_cond_destroy ends it
// With the lock. False when the time (clock_now_ns) has come; may return early.
bool condition_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns);

#endif
