// The next configuration of a set, from the one it has: what is edited changes, everything else (tags,
// settings, fields that we do not know) stays as it is. Pure.
//
// A majority of the old voters and one of the new ones have a member in common as long as only one
// vote changes at a time; 4.4 and later insist on it, and sluice does everywhere.
#ifndef SLUICE_CONTROL_MONGO_RECONFIG_H
#define SLUICE_CONTROL_MONGO_RECONFIG_H

#include <bson/bson.h>

#include "control/mongo_set.h"

// `config` as in replSetGetConfig's reply; `out` is initialised on SL_OK. The version goes up by one.
// SL_ENOTFOUND, SL_ECONFLICT (the host is there already); SL_EINVAL: more than one vote would change, or
// it would not be a valid configuration.
SL_CHECKED enum sl_code mongo_reconfig(const bson_t *config, const struct mongo_edit *edits,
                                       unsigned count, bson_t *out, struct sl_error *err);

#endif
