// A journal without an end.
#include "cutover/unended.h"

#include <stdio.h>
#include <string.h>

#include "cutover/journal.h"

// Steps that only look, or change nothing that outlives sluice.
static bool is_harmless(const char *step)
{
    static const char *const names[] = {"preflight", "warm", "approach", "hold", "drain"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], step) == 0)
            return true;
    return false;
}

static void read_records(const struct journal_records *r, struct unended *out)
{
    for (unsigned i = 0; i < r->count; i++) {
        const struct journal_record *one = &r->list[i];
        bool speaks = one->kind != JOURNAL_NOTE && one->kind != JOURNAL_BEGIN;
        if (one->kind == JOURNAL_END)
            out->number = 0;
        if (speaks && !is_harmless(one->step))
            out->touched = true;
        if (speaks)
            (void)snprintf(out->last, sizeof out->last, "%s %s", journal_kind_text(one->kind),
                           one->step);
    }
}

enum sl_code unended_look(const char *state_dir, struct unended *out, struct sl_error *err)
{
    struct journal_records records;
    *out = (struct unended){0};
    enum sl_code code = journal_latest(state_dir, &out->number, err);
    if (code != SL_OK || out->number == 0)
        return code;
    code = journal_read(state_dir, out->number, &records, err);
    if (code != SL_OK) {
        out->touched = true;
        return code;
    }
    if (records.count == 0)
        out->number = 0;
    read_records(&records, out);
    journal_records_release(&records);
    return SL_OK;
}

enum sl_code unended_forget(const char *state_dir, struct sl_error *err)
{
    struct journal *j = NULL;
    struct journal_records records;
    unsigned number = 0;
    enum sl_code code = journal_latest(state_dir, &number, err);
    if (code == SL_OK)
        code = journal_resume(state_dir, number, &j, &records, err);
    if (code != SL_OK)
        return code;
    journal_records_release(&records);
    code = journal_write(j, JOURNAL_END, NULL, "{\"ended\":\"forgotten by the operator\"}", err);
    journal_close(j);
    return code;
}
