// A run made from a journal, and its end. See recover.h.
#include "cutover/recover.h"

#include <bson/bson.h>
#include <string.h>

#include "base/clock.h"
#include "cutover/steps.h"

// Whoever was locked as an application is one, also for those who look for connections to kill.
static void see_again(struct cutover_plan *plan, const struct fence *f)
{
    for (unsigned i = 0; i < f->count; i++)
        cutover_plan_add_seen(plan, f->accounts[i].user);
}

static enum sl_code restore(struct run *r, const struct journal_record *record,
                            struct sl_error *err)
{
    const struct sequence_step *steps;
    unsigned count;
    steps_all(&steps, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(steps[i].name, record->step) != 0 || steps[i].restore == NULL)
            continue;
        enum sl_code code = steps[i].restore(r, record->data, err);
        if (code != SL_OK)
            return sl_fail(err, code, "journal-%u.jsonl, before %s: %s", journal_number(r->journal),
                           record->step, err->text);
    }
    return SL_OK;
}

// For people.
static enum sl_code note(const struct run *r, const struct recovery *how, struct sl_error *err)
{
    bson_t doc = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&doc, "recovery", recovery_way_name(how->way));
    BSON_APPEND_UTF8(&doc, "why", how->why);
    char *json = bson_as_relaxed_extended_json(&doc, NULL);
    enum sl_code code = journal_write(r->journal, JOURNAL_NOTE, NULL, json, err);
    bson_free(json);
    bson_destroy(&doc);
    return code;
}

enum sl_code recover_open(struct run *r, unsigned journal, const struct recovery *how,
                          struct sl_error *err)
{
    struct journal_records records;
    enum sl_code code = journal_resume(r->plan->state_dir, journal, &r->journal, &records, err);
    if (code != SL_OK)
        return code;
    for (unsigned i = 0; code == SL_OK && i < records.count; i++)
        if (records.list[i].kind == JOURNAL_BEFORE)
            code = restore(r, &records.list[i], err);
    journal_records_release(&records);
    if (code != SL_OK)
        return code;
    see_again(r->plan, &r->old_fence);
    see_again(r->plan, &r->target_fence);
    // What the killed process sent last may still be under way there (C5).
    hand_doubt(r->old);
    hand_doubt(r->target);
    r->old_sealed = how->old_sealed;
    r->target_sealed = how->target_sealed;
    r->held_ns = clock_now_ns(); // the gate was closed before the first client was let in
    r->no_way_back = how->way == RECOVERY_FINISH;
    if (r->no_way_back)
        conductor_no_way_back(r->conductor);
    conductor_tell(r->conductor, "journal-%u.jsonl has no end: %s; so: %s", journal, how->why,
                   how->way == RECOVERY_FINISH ? "forward" : "back");
    return note(r, how, err);
}

// The gate is closed since the start, whether the journal had come to `hold` or not.
static enum sl_code open_gate(struct run *r, struct sl_error *err)
{
    enum sl_code code = r->plant->release(r->plant->arg, err);
    if (code == SL_OK && r->released_ns == 0)
        r->released_ns = clock_now_ns();
    return code;
}

struct sequence_result recover_go(struct run *r, struct sequence *q, const struct recovery *how,
                                  struct sl_error *err)
{
    if (how->way == RECOVERY_FINISH)
        return sequence_finish(q, how->step, err);
    struct sequence_result result = {.end = SEQUENCE_STUCK, .at = how->step};
    if (how->open_first && open_gate(r, err) != SL_OK)
        return result;
    q->skip = how->skip;
    result = sequence_undo(q, how->step, err);
    if (result.end == SEQUENCE_UNDONE && open_gate(r, err) != SL_OK)
        result.end = SEQUENCE_STUCK;
    (void)sl_fail(result.end == SEQUENCE_UNDONE ? err : NULL, SL_ECLOSED,
                  "sluice was killed in the middle: %s", how->why);
    return result;
}
