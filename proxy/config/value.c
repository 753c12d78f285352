// The types of options: parsing and printing, one row each.
#include "config/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct type {
    bool (*parse)(struct config_reading *r, const struct config_node *node, void *field);
    void (*format)(const struct config_option *option, const void *field, struct buf *out);
    const char *complaint; // what a value that cannot be read is told
    const char *expected;  // what would be right; NULL: words and range of the option
};

static const struct type types[CONFIG_TYPE_COUNT];

#define MASK "********"

// --- what is expected, and refusing ------------------------------------------------------------

// In the unit that the type is written in.
static void format_number(enum config_type type, int64_t value, struct buf *out)
{
    char text[32];
    if (type == CONFIG_TYPE_DURATION)
        buf_str(out, text_format_duration_ms(value, text, sizeof text));
    else if (type == CONFIG_TYPE_SIZE)
        buf_str(out, text_format_size((uint64_t)value, text, sizeof text));
    else
        buf_printf(out, "%" PRId64, value);
}

// "a, b or c"; with `more`, something follows that the last "or" belongs to.
static void expect_words(const struct config_word *words, bool more, struct buf *out)
{
    for (size_t i = 0; words != NULL && words[i].text != NULL; i++) {
        bool last = words[i + 1].text == NULL;
        buf_str(out, i == 0 ? "" : last && !more ? " or " : ", ");
        buf_str(out, words[i].text);
    }
    if (words != NULL && more)
        buf_str(out, " or ");
}

// Types whose rows have min and max.
static bool has_range(const struct config_option *o)
{
    return o->type == CONFIG_TYPE_NUMBER || o->type == CONFIG_TYPE_DURATION ||
           o->type == CONFIG_TYPE_SIZE;
}

void config_value_expected(const struct config_option *o, struct buf *out)
{
    if (!has_range(o) && types[o->type].expected != NULL) {
        buf_str(out, types[o->type].expected);
        return;
    }
    expect_words(o->words, has_range(o), out);
    if (has_range(o)) {
        format_number(o->type, o->min, out);
        buf_str(out, " to ");
        format_number(o->type, o->max, out);
    }
}

// For a value that could not be read at all an example says more than the range.
static void expect_form(const struct config_option *o, struct buf *out)
{
    if (types[o->type].expected == NULL) {
        config_value_expected(o, out);
        return;
    }
    expect_words(o->words, true, out);
    buf_str(out, types[o->type].expected);
}

// `complaint` begins with a space, or is NULL: then the kind of node is what is wrong. `range`: the
// form was right, so the limits are the better answer. The value of a secret is never repeated.
static bool refuse(struct config_reading *r, const struct config_node *node, const char *complaint,
                   bool range)
{
    char found[CONFIG_DESCRIBE_MAX];
    struct buf expected = {0};
    (range ? config_value_expected : expect_form)(r->option, &expected);
    config_node_describe(node, found, sizeof found);
    if (r->option->type == CONFIG_TYPE_SECRET && node->kind == CONFIG_NODE_SCALAR)
        (void)snprintf(found, sizeof found, "the value");
    const struct config_place at = {r->store->file, node->line, node->column, r->key};
    config_errors_add(r->errors, &at, "%s%s%s, expected %s", complaint == NULL ? "found " : "",
                      found, complaint == NULL ? "" : complaint, buf_text(&expected));
    buf_release(&expected);
    return false;
}

bool config_value_refuse(struct config_reading *r, const struct config_node *node,
                         const char *complaint)
{
    char spaced[96] = "";
    if (complaint != NULL)
        (void)snprintf(spaced, sizeof spaced, " %s", complaint);
    return refuse(r, node, complaint == NULL ? NULL : spaced, false);
}

// Every type of this file is a scalar.
static bool scalar(struct config_reading *r, const struct config_node *node)
{
    return node->kind == CONFIG_NODE_SCALAR || config_value_refuse(r, node, NULL);
}

// --- numbers and words -------------------------------------------------------------------------

static const struct config_word *find_word(const struct config_word *words, const char *text)
{
    for (; words != NULL && words->text != NULL; words++)
        if (strcmp(words->text, text) == 0)
            return words;
    return NULL;
}

