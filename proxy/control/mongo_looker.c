// One look, in a thread of its own.
#include "control/mongo_looker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "control/mongo_circle.h"

struct look {
    struct mail mail;
    struct mongo_looker *looker;
    struct mongo_set set;
    enum sl_code code;
    struct sl_error err;
    char uri[]; // wiped
};

struct mongo_looker {
    struct loop *main_loop;
    void (*seen)(void *arg, const struct mongo_set *set, enum sl_code code,
                 const struct sl_error *err);
    void *arg;
    atomic_bool stop;
    // The main thread's:
    bool busy;    // a look is under way, or its mail
    bool started; // there is a thread to join
    pthread_t thread;
};

static void look_came(struct mail *m, void *owner)
{
    struct look *k = (struct look *)(void *)m;
    (void)owner;
    k->looker->busy = false;
    k->looker->seen(k->looker->arg, &k->set, k->code, &k->err);
    mem_free(k);
}

static void *look_main(void *arg)
{
    struct look *k = arg;
    struct mongo_circle *circle = NULL;
    k->code = mongo_circle_new(k->uri, &circle, &k->err);
    if (k->code == SL_OK) {
        mongo_circle_stop_by(circle, &k->looker->stop);
        k->code = mongo_circle_look(circle, true, &k->set, &k->err);
    }
    mongo_circle_free(circle);
    explicit_bzero(k->uri, strlen(k->uri)); // the loop's end frees a mail without asking
    loop_post(k->looker->main_loop, &k->mail);
    return NULL;
}

struct mongo_looker *mongo_looker_new(struct loop *main_loop,
                                      void (*seen)(void *arg, const struct mongo_set *set,
                                                   enum sl_code code, const struct sl_error *err),
                                      void *arg)
{
    struct mongo_looker *l = mem_zalloc(sizeof *l);
    l->main_loop = main_loop;
    l->seen = seen;
    l->arg = arg;
    return l;
}

static void join(struct mongo_looker *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    l->started = false;
}

enum sl_code mongo_looker_look(struct mongo_looker *l, const char *uri, struct sl_error *err)
{
    if (l->busy)
        return SL_OK;
    join(l); // it has posted its mail, so that this does not wait
    size_t n = strlen(uri) + 1;
    struct look *k = mem_zalloc(sizeof *k + n);
    k->mail.deliver = look_came;
    k->looker = l;
    memcpy(k->uri, uri, n);
    l->busy = l->started = pthread_create(&l->thread, NULL, look_main, k) == 0;
    if (l->started)
        return SL_OK;
    mem_wipe_free(k, sizeof *k + n);
    return sl_fail(err, SL_EIO, "no thread for a look at the set");
}

void mongo_looker_free(struct mongo_looker *l)
{
    if (l == NULL)
        return;
    atomic_store(&l->stop, true);
    join(l);
    mem_free(l);
}
