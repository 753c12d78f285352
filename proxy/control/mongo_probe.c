// The writing thread.
#include "control/mongo_probe.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "control/mongo_circle.h"

#define PACE_NS (3 * NS_PER_MS)
#define WRITE_LIMIT_MS 1500 // below the link's own time-out, so that the server's word arrives

struct mongo_probe {
    struct mongo_circle *circle; // the thread's
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    // Under the lock:
    bool quit;
    struct mongo_gap gap;
    int64_t begun_ns; // of the last write that was acknowledged
    int64_t last_ns;  // when it was, 0: none yet
};

static void acknowledged(struct mongo_probe *p, const char *host, int64_t began_ns)
{
    int64_t now = clock_now_ns();
    pthread_mutex_lock(&p->lock);
    if (p->last_ns != 0 && now - p->last_ns > p->gap.longest_ns)
        p->gap.longest_ns = now - p->last_ns;
    p->last_ns = now;
    p->begun_ns = began_ns;
    p->gap.writes++;
    p->gap.problem[0] = '\0';
    text_copy(p->gap.on, sizeof p->gap.on, host);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void failed(struct mongo_probe *p, const struct sl_error *why)
{
    pthread_mutex_lock(&p->lock);
    p->gap.failures++;
    text_copy(p->gap.problem, sizeof p->gap.problem, why->text);
    pthread_mutex_unlock(&p->lock);
}

// False: the end.
static bool pace(struct mongo_probe *p)
{
    int64_t until = clock_now_ns() + PACE_NS;
    pthread_mutex_lock(&p->lock);
    while (!p->quit && clock_now_ns() < until)
        (void)condition_wait_until(&p->wake, &p->lock, until);
    bool quit = p->quit;
    pthread_mutex_unlock(&p->lock);
    return !quit;
}

static void *write_on(void *arg)
{
    struct mongo_probe *p = arg;
    char leader[MONGO_HOST_MAX] = "";
    struct sl_error err = {0};
    int64_t number = 0;
    do {
        int64_t began = clock_now_ns();
        bool known = leader[0] != '\0' || mongo_circle_leader(p->circle, leader, &err) == SL_OK;
        if (known &&
            mongo_circle_write(p->circle, leader, ++number, WRITE_LIMIT_MS, &err) == MONGO_FINE) {
            acknowledged(p, leader, began);
            continue;
        }
        failed(p, &err);
        leader[0] = '\0';
    } while (pace(p));
    if (leader[0] != '\0')
        (void)mongo_circle_erase(p->circle, leader, &err);
    return NULL;
}

static void probe_free(struct mongo_probe *p)
{
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mongo_circle_free(p->circle);
    mem_free(p);
}

enum sl_code mongo_probe_start(const char *uri, struct mongo_probe **out, struct sl_error *err)
{
    struct mongo_probe *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    condition_init(&p->wake);
    enum sl_code code = mongo_circle_new(uri, &p->circle, err);
    if (code == SL_OK && pthread_create(&p->thread, NULL, write_on, p) != 0)
        code = sl_fail(err, SL_EIO, "no thread for the writes");
    if (code != SL_OK) {
        probe_free(p);
        return code;
    }
    *out = p;
    return SL_OK;
}

// With the lock.
static void look(const struct mongo_probe *p, struct mongo_gap *out)
{
    int64_t since = p->last_ns != 0 ? clock_now_ns() - p->last_ns : 0;
    *out = p->gap;
    if (since > out->longest_ns)
        out->longest_ns = since;
}

void mongo_probe_look(struct mongo_probe *p, struct mongo_gap *out)
{
    pthread_mutex_lock(&p->lock);
    look(p, out);
    pthread_mutex_unlock(&p->lock);
}

enum sl_code mongo_probe_wait(struct mongo_probe *p, const char *host,
                              const struct patience *patience, struct sl_error *err)
{
    int64_t since = clock_now_ns();
    for (;;) {
        pthread_mutex_lock(&p->lock);
        bool done = p->begun_ns > since && (host[0] == '\0' || strcmp(p->gap.on, host) == 0);
        struct mongo_gap gap = p->gap;
        pthread_mutex_unlock(&p->lock);
        if (done)
            return SL_OK;
        enum sl_code code = mongo_circle_pause(patience, err);
        if (code == SL_ETIMEOUT)
            return sl_fail(err, code, "%s took no write with majority in time%s%s",
                           host[0] != '\0' ? host : "the set", gap.problem[0] != '\0' ? ": " : "",
                           gap.problem);
        if (code != SL_OK)
            return code;
    }
}

void mongo_probe_stop(struct mongo_probe *p, struct mongo_gap *out)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    if (out != NULL)
        look(p, out);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    probe_free(p);
}
