// One command of sluicectl: sends it, and sorts the lines of the answer to standard output and
// standard error.
#include <bson/bson.h>
#include <stdio.h>
#include <string.h>

#include "admin/ctl.h"

// Errors name the program, as they do everywhere.
static void complain(const char *text)
{
    fprintf(stderr, "sluicectl: %s\n", text);
}

// The reason of a failure is on standard error in both formats, so that scripts can log it.
static void complain_json(const char *line)
{
    bson_error_t ignored;
    bson_iter_t it;
    bson_t *doc = bson_new_from_json((const uint8_t *)line, (ssize_t)strlen(line), &ignored);
    if (doc != NULL && bson_iter_init_find(&it, doc, "error") && BSON_ITER_HOLDS_UTF8(&it))
        complain(bson_iter_utf8(&it, NULL));
    bson_destroy(doc);
}

static void print_last(const char *line, enum protocol_line kind, bool json)
{
    bool is_document = json && line[0] == '{';
    if (is_document)
        puts(line);
    if (kind == PROTOCOL_LINE_OK)
        return;
    if (is_document)
        complain_json(line);
    else
        complain(line + strlen(PROTOCOL_ERR));
}

// False when that was the last line; `exit` then has the result.
static bool take_line(const char *line, bool json, enum ctl_exit *exit_code)
{
    enum protocol_line kind = protocol_classify(line, json);
    switch (kind) {
    case PROTOCOL_LINE_TEXT:
        puts(line);
        fflush(stdout); // a stream is read by somebody who waits
        return true;
    case PROTOCOL_LINE_PROGRESS:
        fprintf(stderr, "%s\n", json ? line : line + strlen(PROTOCOL_PROGRESS));
        return true;
    case PROTOCOL_LINE_OK: *exit_code = CTL_DONE; break;
    case PROTOCOL_LINE_ERR: *exit_code = CTL_FAILED; break;
    case PROTOCOL_LINE_USAGE: *exit_code = CTL_USAGE; break;
    }
    print_last(line, kind, json);
    fflush(stdout);
    return false;
}

// Whether the request asks for JSON by itself.
static bool wants_json(const char *line)
{
    struct words words;
    struct sl_error err;
    bool json = false;
    if (words_split(line, strlen(line), &words, &err) != SL_OK)
        return false;
    for (unsigned i = 0; i < words.count && strcmp(words.at[i], "--") != 0; i++)
        json |= strcmp(words.at[i], "--json") == 0;
    words_release(&words);
    return json;
}

// The request decides about JSON, so that --json works anywhere in it.
enum ctl_exit ctl_run(struct ctl *c, const char *line)
{
    struct sl_error err;
    const char *answer;
    enum ctl_exit result = CTL_FAILED;
    bool json = wants_json(line);
    if (ctl_send(c, line, &err) != SL_OK) {
        complain(err.text);
        return CTL_FAILED;
    }
    do {
        if (ctl_read_line(c, &answer, &err) != SL_OK) {
            complain(err.text);
            return CTL_FAILED;
        }
    } while (take_line(answer, json, &result));
    return result;
}

enum sl_code ctl_ask(struct ctl *c, const char *line, struct buf *out, struct sl_error *err)
{
    const char *answer;
    enum sl_code code = ctl_send(c, line, err);
    while (code == SL_OK && (code = ctl_read_line(c, &answer, err)) == SL_OK) {
        enum protocol_line kind = protocol_classify(answer, false);
        if (kind == PROTOCOL_LINE_OK)
            return SL_OK;
        if (kind != PROTOCOL_LINE_TEXT)
            return sl_fail(err, SL_EPROTO, "%s", answer);
        buf_str(out, answer);
        buf_u8(out, '\n');
    }
    return code;
}
