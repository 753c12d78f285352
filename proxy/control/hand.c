// See hand.h for the picture. Here: a helper is a thread with a connection and room for one errand;
// a hand has one, or none, and lets one go that does not answer. The thread frees it.
#include "control/hand.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"

#define SLICE_NS (10 * NS_PER_MS) // how soon `stop` is seen
#define ER_UNKNOWN_THREAD 1094

struct helper {
    bool left;        // nobody joins its thread
    pthread_t thread; // the hand's, which joins or detaches it
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct control_target target;
    struct sql *sql;       // the thread's
    struct errand *errand; // given, until it is done
    bool done;
    bool let_go;   // nobody waits any more
    uint64_t link; // the connection's number on the server, 0 while there is none
    uint64_t lost; // one that was lost while an errand ran on it, 0: none
    bool kept;     // it was not made for the errand that ran last
    enum sl_code code;
    struct sl_error err;
};

struct hand {
    struct control_target target;
    struct helper *helper; // NULL: none now
    uint64_t unsure;       // the connection that may still be doing something, 0: none
};

#define EVERYBODY UINT64_MAX // unsure of all connections of our account

enum sl_code patience_check(const struct patience *p, struct sl_error *err)
{
    if (p->stop != NULL && atomic_load(p->stop))
        return sl_fail(err, SL_ECLOSED, "told to stop");
    if (clock_now_ns() >= p->until_ns)
        return sl_fail(err, SL_ETIMEOUT, "the deadline has passed");
    return SL_OK;
}

// --- the helper's thread ------------------------------------------------------------------------

static void helper_free(struct helper *w)
{
    if (w->errand != NULL)
        w->errand->free(w->errand);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    explicit_bzero(&w->target, sizeof w->target);
    mem_free(w);
}

// False: nobody waits any more. Whoever let it go knew of no link, so nothing may be done on it now.
static bool note_link(struct helper *w)
{
    pthread_mutex_lock(&w->lock);
    w->link = w->sql != NULL ? sql_thread_id(w->sql) : 0;
    bool wanted = !w->let_go;
    pthread_mutex_unlock(&w->lock);
    return wanted;
}

static void drop_link(struct helper *w)
{
    sql_close(w->sql);
    w->sql = NULL;
    (void)note_link(w);
}

static enum sl_code run(struct helper *w)
{
    enum sl_code code = SL_OK;
    w->kept = w->sql != NULL;
    if (w->sql == NULL) {
        code = sql_open(&w->target, &w->sql, &w->err);
        if (code != SL_OK)
            return code;
        if (!note_link(w))
            return sl_fail(&w->err, SL_ECLOSED, "connected too late");
    }
    code = w->errand->run(w->errand, w->sql, &w->err);
    if (code != SL_OK && sql_lost(w->sql)) {
        w->lost = w->link;
        drop_link(w);
    }
    return code;
}

// With the lock; gives it up meanwhile.
static void do_errand(struct helper *w)
{
    pthread_mutex_unlock(&w->lock);
    w->err = (struct sl_error){0};
    w->lost = 0;
    enum sl_code code = run(w);
    pthread_mutex_lock(&w->lock);
    w->code = code;
    w->done = true;
    pthread_cond_broadcast(&w->wake);
}

// Threads that nobody joins; one that is in the middle of the client library when the process ends
// is a leak, if not worse.
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned left_count;

static void count_left(int by)
{
    pthread_mutex_lock(&left_lock);
    left_count += (unsigned)by;
    pthread_mutex_unlock(&left_lock);
}

void hand_wait_for_left(int64_t until_ns)
{
    unsigned left = 1;
    while (left > 0 && clock_now_ns() < until_ns) {
        pthread_mutex_lock(&left_lock);
        left = left_count;
        pthread_mutex_unlock(&left_lock);
        if (left > 0)
            (void)poll(NULL, 0, 10);
    }
}

