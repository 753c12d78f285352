// The journal's file: append and sync, cut back what a failure left, and read everything back.
#include "cutover/journal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define PREFIX "journal-"
#define SUFFIX ".jsonl"

static enum sl_code path_of(const char *state_dir, unsigned number, char path[PATH_MAX],
                            struct sl_error *err)
{
    int n = snprintf(path, PATH_MAX, "%s/" PREFIX "%u" SUFFIX, state_dir, number);
    if (n < 0 || n >= PATH_MAX)
        return sl_fail(err, SL_EINVAL, "state_dir is too long (%d bytes)", n);
    return SL_OK;
}

// --- reading ------------------------------------------------------------------------------------

void journal_records_release(struct journal_records *r)
{
    for (unsigned i = 0; i < r->count; i++)
        journal_record_release(&r->list[i]);
    mem_free(r->list);
    *r = (struct journal_records){0};
}

// NULL when the record may stand behind those before it.
static const char *out_of_order(const struct journal_records *before,
                                const struct journal_record *r)
{
    if (r->seq != (uint64_t)before->count + 1)
        return "the sequence number is not one more than before";
    if ((before->count == 0) != (r->kind == JOURNAL_BEGIN))
        return "begin is the first record and only that";
    if (before->count > 0 && before->list[before->count - 1].kind == JOURNAL_END)
        return "a record behind the end";
    return NULL;
}

// Takes one line of `n` bytes without its line break.
static enum sl_code take_line(struct journal_records *to, const uint8_t *line, size_t n,
                              struct sl_error *err)
{
    struct journal_record r;
    enum sl_code code = journal_record_read(line, n, &r, err);
    if (code != SL_OK)
        return code;
    const char *wrong = out_of_order(to, &r);
    if (wrong != NULL) {
        journal_record_release(&r);
        return sl_fail(err, SL_EPROTO, "%s", wrong);
    }
    to->list = mem_realloc(to->list, (to->count + 1) * sizeof to->list[0]);
    to->list[to->count++] = r;
    to->good += n;
    return SL_OK;
}

// What stands behind the last line break. A whole record with one byte more is no torn one: the byte
// was its line break.
static enum sl_code take_tail(struct journal_records *to, const uint8_t *tail, size_t n,
                              struct sl_error *err)
{
    struct journal_record r;
    if (n == 0)
        return SL_OK;
    if (n >= JOURNAL_LINE_MAX)
        return sl_fail(err, SL_EPROTO, "longer than a record can be");
    if (journal_record_read(tail, n - 1, &r, NULL) == SL_OK) {
        journal_record_release(&r);
        return sl_fail(err, SL_EPROTO, "something else in the place of the line break");
    }
    if (journal_record_read(tail, n, &r, NULL) != SL_OK) {
        to->torn = true;
        return SL_OK;
    }
    journal_record_release(&r);
    to->unended = true;
    return take_line(to, tail, n, err);
}

enum sl_code journal_records_parse(const char *name, const void *text, size_t n,
                                   struct journal_records *out, struct sl_error *err)
{
    struct sl_error why = {0};
    enum sl_code code = SL_OK;
    *out = (struct journal_records){0};
    const uint8_t *at = text, *end = at + n;
    while (code == SL_OK && at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) {
            code = take_tail(out, at, (size_t)(end - at), &why);
            break;
        }
        code = take_line(out, at, (size_t)(stop - at), &why);
        if (code == SL_OK)
            out->good++; // the line break
        at = stop + 1;
    }
    if (code == SL_OK)
        return SL_OK;
    unsigned line = out->count + 1;
    journal_records_release(out);
    return sl_fail(err, code, "%s: line %u is damaged: %s", name, line, why.text);
}

static enum sl_code read_path(const char *path, struct journal_records *out, struct sl_error *err)
{
    struct buf content;
    buf_init(&content, JOURNAL_MAX);
    enum sl_code code = file_read(path, JOURNAL_MAX, &content, err);
    if (code == SL_OK)
        code = journal_records_parse(path, buf_text(&content), content.n, out, err);
    buf_release(&content);
    return code;
}

enum sl_code journal_read(const char *state_dir, unsigned number, struct journal_records *out,
                          struct sl_error *err)
{
    char path[PATH_MAX];
    enum sl_code code = path_of(state_dir, number, path, err);
    return code == SL_OK ? read_path(path, out, err) : code;
}

