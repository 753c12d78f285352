// The option table: one row for every key of the file. Parsing, defaults, ranges, `show config`,
// reload and the reference page all come from it, so that a new option is one row and one field.
#ifndef SLUICE_CONFIG_OPTION_H
#define SLUICE_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/inspect.h"

// The struct that a row's offset counts from, and the pattern that its path begins with:
// `*` stands for a name in a mapping, `[]` for a place in a list.
#define CONFIG_SCOPES(X)                                                                           \
    X(ROOT, "", struct config)                                                                     \
    X(BACKEND, "backends.*", struct config_backend)                                                \
    X(ACCOUNT, "accounts[]", struct config_login)                                                  \
    X(RULE, "drain.rules[]", struct config_rule)                                                   \
    X(CHECK, "cutover.checks[]", struct config_check)                                              \
    X(TESTER, "cutover.testers[]", struct config_tester)                                           \
    X(KEEP, "cutover.keep[]", struct config_keep)

#define X(name, pattern, type) CONFIG_SCOPE_##name,
enum config_scope { CONFIG_SCOPES(X) CONFIG_SCOPE_COUNT };
#undef X

struct config_scope_info {
    const char *pattern;
    size_t size; // of the struct
};
extern const struct config_scope_info config_scopes[CONFIG_SCOPE_COUNT];

// The type of an option decides how it is parsed, printed and described (config/value.c), and
// what the field is.
#define CONFIG_TYPES(X)                                                                            \
    X(BOOL, "on/off")            /* bool */                                                        \
    X(NUMBER, "number")          /* unsigned */                                                    \
    X(DURATION, "duration")      /* int64_t, milliseconds */                                       \
    X(SIZE, "size")              /* uint64_t, bytes */                                             \
    X(ENUM, "word")              /* an enum */                                                     \
    X(MODE, "file mode")         /* mode_t */                                                      \
    X(TEXT, "text")              /* const char * */                                                \
    X(SOCKET, "path")            /* const char *, fits into a unix socket address */               \
    X(FILE, "file")              /* const char *, readable at the start */                         \
    X(SECRET, "secret")          /* const char *, never shown */                                   \
    X(SECRET_FILE, "file")       /* const char *, readable at the start, not by everybody */       \
    X(URI, "URI")                /* const char *, shown without its password */                    \
    X(ADDRESS, "address")        /* struct config_address */                                       \
    X(HTTP, "address or off")    /* struct config_admin from http_on on */                         \
    X(ADDRESSES, "addresses")    /* struct config_addresses */                                     \
    X(CIDRS, "networks")         /* struct config_cidrs */                                         \
    X(PRINCIPALS, "users")       /* struct config_principals */                                    \
    X(MAP_OF, "mapping by name") /* {items, count} of another scope's struct */                    \
    X(LIST_OF, "list")           /* the same */

#define X(name, text) CONFIG_TYPE_##name,
enum config_type { CONFIG_TYPES(X) CONFIG_TYPE_COUNT };
#undef X

// A word and its value: the values of an enum, or words that a number may be replaced by.
struct config_word {
    const char *text; // NULL ends the list
    int64_t value;
};

struct config_option {
    const char *path; // pattern, with its scope's pattern in front
    enum config_scope scope;
    enum config_type type;
    size_t offset;   // of the field in the scope's struct
    const char *def; // in YAML; "" is not set or empty; NULL is required
    int64_t min, max;
    const struct config_word *words;
    enum config_scope elements; // MAP_OF and LIST_OF
    enum config_effect effect;
    const char *help; // one sentence, Markdown
};

extern const struct config_option config_options[];
extern const size_t config_option_count;
// At least config_option_count, for arrays beside the table (no VLA).
#define CONFIG_OPTIONS_MAX 96

// The row of exactly this pattern, or NULL.
const struct config_option *config_option_find(const char *pattern);
// Is the pattern a mapping that rows lie in ("hold", "backends.*.tls")? "" is.
bool config_option_section(const char *pattern);
// The next key directly below a section, each once: start with *at = 0. Returns NULL at the end;
// `out` gets the key.
const char *config_option_child(const char *section, size_t *at, char *out, size_t size);
// Room for any key.
#define CONFIG_KEY_MAX 64

#endif
