// Text: numbers, durations and sizes as people write them, parsed strictly and printed back, and
// the few string helpers that C lacks.
#include "base/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t size;
};

// Largest first. Milliseconds.
static const struct unit duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {{"TiB", UINT64_C(1) << 40},
                                         {"GiB", UINT64_C(1) << 30},
                                         {"MiB", UINT64_C(1) << 20},
                                         {"KiB", UINT64_C(1) << 10},
                                         {"B", 1},
                                         {"", 1}};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

// Reads at least one digit and moves `*s` behind the last one.
static enum sl_code take_digits(const char **s, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return SL_ETOOBIG;
        v = v * 10 + digit;
    }
    if (p == *s)
        return SL_EINVAL;
    *s = p;
    *out = v;
    return SL_OK;
}

enum sl_code text_parse_u64(const char *s, uint64_t *out)
{
    uint64_t v;
    if (s == NULL)
        return SL_EINVAL;
    enum sl_code code = take_digits(&s, &v);
    if (code != SL_OK)
        return code;
    if (*s != '\0')
        return SL_EINVAL;
    *out = v;
    return SL_OK;
}

// ".5" behind the whole number: value 5, scale 10. Nine digits are more than any unit can use.
static enum sl_code take_fraction(const char **s, uint64_t *value, uint64_t *scale)
{
    *value = 0;
    *scale = 1;
    if (**s != '.')
        return SL_OK;
    const char *first = ++*s;
    enum sl_code code = take_digits(s, value);
    if (code != SL_OK || *s - first > 9)
        return SL_EINVAL;
    for (; first < *s; first++)
        *scale *= 10;
    return SL_OK;
}

enum sl_code text_parse_duration_ms(const char *s, int64_t *out)
{
    uint64_t whole, part, scale;
    if (s == NULL)
        return SL_EINVAL;
    enum sl_code code = take_digits(&s, &whole);
    if (code == SL_OK)
        code = take_fraction(&s, &part, &scale);
    if (code != SL_OK)
        return code;
    if (*s == '\0' && whole == 0 && scale == 1) {
        *out = 0;
        return SL_OK;
    }
    const struct unit *unit = find_unit(duration_units, COUNT(duration_units), s);
    if (unit == NULL || part * unit->size % scale != 0)
        return SL_EINVAL;
    if (whole > (uint64_t)TEXT_DURATION_MAX_MS / unit->size)
        return SL_ETOOBIG;
    uint64_t ms = whole * unit->size + part * unit->size / scale;
    if (ms > (uint64_t)TEXT_DURATION_MAX_MS)
        return SL_ETOOBIG;
    *out = (int64_t)ms;
    return SL_OK;
}

enum sl_code text_parse_size(const char *s, uint64_t *out)
{
    uint64_t v;
    if (s == NULL)
        return SL_EINVAL;
    enum sl_code code = take_digits(&s, &v);
    if (code != SL_OK)
        return code;
    const struct unit *unit = find_unit(size_units, COUNT(size_units), s);
    if (unit == NULL)
        return SL_EINVAL;
    if (v > UINT64_MAX / unit->size)
        return SL_ETOOBIG;
    *out = v * unit->size;
    return SL_OK;
}

// The magnitude, without the overflow of -INT64_MIN.
static uint64_t magnitude(int64_t v)
{
    return v < 0 ? UINT64_C(0) - (uint64_t)v : (uint64_t)v;
}

const char *text_format_duration_ms(int64_t ms, char *out, size_t size)
{
    uint64_t v = magnitude(ms);
    const char *sign = ms < 0 ? "-" : "";
    if (v == 0) {
        (void)snprintf(out, size, "0s");
        return out;
    }
    for (size_t i = 0; i < COUNT(duration_units); i++) {
        const struct unit *unit = &duration_units[i];
        // Milliseconds above a second read worse than "1.5s".
        if (v % unit->size != 0 || (unit->size == 1 && v > 1000))
            continue;
        (void)snprintf(out, size, "%s%" PRIu64 "%s", sign, v / unit->size, unit->name);
        return out;
    }
    unsigned part = (unsigned)(v % 1000);
    int digits = 3;
    for (; part % 10 == 0; digits--)
        part /= 10;
    (void)snprintf(out, size, "%s%" PRIu64 ".%0*us", sign, v / 1000, digits, part);
    return out;
}

// Either one decimal ("4.2s") or, with `rest`, a second whole number ("3m10s"); nothing where it
// would be zero.
struct elapsed_form {
    uint64_t from; // nanoseconds; this row is for values of at least this
    uint64_t unit;
    const char *name;
    uint64_t rest;
    const char *rest_name;
};

#define MINUTE_NS UINT64_C(60000000000)

static const struct elapsed_form elapsed_forms[] = {
    {48 * 60 * MINUTE_NS, 24 * 60 * MINUTE_NS, "d", 60 * MINUTE_NS, "h"},
    {60 * MINUTE_NS, 60 * MINUTE_NS, "h", MINUTE_NS, "m"},
    {MINUTE_NS, MINUTE_NS, "m", MINUTE_NS / 60, "s"},
    {1000000000, 1000000000, "s", 0, ""},
    {1000000, 1000000, "ms", 0, ""},
    {0, 1000, "us", 1000, ""}, // no finer than this: the rest of a microsecond is always 0
};

