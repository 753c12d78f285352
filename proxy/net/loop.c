// One thread, one libevent base, one mailbox.
//
//   any thread: loop_post ──> [mail, mail, …] + eventfd ──> deliver, in the loop's thread
//
//   a turn: poll ─> callbacks (loop_now_ns stands still) ─> deferred functions ─> poll …
//
// The base has no locks: only the loop's thread touches it, everybody else posts mail.
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/loop_internal.h"

struct deferred {
    void (*fn)(void *arg);
    void *arg;
};

struct watched_signal {
    struct watched_signal *next;
    struct event *event;
    struct loop *loop;
    void (*fn)(void *arg, int signo);
    void *arg;
};

struct loop {
    struct event_base *base;
    void *owner; // borrowed, for deliver
    char name[16];
    pthread_t thread;
    bool started; // `thread` runs and has not been joined

    int64_t now_ns; // 0: this turn has not begun
    _Atomic int64_t worst_ns;
    bool leave;

    struct deferred *deferred;
    size_t deferred_n, deferred_size;
    struct watched_signal *signals;

    int wake_fd;
    struct event wake;
    pthread_mutex_t lock; // of what follows
    struct mail *first, **last;
    bool woken;    // the eventfd is set or is just being read
    bool stopping; // loop_stop was called, and its order has not been read
};

void loop_turn(struct loop *l)
{
    if (l->now_ns == 0)
        l->now_ns = clock_now_ns();
}

int64_t loop_now_ns(const struct loop *l)
{
    return l->now_ns != 0 ? l->now_ns : clock_now_ns();
}

int64_t loop_worst_turn_ns(struct loop *l)
{
    return atomic_exchange(&l->worst_ns, 0);
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

// --- mail ------------------------------------------------------------------------------------

// Takes what has been posted so far; `*stopping` is true when loop_stop came before or with it.
static struct mail *take_mail(struct loop *l, bool *stopping)
{
    pthread_mutex_lock(&l->lock);
    struct mail *batch = l->first;
    l->first = NULL;
    l->last = &l->first;
    l->woken = false;
    *stopping = l->stopping;
    l->stopping = false;
    pthread_mutex_unlock(&l->lock);
    return batch;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    loop_turn(l);
    // Read before the mail is taken: a post after that writes again and is not lost.
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
        LOG_ERROR("loop_wake_failed", LOG_STR("loop", l->name), LOG_INT("errno", errno));
    bool stopping;
    struct mail *m = take_mail(l, &stopping);
    while (m != NULL) {
        struct mail *next = m->next;
        m->next = NULL;
        m->deliver(m, l->owner);
        m = next;
    }
    if (stopping)
        l->leave = true;
}

// Called with the lock held; only the first post after a delivery pays for the system call.
static void wake(struct loop *l)
{
    if (l->woken)
        return;
    l->woken = true;
    const uint64_t one = 1;
    ssize_t n;
    do
        n = write(l->wake_fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
}

void loop_post(struct loop *l, struct mail *m)
{
    m->next = NULL;
    pthread_mutex_lock(&l->lock);
    *l->last = m;
    l->last = &m->next;
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

void loop_stop(struct loop *l)
{
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    wake(l);
    pthread_mutex_unlock(&l->lock);
}

// --- turns -----------------------------------------------------------------------------------

void loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
    if (l->deferred_n == l->deferred_size) {
        l->deferred_size = l->deferred_size > 0 ? 2 * l->deferred_size : 16;
        l->deferred = mem_realloc(l->deferred, l->deferred_size * sizeof *l->deferred);
    }
    l->deferred[l->deferred_n++] = (struct deferred){.fn = fn, .arg = arg};
}

// A deferred function may defer more: the array may move, and what is added runs as well.
static void run_deferred(struct loop *l)
{
    for (size_t i = 0; i < l->deferred_n; i++) {
        struct deferred d = l->deferred[i];
        d.fn(d.arg);
    }
    l->deferred_n = 0;
}

static void end_turn(struct loop *l)
{
    run_deferred(l);
    if (l->now_ns == 0)
        return;
    int64_t spent = clock_now_ns() - l->now_ns;
    l->now_ns = 0;
    // A reader that resets between the two lines loses one turn's measure, which is harmless.
    if (spent > atomic_load_explicit(&l->worst_ns, memory_order_relaxed))
        atomic_store_explicit(&l->worst_ns, spent, memory_order_relaxed);
}

void loop_run(struct loop *l)
{
    end_turn(l);
    while (!l->leave) {
        // ONCE costs no system call more than an endless dispatch, and shows where a turn ends.
        if (event_base_loop(l->base, EVLOOP_ONCE) != 0) {
            LOG_ERROR("loop_failed", LOG_STR("loop", l->name), LOG_INT("errno", errno));
            abort();
        }
        end_turn(l);
    }
    l->leave = false;
}

static void *thread_main(void *arg)
{
    struct loop *l = arg;
    pthread_setname_np(pthread_self(), l->name);
    loop_run(l);
    return NULL;
}

enum sl_code loop_start(struct loop *l, struct sl_error *err)
{
    assert(!l->started);
    // Signals are the main thread's business, and system calls here are not interrupted by them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&l->thread, NULL, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return sl_fail_errno(err, SL_EIO, rc, "cannot start thread %s", l->name);
    l->started = true;
    return SL_OK;
}

void loop_join(struct loop *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    l->started = false;
    bool stopping;
    struct mail *m = take_mail(l, &stopping);
    while (m != NULL) {
        struct mail *next = m->next;
        mem_free(m);
        m = next;
    }
}

// --- life ------------------------------------------------------------------------------------

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    // No EPOLL_USE_CHANGELIST: when a socket goes from edge to level triggered within a turn,
    // libevent 2.1 merges both changes and keeps EPOLLET, so that unread data is never announced.
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

enum sl_code loop_new(const char *name, void *owner, struct loop **out, struct sl_error *err)
{
    struct loop *l = mem_zalloc(sizeof *l);
    l->owner = owner;
    text_copy(l->name, sizeof l->name, name);
    pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->base = new_base();
    if (l->wake_fd < 0 || l->base == NULL) {
        int errnum = errno;
        loop_free(l);
        return sl_fail_errno(err, SL_EIO, errnum, "cannot make event loop %s", name);
    }
    event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    event_add(&l->wake, NULL);
    *out = l;
    return SL_OK;
}

void loop_free(struct loop *l)
{
    if (l == NULL)
        return;
    loop_join(l);
    // Mostly second steps of things that have ended: memory to be freed.
    run_deferred(l);
    mem_free(l->deferred);
    for (struct watched_signal *s = l->signals, *next; s != NULL; s = next) {
        next = s->next;
        event_free(s->event);
        mem_free(s);
    }
    if (l->base != NULL) {
        if (event_initialized(&l->wake))
            event_del(&l->wake);
        event_base_free(l->base);
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

// --- signals ---------------------------------------------------------------------------------

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    (void)what;
    struct watched_signal *s = arg;
    loop_turn(s->loop);
    s->fn(s->arg, (int)signo);
}

enum sl_code loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo), void *arg)
{
    struct watched_signal *s = mem_zalloc(sizeof *s);
    s->loop = l;
    s->fn = fn;
    s->arg = arg;
    s->event = evsignal_new(l->base, signo, on_signal, s);
    if (s->event == NULL || event_add(s->event, NULL) != 0) {
        if (s->event != NULL)
            event_free(s->event);
        mem_free(s);
        return SL_EIO;
    }
    s->next = l->signals;
    l->signals = s;
    return SL_OK;
}
