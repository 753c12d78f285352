// sluicectl: the operator's client of the admin socket.
#ifndef SLUICE_ADMIN_CTL_H
#define SLUICE_ADMIN_CTL_H

#include <stdbool.h>

#include "admin/protocol.h"
#include "base/bytes.h"
#include "base/error.h"

#define CTL_LINE_MAX ((size_t)512 << 20) // of an answer: a JSON document is one line

enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
    const char *path; // of the socket
    bool json;        // every command as JSON
    int fd;           // -1: not connected; it connects when it is needed
    struct buf in;    // read, not looked at yet
    bool lent;        // the first line of it is in the caller's hands
};

// --- ctl_socket.c ---
void ctl_init(struct ctl *c, const char *path, bool json);
void ctl_close(struct ctl *c);
// Ctrl-C ends a command that waits, not the program.
void ctl_catch_interrupts(void);
// While a line is typed Ctrl-C comes at once; true when it came since the last call.
void ctl_allow_interrupts(bool allow);
bool ctl_was_interrupted(void);
// Sends one line of request (no end of line in it); connects first if need be. SL_EIO with a text
// that says what to do.
SL_CHECKED enum sl_code ctl_send(struct ctl *c, const char *line, struct sl_error *err);
// The next line of the answer, without its end, lent until the next call. SL_ECLOSED, SL_EIO,
// SL_EAGAIN: interrupted by Ctrl-C. The connection is closed after a failure.
SL_CHECKED enum sl_code ctl_read_line(struct ctl *c, const char **line, struct sl_error *err);

// --- ctl_run.c ---
// Runs one request line and prints its answer: the answer on standard output, progress and reasons
// on standard error.
enum ctl_exit ctl_run(struct ctl *c, const char *line);
// The words of a text command, answered quietly: lines of text are appended to `out`.
SL_CHECKED enum sl_code ctl_ask(struct ctl *c, const char *line, struct buf *out,
                                struct sl_error *err);

// --- ctl_prompt.c ---
// Commands from a prompt until exit or the end of input.
enum ctl_exit ctl_prompt(struct ctl *c);

#endif
