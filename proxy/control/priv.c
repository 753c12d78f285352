// Reads MariaDB's account documents: as much of JSON as it takes to find three members and to step
// over everything else.
#include "control/priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define NATIVE "mysql_native_password"
#define DEPTH_MAX 32
#define AUTHENTICATION_MAX 256 // native hashes have 41 characters; longer ones are of no use here

// --- hashes -------------------------------------------------------------------------------------

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) % 16 : -1;
}

// '*' and 40 digits.
static bool read_hash(const char *text, uint8_t out[PRIV_HASH_BYTES])
{
    if (text[0] != '*' || strlen(text) != 1 + 2 * PRIV_HASH_BYTES)
        return false;
    for (unsigned i = 0; i < PRIV_HASH_BYTES; i++) {
        int high = hex_digit(text[1 + 2 * i]), low = hex_digit(text[2 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void priv_method_set(struct priv_method *m, const char *plugin, const char *authentication)
{
    *m = (struct priv_method){0};
    (void)text_copy(m->plugin, sizeof m->plugin, plugin[0] != '\0' ? plugin : NATIVE);
    m->has_native = strcmp(m->plugin, NATIVE) == 0 && read_hash(authentication, m->native);
}

// --- JSON ---------------------------------------------------------------------------------------

// The first mistake stays; after it `p` stands at the end.
struct json {
    const char *p;
    bool bad;
    unsigned depth;
};

static void spoil(struct json *j)
{
    j->bad = true;
    j->p = "";
}

static char peek(struct json *j)
{
    j->p += strspn(j->p, " \t\r\n");
    return *j->p;
}

static bool take_char(struct json *j, char c)
{
    if (peek(j) != c)
        return false;
    j->p++;
    return true;
}

static void expect(struct json *j, char c)
{
    if (!take_char(j, c))
        spoil(j);
}

// One character of a string, escapes undone. What is not ASCII and escaped becomes '?': it occurs
// in nothing that is compared.
static char take_escaped(struct json *j)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = *j->p;
    if (c == 'u') {
        unsigned code = 0;
        for (unsigned i = 1; i <= 4; i++) {
            int digit = hex_digit(j->p[i]);
            if (digit < 0) {
                spoil(j);
                return '?';
            }
            code = code << 4 | (unsigned)digit;
        }
        j->p += 5;
        return code > 0 && code < 0x80 ? (char)code : '?';
    }
    const char *at = c != '\0' ? strchr(names, c) : NULL;
    if (at == NULL) {
        spoil(j);
        return '?';
    }
    j->p++;
    return values[at - names];
}

// Cut where `out` ends; NULL: stepped over.
static void take_string(struct json *j, char *out, size_t size)
{
    size_t n = 0;
    expect(j, '"');
    while (!j->bad && *j->p != '"') {
        char c = *j->p;
        if (c == '\0') {
            spoil(j);
            break;
        }
        j->p++;
        if (c == '\\')
            c = take_escaped(j);
        if (out != NULL && n + 1 < size)
            out[n++] = c;
    }
    if (out != NULL)
        out[n] = '\0';
    if (!j->bad)
        j->p++;
}

// Calls `member` with each key; it has to take the value.
static void take_object(struct json *j, void (*member)(struct json *j, const char *key, void *arg),
                        void *arg)
{
    expect(j, '{');
    if (++j->depth > DEPTH_MAX)
        spoil(j);
    while (!j->bad && !take_char(j, '}')) {
        char key[64];
        take_string(j, key, sizeof key);
        expect(j, ':');
        if (!j->bad)
            member(j, key, arg);
        if (peek(j) != '}')
            expect(j, ',');
    }
    j->depth--;
}

static void take_array(struct json *j, void (*element)(struct json *j, const char *key, void *arg),
                       void *arg)
{
    expect(j, '[');
    if (++j->depth > DEPTH_MAX)
        spoil(j);
    while (!j->bad && !take_char(j, ']')) {
        element(j, "", arg);
        if (peek(j) != ']')
            expect(j, ',');
    }
    j->depth--;
}

static void skip_value(struct json *j, const char *key, void *arg)
{
    (void)key;
    char c = peek(j);
    if (c == '"') {
        take_string(j, NULL, 0);
    } else if (c == '{') {
        take_object(j, skip_value, arg);
    } else if (c == '[') {
        take_array(j, skip_value, arg);
    } else {
        size_t n = strspn(j->p, "+-.0123456789abcdefghijklmnopqrstuvwxyzE"); // numbers, true, null
        if (n == 0)
            spoil(j);
        j->p += j->bad ? 0 : n;
    }
}

// --- documents ----------------------------------------------------------------------------------

// A pair, outside or in auth_or.
struct pair {
    bool given; // has a plugin
    char plugin[65];
    char authentication[AUTHENTICATION_MAX];
};

struct document {
    struct pair outside;
    bool is_role, has_alternatives;
    unsigned count;
    struct pair alternatives[PRIV_METHODS_MAX];
};

static bool take_pair_member(struct json *j, const char *key, struct pair *p)
{
    if (peek(j) != '"')
        return false;
    if (strcmp(key, "plugin") == 0) {
        p->given = true;
        take_string(j, p->plugin, sizeof p->plugin);
        return true;
    }
    if (strcmp(key, "authentication_string") == 0) {
        take_string(j, p->authentication, sizeof p->authentication);
        return true;
    }
    return false;
}

static void alternative_member(struct json *j, const char *key, void *arg)
{
    if (!take_pair_member(j, key, arg))
        skip_value(j, key, NULL);
}

static void take_alternative(struct json *j, const char *key, void *arg)
{
    struct document *d = arg;
    if (d->count == PRIV_METHODS_MAX)
        skip_value(j, key, NULL);
    else
        take_object(j, alternative_member, &d->alternatives[d->count++]);
}

static void document_member(struct json *j, const char *key, void *arg)
{
    struct document *d = arg;
    if (take_pair_member(j, key, &d->outside))
        return;
    if (strcmp(key, "auth_or") == 0 && peek(j) == '[') {
        d->has_alternatives = true;
        take_array(j, take_alternative, d);
        return;
    }
    if (strcmp(key, "is_role") == 0)
        d->is_role = peek(j) == 't' || peek(j) == '1';
    skip_value(j, key, NULL);
}

static void fill(struct priv *out, const struct document *d)
{
    out->is_role = d->is_role;
    out->count = d->has_alternatives ? d->count : 1;
    for (unsigned i = 0; i < out->count; i++) {
        const struct pair *p = &d->alternatives[i];
        if (!d->has_alternatives || !p->given)
            p = &d->outside;
        priv_method_set(&out->methods[i], p->plugin, p->authentication);
    }
}

enum sl_code priv_parse(const char *json, struct priv *out, struct sl_error *err)
{
    struct json j = {.p = json};
    struct document d = {0};
    memset(out, 0, sizeof *out);
    take_object(&j, document_member, &d);
    bool good = !j.bad && peek(&j) == '\0';
    if (good)
        fill(out, &d);
    explicit_bzero(&d, sizeof d);
    return good ? SL_OK : sl_fail(err, SL_EPROTO, "an account's Priv is not what MariaDB writes");
}
