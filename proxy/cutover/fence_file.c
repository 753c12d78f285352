// A fence to JSON and back, and its file.
#include "cutover/fence_file.h"

#include <bson/bson.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define PATH_BYTES 4096

void fence_to_json(const struct fence *f, struct buf *out)
{
    bson_t doc, accounts, account;
    char index_text[16];
    bson_init(&doc);
    BSON_APPEND_BOOL(&doc, "read_only", f->read_only);
    BSON_APPEND_BOOL(&doc, "super_read_only", f->super_read_only);
    BSON_APPEND_BOOL(&doc, "event_scheduler", f->event_scheduler);
    BSON_APPEND_ARRAY_BEGIN(&doc, "accounts", &accounts);
    for (uint32_t i = 0; i < f->count; i++) {
        const char *index;
        size_t n = bson_uint32_to_string(i, &index, index_text, sizeof index_text);
        bson_append_document_begin(&accounts, index, (int)n, &account);
        BSON_APPEND_UTF8(&account, "user", f->accounts[i].user);
        BSON_APPEND_UTF8(&account, "host", f->accounts[i].host);
        bson_append_document_end(&accounts, &account);
    }
    bson_append_array_end(&doc, &accounts);
    char *json = bson_as_relaxed_extended_json(&doc, NULL);
    buf_str(out, json);
    bson_free(json);
    bson_destroy(&doc);
}

// --- reading --------------------------------------------------------------------------------------

static bool read_flag(const bson_t *doc, const char *key, bool *out)
{
    bson_iter_t it;
    if (!bson_iter_init_find(&it, doc, key) || !BSON_ITER_HOLDS_BOOL(&it))
        return false;
    *out = bson_iter_bool(&it);
    return true;
}

static bool read_text(const bson_iter_t *of, const char *key, char *out, size_t size)
{
    bson_iter_t it, found;
    if (!bson_iter_recurse(of, &it) || !bson_iter_find_descendant(&it, key, &found) ||
        !BSON_ITER_HOLDS_UTF8(&found))
        return false;
    const char *text = bson_iter_utf8(&found, NULL);
    if (strlen(text) >= size)
        return false;
    text_copy(out, size, text);
    return true;
}

static bool read_accounts(const bson_t *doc, struct fence *out)
{
    bson_iter_t it, each;
    if (!bson_iter_init_find(&it, doc, "accounts") || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !bson_iter_recurse(&it, &each))
        return false;
    while (bson_iter_next(&each)) {
        out->accounts = mem_realloc(out->accounts, (out->count + 1) * sizeof *out->accounts);
        struct fence_account *a = &out->accounts[out->count];
        if (!BSON_ITER_HOLDS_DOCUMENT(&each) ||
            !read_text(&each, "user", a->user, sizeof a->user) ||
            !read_text(&each, "host", a->host, sizeof a->host))
            return false;
        out->count++;
    }
    return true;
}

enum sl_code fence_from_json(const char *json, struct fence *out, struct sl_error *err)
{
    bson_error_t why;
    bson_t *doc = bson_new_from_json((const uint8_t *)json, (ssize_t)strlen(json), &why);
    *out = (struct fence){0};
    if (doc == NULL)
        return sl_fail(err, SL_EPROTO, "not JSON: %s", why.message);
    bool good = read_flag(doc, "read_only", &out->read_only) &&
                read_flag(doc, "super_read_only", &out->super_read_only) &&
                read_flag(doc, "event_scheduler", &out->event_scheduler) && read_accounts(doc, out);
    bson_destroy(doc);
    if (good)
        return SL_OK;
    fence_release(out);
    return sl_fail(err, SL_EPROTO, "not the JSON of a fence");
}

// --- the file -------------------------------------------------------------------------------------

static void path_of(const char *state_dir, const char *backend, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s/fence-%s.json", state_dir, backend);
}

enum sl_code fence_file_store(const char *state_dir, const char *backend, const struct fence *f,
                              struct sl_error *err)
{
    char path[PATH_BYTES];
    struct buf json;
    buf_init(&json, FILE_MAX_BYTES);
    fence_to_json(f, &json);
    buf_str(&json, "\n");
    path_of(state_dir, backend, path);
    enum sl_code code = json.failed ? sl_fail(err, SL_ETOOBIG, "%s would be too large", path)
                                    : file_replace(path, json.p, json.n, 0600, err);
    buf_release(&json);
    return code;
}

enum sl_code fence_file_load(const char *state_dir, const char *backend, struct fence *out,
                             struct sl_error *err)
{
    char path[PATH_BYTES];
    struct buf json;
    *out = (struct fence){0};
    buf_init(&json, FILE_MAX_BYTES);
    path_of(state_dir, backend, path);
    enum sl_code code = file_read(path, FILE_MAX_BYTES, &json, err);
    if (code == SL_OK) {
        code = fence_from_json(buf_text(&json), out, err);
        if (code != SL_OK)
            (void)sl_fail(err, code,
                          "%s is damaged; which accounts sluice has locked on %s is not"
                          " known",
                          path, backend);
    }
    buf_release(&json);
    return code == SL_ENOTFOUND ? SL_OK : code;
}

enum sl_code fence_file_remove(const char *state_dir, const char *backend, struct sl_error *err)
{
    char path[PATH_BYTES];
    path_of(state_dir, backend, path);
    if (unlink(path) != 0 && errno != ENOENT)
        return sl_fail_errno(err, SL_EIO, errno, "cannot remove %s", path);
    return SL_OK;
}