static const char *word_of(const struct config_option *o, int64_t value)
{
    for (const struct config_word *w = o->words; w != NULL && w->text != NULL; w++)
        if (w->value == value)
            return w->text;
    return NULL;
}

// SL_ETOOBIG is right in form, and out of every range.
static enum sl_code read_number(enum config_type type, const char *text, int64_t *out)
{
    if (type == CONFIG_TYPE_DURATION)
        return text_parse_duration_ms(text, out);
    uint64_t value = 0;
    enum sl_code code =
        type == CONFIG_TYPE_SIZE ? text_parse_size(text, &value) : text_parse_u64(text, &value);
    if (code == SL_OK && value > INT64_MAX)
        return SL_ETOOBIG;
    *out = (int64_t)value;
    return code;
}

// A word of the option, or a number in its range.
static bool parse_ranged(struct config_reading *r, const struct config_node *node, int64_t *out)
{
    const struct config_option *o = r->option;
    if (!scalar(r, node))
        return false;
    const struct config_word *word = find_word(o->words, node->text);
    if (word != NULL) {
        *out = word->value;
        return true;
    }
    int64_t value = 0;
    enum sl_code code = read_number(o->type, node->text, &value);
    if (code == SL_OK && value >= o->min && value <= o->max) {
        *out = value;
        return true;
    }
    if (code != SL_OK && code != SL_ETOOBIG)
        return config_value_refuse(r, node, types[o->type].complaint);
    return refuse(r, node, " is out of range", true);
}

static bool parse_count(struct config_reading *r, const struct config_node *node, void *field)
{
    int64_t value;
    if (!parse_ranged(r, node, &value))
        return false;
    *(unsigned *)field = (unsigned)value;
    return true;
}

static bool parse_duration(struct config_reading *r, const struct config_node *node, void *field)
{
    return parse_ranged(r, node, field);
}

static bool parse_size(struct config_reading *r, const struct config_node *node, void *field)
{
    int64_t value;
    if (!parse_ranged(r, node, &value))
        return false;
    *(uint64_t *)field = (uint64_t)value;
    return true;
}

// Enums are stored as their underlying type, which for all of ours is unsigned.
static bool parse_enum(struct config_reading *r, const struct config_node *node, void *field)
{
    if (!scalar(r, node))
        return false;
    const struct config_word *word = find_word(r->option->words, node->text);
    if (word == NULL)
        return config_value_refuse(r, node, "is not known");
    *(unsigned *)field = (unsigned)word->value;
    return true;
}

static bool parse_bool(struct config_reading *r, const struct config_node *node, void *field)
{
    // The words of YAML 1.1 for what people have in their fingers; `on` and `off` are shown.
    static const struct config_word words[] = {{"on", 1},  {"off", 0}, {"true", 1}, {"false", 0},
                                               {"yes", 1}, {"no", 0},  {NULL, 0}};
    if (!scalar(r, node))
        return false;
    const struct config_word *word = find_word(words, node->text);
    if (word == NULL)
        return config_value_refuse(r, node, "is neither on nor off");
    *(bool *)field = word->value != 0;
    return true;
}

// Three or four octal digits; YAML would read an unquoted 0660 as a number, we never do.
static bool parse_mode(struct config_reading *r, const struct config_node *node, void *field)
{
    if (!scalar(r, node))
        return false;
    size_t digits = strspn(node->text, "01234567");
    if (digits != node->length || digits < 3 || digits > 4)
        return config_value_refuse(r, node, "is not a file mode");
    mode_t mode = 0;
    for (size_t i = 0; i < digits; i++)
        mode = mode * 8 + (mode_t)(node->text[i] - '0');
    if (mode > 0777)
        return config_value_refuse(r, node, "is not a file mode");
    *(mode_t *)field = mode;
    return true;
}

static void format_count(const struct config_option *o, const void *field, struct buf *out)
{
    int64_t value = *(const unsigned *)field;
    const char *word = word_of(o, value);
    word != NULL ? buf_str(out, word) : format_number(o->type, value, out);
}

static void format_duration(const struct config_option *o, const void *field, struct buf *out)
{
    int64_t value = *(const int64_t *)field;
    const char *word = word_of(o, value);
    word != NULL ? buf_str(out, word) : format_number(o->type, value, out);
}

