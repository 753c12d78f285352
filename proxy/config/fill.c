// From tree to structs, driven by the option table.
//
//     tree ──collect──▶ one node for each row of a scope ──fill──▶ fields and entries
//          (unknown and double keys)                  (defaults, required keys, parsing)
//
// A scope is the file as a whole, or one element of a mapping or list of structs; filling such a
// row fills the scope of each of its elements. Patterns ("backends.*.address") find rows, keys
// ("backends.milan.address") are what people read.
#include "config/fill.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/value.h"

// Patterns come from the table. Keys have parts from the file, which are cut to fit.
#define PATTERN_MAX 128
#define KEY_TEXT_MAX 192

struct filling {
    struct config_store *store;
    struct config_errors *errors;
};

// One scope while it is filled.
struct scope {
    enum config_scope id;
    const char *key; // of the element; "" for the file
    char *base;      // the struct
    int line, column;
    const struct config_node *found[CONFIG_OPTIONS_MAX]; // by row
};

static void fill_scope(struct filling *f, struct scope *scope, const struct config_node *node);

static void join(char *out, size_t size, const char *prefix, const char *key)
{
    (void)snprintf(out, size, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", key);
    text_make_printable(out);
}

// Problems with a key are placed at the key, those with a value at the value.
static struct config_place key_place(const struct filling *f, const struct config_node *node,
                                     const char *key)
{
    return (struct config_place){f->store->file, node->key_line, node->key_column, key};
}

// --- collect: which row does each key mean -------------------------------------------------------

// Edit distance for keys of at most CONFIG_KEY_MAX bytes.
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(b), row[CONFIG_KEY_MAX + 1];
    assert(n <= CONFIG_KEY_MAX);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[n];
}

// The known key of the section that `key` is probably meant to be.
static bool nearest(const char *section, const char *key, char *out, size_t size)
{
    char child[CONFIG_KEY_MAX];
    size_t length = strlen(key), best = length / 3 + 1;
    bool some = false;
    if (length > CONFIG_KEY_MAX)
        return false;
    for (size_t at = 0; config_option_child(section, &at, child, sizeof child) != NULL;) {
        size_t d = distance(key, child);
        if (d < best || (d == best && !some)) {
            best = d;
            some = true;
            text_copy(out, size, child);
        }
    }
    return some;
}

// A row elsewhere that ends in this key: people put keys at the wrong level.
static const char *elsewhere(const char *key)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const char *path = config_options[i].path, *dot = strrchr(path, '.');
        if (dot != NULL && strcmp(dot + 1, key) == 0 && strpbrk(path, "*[") == NULL)
            return path;
    }
    return NULL;
}

// "a, b, c", shortened only by the caller's room.
static void list_children(const char *section, char *out, size_t size)
{
    struct buf text = {0};
    char child[CONFIG_KEY_MAX];
    for (size_t at = 0; config_option_child(section, &at, child, sizeof child) != NULL;)
        buf_printf(&text, "%s%s", text.n == 0 ? "" : ", ", child);
    text_copy(out, size, buf_text(&text));
    buf_release(&text);
}

static void unknown_key(struct filling *f, const char *section, const struct config_node *node,
                        const char *key)
{
    char near[CONFIG_KEY_MAX], known[400];
    const struct config_place at = key_place(f, node, key);
    const char *other = elsewhere(node->key);
    if (f->errors->count == CONFIG_ERRORS_MAX) {
        f->errors->more++; // not kept: no need to find good words for it
        return;
    }
    if (nearest(section, node->key, near, sizeof near)) {
        config_errors_add(f->errors, &at, "is not a known key, expected something like %s", near);
    } else if (other != NULL) {
        config_errors_add(f->errors, &at, "is not a known key here, expected it as %s", other);
    } else {
        list_children(section, known, sizeof known);
        config_errors_add(f->errors, &at, "is not a known key, expected one of %s", known);
    }
}

// Quadratic in the keys of one mapping, which CONFIG_NODES_MAX bounds.
static bool double_key(struct filling *f, const struct config_node *map,
                       const struct config_node *node, const char *key)
{
    for (const struct config_node *n = map->children; n != node; n = n->next) {
        if (strcmp(n->key, node->key) != 0)
            continue;
        const struct config_place at = key_place(f, node, key);
        config_errors_add(f->errors, &at, "found a second time, expected once (it is in line %d)",
                          n->key_line);
        return true;
    }
    return false;
}

