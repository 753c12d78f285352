// GTID sets of both families: what servers print, what is refused, and the algebra.
#include "control/gtid.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define U1 "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define U2 "4e11fa47-71ca-11e1-9e33-c80aa9429562"

static struct gtid_set set_of(enum backend_family family, const char *text)
{
    struct gtid_set set;
    struct sl_error err = {0};
    cr_assert_eq(gtid_parse(family, text, &set, &err), SL_OK, "%s: %s", text, err.text);
    return set;
}

static const char *text_of(const struct gtid_set *set)
{
    static struct buf out;
    buf_clear(&out);
    gtid_format(set, &out);
    return buf_text(&out);
}

static void expect_text(enum backend_family family, const char *text, const char *wanted)
{
    struct gtid_set set = set_of(family, text);
    cr_expect_str_eq(text_of(&set), wanted, "\"%s\": %s", text, text_of(&set));
    gtid_release(&set);
}

Test(gtid, what_mysql_prints)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", ""},
        {" \n", ""},
        {U1 ":1", U1 ":1"},
        {U1 ":1-5:7", U1 ":1-5:7"},
        {U1 ":1-6:100:cut_1:1,\n" U2 ":1", U1 ":1-6:100:cut_1:1," U2 ":1"},
        {U1 ":tag:1-3", U1 ":tag:1-3"},
        {U1 ":1-2:a:4:b:5-6", U1 ":1-2:a:4:b:5-6"},
        {U1 ":Tag_9:1," U1 ":TAG_9:2", U1 ":tag_9:1-2"},
        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:9223372036854775806", U1 ":9223372036854775806"},
        {"  " U2 " : 1 - 3 : 5 ,\r\n\t" U1 ":2 ", U1 ":2," U2 ":1-3:5"},
        {U1 ":7:1-5:3-6", U1 ":1-7"},
        {U1 ":1-2:4-5," U1 ":3", U1 ":1-5"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_text(FAMILY_MYSQL, rows[i].text, rows[i].wanted);
}

Test(gtid, what_mariadb_prints)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", ""},
        {"0-1-100", "0-1-100"},
        {"0-2-10,0-1-11", "0-1-11,0-2-10"},
        {"2-2-4, 1-1-7", "1-1-7,2-2-4"},
        {"4294967295-4294967295-18446744073709551615",
         "4294967295-4294967295-18446744073709551615"},
        {"0-1-0", ""},
        {"0-1-5,0-1-9,0-1-3", "0-1-9"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_text(FAMILY_MARIADB, rows[i].text, rows[i].wanted);
}