const char *text_format_elapsed_ns(int64_t ns, char *out, size_t size)
{
    uint64_t v = magnitude(ns);
    const char *sign = ns < 0 ? "-" : "";
    const struct elapsed_form *f = elapsed_forms;
    while (v < f->from)
        f++;
    uint64_t whole = v / f->unit;
    uint64_t left = v % f->unit;
    uint64_t tenth = left / (f->unit / 10);
    if (f->rest > 0 && left / f->rest > 0)
        (void)snprintf(out, size, "%s%" PRIu64 "%s%" PRIu64 "%s", sign, whole, f->name,
                       left / f->rest, f->rest_name);
    else if (f->rest == 0 && tenth > 0 && whole < 100)
        (void)snprintf(out, size, "%s%" PRIu64 ".%" PRIu64 "%s", sign, whole, tenth, f->name);
    else
        (void)snprintf(out, size, "%s%" PRIu64 "%s", sign, whole, f->name);
    return out;
}

const char *text_format_size(uint64_t bytes, char *out, size_t size)
{
    const struct unit *unit = size_units;
    while (unit->size > 1 && bytes < unit->size)
        unit++;
    uint64_t whole = bytes / unit->size;
    uint64_t left = bytes % unit->size;
    // Any fraction is shown, even ".0": without one the number is exact.
    if (left > 0)
        (void)snprintf(out, size, "%" PRIu64 ".%" PRIu64 "%s", whole, left * 10 / unit->size,
                       unit->name);
    else
        (void)snprintf(out, size, "%" PRIu64 "%s", whole, unit->name);
    return out;
}

bool text_copy(char *out, size_t size, const char *s)
{
    return text_copy_n(out, size, s, strlen(s));
}

bool text_copy_n(char *out, size_t size, const char *s, size_t n)
{
    size_t used = n < size ? n : size - 1;
    if (used > 0)
        memcpy(out, s, used);
    out[used] = '\0';
    return used == n;
}

// What RFC 3629 (section 4) allows, by first byte: the length, and the range of the second byte,
// which rules out overlong forms, surrogates and what is above U+10FFFF.
static const struct {
    uint8_t first, last;
    uint8_t len;
    uint8_t low, high;
} utf8_forms[] = {
    {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

size_t text_utf8_len(const void *p, size_t n)
{
    const uint8_t *s = p;
    if (n == 0)
        return 0;
    for (size_t i = 0; i < COUNT(utf8_forms); i++) {
        if (s[0] < utf8_forms[i].first || s[0] > utf8_forms[i].last)
            continue;
        size_t len = utf8_forms[i].len;
        if (len > n || (len > 1 && (s[1] < utf8_forms[i].low || s[1] > utf8_forms[i].high)))
            return 0;
        for (size_t k = 2; k < len; k++) {
            if ((s[k] & 0xC0) != 0x80)
                return 0;
        }
        return len;
    }
    return 0;
}

bool text_is_control(const void *p, size_t len)
{
    const uint8_t *s = p;
    if (len == 1)
        return s[0] < 0x20 || s[0] == 0x7F;
    return len == 2 && s[0] == 0xC2 && s[1] < 0xA0;
}

void text_make_printable(char *s)
{
    char *to = s;
    size_t left = strlen(s);
    while (left > 0) {
        size_t len = text_utf8_len(s, left);
        size_t step = len > 0 ? len : 1;
        if (len == 0 || text_is_control(s, len)) {
            *to++ = '?';
        } else {
            memmove(to, s, len);
            to += len;
        }
        s += step;
        left -= step;
    }
    *to = '\0';
}

// One character on; a byte that starts none counts as one.
static const char *next_char(const char *s)
{
    size_t len = text_utf8_len(s, strnlen(s, 4));
    return s + (len > 0 ? len : 1);
}

bool text_match(const char *pattern, const char *s)
{
    // Only the last star is ever tried again, so the cost is at most the product of the lengths.
    const char *star = NULL;
    const char *retry = NULL;
    while (*s != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = s;
        } else if (*pattern == '?') {
            pattern++;
            s = next_char(s);
        } else if (*pattern == *s) {
            pattern++;
            s++;
        } else if (star != NULL) {
            pattern = star;
            s = retry = next_char(retry);
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

unsigned text_numbered(const char *name, const char *prefix, const char *suffix)
{
    char digits[11];
    uint64_t number;
    size_t n = strlen(name), before = strlen(prefix), behind = strlen(suffix);
    if (n <= before + behind || n - before - behind >= sizeof digits ||
        strncmp(name, prefix, before) != 0 || strcmp(name + n - behind, suffix) != 0)
        return 0;
    (void)text_copy_n(digits, sizeof digits, name + before, n - before - behind);
    if (digits[0] == '0' || text_parse_u64(digits, &number) != SL_OK || number >= UINT_MAX)
        return 0;
    return (unsigned)number;
}
