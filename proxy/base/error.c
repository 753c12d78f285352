// Errors: the fixed text of each code, and the one way to write a text into the caller's struct.
#include "base/error.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *sl_code_text(enum sl_code code)
{
    switch (code) {
#define X(name, value, text)                                                                       \
    case name: return text;
        SL_ERROR_CODES(X)
#undef X
    }
    return "unknown error";
}

// Puts "..." at the end of a full buffer, in front of which no UTF-8 character is left half.
static void mark_cut(char *text, size_t size)
{
    size_t at = size - sizeof "...";
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    memcpy(text + at, "...", sizeof "...");
}

// Formats into a local copy first: arguments may point into err->text.
SL_PRINTF(4, 0)
static void fill(struct sl_error *err, enum sl_code code, const char *reason, const char *fmt,
                 va_list args)
{
    char text[SL_ERROR_TEXT_MAX];
    int n = vsnprintf(text, sizeof text, fmt, args);
    if (n < 0) {
        text[0] = '\0';
        n = 0;
    }
    size_t used = (size_t)n;
    if (reason != NULL && used < sizeof text) {
        n = snprintf(text + used, sizeof text - used, ": %s", reason);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used >= sizeof text)
        mark_cut(text, sizeof text);
    err->code = code;
    memcpy(err->text, text, sizeof text);
}

enum sl_code sl_fail(struct sl_error *err, enum sl_code code, const char *fmt, ...)
{
    assert(code != SL_OK);
    if (err == NULL)
        return code;
    va_list args;
    va_start(args, fmt);
    fill(err, code, NULL, fmt, args);
    va_end(args);
    return code;
}

enum sl_code sl_fail_errno(struct sl_error *err, enum sl_code code, int errnum, const char *fmt,
                           ...)
{
    assert(code != SL_OK);
    if (err == NULL)
        return code;
    va_list args;
    va_start(args, fmt);
    // glibc's strerror keeps unknown numbers in thread-local memory, so it is safe here.
    fill(err, code, strerror(errnum), fmt, args);
    va_end(args);
    return code;
}
