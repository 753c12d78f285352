// A journal without an end.
#include "cutover/unended.h"

#include <stdio.h>

enum sl_code unended_look(const char *state_dir, struct unended *out, struct sl_error *err)
{
    *out = (struct unended){0};
    enum sl_code code = journal_latest(state_dir, &out->number, err);
    if (code == SL_OK && out->number != 0)
        code = journal_read(state_dir, out->number, &out->records, err);
    if (code != SL_OK)
        return code;
    unsigned count = out->records.count;
    // One without a record: it never came to act.
    if (count == 0 || out->records.list[count - 1].kind == JOURNAL_END) {
        unended_release(out);
        out->number = 0;
    }
    return SL_OK;
}

void unended_release(struct unended *u)
{
    journal_records_release(&u->records);
}

static enum sl_code end(const char *state_dir, unsigned number, const char *how,
                        struct sl_error *err)
{
    struct journal *j = NULL;
    struct journal_records records;
    char data[120];
    enum sl_code code = journal_resume(state_dir, number, &j, &records, err);
    if (code != SL_OK)
        return code;
    journal_records_release(&records);
    (void)snprintf(data, sizeof data, "{\"ended\":\"%s\"}", how);
    code = journal_write(j, JOURNAL_END, NULL, data, err);
    journal_close(j);
    return code;
}

enum sl_code unended_close(const char *state_dir, const char *how, struct sl_error *err)
{
    unsigned number = 0;
    enum sl_code code = journal_latest(state_dir, &number, err);
    if (code == SL_OK)
        code = end(state_dir, number, how, err);
    return code == SL_EPROTO ? journal_put_aside(state_dir, number, err) : code;
}