static void format_size(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    // text_format_size rounds what it shows with a fraction; bytes are exact.
    uint64_t value = *(const uint64_t *)field;
    char text[32];
    text_format_size(value, text, sizeof text);
    if (strchr(text, '.') == NULL)
        buf_str(out, text);
    else
        buf_printf(out, "%" PRIu64, value);
}

static void format_enum(const struct config_option *o, const void *field, struct buf *out)
{
    const char *word = word_of(o, *(const unsigned *)field);
    buf_str(out, word != NULL ? word : "?");
}

static void format_bool(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    buf_str(out, *(const bool *)field ? "on" : "off");
}

static void format_mode(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    buf_printf(out, "%04o", (unsigned)*(const mode_t *)field);
}

// --- text ----------------------------------------------------------------------------------------

static bool parse_text(struct config_reading *r, const struct config_node *node, void *field)
{
    if (!scalar(r, node))
        return false;
    // Empty is the same as not set: one way to say it in the structs.
    const char *text =
        node->length == 0 ? NULL : config_store_text(r->store, node->text, node->length);
    if (text == NULL && r->option->def == NULL)
        return config_value_refuse(r, node, "is empty");
    memcpy(field, &text, sizeof text);
    return true;
}

// The admin socket has no prefix, but the same limit as unix: addresses.
static bool parse_socket(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind == CONFIG_NODE_SCALAR &&
        (node->length == 0 || node->length > CONFIG_UNIX_PATH_MAX))
        return config_value_refuse(r, node, "does not fit into a socket address");
    return parse_text(r, node, field);
}

static bool parse_secret(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind == CONFIG_NODE_SCALAR && node->length > CONFIG_SECRET_MAX)
        return config_value_refuse(r, node, "is too long");
    return parse_text(r, node, field);
}

static bool parse_uri(struct config_reading *r, const struct config_node *node, void *field)
{
    static const char *const schemes[] = {"mongodb://", "mongodb+srv://"};
    if (node->kind != CONFIG_NODE_SCALAR || node->length == 0)
        return parse_text(r, node, field);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(node->text, schemes[i], strlen(schemes[i])) == 0)
            return parse_text(r, node, field);
    // The value may hold a password already, so it is not repeated.
    const struct config_place at = {r->store->file, node->line, node->column, r->key};
    config_errors_add(r->errors, &at, "is not a MongoDB URI, expected %s",
                      types[CONFIG_TYPE_URI].expected);
    return false;
}

// The field is a pointer to text; copied out, since the table knows it as bytes only.
static const char *text_field(const void *field)
{
    const char *text;
    memcpy(&text, field, sizeof text);
    return text;
}

static void format_text(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const char *text = text_field(field);
    buf_str(out, text != NULL ? text : "");
}

static void format_secret(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    buf_str(out, text_field(field) != NULL ? MASK : "");
}

// scheme://user:password@host/... with the password replaced. The last @ ends it: an unescaped @ or
// slash in a password is a common mistake and must not leak half of it.
static void format_uri(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const char *text = text_field(field);
    const char *start = text != NULL ? strstr(text, "://") : NULL;
    if (start == NULL)
        return;
    start += 3;
    const char *end = NULL;
    for (const char *p = start; *p != '\0'; p++)
        if (*p == '@')
            end = p;
    const char *colon = end != NULL ? memchr(start, ':', (size_t)(end - start)) : NULL;
    if (colon == NULL) {
        buf_str(out, text);
        return;
    }
    buf_put(out, text, (size_t)(colon + 1 - text));
    buf_str(out, MASK);
    buf_str(out, end);
}

// --- addresses -----------------------------------------------------------------------------------

static void format_address(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const struct config_address *a = field;
    buf_str(out, a->text != NULL ? a->text : "");
}

static void format_http(const struct config_option *o, const void *field, struct buf *out)
{
    const struct config_admin *admin =
        (const struct config_admin *)(const void *)((const char *)field -
                                                    offsetof(struct config_admin, http_on));
    admin->http_on ? format_address(o, &admin->http, out) : buf_str(out, "off");
}

