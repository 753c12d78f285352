// The daemon as a whole: what main.c starts, reloads and stops.
#ifndef SLUICE_SLUICE_H
#define SLUICE_SLUICE_H

#include "base/error.h"

struct sluice;

// Loads the configuration, opens everything, starts the threads. On failure nothing is left
// running and the text says what to do. `path` is borrowed for the daemon's life.
SL_CHECKED enum sl_code sluice_new(const char *path, struct sluice **out, struct sl_error *err);
// Runs until SIGTERM, SIGINT or the `shutdown` command; SIGHUP reloads.
void sluice_run(struct sluice *s);
void sluice_free(struct sluice *s);

#endif
