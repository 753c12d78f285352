// What the steps do to the two servers: `arg` is a struct run. Internal to cutover/; the order and
// the invariants are steps.c's.
#ifndef SLUICE_CUTOVER_SERVERS_H
#define SLUICE_CUTOVER_SERVERS_H

#include "base/bytes.h"
#include "base/error.h"
#include "control/hand.h"

struct fence;
struct run;

enum sl_code servers_plan_invite(void *arg, struct buf *json, struct sl_error *err);
enum sl_code servers_recall_invite(void *arg, const char *json, struct sl_error *err);
enum sl_code servers_invite(void *arg, struct sl_error *err);
enum sl_code servers_uninvite(void *arg, struct sl_error *err);

enum sl_code servers_plan_target(void *arg, struct buf *json, struct sl_error *err);
enum sl_code servers_recall_target(void *arg, const char *json, struct sl_error *err);
enum sl_code servers_close_target(void *arg, struct sl_error *err);
enum sl_code servers_reopen_target(void *arg, struct sl_error *err);

enum sl_code servers_plan_old(void *arg, struct buf *json, struct sl_error *err);
enum sl_code servers_recall_old(void *arg, const char *json, struct sl_error *err);
enum sl_code servers_fence_old(void *arg, struct sl_error *err);
enum sl_code servers_unfence_old(void *arg, struct sl_error *err);

enum sl_code servers_catch_up(void *arg, struct sl_error *err);

enum sl_code servers_plan_promote(void *arg, struct buf *json, struct sl_error *err);
enum sl_code servers_recall_promote(void *arg, const char *json, struct sl_error *err);
enum sl_code servers_promote(void *arg, struct sl_error *err);
enum sl_code servers_demote(void *arg, struct sl_error *err);

enum sl_code servers_plan_release(void *arg, struct buf *json, struct sl_error *err);
// Only when the old server's fence holds, or is made to (C2).
enum sl_code servers_unlock_target(struct run *r, struct sl_error *err);
// Some of the target's accounts only, under the same condition.
enum sl_code servers_unlock_testers(struct run *r, const struct fence *f, struct sl_error *err);
// All of the target's accounts, and who got in with them around sluice is killed. *killed: so many.
enum sl_code servers_lock_testers(struct run *r, unsigned *killed, struct sl_error *err);
// The proof of the fence: where the old server stands now that the new one is at work, and nobody has
// let it follow yet.
void servers_prove_fence(struct run *r, const struct patience *p);
// turn.c
enum sl_code servers_turn(void *arg, struct sl_error *err);

#endif
