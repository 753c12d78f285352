// The values of captures that are kept for long: most sessions of an application have the same, so
// equal ones are kept once.
//
//   session A ─┐
//   session B ─┼─> struct shared_values {"STRICT_...", "SYSTEM", ...}     one array, counted
//   session C ─┘
//
// Pure; a pool belongs to one thread.
#ifndef SLUICE_STATE_VALUES_POOL_H
#define SLUICE_STATE_VALUES_POOL_H

#include <stdint.h>

#include "state/capture.h"

struct shared_values; // values_pool.c's

struct values_pool {
    struct shared_values *first;
    unsigned count; // different arrays
};

void values_pool_init(struct values_pool *p);
// Takes over the values of `c`, which has none then. Never NULL; for values_pool_drop.
struct shared_values *values_pool_keep(struct values_pool *p, struct capture *c);
// Gives `c`, which has no values, a copy.
void values_pool_copy(const struct shared_values *v, struct capture *c);
void values_pool_drop(struct values_pool *p, struct shared_values *v); // NULL is fine

#endif
