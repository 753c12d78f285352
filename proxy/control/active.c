// The name of the active backend on disk, as one line of text:
//
//     sluice-active 1 milan
//
// The number is the version of the format. Anything else is damage: a wrong guess here sends writes
// to the wrong server, so the operator is asked.
#include "control/active.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"

#define MARKER "sluice-active 1 "
#define NAME_MAX_BYTES 32
#define PATH_SIZE 4096

static enum sl_code active_path(const char *state_dir, char *path, struct sl_error *err)
{
    int n = snprintf(path, PATH_SIZE, "%s/active", state_dir);
    if (n < 0 || n >= PATH_SIZE)
        return sl_fail(err, SL_EINVAL, "state_dir is too long (%d bytes)", n);
    return SL_OK;
}

// Length of a valid backend name at the start of `s`, as the configuration allows it, else 0.
static size_t name_length(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n <= NAME_MAX_BYTES ? n : 0;
}

// The whole content, nothing before, nothing behind; a NUL inside ends it too early.
static bool parse(struct buf *content, char *name, size_t size)
{
    const size_t marker = sizeof MARKER - 1;
    const char *text = buf_text(content);
    if (strlen(text) != content->n || strncmp(text, MARKER, marker) != 0)
        return false;
    size_t n = name_length(text + marker);
    if (n == 0 || n >= size || strcmp(text + marker + n, "\n") != 0)
        return false;
    memcpy(name, text + marker, n);
    name[n] = '\0';
    return true;
}

enum sl_code active_load(const char *state_dir, char *name, size_t size, struct sl_error *err)
{
    char path[PATH_SIZE];
    enum sl_code code = active_path(state_dir, path, err);
    if (code != SL_OK)
        return code;
    struct buf content = {0};
    code = file_read(path, sizeof MARKER + NAME_MAX_BYTES + 1, &content, err);
    bool good = code == SL_OK && parse(&content, name, size);
    buf_release(&content);
    if (good || (code != SL_OK && code != SL_ETOOBIG))
        return code;
    return sl_fail(err, SL_EPROTO,
                   "%s is damaged (expected one line \"" MARKER "<backend>\"): find out which "
                   "backend is the master, then write that line, or remove the file to start with "
                   "the `active` of the configuration",
                   path);
}

enum sl_code active_store(const char *state_dir, const char *name, struct sl_error *err)
{
    char path[PATH_SIZE], line[sizeof MARKER + NAME_MAX_BYTES + 2];
    enum sl_code code = active_path(state_dir, path, err);
    if (code != SL_OK)
        return code;
    size_t length = strlen(name);
    if (length == 0 || name_length(name) != length)
        return sl_fail(err, SL_EINVAL, "\"%s\" is not a backend name", name);
    int n = snprintf(line, sizeof line, MARKER "%s\n", name);
    return file_replace(path, line, (size_t)n, 0644, err);
}
