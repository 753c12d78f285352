// The tree between YAML and structs: scalars, mappings and lists, each with its position.
//
// config/yaml.c makes trees and config/fill.c reads them; nothing outside this folder does.
#ifndef SLUICE_CONFIG_NODE_H
#define SLUICE_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/load.h"

#define CONFIG_DEPTH_MAX 16   // mappings and lists inside each other
#define CONFIG_NODES_MAX 5000 // of one document; bounds memory and the search for double keys

enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_MAP, CONFIG_NODE_LIST };

struct config_node {
    enum config_node_kind kind;
    int line, column; // of the value, from 1
    char *key;        // in a mapping, owned; NULL otherwise
    int key_line, key_column;
    char *text;    // of a scalar, owned, wiped when freed, without NUL bytes inside
    size_t length; // of text
    bool plain;    // the scalar was written without quotes
    size_t count;  // of children
    struct config_node *children, *last, *next;
};

// Parses one YAML document. NULL with a problem added, when it is not one. An empty document is a
// null scalar. The caller frees the tree.
struct config_node *config_yaml_parse(const char *name, const char *text, size_t length,
                                      struct config_errors *errors);
void config_node_free(struct config_node *node);

// Nothing was written: `key:`, `key: ~` or `key: null`.
bool config_node_null(const struct config_node *node);
// "a mapping", "a list" or a quoted, shortened, printable form of the text. Returns `out`.
const char *config_node_describe(const struct config_node *node, char *out, size_t size);
// Room for any description.
#define CONFIG_DESCRIBE_MAX 80

#endif
