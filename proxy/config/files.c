// Files that the configuration names: whether they can be used, and reading secrets from them.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/store.h"

// A secret file that everybody may read or write is no secret. Opened by its caller next, so what
// is looked at here is a mistake of the administrator, not an attack.
static enum sl_code check_secrecy(const char *path, struct sl_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return sl_fail_errno(err, errno == ENOENT ? SL_ENOTFOUND : SL_EIO, errno, "%s: cannot open",
                             path);
    if ((st.st_mode & S_IRWXO) != 0)
        return sl_fail(err, SL_EDENIED,
                       "%s is open to everybody (mode %04o), expected 0600 or 0640", path,
                       (unsigned)(st.st_mode & 07777));
    return SL_OK;
}

enum sl_code config_read_secret(const char *path, struct config_secret *out, struct sl_error *err)
{
    // Room for more than one line: what follows the first is a comment at best.
    enum { file_max = 4096 };
    struct buf text;
    *out = (struct config_secret){0};
    enum sl_code code = check_secrecy(path, err);
    if (code != SL_OK)
        return code;
    buf_init(&text, file_max);
    (void)buf_reserve(&text, file_max);
    code = file_read(path, file_max, &text, err);
    size_t length = 0;
    while (code == SL_OK && length < text.n && text.p[length] != '\n' && text.p[length] != '\r')
        length++;
    if (length > CONFIG_SECRET_MAX)
        code = sl_fail(err, SL_ETOOBIG, "%s: first line is longer than %d bytes", path,
                       CONFIG_SECRET_MAX);
    if (code == SL_OK && length > 0) {
        memcpy(out->text, text.p, length);
        out->length = length;
    }
    buf_wipe(&text);
    return code;
}

enum sl_code config_login_secret(const struct config_login *login, struct config_secret *out,
                                 struct sl_error *err)
{
    *out = (struct config_secret){0};
    if (login->password_file != NULL)
        return config_read_secret(login->password_file, out, err);
    if (login->password == NULL)
        return SL_OK;
    size_t length = strlen(login->password);
    if (length > CONFIG_SECRET_MAX)
        return sl_fail(err, SL_ETOOBIG, "password is longer than %d bytes", CONFIG_SECRET_MAX);
    memcpy(out->text, login->password, length);
    out->length = length;
    return SL_OK;
}

void config_secret_wipe(struct config_secret *s)
{
    explicit_bzero(s, sizeof *s);
}

// Returns what is wrong with the file of an entry in `err`, or SL_OK.
static enum sl_code check_file(const struct config_entry *e, const char *path, struct sl_error *err)
{
    if (e->option->type == CONFIG_TYPE_SECRET_FILE) {
        struct config_secret secret;
        enum sl_code code = config_read_secret(path, &secret, err);
        bool empty = code == SL_OK && secret.length == 0;
        config_secret_wipe(&secret);
        return empty ? sl_fail(err, SL_EINVAL, "%s: first line is empty, expected a secret", path)
                     : code;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return sl_fail_errno(err, SL_EIO, errno, "%s: cannot open", path);
    (void)close(fd);
    return SL_OK;
}

enum sl_code config_check_files(const struct config *c, struct config_errors *errors)
{
    const struct config_store *s = config_store_of(c);
    *errors = (struct config_errors){0};
    for (size_t i = 0; i < s->entry_count; i++) {
        const struct config_entry *e = &s->entries[i];
        if (e->option->type != CONFIG_TYPE_FILE && e->option->type != CONFIG_TYPE_SECRET_FILE)
            continue;
        const char *path;
        struct sl_error why;
        memcpy(&path, e->field, sizeof path);
        if (path == NULL || check_file(e, path, &why) == SL_OK)
            continue;
        const struct config_place at = config_entry_place(s, e);
        config_errors_add(errors, &at, "%s", why.text);
    }
    return errors->count == 0 ? SL_OK : SL_EINVAL;
}
