// Small files: whole or not at all, and what is left behind when something is in the way.
#include "base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/sluice-file-test-XXXXXX";
static char path[128], tmp[160];

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
}

static void tear_down(void)
{
    rmdir(tmp);
    unlink(tmp);
    rmdir(path);
    unlink(path);
    cr_expect_eq(rmdir(folder), 0, "the test left something in %s", folder);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void expect_content(const char *expected)
{
    struct buf b = {0};
    struct sl_error err = {0};
    cr_expect_eq(file_read(path, 1 << 16, &b, &err), SL_OK, "%s", err.text);
    cr_expect_str_eq(buf_text(&b), expected);
    buf_release(&b);
}

static unsigned mode_of(const char *name)
{
    struct stat st;
    cr_assert_eq(stat(name, &st), 0, "%s", name);
    return st.st_mode & 07777;
}

Test(file, replace_and_read)
{
    struct sl_error err = {0};
    umask(077);
    cr_expect_eq(file_replace(path, "one", 3, 0644, &err), SL_OK, "%s", err.text);
    expect_content("one");
    cr_expect_eq(mode_of(path), 0644, "the umask does not matter");
    cr_expect_eq(file_replace(path, "", 0, 0600, &err), SL_OK, "%s", err.text);
    expect_content("");
    cr_expect_eq(mode_of(path), 0600);
    cr_expect_neq(access(tmp, F_OK), 0, "the temporary file is gone");
}

Test(file, a_relative_path_has_a_folder_too)
{
    struct sl_error err = {0};
    cr_assert_eq(chdir(folder), 0);
    cr_expect_eq(file_replace("file", "x", 1, 0600, &err), SL_OK, "%s", err.text);
    expect_content("x");
}

Test(file, leftovers_of_a_crash_are_replaced_and_links_not_followed)
{
    struct sl_error err = {0};
    char victim[160];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    cr_assert_eq(symlink(victim, tmp), 0);
    cr_expect_eq(file_replace(path, "new", 3, 0600, &err), SL_OK, "%s", err.text);
    cr_expect_neq(access(victim, F_OK), 0, "nothing was written through the link");
    expect_content("new");
}

Test(file, a_failure_keeps_the_old_content)
{
    struct sl_error err = {0};
    cr_assert_eq(file_replace(path, "old", 3, 0600, &err), SL_OK, "%s", err.text);
    cr_assert_eq(mkdir(tmp, 0700), 0);
    cr_expect_eq(file_replace(path, "new", 3, 0600, &err), SL_EIO);
    cr_expect_not_null(strstr(err.text, tmp), "%s", err.text);
    expect_content("old");
}

Test(file, a_folder_in_the_way_leaves_no_temporary_file)
{
    struct sl_error err = {0};
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_expect_eq(file_replace(path, "new", 3, 0600, &err), SL_EIO);
    cr_expect_neq(access(tmp, F_OK), 0);
}

Test(file, read_limits)
{
    static char big[10000];
    memset(big, 'x', sizeof big);
    struct sl_error err = {0};
    cr_assert_eq(file_replace(path, big, sizeof big, 0600, &err), SL_OK, "%s", err.text);
    static const struct {
        size_t max, cap;
        enum sl_code code;
    } rows[] = {
        {10000, 0, SL_OK},     {10001, 10004, SL_OK},     {SIZE_MAX, 0, SL_OK},
        {9999, 0, SL_ETOOBIG}, {8192, 0, SL_ETOOBIG},     {8191, 0, SL_ETOOBIG},
        {0, 0, SL_ETOOBIG},    {10000, 9000, SL_ETOOBIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, rows[i].cap);
        buf_str(&b, "head");
        cr_expect_eq(file_read(path, rows[i].max, &b, &err), rows[i].code, "row %zu", i);
        cr_expect_eq(b.n, rows[i].code == SL_OK ? 10004 : 4, "row %zu", i);
        cr_expect(!b.failed, "row %zu", i);
        buf_release(&b);
    }
}

Test(file, read_errors)
{
    struct buf b = {0};
    struct sl_error err = {0};
    cr_expect_eq(file_read(path, 10, &b, &err), SL_ENOTFOUND);
    cr_expect_not_null(strstr(err.text, path), "%s", err.text);
    cr_expect_eq(file_read(folder, 10, &b, &err), SL_EIO);
    cr_expect_eq(b.n, 0);
    buf_release(&b);
}

Test(file, make_folder)
{
    struct sl_error err = {0};
    umask(077);
    cr_expect_eq(file_make_folder(path, 0750, &err), SL_OK, "%s", err.text);
    cr_expect_eq(mode_of(path), 0750);
    cr_expect_eq(file_make_folder(path, 0700, &err), SL_OK, "%s", err.text);
    cr_expect_eq(mode_of(path), 0750, "an existing folder is left alone");
    cr_expect_eq(rmdir(path), 0);
    cr_assert_eq(file_replace(path, "", 0, 0600, &err), SL_OK);
    cr_expect_eq(file_make_folder(path, 0750, &err), SL_ECONFLICT);
    char deep[160];
    snprintf(deep, sizeof deep, "%s/missing/deep", folder);
    cr_expect_eq(file_make_folder(deep, 0750, &err), SL_EIO);
}

Test(file, lock_is_held_by_one)
{
    char path[] = "/tmp/sluice-lock-XXXXXX";
    struct sl_error err;
    close(mkstemp(path));
    int first = file_lock(path, &err);
    cr_assert_geq(first, 0);
    cr_assert_eq(file_lock(path, &err), SL_ECONFLICT);
    close(first);
    int again = file_lock(path, &err);
    cr_assert_geq(again, 0);
    close(again);
    unlink(path);
}
