// Errors: a negative code that the caller must look at, and a text for a human in the caller's struct.
//
// Functions that can fail return 0 (or something non-negative) on success and one of these
// codes otherwise. The text says what was found and what was expected; it never holds a secret.
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include <stdarg.h>

#define SL_ERROR_CODES(X)                                                                          \
    X(SL_OK, 0, "ok")                                                                              \
    X(SL_EINVAL, -1, "invalid argument")                                                           \
    X(SL_EPROTO, -2, "protocol violation")                                                         \
    X(SL_ETOOBIG, -3, "larger than the limit")                                                     \
    X(SL_EAGAIN, -4, "not now")                                                                    \
    X(SL_ECLOSED, -5, "peer closed the connection")                                                \
    X(SL_EIO, -6, "input or output failed")                                                        \
    X(SL_ETIMEOUT, -7, "deadline passed")                                                          \
    X(SL_ENOTFOUND, -8, "not found")                                                               \
    X(SL_ECONFLICT, -9, "not possible in this state")                                              \
    X(SL_EDENIED, -10, "not permitted")                                                            \
    X(SL_EUNSUPPORTED, -11, "not supported")

enum sl_code {
#define X(name, value, text) name = value,
    SL_ERROR_CODES(X)
#undef X
};

// Large enough for a path, a key and two phrases; longer texts are cut, marked by "...".
#define SL_ERROR_TEXT_MAX 480

struct sl_error {
    enum sl_code code;
    char text[SL_ERROR_TEXT_MAX];
};

#define SL_CHECKED __attribute__((warn_unused_result))
#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// The fixed text of a code, never NULL.
const char *sl_code_text(enum sl_code code);

// Writes the text (printf style) and the code into `err` (may be NULL) and returns the code, so
// that `return sl_fail(err, SL_EINVAL, "...")` is one line. Arguments may point into err->text,
// which is how a caller puts its own words around a text from below. The code is never SL_OK.
enum sl_code sl_fail(struct sl_error *err, enum sl_code code, const char *fmt, ...) SL_PRINTF(3, 4);

// The same, with ": <strerror(errnum)>" behind the text.
enum sl_code sl_fail_errno(struct sl_error *err, enum sl_code code, int errnum, const char *fmt,
                           ...) SL_PRINTF(4, 5);

#endif
