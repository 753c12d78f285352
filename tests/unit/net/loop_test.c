// Mail, deferred functions, timers, signals and the turn's clock.
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net_help.h"

#define SENDERS 2
#define LETTERS 20000

struct letter {
    struct mail mail;
    int sender, number;
};

struct reader_state {
    int next[SENDERS];
    int total, wrong;
};

static void deliver(struct mail *m, void *owner)
{
    struct letter *l = (struct letter *)m;
    struct reader_state *s = owner;
    s->wrong += l->number != s->next[l->sender]++;
    s->total++;
    mem_free(l);
}

struct sender {
    struct loop *to;
    int id;
};

static void *send_letters(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < LETTERS; i++) {
        struct letter *l = mem_zalloc(sizeof *l);
        l->mail.deliver = deliver;
        l->sender = s->id;
        l->number = i;
        loop_post(s->to, &l->mail);
    }
    return NULL;
}

Test(loop, mail_of_each_sender_arrives_in_order_and_before_the_stop)
{
    struct reader_state state = {0};
    struct sl_error err;
    struct loop *l = NULL;
    cr_assert_eq(loop_new("reader", &state, &l, &err), SL_OK);
    cr_assert_eq(loop_start(l, &err), SL_OK);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.to = l, .id = i};
        cr_assert_eq(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    loop_stop(l);
    loop_join(l);
    cr_expect_eq(state.total, SENDERS * LETTERS);
    cr_expect_eq(state.wrong, 0);
    loop_free(l);
}

Test(loop, a_stop_before_the_run_is_not_lost_and_late_mail_is_freed)
{
    struct reader_state state = {0};
    struct sl_error err;
    struct loop *l = NULL;
    cr_assert_eq(loop_new("reader", &state, &l, &err), SL_OK);
    loop_stop(l);
    loop_run(l);
    struct sender s = {.to = l, .id = 0};
    send_letters(&s);
    loop_join(l);
    cr_expect_eq(state.total, 0);
    loop_free(l);
}

struct chain {
    struct loop *loop;
    int runs;
};

static void defer_again(void *arg)
{
    struct chain *c = arg;
    if (++c->runs < 100)
        loop_defer(c->loop, defer_again, c);
}

static bool ran_all(void *arg)
{
    return ((struct chain *)arg)->runs == 100;
}

Test(loop, a_deferred_function_may_defer)
{
    struct loop *l = make_loop();
    struct chain c = {.loop = l};
    loop_defer(l, defer_again, &c);
    pump(l, ran_all, &c, "a hundred deferred functions");
    loop_defer(l, defer_again, &c);
    loop_free(l);
    cr_expect_eq(c.runs, 101, "what is left runs when the loop is freed");
}

struct alarm {
    struct loop *loop;
    struct timer *timer;
    int64_t due, fired;
    int count;
    bool early;
};

static void on_alarm(void *arg)
{
    struct alarm *a = arg;
    a->count++;
    a->fired = clock_now_ns();
    a->early = a->early || a->fired < a->due;
    if (a->count < 20) {
        a->due = clock_now_ns() + 3 * NS_PER_MS;
        timer_set(a->timer, 3 * NS_PER_MS);
    }
}

static bool rang_all(void *arg)
{
    return ((struct alarm *)arg)->count == 20;
}

Test(timer, never_fires_early)
{
    struct loop *l = make_loop();
    struct alarm a = {.loop = l};
    a.timer = timer_new(l, on_alarm, &a);
    a.due = clock_now_ns() + 3 * NS_PER_MS;
    timer_set(a.timer, 3 * NS_PER_MS);
    cr_expect(timer_pending(a.timer));
    pump(l, rang_all, &a, "twenty alarms");
    cr_expect(!a.early);
    cr_expect(!timer_pending(a.timer));
    timer_free(a.timer);
    loop_free(l);
}

Test(timer, a_cancelled_or_moved_one_does_not_fire)
{
    struct loop *l = make_loop();
    struct alarm a = {.loop = l, .count = 100}, b = {.loop = l, .count = 100};
    a.timer = timer_new(l, on_alarm, &a);
    b.timer = timer_new(l, on_alarm, &b);
    timer_set(a.timer, NS_PER_MS);
    timer_cancel(a.timer);
    timer_set(b.timer, NS_PER_MS);
    timer_set(b.timer, INT64_MAX);
    cr_expect(!timer_pending(a.timer));
    pump_ms(l, 30);
    cr_expect_eq(a.count, 100);
    cr_expect_eq(b.count, 100);
    timer_free(a.timer);
    timer_free(b.timer);
    loop_free(l);
}

static void on_alarm_free(void *arg)
{
    struct alarm *a = arg;
    a->count++;
    timer_free(a->timer);
}

static bool rang_once(void *arg)
{
    return ((struct alarm *)arg)->count == 1;
}

Test(timer, may_be_freed_by_its_own_function)
{
    struct loop *l = make_loop();
    struct alarm a = {.loop = l};
    a.timer = timer_new(l, on_alarm_free, &a);
    timer_set(a.timer, 0);
    pump(l, rang_once, &a, "the alarm");
    loop_free(l);
}

static void dawdle(void *arg)
{
    struct alarm *a = arg;
    a->due = loop_now_ns(a->loop);
    int64_t until = clock_now_ns() + 20 * NS_PER_MS;
    while (clock_now_ns() < until)
        ;
    a->fired = loop_now_ns(a->loop);
    a->count++;
}

Test(loop, a_long_turn_is_measured_and_its_clock_stands_still)
{
    struct loop *l = make_loop();
    struct alarm a = {.loop = l};
    a.timer = timer_new(l, dawdle, &a);
    timer_set(a.timer, 0);
    pump(l, rang_once, &a, "the slow function");
    cr_expect_eq(a.due, a.fired);
    cr_expect_geq(loop_worst_turn_ns(l), 20 * NS_PER_MS);
    cr_expect_eq(loop_worst_turn_ns(l), 0, "asking starts anew");
    timer_free(a.timer);
    loop_free(l);
}

static void on_usr1(void *arg, int signo)
{
    *(bool *)arg = signo == SIGUSR1;
}

Test(loop, hears_signals)
{
    struct loop *l = make_loop();
    bool heard = false;
    cr_assert_eq(loop_on_signal(l, SIGUSR1, on_usr1, &heard), SL_OK);
    kill(getpid(), SIGUSR1);
    pump(l, is_true, &heard, "SIGUSR1");
    loop_free(l);
}
