// What the other files of net/ need of a loop: each libevent callback says so when it begins, and
// that is how a turn of the loop gets its time.
#ifndef SLUICE_NET_LOOP_INTERNAL_H
#define SLUICE_NET_LOOP_INTERNAL_H

#include "net/loop.h"

// First line of every libevent callback of net/.
void loop_turn(struct loop *l);

#endif
