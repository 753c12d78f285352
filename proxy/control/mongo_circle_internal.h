// Shared by mongo_circle.c (links, acts) and mongo_look.c (looking).
#ifndef SLUICE_CONTROL_MONGO_CIRCLE_INTERNAL_H
#define SLUICE_CONTROL_MONGO_CIRCLE_INTERNAL_H

#include "control/mongo_circle.h"
#include "control/mongo_link.h"

enum circle_link { CIRCLE_LOOK, CIRCLE_ACT, CIRCLE_ANONYMOUS, CIRCLE_LINKS };

#define CIRCLE_KNOWN_MAX (2 * MONGO_MEMBERS_MAX) // members that come and go

struct known {
    char host[MONGO_HOST_MAX];
    struct mongo_link *links[CIRCLE_LINKS]; // NULL: not needed yet
    bool old_hello;                         // knows isMaster only (before 4.4.2)
    int wire;
};

struct mongo_circle {
    char *uri;                   // wiped
    char name[128];              // that the URI gives, "" for none
    char leader[MONGO_HOST_MAX]; // the last primary that was seen, "" for none
    const atomic_bool *stop;     // NULL: nobody stops it
    unsigned count;
    struct known known[CIRCLE_KNOWN_MAX];
};

// NULL: too many.
struct known *circle_learn(struct mongo_circle *c, const char *host);
// `reply` must be destroyed in any case.
enum mongo_answer circle_run(struct mongo_circle *c, const char *host, enum circle_link which,
                             const char *database, const bson_t *command, bson_t *reply,
                             struct sl_error *err);
// The same, for a command whose answer is all that matters. Destroys `command`.
enum mongo_answer circle_do(struct mongo_circle *c, const char *host, enum circle_link which,
                            const char *database, bson_t *command, struct sl_error *err);

#endif
