// The two servers during a cutover: fence, promotion, turning round. See steps.c for the order and
// for the invariants C1 to C8.
#include "cutover/servers.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cutover/catch_up.h"
#include "cutover/fence_file.h"
#include "cutover/learned.h"
#include "cutover/report.h"
#include "cutover/run.h"
#include "cutover/task.h"

#define SERVER_NS (5 * NS_PER_S) // for a few statements
#define UNDO_NS (3 * NS_PER_S)   // one try of an undo; more than a lock is waited for (fence.h)
#define SEALED_NS (100 * NS_PER_MS)
#define SILENT_NS (20 * NS_PER_MS)

static const struct control_target *target_of(const struct run *r, const struct hand *h)
{
    return h == r->old ? &r->plan->old : &r->plan->target;
}

// A task on that hand's server.
static struct task *task_for(const struct run *r, const struct hand *h, task_act *act)
{
    return task_new(r->plan, target_of(r, h), act);
}

// One that is about a fence.
static struct task *fence_task(const struct run *r, const struct hand *h, const struct fence *f,
                               task_act *act)
{
    struct task *t = task_for(r, h, act);
    t->fence = fence_copy(f);
    return t;
}

// --- a server that does not answer -----------------------------------------------------------------

// For undoing on the target. While clients are held one that is sealed is not waited for (put_off),
// the less when it did not answer before.
static struct patience undo_there(const struct run *r)
{
    bool held = r->held_ns != 0 && r->released_ns == 0;
    if (!held || !r->target_sealed)
        return run_undo_patience(r, UNDO_NS);
    return run_undo_patience(r, hand_is_sure(r->target) ? SEALED_NS : SILENT_NS);
}

// The target's accounts are locked on its own disk, by us, and nobody has been told to unlock them:
// whatever becomes of it, no application writes there (C1). So traffic goes back to the old server
// now, and what is left to undo on the target is put off until it answers again.
static enum sl_code put_off(const struct run *r, enum sl_code code, struct sl_error *err)
{
    if (!task_was_silent(code) || !r->target_sealed)
        return code;
    conductor_tell(r->conductor,
                   "%s does not answer (%s); its accounts are locked, what is left to undo"
                   " there is done later",
                   r->plan->target.name, err->text);
    return SL_EAGAIN;
}

// --- the fence ----------------------------------------------------------------------------------

static enum sl_code act_plan(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct fence_rules rules = cutover_plan_rules(t->plan, t->on);
    fence_release(&t->fence);
    return fence_plan(sql, &rules, &t->fence, err);
}

static enum sl_code plan_fence(struct run *r, struct hand *h, struct fence *out, struct buf *json,
                               struct sl_error *err)
{
    struct patience p = run_patience(r, SERVER_NS);
    struct task *t = task_for(r, h, act_plan);
    enum sl_code code = task_do(&t, h, &p, err);
    if (code == SL_OK) {
        fence_release(out);
        *out = t->fence;
        t->fence = (struct fence){0};
        fence_to_json(out, json);
    }
    task_free(t);
    return code;
}

static enum sl_code act_holds(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = fence_holds(sql, &t->fence, err);
    return code == SL_OK ? fence_holds(sql, &t->more, err) : code;
}

// C2: asked anew each time.
static enum sl_code must_hold(const struct run *r, struct hand *h, const struct fence *f,
                              const struct fence *more, const struct patience *p,
                              struct sl_error *err)
{
    struct task *t = fence_task(r, h, f, act_holds);
    char text[SL_ERROR_TEXT_MAX];
    t->more = fence_copy(more);
    enum sl_code code = task_once(t, h, p, err);
    if (code != SL_OK) {
        text_copy(text, sizeof text, err->text);
        (void)sl_fail(err, code, "the fence of %s does not hold: %s", target_of(r, h)->name, text);
    }
    return code;
}

static struct fence_links links_of(const struct task *t)
{
    return (struct fence_links){t->ids, t->id_count};
}

// Kills those past sluice until a look finds none; ids: our own links.
static enum sl_code kill_until_none(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct fence_rules rules = cutover_plan_rules(t->plan, t->on);
    struct fence_links ours = links_of(t);
    struct fence_found found;
    for (;;) {
        enum sl_code code = fence_kill_direct(sql, &rules, &ours, &found, err);
        if (code != SL_OK || found.killed + found.dying == 0)
            return code;
        t->count += found.killed;
        if (patience_check(&t->by, err) != SL_OK)
            return sl_fail(err, SL_ETIMEOUT, "%u connections past sluice come back or do not end",
                           found.killed + found.dying);
        // Who is dying rolls back.
        if (found.killed == 0 && (code = sql_run(sql, "DO SLEEP(0.002)", err)) != SL_OK)
            return code;
    }
}

