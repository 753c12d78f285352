// Numbers, durations and sizes there and back; UTF-8; patterns.
#include "base/text.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(text, parse_u64)
{
    static const struct {
        const char *text;
        enum sl_code code;
        uint64_t value;
    } rows[] = {
        {"0", SL_OK, 0},
        {"007", SL_OK, 7},
        {"18446744073709551615", SL_OK, UINT64_MAX},
        {"18446744073709551616", SL_ETOOBIG, 0},
        {"99999999999999999999999", SL_ETOOBIG, 0},
        {"", SL_EINVAL, 0},
        {"-1", SL_EINVAL, 0},
        {"+1", SL_EINVAL, 0},
        {" 1", SL_EINVAL, 0},
        {"1 ", SL_EINVAL, 0},
        {"0x10", SL_EINVAL, 0},
        {NULL, SL_EINVAL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t v = 4711;
        cr_expect_eq(text_parse_u64(rows[i].text, &v), rows[i].code, "\"%s\"", rows[i].text);
        cr_expect_eq(v, rows[i].code == SL_OK ? rows[i].value : 4711, "\"%s\"", rows[i].text);
    }
}

Test(text, parse_duration)
{
    static const struct {
        const char *text;
        enum sl_code code;
        int64_t ms;
    } rows[] = {
        {"0", SL_OK, 0},
        {"0s", SL_OK, 0},
        {"250ms", SL_OK, 250},
        {"5s", SL_OK, 5000},
        {"2m", SL_OK, 120000},
        {"1h", SL_OK, 3600000},
        {"1.5s", SL_OK, 1500},
        {"0.25h", SL_OK, 900000},
        {"0.001s", SL_OK, 1},
        {"1.500000000s", SL_OK, 1500},
        {"9223372036854ms", SL_OK, INT64_C(9223372036854)},
        {"9223372036855ms", SL_ETOOBIG, 0},
        {"9223372036.855s", SL_ETOOBIG, 0},
        {"9999999999999h", SL_ETOOBIG, 0},
        {"18446744073709551616s", SL_ETOOBIG, 0},
        {"5", SL_EINVAL, 0},
        {"0.0", SL_EINVAL, 0},
        {"0.5ms", SL_EINVAL, 0},
        {"0.0005s", SL_EINVAL, 0},
        {"1.5000000000s", SL_EINVAL, 0},
        {"1.s", SL_EINVAL, 0},
        {".5s", SL_EINVAL, 0},
        {"-1s", SL_EINVAL, 0},
        {"1 s", SL_EINVAL, 0},
        {"1S", SL_EINVAL, 0},
        {"1d", SL_EINVAL, 0},
        {"1m30s", SL_EINVAL, 0},
        {"s", SL_EINVAL, 0},
        {"", SL_EINVAL, 0},
        {NULL, SL_EINVAL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t v = -7;
        cr_expect_eq(text_parse_duration_ms(rows[i].text, &v), rows[i].code, "\"%s\"",
                     rows[i].text);
        cr_expect_eq(v, rows[i].code == SL_OK ? rows[i].ms : -7, "\"%s\"", rows[i].text);
    }
}

Test(text, durations_are_printed_exactly)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0s"},         {1, "1ms"},
        {250, "250ms"},    {999, "999ms"},
        {1000, "1s"},      {1500, "1.5s"},
        {1050, "1.05s"},   {1001, "1.001s"},
        {60000, "1m"},     {90000, "90s"},
        {120000, "2m"},    {5400000, "90m"},
        {3600000, "1h"},   {3600001, "3600.001s"},
        {86400000, "24h"}, {TEXT_DURATION_MAX_MS, "9223372036.854s"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[32];
        int64_t back = -1;
        cr_expect_str_eq(text_format_duration_ms(rows[i].ms, out, sizeof out), rows[i].text);
        cr_expect_eq(text_parse_duration_ms(out, &back), SL_OK, "%s", out);
        cr_expect_eq(back, rows[i].ms, "%s", out);
    }
    char out[32];
    cr_expect_str_eq(text_format_duration_ms(-1500, out, sizeof out), "-1.5s");
    cr_expect_str_eq(text_format_duration_ms(INT64_MIN, out, sizeof out), "-9223372036854775.808s");
}

Test(text, elapsed_time_for_people)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "0us"},
        {999, "0us"},
        {850000, "850us"},
        {999999, "999us"},
        {1000000, "1ms"},
        {12345678, "12.3ms"},
        {99999999, "99.9ms"},
        {123456789, "123ms"},
        {999999999, "999ms"},
        {INT64_C(4200000000), "4.2s"},
        {INT64_C(59999999999), "59.9s"},
        {INT64_C(60000000000), "1m"},
        {INT64_C(190000000000), "3m10s"},
        {INT64_C(5) * 3600 * 1000000000, "5h"},
        {INT64_C(5) * 3600 * 1000000000 + INT64_C(119000000000), "5h1m"},
        {INT64_C(47) * 3600 * 1000000000, "47h"},
        {INT64_C(52) * 3600 * 1000000000, "2d4h"},
        {-1500000, "-1.5ms"},
        {INT64_MIN, "-106751d23h"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[32];
        cr_expect_str_eq(text_format_elapsed_ns(rows[i].ns, out, sizeof out), rows[i].text);
    }
}

