// What one option alone cannot know: keys that need, exclude or contradict each other.
#ifndef SLUICE_CONFIG_CHECK_H
#define SLUICE_CONFIG_CHECK_H

#include "config/store.h"

// Adds problems to `errors`, and to the snapshot's warnings what is legal but probably not meant.
// Keys that were refused before are not complained about again.
void config_cross_check(struct config_store *s, struct config_errors *errors);

#endif