// Those who are in are thrown out first: SET GLOBAL read_only would wait for what they do.
static enum sl_code act_fence(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct fence_links ours = links_of(t);
    enum sl_code code = fence_lock(sql, &t->fence, &ours, err);
    if (code == SL_OK)
        code = kill_until_none(t, sql, err);
    if (code == SL_OK)
        code = fence_read_only(sql, &ours, err);
    if (code == SL_OK)
        code = kill_until_none(t, sql, err);
    return code == SL_OK ? fence_holds(sql, &t->fence, err) : code;
}

// *direct: how many were thrown out.
static enum sl_code put_up(struct run *r, struct hand *h, const struct fence *f, unsigned *direct,
                           struct sl_error *err)
{
    struct patience p = run_patience(r, SERVER_NS);
    struct task *t = fence_task(r, h, f, act_fence);
    enum sl_code code =
        r->plant->links(r->plant->arg, target_of(r, h)->name, &p, &t->ids, &t->id_count, err);
    if (code == SL_OK)
        code = task_do(&t, h, &p, err);
    if (code == SL_OK)
        *direct = t->count;
    task_free(t);
    return code;
}

static enum sl_code act_close(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = fence_lock(sql, &t->fence, NULL, err);
    if (code == SL_OK)
        code = fence_read_only(sql, NULL, err);
    return code == SL_OK ? fence_holds(sql, &t->fence, err) : code;
}

// A server that has restarted has forgotten read_only, but not who is locked.
static enum sl_code act_close_again(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = act_holds(t, sql, err);
    if (code != SL_ECONFLICT)
        return code;
    code = fence_lock(sql, &t->fence, NULL, err);
    if (code == SL_OK)
        code = fence_lock(sql, &t->more, NULL, err);
    if (code == SL_OK)
        code = fence_read_only(sql, NULL, err);
    return code == SL_OK ? act_holds(t, sql, err) : code;
}

// C2 for whoever has no other way to go: what does not hold is made to. SL_OK also for a server that
// does not answer, but was sealed (C1).
static enum sl_code close_again(const struct run *r, struct hand *h, const struct fence *f,
                                const struct fence *more, bool sealed, const struct patience *p,
                                struct sl_error *err)
{
    struct task *t = fence_task(r, h, f, act_close_again);
    t->more = fence_copy(more);
    enum sl_code code = task_once(t, h, p, err);
    if (!task_was_silent(code) || !sealed)
        return code;
    conductor_tell(r->conductor, "%s does not answer (%s), but its accounts are locked",
                   target_of(r, h)->name, err->text);
    return SL_OK;
}

static enum sl_code act_open(struct task *t, struct sql *sql, struct sl_error *err)
{
    return fence_open(sql, &t->fence, err);
}

// Read-only it was left, and read-only it must be.
static enum sl_code act_invite(struct task *t, struct sql *sql, struct sl_error *err)
{
    static const struct fence none;
    enum sl_code code = fence_holds(sql, &none, err);
    if (code == SL_OK)
        code = fence_unlock(sql, &t->fence, err);
    return code == SL_OK ? fence_read_only(sql, NULL, err) : code;
}

enum sl_code servers_invite(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_patience(r, SERVER_NS);
    if (r->saved.count == 0)
        return SL_OK;
    return task_once(fence_task(r, r->target, &r->saved, act_invite), r->target, &p, err);
}

// Nobody is held when this is undone first, and nobody waits for it later.
enum sl_code servers_uninvite(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_undo_patience(r, UNDO_NS);
    if (r->saved.count == 0)
        return SL_OK;
    enum sl_code code =
        task_once(fence_task(r, r->target, &r->saved, act_close), r->target, &p, err);
    return put_off(r, code, err);
}

// What the preflight has learned goes with the first step that changes something.
enum sl_code servers_plan_invite(void *arg, struct buf *json, struct sl_error *err)
{
    (void)err;
    learned_to_json(arg, json);
    return SL_OK;
}

enum sl_code servers_recall_invite(void *arg, const char *json, struct sl_error *err)
{
    return learned_from_json(json, arg, err);
}

enum sl_code servers_plan_target(void *arg, struct buf *json, struct sl_error *err)
{
    struct run *r = arg;
    return plan_fence(r, r->target, &r->target_fence, json, err);
}

enum sl_code servers_recall_target(void *arg, const char *json, struct sl_error *err)
{
    struct run *r = arg;
    fence_release(&r->target_fence);
    return fence_from_json(json, &r->target_fence, err);
}

