// Text: numbers, durations and sizes as people write them, parsed strictly and printed back.
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

// The longest duration that can be parsed: it still fits in 64 bits as nanoseconds (292 years).
#define TEXT_DURATION_MAX_MS (INT64_MAX / 1000000)

// All three parsers: SL_EINVAL for what is not understood (NULL included), SL_ETOOBIG for what
// does not fit; `out` is written on success only.
//
// Whole string, decimal digits only.
SL_CHECKED enum sl_code text_parse_u64(const char *s, uint64_t *out);
// "250ms" "5s" "2m" "1h", also "0" and "0s"; a fraction ("1.5s") is fine, a bare number other
// than 0 is not, nor is one that is not a whole number of milliseconds. Result in milliseconds.
SL_CHECKED enum sl_code text_parse_duration_ms(const char *s, int64_t *out);
// "64KiB" "16MiB" "1GiB" "1TiB", "512B" or plain bytes; no fractions.
SL_CHECKED enum sl_code text_parse_size(const char *s, uint64_t *out);
// The formatters return `out`, always terminated; 32 bytes are enough for any value.
//
// Exact, in a form that text_parse_duration_ms reads back: the largest unit that needs no
// fraction ("2m", "90s", "250ms"), else seconds with one ("1.5s").
const char *text_format_duration_ms(int64_t ms, char *out, size_t size);
// For people, cut and not rounded: "850us" "12.3ms" "4.2s" "3m10s" "5h" "2d4h".
const char *text_format_elapsed_ns(int64_t ns, char *out, size_t size);
// For people: "512B" "64KiB" "1.5GiB"; exact, and read back, when it shows no fraction.
const char *text_format_size(uint64_t bytes, char *out, size_t size);
// Copies with truncation, always terminated (`size` at least 1); returns false when it was cut.
bool text_copy(char *out, size_t size, const char *s);
bool text_copy_n(char *out, size_t size, const char *s, size_t n);
// Replaces control characters and bytes that are not valid UTF-8 by '?', for logs and terminals.
void text_make_printable(char *s);
// Length (1 to 4) of the UTF-8 character at `p`, or 0 if there is no valid one within `n` bytes
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
size_t text_utf8_len(const void *p, size_t n);
// True for the control characters of C0, C1 and DEL; `len` from text_utf8_len.
bool text_is_control(const void *p, size_t len);
// Shell-like matching of the whole string with * and ? only (for user and program patterns);
// case counts, ? is one UTF-8 character, there is no escape.
bool text_match(const char *pattern, const char *s);

// The number in a name like "journal-12.jsonl", of that prefix and suffix; without leading zeros, less
// than UINT_MAX. 0: not such a name.
unsigned text_numbered(const char *name, const char *prefix, const char *suffix);

#endif
