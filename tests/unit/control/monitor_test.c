// The monitor without servers: reports come, in order, and one backend that hangs hides no other.
#include "control/monitor.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "control_help.h"

static struct loop *main_loop;
static struct monitor *monitor;
static struct backend_view views[MONITOR_BACKENDS_MAX];
static unsigned view_count, reports;
static bool (*enough)(void); // of the last report

static void seen(void *arg, const struct backend_view *v, unsigned count)
{
    cr_expect_eq(arg, &reports);
    memcpy(views, v, count * sizeof views[0]);
    view_count = count;
    reports++;
    if (enough())
        help_stop(main_loop);
}

static void set_up(void)
{
    struct sl_error err = {0};
    main_loop = help_loop();
    cr_assert_eq(monitor_new(main_loop, seen, &reports, &monitor, &err), SL_OK, "%s", err.text);
}

static void tear_down(void)
{
    monitor_free(monitor);
    loop_free(main_loop);
}

TestSuite(monitor, .init = set_up, .fini = tear_down);

static bool first_looked(void)
{
    return view_count > 0 && views[0].looked;
}

static bool all_three_looked(void)
{
    return view_count == 3 && views[0].looked && views[1].looked && views[2].looked;
}

static bool dead_one_alone(void)
{
    return view_count == 1 && strcmp(views[0].name, "dead") == 0 && views[0].looked;
}

Test(monitor, unreachable_ones_say_why)
{
    struct control_target targets[] = {help_target("dead", help_dead_port()),
                                       help_target("hangs", help_silent_port()),
                                       help_target("mute", help_dead_port())};
    targets[2].user[0] = '\0';
    enough = all_three_looked;
    monitor_set_targets(monitor, targets, 3);
    help_run(main_loop, "a look at all three");
    static const char *const names[] = {"dead", "hangs", "mute"};
    static const char *const problems[] = {"not reachable", "no answer", "no control account"};
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_str_eq(views[i].name, names[i]);
        cr_expect_not(views[i].reachable);
        cr_expect_not_null(strstr(views[i].problem, problems[i]), "%s", views[i].problem);
        cr_expect_str_eq(views[i].role, "unknown");
        cr_expect_lt(views[i].lag_seconds, 0);
        cr_expect_gt(views[i].since_wall_us, 0);
    }
}

Test(monitor, one_that_hangs_hides_no_other)
{
    struct control_target targets[] = {help_target("dead", help_dead_port()),
                                       help_target("hangs", help_silent_port())};
    targets[1].timeout_ms = 5000;
    enough = first_looked;
    monitor_set_targets(monitor, targets, 2);
    help_run(main_loop, "a report");
    cr_expect(views[0].looked && !views[1].looked);
    cr_expect_eq(view_count, 2);
}

Test(monitor, since_counts_from_the_change)
{
    const struct control_target target = help_target("dead", help_dead_port());
    enough = first_looked;
    monitor_set_targets(monitor, &target, 1);
    help_run(main_loop, "the first report");
    struct backend_view first = views[0];
    help_run(main_loop, "the second report");
    cr_expect_eq(views[0].since_wall_us, first.since_wall_us);
    cr_expect_gt(views[0].looked_wall_us, first.looked_wall_us);
}

Test(monitor, targets_are_replaced)
{
    struct control_target targets[] = {help_target("hangs", help_silent_port()),
                                       help_target("dead", help_dead_port())};
    monitor_set_targets(monitor, targets, 2);
    enough = dead_one_alone;
    monitor_set_targets(monitor, &targets[1], 1);
    help_run(main_loop, "a look at the one that is left");
}

Test(monitor, without_targets)
{
    enough = first_looked;
    monitor_set_targets(monitor, NULL, 0);
}
