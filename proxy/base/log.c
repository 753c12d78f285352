// Log lines, as key=value (logfmt) or JSON, built on the stack and written with one write(2):
// no lock, no memory, no waiting for another thread.
//
//     ts=2026-11-22T02:13:05.123456Z level=warn event=login_failed session=17 user="a b"
//     {"ts":"2026-11-22T02:13:05.123456Z","level":"warn","event":"login_failed","session":17}
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

// Kept free for what ends a line: cut=true, suppressed=N, the bracket and the newline.
#define LINE_TAIL ((size_t)64)

struct line {
    size_t n;
    size_t limit; // n stays below it
    bool full;    // something did not fit
    char p[LOG_LINE_MAX];
};

// How the two formats differ.
struct style {
    const char *open, *between, *close;
    const char *quote;              // around keys
    const char *colon;              // between key and value
    const char *bad_byte, *control; // escapes, printf formats of a number
    bool quote_always;              // quotes around plain words too
};

static const struct style styles[] = {
    [LOG_FORMAT_LOGFMT] = {"", " ", "\n", "", "=", "\\x%02x", "\\x%02x", false},
    // JSON has no way to say a byte that is no character; U+FFFD stands for it.
    [LOG_FORMAT_JSON] = {"{", ",", "}\n", "\"", ":", "\\ufffd", "\\u%04x", true},
};

static const char *const level_names[] = {
#define X(name, text) [LOG_LEVEL_##name] = text,
    LOG_LEVELS(X)
#undef X
};

_Atomic int log_threshold_ = LOG_LEVEL_INFO;
static _Atomic int current_format = LOG_FORMAT_LOGFMT;
static _Atomic int current_fd = STDERR_FILENO;

void log_configure(enum log_level level, enum log_format format)
{
    log_set_level(level);
    atomic_store(&current_format, (int)format);
}

void log_set_level(enum log_level level)
{
    atomic_store(&log_threshold_, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&log_threshold_);
}

enum sl_code log_parse_level(const char *s, enum log_level *out)
{
    for (int i = 0; s != NULL && i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(s, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return SL_OK;
        }
    }
    return SL_EINVAL;
}

const char *log_level_name(enum log_level level)
{
    return (unsigned)level < LOG_LEVEL_COUNT ? level_names[level] : "unknown";
}

void log_set_fd(int fd)
{
    atomic_store(&current_fd, fd);
}

static void line_put(struct line *l, const char *p, size_t n)
{
    if (n >= l->limit - l->n) {
        l->full = true;
        return;
    }
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void line_str(struct line *l, const char *s)
{
    line_put(l, s, strlen(s));
}

__attribute__((format(printf, 2, 3))) static void line_printf(struct line *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->p + l->n, l->limit - l->n, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= l->limit - l->n)
        l->full = true;
    else
        l->n += (size_t)n;
}

// The formats come from `styles`, each with one number or, for a JSON bad byte, none.
static void line_escape(struct line *l, const char *fmt, unsigned v)
{
    char text[16];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof text, fmt, v);
#pragma GCC diagnostic pop
    line_str(l, text);
}

static void put_control(struct line *l, const struct style *style, const uint8_t *s, size_t len)
{
    if (len == 2) // C1, written as two bytes; logfmt spells the character like JSON does
        line_escape(l, "\\u%04x", s[1]);
    else if (s[0] == '\n' || s[0] == '\r' || s[0] == '\t')
        line_put(l, s[0] == '\n' ? "\\n" : s[0] == '\r' ? "\\r" : "\\t", 2);
    else
        line_escape(l, style->control, s[0]);
}

static void put_escaped(struct line *l, const struct style *style, const uint8_t *s, size_t n)
{
    while (n > 0 && !l->full) {
        size_t len = text_utf8_len(s, n);
        size_t step = len > 0 ? len : 1;
        if (len == 0) {
            line_escape(l, style->bad_byte, s[0]);
        } else if (text_is_control(s, len)) {
            put_control(l, style, s, len);
        } else {
            if (s[0] == '"' || s[0] == '\\')
                line_put(l, "\\", 1);
            line_put(l, (const char *)s, len);
        }
        s += step;
        n -= step;
    }
}

// Logfmt leaves out the quotes around a plain word.
static bool needs_quotes(const uint8_t *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] <= ' ' || s[i] >= 0x7F || s[i] == '"' || s[i] == '=' || s[i] == '\\')
            return true;
    }
    return n == 0;
}