static void *helper_main(void *arg)
{
    struct helper *w = arg;
    sql_thread_begin();
    pthread_mutex_lock(&w->lock);
    while (!w->let_go) {
        if (w->errand != NULL && !w->done)
            do_errand(w);
        else
            pthread_cond_wait(&w->wake, &w->lock);
    }
    bool left = w->left;
    pthread_mutex_unlock(&w->lock);
    sql_close(w->sql);
    sql_thread_end();
    helper_free(w);
    if (left)
        count_left(-1);
    return NULL;
}

static struct helper *helper_new(const struct control_target *target)
{
    struct helper *w = mem_zalloc(sizeof *w);
    w->target = *target;
    pthread_mutex_init(&w->lock, NULL);
    condition_init(&w->wake);
    if (pthread_create(&w->thread, NULL, helper_main, w) != 0) {
        helper_free(w);
        return NULL;
    }
    return w;
}

// The thread frees it, when it has come back from wherever it is; one with nothing to do is waited
// for, so that the process does not end in the middle of its end. Returns its connection.
static uint64_t helper_let_go(struct helper *w)
{
    pthread_mutex_lock(&w->lock);
    pthread_t thread = w->thread;
    uint64_t link = w->link;
    bool idle = w->errand == NULL || w->done;
    w->let_go = true;
    w->left = !idle;
    if (!idle)
        count_left(1);
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    if (idle)
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
    return link;
}

// --- the hand -----------------------------------------------------------------------------------

struct hand *hand_new(const struct control_target *target)
{
    struct hand *h = mem_zalloc(sizeof *h);
    h->target = *target;
    return h;
}

void hand_free(struct hand *h)
{
    if (h == NULL)
        return;
    if (h->helper != NULL)
        helper_let_go(h->helper);
    explicit_bzero(&h->target, sizeof h->target);
    mem_free(h);
}

bool hand_is_sure(const struct hand *h)
{
    return h->unsure == 0;
}

void hand_doubt(struct hand *h)
{
    h->unsure = EVERYBODY;
}

const char *hand_name(const struct hand *h)
{
    return h->target.name;
}

static enum sl_code give_and_wait(struct helper *w, struct errand *e, const struct patience *p,
                                  bool *back, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&w->lock);
    w->errand = e;
    w->done = false;
    pthread_cond_broadcast(&w->wake);
    while (!w->done && (code = patience_check(p, err)) == SL_OK) {
        int64_t slice = clock_now_ns() + SLICE_NS;
        (void)condition_wait_until(&w->wake, &w->lock, slice < p->until_ns ? slice : p->until_ns);
    }
    *back = w->done;
    if (w->done) {
        w->errand = NULL;
        code = w->code;
        if (code != SL_OK && err != NULL)
            *err = w->err;
    }
    pthread_mutex_unlock(&w->lock);
    return code;
}

static enum sl_code leave_behind(struct hand *h, enum sl_code code, struct sl_error *err)
{
    h->unsure = helper_let_go(h->helper);
    h->helper = NULL;
    return sl_fail(err, code, "%s does not answer: %s", h->target.name,
                   code == SL_ECLOSED ? "told to stop" : "the deadline has passed");
}

// `again`: the connection was an old one and is gone.
static enum sl_code do_once(struct hand *h, struct errand **e, const struct patience *p,
                            bool *again, struct sl_error *err)
{
    bool back = false;
    if (h->helper == NULL && (h->helper = helper_new(&h->target)) == NULL)
        return sl_fail(err, SL_EIO, "no thread for %s", h->target.name);
    enum sl_code code = give_and_wait(h->helper, *e, p, &back, err);
    if (!back) {
        *e = NULL;
        return leave_behind(h, code, err);
    }
    h->unsure = h->helper->lost; // its thread rests
    *again = h->unsure != 0 && h->helper->kept && code != SL_ETIMEOUT;
    return code;
}

enum sl_code hand_do(struct hand *h, struct errand **e, const struct patience *p,
                     struct sl_error *err)
{
    bool again = false;
    enum sl_code code = hand_settle(h, p, err);
    if (code == SL_OK)
        code = do_once(h, e, p, &again, err);
    if (!again)
        return code;
    code = hand_settle(h, p, err);
    return code == SL_OK ? do_once(h, e, p, &again, err) : code;
}

