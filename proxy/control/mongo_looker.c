// One look, in a thread that may be left behind.
#include "control/mongo_looker.h"

#include <pthread.h>
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
    pthread_mutex_t lock;
    // Under the lock:
    bool closed;         // the loop must not be posted to any more
    bool posted;         // the look under way is mail by now
    unsigned references; // the owner's, and that of a look under way
};

static void look_free(struct look *k)
{
    explicit_bzero(k->uri, strlen(k->uri));
    mem_free(k);
}

// With the lock, which it gives back.
static void unref_unlock(struct mongo_looker *l)
{
    bool last = --l->references == 0;
    pthread_mutex_unlock(&l->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}

static void look_came(struct mail *m, void *owner)
{
    struct look *k = (struct look *)(void *)m;
    struct mongo_looker *l = k->looker;
    (void)owner;
    pthread_mutex_lock(&l->lock);
    l->posted = false;
    unref_unlock(l);
    l->seen(l->arg, &k->set, k->code, &k->err);
    look_free(k);
}

static void *look_main(void *arg)
{
    struct look *k = arg;
    struct mongo_looker *l = k->looker;
    struct mongo_circle *circle = NULL;
    k->code = mongo_circle_new(k->uri, &circle, &k->err);
    if (k->code == SL_OK)
        k->code = mongo_circle_look(circle, true, &k->set, &k->err);
    mongo_circle_free(circle);
    pthread_mutex_lock(&l->lock);
    if (l->closed) {
        unref_unlock(l);
        look_free(k);
        return NULL;
    }
    explicit_bzero(k->uri, strlen(k->uri)); // the loop's end frees a mail without asking
    l->posted = true;
    loop_post(l->main_loop, &k->mail); // the reference goes with it
    pthread_mutex_unlock(&l->lock);
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
    l->references = 1;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

enum sl_code mongo_looker_look(struct mongo_looker *l, const char *uri, struct sl_error *err)
{
    pthread_t thread;
    pthread_mutex_lock(&l->lock);
    bool busy = l->references > 1;
    l->references += !busy;
    pthread_mutex_unlock(&l->lock);
    if (busy)
        return SL_OK;
    size_t n = strlen(uri) + 1;
    struct look *k = mem_zalloc(sizeof *k + n);
    k->mail.deliver = look_came;
    k->looker = l;
    memcpy(k->uri, uri, n);
    if (pthread_create(&thread, NULL, look_main, k) == 0) {
        (void)pthread_detach(thread);
        return SL_OK;
    }
    pthread_mutex_lock(&l->lock);
    unref_unlock(l);
    look_free(k);
    return sl_fail(err, SL_EIO, "no thread for a look at the set");
}

void mongo_looker_free(struct mongo_looker *l)
{
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->closed = true;
    l->references -= l->posted; // nobody delivers it any more
    unref_unlock(l);
}
