// The file that says which backend is active: what is written is read, and damage is never guessed
// around.
#include "control/active.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char folder[] = "/tmp/sluice-active-test-XXXXXX";
static char path[128];

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/active", folder);
}

static void tear_down(void)
{
    unlink(path);
    cr_expect_eq(rmdir(folder), 0, "the test left something in %s", folder);
}

TestSuite(active, .init = set_up, .fini = tear_down);

Test(active, stored_is_loaded)
{
    static const char *const names[] = {"milan", "a", "aws-2_x",
                                        "abcdefghijklmnopqrstuvwxyz012345"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sl_error err = {0};
        char name[33] = "";
        cr_assert_eq(active_store(folder, names[i], &err), SL_OK, "%s", err.text);
        cr_assert_eq(active_load(folder, name, sizeof name, &err), SL_OK, "%s", err.text);
        cr_expect_str_eq(name, names[i]);
    }
}

Test(active, first_start_has_no_file)
{
    struct sl_error err = {0};
    char name[33];
    cr_expect_eq(active_load(folder, name, sizeof name, &err), SL_ENOTFOUND);
}

Test(active, damage_is_told_with_the_way_out)
{
    static const struct {
        const char *bytes;
        size_t n; // 0: as a string
    } damaged[] = {
        {"", 0},
        {"milan\n", 0},
        {"sluice-active 1 milan", 0}, // cut
        {"sluice-active 1 \n", 0},
        {"sluice-active 2 milan\n", 0}, // another version
        {"sluice-active 1 mi lan\n", 0},
        {"sluice-active 1 MILAN\n", 0},
        {"sluice-active 1 milan\n\n", 0},
        {"sluice-active 1 milan\naws\n", 0},
        {"sluice-active 1 milan\r\n", 0},
        {" sluice-active 1 milan\n", 0},
        {"sluice-active 1 milan\n\0", 23},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22}, // a crash of some file systems
        {"sluice-active 1 abcdefghijklmnopqrstuvwxyz0123456\n", 0},
        {"sluice-active 1 abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnop\n",
         0},
    };
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct sl_error err = {0};
        char name[33] = "untouched";
        size_t n = damaged[i].n > 0 ? damaged[i].n : strlen(damaged[i].bytes);
        cr_assert_eq(file_replace(path, damaged[i].bytes, n, 0644, &err), SL_OK, "%s", err.text);
        cr_expect_eq(active_load(folder, name, sizeof name, &err), SL_EPROTO, "row %zu", i);
        cr_expect_str_eq(name, "untouched");
        cr_expect_not_null(strstr(err.text, path), "row %zu: %s", i, err.text);
        cr_expect_not_null(strstr(err.text, "write that line"), "row %zu: %s", i, err.text);
    }
}

Test(active, names_are_checked_before_they_are_stored)
{
    static const char *const names[] = {"",     "Milan", "mi lan",
                                        "a\nb", "../x",  "abcdefghijklmnopqrstuvwxyz0123456"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sl_error err = {0};
        cr_expect_eq(active_store(folder, names[i], &err), SL_EINVAL, "row %zu", i);
    }
    cr_expect_neq(access(path, F_OK), 0);
}

Test(active, a_missing_folder_is_an_error)
{
    struct sl_error err = {0};
    cr_expect_eq(active_store("/tmp/sluice-no-such-folder", "milan", &err), SL_EIO);
}