static void collect(struct filling *f, struct scope *scope, const struct config_node *node,
                    const char *section, const char *prefix);

// One key: a row, a section of rows, or unknown.
static void collect_one(struct filling *f, struct scope *scope, const struct config_node *node,
                        const char *section, const char *key)
{
    char pattern[PATTERN_MAX];
    join(pattern, sizeof pattern, section, node->key);
    const struct config_option *option = config_option_find(pattern);
    // A key with a dot or a bracket in it must not reach rows of another level.
    if (strpbrk(node->key, ".*[") != NULL || node->key[0] == '\0')
        unknown_key(f, section, node, key);
    else if (option != NULL)
        scope->found[option - config_options] = node;
    else if (config_option_section(pattern))
        collect(f, scope, node, pattern, key);
    else
        unknown_key(f, section, node, key);
}

// Sorts the keys of a section into the rows of the scope; a null section is one without keys.
static void collect(struct filling *f, struct scope *scope, const struct config_node *node,
                    const char *section, const char *prefix)
{
    if (config_node_null(node))
        return;
    if (node->kind != CONFIG_NODE_MAP) {
        char found[CONFIG_DESCRIBE_MAX], known[400];
        const struct config_place at = {f->store->file, node->line, node->column,
                                        prefix[0] == '\0' ? "(file)" : prefix};
        list_children(section, known, sizeof known);
        config_errors_add(f->errors, &at, "found %s, expected a mapping with %s",
                          config_node_describe(node, found, sizeof found), known);
        return;
    }
    for (const struct config_node *n = node->children; n != NULL; n = n->next) {
        char key[KEY_TEXT_MAX];
        join(key, sizeof key, prefix, n->key);
        if (!double_key(f, node, n, key))
            collect_one(f, scope, n, section, key);
    }
}

// --- fill: every row of the scope gets a value ---------------------------------------------------

// Defaults are YAML too and go through the same parsers, so that they cannot mean anything else. A
// wrong one is a mistake in the table. Most are one word, which needs no YAML to be read.
static struct config_node *default_node(const char *def, struct config_errors *none,
                                        struct config_node *word)
{
    if (strpbrk(def, "[\"") != NULL)
        return config_yaml_parse("(default)", def, strlen(def), none);
    word->text = (char *)(uintptr_t)def; // borrowed, never written to
    word->length = strlen(def);
    word->plain = true;
    return word;
}

static void fill_default(struct filling *f, const struct config_option *option, void *field)
{
    struct config_errors none = {0};
    struct config_reading r = {f->store, &none, option, option->path};
    struct config_node word = {.kind = CONFIG_NODE_SCALAR};
    struct config_node *node = default_node(option->def, &none, &word);
    bool good = node != NULL && config_value_parse(&r, node, field);
    assert(good && none.count == 0);
    (void)good;
    if (node != &word)
        config_node_free(node);
}

static void missing(struct filling *f, const struct config_option *option,
                    const struct config_place *at)
{
    struct buf expected = {0};
    config_value_expected(option, &expected);
    config_errors_add(f->errors, at, "is missing, expected %s", buf_text(&expected));
    buf_release(&expected);
}

struct any_list {
    char *items;
    size_t count;
};

// [a-z0-9_-]{1,32}; it stands in keys, file names and metrics.
static bool good_name(struct filling *f, const struct config_node *node, const char *key)
{
    size_t length = strlen(node->key);
    if (length > 0 && length <= CONFIG_BACKEND_NAME_MAX &&
        strspn(node->key, "abcdefghijklmnopqrstuvwxyz0123456789_-") == length)
        return true;
    char text[CONFIG_BACKEND_NAME_MAX + 8];
    text_copy(text, sizeof text, node->key);
    text_make_printable(text);
    const struct config_place at = key_place(f, node, key);
    config_errors_add(f->errors, &at, "\"%s\" is not a name, expected 1 to 32 of a-z, 0-9, _ and -",
                      text);
    return false;
}

// The names of a mapping are the field `name` of its structs, which backends alone are.
static void name_element(struct filling *f, const struct config_node *node, char *base)
{
    struct config_backend *backend = (struct config_backend *)(void *)base;
    backend->name = config_store_text(f->store, node->key, strlen(node->key));
}