Test(gtid, refused_with_the_place)
{
    static const struct {
        enum backend_family family;
        const char *text, *wanted;
    } rows[] = {
        {FAMILY_MYSQL, "x", "byte 0: found \"x\", expected a UUID"},
        {FAMILY_MYSQL, "3e11fa47", "byte 0: found \"3e11fa47\", expected a UUID"},
        {FAMILY_MYSQL, "3e11fa4771ca-11e1-9e33-c80aa9429562:1", "a UUID"},
        {FAMILY_MYSQL, U1, "byte 36: found its end, expected \":\""},
        {FAMILY_MYSQL, U1 ":", "byte 37: found its end, expected an interval or a tag"},
        {FAMILY_MYSQL, U1 ":0", "a number from 1 up"},
        {FAMILY_MYSQL, U1 ":5-4", "not below its start"},
        {FAMILY_MYSQL, U1 ":5-", "not below its start"},
        {FAMILY_MYSQL, U1 ":-5", "an interval or a tag"},
        {FAMILY_MYSQL, U1 ":9223372036854775807", "a number from 1 up"},
        {FAMILY_MYSQL, U1 ":99999999999999999999999", "a number from 1 up"},
        {FAMILY_MYSQL, U1 ":1:", "an interval or a tag"},
        {FAMILY_MYSQL, U1 ":tag", "\":\" and an interval behind the tag"},
        {FAMILY_MYSQL, U1 ":tag:", "a number from 1 up"},
        {FAMILY_MYSQL, U1 ":tag:more:1", "a number from 1 up"},
        {FAMILY_MYSQL, U1 ":1,", "byte 39: found its end, expected a UUID"},
        {FAMILY_MYSQL, U1 ":1,," U2 ":1", "a UUID"},
        {FAMILY_MYSQL, "," U1 ":1", "a UUID"},
        {FAMILY_MYSQL, U1 ":1 2", "byte 39: found \"2\", expected \",\" or the end"},
        {FAMILY_MYSQL, U1 ":1-2-3", "\",\" or the end"},
        {FAMILY_MYSQL, U1 ":t\x01:1", "found \"?:1\""},
        {FAMILY_MYSQL, U1 ":a12345678901234567890123456789012:1", "an interval or a tag"},
        {FAMILY_MYSQL, "0-1-5", "a UUID"},
        {FAMILY_MARIADB, U1 ":1", "byte 1: found \"e11fa47-"},
        {FAMILY_MARIADB, "0", "\"-\" and a server id"},
        {FAMILY_MARIADB, "0-1", "\"-\" and a number"},
        {FAMILY_MARIADB, "0-1-", "\"-\" and a number"},
        {FAMILY_MARIADB, "-1-5", "a domain"},
        {FAMILY_MARIADB, "4294967296-1-5", "a domain"},
        {FAMILY_MARIADB, "0-4294967296-5", "a server id"},
        {FAMILY_MARIADB, "0-1-18446744073709551616", "a number"},
        {FAMILY_MARIADB, "0-1-5-6", "byte 5: found \"-6\", expected \",\" or the end"},
        {FAMILY_MARIADB, "0-1-5,", "byte 6: found its end, expected a domain"},
        {FAMILY_MARIADB, "0-1-5;0-2-6", "\",\" or the end"},
        {FAMILY_MARIADB, "0-1-0x5", "\",\" or the end"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gtid_set set;
        struct sl_error err = {0};
        cr_expect_eq(gtid_parse(rows[i].family, rows[i].text, &set, &err), SL_EPROTO, "%s",
                     rows[i].text);
        cr_expect(strstr(err.text, rows[i].wanted) != NULL, "%s: %s", rows[i].text, err.text);
        cr_expect(set.count == 0 && set.ranges == NULL);
    }
}

Test(gtid, limits)
{
    struct gtid_set set;
    struct sl_error err = {0};
    struct buf text;
    buf_init(&text, 4 * GTID_TEXT_MAX);
    for (unsigned i = 0; i <= GTID_RANGES_MAX; i++)
        buf_printf(&text, "%s%u-1-1", i > 0 ? "," : "", i);
    cr_expect_eq(gtid_parse(FAMILY_MARIADB, buf_text(&text), &set, &err), SL_ETOOBIG);
    text.n = (size_t)(strrchr(buf_text(&text), ',') - (const char *)text.p);
    cr_expect_eq(gtid_parse(FAMILY_MARIADB, buf_text(&text), &set, &err), SL_OK, "%s", err.text);
    cr_expect_eq(set.count, GTID_RANGES_MAX);
    gtid_release(&set);
    while (text.n <= GTID_TEXT_MAX)
        buf_str(&text, " ");
    cr_expect_eq(gtid_parse(FAMILY_MARIADB, buf_text(&text), &set, &err), SL_ETOOBIG);
    text.n--;
    cr_expect_eq(gtid_parse(FAMILY_MARIADB, buf_text(&text), &set, &err), SL_OK, "%s", err.text);
    gtid_release(&set);
    buf_release(&text);
}

Test(gtid, algebra)
{
    static const struct {
        enum backend_family family;
        const char *a, *b, *a_less_b, *both;
    } rows[] = {
        {FAMILY_MYSQL, "", "", "", ""},
        {FAMILY_MYSQL, U1 ":1-9", "", U1 ":1-9", U1 ":1-9"},
        {FAMILY_MYSQL, "", U1 ":1-9", "", U1 ":1-9"},
        {FAMILY_MYSQL, U1 ":1-9", U1 ":1-9", "", U1 ":1-9"},
        {FAMILY_MYSQL, U1 ":1-9", U1 ":3-5", U1 ":1-2:6-9", U1 ":1-9"},
        {FAMILY_MYSQL, U1 ":1-9", U1 ":3-5:7", U1 ":1-2:6:8-9", U1 ":1-9"},
        {FAMILY_MYSQL, U1 ":3-5:7-9", U1 ":1-4:9-12", U1 ":5:7-8", U1 ":1-5:7-12"},
        {FAMILY_MYSQL, U1 ":3-5:7-9", U1 ":1-20", "", U1 ":1-20"},
        {FAMILY_MYSQL, U1 ":1-3", U1 ":4-6", U1 ":1-3", U1 ":1-6"},
        {FAMILY_MYSQL, U1 ":1-3," U2 ":1-3", U1 ":1-3", U2 ":1-3", U1 ":1-3," U2 ":1-3"},
        {FAMILY_MYSQL, U1 ":1-3:t:1-3", U1 ":1-3", U1 ":t:1-3", U1 ":1-3:t:1-3"},
        {FAMILY_MYSQL, U1 ":1-3:t:1-3", U1 ":t:2", U1 ":1-3:t:1:3", U1 ":1-3:t:1-3"},
        // The same number of another server is another transaction.
        {FAMILY_MARIADB, "0-2-11", "0-1-11", "0-2-11", "0-1-11,0-2-11"},
        {FAMILY_MARIADB, "0-1-100", "0-1-20", "0-1-100", "0-1-100"},
        {FAMILY_MARIADB, "0-1-20", "0-1-100", "", "0-1-100"},
        {FAMILY_MARIADB, "0-1-7,1-1-3", "0-1-9", "1-1-3", "0-1-9,1-1-3"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gtid_set a = set_of(rows[i].family, rows[i].a);
        struct gtid_set b = set_of(rows[i].family, rows[i].b);
        struct gtid_set rest = gtid_subtract(&a, &b), both = gtid_union(&a, &b);
        cr_expect_str_eq(text_of(&rest), rows[i].a_less_b, "row %zu: %s", i, text_of(&rest));
        cr_expect_str_eq(text_of(&both), rows[i].both, "row %zu: %s", i, text_of(&both));
        cr_expect_eq(gtid_contains(&b, &a), rest.count == 0, "row %zu", i);
        cr_expect(gtid_contains(&both, &a) && gtid_contains(&both, &b), "row %zu", i);
        cr_expect_eq(gtid_equal(&a, &b), strcmp(rows[i].a, rows[i].b) == 0, "row %zu", i);
        struct gtid_set *all[] = {&a, &b, &rest, &both};
        for (size_t j = 0; j < COUNT(all); j++)
            gtid_release(all[j]);
    }
}

Test(gtid, counts)
{
    static const struct {
        enum backend_family family;
        const char *a, *b;
        uint64_t missing;
    } rows[] = {
        {FAMILY_MYSQL, "", "", 0},
        {FAMILY_MYSQL, U1 ":1-1000:t:5", U1 ":1-990", 11},
        {FAMILY_MYSQL, U1 ":1-9223372036854775806", "", INT64_MAX - 1},
        {FAMILY_MARIADB, "0-1-120,5-1-8", "0-1-100,5-1-1", 27},
        {FAMILY_MARIADB, "0-1-18446744073709551615", "", UINT64_MAX},
        {FAMILY_MARIADB, "0-1-18446744073709551615,0-2-1", "", UINT64_MAX},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct gtid_set a = set_of(rows[i].family, rows[i].a);
        struct gtid_set b = set_of(rows[i].family, rows[i].b);
        struct gtid_set rest = gtid_subtract(&a, &b);
        cr_expect_eq(gtid_count(&rest), rows[i].missing, "row %zu", i);
        gtid_release(&a);
        gtid_release(&b);
        gtid_release(&rest);
    }
}

// --- against a model: small sets as bit masks ----------------------------------------------------

#define MODEL_NUMBERS 12

static struct gtid_set set_of_mask(unsigned mask)
{
    struct buf text = {0};
    for (unsigned n = 0; n < MODEL_NUMBERS; n++)
        if (mask >> n & 1)
            buf_printf(&text, "%s%s:%u", text.n > 0 ? "," : "", n % 2 != 0 ? U1 : U2, n / 2 + 1);
    struct gtid_set set = set_of(FAMILY_MYSQL, buf_text(&text));
    buf_release(&text);
    return set;
}

static void expect_mask(const struct gtid_set *set, unsigned mask)
{
    struct gtid_set wanted = set_of_mask(mask);
    cr_assert(gtid_equal(set, &wanted), "%s is not %x", text_of(set), mask);
    cr_assert_eq(gtid_count(set), (uint64_t)__builtin_popcount(mask));
    gtid_release(&wanted);
}

Test(gtid, like_sets_of_numbers)
{
    unsigned seed = 7;
    for (unsigned i = 0; i < 2000; i++) {
        unsigned x = (unsigned)rand_r(&seed) % (1u << MODEL_NUMBERS);
        unsigned y = (unsigned)rand_r(&seed) % (1u << MODEL_NUMBERS);
        struct gtid_set a = set_of_mask(x), b = set_of_mask(y);
        struct gtid_set rest = gtid_subtract(&a, &b), both = gtid_union(&a, &b);
        expect_mask(&rest, x & ~y);
        expect_mask(&both, x | y);
        cr_assert_eq(gtid_contains(&a, &b), (y & ~x) == 0);
        gtid_release(&a);
        gtid_release(&b);
        gtid_release(&rest);
        gtid_release(&both);
    }
}
