// Documents for the tests of config/: the shortest good one, and loading with all problems at hand.
#ifndef SLUICE_TESTS_CONFIG_DOCUMENT_H
#define SLUICE_TESTS_CONFIG_DOCUMENT_H

#include "config/load.h"

// Three lines that every test document may begin with.
#define MINIMAL                                                                                    \
    "listen: 127.0.0.1:3306\n"                                                                     \
    "backends: {milan: {address: \"10.1.0.5:3306\"}}\n"                                            \
    "active: milan\n"

// All problems of a document called "t", one a line; "" if it loads. mem_free.
char *problems_of(const char *text);

// The snapshot; the test fails with the problems if there are any.
const struct config *load_good(const char *text);

// Value or origin of a key in the dump ("(none)" if it is not there). mem_free.
char *value_of(const struct config *c, const char *key);
char *origin_of(const struct config *c, const char *key);

#endif
