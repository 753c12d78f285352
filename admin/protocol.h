// The wire format of the admin socket, shared by the daemon, sluicectl and the bench. Pure.
// docs/ADMIN-PROTOCOL.md is its specification.
//
//     request   one line: words with shell-like quoting; the word --json anywhere
//     answer    "* ..." progress lines, lines of text, then "OK" or "ERR <reason>"
//     as JSON   { "progress" : ... } lines, then one line { "ok" : true|false, ... }
#ifndef SLUICE_ADMIN_PROTOCOL_H
#define SLUICE_ADMIN_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"

#define PROTOCOL_SOCKET "/run/sluice/admin.sock" // the default of admin.socket
#define PROTOCOL_LINE_MAX ((size_t)64 << 10)     // bytes of a request, without its end of line
#define PROTOCOL_WORDS_MAX 1024

#define PROTOCOL_OK "OK"
#define PROTOCOL_ERR "ERR "
#define PROTOCOL_PROGRESS "* "
// A reason that begins like this means: the request itself was wrong, not what it asked for.
#define PROTOCOL_USAGE "usage: "
// How the last line of a JSON answer begins, as libbson prints it.
#define PROTOCOL_JSON_OK "{ \"ok\" : true"
#define PROTOCOL_JSON_ERR "{ \"ok\" : false"
#define PROTOCOL_JSON_PROGRESS "{ \"progress\" : "
#define PROTOCOL_JSON_USAGE "\"kind\" : \"usage\""

// The words of one line, NUL-terminated. A zeroed struct is empty.
struct words {
    char *memory; // owned
    const char **at;
    unsigned count;
};

// `n` bytes without the end of line. SL_EINVAL: a quote that is not closed, a lone backslash at
// the end, a control character, bytes that are not UTF-8. SL_ETOOBIG: too long, too many words.
// A line of blanks has no words. `out` is overwritten, and empty on failure.
SL_CHECKED enum sl_code words_split(const char *line, size_t n, struct words *out,
                                    struct sl_error *err);
void words_release(struct words *w);
// Appends `word` so that words_split gives it back, quoted only if need be.
void words_quote(struct buf *out, const char *word);

enum protocol_line {
    PROTOCOL_LINE_TEXT,     // part of the answer
    PROTOCOL_LINE_PROGRESS, // news of a command that waits
    PROTOCOL_LINE_OK,       // the last line
    PROTOCOL_LINE_ERR,      // the last line; the command failed or was refused
    PROTOCOL_LINE_USAGE,    // the last line; the request was not understood
};

// What a line (without its end) of an answer is. A JSON answer has to be told apart by the caller,
// who asked for it; a plain ERR line ends it as well.
enum protocol_line protocol_classify(const char *line, bool json);

// Appends one line of answer text with its end. A line that would be taken for one of the markers
// above is moved right by one blank.
void protocol_put_text(struct buf *out, const char *line, size_t n);

#endif
