// Names and holdings without servers: everybody who asks is answered once.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "control/holdings.h"
#include "control/names.h"
#include "control_help.h"

static struct loop *main_loop;
static struct names_service *names;
static struct holdings_service *holdings;
static unsigned wanted, answered;
static enum sl_code last_code;
static char last_problem[SL_ERROR_TEXT_MAX];

static void note(enum sl_code code, const char *problem)
{
    last_code = code;
    snprintf(last_problem, sizeof last_problem, "%s", problem);
    if (++answered == wanted)
        help_stop(main_loop);
}

static void on_names(struct mail *m, void *owner)
{
    (void)owner;
    struct names_answer *a = (struct names_answer *)m;
    cr_expect(a->count == 0 && a->names == NULL);
    note(a->code, a->problem);
    names_answer_release(a);
    mem_free(a);
}

static void on_holdings(struct mail *m, void *owner)
{
    (void)owner;
    struct holdings_answer *a = (struct holdings_answer *)m;
    cr_expect_null(holdings_find(a, 7));
    note(a->code, a->problem);
    holdings_answer_release(a);
    mem_free(a);
}

static void ask_names(const char *backend)
{
    struct names_answer *a = mem_zalloc(sizeof *a);
    a->mail.deliver = on_names;
    wanted++;
    names_ask(names, backend, 7, main_loop, a);
}

static void ask_holdings(const char *backend)
{
    struct holdings_answer *a = mem_zalloc(sizeof *a);
    a->mail.deliver = on_holdings;
    wanted++;
    holdings_ask(holdings, backend, main_loop, a);
}

static void set_up(void)
{
    struct sl_error err = {0};
    main_loop = help_loop();
    cr_assert_eq(names_new(&names, &err), SL_OK);
    cr_assert_eq(holdings_new(&holdings, &err), SL_OK);
}

static void tear_down(void)
{
    names_free(names);
    holdings_free(holdings);
    cr_expect_eq(answered, wanted);
    loop_free(main_loop);
}

TestSuite(ask, .init = set_up, .fini = tear_down);

Test(ask, a_backend_that_does_not_answer)
{
    struct control_target target = help_target("dead", help_dead_port());
    names_set_targets(names, &target, 1);
    holdings_set_targets(holdings, &target, 1);
    ask_names("dead");
    help_run(main_loop, "the names");
    cr_expect_eq(last_code, SL_EIO);
    cr_expect_not_null(strstr(last_problem, "not reachable"), "%s", last_problem);
    ask_holdings("dead");
    help_run(main_loop, "the holdings");
    cr_expect_eq(last_code, SL_EIO);
    ask_holdings("nobody");
    help_run(main_loop, "an answer");
    cr_expect_eq(last_code, SL_ENOTFOUND);
}

Test(ask, many_that_wait_are_answered_together)
{
    struct control_target target = help_target("hangs", help_silent_port());
    names_set_targets(names, &target, 1);
    holdings_set_targets(holdings, &target, 1);
    for (unsigned i = 0; i < 5000; i++)
        ask_names("hangs");
    for (unsigned i = 0; i < 100; i++)
        ask_holdings("hangs");
    help_run(main_loop, "all answers");
    cr_expect_eq(last_code, SL_ETIMEOUT);
}

Test(ask, the_end_answers_what_is_owed)
{
    struct control_target target = help_target("hangs", help_silent_port());
    names_set_targets(names, &target, 1);
    for (unsigned i = 0; i < 300; i++)
        ask_names("hangs");
    names_free(names);
    names = NULL;
    help_run(main_loop, "all answers");
}

Test(ask, holdings_are_found_by_thread)
{
    struct holding rows[] = {{3, 15, 1}, {7, 3, 0}, {4000000000, 1, 1}};
    const struct holdings_answer a = {.count = 3, .threads = rows};
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(holdings_find(&a, rows[i].thread_id), &rows[i]);
    cr_expect_null(holdings_find(&a, 4));
    cr_expect_null(holdings_find(&a, 0));
}
