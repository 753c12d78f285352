// A journal's bytes are records or damage; JSON that is taken as data comes back as it was written.
//
// Input: any bytes, read as a file, then as the data of a record.
#include "cutover/journal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_file(const uint8_t *data, size_t size)
{
    struct journal_records r;
    struct sl_error err;
    if (journal_records_parse("fuzz", data, size, &r, &err) != SL_OK)
        return;
    if (r.good > size || r.torn != (r.good < size) || (r.torn && r.unended))
        abort();
    for (unsigned i = 0; i < r.count; i++)
        if (r.list[i].seq != (uint64_t)i + 1 || r.list[i].data == NULL)
            abort();
    journal_records_release(&r);
}

// The line of a begin with this data, in `line`; false when it is refused.
static bool write_begin(char *json, struct buf *line)
{
    struct sl_error err;
    const struct journal_record r = {.seq = 1, .wall_us = 1, .kind = JOURNAL_BEGIN, .data = json};
    return journal_record_write(&r, line, &err) == SL_OK;
}

static void check_data(const uint8_t *data, size_t size)
{
    char json[4097];
    struct buf line = {0}, again = {0};
    struct journal_records r;
    struct sl_error err;
    memcpy(json, data, size);
    json[size] = '\0';
    if (write_begin(json, &line)) {
        if (journal_records_parse("fuzz", line.p, line.n, &r, &err) != SL_OK || r.count != 1 ||
            r.torn || !write_begin(r.list[0].data, &again) || again.n != line.n ||
            memcmp(again.p, line.p, line.n) != 0)
            abort();
        journal_records_release(&r);
    }
    buf_release(&line);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    check_file(data, size);
    check_data(data, size);
    return 0;
}
