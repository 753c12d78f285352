// Commands to sluice's admin socket, one at a time, as an operator would give them.
#ifndef SLUICE_BENCH_CONSOLE_H
#define SLUICE_BENCH_CONSOLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct console {
    FILE *socket; // NULL while not connected; owned
};

// SL_EIO, SL_ETOOBIG. Every answer may take `timeout_ms`.
SL_CHECKED enum sl_code console_connect(struct console *c, const char *path, int64_t timeout_ms,
                                        struct sl_error *err);
void console_release(struct console *c);
// Sends "VERB WORD" (WORD may be NULL); the answer is for console_finish.
SL_CHECKED enum sl_code console_begin(struct console *c, const char *verb, const char *word,
                                      struct sl_error *err);
// Waits for the answer's last line. SL_ECONFLICT: refused, with sluice's reason.
SL_CHECKED enum sl_code console_finish(struct console *c, struct sl_error *err);
// Both.
SL_CHECKED enum sl_code console_do(struct console *c, const char *verb, const char *word,
                                   struct sl_error *err);

#endif
