// Values of every kind, both spellings, and the words of a refusal.
#include "bench/options.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

struct values {
    bool flag;
    const char *text;
    uint64_t count;
    int64_t ms;
};

static const struct option_row rows[] = {
    {"flag", OPTION_FLAG, offsetof(struct values, flag), NULL, "a flag"},
    {"text", OPTION_TEXT, offsetof(struct values, text), "TEXT", "a text"},
    {"count", OPTION_COUNT, offsetof(struct values, count), "N", "a number"},
    {"time", OPTION_DURATION, offsetof(struct values, ms), "TIME", "a duration"},
};

static enum sl_code parse(struct values *v, struct sl_error *err, char **words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    const struct option_set set = {rows, sizeof rows / sizeof rows[0], v};
    return options_parse(count, words, &set, 1, err);
}

Test(options, both_spellings)
{
    struct values v = {0};
    struct sl_error err;
    char *words[] = {"--flag", "--text", "--odd", "--count=7", "--time", "250ms", NULL};
    cr_assert_eq(parse(&v, &err, words), SL_OK, "%s", err.text);
    cr_expect(v.flag);
    cr_expect_str_eq(v.text, "--odd");
    cr_expect_eq(v.count, 7);
    cr_expect_eq(v.ms, 250);
}

Test(options, refusals_name_the_option)
{
    static char *const lines[][3] = {
        {"--nothing", NULL}, {"--text", NULL},   {"--flag=1", NULL},
        {"--count", "x"},    {"--time", "soon"}, {"word", NULL},
    };
    static const char *const names[] = {"--nothing", "--text", "--flag",
                                        "--count",   "--time", "word"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct values v = {0};
        struct sl_error err = {0};
        char *words[] = {lines[i][0], lines[i][1], NULL};
        cr_expect_eq(parse(&v, &err, words), SL_EINVAL, "%s", names[i]);
        cr_expect(strstr(err.text, names[i]) != NULL, "%s", err.text);
    }
}
