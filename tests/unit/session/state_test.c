// The session states: names, and the moves of the picture in state.h.
#include <criterion/criterion.h>

#include "session/state.h"

Test(state, names_are_unique_and_found_again)
{
    for (int i = 0; i < SESSION_STATE_COUNT; i++)
        cr_assert_eq(session_state_by_name(session_state_name((enum session_state)i)), i);
    cr_assert_eq(session_state_by_name("no such state"), -1);
}

Test(state, every_state_but_the_last_may_end)
{
    for (int i = 0; i < SESSION_CLOSING; i++)
        cr_assert(session_state_may_follow((enum session_state)i, SESSION_CLOSING));
    for (int i = 0; i < SESSION_STATE_COUNT; i++)
        cr_assert(!session_state_may_follow(SESSION_CLOSING, (enum session_state)i));
}

Test(state, a_busy_session_is_never_held)
{
    cr_assert(!session_state_may_follow(SESSION_BUSY, SESSION_HELD));
    cr_assert(session_state_may_follow(SESSION_BUSY, SESSION_IDLE));
    cr_assert(session_state_may_follow(SESSION_IDLE, SESSION_HELD));
}

// Before its login has passed (login_park); after it, never again.
Test(state, a_client_that_is_logged_in_never_waits_for_another_login)
{
    cr_assert(session_state_may_follow(SESSION_CONNECTING, SESSION_WAITING));
    cr_assert(session_state_may_follow(SESSION_LOGIN, SESSION_WAITING));
    cr_assert(!session_state_may_follow(SESSION_IDLE, SESSION_WAITING));
}
