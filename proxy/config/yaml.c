// YAML text to a tree with positions; the only file that knows libyaml.
//
//     text ──▶ libyaml events ──▶ stack of open mappings and lists ──▶ struct config_node
//
// The subset is what a configuration needs: one document, plain keys, no anchors, aliases or tags
// (they make a file mean something else than it looks like, and let a small one become huge).
#include <assert.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/errors.h"
#include "config/node.h"

struct builder {
    const char *name;
    const char *text;
    size_t length;
    struct config_errors *errors;
    yaml_parser_t parser;
    struct config_node *stack[CONFIG_DEPTH_MAX];
    size_t depth;
    struct config_node *root;
    size_t nodes;
    char *key; // read, its value not yet; owned
    int key_line, key_column;
    bool failed, ended;
};

#define FAIL(b, line, column, ...)                                                                 \
    do {                                                                                           \
        const struct config_place at_ = {(b)->name, (line), (column), "(yaml)"};                   \
        config_errors_add((b)->errors, &at_, __VA_ARGS__);                                         \
        (b)->failed = true;                                                                        \
    } while (0)

// libyaml counts from 0; a file is capped at CONFIG_FILE_MAX, so an int is enough.
static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int column_of(yaml_mark_t mark)
{
    return (int)mark.column + 1;
}

// The innermost mapping or list that has not ended.
static struct config_node *open_node(struct builder *b)
{
    return b->depth == 0 ? NULL : b->stack[b->depth - 1];
}

static void append(struct config_node *parent, struct config_node *child)
{
    if (parent->last == NULL)
        parent->children = child;
    else
        parent->last->next = child;
    parent->last = child;
    parent->count++;
}

// A new node under the open one, with the key that was read before it.
static struct config_node *add_node(struct builder *b, enum config_node_kind kind, yaml_mark_t mark)
{
    if (++b->nodes > CONFIG_NODES_MAX) {
        FAIL(b, line_of(mark), column_of(mark), "more than %d values, expected fewer",
             CONFIG_NODES_MAX);
        return NULL;
    }
    struct config_node *parent = open_node(b);
    struct config_node *node = mem_zalloc(sizeof *node);
    node->kind = kind;
    node->line = line_of(mark);
    node->column = column_of(mark);
    if (parent == NULL) {
        b->root = node;
        return node;
    }
    if (parent->kind == CONFIG_NODE_MAP) {
        assert(b->key != NULL);
        node->key = b->key;
        node->key_line = b->key_line;
        node->key_column = b->key_column;
        b->key = NULL;
    }
    append(parent, node);
    return node;
}

// libyaml gives keys and values of a mapping in turn, without saying which is which.
static bool expects_key(struct builder *b)
{
    struct config_node *open = open_node(b);
    return open != NULL && open->kind == CONFIG_NODE_MAP && b->key == NULL;
}

static void on_open(struct builder *b, enum config_node_kind kind, const yaml_event_t *event)
{
    int line = line_of(event->start_mark), column = column_of(event->start_mark);
    if (expects_key(b)) {
        FAIL(b, line, column, "found a %s as a key, expected a name",
             kind == CONFIG_NODE_MAP ? "mapping" : "list");
        return;
    }
    if (b->depth == CONFIG_DEPTH_MAX) {
        FAIL(b, line, column, "nested deeper than %d levels, expected fewer", CONFIG_DEPTH_MAX);
        return;
    }
    struct config_node *node = add_node(b, kind, event->start_mark);
    if (node != NULL)
        b->stack[b->depth++] = node;
}

static void on_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length) != NULL) {
        FAIL(b, line_of(event->start_mark), column_of(event->start_mark),
             "found a NUL byte in a text, expected none");
        return;
    }
    if (expects_key(b)) {
        b->key = mem_strndup(value, length);
        b->key_line = line_of(event->start_mark);
        b->key_column = column_of(event->start_mark);
        return;
    }
    struct config_node *node = add_node(b, CONFIG_NODE_SCALAR, event->start_mark);
    if (node == NULL)
        return;
    node->text = mem_strndup(value, length);
    node->length = length;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

// Anchors and tags sit on three kinds of events; NULL when there is none.
static const char *decoration(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    case YAML_ALIAS_EVENT: return "an alias (*name)";
    default: break;
    }
    if (anchor != NULL)
        return "an anchor (&name)";
    return tag != NULL ? "a tag (!name)" : NULL;
}

