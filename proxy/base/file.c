// Files: read a small one whole, replace one atomically and durably.
//
//     path.tmp: write, fsync  ->  rename over path  ->  fsync the folder
//
// Until the rename a crash leaves the old file and at worst a path.tmp, which the next call
// removes; the last fsync makes the rename itself survive.
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_CHUNK ((size_t)4096)

// Like read(2), through interrupts.
static ssize_t read_some(int fd, void *p, size_t n)
{
    ssize_t got;
    do
        got = read(fd, p, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static enum sl_code read_all(int fd, const char *path, size_t max, struct buf *out,
                             struct sl_error *err)
{
    const size_t start = out->n;
    for (;;) {
        size_t used = out->n - start;
        // One byte more than allowed, to see that the file goes on.
        size_t want = max - used < READ_CHUNK ? max - used + 1 : READ_CHUNK;
        uint8_t piece[READ_CHUNK + 1];
        ssize_t got = read_some(fd, piece, want);
        if (got > 0)
            buf_put(out, piece, (size_t)got);
        explicit_bzero(piece, sizeof piece); // it may have been a password file
        if (got < 0)
            return sl_fail_errno(err, SL_EIO, errno, "%s: cannot read", path);
        if (got == 0)
            return SL_OK;
        if (out->failed || out->n - start > max)
            return sl_fail(err, SL_ETOOBIG, "%s: larger than %zu bytes", path, max);
    }
}

enum sl_code file_read(const char *path, size_t max, struct buf *out, struct sl_error *err)
{
    if (out->failed)
        return sl_fail(err, SL_EINVAL, "%s: buffer has failed before", path);
    const size_t start = out->n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno == ENOENT ? SL_ENOTFOUND : SL_EIO, errno, "%s: cannot open",
                             path);
    enum sl_code code = read_all(fd, path, max, out, err);
    (void)close(fd);
    if (code != SL_OK) {
        out->n = start;
        out->failed = false;
    }
    return code;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static enum sl_code write_new(const char *path, const void *p, size_t n, mode_t mode,
                              struct sl_error *err)
{
    // Without O_EXCL a link that somebody put there would be followed.
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot create", path);
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, p, n) && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) < 0 && ok) {
        ok = false;
        reason = errno;
    }
    return ok ? SL_OK : sl_fail_errno(err, SL_EIO, reason, "%s: cannot write", path);
}

enum sl_code file_sync_folder_of(const char *path, struct sl_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        (void)snprintf(folder, sizeof folder, ".");
    else
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot open, %s may not be durable", folder,
                             path);
    bool ok = fsync(fd) == 0;
    int reason = errno;
    (void)close(fd);
    return ok ? SL_OK
              : sl_fail_errno(err, SL_EIO, reason, "%s: cannot sync, %s may not be durable", folder,
                              path);
}

enum sl_code file_replace(const char *path, const void *p, size_t n, mode_t mode,
                          struct sl_error *err)
{
    char tmp[PATH_MAX];
    int len = snprintf(tmp, sizeof tmp, "%s.tmp", path);
    if (len < 0 || (size_t)len >= sizeof tmp)
        return sl_fail(err, SL_EINVAL, "%s: path longer than %d bytes", path, PATH_MAX);
    if (unlink(tmp) < 0 && errno != ENOENT)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot remove", tmp);
    enum sl_code code = write_new(tmp, p, n, mode, err);
    if (code == SL_OK && rename(tmp, path) < 0)
        code = sl_fail_errno(err, SL_EIO, errno, "%s: cannot rename to %s", tmp, path);
    if (code != SL_OK) {
        (void)unlink(tmp);
        return code;
    }
    return file_sync_folder_of(path, err);
}

enum sl_code file_make_folder(const char *path, mode_t mode, struct sl_error *err)
{
    if (mkdir(path, mode) == 0) {
        if (chmod(path, mode) < 0) // the umask may have taken bits away
            return sl_fail_errno(err, SL_EIO, errno, "%s: cannot set mode", path);
        return SL_OK;
    }
    if (errno != EEXIST)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot make folder", path);
    struct stat st;
    if (stat(path, &st) < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot look at", path);
    if (!S_ISDIR(st.st_mode))
        return sl_fail(err, SL_ECONFLICT, "%s: exists and is not a folder", path);
    return SL_OK;
}

int file_lock(const char *path, struct sl_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int failed = errno;
    close(fd);
    if (failed == EWOULDBLOCK)
        return sl_fail(err, SL_ECONFLICT, "another process holds %s", path);
    return sl_fail_errno(err, SL_EIO, failed, "cannot lock %s", path);
}
