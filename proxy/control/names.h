// The names of the user variables of one server thread, asked through the control account: MySQL
// keeps them in performance_schema, which applications' accounts may usually not read.
//
//   any thread: names_ask ──> lane of the backend ──> one query for all that wait
//               answer.mail.deliver, in the asker's loop <──┘
#ifndef SLUICE_CONTROL_NAMES_H
#define SLUICE_CONTROL_NAMES_H

#include <stdint.h>

#include "base/error.h"
#include "control/target.h"
#include "net/loop.h"

// Allocated zeroed by the asker, usually as the first member of something larger, with
// mail.deliver set. Everything else is filled in before it is delivered.
struct names_answer {
    struct mail mail;
    enum sl_code code; // not SL_OK: nothing is known of this thread; `problem` says why
    char problem[SL_ERROR_TEXT_MAX];
    unsigned count;
    char **names; // heap, as is each of them; utf8mb4, in order of bytes; NULL when count is 0
};
void names_answer_release(struct names_answer *a); // the names, not `a` itself

struct names_service;

SL_CHECKED enum sl_code names_new(struct names_service **out, struct sl_error *err);
// The backends to reach, copied; replaces the earlier list.
void names_set_targets(struct names_service *n, const struct control_target *targets,
                       unsigned count);
// From any thread, does not block; `answer` is the service's until it is delivered to `reply_to`,
// within a few seconds. A thread that the server does not show is SL_ENOTFOUND, never an empty
// list. Failures are not logged: who asks knows what they mean.
void names_ask(struct names_service *n, const char *backend, uint32_t thread_id,
               struct loop *reply_to, struct names_answer *answer);
void names_free(struct names_service *n); // waits for its threads; posts what is still owed

#endif
