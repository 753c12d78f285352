// The tokenizer of the text scan: a byte loop over a class table, with one small function for each
// lexical state, so that a text may be cut anywhere.
//
//   text pieces -> lexer[state] -> tokens -> scan_match.c -> flags
//
// Where the server's reading depends on what sluice cannot know (version comments that hold
// quotes, ANSI_QUOTES, multi-byte charsets), the scan goes blind: it no longer skips anything.
#include "state/scan.h"

#include <string.h>

#include "state/scan_match.h"

enum lexical {
    LEX_CODE,
    LEX_WORD, // a word that was cut
    LEX_STRING,
    LEX_ESCAPE,    // after a backslash in a string
    LEX_QUOTE_END, // after a closing quote: a second one means that the string goes on
    LEX_AT,        // after @
    LEX_DASH,      // after -
    LEX_DASH2,     // after --
    LEX_LINE,      // comment up to the end of the line
    LEX_SLASH,     // after /
    LEX_OPEN,      // after /*
    LEX_OPEN_M,    // after /*M
    LEX_VERSION,   // digits after /*! or /*M!
    LEX_COMMENT,
    LEX_COMMENT_STAR, // after * in a comment
    LEX_STAR,         // after * in an executable comment
    LEX_COUNT
};

// Classes below CLASS_TOKENS need a look; the others are the tokens themselves.
enum byte_class {
    CLASS_SPACE = 100,
    CLASS_WORD,
    CLASS_QUOTE,
    CLASS_HASH,
    CLASS_DASH,
    CLASS_SLASH,
    CLASS_STAR,
    CLASS_AT,
    CLASS_SEMICOLON,
};

// 0xA0 is white space in latin1 and part of a letter in UTF-8: cutting a word there is harmless.
static const uint8_t class_of[256] = {
    [0 ... 0x20] = CLASS_SPACE,   ['!'] = TOKEN_OTHER,          ['"'] = CLASS_QUOTE,
    ['#'] = CLASS_HASH,           ['$'] = CLASS_WORD,           ['%'] = TOKEN_OTHER,
    ['&'] = TOKEN_OTHER,          ['\''] = CLASS_QUOTE,         ['('] = TOKEN_OPEN,
    [')'] = TOKEN_CLOSE,          ['*'] = CLASS_STAR,           ['+'] = TOKEN_OTHER,
    [','] = TOKEN_COMMA,          ['-'] = CLASS_DASH,           ['.'] = TOKEN_DOT,
    ['/'] = CLASS_SLASH,          ['0' ... '9'] = CLASS_WORD,   [':'] = TOKEN_COLON,
    [';'] = CLASS_SEMICOLON,      ['<'] = TOKEN_OTHER,          ['='] = TOKEN_EQUAL,
    ['>'] = TOKEN_OTHER,          ['?'] = TOKEN_OTHER,          ['@'] = CLASS_AT,
    ['A' ... 'Z'] = CLASS_WORD,   ['['] = TOKEN_OTHER,          ['\\'] = TOKEN_OTHER,
    [']'] = TOKEN_OTHER,          ['^'] = TOKEN_OTHER,          ['_'] = CLASS_WORD,
    ['`'] = CLASS_QUOTE,          ['a' ... 'z'] = CLASS_WORD,   ['{'] = TOKEN_OTHER,
    ['|'] = TOKEN_OTHER,          ['}'] = TOKEN_OTHER,          ['~'] = TOKEN_OTHER,
    [0x7F] = CLASS_SPACE,         [0x80 ... 0x9F] = CLASS_WORD, [0xA0] = CLASS_SPACE,
    [0xA1 ... 0xFF] = CLASS_WORD,
};

// Appends to the word being collected; once too long it stays too long.
static void collect(struct scan *s, const uint8_t *p, size_t n)
{
    if (n > (size_t)(SCAN_WORD_MAX - s->word_len)) {
        if (s->word_len == 0)
            s->word[0] = p[0];
        s->word_len = SCAN_WORD_MAX + 1;
    }
    if (s->word_len > SCAN_WORD_MAX)
        return;
    memcpy(s->word + s->word_len, p, n);
    s->word_len = (uint8_t)(s->word_len + n);
}

// A word that lies whole in this piece is looked up where it is; a cut one is collected.
static const uint8_t *lex_word(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = p;
    while (q < end && class_of[*q] == CLASS_WORD)
        q++;
    if (q < end && s->word_len == 0) {
        scan_match_word(s, p, (size_t)(q - p));
        return q;
    }
    if (q > p)
        collect(s, p, (size_t)(q - p));
    s->lexical = LEX_WORD;
    if (q < end) {
        s->lexical = LEX_CODE;
        scan_match_word(s, s->word, s->word_len);
        s->word_len = 0;
    }
    return q;
}

// What could hide text inside an executable comment makes the scan blind there: a server that
// skips the comment ends it at the next "*/", another one does not.
static bool hides(struct scan *s)
{
    if (s->mode != SCAN_BLIND && s->depth == 0)
        return true;
    scan_match_blind(s);
    return false;
}