// At most LOG_VALUE_MAX, and not through the middle of a character.
static size_t cut_length(const char *s)
{
    size_t n = strnlen(s, LOG_VALUE_MAX + 1);
    if (n <= LOG_VALUE_MAX)
        return n;
    n = LOG_VALUE_MAX;
    for (int i = 0; i < 3 && ((uint8_t)s[n] & 0xC0) == 0x80; i++)
        n--;
    return n;
}

static void put_string(struct line *l, const struct style *style, const char *s)
{
    size_t n = cut_length(s);
    const uint8_t *bytes = (const uint8_t *)s;
    bool quotes = style->quote_always || needs_quotes(bytes, n);
    if (quotes)
        line_put(l, "\"", 1);
    put_escaped(l, style, bytes, n);
    if (s[n] != '\0')
        line_str(l, "...");
    if (quotes)
        line_put(l, "\"", 1);
}

static void put_ms(struct line *l, int64_t ns)
{
    uint64_t us = (ns < 0 ? UINT64_C(0) - (uint64_t)ns : (uint64_t)ns) / 1000;
    line_printf(l, "%s%" PRIu64 ".%03" PRIu64, ns < 0 ? "-" : "", us / 1000, us % 1000);
}

static void put_value(struct line *l, const struct style *style, const struct log_field *f)
{
    switch (f->kind) {
    case LOG_KIND_STR: put_string(l, style, f->v.str != NULL ? f->v.str : ""); break;
    case LOG_KIND_INT: line_printf(l, "%" PRId64, f->v.i); break;
    case LOG_KIND_U64: line_printf(l, "%" PRIu64, f->v.u); break;
    case LOG_KIND_BOOL: line_str(l, f->v.i != 0 ? "true" : "false"); break;
    case LOG_KIND_MS: put_ms(l, f->v.i); break;
    }
}

// Whole or not at all, so that a line that is too long is still valid JSON.
static void put_field(struct line *l, const struct style *style, const struct log_field *f)
{
    const size_t start = l->n;
    const bool was_full = l->full;
    l->full = false;
    if (l->n > strlen(style->open))
        line_str(l, style->between);
    line_str(l, style->quote);
    line_str(l, f->key);
    line_str(l, style->quote);
    line_str(l, style->colon);
    put_value(l, style, f);
    if (l->full)
        l->n = start;
    l->full = l->full || was_full;
}

// Whether this line passes; `*left_out` is what the last busy second has swallowed.
static bool site_passes(struct log_site *site, uint32_t *left_out)
{
    int64_t second = clock_now_ns() / NS_PER_S;
    int64_t last = atomic_load_explicit(&site->second, memory_order_relaxed);
    if (last != second && atomic_compare_exchange_strong(&site->second, &last, second)) {
        uint32_t count = atomic_exchange(&site->count, 1);
        *left_out = count > LOG_BURST ? count - LOG_BURST : 0;
        return true;
    }
    return atomic_fetch_add(&site->count, 1) < LOG_BURST;
}

static void write_line(const struct line *l)
{
    ssize_t n;
    do
        n = write(atomic_load(&current_fd), l->p, l->n);
    while (n < 0 && errno == EINTR);
}

static void build_line(struct line *l, const struct style *style, enum log_level level,
                       const char *event, const struct log_field *fields, size_t count,
                       uint32_t left_out)
{
    char now[32];
    clock_format_wall(clock_wall_us(), now, sizeof now);
    const struct log_field head[] = {
        LOG_STR("ts", now),
        LOG_STR("level", log_level_name(level)),
        LOG_STR("event", event),
    };
    l->limit = sizeof l->p - LINE_TAIL;
    line_str(l, style->open);
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        put_field(l, style, &head[i]);
    for (size_t i = 0; i < count; i++)
        put_field(l, style, &fields[i]);
    l->limit = sizeof l->p;
    if (l->full)
        put_field(l, style, &LOG_BOOL("cut", true));
    if (left_out > 0)
        put_field(l, style, &LOG_U64("suppressed", left_out));
    line_str(l, style->close);
}

void log_emit(struct log_site *site, enum log_level level, const char *event,
              const struct log_field *fields, size_t count)
{
    const int saved_errno = errno;
    uint32_t left_out = 0;
    if (site == NULL || site_passes(site, &left_out)) {
        struct line l;
        l.n = 0;
        l.full = false;
        build_line(&l, &styles[atomic_load(&current_format)], level, event, fields, count,
                   left_out);
        write_line(&l);
    }
    errno = saved_errno;
}
