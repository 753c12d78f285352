// Waiting for the target. The server's own wait is how to sleep; a new look and the comparison of
// positions decide (control/position.h says why).
#include "cutover/catch_up.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/look.h"
#include "control/position_wait.h"
#include "cutover/task.h"

#define PIECE_MS 200 // of waiting on the server at most: then the channel is looked at
#define STATEMENT_MAX (GTID_TEXT_MAX + 1024)

static enum sl_code act_look(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct backend_view *view = mem_zalloc(sizeof *view);
    position_release(&t->position);
    enum sl_code code = look_at_position(sql, view, &t->position, err);
    if (code == SL_OK && view->problem[0] != '\0')
        code = sl_fail(err, SL_EDENIED, "%s: %s", t->on->name, view->problem);
    text_copy(t->problem, sizeof t->problem, view->replication_error);
    mem_free(view);
    return code;
}

static const struct control_target *target_of(const struct run *r, const struct hand *h)
{
    return h == r->old ? &r->plan->old : &r->plan->target;
}

enum sl_code catch_up_look(struct run *r, struct hand *h, const struct patience *p,
                           struct position *out, struct sl_error *err)
{
    struct task *t = task_new(r->plan, target_of(r, h), act_look);
    enum sl_code code = task_do(&t, h, p, err);
    *out = (struct position){0};
    if (code == SL_OK) {
        *out = t->position;
        t->position = (struct position){0};
    }
    task_free(t);
    return code;
}

// --- one piece of waiting -----------------------------------------------------------------------

// What the channel says when nothing comes any more.
static enum sl_code not_replicating(const struct task *t, struct sl_error *err)
{
    const struct replica_channel *c = position_channel(&t->position, &t->other);
    if (c == NULL)
        return sl_fail(err, SL_ECONFLICT, "%s does not replicate from %s", t->plan->target.name,
                       t->plan->old.name);
    if (t->problem[0] != '\0')
        return sl_fail(err, SL_ECONFLICT, "replication on %s has stopped: %s", t->plan->target.name,
                       t->problem);
    return sl_fail(err, SL_ECONFLICT, "replication on %s is stopped", t->plan->target.name);
}

static bool is_applying(const struct task *t)
{
    const struct replica_channel *c = position_channel(&t->position, &t->other);
    return c == NULL || c->sql_running;
}

// No longer than there is time for: what would have to be left behind has to be killed later.
static int64_t piece_of(const struct patience *p)
{
    int64_t left_ms = (p->until_ns - clock_now_ns()) / NS_PER_MS;
    return left_ms < 1 ? 1 : left_ms < PIECE_MS ? left_ms : PIECE_MS;
}

static enum sl_code sleep_there(struct task *t, struct sql *sql, struct sl_error *err)
{
    struct buf statement;
    int64_t piece_ms = piece_of(&t->by);
    buf_init(&statement, STATEMENT_MAX);
    enum sl_code code = position_wait_statement(&t->other, &t->position, sql_version_number(sql),
                                                piece_ms, &statement, err);
    int64_t began = clock_now_ns();
    if (code == SL_OK)
        code = sql_query(sql, buf_text(&statement), err);
    buf_release(&statement);
    if (code != SL_OK)
        return code;
    const char *value = sql_next(sql) ? sql_column_value(sql, 0) : NULL;
    int64_t took_ms = (clock_now_ns() - began) / NS_PER_MS;
    return position_wait_answer(&t->other, &t->position, value, took_ms, piece_ms) ==
                   WAIT_NOT_REPLICATING
               ? not_replicating(t, err)
               : SL_OK;
}

// other: the source's position; position: the target's last look. Ends when there is no gap.
static enum sl_code act_wait(struct task *t, struct sql *sql, struct sl_error *err)
{
    enum sl_code code = act_look(t, sql, err);
    while (code == SL_OK) {
        struct position_gap gap = position_gap(&t->other, &t->position);
        if (gap.kind == GAP_NONE)
            return SL_OK;
        if (gap.kind == GAP_UNKNOWN || !is_applying(t))
            return not_replicating(t, err);
        code = patience_check(&t->by, err);
        if (code == SL_OK)
            code = sleep_there(t, sql, err);
        if (code == SL_OK)
            code = act_look(t, sql, err);
    }
    return code;
}

static struct position position_copy(const struct position *p)
{
    static const struct gtid_set none;
    struct position copy = *p;
    copy.logged = gtid_union(&p->logged, &none);
    copy.applied = gtid_union(&p->applied, &none);
    return copy;
}

enum sl_code catch_up_to(struct run *r, const struct position *source, const struct patience *p,
                         int64_t *took_ns, struct sl_error *err)
{
    int64_t began = clock_now_ns();
    struct task *t = task_new(r->plan, &r->plan->target, act_wait);
    t->other = position_copy(source);
    enum sl_code code = task_once(t, r->target, p, err);
    *took_ns = clock_now_ns() - began;
    if (code == SL_ETIMEOUT)
        return sl_fail(err, code, "%s has not caught up with %s in time", r->plan->target.name,
                       r->plan->old.name);
    return code;
}
