// The killer without servers: every job is answered exactly once, whatever happens to it.
#include "control/killer.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control_help.h"

static struct loop *main_loop;
static struct killer_service *killer;
static unsigned wanted, answered;
static unsigned answers[8]; // by tag

struct answer {
    struct mail mail;
    unsigned tag;
};

static void on_answer(struct mail *m, void *owner)
{
    (void)owner;
    answers[((struct answer *)m)->tag]++;
    mem_free(m);
    if (++answered == wanted)
        help_stop(main_loop);
}

static void ask(const char *backend, unsigned tag)
{
    struct answer *a = mem_zalloc(sizeof *a);
    a->mail.deliver = on_answer;
    a->tag = tag;
    wanted++;
    killer_kill(killer, backend, 7, false, main_loop, &a->mail);
}

static void set_up(void)
{
    struct sl_error err = {0};
    main_loop = help_loop();
    cr_assert_eq(killer_new(&killer, &err), SL_OK, "%s", err.text);
}

static void tear_down(void)
{
    killer_free(killer);
    cr_expect_eq(answered, wanted);
    loop_free(main_loop);
}

TestSuite(killer, .init = set_up, .fini = tear_down);

Test(killer, jobs_that_cannot_be_done_are_answered)
{
    struct control_target targets[] = {help_target("dead", help_dead_port()),
                                       help_target("mute", help_dead_port())};
    targets[1].user[0] = '\0';
    killer_set_targets(killer, targets, 2);
    ask("dead", 0);
    ask("mute", 1);
    ask("mute", 1);
    ask("nobody", 2);
    ask("", 3);
    killer_kill(killer, "dead", 9, true, NULL, NULL); // nobody wants to know
    help_run(main_loop, "five answers");
    cr_expect(answers[0] == 1 && answers[1] == 2 && answers[2] == 1 && answers[3] == 1);
}

Test(killer, one_that_hangs_does_not_delay_the_others)
{
    const struct control_target targets[] = {help_target("hangs", help_silent_port()),
                                             help_target("dead", help_dead_port())};
    killer_set_targets(killer, targets, 2);
    for (unsigned i = 0; i < 100; i++)
        ask("hangs", 0);
    ask("dead", 1);
    int64_t start = clock_now_ns();
    help_run(main_loop, "all answers");
    cr_expect_eq(answers[0], 100);
    cr_expect_eq(answers[1], 1);
    // One time-out of a second for all hundred, not a hundred.
    cr_expect_lt(clock_now_ns() - start, 10 * NS_PER_S);
}

Test(killer, the_queue_is_bounded)
{
    const struct control_target target = help_target("hangs", help_silent_port());
    killer_set_targets(killer, &target, 1);
    for (unsigned i = 0; i < 5000; i++)
        ask("hangs", 0);
    help_run(main_loop, "5000 answers");
    cr_expect_eq(answers[0], 5000);
}

Test(killer, a_backend_that_leaves_takes_its_jobs_along)
{
    const struct control_target hangs = help_target("hangs", help_silent_port());
    const struct control_target other = help_target("other", help_dead_port());
    killer_set_targets(killer, &hangs, 1);
    for (unsigned i = 0; i < 10; i++)
        ask("hangs", 0);
    killer_set_targets(killer, &other, 1); // the free lane is used again
    ask("hangs", 1);
    ask("other", 2);
    help_run(main_loop, "twelve answers");
    cr_expect(answers[0] == 10 && answers[1] == 1 && answers[2] == 1);
}

Test(killer, the_end_answers_what_is_owed)
{
    const struct control_target target = help_target("hangs", help_silent_port());
    killer_set_targets(killer, &target, 1);
    for (unsigned i = 0; i < 50; i++)
        ask("hangs", 0);
    killer_free(killer);
    killer = NULL;
    help_run(main_loop, "fifty answers");
    cr_expect_eq(answers[0], 50);
}
