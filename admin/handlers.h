// The handlers of the command table. Each gets a checked call, fills r->answer and ends the request
// with request_done or request_fail, now or later.
#ifndef SLUICE_ADMIN_HANDLERS_H
#define SLUICE_ADMIN_HANDLERS_H

#include "admin/request.h"

// help.c
void run_help(struct request *r);
// show.c: they look and change nothing
void run_show_status(struct request *r);
void run_show_backends(struct request *r);
void run_show_stats(struct request *r);
void run_show_config(struct request *r);
void run_show_version(struct request *r);
// sessions.c
void run_show_sessions(struct request *r);
void run_show_obstacles(struct request *r);
void run_kill(struct request *r);
// accounts.c
void run_show_accounts(struct request *r);
// cutover.c
void run_cutover_check(struct request *r);
void run_cutover_start(struct request *r);
void run_cutover_status(struct request *r);
void run_cutover_go(struct request *r);
void run_cutover_no_go(struct request *r);
void run_cutover_abort(struct request *r);
void run_cutover_forget(struct request *r);
// What the operator has to do about a cutover that is stuck or did not end; NULL: nothing.
const char *cutover_needs(const struct request *r, const struct conductor_status *s, char *out,
                          size_t size);
void run_cutover_report(struct request *r);
// For the daemon: a line of progress, and the end.
void cutover_said(struct request_home *home, int64_t at_ns, const char *line);
void cutover_ended(struct request_home *home, const struct conductor_status *how);
// The verdict, and a table of a preflight's rows.
void cutover_add_findings(struct answer *a, const struct preflight *found);
// mongo.c
void run_mongo_status(struct request *r);
void run_mongo_add(struct request *r);
void run_mongo_failover(struct request *r);
void run_mongo_remove(struct request *r);
void run_mongo_abort(struct request *r);
void run_mongo_forget(struct request *r);
// For the daemon: a line of progress, the end, and what a look has seen (`set` NULL: why not).
void mongo_said(struct request_home *home, int64_t at_ns, const char *line);
void mongo_ended(struct request_home *home, const struct mongo_status *how);
void mongo_seen(struct request_home *home, const struct mongo_set *set, const struct sl_error *err);
void cutover_watched(struct request_home *home, const struct conductor_status *how);
// warm.c
void run_warm(struct request *r);
// traffic.c: the gate and the ladder
void run_pause(struct request *r);
void run_resume(struct request *r);
void run_drain(struct request *r);
// operate.c: the daemon itself
void run_repoint(struct request *r);
void run_reload(struct request *r);
void run_log_level(struct request *r);
void run_events(struct request *r);
void run_shutdown(struct request *r);

// The filter that the options --state, --user, --host, --obstacle and --older of a call make;
// only those that the row has are looked at.
struct session_filter filter_of_call(const struct call *c);

#endif
