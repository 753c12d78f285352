// One value: from a node to a field, and back to text.
//
// A type is a row of functions; what a value may be is said by the row of its option (range,
// words), and described from the same row, so that message and check cannot differ.
#ifndef SLUICE_CONFIG_VALUE_H
#define SLUICE_CONFIG_VALUE_H

#include "base/bytes.h"
#include "config/store.h"

// What a parser works with.
struct config_reading {
    struct config_store *store;
    struct config_errors *errors;
    const struct config_option *option;
    const char *key; // of the entry, for messages
};

// Fills `field` from `node`, which is not null. False with a problem added, the field untouched.
// Not for MAP_OF and LIST_OF.
bool config_value_parse(struct config_reading *r, const struct config_node *node, void *field);

// Appends the value as it could be written in the file, but with secrets masked.
void config_value_format(const struct config_option *option, const void *field, struct buf *out);

// Do two fields of this option mean the same? Secrets are compared in place, never copied.
bool config_value_equal(const struct config_option *option, const void *a, const void *b);

// Appends what may be written, for messages and documents: "auto or 1 to 256".
void config_value_expected(const struct config_option *option, struct buf *out);

// Adds "<found> <fmt>, expected <expected>" at the node; returns false.
bool config_value_refuse(struct config_reading *r, const struct config_node *node,
                         const char *complaint);

// Parsers that need more room (config/address.c). Same contract as config_value_parse.
bool config_parse_address(struct config_reading *r, const struct config_node *node, void *field);
bool config_parse_http(struct config_reading *r, const struct config_node *node, void *field);
bool config_parse_addresses(struct config_reading *r, const struct config_node *node, void *field);
bool config_parse_cidrs(struct config_reading *r, const struct config_node *node, void *field);
bool config_parse_principals(struct config_reading *r, const struct config_node *node, void *field);

#endif
