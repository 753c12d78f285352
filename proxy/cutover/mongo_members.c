// The steps that bring a member into a set, and those that take one out.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cutover/mongo_steps.h"

#define EDIT_NS (30 * NS_PER_S)
#define PROGRESS_NS (2 * NS_PER_S)
#define LOOK_PAUSES 20 // between two looks at a member that is being filled

// --- add ------------------------------------------------------------------------------------------

// The daemon's end is no reason to throw an initial sync away: the next start goes on.
static bool is_left_for_later(const struct mongo_run *r, struct sl_error *err)
{
    if (!atomic_load(r->quit))
        return false;
    (void)sl_fail(err, SL_ECLOSED, "sluice is shutting down; its next start goes on");
    return true;
}

enum sl_code mongo_attach(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, EDIT_NS);
    struct mongo_edit e = mongo_edit_of(MONGO_ADD_MEMBER, r->memory.host, 0, 0);
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

static enum sl_code detach(struct mongo_run *r, const struct patience *p, struct sl_error *err)
{
    struct mongo_edit e = mongo_edit_of(MONGO_DROP_MEMBER, r->memory.host, MONGO_KEEP, MONGO_KEEP);
    return mongo_circle_edit(r->circle, &e, 1, p, err);
}

enum sl_code mongo_unattach(void *arg, struct sl_error *err)
{
    struct patience p = mongo_undoing_within(EDIT_NS);
    return is_left_for_later(arg, err) ? SL_ECLOSED : detach(arg, &p, err);
}

struct filling {
    int64_t away_since_ns; // 0: it is there
    int64_t told_ns;
    int told_state;
    char told[200];
};

static void tell_progress(struct mongo_run *r, struct filling *f, const struct mongo_member *m,
                          int64_t lag_s)
{
    struct mongo_progress sync;
    char line[200], left[32] = "";
    int64_t now = clock_now_ns();
    if (m->state == MONGO_SECONDARY)
        (void)snprintf(line, sizeof line, "%s is SECONDARY, %lld s behind", m->host,
                       (long long)lag_s);
    else if (mongo_circle_progress(r->circle, m->host, &sync) && sync.total > 0) {
        if (sync.remaining_ms >= 0)
            (void)text_format_duration_ms(sync.remaining_ms, left, sizeof left);
        (void)snprintf(line, sizeof line, "%s is %s: %lld %% of the %s%s%s", m->host,
                       mongo_state_name(m->state), (long long)(sync.copied * 100 / sync.total),
                       sync.in_bytes ? "data" : "databases", left[0] != '\0' ? ", about " : "",
                       left);
    } else
        (void)snprintf(line, sizeof line, "%s is %s%s%s", m->host, mongo_state_name(m->state),
                       m->message[0] != '\0' ? ": " : "", m->message);
    bool same_state = f->told_ns != 0 && f->told_state == m->state;
    if (strcmp(line, f->told) == 0 || (same_state && now - f->told_ns < PROGRESS_NS))
        return;
    f->told_state = m->state;
    text_copy(f->told, sizeof f->told, line);
    f->told_ns = now;
    mongo_tell(r->conductor, "%s", line);
}

// SL_OK: it may get its vote. SL_EAGAIN: not yet.
static enum sl_code look_at_filling(struct mongo_run *r, struct filling *f, struct sl_error *err)
{
    struct mongo_set set;
    struct sl_error why = {0};
    int64_t now = clock_now_ns();
    bool seen = mongo_circle_look(r->circle, false, &set, &why) == SL_OK;
    int at = seen ? mongo_find(&set, r->memory.host) : -1;
    if (seen && at < 0)
        return sl_fail(err, SL_ECONFLICT, "%s is not a member any more", r->memory.host);
    const struct mongo_member *m = seen ? &set.members[at] : NULL;
    if (m == NULL || !m->healthy || m->state == MONGO_DOWN || m->state == MONGO_REMOVED) {
        f->away_since_ns = f->away_since_ns != 0 ? f->away_since_ns : now;
        if (now - f->away_since_ns > r->plan->step_down_ns)
            return sl_fail(err, SL_ETIMEOUT, "%s has been away for longer than mongo.step_down: %s",
                           r->memory.host, m != NULL ? m->message : why.text);
        return SL_EAGAIN;
    }
    f->away_since_ns = 0;
    int64_t lag = mongo_lag_s(&set, (unsigned)at);
    tell_progress(r, f, m, lag);
    bool close = lag >= 0 && lag <= r->plan->max_lag_ns / NS_PER_S;
    return m->state == MONGO_SECONDARY && close ? SL_OK : SL_EAGAIN;
}

// Without a limit: an initial sync takes as long as it takes, and can be aborted at any time.
enum sl_code mongo_fill(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct filling f = {0};
    struct patience p = {.until_ns = INT64_MAX, .stop = r->stop};
    for (;;) {
        enum sl_code code = look_at_filling(r, &f, err);
        if (code != SL_EAGAIN)
            return code;
        for (unsigned i = 0; i < LOOK_PAUSES; i++)
            if ((code = mongo_circle_pause(&p, err)) != SL_OK)
                return code;
    }
}

enum sl_code mongo_vote(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct mongo_set set;
    struct patience p = mongo_within(r, EDIT_NS);
    struct mongo_edit e = mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, MONGO_KEEP, 1);
    enum sl_code code = mongo_circle_look(r->circle, false, &set, err);
    // It has been hours since the preflight, perhaps.
    if (code == SL_OK && !mongo_edit_done(&set, &e))
        code = mongo_may_add(&set, err);
    return code == SL_OK ? mongo_circle_edit(r->circle, &e, 1, &p, err) : code;
}

enum sl_code mongo_unvote(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_undoing_within(EDIT_NS);
    struct mongo_edit e = mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, 0, 0);
    return is_left_for_later(r, err) ? SL_ECLOSED : mongo_circle_edit(r->circle, &e, 1, &p, err);
}

enum sl_code mongo_weigh(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, EDIT_NS);
    struct mongo_edit e =
        mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, r->memory.staying, MONGO_KEEP);
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

// --- remove ---------------------------------------------------------------------------------------

enum sl_code mongo_silence(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, EDIT_NS);
    struct mongo_edit e = mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, 0, 0);
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

enum sl_code mongo_unsilence(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct mongo_set set;
    struct patience p = mongo_undoing_within(EDIT_NS);
    struct mongo_edit e =
        mongo_edit_of(MONGO_SET_MEMBER, r->memory.host, r->memory.priority, r->memory.votes);
    enum sl_code code = mongo_circle_look(r->circle, false, &set, err);
    if (code != SL_OK || mongo_find(&set, r->memory.host) < 0)
        return code; // it is gone: nothing to give back
    return mongo_circle_edit(r->circle, &e, 1, &p, err);
}

enum sl_code mongo_leave(void *arg, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct patience p = mongo_within(r, EDIT_NS);
    return detach(r, &p, err);
}
