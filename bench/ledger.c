// Writes and reads the ledger of a load.
#include "bench/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define LINE_MAX_BYTES 128

// O_APPEND and one write(2): lines of several threads never mix, and what is written is in the
// kernel, safe from a kill of this process (not from a power cut, which would end the test anyway).
static void put_line(struct ledger *l, const char *line, size_t n)
{
    if (write(l->fd, line, n) != (ssize_t)n) {
        int none = 0;
        atomic_compare_exchange_strong(&l->write_errno, &none, errno != 0 ? errno : EIO);
    }
}

enum sl_code ledger_open(struct ledger *l, const char *path, int64_t start_ns,
                         int64_t start_wall_us, struct sl_error *err)
{
    l->fd = -1;
    l->start_ns = start_ns;
    atomic_init(&l->write_errno, 0);
    if (path == NULL || *path == '\0')
        return SL_OK;
    l->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (l->fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot be written", path);
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "# sluice-bench ledger 1 start_wall_us=%" PRId64 "\n",
                     start_wall_us);
    put_line(l, line, (size_t)n);
    return SL_OK;
}

void ledger_write(struct ledger *l, enum ledger_state state, uint64_t id, char kind, unsigned code)
{
    if (l->fd < 0)
        return;
    int64_t us = (clock_now_ns() - l->start_ns) / 1000;
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "%" PRId64 " %c %" PRIu64 " %c", us, (char)state, id, kind);
    if (code != 0)
        n += snprintf(line + n, sizeof line - (size_t)n, " %u", code);
    line[n++] = '\n';
    put_line(l, line, (size_t)n);
}

enum sl_code ledger_close(struct ledger *l, struct sl_error *err)
{
    if (l->fd < 0)
        return SL_OK;
    if (close(l->fd) != 0) {
        int none = 0;
        atomic_compare_exchange_strong(&l->write_errno, &none, errno);
    }
    l->fd = -1;
    int failed = atomic_load(&l->write_errno);
    if (failed != 0)
        return sl_fail_errno(err, SL_EIO, failed, "the ledger is not complete");
    return SL_OK;
}

static bool is_state(char letter)
{
    switch (letter) {
#define X(name, value, text) case value:
        LEDGER_STATES(X)
#undef X
        return true;
    default: return false;
    }
}

// Fields of one line; the error code is only there after an error.
static bool parse_line(const char *line, struct ledger_entry *out)
{
    int64_t us;
    char state;
    *out = (struct ledger_entry){0};
    int fields = sscanf(line, "%" SCNd64 " %c %" SCNu64 " %c %u", &us, &state, &out->id, &out->kind,
                        &out->code);
    if (fields < 4 || !is_state(state))
        return false;
    out->state = (enum ledger_state)state;
    return true;
}

static void append(struct ledger_book *book, const struct ledger_entry *entry)
{
    if (book->count == book->size) {
        book->size = book->size == 0 ? 1024 : book->size * 2;
        book->entries = mem_realloc(book->entries, book->size * sizeof *book->entries);
    }
    book->entries[book->count++] = *entry;
}

// Two threads never write about the same id, so lines of an id are in the order of time.
static int by_id_then_line(const void *left, const void *right)
{
    const struct ledger_entry *a = left;
    const struct ledger_entry *b = right;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

// Keeps the last line of each id.
static void keep_outcomes(struct ledger_book *book)
{
    if (book->count == 0)
        return;
    qsort(book->entries, book->count, sizeof *book->entries, by_id_then_line);
    size_t kept = 0;
    for (size_t i = 0; i < book->count; i++) {
        if (i + 1 < book->count && book->entries[i + 1].id == book->entries[i].id)
            continue;
        book->entries[kept++] = book->entries[i];
    }
    book->count = kept;
}

// A line without its end can only be the last one: the writer was killed.
static enum sl_code read_lines(FILE *in, const char *path, struct ledger_book *out,
                               struct sl_error *err)
{
    char line[LINE_MAX_BYTES];
    for (size_t number = 1; fgets(line, sizeof line, in) != NULL; number++) {
        if (strchr(line, '\n') == NULL)
            break;
        struct ledger_entry entry;
        if (line[0] == '#')
            continue;
        if (!parse_line(line, &entry))
            return sl_fail(err, SL_EPROTO, "%s:%zu: not a line of a ledger", path, number);
        entry.line = number;
        append(out, &entry);
    }
    return SL_OK;
}

enum sl_code ledger_read(const char *path, struct ledger_book *out, struct sl_error *err)
{
    *out = (struct ledger_book){0};
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return sl_fail_errno(err, SL_ENOTFOUND, errno, "%s: cannot be read", path);
    enum sl_code code = read_lines(in, path, out, err);
    fclose(in);
    if (code != SL_OK) {
        ledger_book_release(out);
        return code;
    }
    keep_outcomes(out);
    return SL_OK;
}

void ledger_book_release(struct ledger_book *book)
{
    mem_free(book->entries);
    *book = (struct ledger_book){0};
}
