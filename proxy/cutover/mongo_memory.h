// What a manoeuvre must remember to make a set as it was, or to finish, also after a kill -9: decided in
// the preflight, written with the record before each step. Pure.
#ifndef SLUICE_CUTOVER_MONGO_MEMORY_H
#define SLUICE_CUTOVER_MONGO_MEMORY_H

#include "base/bytes.h"
#include "control/mongo_set.h"

struct mongo_memory {
    bool known;                // the preflight has been
    char host[MONGO_HOST_MAX]; // the chosen one, the new one, the one that goes
    char old_primary[MONGO_HOST_MAX];
    double priority; // of `host`, as it was
    int votes;       // ... likewise
    double winning;  // its priority while it is made primary
    double staying;  // and afterwards
    unsigned frozen_count;
    char frozen[MONGO_MEMBERS_MAX][MONGO_HOST_MAX]; // who must not stand meanwhile
};

// One JSON object.
void mongo_memory_write(const struct mongo_memory *m, struct buf *json);
// SL_EPROTO: not one of ours. `{}` leaves `known` false.
SL_CHECKED enum sl_code mongo_memory_read(const char *json, struct mongo_memory *out,
                                          struct sl_error *err);

#endif
