// A fence to JSON and back; damaged files.
#include "cutover/fence_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct fence_account accounts[] = {{"web", "%"}, {"o'brien \"x\"", "10.0.%"}, {"ünï", "h"}};
static const struct fence FENCE = {false, true, true, accounts, 3};

static void expect_same(const struct fence *a, const struct fence *b)
{
    cr_expect(a->read_only == b->read_only && a->super_read_only == b->super_read_only &&
              a->event_scheduler == b->event_scheduler);
    cr_assert_eq(a->count, b->count);
    for (unsigned i = 0; i < a->count; i++) {
        cr_expect_str_eq(a->accounts[i].user, b->accounts[i].user);
        cr_expect_str_eq(a->accounts[i].host, b->accounts[i].host);
    }
}

Test(fence_file, there_and_back)
{
    char folder[] = "/tmp/fence.XXXXXX";
    struct fence back;
    struct sl_error err = {0};
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(fence_file_load(folder, "milan", &back, &err), SL_OK, "%s", err.text);
    cr_expect_eq(back.count, 0, "no file, nothing locked");
    cr_assert_eq(fence_file_store(folder, "milan", &FENCE, &err), SL_OK, "%s", err.text);
    cr_assert_eq(fence_file_load(folder, "milan", &back, &err), SL_OK, "%s", err.text);
    expect_same(&back, &FENCE);
    fence_release(&back);
    cr_assert_eq(fence_file_remove(folder, "milan", &err), SL_OK);
    cr_assert_eq(fence_file_remove(folder, "milan", &err), SL_OK, "again and again");
    cr_expect_eq(rmdir(folder), 0);
}

Test(fence_file, what_is_not_one_is_not_guessed)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"read_only\":false,\"super_read_only\":false,\"event_scheduler\":false}",
        "{\"read_only\":0,\"super_read_only\":false,\"event_scheduler\":false,\"accounts\":[]}",
        "{\"read_only\":true,\"super_read_only\":false,\"event_scheduler\":false,\"accounts\":[1]}",
        "{\"read_only\":true,\"super_read_only\":false,\"event_scheduler\":false,"
        "\"accounts\":[{\"user\":\"a\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fence f;
        struct sl_error err = {0};
        cr_expect_eq(fence_from_json(bad[i], &f, &err), SL_EPROTO, "%s", bad[i]);
        cr_expect(f.count == 0 && f.accounts == NULL);
    }
}
