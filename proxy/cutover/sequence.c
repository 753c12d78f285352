// Runs steps forward, and backwards when one fails. See sequence.h for the picture.
#include "cutover/sequence.h"

#include <assert.h>
#include <string.h>

#include "cutover/failpoint.h"

#define PLAN_MAX ((size_t)4 << 20) // the accounts of a large server

static const char *const mark_names[] = {
#define X(name, text) [SEQUENCE_##name] = text,
    SEQUENCE_MARKS(X)
#undef X
};

const char *sequence_mark_name(enum sequence_mark mark)
{
    return mark_names[mark];
}

unsigned sequence_find(const struct sequence *q, const char *name)
{
    unsigned i = 0;
    while (i < q->count && strcmp(q->steps[i].name, name) != 0)
        i++;
    return i;
}

static enum sl_code announce(const struct sequence *q, const struct sequence_step *step,
                             struct sl_error *err)
{
    struct buf json;
    buf_init(&json, PLAN_MAX);
    enum sl_code code = step->plan != NULL ? step->plan(q->arg, &json, err) : SL_OK;
    if (code == SL_OK && json.failed)
        code = sl_fail(err, SL_ETOOBIG, "the plan of %s is too large for the journal", step->name);
    if (code == SL_OK)
        code = q->record(q->arg, SEQUENCE_BEFORE, step->name, buf_text(&json), err);
    buf_release(&json);
    return code;
}

static void explain(const struct sequence *q, struct sl_error *err)
{
    if (q->explain != NULL)
        q->explain(q->arg, err);
}

// `begun`: the step may have left something behind.
static enum sl_code do_step(const struct sequence *q, const struct sequence_step *step, bool *begun,
                            struct sl_error *err)
{
    struct sl_error unheard;
    enum sl_code code = announce(q, step, err);
    *begun = code == SL_OK;
    if (code == SL_OK) {
        FAILPOINT(step->name, BEFORE_ACT);
        code = step->act(q->arg, err);
        FAILPOINT(step->name, AFTER_ACT);
    }
    if (code != SL_OK)
        explain(q, err);
    if (!*begun)
        return code;
    // Clients are at work behind the final step: nothing is taken back for want of a record. FAILED is
    // for whoever reads the journal; the undo does not depend on it.
    if (code != SL_OK)
        (void)!q->record(q->arg, SEQUENCE_FAILED, step->name, err->text, &unheard);
    else if (q->record(q->arg, SEQUENCE_AFTER, step->name, "", err) != SL_OK && !step->final)
        code = err->code;
    FAILPOINT(step->name, RECORDED);
    return code;
}

// One without return, which was announced.
static bool do_at_last(const struct sequence *q, const struct sequence_step *step,
                       struct sl_error *err)
{
    struct sl_error unheard;
    FAILPOINT(step->name, BEFORE_ACT);
    while (step->act(q->arg, err) != SL_OK) {
        if (!q->again(q->arg, step, err))
            return false;
    }
    FAILPOINT(step->name, AFTER_ACT);
    (void)!q->record(q->arg, SEQUENCE_AFTER, step->name, "", &unheard);
    FAILPOINT(step->name, RECORDED);
    return true;
}

// Behind the final step: everything is tried, the first failure is told.
static struct sequence_result do_rest(const struct sequence *q, unsigned from, struct sl_error *err)
{
    struct sequence_result result = {.end = SEQUENCE_DONE, .at = q->count};
    struct sl_error later;
    bool begun;
    for (unsigned i = from; i < q->count; i++) {
        bool first = result.end == SEQUENCE_DONE;
        if (do_step(q, &q->steps[i], &begun, first ? err : &later) != SL_OK && first)
            result = (struct sequence_result){.end = SEQUENCE_LATE, .at = i};
    }
    return result;
}

