// A MongoDB replica set as it was found, and what follows from it: pure, without BSON and sockets.
// What is read from servers goes in (mongo_read.h), what the steps of a manoeuvre need comes out.
#ifndef SLUICE_CONTROL_MONGO_SET_H
#define SLUICE_CONTROL_MONGO_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define MONGO_MEMBERS_MAX 50 // the server's own limit
#define MONGO_HOST_MAX 260   // with port and NUL
#define MONGO_PRIORITY_MAX 1000.0

// As replSetGetStatus numbers them. X(name, number)
#define MONGO_STATES(X)                                                                            \
    X(STARTUP, 0)                                                                                  \
    X(PRIMARY, 1)                                                                                  \
    X(SECONDARY, 2)                                                                                \
    X(RECOVERING, 3)                                                                               \
    X(STARTUP2, 5)                                                                                 \
    X(UNKNOWN, 6)                                                                                  \
    X(ARBITER, 7)                                                                                  \
    X(DOWN, 8)                                                                                     \
    X(ROLLBACK, 9)                                                                                 \
    X(REMOVED, 10)

enum mongo_state {
#define X(name, number) MONGO_##name = number,
    MONGO_STATES(X)
#undef X
};
const char *mongo_state_name(int state); // "?" for a number that is none of these

struct mongo_optime {
    uint32_t seconds, count; // count: operations within the second; 0, 0: unknown
    int64_t term;            // -1: none
};

struct mongo_member {
    // From the configuration.
    int id;
    char host[MONGO_HOST_MAX];
    double priority;
    int votes;
    bool hidden, arbiter;
    int64_t delay_s; // slaveDelay, secondaryDelaySecs
    // From replSetGetStatus of the member that was asked (the primary, if there is one).
    bool seen; // it speaks of this member
    bool healthy;
    int state; // enum mongo_state, or what the server said
    int64_t uptime_s;
    struct mongo_optime optime;
    int64_t config_version;
    char source[MONGO_HOST_MAX]; // it copies from
    char message[200];           // of the last heartbeat
    // From the member itself.
    bool reached;
    int64_t ping_ns;
    char version[32];       // "" when not known
    int version_parts[2];   // 4, 0
    int64_t storage_bytes;  // -1: not known
    int64_t lag_operations; // -1: not known
    bool more_operations;   // ... at least so many
    char problem[200];      // why it was not reached, or does not let us in; "" for none
};

struct mongo_set {
    char name[128];
    char asked[MONGO_HOST_MAX];   // the member that the status is from
    char primary[MONGO_HOST_MAX]; // "" when there is none
    int64_t version, term;        // of the configuration; term -1: before 4.4
    int64_t protocol;
    bool uncommitted; // a configuration that a majority does not have yet (4.4 and later)
    unsigned count;
    struct mongo_member members[MONGO_MEMBERS_MAX];
};

// One change of a set's configuration.
enum mongo_edit_kind {
    MONGO_SET_MEMBER,
    MONGO_ADD_MEMBER, // priority 0, votes 0 unless said otherwise
    MONGO_DROP_MEMBER,
};

#define MONGO_KEEP (-1) // priority or votes: as they are

struct mongo_edit {
    enum mongo_edit_kind kind;
    char host[MONGO_HOST_MAX];
    double priority; // MONGO_KEEP
    int votes;       // MONGO_KEEP
};

// hello or isMaster, of one server.
struct mongo_hello {
    bool primary, secondary;
    bool awaits_set; // started for a set, and not a member of any
    char set[128];   // "": not a member of a set
    char me[MONGO_HOST_MAX], leader[MONGO_HOST_MAX];
    char hosts[MONGO_MEMBERS_MAX][MONGO_HOST_MAX]; // hosts, passives and arbiters
    unsigned host_count;
    int wire; // maxWireVersion
};

// How far an initial sync is, as the member itself says.
struct mongo_progress {
    bool known;
    int64_t copied, total; // bytes, or databases where it does not tell bytes; total 0: not known
    bool in_bytes;
    int64_t remaining_ms; // as it estimates, -1: does not
};

// -1: no such member. Names are compared without case.
int mongo_find(const struct mongo_set *s, const char *host);
int mongo_primary(const struct mongo_set *s); // index, or -1
unsigned mongo_voters(const struct mongo_set *s);
// Of so many voters.
unsigned mongo_majority(unsigned voters);
// Voters that take part: healthy, and neither starting nor removed.
unsigned mongo_healthy_voters(const struct mongo_set *s);
bool mongo_takes_part(const struct mongo_member *m);
// Seconds behind the primary, or without one behind the most advanced member; -1: not known.
int64_t mongo_lag_s(const struct mongo_set *s, unsigned member);
// A member that is healthy has another configuration than the one that was read.
bool mongo_config_spreads(const struct mongo_set *s);

// Why this member cannot be made primary, NULL when it can. Lag is not looked at.
const char *mongo_unfit(const struct mongo_set *s, unsigned member);
// The one that would be the best new primary: highest priority, then least lag, then nearest. -1:
// none. `why` says it in a line.
int mongo_healthiest(const struct mongo_set *s, int64_t max_lag_s, char *why, unsigned long size);
// The priority that makes a member win while the others keep theirs.
double mongo_winning_priority(const struct mongo_set *s, unsigned member);
// The priority that it needs to stay primary afterwards: its own, or that of the highest other one.
double mongo_staying_priority(const struct mongo_set *s, unsigned member);

// What is done already: a change of which nothing is left to do.
bool mongo_edit_done(const struct mongo_set *s, const struct mongo_edit *e);

// SL_OK, or SL_ECONFLICT with the reason why the set would not survive the change well: without
// `member`, or with one voter more.
SL_CHECKED enum sl_code mongo_may_remove(const struct mongo_set *s, unsigned member,
                                         struct sl_error *err);
SL_CHECKED enum sl_code mongo_may_add(const struct mongo_set *s, struct sl_error *err);
// With one voter more the set has a majority only as long as that one is healthy.
bool mongo_depends_on_new(const struct mongo_set *s);

// "host", "host:port", "[::1]:port" with letters that a configuration and JSON take as they are;
// adds the standard port. SL_EINVAL.
SL_CHECKED enum sl_code mongo_host_normalize(const char *text, char out[MONGO_HOST_MAX],
                                             struct sl_error *err);

#endif