static void on_event(struct builder *b, const yaml_event_t *event)
{
    const char *extra = decoration(event);
    if (extra != NULL) {
        FAIL(b, line_of(event->start_mark), column_of(event->start_mark),
             "found %s, expected plain YAML: write the value out, or put it in quotes", extra);
        return;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->root != NULL)
            FAIL(b, line_of(event->start_mark), column_of(event->start_mark),
                 "found a second document, expected one");
        break;
    case YAML_MAPPING_START_EVENT: on_open(b, CONFIG_NODE_MAP, event); break;
    case YAML_SEQUENCE_START_EVENT: on_open(b, CONFIG_NODE_LIST, event); break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        assert(b->depth > 0);
        b->depth--;
        break;
    case YAML_SCALAR_EVENT: on_scalar(b, event); break;
    case YAML_STREAM_END_EVENT: b->ended = true; break;
    default: break;
    }
}

// The reader says only at which byte it stopped.
static void fail_encoding(struct builder *b)
{
    size_t end = b->parser.problem_offset < b->length ? b->parser.problem_offset : b->length;
    int line = 1, column = 1;
    for (size_t i = 0; i < end; i++) {
        unsigned char c = (unsigned char)b->text[i];
        if (c == '\n') {
            line++;
            column = 1;
        } else if ((c & 0xC0) != 0x80) { // a continuation byte is not a character of its own
            column++;
        }
    }
    FAIL(b, line, column, "%s, expected UTF-8 text", b->parser.problem);
}

// The byte at the mark of a scanner's problem, 0 at the end of the text.
static char byte_at(const struct builder *b, yaml_mark_t mark)
{
    return mark.index < b->length ? b->text[mark.index] : '\0';
}

static void fail_syntax(struct builder *b)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_READER_ERROR) {
        fail_encoding(b);
        return;
    }
    int line = line_of(p->problem_mark), column = column_of(p->problem_mark);
    const char *problem = p->problem != NULL ? p->problem : "not readable";
    // Exact as long as the text before it is ASCII, else the general words are used.
    if (p->error == YAML_SCANNER_ERROR && byte_at(b, p->problem_mark) == '\t')
        FAIL(b, line, column, "found a tab, expected spaces for indentation");
    else if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
        FAIL(b, line, column, "%s, %s that began at line %d, expected valid YAML", problem,
             p->context, line_of(p->context_mark));
    else if (p->context != NULL)
        FAIL(b, line, column, "%s, %s, expected valid YAML", problem, p->context);
    else
        FAIL(b, line, column, "%s, expected valid YAML", problem);
}

// Passwords pass through libyaml's memory as well: what can be reached is wiped before it is freed.
static void wipe_event(yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT && event->data.scalar.value != NULL)
        explicit_bzero(event->data.scalar.value, event->data.scalar.length);
    yaml_event_delete(event);
}

static void wipe_parser(yaml_parser_t *p)
{
    if (p->buffer.start != NULL)
        explicit_bzero(p->buffer.start, (size_t)(p->buffer.end - p->buffer.start));
    if (p->raw_buffer.start != NULL)
        explicit_bzero(p->raw_buffer.start, (size_t)(p->raw_buffer.end - p->raw_buffer.start));
    yaml_parser_delete(p);
}

// Stops at the first problem: after one, positions mean little.
static void run(struct builder *b)
{
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)b->text, b->length);
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    while (!b->failed && !b->ended) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            fail_syntax(b);
            return;
        }
        on_event(b, &event);
        wipe_event(&event);
    }
}

// Comments alone are a document without keys; then the required ones are what is missing.
static struct config_node *empty_document(void)
{
    struct config_node *node = mem_zalloc(sizeof *node);
    node->kind = CONFIG_NODE_SCALAR;
    node->line = node->column = 1;
    node->text = mem_strdup("");
    node->plain = true;
    return node;
}

struct config_node *config_yaml_parse(const char *name, const char *text, size_t length,
                                      struct config_errors *errors)
{
    // libyaml insists on a pointer, even to nothing.
    struct builder b = {
        .name = name, .text = length > 0 ? text : "", .length = length, .errors = errors};
    if (length > CONFIG_FILE_MAX) {
        FAIL(&b, 0, 0, "larger than 1MiB, expected less");
        return NULL;
    }
    if (!yaml_parser_initialize(&b.parser)) {
        FAIL(&b, 0, 0, "no memory to read it, expected some");
        return NULL;
    }
    run(&b);
    wipe_parser(&b.parser);
    mem_free(b.key);
    if (b.failed) {
        config_node_free(b.root);
        return NULL;
    }
    assert(b.depth == 0);
    return b.root != NULL ? b.root : empty_document();
}
