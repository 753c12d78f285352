// Lines into words and back, and what a line of an answer is.
#include <criterion/criterion.h>
#include <string.h>

#include "admin/protocol.h"

static const struct {
    const char *line;
    const char *words[5]; // NULL behind the last; the first NULL: refused
} LINES[] = {
    {"pause", {"pause"}},
    {"  show \t sessions ", {"show", "sessions"}},
    {"pause --reason 'a b'", {"pause", "--reason", "a b"}},
    {"a\"b c\"d", {"ab cd"}},
    {"\"say \\\"hi\\\" \\\\\"", {"say \"hi\" \\"}},
    {"'a\\b'", {"a\\b"}},
    {"a\\ b c", {"a b", "c"}},
    {"'' \"\"", {"", ""}},
    {"a '' b", {"a", "", "b"}},
    {"\xc3\xa4\xe2\x82\xac", {"\xc3\xa4\xe2\x82\xac"}},
    {"'open", {NULL}},
    {"\"open\\\"", {NULL}},
    {"end\\", {NULL}},
    {"bell\x07", {NULL}},
    {"\xff", {NULL}},
    {"\xc3", {NULL}},
};

Test(protocol, words)
{
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct words w;
        struct sl_error err;
        enum sl_code code = words_split(LINES[i].line, strlen(LINES[i].line), &w, &err);
        if (LINES[i].words[0] == NULL) {
            cr_expect_eq(code, SL_EINVAL, "line %zu", i);
            cr_expect_eq(w.count, 0u);
            continue;
        }
        cr_assert_eq(code, SL_OK, "line %zu", i);
        unsigned n = 0;
        for (; n < 5 && LINES[i].words[n] != NULL; n++)
            cr_expect(n < w.count && strcmp(w.at[n], LINES[i].words[n]) == 0, "line %zu word %u", i,
                      n);
        cr_expect_eq(w.count, n, "line %zu", i);
        words_release(&w);
    }
}

Test(protocol, empty_line_has_no_words)
{
    struct words w;
    cr_expect_eq(words_split("   ", 3, &w, NULL), SL_OK);
    cr_expect_eq(w.count, 0u);
    words_release(&w);
}

Test(protocol, nul_is_a_control_character)
{
    struct words w;
    cr_expect_eq(words_split("a\0b", 3, &w, NULL), SL_EINVAL);
}

Test(protocol, limits)
{
    static char line[PROTOCOL_LINE_MAX + 1];
    struct words w;
    memset(line, 'x', sizeof line);
    cr_expect_eq(words_split(line, sizeof line, &w, NULL), SL_ETOOBIG);
    cr_expect_eq(words_split(line, sizeof line - 1, &w, NULL), SL_OK);
    words_release(&w);
    for (size_t i = 1; i < sizeof line; i += 2)
        line[i] = ' ';
    cr_expect_eq(words_split(line, 2 * PROTOCOL_WORDS_MAX, &w, NULL), SL_OK);
    cr_expect_eq(w.count, (unsigned)PROTOCOL_WORDS_MAX);
    words_release(&w);
    cr_expect_eq(words_split(line, 2 * PROTOCOL_WORDS_MAX + 1, &w, NULL), SL_ETOOBIG);
}

Test(protocol, quoting_comes_back)
{
    static const char *const WORDS[] = {"plain", "",       "a b",   "\"", "'",
                                        "\\",    "a\\\"b", "$x;|&", "-"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        struct buf line = {0};
        struct words w;
        words_quote(&line, WORDS[i]);
        cr_assert_eq(words_split((const char *)line.p, line.n, &w, NULL), SL_OK);
        cr_assert_eq(w.count, 1u);
        cr_expect_str_eq(w.at[0], WORDS[i]);
        words_release(&w);
        buf_release(&line);
    }
}

static const struct {
    const char *line;
    enum protocol_line text, json;
} KINDS[] = {
    {"OK", PROTOCOL_LINE_OK, PROTOCOL_LINE_TEXT},
    {"OK then", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_TEXT},
    {"ERR no", PROTOCOL_LINE_ERR, PROTOCOL_LINE_ERR},
    {"ERR usage: no", PROTOCOL_LINE_USAGE, PROTOCOL_LINE_USAGE},
    {"* 5 left", PROTOCOL_LINE_PROGRESS, PROTOCOL_LINE_TEXT},
    {"ERROR", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_TEXT},
    {"{ \"ok\" : true }", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_OK},
    {"{ \"ok\" : false, \"kind\" : \"usage\" }", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_USAGE},
    {"{ \"ok\" : false, \"kind\" : \"failed\", \"error\" : \"\\\"kind\\\" : \\\"usage\\\"\" }",
     PROTOCOL_LINE_TEXT, PROTOCOL_LINE_ERR},
    {"{ \"progress\" : { } }", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_PROGRESS},
    {"{ \"event\" : { } }", PROTOCOL_LINE_TEXT, PROTOCOL_LINE_TEXT},
};

Test(protocol, kinds_of_lines)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        cr_expect_eq(protocol_classify(KINDS[i].line, false), KINDS[i].text, "%s", KINDS[i].line);
        cr_expect_eq(protocol_classify(KINDS[i].line, true), KINDS[i].json, "%s", KINDS[i].line);
    }
}

// A session of a user "OK" must not end an answer.
Test(protocol, text_never_looks_like_an_end)
{
    static const char *const LINES_OF_TEXT[] = {"OK", "ERR x", "* x", "", "OKAY"};
    for (size_t i = 0; i < 5; i++) {
        struct buf out = {0};
        protocol_put_text(&out, LINES_OF_TEXT[i], strlen(LINES_OF_TEXT[i]));
        out.p[out.n - 1] = '\0';
        cr_expect_eq(protocol_classify((char *)out.p, false), PROTOCOL_LINE_TEXT);
        buf_release(&out);
    }
}