// 0: not the name of a journal.
static unsigned number_of(const char *name)
{
    return text_numbered(name, PREFIX, SUFFIX);
}

enum sl_code journal_latest(const char *state_dir, unsigned *number, struct sl_error *err)
{
    DIR *folder = opendir(state_dir);
    if (folder == NULL)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot open", state_dir);
    *number = 0;
    const struct dirent *e;
    while (errno = 0, (e = readdir(folder)) != NULL) {
        unsigned found = number_of(e->d_name);
        *number = found > *number ? found : *number;
    }
    int reason = errno;
    (void)closedir(folder);
    return reason == 0 ? SL_OK : sl_fail_errno(err, SL_EIO, reason, "%s: cannot read", state_dir);
}

enum sl_code journal_put_aside(const char *state_dir, unsigned number, struct sl_error *err)
{
    char path[PATH_MAX], aside[PATH_MAX + sizeof ".damaged"];
    enum sl_code code = path_of(state_dir, number, path, err);
    if (code != SL_OK)
        return code;
    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) != 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot rename", path);
    return file_sync_folder_of(path, err);
}

// --- writing ------------------------------------------------------------------------------------

struct journal {
    char path[PATH_MAX];
    unsigned number;
    int fd;
    size_t size;  // of the whole records on disk
    uint64_t seq; // of the last one
    bool ended;
    bool broken;      // what is on disk behind `size` is not known
    int64_t start_ns; // where offsets count from
};

// Opens and locks; whoever holds the lock may write.
static enum sl_code open_locked(struct journal *j, int flags, struct sl_error *err)
{
    j->fd = open(j->path, flags | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (j->fd < 0)
        return sl_fail_errno(err, errno == ENOENT ? SL_ENOTFOUND : SL_EIO, errno, "%s: cannot open",
                             j->path);
    if (flock(j->fd, LOCK_EX | LOCK_NB) == 0)
        return SL_OK;
    if (errno == EWOULDBLOCK)
        return sl_fail(err, SL_ECONFLICT, "%s: another process writes it", j->path);
    return sl_fail_errno(err, SL_EIO, errno, "%s: cannot lock", j->path);
}

// Space is taken now rather than missed in the middle. A file system that cannot is no reason to stop.
static enum sl_code reserve(const struct journal *j, struct sl_error *err)
{
    if (fallocate(j->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)JOURNAL_RESERVE) == 0 ||
        errno == EOPNOTSUPP || errno == ENOSYS)
        return SL_OK;
    return sl_fail_errno(err, SL_EIO, errno, "%s: no room for %zu bytes", j->path, JOURNAL_RESERVE);
}

enum sl_code journal_create(const char *state_dir, struct journal **out, struct sl_error *err)
{
    struct journal *j = mem_zalloc(sizeof *j);
    j->fd = -1;
    j->start_ns = clock_now_ns();
    enum sl_code code = journal_latest(state_dir, &j->number, err);
    if (code == SL_OK)
        code = path_of(state_dir, ++j->number, j->path, err);
    if (code == SL_OK)
        code = open_locked(j, O_CREAT | O_EXCL, err);
    bool made = code == SL_OK;
    if (code == SL_OK)
        code = reserve(j, err);
    if (code == SL_OK && fsync(j->fd) < 0)
        code = sl_fail_errno(err, SL_EIO, errno, "%s: cannot sync", j->path);
    if (code == SL_OK)
        code = file_sync_folder_of(j->path, err);
    if (code == SL_OK) {
        *out = j;
        return SL_OK;
    }
    if (made)
        (void)unlink(j->path);
    journal_close(j);
    return code;
}