Test(text, parse_size)
{
    static const struct {
        const char *text;
        enum sl_code code;
        uint64_t value;
    } rows[] = {
        {"0", SL_OK, 0},
        {"4096", SL_OK, 4096},
        {"512B", SL_OK, 512},
        {"64KiB", SL_OK, 65536},
        {"16MiB", SL_OK, UINT64_C(1) << 24},
        {"1GiB", SL_OK, UINT64_C(1) << 30},
        {"16777215TiB", SL_OK, UINT64_C(16777215) << 40},
        {"16777216TiB", SL_ETOOBIG, 0},
        {"18446744073709551616", SL_ETOOBIG, 0},
        {"1.5KiB", SL_EINVAL, 0},
        {"1KB", SL_EINVAL, 0},
        {"1kib", SL_EINVAL, 0},
        {"1 KiB", SL_EINVAL, 0},
        {"KiB", SL_EINVAL, 0},
        {"-1", SL_EINVAL, 0},
        {"", SL_EINVAL, 0},
        {NULL, SL_EINVAL, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t v = 4711;
        cr_expect_eq(text_parse_size(rows[i].text, &v), rows[i].code, "\"%s\"", rows[i].text);
        cr_expect_eq(v, rows[i].code == SL_OK ? rows[i].value : 4711, "\"%s\"", rows[i].text);
    }
}

Test(text, format_size)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0B"},
        {1023, "1023B"},
        {1024, "1KiB"},
        {1025, "1.0KiB"},
        {1536, "1.5KiB"},
        {65536, "64KiB"},
        {(UINT64_C(1) << 30) + (UINT64_C(1) << 29), "1.5GiB"},
        {UINT64_MAX, "16777215.9TiB"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char out[32];
        cr_expect_str_eq(text_format_size(rows[i].bytes, out, sizeof out), rows[i].text);
    }
}

Test(text, short_buffers_are_terminated)
{
    char out[4] = "zzz";
    cr_expect_str_eq(text_format_duration_ms(123456, out, sizeof out), "123");
    cr_expect(!text_copy(out, sizeof out, "abcd"));
    cr_expect_str_eq(out, "abc");
    cr_expect(text_copy(out, sizeof out, "abc"));
    cr_expect(text_copy_n(out, sizeof out, "xyz", 2));
    cr_expect_str_eq(out, "xy");
    cr_expect(text_copy_n(out, sizeof out, NULL, 0));
    cr_expect_str_eq(out, "");
    cr_expect(!text_copy(out, 1, "a"));
    cr_expect_str_eq(out, "");
}

Test(text, utf8_len)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"a", 1},
        {"\x7F", 1},
        {"\xC3\xA9", 2},
        {"\xE2\x82\xAC", 3},
        {"\xED\x9F\xBF", 3},
        {"\xF0\x9F\x98\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\x80", 0},             // continuation alone
        {"\xC3", 0},             // cut
        {"\xE2\x82", 0},         // cut
        {"\xC3(", 0},            // no continuation
        {"\xF0\x9F\x98(", 0},    // no continuation at the end
        {"\xC0\xAF", 0},         // overlong
        {"\xE0\x80\xAF", 0},     // overlong
        {"\xF0\x80\x80\xAF", 0}, // overlong
        {"\xED\xA0\x80", 0},     // surrogate
        {"\xF4\x90\x80\x80", 0}, // above U+10FFFF
        {"\xFF", 0},
        {"", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(text_utf8_len(rows[i].bytes, strlen(rows[i].bytes)), rows[i].len, "row %zu",
                     i);
    cr_expect_eq(text_utf8_len("", 1), 1, "a NUL is a character too");
}

Test(text, make_printable)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
        {"a\nb\x1B[31m", "a?b?[31m"},
        {"\x7F\xC2\x9B", "??"}, // C1 starts terminal sequences as well
        {"\xFF\xC3", "??"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char s[32];
        cr_assert(text_copy(s, sizeof s, rows[i].in));
        text_make_printable(s);
        cr_expect_str_eq(s, rows[i].out, "row %zu", i);
    }
}

Test(text, match)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"**", "abc", true},
        {"batch_*", "batch_", true},
        {"batch_*", "batch_7", true},
        {"batch_*", "Batch_7", false},
        {"*_ro", "app_ro_ro", true},
        {"*_ro", "app_rw", false},
        {"a*b*c", "aXXbYYbc", true},
        {"a*b*c", "aXXbYYb", false},
        {"?", "", false},
        {"?", "a", true},
        {"?", "\xC3\xA9", true},
        {"?x", "\xE2\x82\xACx", true},
        {"??", "\xC3\xA9", false},
        {"*?", "\xC3\xA9", true},
        {"caf?", "caf\xC3\xA9", true},
        {"?", "\xFF", true},
        {"a?c*", "abcd", true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        cr_expect_eq(text_match(rows[i].pattern, rows[i].text), rows[i].matches, "%s on %s",
                     rows[i].pattern, rows[i].text);
}

Test(text, match_does_not_explode, .timeout = 10)
{
    char text[2001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_expect(!text_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}
