// The reader of accounts without servers: it says why it knows nothing, and comes to an end.
#include "control/accounts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control_help.h"

static struct loop *main_loop;
static struct accounts *accounts;
static char problem[SL_ERROR_TEXT_MAX], backend[33];
static unsigned readings, wanted;

static void seen(void *arg, const struct accounts_view *v)
{
    cr_expect_eq(arg, &readings);
    cr_expect_not(v->read);
    cr_expect_eq(v->count, 0);
    snprintf(problem, sizeof problem, "%s", v->problem);
    snprintf(backend, sizeof backend, "%s", v->backend);
    if (++readings == wanted)
        help_stop(main_loop);
}

static void set_up(void)
{
    main_loop = help_loop();
    accounts = accounts_new(main_loop, seen, &readings);
}

static void tear_down(void)
{
    accounts_free(accounts);
    loop_free(main_loop);
}

TestSuite(accounts, .init = set_up, .fini = tear_down);

Test(accounts, reads_at_once_and_when_asked)
{
    struct control_target target = help_target("dead", help_dead_port());
    wanted = 1;
    accounts_set_target(accounts, &target);
    help_run(main_loop, "the first reading");
    cr_expect_not_null(strstr(problem, "not reachable"), "%s", problem);
    wanted = 3;
    accounts_refresh(accounts);
    accounts_refresh(accounts); // one more, after that
    accounts_refresh(accounts);
    accounts_set_target(accounts, &target); // the same: nothing to do
    help_run(main_loop, "two more");
    cr_expect_eq(readings, 3);
}

Test(accounts, without_a_control_account)
{
    struct control_target target = help_target("mute", help_dead_port());
    target.user[0] = '\0';
    wanted = 1;
    accounts_set_target(accounts, &target);
    help_run(main_loop, "a reading");
    cr_expect_not_null(strstr(problem, "no control account"), "%s", problem);
}

Test(accounts, what_was_read_of_another_target_is_dropped)
{
    struct control_target hangs = help_target("hangs", help_silent_port());
    struct control_target dead = help_target("dead", help_dead_port());
    wanted = 1;
    accounts_set_target(accounts, &hangs);
    accounts_set_target(accounts, &dead);
    help_run(main_loop, "a reading");
    cr_expect_str_eq(backend, "dead");
}

Test(accounts, the_first_reading_is_waited_for_but_not_for_ever)
{
    struct control_target dead = help_target("dead", help_dead_port());
    struct control_target hangs = help_target("hangs", help_silent_port());
    int64_t start = clock_now_ns();
    accounts_wait(accounts, 60 * NS_PER_S); // nothing is under way
    accounts_set_target(accounts, &dead);
    accounts_wait(accounts, 60 * NS_PER_S);
    cr_expect_eq(readings, 0, "seen is called by the loop only");
    wanted = 1;
    help_run(main_loop, "the reading");
    accounts_set_target(accounts, &hangs);
    accounts_wait(accounts, 50 * NS_PER_MS);
    cr_expect_lt(clock_now_ns() - start, 10 * NS_PER_S);
}

Test(accounts, ends_while_it_reads)
{
    struct control_target hangs = help_target("hangs", help_silent_port());
    accounts_refresh(accounts); // without a target: nothing
    accounts_set_target(accounts, &hangs);
}