static const uint8_t *special(struct scan *s, const uint8_t *p, uint8_t class)
{
    switch (class) {
    case CLASS_QUOTE:
        if (hides(s)) {
            s->quote = *p;
            s->lexical = LEX_STRING;
        }
        break;
    case CLASS_HASH:
        if (hides(s))
            s->lexical = LEX_LINE;
        break;
    case CLASS_DASH: s->lexical = LEX_DASH; break;
    case CLASS_SLASH: s->lexical = LEX_SLASH; break;
    case CLASS_STAR:
        if (s->depth > 0)
            s->lexical = LEX_STAR;
        else
            scan_match_token(s, TOKEN_STAR);
        break;
    case CLASS_AT: s->lexical = LEX_AT; break;
    default: scan_match_separator(s); break;
    }
    return p + 1;
}

static const uint8_t *lex_code(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint8_t class = class_of[*p];
        if (class == CLASS_SPACE) {
            p++;
        } else if (class == CLASS_WORD) {
            p = lex_word(s, p, end);
            if (s->lexical != LEX_CODE)
                break;
        } else if (class < CLASS_SPACE) {
            scan_match_token(s, class);
            p++;
        } else {
            p = special(s, p, class);
            if (s->lexical != LEX_CODE)
                break;
        }
    }
    return p;
}

static const uint8_t *lex_string(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    uint8_t quote = s->quote;
    uint8_t escape = quote != '`' && s->mode == SCAN_BACKSLASH ? '\\' : quote;
    const uint8_t *q = p;
    while (q < end && *q != quote && *q != escape)
        q++;
    if (q > p && s->word_len <= SCAN_WORD_MAX && (quote != '\'' || scan_match_wants_string(s)))
        collect(s, p, (size_t)(q - p));
    if (q == end)
        return q;
    s->lexical = *q == quote ? LEX_QUOTE_END : LEX_ESCAPE;
    return q + 1;
}

static void string_ends(struct scan *s)
{
    size_t n = s->word_len;
    s->word_len = 0;
    s->lexical = LEX_CODE;
    scan_match_quoted(s, s->quote, n);
}

// \" in a double-quoted string ends an identifier under ANSI_QUOTES, which no status flag shows.
static const uint8_t *lex_escape(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    scan_match_escape(s);
    s->word_len = SCAN_WORD_MAX + 1;
    s->lexical = LEX_STRING;
    if (s->quote == '"' && *p == '"') {
        string_ends(s);
        scan_match_blind(s);
    }
    return p + 1;
}

static const uint8_t *lex_quote_end(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    if (*p != s->quote) {
        string_ends(s);
        return p;
    }
    s->word_len = SCAN_WORD_MAX + 1;
    s->lexical = LEX_STRING;
    return p + 1;
}

static const uint8_t *lex_at(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    s->lexical = LEX_CODE;
    scan_match_token(s, *p == '@' ? TOKEN_ATAT : TOKEN_AT);
    return *p == '@' ? p + 1 : p;
}

static const uint8_t *lex_dash(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    if (*p == '-') {
        s->lexical = LEX_DASH2;
        return p + 1;
    }
    s->lexical = LEX_CODE;
    scan_match_token(s, TOKEN_OTHER);
    return p;
}

// "--" is a comment only before white space, a control character or the end. Whether 0xA0 is
// white space depends on the charset.
static const uint8_t *lex_dash2(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    if (class_of[*p] == CLASS_SPACE) {
        s->lexical = LEX_CODE;
        if (*p == 0xA0)
            scan_match_blind(s);
        else if (hides(s))
            s->lexical = LEX_LINE;
        return p;
    }
    scan_match_token(s, TOKEN_OTHER);
    if (*p == '-')
        return p + 1; // the last two of "---" may still be a comment
    scan_match_token(s, TOKEN_OTHER);
    s->lexical = LEX_CODE;
    return p;
}

static const uint8_t *lex_line(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = memchr(p, '\n', (size_t)(end - p));
    if (q == NULL)
        return end;
    s->lexical = LEX_CODE;
    return q + 1;
}

static const uint8_t *lex_slash(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    s->lexical = LEX_CODE;
    if (*p != '*') {
        scan_match_token(s, TOKEN_OTHER);
        return p;
    }
    if (s->mode == SCAN_BLIND)
        scan_match_blind(s);
    else
        s->lexical = LEX_OPEN;
    return p + 1;
}

static void open_executable(struct scan *s, uint8_t next)
{
    s->lexical = next;
    s->executable = true;
    if (++s->depth == UINT8_MAX)
        scan_match_blind(s);
}

// An optimizer hint is read as code: its own quotes may hide the end of the comment.
static const uint8_t *lex_open(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    switch (*p) {
    case '!': open_executable(s, LEX_VERSION); break;
    case '+': open_executable(s, LEX_CODE); break;
    case 'M': s->lexical = LEX_OPEN_M; break;
    case '*': s->lexical = LEX_COMMENT_STAR; break;
    default: s->lexical = LEX_COMMENT; break;
    }
    return p + 1;
}

