// Whether the type of a NULL parameter may decide anything in a statement of which no rows come back:
// a look at its text, which is taken rarely (after a move, for statements of varied types).
//
//   INSERT INTO t (a) VALUES (?)              no: a call is a name, a bracket, and a parameter inside
//   INSERT INTO t (a) VALUES (IFNULL(?, 5))   yes
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "state/statements_internal.h"

// Where a text is looked at for parameters inside calls.
struct look {
    const char *p, *end;
    bool name; // the last token is a name, which "(" would make a call
    unsigned depth, calls;
    bool is_call[32]; // of the open brackets
};

static void skip_to(struct look *l, const char *what)
{
    size_t n = strlen(what);
    while (l->p < l->end && ((size_t)(l->end - l->p) < n || memcmp(l->p, what, n) != 0))
        l->p++;
    l->p += l->p < l->end ? n : 0;
}

static void skip_quoted(struct look *l)
{
    char quote = *l->p++;
    while (l->p < l->end && *l->p != quote)
        l->p += *l->p == '\\' && l->end - l->p > 1 ? 2 : 1;
    l->p += l->p < l->end ? 1 : 0;
    l->name = quote == '`';
}

static bool word_is(const char *word, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(word, name, n) == 0;
}

// True: a word that makes types of several expressions one.
static bool skip_word(struct look *l)
{
    const char *word = l->p;
    while (l->p < l->end && (isalnum((unsigned char)*l->p) || *l->p == '_' || *l->p == '$'))
        l->p++;
    size_t n = (size_t)(l->p - word);
    l->name = !word_is(word, n, "VALUES") && !word_is(word, n, "VALUE") && !word_is(word, n, "IN");
    return word_is(word, n, "CASE") || word_is(word, n, "SELECT");
}

// True: it cannot be followed.
static bool bracket(struct look *l)
{
    if (*l->p++ == ')') {
        if (l->depth == 0)
            return true;
        l->calls -= l->is_call[--l->depth] ? 1 : 0;
        l->name = false;
        return false;
    }
    if (l->depth == sizeof l->is_call)
        return true;
    l->calls += l->name ? 1 : 0;
    l->is_call[l->depth++] = l->name;
    l->name = false;
    return false;
}

bool statement_nulls_count(const char *text, size_t n)
{
    struct look l = {.p = text, .end = text + n};
    while (text != NULL && l.p < l.end) {
        unsigned char c = (unsigned char)*l.p;
        size_t left = (size_t)(l.end - l.p);
        if (left > 1 && memcmp(l.p, "/*", 2) == 0) {
            if (left > 2 && (l.p[2] == '!' || l.p[2] == 'M'))
                return true; // executed
            skip_to(&l, "*/");
        } else if (c == '#' || (left > 1 && memcmp(l.p, "--", 2) == 0)) {
            skip_to(&l, "\n");
        } else if (c == '\'' || c == '"' || c == '`') {
            skip_quoted(&l);
        } else if (isalnum(c) || c == '_' || c == '$') {
            if (skip_word(&l))
                return true;
        } else if (c == '(' || c == ')') {
            if (bracket(&l))
                return true;
        } else {
            if (c == '?' && l.calls > 0)
                return true;
            l.name = l.name && isspace(c);
            l.p++;
        }
    }
    return text == NULL;
}
