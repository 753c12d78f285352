// Looking at a snapshot: every key with its value and origin, what a reload changes, and the
// reference page of all options. All three come from the option table.
#ifndef SLUICE_CONFIG_INSPECT_H
#define SLUICE_CONFIG_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/bytes.h"
#include "config/config.h"

// When a changed key takes effect: X(name, text).
#define CONFIG_EFFECTS(X)                                                                          \
    X(RELOAD, "reload")                                                                            \
    X(RESTART, "restart")                                                                          \
    X(FIRST_START, "first start") /* `active`: later the state folder decides */

#define X(name, text) CONFIG_EFFECT_##name,
enum config_effect { CONFIG_EFFECTS(X) };
#undef X

const char *config_effect_name(enum config_effect effect);

// One key with its effective value. Valid until the next call on the same iterator.
struct config_row {
    const char *key;    // "backends.milan.tls.mode"
    const char *value;  // as it could be written in the file; secrets are "********"
    const char *origin; // "default" or "sluice.yaml:12"
};

// Walks all keys in the order of the table. The snapshot must outlive the iterator.
//
//     struct config_dump d;
//     struct config_row row;
//     for (config_dump_start(&d, c); config_dump_next(&d, &row);)
//         ...
//     config_dump_end(&d);
struct config_dump {
    const struct config *config;
    size_t next;
    struct buf value;
    struct buf origin;
};

void config_dump_start(struct config_dump *d, const struct config *c);
bool config_dump_next(struct config_dump *d, struct config_row *row);
void config_dump_end(struct config_dump *d);

enum config_change_kind { CONFIG_CHANGED, CONFIG_ADDED, CONFIG_REMOVED };

// What differs between two snapshots, by key; both have to come from config/load.h. Files that
// keep their name and change their content are not seen: a reload reads certificates anyway.
struct config_diff {
    struct config_change {
        char *key; // as in config_row
        enum config_effect effect;
        enum config_change_kind kind;
    } * items;
    size_t count;
    size_t restarts; // how many of them need a restart
};

void config_diff(const struct config *before, const struct config *after, struct config_diff *out);
void config_diff_release(struct config_diff *d);

// The options as a Markdown page, for docs/generated/options.md.
void config_generate_docs(FILE *out);

#endif
