// Runs steps forward, and backwards when one fails. See sequence.h for the picture.
#include "cutover/sequence.h"

#include <string.h>

#define PLAN_MAX ((size_t)4 << 20) // the accounts of a large server

static const char *const mark_names[] = {
#define X(name, text) [SEQUENCE_##name] = text,
    SEQUENCE_MARKS(X)
#undef X
};

#define MARK_COUNT (sizeof mark_names / sizeof *mark_names)

const char *sequence_mark_name(enum sequence_mark mark)
{
    return mark_names[mark];
}

int sequence_mark_of(const char *name)
{
    for (size_t i = 0; i < MARK_COUNT; i++)
        if (strcmp(mark_names[i], name) == 0)
            return (int)i;
    return -1;
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

// `begun`: the step may have left something behind.
static enum sl_code do_step(const struct sequence *q, const struct sequence_step *step, bool *begun,
                            struct sl_error *err)
{
    struct sl_error unheard;
    enum sl_code code = announce(q, step, err);
    *begun = code == SL_OK;
    if (code == SL_OK)
        code = step->act(q->arg, err);
    if (code != SL_OK)
        q->explain(q->arg, err);
    if (!*begun)
        return code;
    if (code == SL_OK) {
        code = q->record(q->arg, SEQUENCE_AFTER, step->name, "", err);
        // Clients are at work behind the final step: nothing is taken back for want of a record.
        return step->final ? SL_OK : code;
    }
    // For whoever reads the journal; the undo does not depend on it.
    (void)!q->record(q->arg, SEQUENCE_FAILED, step->name, err->text, &unheard);
    return code;
}

// Behind the final step: everything is tried, the first failure is told.
static struct sequence_result finish(const struct sequence *q, unsigned from, struct sl_error *err)
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

static struct sequence_result give_back(const struct sequence *q, unsigned failed, bool begun,
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

struct sequence_result sequence_run(const struct sequence *q, unsigned from, struct sl_error *err)
{
    bool final = false, begun = false;
    for (unsigned i = 0; i < from; i++)
        final = final || q->steps[i].final;
    for (unsigned i = from; i < q->count && !final; i++) {
        const struct sequence_step *step = &q->steps[i];
        begun = false;
        if (q->may_go_on(q->arg, step, err) != SL_OK || do_step(q, step, &begun, err) != SL_OK)
            return give_back(q, i, begun, err);
        final = step->final;
        from = i + 1;
    }
    return finish(q, from, err);
}

static bool undo_step(const struct sequence *q, const struct sequence_step *step,
                      struct sl_error *err)
{
    struct sl_error unheard;
    // A journal that cannot be written to does not keep traffic from going back to where it was.
    (void)!q->record(q->arg, SEQUENCE_UNDO_BEFORE, step->name, "", &unheard);
    while (step->undo(q->arg, err) != SL_OK) {
        if (!q->again(q->arg, step, err))
            return false;
    }
    (void)!q->record(q->arg, SEQUENCE_UNDO_AFTER, step->name, "", &unheard);
    return true;
}

struct sequence_result sequence_undo(const struct sequence *q, unsigned last, struct sl_error *err)
{
    for (unsigned i = last + 1; i-- > 0;) {
        if (q->steps[i].undo != NULL && !undo_step(q, &q->steps[i], err))
            return (struct sequence_result){.end = SEQUENCE_STUCK, .at = i};
    }
    return (struct sequence_result){.end = SEQUENCE_UNDONE, .at = last};
}
