// Looking at one session from inside its worker's thread, for rows, filters and drain rules.
// Internal to session/ and drain/.
#ifndef SLUICE_SESSION_SELECT_H
#define SLUICE_SESSION_SELECT_H

#include <arpa/inet.h>
#include <stdbool.h>

#include "base/cidr.h"
#include "session/fleet.h"

struct selection_part {
    struct session_row *rows; // heap
    unsigned count, size;
    unsigned total; // matched, whether kept in rows or not
};

// A round over all sessions that match.
struct selection {
    struct round round;
    struct session_filter filter; // its ids are in `ids`
    uint64_t *ids;                // sorted copy
    struct cidr network;
    bool has_network;
    bool nothing; // the filter cannot match
    bool kill;
    char why[128];
    unsigned limit;
    struct selection_part *parts; // one a worker
    unsigned part_count;
    void (*done_rows)(void *arg, const struct session_row *rows, unsigned count, unsigned total);
    void (*done_kill)(void *arg, unsigned killed);
    void *arg;
};

void select_row(const struct session *s, struct session_row *row);
bool select_peer(const struct session *s, struct sockaddr_storage *out);
bool select_host_matches(const struct session *s, const struct cidr *networks, size_t count);

#endif
