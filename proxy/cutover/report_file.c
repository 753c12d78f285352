// The files of reports.
#include "cutover/report_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define PREFIX "report-"
#define SUFFIX ".json"

static enum sl_code path_of(const char *state_dir, unsigned number, char path[PATH_MAX],
                            struct sl_error *err)
{
    int n = snprintf(path, PATH_MAX, "%s/" PREFIX "%u" SUFFIX, state_dir, number);
    if (n < 0 || n >= PATH_MAX)
        return sl_fail(err, SL_EINVAL, "state_dir is too long (%d bytes)", n);
    return SL_OK;
}

// 0: not the name of a report.
static unsigned number_of(const char *name)
{
    return text_numbered(name, PREFIX, SUFFIX);
}

static int newest_first(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x < y) - (x > y);
}

// The numbers of all reports, the newest first; heap.
static enum sl_code list_all(const char *state_dir, unsigned **numbers, unsigned *count,
                             struct sl_error *err)
{
    DIR *folder = opendir(state_dir);
    *numbers = NULL;
    *count = 0;
    if (folder == NULL)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot open", state_dir);
    const struct dirent *e;
    while ((e = readdir(folder)) != NULL) {
        unsigned found = number_of(e->d_name);
        if (found == 0)
            continue;
        *numbers = mem_realloc(*numbers, (*count + 1) * sizeof **numbers);
        (*numbers)[(*count)++] = found;
    }
    (void)closedir(folder);
    if (*count > 1)
        qsort(*numbers, *count, sizeof **numbers, newest_first);
    return SL_OK;
}

static void remove_old(const char *state_dir)
{
    struct sl_error err;
    char path[PATH_MAX];
    unsigned *numbers, count;
    if (list_all(state_dir, &numbers, &count, &err) != SL_OK)
        return;
    for (unsigned i = REPORTS_KEPT; i < count; i++)
        if (path_of(state_dir, numbers[i], path, &err) == SL_OK && unlink(path) != 0)
            LOG_WARN("report_not_removed", LOG_STR("file", path), LOG_STR("why", strerror(errno)));
    mem_free(numbers);
}

enum sl_code report_store(const char *state_dir, unsigned number, const void *json, size_t n,
                          struct sl_error *err)
{
    char path[PATH_MAX];
    enum sl_code code = path_of(state_dir, number, path, err);
    if (code == SL_OK)
        code = file_replace(path, json, n, 0640, err);
    if (code == SL_OK)
        remove_old(state_dir);
    return code;
}

enum sl_code report_load(const char *state_dir, unsigned *number, struct buf *json,
                         struct sl_error *err)
{
    char path[PATH_MAX];
    unsigned *numbers, count;
    enum sl_code code = list_all(state_dir, &numbers, &count, err);
    if (code == SL_OK && *number == 0)
        *number = count > 0 ? numbers[0] : 0;
    mem_free(numbers);
    if (code != SL_OK)
        return code;
    if (*number == 0)
        return sl_fail(err, SL_ENOTFOUND, "there is no report yet");
    code = path_of(state_dir, *number, path, err);
    if (code == SL_OK)
        code = file_read(path, REPORT_FILE_MAX, json, err);
    if (code == SL_ENOTFOUND)
        return sl_fail(err, code, "there is no report %u", *number);
    return code;
}
