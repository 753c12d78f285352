// Adding to a list of problems; what a problem looks like is decided here alone.
#ifndef SLUICE_CONFIG_ERRORS_H
#define SLUICE_CONFIG_ERRORS_H

#include "base/error.h"
#include "config/load.h"

// Where a problem is. `key` is a key as in config_row, or "(yaml)" and "(file)".
struct config_place {
    const char *file;
    int line, column; // 0: the file as a whole
    const char *key;
};

// `file:line:column key: text`, kept in the order of the file, the first CONFIG_ERRORS_MAX found.
void config_errors_add(struct config_errors *errors, const struct config_place *at, const char *fmt,
                       ...) SL_PRINTF(3, 4);

// The same line as a text of its own (mem_free), for warnings.
char *config_place_text(const struct config_place *at, const char *fmt, ...) SL_PRINTF(2, 3);

// The first problem, and how many more, as a struct sl_error. Returns SL_EINVAL.
enum sl_code config_errors_first(const struct config_errors *errors, struct sl_error *err);

#endif