// Who has logged in there before would write as soon as it is promoted, and who passes read_only
// even earlier; nobody comes back.
enum sl_code servers_close_target(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    unsigned direct = 0;
    enum sl_code code = put_up(r, r->target, &r->target_fence, &direct, err);
    r->target_sealed = code == SL_OK;
    if (direct > 0)
        conductor_tell(r->conductor, "%s is closed: %u direct connections ended",
                       r->plan->target.name, direct);
    return code;
}

// The old server is the open one again, or still.
enum sl_code servers_reopen_target(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = run_undo_patience(r, UNDO_NS);
    enum sl_code code =
        task_once(fence_task(r, r->target, &r->target_fence, act_open), r->target, &p, err);
    return put_off(r, code, err);
}

enum sl_code servers_plan_old(void *arg, struct buf *json, struct sl_error *err)
{
    struct run *r = arg;
    return plan_fence(r, r->old, &r->old_fence, json, err);
}

enum sl_code servers_recall_old(void *arg, const char *json, struct sl_error *err)
{
    struct run *r = arg;
    fence_release(&r->old_fence);
    return fence_from_json(json, &r->old_fence, err);
}

// It stays after a success: whoever opens that server again must know what to open (the way back).
enum sl_code servers_fence_old(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    enum sl_code code = fence_file_store(r->plan->state_dir, r->plan->old.name, &r->old_fence, err);
    if (code == SL_OK)
        code = put_up(r, r->old, &r->old_fence, &r->report->direct, err);
    r->old_sealed = code == SL_OK;
    if (code == SL_OK) {
        r->report->locked = r->old_fence.count;
        conductor_tell(r->conductor,
                       "%s is fenced: %u accounts locked, %u direct connections ended",
                       r->plan->old.name, r->old_fence.count, r->report->direct);
    }
    return code;
}

enum sl_code servers_unfence_old(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = undo_there(r);
    enum sl_code code =
        close_again(r, r->target, &r->target_fence, &r->saved, r->target_sealed, &p, err);
    r->old_sealed = r->old_sealed && code != SL_OK;
    p = run_undo_patience(r, UNDO_NS);
    if (code == SL_OK)
        code = task_once(fence_task(r, r->old, &r->old_fence, act_open), r->old, &p, err);
    return code == SL_OK ? fence_file_remove(r->plan->state_dir, r->plan->old.name, err) : code;
}

// --- catching up, promotion -----------------------------------------------------------------------

// One way nothing may come to its log at all; both ways what comes from the target does.
static bool wrote_behind_fence(const struct run *r, const struct position *fenced,
                               const struct position *now)
{
    return r->both_ways ? position_wrote_itself(fenced, now)
                        : binlog_place_compare(&fenced->log, &now->log) != PLACE_SAME;
}

// The fenced server stands still, and the target has all of it.
enum sl_code servers_catch_up(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct position *fenced = &r->fenced, after = {0};
    int64_t took = 0;
    struct patience p = run_patience(r, r->plan->catch_up_ns);
    position_release(fenced);
    enum sl_code code = catch_up_look(r, r->old, &p, fenced, err);
    if (code == SL_OK) {
        report_stands(r->report, REPORT_OLD_FENCED, fenced);
        code = catch_up_to(r, fenced, &p, &took, err);
    }
    if (code == SL_OK)
        code = catch_up_look(r, r->old, &p, &after, err);
    if (code == SL_OK) {
        r->report->catch_up_ns = took;
        report_stands(r->report, REPORT_OLD_CAUGHT_UP, &after);
        r->report->moved_behind_fence = wrote_behind_fence(r, fenced, &after);
    }
    if (code == SL_OK && r->report->moved_behind_fence)
        code = sl_fail(err, SL_ECONFLICT,
                       "somebody writes to %s behind the fence: %s:%llu, then %s:%llu",
                       r->plan->old.name, fenced->log.file, (unsigned long long)fenced->log.offset,
                       after.log.file, (unsigned long long)after.log.offset);
    if (code == SL_OK)
        conductor_tell(r->conductor, "%s has everything that %s has (%.1f ms)",
                       r->plan->target.name, r->plan->old.name, (double)took / (double)NS_PER_MS);
    position_release(&after);
    return code;
}

// A look that fails proves nothing, and hinders nothing.
void servers_prove_fence(struct run *r, const struct patience *p)
{
    struct position now = {0};
    struct sl_error err;
    if (r->report->places[REPORT_OLD_FENCED][0] == '\0')
        return; // after a crash nobody knows where it stood
    if (catch_up_look(r, r->old, p, &now, &err) != SL_OK) {
        conductor_tell(r->conductor, "WARN the fence of %s could not be looked at again: %s",
                       r->plan->old.name, err.text);
        return;
    }
    report_stands(r->report, REPORT_OLD_END, &now);
    r->report->moved_behind_fence = wrote_behind_fence(r, &r->fenced, &now);
    if (r->report->moved_behind_fence)
        conductor_tell(r->conductor,
                       "WARN somebody wrote to %s behind the fence: it was at %s,"
                       " and is at %s",
                       r->plan->old.name, r->report->places[REPORT_OLD_FENCED],
                       r->report->places[REPORT_OLD_END]);
    position_release(&now);
}