// --- making sure --------------------------------------------------------------------------------

struct settling {
    struct errand errand;
    uint64_t link;
    struct patience patience; // `stop` is not looked at: it may be gone with its owner
};

// As one of our account: a server that has restarted counts its connections from the beginning again,
// and that number may be anybody's.
static enum sl_code is_listed(struct sql *sql, uint64_t link, bool *listed, struct sl_error *err)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   "SELECT SLEEP(0.002) FROM information_schema.PROCESSLIST WHERE ID=%" PRIu64
                   " AND USER=SUBSTRING_INDEX(USER(),'@',1) AND COMMAND NOT LIKE 'Binlog Dump%%'",
                   link);
    enum sl_code code = sql_query(sql, text, err);
    *listed = code == SL_OK && sql_next(sql);
    return code;
}

// Kills it, and waits until it is gone.
static enum sl_code end_link(struct settling *s, struct sql *sql, uint64_t link,
                             struct sl_error *err)
{
    char text[48];
    bool listed = false;
    enum sl_code code = is_listed(sql, link, &listed, err);
    if (code != SL_OK || !listed)
        return code;
    (void)snprintf(text, sizeof text, "KILL %" PRIu64, link);
    code = sql_run(sql, text, err);
    if (code != SL_OK && sql_errno(sql) != ER_UNKNOWN_THREAD)
        return code;
    while ((code = is_listed(sql, link, &listed, err)) == SL_OK && listed) {
        code = patience_check(&s->patience, err);
        if (code != SL_OK)
            return code;
    }
    return code;
}

// What is before the port of a HOST.
#define MACHINE(of)                                                                                \
    "LEFT(" of ".HOST, LENGTH(" of ".HOST) - LENGTH(SUBSTRING_INDEX(" of ".HOST, ':', -1)))"

// 0: none is left. Replicas may log in with the same account.
static enum sl_code find_older(struct sql *sql, uint64_t *link, struct sl_error *err)
{
    enum sl_code code = sql_query(
        sql,
        "SELECT p.ID FROM information_schema.PROCESSLIST p JOIN information_schema.PROCESSLIST me"
        " ON me.ID = CONNECTION_ID() WHERE p.ID < me.ID AND p.USER = me.USER AND p.COMMAND NOT LIKE"
        " 'Binlog Dump%' AND " MACHINE("p") " = " MACHINE("me") " ORDER BY p.ID LIMIT 1",
        err);
    const char *id = code == SL_OK && sql_next(sql) ? sql_column_value(sql, 0) : NULL;
    *link = id != NULL ? strtoull(id, NULL, 10) : 0;
    return code;
}

static enum sl_code settle(struct errand *e, struct sql *sql, struct sl_error *err)
{
    struct settling *s = (struct settling *)(void *)e;
    if (s->link != EVERYBODY)
        return end_link(s, sql, s->link, err);
    uint64_t link = 0;
    enum sl_code code = find_older(sql, &link, err);
    while (code == SL_OK && link != 0) {
        code = end_link(s, sql, link, err);
        if (code == SL_OK)
            code = find_older(sql, &link, err);
    }
    return code;
}

static void settling_free(struct errand *e)
{
    mem_free(e);
}

enum sl_code hand_settle(struct hand *h, const struct patience *p, struct sl_error *err)
{
    if (h->unsure == 0)
        return SL_OK;
    bool again;
    uint64_t unsure = h->unsure;
    struct settling *s = mem_zalloc(sizeof *s);
    s->errand = (struct errand){.run = settle, .free = settling_free};
    s->link = unsure;
    s->patience = (struct patience){.until_ns = p->until_ns};
    struct errand *e = &s->errand;
    enum sl_code code = do_once(h, &e, p, &again, err);
    if (e != NULL)
        settling_free(e);
    // A settling that was left behind does no harm: the first connection is the one to be sure of.
    h->unsure = code == SL_OK ? 0 : unsure;
    return code;
}
