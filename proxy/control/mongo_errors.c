// The codes: from the server's error_codes.yml and from recordings of a real one.
#include "control/mongo_errors.h"

#include <stddef.h>

// Between network trouble of the server's own and of ours there is no difference that matters.
// X(code, name, answer)
#define CODES(X)                                                                                   \
    X(6, HostUnreachable, LOST)                                                                    \
    X(7, HostNotFound, LOST)                                                                       \
    X(11, UserNotFound, LACKS)                                                                     \
    X(13, Unauthorized, LACKS)                                                                     \
    X(18, AuthenticationFailed, LACKS)                                                             \
    X(50, MaxTimeMSExpired, LATE)                                                                  \
    X(64, WriteConcernFailed, LATE)                                                                \
    X(74, NodeNotFound, REFUSED)                                                                   \
    X(76, NoReplicationEnabled, APART)                                                             \
    X(89, NetworkTimeout, LOST)                                                                    \
    X(91, ShutdownInProgress, MOVED)                                                               \
    X(93, InvalidReplicaSetConfig, APART)                                                          \
    X(94, NotYetInitialized, APART)                                                                \
    X(95, NotSecondary, REFUSED)                                                                   \
    X(100, UnsatisfiableWriteConcern, LATE)                                                        \
    X(103, NewReplicaSetConfigurationIncompatible, REFUSED)                                        \
    X(109, ConfigurationInProgress, BUSY)                                                          \
    X(125, CommandFailed, REFUSED)                                                                 \
    X(189, PrimarySteppedDown, MOVED)                                                              \
    X(262, ExceededTimeLimit, LATE)                                                                \
    X(308, CurrentConfigNotCommittedYet, BUSY)                                                     \
    X(9001, SocketException, LOST)                                                                 \
    X(10058, NotPrimaryOld, MOVED)                                                                 \
    X(10107, NotWritablePrimary, MOVED)                                                            \
    X(11600, InterruptedAtShutdown, MOVED)                                                         \
    X(11602, InterruptedDueToReplStateChange, MOVED)                                               \
    X(13435, NotPrimaryNoSecondaryOk, MOVED)                                                       \
    X(13436, NotPrimaryOrSecondary, MOVED)

static const struct row {
    int code;
    const char *name;
    enum mongo_answer answer;
} ROWS[] = {
#define X(code, name, answer) {code, #name, MONGO_##answer},
    CODES(X)
#undef X
};

static const struct row *find(int code)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (ROWS[i].code == code)
            return &ROWS[i];
    return NULL;
}

const char *mongo_answer_name(enum mongo_answer a)
{
    static const char *const names[] = {
        [MONGO_FINE] = "fine",   [MONGO_MOVED] = "moved",     [MONGO_BUSY] = "busy",
        [MONGO_LATE] = "late",   [MONGO_LOST] = "lost",       [MONGO_LACKS] = "lacks",
        [MONGO_APART] = "apart", [MONGO_REFUSED] = "refused",
    };
    return names[a];
}

enum mongo_answer mongo_answer_of(int code)
{
    const struct row *row = find(code);
    return row != NULL ? row->answer : MONGO_REFUSED;
}

const char *mongo_code_name(int code)
{
    const struct row *row = find(code);
    return row != NULL ? row->name : "";
}
