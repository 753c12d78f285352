// From tree to structs by the option table, with the defaults for what is not written.
#ifndef SLUICE_CONFIG_FILL_H
#define SLUICE_CONFIG_FILL_H

#include "config/store.h"

// Fills the whole snapshot and its entries. Problems are added to `errors`; what was refused has
// its default afterwards, or is empty if it has none.
void config_fill(struct config_store *s, const struct config_node *root,
                 struct config_errors *errors);

#endif
