// Names and legal moves of the session states (picture in state.h).
#include "session/state.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *waits_for;
} INFO[] = {
#define X(name, text, waits) [SESSION_##name] = {text, waits},
    SESSION_STATES(X)
#undef X
};

#define TO(name) (1u << SESSION_##name)

// Every state may end (CLOSING).
static const unsigned NEXT[SESSION_STATE_COUNT] = {
    [SESSION_WAITING] = TO(CONNECTING) | TO(CLOSING),
    [SESSION_CONNECTING] = TO(WAITING) | TO(LOGIN) | TO(CLOSING),
    [SESSION_LOGIN] = TO(IDLE) | TO(WAITING) | TO(CLOSING),
    [SESSION_IDLE] = TO(BUSY) | TO(HELD) | TO(SLOWED) | TO(MOVING) | TO(CLOSING),
    [SESSION_BUSY] = TO(IDLE) | TO(ROLLBACK) | TO(CLOSING),
    [SESSION_HELD] = TO(IDLE) | TO(MOVING) | TO(CLOSING),
    [SESSION_SLOWED] = TO(IDLE) | TO(CLOSING),
    [SESSION_MOVING] = TO(IDLE) | TO(HELD) | TO(CLOSING),
    [SESSION_ROLLBACK] = TO(IDLE) | TO(CLOSING),
    [SESSION_CLOSING] = 0,
};

const char *session_state_name(enum session_state s)
{
    return INFO[s].name;
}

const char *session_state_waits_for(enum session_state s)
{
    return INFO[s].waits_for;
}

int session_state_by_name(const char *name)
{
    for (int i = 0; i < SESSION_STATE_COUNT; i++)
        if (strcmp(INFO[i].name, name) == 0)
            return i;
    return -1;
}

bool session_state_may_follow(enum session_state from, enum session_state to)
{
    return (NEXT[from] & (1u << to)) != 0;
}
