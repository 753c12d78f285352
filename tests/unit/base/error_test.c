// Error texts: cut visibly, wrapped safely, never needed.
#include "base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, every_code_has_a_text)
{
#define X(name, value, text) cr_expect_str_eq(sl_code_text(name), text);
    SL_ERROR_CODES(X)
#undef X
    cr_expect_str_eq(sl_code_text((enum sl_code) - 1000), "unknown error");
}

Test(error, fills_text_and_code)
{
    struct sl_error err;
    cr_expect_eq(sl_fail(&err, SL_EPROTO, "found %d, expected %d", 1, 2), SL_EPROTO);
    cr_expect_eq(err.code, SL_EPROTO);
    cr_expect_str_eq(err.text, "found 1, expected 2");
    cr_expect_eq(sl_fail_errno(&err, SL_EIO, ENOENT, "/x"), SL_EIO);
    cr_expect_str_eq(err.text, "/x: No such file or directory");
    cr_expect_eq(sl_fail(NULL, SL_EIO, "nobody looks"), SL_EIO);
    cr_expect_eq(sl_fail_errno(NULL, SL_EIO, EPERM, "nobody looks"), SL_EIO);
}

Test(error, a_text_can_be_wrapped_in_itself)
{
    struct sl_error err;
    (void)sl_fail(&err, SL_EIO, "inner");
    (void)sl_fail(&err, SL_EINVAL, "outer (%s)", err.text);
    cr_expect_str_eq(err.text, "outer (inner)");
}

Test(error, long_texts_end_in_dots)
{
    char text[2 * SL_ERROR_TEXT_MAX];
    for (size_t n = SL_ERROR_TEXT_MAX - 6; n < SL_ERROR_TEXT_MAX + 6; n++) {
        struct sl_error err;
        memset(text, 'a', n);
        text[n] = '\0';
        (void)sl_fail(&err, SL_EINVAL, "%s", text);
        if (n < SL_ERROR_TEXT_MAX) {
            cr_expect_str_eq(err.text, text, "%zu bytes", n);
            continue;
        }
        cr_expect_eq(strlen(err.text), SL_ERROR_TEXT_MAX - 1, "%zu bytes", n);
        cr_expect_str_eq(err.text + SL_ERROR_TEXT_MAX - 4, "...", "%zu bytes", n);
    }
    struct sl_error err;
    memset(text, 'a', SL_ERROR_TEXT_MAX - 2);
    text[SL_ERROR_TEXT_MAX - 2] = '\0';
    (void)sl_fail_errno(&err, SL_EIO, ENOENT, "%s", text);
    cr_expect_str_eq(err.text + SL_ERROR_TEXT_MAX - 5, "a...");
}

Test(error, no_character_is_cut_in_half)
{
    char text[2 * SL_ERROR_TEXT_MAX] = "";
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 4);
    for (size_t shift = 0; shift < 3; shift++) {
        struct sl_error err;
        (void)sl_fail(&err, SL_EINVAL, "%.*s%s", (int)shift, "xx", text);
        size_t n = strlen(err.text);
        cr_expect_str_eq(err.text + n - 4, "\xAC...", "shift %zu", shift);
    }
}
