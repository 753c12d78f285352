// A hand on servers that do not answer. (On real ones: tests/func, by tests/probe.)
#include "control/hand.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "control_help.h"

struct note {
    struct errand errand;
    bool *freed;
};

static enum sl_code never(struct errand *e, struct sql *sql, struct sl_error *err)
{
    (void)e;
    (void)sql;
    return sl_fail(err, SL_EINVAL, "there is no server to run on");
}

static void note_free(struct errand *e)
{
    struct note *n = (struct note *)(void *)e;
    if (n->freed != NULL)
        *n->freed = true;
    mem_free(n);
}

static struct errand *note_new(bool *freed)
{
    struct note *n = mem_zalloc(sizeof *n);
    n->errand = (struct errand){.run = never, .free = note_free};
    n->freed = freed;
    return &n->errand;
}

static void end(struct hand *h)
{
    hand_free(h);
    hand_wait_for_left(clock_now_ns() + DEADLINE_NS);
}

static struct patience for_ms(int64_t ms, const atomic_bool *stop)
{
    return (struct patience){.until_ns = clock_now_ns() + ms * NS_PER_MS, .stop = stop};
}

Test(hand, a_server_that_is_not_there_gives_the_errand_back)
{
    struct control_target target = help_target("dead", help_dead_port());
    struct hand *h = hand_new(&target);
    struct patience p = for_ms(10000, NULL);
    struct sl_error err = {0};
    bool freed = false;
    struct errand *e = note_new(&freed);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(hand_do(h, &e, &p, &err), SL_EIO, "%s", err.text);
        cr_assert_not_null(e);
    }
    cr_expect(!freed);
    e->free(e);
    cr_expect(freed);
    cr_expect_eq(hand_settle(h, &p, &err), SL_OK, "nothing was ever sent");
    end(h);
}

Test(hand, one_that_is_silent_is_waited_for_no_longer_than_told)
{
    struct control_target target = help_target("mute", help_silent_port());
    struct hand *h = hand_new(&target);
    struct patience p = for_ms(50, NULL);
    struct sl_error err = {0};
    struct errand *e = note_new(NULL);
    int64_t began = clock_now_ns();
    cr_expect_eq(hand_do(h, &e, &p, &err), SL_ETIMEOUT);
    int64_t took = clock_now_ns() - began;
    cr_expect_null(e, "it was left behind");
    cr_expect(took >= 50 * NS_PER_MS, "took %lld ns", (long long)took);
    cr_expect(strstr(err.text, "mute does not answer") != NULL, "%s", err.text);
    // It never had a connection, so nothing can be under way.
    cr_expect_eq(hand_settle(h, &p, &err), SL_OK);
    end(h);
}

Test(hand, told_to_stop)
{
    struct control_target target = help_target("mute", help_silent_port());
    struct hand *h = hand_new(&target);
    atomic_bool stop = true;
    struct patience p = for_ms(60000, &stop);
    struct sl_error err = {0};
    struct errand *e = note_new(NULL);
    cr_expect_eq(hand_do(h, &e, &p, &err), SL_ECLOSED);
    cr_expect_null(e);
    end(h);
}