static const uint8_t *lex_open_m(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    if (*p == '!')
        open_executable(s, LEX_VERSION);
    else
        s->lexical = *p == '*' ? LEX_COMMENT_STAR : LEX_COMMENT;
    return p + 1;
}

static const uint8_t *lex_version(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    if (p < end)
        s->lexical = LEX_CODE;
    return p;
}

static const uint8_t *lex_comment(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = memchr(p, '*', (size_t)(end - p));
    if (q == NULL)
        return end;
    s->lexical = LEX_COMMENT_STAR;
    return q + 1;
}

static const uint8_t *lex_comment_star(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    if (*p == '/')
        s->lexical = LEX_CODE;
    else if (*p != '*')
        s->lexical = LEX_COMMENT;
    return p + 1;
}

static const uint8_t *lex_star(struct scan *s, const uint8_t *p, const uint8_t *end)
{
    (void)end;
    s->lexical = LEX_CODE;
    if (*p != '/') {
        scan_match_token(s, TOKEN_STAR);
        return p;
    }
    s->depth--;
    return p + 1;
}

// Each is called with at least one byte, and takes some or changes the state.
typedef const uint8_t *lexer_fn(struct scan *s, const uint8_t *p, const uint8_t *end);

static lexer_fn *const lexer[LEX_COUNT] = {
    [LEX_CODE] = lex_code,
    [LEX_WORD] = lex_word,
    [LEX_STRING] = lex_string,
    [LEX_ESCAPE] = lex_escape,
    [LEX_QUOTE_END] = lex_quote_end,
    [LEX_AT] = lex_at,
    [LEX_DASH] = lex_dash,
    [LEX_DASH2] = lex_dash2,
    [LEX_LINE] = lex_line,
    [LEX_SLASH] = lex_slash,
    [LEX_OPEN] = lex_open,
    [LEX_OPEN_M] = lex_open_m,
    [LEX_VERSION] = lex_version,
    [LEX_COMMENT] = lex_comment,
    [LEX_COMMENT_STAR] = lex_comment_star,
    [LEX_STAR] = lex_star,
};

void scan_begin(struct scan *s, enum scan_mode mode)
{
    memset(s, 0, offsetof(struct scan, word));
    s->mode = (uint8_t)mode;
    s->lexical = LEX_CODE;
    scan_match_begin(s);
}

void scan_feed(struct scan *s, const uint8_t *p, size_t n)
{
    if (n == 0)
        return;
    const uint8_t *end = p + n;
    while (p < end)
        p = lexer[s->lexical](s, p, end);
}

// The end ends what is open; a string or comment without an end is a syntax error anyway.
uint32_t scan_end(struct scan *s)
{
    switch (s->lexical) {
    case LEX_WORD: scan_match_word(s, s->word, s->word_len); break;
    case LEX_QUOTE_END: string_ends(s); break;
    case LEX_AT: scan_match_token(s, TOKEN_AT); break;
    case LEX_DASH:
    case LEX_SLASH: scan_match_token(s, TOKEN_OTHER); break;
    case LEX_STAR: scan_match_token(s, TOKEN_STAR); break;
    default: break;
    }
    s->open_end = s->lexical == LEX_STRING || s->lexical == LEX_ESCAPE ||
                  s->lexical == LEX_COMMENT || s->lexical == LEX_COMMENT_STAR;
    s->lexical = LEX_CODE;
    return scan_match_end(s);
}

uint8_t scan_sets(const struct scan *s, bool maria)
{
    bool certain = s->mode != SCAN_BLIND && !s->executable && !s->open_end;
    if (s->mode == SCAN_BLIND && !s->executable)
        return s->sets_first ? 1 : 0;
    return certain ? (uint8_t)(s->sets + (maria ? s->sets_maria : 0)) : 0;
}

uint8_t scan_traits(const struct scan *s)
{
    bool certain = s->mode != SCAN_BLIND && !s->executable && !(s->flags & SCAN_several);
    uint8_t traits = s->open_end ? SCAN_UNSURE : 0;
    if (certain && s->creates)
        traits |= SCAN_CREATES_TABLE;
    if (certain && s->selects)
        traits |= SCAN_SELECTS;
    // It counts where the statement is prepared, so that there are not several, whatever a blind
    // scan takes for separators.
    bool alone = s->mode == SCAN_BLIND || !(s->flags & SCAN_several);
    if (alone && scan_sets(s, true) == 1)
        traits |= scan_sets(s, false) == 1 ? SCAN_SETS : SCAN_SETS_MARIA;
    if (!certain || s->may_call)
        traits |= SCAN_MAY_CALL;
    if (s->reads || (!certain && (s->flags & SCAN_user_variable)))
        traits |= SCAN_READS_VARIABLES;
    return traits;
}
