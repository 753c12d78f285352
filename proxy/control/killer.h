// A thread that kills statements and connections on the backends through the control account, so
// that no loop ever waits for a server.
#ifndef SLUICE_CONTROL_KILLER_H
#define SLUICE_CONTROL_KILLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/target.h"
#include "net/loop.h"

struct killer_service;

SL_CHECKED enum sl_code killer_new(struct killer_service **out, struct sl_error *err);
// The backends to reach, copied; replaces the earlier list.
void killer_set_targets(struct killer_service *k, const struct control_target *targets,
                        unsigned count);
// From any thread, does not block. KILL [QUERY] thread_id on that backend; afterwards (done or
// failed, within a few seconds) `done`, if not NULL, is posted to `reply_to`. Failures are logged.
void killer_kill(struct killer_service *k, const char *backend, uint32_t thread_id, bool query_only,
                 struct loop *reply_to, struct mail *done);
void killer_free(struct killer_service *k); // waits for the thread; posts what is still owed

#endif
