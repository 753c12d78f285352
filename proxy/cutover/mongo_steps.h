// What the steps of MongoDB manoeuvres share, and what they do; the tables are in mongo_steps.c. Internal to
// cutover/. `arg` is a struct mongo_run.
#ifndef SLUICE_CUTOVER_MONGO_STEPS_H
#define SLUICE_CUTOVER_MONGO_STEPS_H

#include "cutover/mongo_run.h"

// For acts: abort and the daemon's end stop them. For undoing: nobody does.
struct patience mongo_within(const struct mongo_run *r, int64_t limit_ns);
struct patience mongo_undoing_within(int64_t limit_ns);
struct mongo_edit mongo_edit_of(enum mongo_edit_kind kind, const char *host, double priority,
                                int votes);

// mongo_failover.c
enum sl_code mongo_probe(void *arg, struct sl_error *err);
enum sl_code mongo_unprobe(void *arg, struct sl_error *err);
enum sl_code mongo_prefer(void *arg, struct sl_error *err);
enum sl_code mongo_unprefer(void *arg, struct sl_error *err);
enum sl_code mongo_freeze(void *arg, struct sl_error *err);
enum sl_code mongo_unfreeze(void *arg, struct sl_error *err);
enum sl_code mongo_step_down(void *arg, struct sl_error *err);
enum sl_code mongo_unstep_down(void *arg, struct sl_error *err);
enum sl_code mongo_take_over(void *arg, struct sl_error *err);
enum sl_code mongo_restore(void *arg, struct sl_error *err);
// mongo_members.c
enum sl_code mongo_attach(void *arg, struct sl_error *err);
enum sl_code mongo_unattach(void *arg, struct sl_error *err);
enum sl_code mongo_fill(void *arg, struct sl_error *err);
enum sl_code mongo_vote(void *arg, struct sl_error *err);
enum sl_code mongo_unvote(void *arg, struct sl_error *err);
enum sl_code mongo_weigh(void *arg, struct sl_error *err);
enum sl_code mongo_silence(void *arg, struct sl_error *err);
enum sl_code mongo_unsilence(void *arg, struct sl_error *err);
enum sl_code mongo_leave(void *arg, struct sl_error *err);

#endif