// One element of a mapping or list; false if it is a name that cannot be used.
static bool fill_element(struct filling *f, const struct config_option *option,
                         const struct config_node *map, const struct config_node *node,
                         size_t index, char *base)
{
    char key[KEY_TEXT_MAX];
    bool named = option->type == CONFIG_TYPE_MAP_OF;
    if (named)
        join(key, sizeof key, option->path, node->key);
    else
        (void)snprintf(key, sizeof key, "%s[%zu]", option->path, index);
    if (named && (double_key(f, map, node, key) || !good_name(f, node, key)))
        return false;
    struct scope scope = {.id = option->elements,
                          .key = key,
                          .base = base,
                          .line = named ? node->key_line : node->line,
                          .column = named ? node->key_column : node->column};
    if (named)
        name_element(f, node, base);
    struct config_entry *e = config_store_add(f->store, key, option, base);
    e->line = scope.line;
    e->column = scope.column;
    fill_scope(f, &scope, node);
    return true;
}

// A mapping or list of structs.
static void fill_elements(struct filling *f, const struct config_option *option,
                          const struct config_node *node, const struct config_place *at,
                          void *field)
{
    bool map = option->type == CONFIG_TYPE_MAP_OF;
    if (node->kind != (map ? CONFIG_NODE_MAP : CONFIG_NODE_LIST)) {
        struct config_reading r = {f->store, f->errors, option, at->key};
        config_value_refuse(&r, node, NULL);
        return;
    }
    if (node->count == 0 && option->def == NULL) {
        missing(f, option, at);
        return;
    }
    size_t size = config_scopes[option->elements].size;
    struct any_list list = {config_store_alloc(f->store, node->count, size), 0};
    size_t index = 0;
    for (const struct config_node *n = node->children; n != NULL; n = n->next, index++)
        if (fill_element(f, option, node, n, index, list.items + list.count * size))
            list.count++;
    memcpy(field, &list, sizeof list);
}

// The default goes in first: it stays when the value is refused, so that cross-checks see sense.
static void fill_value(struct filling *f, const struct config_option *option,
                       const struct config_node *node, const char *key, void *field)
{
    // The entry may move while others are added; here nothing adds.
    struct config_entry *e = config_store_add(f->store, key, option, field);
    if (option->def != NULL)
        fill_default(f, option, field);
    if (node == NULL)
        return;
    struct config_reading r = {f->store, f->errors, option, key};
    e->line = node->line;
    e->column = node->column;
    e->bad = !config_value_parse(&r, node, field);
}

// `key: ` without a value is the same as no key.
static void fill_row(struct filling *f, const struct scope *scope,
                     const struct config_option *option)
{
    const char *pattern = config_scopes[scope->id].pattern;
    const char *rest = option->path + (pattern[0] == '\0' ? 0 : strlen(pattern) + 1);
    char key[KEY_TEXT_MAX + 64];
    join(key, sizeof key, scope->key, rest);
    const struct config_node *node = scope->found[option - config_options];
    const struct config_place at = {f->store->file, node != NULL ? node->key_line : scope->line,
                                    node != NULL ? node->key_column : scope->column, key};
    void *field = scope->base + option->offset;
    if (node != NULL && config_node_null(node))
        node = NULL;
    if (node == NULL && option->def == NULL)
        missing(f, option, &at);
    else if (option->type != CONFIG_TYPE_MAP_OF && option->type != CONFIG_TYPE_LIST_OF)
        fill_value(f, option, node, key, field);
    else if (node != NULL)
        fill_elements(f, option, node, &at, field);
}

static void fill_scope(struct filling *f, struct scope *scope, const struct config_node *node)
{
    collect(f, scope, node, config_scopes[scope->id].pattern, scope->key);
    for (size_t i = 0; i < config_option_count; i++)
        if (config_options[i].scope == scope->id)
            fill_row(f, scope, &config_options[i]);
}

// Rules take over what they do not say.
static void inherit(struct config_drain *drain)
{
    for (size_t i = 0; i < drain->rules.count; i++) {
        struct config_rule *rule = &drain->rules.items[i];
        if (rule->wait_ms < 0)
            rule->wait_ms = drain->wait_ms;
        if (rule->then == CONFIG_THEN_INHERIT)
            rule->then = drain->then;
    }
}

void config_fill(struct config_store *s, const struct config_node *root,
                 struct config_errors *errors)
{
    struct filling f = {s, errors};
    struct scope scope = {
        .id = CONFIG_SCOPE_ROOT, .key = "", .base = (char *)&s->config, .line = 1, .column = 1};
    fill_scope(&f, &scope, root);
    inherit(&s->config.drain);
}
