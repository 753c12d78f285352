// The answers of the two password plugins, as servers accepted them.
#include "bench/scramble.h"

#include <criterion/criterion.h>
#include <string.h>

Test(scramble, native)
{
    // Seen on the wire: MariaDB 10.11 accepted this answer for the password "application".
    static const char scramble[] = "5JWW.}MIfGoy59^MId>I";
    static const uint8_t wanted[20] = {0x6A, 0x8F, 0x55, 0xC9, 0x87, 0x45, 0x9F, 0xE2, 0xF3, 0x07,
                                       0x78, 0x16, 0x22, 0x94, 0xFC, 0xA3, 0xC3, 0x83, 0x63, 0x38};
    uint8_t answer[SCRAMBLE_ANSWER_MAX];
    cr_assert_eq(scramble_native((const uint8_t *)scramble, "application", answer), 20);
    cr_expect_arr_eq(answer, wanted, sizeof wanted);
    cr_expect_eq(scramble_native((const uint8_t *)scramble, "", answer), 0);
}

Test(scramble, sha2)
{
    // By the formula of dev.mysql.com page_caching_sha2_authentication_exchanges.
    static const uint8_t wanted[32] = {0x94, 0x56, 0x07, 0x73, 0x18, 0x09, 0x52, 0xB1,
                                       0xE4, 0xBF, 0x10, 0x30, 0xA5, 0xCC, 0x10, 0x25,
                                       0xD3, 0x83, 0x6F, 0x00, 0xB1, 0x67, 0x5F, 0x4A,
                                       0xFF, 0x37, 0xD7, 0x80, 0xE1, 0x9E, 0x45, 0x14};
    uint8_t answer[SCRAMBLE_ANSWER_MAX];
    const uint8_t *scramble = (const uint8_t *)"12345678901234567890";
    cr_assert_eq(scramble_sha2(scramble, "application", answer), 32);
    cr_expect_arr_eq(answer, wanted, sizeof wanted);
    cr_expect_eq(scramble_sha2(scramble, "", answer), 0);
}

Test(scramble, found_by_name)
{
    static const uint8_t native[] = "mysql_native_password", sha2[] = "caching_sha2_password";
    const struct scramble_plugin *p = scramble_find((struct slice){sha2, sizeof sha2 - 1});
    cr_assert_not_null(p);
    cr_expect_eq(p->answer, scramble_sha2);
    cr_expect_not_null(scramble_find((struct slice){native, sizeof native - 1}));
    cr_expect_null(scramble_find((struct slice){native, sizeof native - 2}));
    cr_expect_null(scramble_find((struct slice){(const uint8_t *)"", 0}));
}