static enum sl_code act_writable(struct task *t, struct sql *sql, struct sl_error *err)
{
    (void)t;
    return fence_writable(sql, err);
}

static enum sl_code act_read_only(struct task *t, struct sql *sql, struct sl_error *err)
{
    (void)t;
    return fence_read_only(sql, NULL, err);
}

// Where it stands while nobody writes: from there on the old server will follow.
enum sl_code servers_plan_promote(void *arg, struct buf *json, struct sl_error *err)
{
    struct run *r = arg;
    struct position now = {0};
    struct patience p = run_patience(r, SERVER_NS);
    enum sl_code code = catch_up_look(r, r->target, &p, &now, err);
    r->place = now.log;
    if (code == SL_OK)
        report_stands(r->report, REPORT_TARGET_CAUGHT_UP, &now);
    position_release(&now);
    if (code == SL_OK)
        place_to_json(&r->place, json);
    return code;
}

enum sl_code servers_recall_promote(void *arg, const char *json, struct sl_error *err)
{
    struct run *r = arg;
    return place_from_json(json, &r->place, err);
}

// Its accounts stay locked until the release (C1).
enum sl_code servers_promote(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    static const struct fence none;
    struct patience p = run_patience(r, SERVER_NS);
    enum sl_code code = must_hold(r, r->old, &r->old_fence, &none, &p, err);
    if (code == SL_OK)
        code = task_once(task_for(r, r->target, act_writable), r->target, &p, err);
    return code;
}

enum sl_code servers_demote(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    struct patience p = undo_there(r);
    enum sl_code code = task_once(task_for(r, r->target, act_read_only), r->target, &p, err);
    return put_off(r, code, err);
}

// The last moment at which a doubt stops it.
enum sl_code servers_plan_release(void *arg, struct buf *json, struct sl_error *err)
{
    struct run *r = arg;
    static const struct fence none;
    struct patience p = run_patience(r, SERVER_NS);
    (void)json;
    return must_hold(r, r->old, &r->old_fence, &none, &p, err);
}

// more: what an earlier cutover locked there. It may have restarted since it was promoted.
static enum sl_code act_unlock(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = fence_unlock(sql, &t->fence, err);
    if (code == SL_OK)
        code = fence_unlock(sql, &t->more, err);
    return code == SL_OK ? fence_writable(sql, err) : code;
}

enum sl_code servers_unlock_target(struct run *r, struct sl_error *err)
{
    static const struct fence none;
    struct patience p = run_patience(r, SERVER_NS);
    enum sl_code code = close_again(r, r->old, &r->old_fence, &none, r->old_sealed, &p, err);
    if (code != SL_OK)
        return code;
    struct task *t = fence_task(r, r->target, &r->target_fence, act_unlock);
    t->more = fence_copy(&r->saved);
    r->target_sealed = false;
    return task_once(t, r->target, &p, err);
}

// Some of them, likewise.
enum sl_code servers_unlock_testers(struct run *r, const struct fence *f, struct sl_error *err)
{
    static const struct fence none;
    struct patience p = run_patience(r, SERVER_NS);
    enum sl_code code = must_hold(r, r->old, &r->old_fence, &none, &p, err);
    if (code != SL_OK)
        return code;
    r->target_sealed = false;
    return task_once(fence_task(r, r->target, f, act_unlock), r->target, &p, err);
}

static enum sl_code act_lock_and_kill(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = fence_lock(sql, &t->fence, NULL, err);
    if (code == SL_OK)
        code = fence_lock(sql, &t->more, NULL, err);
    return code == SL_OK ? kill_until_none(t, sql, err) : code;
}

enum sl_code servers_lock_testers(struct run *r, unsigned *killed, struct sl_error *err)
{
    struct patience p = run_undo_patience(r, SERVER_NS);
    struct task *t = fence_task(r, r->target, &r->target_fence, act_lock_and_kill);
    t->more = fence_copy(&r->saved);
    enum sl_code code =
        r->plant->links(r->plant->arg, r->plan->target.name, &p, &t->ids, &t->id_count, err);
    if (code == SL_OK)
        code = task_do(&t, r->target, &p, err);
    if (code == SL_OK) {
        *killed = t->count;
        r->target_sealed = true;
    }
    task_free(t);
    return code;
}
