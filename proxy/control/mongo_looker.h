// Looks at a MongoDB set for the main thread, which must not wait: a thread for each look, one at a time.
//
//     mongo_looker_look ──> its thread: mongo_circle_look ──> seen(), in the main loop
//
// A look at servers that hang takes their time-outs. The daemon's end waits for one of them at most: a
// thread must not be inside libmongoc while the process tears that down.
#ifndef SLUICE_CONTROL_MONGO_LOOKER_H
#define SLUICE_CONTROL_MONGO_LOOKER_H

#include "base/error.h"
#include "control/mongo_set.h"
#include "net/loop.h"

struct mongo_looker;

// `seen`, in the main loop: the set, or code and reason.
struct mongo_looker *mongo_looker_new(struct loop *main_loop,
                                      void (*seen)(void *arg, const struct mongo_set *set,
                                                   enum sl_code code, const struct sl_error *err),
                                      void *arg);
// Who asks while a look is under way gets that one's answer. SL_EIO: no thread.
SL_CHECKED enum sl_code mongo_looker_look(struct mongo_looker *l, const char *uri,
                                          struct sl_error *err);
// In the main loop's thread, when the loop runs no more. NULL is fine.
void mongo_looker_free(struct mongo_looker *l);

#endif
