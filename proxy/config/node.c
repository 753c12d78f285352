// Trees of scalars, mappings and lists: freeing and describing. Making them is config/yaml.c's.
#include "config/node.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

// Depth is bounded by CONFIG_DEPTH_MAX, so recursion is. Text is wiped: it may be a password.
void config_node_free(struct config_node *node)
{
    if (node == NULL)
        return;
    for (struct config_node *child = node->children, *next; child != NULL; child = next) {
        next = child->next;
        config_node_free(child);
    }
    mem_free(node->key);
    if (node->text != NULL)
        mem_wipe_free(node->text, node->length + 1);
    mem_free(node);
}

bool config_node_null(const struct config_node *node)
{
    return node->kind == CONFIG_NODE_SCALAR && node->plain &&
           (node->length == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

const char *config_node_describe(const struct config_node *node, char *out, size_t size)
{
    // Longer texts are cut, so that one bad value does not fill the line.
    enum { shown = 56 };
    assert(size >= CONFIG_DESCRIBE_MAX);
    if (node->kind != CONFIG_NODE_SCALAR) {
        (void)snprintf(out, size, "%s", node->kind == CONFIG_NODE_MAP ? "a mapping" : "a list");
        return out;
    }
    if (config_node_null(node)) {
        (void)snprintf(out, size, "nothing");
        return out;
    }
    char cut[shown + 1];
    bool whole = text_copy(cut, sizeof cut, node->text);
    text_make_printable(cut);
    (void)snprintf(out, size, "\"%s%s\"", cut, whole ? "" : "...");
    return out;
}
