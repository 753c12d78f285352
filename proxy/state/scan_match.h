// The matcher behind the text scan: takes tokens, knows the keywords and their sequences. Private
// to scan.c and scan_match.c.
#ifndef SLUICE_STATE_SCAN_MATCH_H
#define SLUICE_STATE_SCAN_MATCH_H

#include "state/scan.h"

enum scan_token {
    TOKEN_NONE,
    TOKEN_WORD,    // no keyword of ours
    TOKEN_NUMBER,  // starts with a digit
    TOKEN_STRING,  // '...' or "..."
    TOKEN_QUOTED,  // `...`
    TOKEN_BUILTIN, // in SET: the name of a built-in function
    TOKEN_AT,
    TOKEN_ATAT,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_EQUAL, // also :=
    TOKEN_COLON,
    TOKEN_STAR,
    TOKEN_OTHER,
    TOKEN_KEYWORDS, // keyword ids follow
};

// scan->each and scan->kill_state.
enum scan_each { EACH_NONE, EACH_KILL, EACH_SHOW, EACH_SET, EACH_SET_STATEMENT };
enum scan_kill_state { KILL_WANTS_ID, KILL_HAS_ID, KILL_OTHER_ID, KILL_EXPRESSION };

// A further token of KILL, SHOW or SET (scan_each.c).
void scan_each_token(struct scan *s, uint8_t token);

void scan_match_begin(struct scan *s);
void scan_match_look(struct scan *s, uint8_t token);

static inline void scan_match_remember(struct scan *s, uint8_t token)
{
    s->before = s->before << 8 | token;
    s->tokens = (uint8_t)(s->tokens + (s->tokens < UINT8_MAX));
}

// Most tokens of most statements only have to be remembered.
static inline void scan_match_token(struct scan *s, uint8_t token)
{
    bool calls_or_sets = token == TOKEN_OPEN || token == TOKEN_EQUAL;
    uint8_t last = (uint8_t)s->before;
    if (s->plain && token < TOKEN_KEYWORDS && token != TOKEN_AT && token != TOKEN_COLON &&
        !(calls_or_sets && (last >= TOKEN_KEYWORDS || last == TOKEN_COLON)))
        scan_match_remember(s, token);
    else
        scan_match_look(s, token);
}
// A word outside quotes; `n` may be larger than SCAN_WORD_MAX (then it is no keyword, and only
// its first byte is looked at).
void scan_match_word(struct scan *s, const uint8_t *p, size_t n);
// The end of something quoted by `quote`; its content is s->word when 0 < n <= SCAN_WORD_MAX.
void scan_match_quoted(struct scan *s, uint8_t quote, size_t n);
// True when the content of a string matters to the statement so far.
bool scan_match_wants_string(const struct scan *s);
// An escape in a string: its content is not what stands there.
void scan_match_escape(struct scan *s);
void scan_match_separator(struct scan *s);
uint32_t scan_match_end(struct scan *s);
// From here on strings and comments cannot be told from code: look everywhere, trust no opposite.
void scan_match_blind(struct scan *s);

#endif
