// Loading: a YAML file becomes one checked, immutable snapshot, or a list of everything that is
// wrong with it.
//
//     struct sl_error err;
//     const struct config *c = config_load("/etc/sluice/sluice.yaml", &err);
//     if (c == NULL) ... err.text is "sluice.yaml:12:9 hold.max: \"fast\" is not a duration, ..."
//     ...
//     config_unref(c);
//
// Every problem is `file:line:column key: what was found, what was expected`. Where all of them
// are wanted, not only the first, use config_load_all with a struct config_errors.
#ifndef SLUICE_CONFIG_LOAD_H
#define SLUICE_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/config.h"

#define CONFIG_FILE_MAX ((size_t)1 << 20) // bytes of one file
#define CONFIG_ERRORS_MAX 20              // problems that are kept
#define CONFIG_SECRET_MAX 1023            // bytes of one password or token

// Problems in the order of the file. Start with {0}, end with config_errors_release.
struct config_errors {
    struct config_problem {
        int line, column; // from 1; 0 for the file as a whole
        char *text;       // the whole line, with file, position and key
    } items[CONFIG_ERRORS_MAX];
    size_t count;
    size_t more; // found beyond CONFIG_ERRORS_MAX, not kept
};

void config_errors_release(struct config_errors *errors);

// Each returns a snapshot with one reference, which the caller gives back with config_unref, or
// NULL. `err` gets the first problem and how many more there are; `errors` gets all.
// `name` is what problems call the file.
SL_CHECKED const struct config *config_load(const char *path, struct sl_error *err);
SL_CHECKED const struct config *config_load_text(const char *name, const char *text, size_t length,
                                                 struct sl_error *err);
SL_CHECKED const struct config *config_load_all(const char *path, struct config_errors *errors);
SL_CHECKED const struct config *config_load_text_all(const char *name, const char *text,
                                                     size_t length, struct config_errors *errors);

// What is legal but probably not meant, in the same form as problems: index from 0, NULL at the
// end. Belongs to the snapshot, which must have come from a function above.
const char *config_warning(const struct config *c, size_t index);

// Looks at the files that the configuration names: certificates and keys must be readable,
// password and token files readable and not open to everybody. Touches the disk, so it is for the
// start and for a reload, not for worker threads. Returns 0, or SL_EINVAL with `errors` filled.
SL_CHECKED enum sl_code config_check_files(const struct config *c, struct config_errors *errors);

// A secret in the caller's own memory: wipe it when done.
struct config_secret {
    size_t length;
    char text[CONFIG_SECRET_MAX + 1]; // ends with a NUL
};

// The password of `login`: the inline one, the first line of its file, or empty if neither is set.
// SL_ENOTFOUND, SL_EIO, SL_EDENIED (the file is open to everybody) or SL_ETOOBIG.
SL_CHECKED enum sl_code config_login_secret(const struct config_login *login,
                                            struct config_secret *out, struct sl_error *err);
// The first line of a file, under the same conditions.
SL_CHECKED enum sl_code config_read_secret(const char *path, struct config_secret *out,
                                           struct sl_error *err);
void config_secret_wipe(struct config_secret *s);

#endif
