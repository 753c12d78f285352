// Splits request lines into words, quotes words back, and tells the lines of an answer apart.
#include "admin/protocol.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

// Where the splitter is in a line. Words are written to `to`, which never overtakes `from`: no
// word is longer than its source.
struct splitter {
    const char *from, *end;
    char *to;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static enum sl_code check_text(const char *line, size_t n, struct sl_error *err)
{
    if (n > PROTOCOL_LINE_MAX)
        return sl_fail(err, SL_ETOOBIG, "the line has more than %zu bytes", PROTOCOL_LINE_MAX);
    for (size_t i = 0; i < n;) {
        size_t len = text_utf8_len(line + i, n - i);
        if (len == 0)
            return sl_fail(err, SL_EINVAL, "byte %zu of the line is not UTF-8", i + 1);
        if (line[i] != '\t' && text_is_control(line + i, len))
            return sl_fail(err, SL_EINVAL, "byte %zu of the line is a control character", i + 1);
        i += len;
    }
    return SL_OK;
}

// Behind the opening quote; leaves `from` behind the closing one. In single quotes everything is
// itself; in double quotes a backslash takes the meaning from the next character.
static enum sl_code take_quoted(struct splitter *s, char quote, struct sl_error *err)
{
    while (s->from < s->end && *s->from != quote) {
        if (quote == '"' && *s->from == '\\' && s->from + 1 < s->end)
            s->from++;
        *s->to++ = *s->from++;
    }
    if (s->from == s->end)
        return sl_fail(err, SL_EINVAL, "a quote (%c) is not closed", quote);
    s->from++;
    return SL_OK;
}

// Quoted and plain parts make one word: a"b c"d is ab cd.
static enum sl_code take_word(struct splitter *s, struct sl_error *err)
{
    while (s->from < s->end && !is_blank(*s->from)) {
        char c = *s->from++;
        if (c == '\'' || c == '"') {
            enum sl_code code = take_quoted(s, c, err);
            if (code != SL_OK)
                return code;
            continue;
        }
        if (c == '\\') {
            if (s->from == s->end)
                return sl_fail(err, SL_EINVAL, "the line ends in a backslash");
            c = *s->from++;
        }
        *s->to++ = c;
    }
    *s->to++ = '\0';
    return SL_OK;
}

static enum sl_code split(struct splitter *s, struct words *out, struct sl_error *err)
{
    for (;;) {
        while (s->from < s->end && is_blank(*s->from))
            s->from++;
        if (s->from == s->end)
            return SL_OK;
        if (out->count == PROTOCOL_WORDS_MAX)
            return sl_fail(err, SL_ETOOBIG, "more than %d words", PROTOCOL_WORDS_MAX);
        out->at[out->count++] = s->to;
        enum sl_code code = take_word(s, err);
        if (code != SL_OK)
            return code;
    }
}

enum sl_code words_split(const char *line, size_t n, struct words *out, struct sl_error *err)
{
    *out = (struct words){0};
    line = line != NULL ? line : ""; // an empty buffer has no memory
    enum sl_code code = check_text(line, n, err);
    if (code != SL_OK)
        return code;
    // A word and the blank behind it become a word and its NUL; the last one has no blank.
    out->memory = mem_alloc(n + 1);
    out->at =
        mem_array(n / 2 + 1 < PROTOCOL_WORDS_MAX ? n / 2 + 1 : PROTOCOL_WORDS_MAX, sizeof *out->at);
    struct splitter s = {.from = line, .end = line + n, .to = out->memory};
    code = split(&s, out, err);
    if (code != SL_OK)
        words_release(out);
    return code;
}

void words_release(struct words *w)
{
    mem_free(w->memory);
    mem_free(w->at);
    *w = (struct words){0};
}

void words_quote(struct buf *out, const char *word)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:@%+=,*?";
    if (*word != '\0' && word[strspn(word, PLAIN)] == '\0') {
        buf_str(out, word);
        return;
    }
    buf_u8(out, '"');
    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\')
            buf_u8(out, '\\');
        buf_put(out, word, 1);
    }
    buf_u8(out, '"');
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

// Quotes inside texts are escaped in JSON, so that no reason can look like a kind.
static enum protocol_line classify_json(const char *line)
{
    if (begins(line, PROTOCOL_JSON_OK))
        return PROTOCOL_LINE_OK;
    if (begins(line, PROTOCOL_JSON_PROGRESS))
        return PROTOCOL_LINE_PROGRESS;
    if (begins(line, PROTOCOL_JSON_ERR))
        return strstr(line, PROTOCOL_JSON_USAGE) != NULL ? PROTOCOL_LINE_USAGE : PROTOCOL_LINE_ERR;
    return PROTOCOL_LINE_TEXT;
}

enum protocol_line protocol_classify(const char *line, bool json)
{
    if (begins(line, PROTOCOL_ERR PROTOCOL_USAGE))
        return PROTOCOL_LINE_USAGE;
    if (begins(line, PROTOCOL_ERR))
        return PROTOCOL_LINE_ERR;
    if (json)
        return classify_json(line);
    if (strcmp(line, PROTOCOL_OK) == 0)
        return PROTOCOL_LINE_OK;
    return begins(line, PROTOCOL_PROGRESS) ? PROTOCOL_LINE_PROGRESS : PROTOCOL_LINE_TEXT;
}

void protocol_put_text(struct buf *out, const char *line, size_t n)
{
    bool is_ok = n == strlen(PROTOCOL_OK) && memcmp(line, PROTOCOL_OK, n) == 0;
    if (is_ok || (n >= 4 && memcmp(line, PROTOCOL_ERR, 4) == 0) ||
        (n >= 2 && memcmp(line, PROTOCOL_PROGRESS, 2) == 0))
        buf_u8(out, ' ');
    buf_put(out, line, n);
    buf_u8(out, '\n');
}
