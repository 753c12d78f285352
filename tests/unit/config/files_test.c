// Files that a configuration names: readable, and secrets not open to everybody.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/document.h"

static char folder[] = "/tmp/sluice-config-XXXXXX";

static char *put(const char *name, const char *text, mode_t mode)
{
    char *path = mem_printf("%s/%s", folder, name);
    cr_assert_eq(file_replace(path, text, strlen(text), mode, NULL), SL_OK);
    cr_assert_eq(chmod(path, mode), 0);
    return path;
}

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {"pw", "open", "empty", "long", "cert"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        (void)unlink(path);
        mem_free(path);
    }
    cr_expect_eq(rmdir(folder), 0);
}

TestSuite(config_files, .init = make_folder, .fini = remove_folder);

Test(config_files, a_secret_is_the_first_line)
{
    static const struct {
        const char *content, *secret;
    } rows[] = {{"geheim", "geheim"},
                {"geheim\n", "geheim"},
                {"a b \r\nc\n", "a b "},
                {"\n", ""},
                {"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_secret s;
        char *path = put("pw", rows[i].content, 0600);
        cr_assert_eq(config_read_secret(path, &s, NULL), SL_OK);
        cr_expect_str_eq(s.text, rows[i].secret);
        cr_expect_eq(s.length, strlen(rows[i].secret));
        config_secret_wipe(&s);
        cr_expect_eq(s.length, 0);
        mem_free(path);
    }
}

Test(config_files, a_secret_that_cannot_be_used)
{
    struct config_secret s;
    struct sl_error err;
    char *path = put("open", "geheim\n", 0644);
    cr_expect_eq(config_read_secret(path, &s, &err), SL_EDENIED);
    cr_expect_eq(s.length, 0);
    cr_expect_not_null(strstr(err.text, "is open to everybody (mode 0644), expected 0600 or 0640"));
    mem_free(path);
    cr_expect_eq(config_read_secret("/nonexistent/pw", &s, &err), SL_ENOTFOUND);
    char text[CONFIG_SECRET_MAX + 2] = "";
    memset(text, 'x', CONFIG_SECRET_MAX + 1);
    path = put("long", text, 0600);
    cr_expect_eq(config_read_secret(path, &s, &err), SL_ETOOBIG);
    mem_free(path);
}

Test(config_files, a_login_has_its_password_inline_or_in_a_file)
{
    struct config_secret s;
    char *path = put("pw", "from-file\n", 0640);
    const struct config_login inline_login = {.user = "u", .password = "inline"};
    const struct config_login file_login = {.user = "u", .password_file = path};
    const struct config_login neither = {.user = "u"};
    cr_assert_eq(config_login_secret(&inline_login, &s, NULL), SL_OK);
    cr_expect_str_eq(s.text, "inline");
    cr_assert_eq(config_login_secret(&file_login, &s, NULL), SL_OK);
    cr_expect_str_eq(s.text, "from-file");
    cr_assert_eq(config_login_secret(&neither, &s, NULL), SL_OK);
    cr_expect_str_eq(s.text, "");
    mem_free(path);
}

Test(config_files, all_are_looked_at)
{
    char *pw = put("pw", "x\n", 0600), *open = put("open", "x\n", 0604);
    char *empty = put("empty", "", 0600), *cert = put("cert", "pem", 0644);
    char *text =
        mem_printf(MINIMAL "client_tls: {mode: preferred, cert: %s, key: /nonexistent/key}\n"
                           "control: {password_file: %s}\n"
                           "accounts:\n"
                           "  - {user: a, password_file: %s}\n"
                           "  - {user: b, password_file: %s}\n",
                   cert, pw, open, empty);
    const struct config *c = load_good(text);
    struct config_errors errors;
    cr_expect_eq(config_check_files(c, &errors), SL_EINVAL);
    cr_assert_eq(errors.count, 3);
    cr_expect_not_null(
        strstr(errors.items[0].text, " client_tls.key: /nonexistent/key: cannot open"));
    cr_expect_not_null(strstr(errors.items[1].text, "t:7:30 accounts[0].password_file: /tmp/"));
    cr_expect_not_null(strstr(errors.items[2].text, "first line is empty, expected a secret"));
    config_errors_release(&errors);
    config_unref(c);
    mem_free(text);
    c = load_good(MINIMAL);
    cr_expect_eq(config_check_files(c, &errors), SL_OK);
    config_unref(c);
    mem_free(pw);
    mem_free(open);
    mem_free(empty);
    mem_free(cert);
}