static void format_addresses(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const struct config_addresses *list = field;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? "[" : ", ", list->items[i].text);
    buf_str(out, list->count == 0 ? "[]" : "]");
}

static void format_cidrs(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const struct config_cidrs *list = field;
    char text[CIDR_TEXT_MAX];
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? "[" : ", ",
                   cidr_format(&list->items[i], text, sizeof text));
    buf_str(out, list->count == 0 ? "[]" : "]");
}

static void format_principals(const struct config_option *o, const void *field, struct buf *out)
{
    (void)o;
    const struct config_principals *list = field;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(out, "%s%s", i == 0 ? "[" : ", ", list->items[i].text);
    buf_str(out, list->count == 0 ? "[]" : "]");
}

// --- the table -----------------------------------------------------------------------------------

#define ADDRESS "host:port, [ipv6]:port or unix:/path"
#define DURATION "something like 250ms, 5s, 2m or 1h"

static const struct type types[CONFIG_TYPE_COUNT] = {
    [CONFIG_TYPE_BOOL] = {parse_bool, format_bool, NULL, "on or off"},
    [CONFIG_TYPE_NUMBER] = {parse_count, format_count, "is not a number", NULL},
    [CONFIG_TYPE_DURATION] = {parse_duration, format_duration, "is not a duration", DURATION},
    [CONFIG_TYPE_SIZE] = {parse_size, format_size, "is not a size",
                          "something like 64KiB or 16MiB"},
    [CONFIG_TYPE_ENUM] = {parse_enum, format_enum, NULL, NULL},
    [CONFIG_TYPE_MODE] = {parse_mode, format_mode, NULL, "octal digits like \"0660\""},
    [CONFIG_TYPE_TEXT] = {parse_text, format_text, NULL, "a text"},
    [CONFIG_TYPE_SOCKET] = {parse_socket, format_text, NULL, "a path of 1 to 107 bytes"},
    [CONFIG_TYPE_FILE] = {parse_text, format_text, NULL, "a file name"},
    [CONFIG_TYPE_SECRET] = {parse_secret, format_secret, NULL, "a text of at most 1023 bytes"},
    [CONFIG_TYPE_SECRET_FILE] = {parse_text, format_text, NULL, "a file name"},
    [CONFIG_TYPE_URI] = {parse_uri, format_uri, NULL, "mongodb://host:port/?replicaSet=name"},
    [CONFIG_TYPE_ADDRESS] = {config_parse_address, format_address, NULL, ADDRESS},
    [CONFIG_TYPE_HTTP] = {config_parse_http, format_http, NULL, "off, " ADDRESS},
    [CONFIG_TYPE_ADDRESSES] = {config_parse_addresses, format_addresses, NULL,
                               "one or a list of " ADDRESS},
    [CONFIG_TYPE_CIDRS] = {config_parse_cidrs, format_cidrs, NULL,
                           "an address, address/bits, localhost, unix or a list of these"},
    [CONFIG_TYPE_PRINCIPALS] = {config_parse_principals, format_principals, NULL,
                                "a user, uid:N, gid:N, group:NAME, self, socket-group, everyone or "
                                "a list of these"},
    [CONFIG_TYPE_MAP_OF] = {NULL, NULL, NULL, "a mapping of names to settings"},
    [CONFIG_TYPE_LIST_OF] = {NULL, NULL, NULL, "a list of mappings"},
};

bool config_value_parse(struct config_reading *r, const struct config_node *node, void *field)
{
    return types[r->option->type].parse(r, node, field);
}

void config_value_format(const struct config_option *o, const void *field, struct buf *out)
{
    if (types[o->type].format != NULL)
        types[o->type].format(o, field, out);
}

bool config_value_equal(const struct config_option *o, const void *a, const void *b)
{
    if (o->type == CONFIG_TYPE_SECRET || o->type == CONFIG_TYPE_URI) {
        const char *x = text_field(a), *y = text_field(b);
        return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
    }
    // What is printed can be read back, so equal texts are equal values; no type needs a
    // comparison of its own.
    struct buf x = {0}, y = {0};
    config_value_format(o, a, &x);
    config_value_format(o, b, &y);
    bool same = strcmp(buf_text(&x), buf_text(&y)) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}
