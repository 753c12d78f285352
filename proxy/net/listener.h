// Listening sockets: TCP with SO_REUSEPORT (one for each worker) or a unix socket (one, shared).
#ifndef SLUICE_NET_LISTENER_H
#define SLUICE_NET_LISTENER_H

#include <stdbool.h>

#include "base/error.h"
#include "net/address.h"
#include "net/loop.h"

// Opens and binds, does not accept yet. TCP: call once a worker with `reuseport`. A stale unix
// socket file (nobody answers there) is replaced, a live one is SL_ECONFLICT. `mode` for unix
// sockets. Returns the fd, or an error.
SL_CHECKED int listener_open(const struct address *a, bool reuseport, unsigned mode,
                             struct sl_error *err);

struct listener;
// Accepts on `fd` (owned from now on when `owns_fd`) in the loop's thread: `accepted` gets each new
// socket (owned by it) and the peer's address. Out of file descriptors: pauses for 100 ms and logs.
struct listener *listener_new(struct loop *l, int fd, bool owns_fd,
                              void (*accepted)(void *arg, int fd, const struct address *peer),
                              void *arg);
void listener_free(struct listener *l); // in the loop's thread

#endif
