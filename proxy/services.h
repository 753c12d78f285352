// What sessions ask of the servers through the control account: the services of control/, as the
// traffic knows them (struct killer, namer and holder). Main thread.
#ifndef SLUICE_SERVICES_H
#define SLUICE_SERVICES_H

#include "base/error.h"
#include "control/target.h"

struct services;
struct traffic;

SL_CHECKED enum sl_code services_new(struct services **out, struct sl_error *err);
// The backends to reach, copied; replaces the earlier list.
void services_set_targets(struct services *s, const struct control_target *targets, unsigned count);
// The traffic may ask from now on, until services_free.
void services_offer(struct services *s, struct traffic *t);
void services_free(struct services *s); // waits for their threads; NULL is fine

#endif
