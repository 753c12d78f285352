// Log lines: who, doing what, what happened, as key=value (logfmt) or one JSON object a line, to
// standard error. Rate-limited by call site. No secrets; no query text above debug.
//
//     LOG_WARN("login_failed", LOG_U64("session", id), LOG_STR("user", user), LOG_INT("errno", n));
//
// Thread safe, and errno is kept: one write(2) a line. Values are escaped; strings are cut at
// LOG_VALUE_MAX bytes. A field that would make the line longer than LOG_LINE_MAX is left out, and
// the line says cut=true. A line that cannot be written is lost: nobody waits for a log.
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define LOG_LEVELS(X) X(ERROR, "error") X(WARN, "warn") X(INFO, "info") X(DEBUG, "debug")

enum log_level {
#define X(name, text) LOG_LEVEL_##name,
    LOG_LEVELS(X)
#undef X
        LOG_LEVEL_COUNT
};

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

#define LOG_VALUE_MAX 512
// PIPE_BUF on Linux: below it lines of several threads or processes do not mix in a pipe.
#define LOG_LINE_MAX 4096

struct log_field {
    const char *key; // a literal, [a-z_]+
    enum { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_U64, LOG_KIND_BOOL, LOG_KIND_MS } kind;
    union {
        const char *str; // NULL is written as an empty string
        int64_t i;
        uint64_t u;
    } v;
};

#define LOG_STR(k, x) ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .v.str = (x)})
#define LOG_INT(k, x) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .v.i = (x)})
#define LOG_U64(k, x) ((struct log_field){.key = (k), .kind = LOG_KIND_U64, .v.u = (x)})
#define LOG_BOOL(k, x) ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .v.i = (x)})
// Nanoseconds, written as milliseconds with three decimals.
#define LOG_MS(k, ns) ((struct log_field){.key = (k), .kind = LOG_KIND_MS, .v.i = (ns)})

// One for each call site: at most LOG_BURST lines a second pass; the first line that passes in a
// later second ends in suppressed=N if N were left out. The count may miss one or two when
// threads meet at the turn of a second.
#define LOG_BURST 20
struct log_site {
    _Atomic int64_t second; // of clock_now_ns
    _Atomic uint32_t count; // lines asked for in that second
};

void log_configure(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
SL_CHECKED enum sl_code log_parse_level(const char *s, enum log_level *out);
const char *log_level_name(enum log_level level);
// Tests only: lines go to this file descriptor; 2 by default.
void log_set_fd(int fd);

// Private to log_enabled, which is inline because LOG_DEBUG stands in hot code.
extern _Atomic int log_threshold_;

static inline bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&log_threshold_, memory_order_relaxed);
}

// `site` may be NULL: no limit then. The level is not looked at again.
void log_emit(struct log_site *site, enum log_level level, const char *event,
              const struct log_field *fields, size_t count);

// `level` and `event` are constants in practice; fields are evaluated only if the level is on.
#define LOG_AT(level, event, ...)                                                                  \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            static struct log_site log_site_;                                                      \
            /* The first is a filler, since an array cannot be empty. */                           \
            const struct log_field log_fields_[] = {{.key = NULL}, __VA_ARGS__};                   \
            log_emit(&log_site_, (level), (event), log_fields_ + 1,                                \
                     sizeof log_fields_ / sizeof log_fields_[0] - 1);                              \
        }                                                                                          \
    } while (0)

#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define LOG_WARN(event, ...) LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_INFO(event, ...) LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
