// THE command table: one row a command. Help, completion, the checks of role, arity and types, and
// the documents all come from the row; nothing else knows what commands there are.
#ifndef SLUICE_ADMIN_COMMAND_H
#define SLUICE_ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct request;

// In order: each may do what the one before may. X(suffix, text)
#define ADMIN_ROLES(X) X(NONE, "none") X(VIEW, "view") X(OPERATE, "operate") X(ADMIN, "admin")

enum admin_role {
#define X(name, text) ROLE_##name,
    ADMIN_ROLES(X)
#undef X
};

const char *admin_role_name(enum admin_role role);

// What a word may be. X(suffix, placeholder in help). FLAG takes no value.
#define ARGUMENT_KINDS(X)                                                                          \
    X(FLAG, "")                                                                                    \
    X(TEXT, "TEXT")                                                                                \
    X(REASON, "REASON")   /* of the gate */                                                        \
    X(PATTERN, "PATTERN") /* text_match: * and ? */                                                \
    X(HOST, "HOST")       /* an address or network, as cidr_parse reads it */                      \
    X(SESSION, "SESSION") /* sluice's number of a session */                                       \
    X(DURATION, "DURATION")                                                                        \
    X(THEN, "abort|kill|wait")                                                                     \
    X(STATE, "STATE")                                                                              \
    X(OBSTACLE, "OBSTACLE")                                                                        \
    X(LEVEL, "LEVEL")                                                                              \
    X(BACKEND, "BACKEND")                                                                          \
    X(COMMAND, "COMMAND") /* words of a command, for help */                                       \
    X(COUNT, "N")                                                                                  \
    X(MEMBER, "HOST:PORT") /* of a MongoDB set */

enum argument_kind {
#define X(name, text) ARGUMENT_##name,
    ARGUMENT_KINDS(X)
#undef X
        ARGUMENT_KIND_COUNT
};

// A positional argument (name NULL: there is none) or an option (name without the dashes).
struct argument {
    const char *name;
    enum argument_kind kind;
    const char *standard; // the value when it is not given, as text; NULL: none
    const char *help;
};

#define COMMAND_OPTIONS_MAX 8

struct command {
    const char *words; // "show sessions"
    struct {
        enum argument_kind kind;
        unsigned least, most; // how many words; most 0: takes none
    } positional;
    const struct argument *options; // ends with a row without a name; NULL: none
    enum admin_role role;
    bool mutating; // leaves an audit line
    bool waiting;  // may take long: has --timeout, and ends when its client leaves
    void (*run)(struct request *r);
    const char *help;   // one line
    const char *detail; // more for `help COMMAND`; NULL: none
};

struct command_table {
    const struct command *rows;
    unsigned count;
};

const struct command_table *command_table(void);

// The placeholder of a kind, and, for kinds with a fixed set of values, the `i`-th of them or NULL.
const char *argument_kind_label(enum argument_kind kind);
const char *argument_kind_choice(enum argument_kind kind, unsigned i);

struct value {
    bool given;       // by the client or by the row's standard
    const char *text; // borrowed from the words or from the row
    int64_t number;   // DURATION: ns; SESSION, COUNT; the index of a choice
};

// SL_EINVAL with a text that names what was expected.
SL_CHECKED enum sl_code argument_parse(enum argument_kind kind, const char *label, const char *text,
                                       struct value *out, struct sl_error *err);

#define COMMAND_POSITIONALS_MAX 256

// A checked request: what a handler reads.
struct call {
    const struct command *command;
    struct value positionals[COMMAND_POSITIONALS_MAX];
    unsigned positional_count;
    struct value options[COMMAND_OPTIONS_MAX]; // parallel to the row's
};

// Finds the row and checks role, arity, options and types, in this order: who may not use a command
// is not told more about it. SL_EINVAL (usage, with the nearest name where there is one) or
// SL_EDENIED. `words` are borrowed by `out`, and none of them is --json any more.
SL_CHECKED enum sl_code command_check(const struct command_table *table, const char *const *words,
                                      unsigned count, enum admin_role role, struct call *out,
                                      struct sl_error *err);

// The row with these words, or NULL. The whole of `words` must be its name.
const struct command *command_find(const struct command_table *table, const char *const *words,
                                   unsigned count);

// An option of the call; its row must have it. A given FLAG is all there is to know of it.
const struct value *call_option(const struct call *c, const char *name);

// "pause [--reason TEXT] [--for DURATION]", into `out`, which is returned.
const char *command_synopsis(const struct command *c, char *out, size_t size);

#endif