struct sequence_result sequence_finish(struct sequence *q, unsigned final, struct sl_error *err)
{
    assert(q->steps[final].final && q->steps[final].no_return);
    if (!do_at_last(q, &q->steps[final], err))
        return (struct sequence_result){.end = SEQUENCE_STUCK, .at = final};
    return do_rest(q, final + 1, err);
}

static struct sequence_result give_back(struct sequence *q, unsigned failed, bool begun,
                                        struct sl_error *err)
{
    struct sl_error undoing = {0};
    if (failed == 0 && !begun)
        return (struct sequence_result){.end = SEQUENCE_UNDONE, .at = failed};
    struct sequence_result undo = sequence_undo(q, begun ? failed : failed - 1, &undoing);
    if (undo.end == SEQUENCE_STUCK) {
        *err = undoing;
        return undo;
    }
    return (struct sequence_result){.end = SEQUENCE_UNDONE, .at = failed};
}

struct sequence_result sequence_run(struct sequence *q, unsigned from, struct sl_error *err)
{
    bool final = false, begun = false;
    assert(q->count <= SEQUENCE_STEPS_MAX);
    for (unsigned i = 0; i < from; i++)
        final = final || q->steps[i].final;
    for (unsigned i = from; i < q->count && !final; i++) {
        const struct sequence_step *step = &q->steps[i];
        enum sl_code code = q->may_go_on(q->arg, step, err);
        begun = false;
        if (code == SL_OK && step->no_return) {
            code = announce(q, step, err);
            if (code != SL_OK)
                explain(q, err);
        } else if (code == SL_OK) {
            code = do_step(q, step, &begun, err);
        }
        if (code != SL_OK)
            return give_back(q, i, begun, err);
        if (step->no_return)
            return sequence_finish(q, i, err);
        final = step->final;
        from = i + 1;
    }
    return do_rest(q, from, err);
}

// --- undoing --------------------------------------------------------------------------------------

// `may_wait`: it may be put off, if it is ASIDE.
static bool undo_step(struct sequence *q, unsigned i, bool may_wait, struct sl_error *err)
{
    const struct sequence_step *step = &q->steps[i];
    may_wait = may_wait && step->effect == SEQUENCE_ASIDE;
    struct sl_error unheard;
    enum sl_code code;
    // A journal that cannot be written to does not keep traffic from going back to where it was.
    (void)!q->record(q->arg, SEQUENCE_UNDO_BEFORE, step->name, "", &unheard);
    FAILPOINT(step->name, BEFORE_UNDO);
    while ((code = step->undo(q->arg, err)) != SL_OK && !(code == SL_EAGAIN && may_wait)) {
        if (!q->again(q->arg, step, err))
            return false;
    }
    FAILPOINT(step->name, AFTER_UNDO);
    if (code == SL_OK)
        (void)!q->record(q->arg, SEQUENCE_UNDO_AFTER, step->name, "", &unheard);
    else
        q->put_off |= UINT32_C(1) << i;
    FAILPOINT(step->name, UNDO_RECORDED);
    return true;
}

struct sequence_result sequence_undo(struct sequence *q, unsigned last, struct sl_error *err)
{
    for (unsigned i = last + 1; i-- > 0;) {
        const struct sequence_step *step = &q->steps[i];
        if (step->undo == NULL || (q->skip != NULL && q->skip[i]))
            continue;
        if (q->put_off != 0 && step->effect == SEQUENCE_ASIDE)
            q->put_off |= UINT32_C(1) << i;
        else if (!undo_step(q, i, true, err))
            return (struct sequence_result){.end = SEQUENCE_STUCK, .at = i};
    }
    return (struct sequence_result){.end = SEQUENCE_UNDONE, .at = last};
}

bool sequence_pay(struct sequence *q, struct sl_error *err)
{
    for (unsigned i = q->count; i-- > 0;) {
        if ((q->put_off & (UINT32_C(1) << i)) == 0)
            continue;
        if (!undo_step(q, i, false, err))
            return false;
        q->put_off &= ~(UINT32_C(1) << i);
    }
    return true;
}
