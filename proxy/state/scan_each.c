// The statements of which the text scan looks at each token: KILL, for its number, SHOW and SET, for
// what they call, and SET, for which character set it chooses.
#include "state/scan_match.h"
#include "state/scan_words.h"

// A text that the server takes for one KILL of a plain number.
static void kill_token(struct scan *s, uint8_t token)
{
    bool wants = s->kill_state == KILL_WANTS_ID;
    if (wants && (token == KW_HARD || token == KW_SOFT || token == KW_CONNECTION))
        return;
    if (wants && token == KW_QUERY)
        s->here |= SCAN_kill_query;
    else if (wants && (token == KW_ID || token == KW_USER))
        s->kill_state = KILL_OTHER_ID;
    else if (wants && token == TOKEN_NUMBER && s->number != 0)
        s->kill_state = KILL_HAS_ID;
    else if (s->kill_state != KILL_OTHER_ID)
        s->kill_state = KILL_EXPRESSION;
}

// Keywords of ours that are built-in functions as well.
static bool keyword_calls_builtin(uint8_t token)
{
    switch (token) {
    case KW_CHARSET:
    case KW_DEFAULT:
    case KW_FOUND_ROWS:
    case KW_GET_LOCK:
    case KW_IF:
    case KW_INSERT:
    case KW_RELEASE_ALL_LOCKS:
    case KW_REPEAT:
    case KW_REPLACE:
    case KW_ROW_COUNT:
    case KW_TRUNCATE:
    case KW_USER:
    case KW_VALUES: return true;
    default: return false;
    }
}

// SET x = f(...) may run what the text does not show.
static void calls_token(struct scan *s, uint8_t token)
{
    uint8_t last = (uint8_t)s->before;
    bool qualified = (uint8_t)(s->before >> 8) == TOKEN_DOT;
    bool name = last == TOKEN_WORD || last == TOKEN_QUOTED || last == TOKEN_BUILTIN ||
                last >= TOKEN_KEYWORDS;
    bool builtin = !qualified && (last == TOKEN_BUILTIN ||
                                  (last >= TOKEN_KEYWORDS && keyword_calls_builtin(last)));
    if (token == TOKEN_OPEN && name && !builtin)
        s->here |= SCAN_calls;
}

// character_set_client = <anything but a name>, SET NAMES DEFAULT: could be any charset.
static void set_token(struct scan *s, uint8_t token)
{
    const uint8_t b[] = {(uint8_t)s->before, (uint8_t)(s->before >> 8), (uint8_t)(s->before >> 16)};
    bool name = token == TOKEN_WORD || token == TOKEN_STRING || token == TOKEN_QUOTED;
    bool name_before = b[0] == TOKEN_WORD || b[0] == TOKEN_STRING || b[0] == TOKEN_QUOTED;
    if (b[0] == TOKEN_EQUAL && b[1] == KW_CHARACTER_SET_CLIENT && !name)
        s->here |= SCAN_charset;
    if (name_before && b[1] == TOKEN_EQUAL && b[2] == KW_CHARACTER_SET_CLIENT &&
        token != TOKEN_COMMA)
        s->here |= SCAN_charset;
    if (token == KW_DEFAULT && (b[0] == KW_NAMES || b[0] == KW_CHARSET || b[0] == KW_SET))
        s->here |= SCAN_charset;
}

void scan_each_token(struct scan *s, uint8_t token)
{
    if (s->each == EACH_KILL)
        kill_token(s, token);
    else
        calls_token(s, token);
    if (s->each >= EACH_SET) {
        // The name of a function, where a variable should be: SET PASSWORD = ...
        s->password = s->password || (s->tokens == 1 && token == TOKEN_BUILTIN);
        s->assigns = s->assigns || token == TOKEN_EQUAL || token == KW_NAMES ||
                     token == KW_TRANSACTION || token == KW_CHARSET || token == KW_SET;
        // What stands there is read alike in every character set.
        bool plain = token == TOKEN_EQUAL || token == KW_NAMES || token == KW_CHARSET;
        bool variable = s->tokens == 1 && (token == TOKEN_AT || token == TOKEN_ATAT);
        s->sets_first = s->sets_first || (s->each == EACH_SET && !s->ended && !s->password &&
                                          (variable || (plain && s->tokens <= 3)));
        s->inside = s->inside || token == TOKEN_OPEN;
        set_token(s, token);
    }
}