// Cuts the file to its whole records, the last with its line break.
static enum sl_code mend(struct journal *j, const struct journal_records *r, struct sl_error *err)
{
    if (!r->torn && !r->unended)
        return SL_OK;
    if (ftruncate(j->fd, (off_t)j->size) < 0 || (r->unended && write(j->fd, "\n", 1) != 1) ||
        fdatasync(j->fd) < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot mend its end", j->path);
    j->size += r->unended ? 1 : 0;
    return SL_OK;
}

// Offsets go on from the last record's, by the wall clock, since the monotonic one may be another
// boot's; they never go back.
static void go_on_behind(struct journal *j, const struct journal_records *r)
{
    j->size = r->good;
    j->seq = r->count;
    j->start_ns = clock_now_ns();
    if (r->count == 0)
        return;
    const struct journal_record *last = &r->list[r->count - 1];
    int64_t passed_us = clock_wall_us() - last->wall_us;
    j->ended = last->kind == JOURNAL_END;
    j->start_ns -= (last->offset_us + (passed_us > 0 ? passed_us : 0)) * 1000;
}

enum sl_code journal_resume(const char *state_dir, unsigned number, struct journal **out,
                            struct journal_records *records, struct sl_error *err)
{
    struct journal *j = mem_zalloc(sizeof *j);
    j->fd = -1;
    j->number = number;
    *records = (struct journal_records){0};
    enum sl_code code = path_of(state_dir, number, j->path, err);
    if (code == SL_OK)
        code = open_locked(j, 0, err);
    if (code == SL_OK)
        code = read_path(j->path, records, err);
    if (code == SL_OK) {
        go_on_behind(j, records);
        code =
            j->ended ? sl_fail(err, SL_ECONFLICT, "%s: has ended", j->path) : mend(j, records, err);
    }
    if (code == SL_OK) {
        (void)reserve(j, NULL); // cutting gave it back; without it the way on is no worse
        *out = j;
        return SL_OK;
    }
    journal_records_release(records);
    journal_close(j);
    return code;
}

unsigned journal_number(const struct journal *j)
{
    return j->number;
}

// After a failed sync nobody knows what is on disk, so only a failed write is cut back.
static enum sl_code append(struct journal *j, const struct buf *line, struct sl_error *err)
{
    ssize_t put;
    do
        put = write(j->fd, line->p, line->n);
    while (put < 0 && errno == EINTR);
    if (put == (ssize_t)line->n && fdatasync(j->fd) == 0) {
        j->size += line->n;
        return SL_OK;
    }
    int reason = put >= 0 && put < (ssize_t)line->n ? ENOSPC : errno;
    j->broken = put == (ssize_t)line->n || ftruncate(j->fd, (off_t)j->size) < 0;
    return sl_fail_errno(err, SL_EIO, reason, "%s: cannot write record %llu", j->path,
                         (unsigned long long)j->seq + 1);
}

static enum sl_code check_writable(const struct journal *j, enum journal_kind kind,
                                   const struct buf *line, struct sl_error *err)
{
    size_t room = kind == JOURNAL_NOTE ? JOURNAL_MAX / 2 : JOURNAL_MAX;
    if (j->broken)
        return sl_fail(err, SL_ECONFLICT, "%s: a write failed, its end is not known", j->path);
    if (j->ended || (j->seq == 0) != (kind == JOURNAL_BEGIN))
        return sl_fail(err, SL_ECONFLICT, "%s: no place for a record of kind %s", j->path,
                       journal_kind_text(kind));
    if (line->n > room - (j->size < room ? j->size : room))
        return sl_fail(err, SL_ETOOBIG, "%s: larger than %zu bytes", j->path, room);
    return SL_OK;
}

enum sl_code journal_write(struct journal *j, enum journal_kind kind, const char *step,
                           const char *data, struct sl_error *err)
{
    struct journal_record r = {.seq = j->seq + 1,
                               .wall_us = clock_wall_us(),
                               .offset_us = (clock_now_ns() - j->start_ns) / 1000,
                               .kind = kind,
                               .data = (char *)(uintptr_t)data}; // not changed
    struct buf line;
    if (step != NULL && !text_copy(r.step, sizeof r.step, step))
        return sl_fail(err, SL_EINVAL, "journal: a step's name longer than %d bytes",
                       JOURNAL_STEP_MAX);
    buf_init(&line, JOURNAL_LINE_MAX + 1);
    enum sl_code code = journal_record_write(&r, &line, err);
    if (code == SL_OK)
        code = check_writable(j, kind, &line, err);
    if (code == SL_OK)
        code = append(j, &line, err);
    if (code == SL_OK) {
        j->seq++;
        j->ended = kind == JOURNAL_END;
    }
    buf_release(&line);
    return code;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    mem_free(j);
}
