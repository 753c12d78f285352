// A journal without an end.
#include "cutover/mongo_unended.h"

#include <bson/bson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cutover/mongo_run.h"

static enum sl_code read_begin(const char *json, struct mongo_unended *out, struct sl_error *err)
{
    bson_error_t why;
    bson_iter_t i;
    int deed = -1;
    bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &why);
    if (doc == NULL)
        return sl_fail(err, SL_EPROTO, "a journal's beginning: %s", why.message);
    if (bson_iter_init_find(&i, doc, "deed") && BSON_ITER_HOLDS_UTF8(&i))
        deed = mongo_deed_of(bson_iter_utf8(&i, NULL));
    if (bson_iter_init_find(&i, doc, "host") && BSON_ITER_HOLDS_UTF8(&i))
        text_copy(out->host, sizeof out->host, bson_iter_utf8(&i, NULL));
    bson_destroy(doc);
    if (deed < 0)
        return sl_fail(err, SL_EPROTO, "a journal that does not say what it is for");
    out->deed = (enum mongo_deed)deed;
    return SL_OK;
}

static enum sl_code read_record(const struct journal_record *r, struct mongo_unended *out,
                                struct sl_error *err)
{
    if (r->kind == JOURNAL_NOTE || r->kind == JOURNAL_END)
        return SL_OK;
    (void)snprintf(out->last, sizeof out->last, "%s %s", journal_kind_text(r->kind), r->step);
    if (r->kind == JOURNAL_BEGIN)
        return read_begin(r->data, out, err);
    out->undoing = out->undoing || r->kind == JOURNAL_UNDO_BEFORE;
    if (!out->undoing) {
        text_copy(out->step, sizeof out->step, r->step);
        out->step_done = r->kind == JOURNAL_AFTER;
        out->touched = out->touched || !mongo_step_is_harmless(r->step);
    }
    if (r->kind != JOURNAL_BEFORE || mongo_step_is_harmless(r->step))
        return SL_OK;
    return mongo_memory_read(r->data, &out->memory, err);
}

enum sl_code mongo_unended_read(const struct journal_records *r, struct mongo_unended *out,
                                struct sl_error *err)
{
    enum sl_code code = SL_OK;
    unsigned number = out->number;
    *out = (struct mongo_unended){.number = number};
    for (unsigned i = 0; code == SL_OK && i < r->count; i++)
        code = read_record(&r->list[i], out, err);
    if (code == SL_OK && out->touched && !out->memory.known)
        code = sl_fail(err, SL_EPROTO, "a journal that does not say what was changed");
    if (r->count == 0 || r->list[r->count - 1].kind == JOURNAL_END)
        out->number = 0;
    return code;
}

enum sl_code mongo_unended_look(const char *state_dir, struct mongo_unended *out,
                                struct sl_error *err)
{
    struct journal_records records;
    *out = (struct mongo_unended){0};
    enum sl_code code = journal_latest(state_dir, &out->number, err);
    if (code != SL_OK || out->number == 0)
        return code;
    code = journal_read(state_dir, out->number, &records, err);
    if (code != SL_OK)
        return code;
    code = mongo_unended_read(&records, out, err);
    journal_records_release(&records);
    return code;
}

enum mongo_way mongo_unended_way(const struct mongo_unended *u, bool chosen_leads, unsigned *at)
{
    struct mongo_plan plan = {.deed = u->deed};
    struct sequence q = {0};
    unsigned final = 0;
    mongo_steps_of(&plan, &q.steps, &q.count);
    while (!q.steps[final].final)
        final++;
    unsigned begun = sequence_find(&q, u->step);
    *at = begun;
    if (!u->touched || begun == q.count)
        return MONGO_WAY_NOTHING;
    if (begun > final || (begun == final && u->step_done)) {
        *at = final + 1;
        return MONGO_WAY_ON;
    }
    if (u->undoing)
        return MONGO_WAY_BACK;
    // What the operator wants has happened (a priority alone is enough in the end), or can still
    // happen without anybody being disturbed.
    if (u->deed == MONGO_DEED_FAILOVER && chosen_leads) {
        *at = final;
        return MONGO_WAY_ON;
    }
    bool harmless = u->deed == MONGO_DEED_ADD || (u->deed == MONGO_DEED_REMOVE && begun == final);
    return harmless ? MONGO_WAY_ON : MONGO_WAY_BACK;
}
