// See fake_traffic.h.
#include "fake_traffic.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/load.h"

struct fake fake;

enum sl_code traffic_pause(struct traffic *t, const char *reason, const char *owner, int64_t for_ns,
                           void (*done)(void *arg, int64_t took_ns), void *arg,
                           struct sl_error *err)
{
    (void)t;
    int64_t now = clock_now_ns();
    enum sl_code code =
        gate_close(&fake.gate, reason, owner, now, for_ns > 0 ? now + for_ns : 0, err);
    if (code != SL_OK)
        return code;
    fake.pauses++;
    fake.paused = done;
    fake.arg = arg;
    return SL_OK;
}

enum sl_code traffic_resume(struct traffic *t, const char *reason, void (*done)(void *arg),
                            void *arg, struct sl_error *err)
{
    (void)t;
    enum sl_code code = gate_open(&fake.gate, reason, err);
    if (code != SL_OK)
        return code;
    fake.resumes++;
    fake.resumed = done;
    fake.arg = arg;
    return SL_OK;
}

const struct gate *traffic_gate(const struct traffic *t)
{
    (void)t;
    return &fake.gate;
}

struct routes *traffic_routes(struct traffic *t)
{
    (void)t;
    return &fake.routes;
}

unsigned traffic_workers(const struct traffic *t)
{
    (void)t;
    return 2;
}

void traffic_stats(struct traffic *t, struct traffic_stats *out)
{
    (void)t;
    *out = fake.stats;
}

void traffic_stats_reset_longest(struct traffic *t)
{
    (void)t;
    fake.stats.longest_hold_ns = fake.stats.longest_answer_ns = 0;
}

static void keep_filter(const struct session_filter *f)
{
    fake.filter = *f;
    for (unsigned i = 0; i < f->id_count && i < 8; i++)
        fake.ids[i] = f->ids[i];
}

static void answer_look(void *arg)
{
    (void)arg;
    fake.looked(fake.arg, fake.rows, fake.row_count, fake.row_count);
}

void traffic_sessions(struct traffic *t, const struct session_filter *filter, unsigned limit,
                      void (*done)(void *arg, const struct session_row *rows, unsigned count,
                                   unsigned total),
                      void *arg)
{
    (void)t;
    (void)limit;
    keep_filter(filter);
    fake.looks++;
    fake.looked = done;
    fake.arg = arg;
    if (fake.loop != NULL)
        loop_defer(fake.loop, answer_look, NULL);
}

void traffic_confirm(struct traffic *t, void (*done)(void *arg, const char *problem), void *arg)
{
    (void)t;
    fake.confirms++;
    done(arg, fake.unconfirmed);
}

void traffic_kill(struct traffic *t, const struct session_filter *filter, const char *why,
                  void (*done)(void *arg, unsigned killed), void *arg)
{
    (void)t;
    keep_filter(filter);
    text_copy(fake.why, sizeof fake.why, why);
    fake.kills++;
    fake.killed = done;
    fake.arg = arg;
}

enum sl_code traffic_warm(struct traffic *t, const char *backend, int64_t timeout_ns,
                          void (*progress)(void *arg, const struct warm_counts *counts),
                          void (*done)(void *arg, const struct warm_counts *counts), void *arg,
                          struct sl_error *err)
{
    (void)t;
    if (backend != NULL && strcmp(backend, fake.routes.backends[fake.routes.active].name) == 0)
        return sl_fail(err, SL_ECONFLICT, "it is the active one");
    text_copy(fake.warm, sizeof fake.warm, backend != NULL ? backend : "");
    fake.warm_timeout = timeout_ns;
    fake.warm_moves = progress;
    fake.warmed = done;
    fake.arg = arg;
    return SL_OK;
}

void traffic_warm_cancel(struct traffic *t)
{
    (void)t;
    fake.warm_cancels++;
}

const char *traffic_warm_target(const struct traffic *t)
{
    (void)t;
    return fake.warm;
}

enum sl_code drain_start(struct traffic *t, int64_t wait_ns, int then, int64_t timeout_ns,
                         void (*progress)(void *arg, const struct drain_counts *counts),
                         void (*done)(void *arg, const struct drain_counts *counts,
                                      const struct drain_row *rows, unsigned row_count),
                         void *arg, struct sl_error *err)
{
    (void)t;
    if (!gate_is_closed(&fake.gate))
        return sl_fail(err, SL_ECONFLICT, "the gate is open");
    fake.drains++;
    fake.drain_wait = wait_ns;
    fake.drain_then = then;
    fake.drain_timeout = timeout_ns;
    fake.drain_moves = progress;
    fake.drained = done;
    fake.arg = arg;
    return SL_OK;
}

void drain_cancel(struct traffic *t)
{
    (void)t;
    fake.cancels++;
}

// --- the daemon -----------------------------------------------------------------------------------

static enum sl_code fake_reload(void *arg, struct sl_error *err)
{
    (void)arg;
    fake.reloads++;
    return sl_fail(err, SL_EINVAL, "f.yaml:1:1 listen: nothing there");
}

static void fake_shutdown(void *arg)
{
    (void)arg;
    fake.shutdowns++;
}

static enum sl_code fake_repoint(void *arg, const char *name, bool force, struct sl_error *err)
{
    (void)arg;
    for (unsigned i = 0; i < fake.routes.count; i++) {
        if (strcmp(fake.routes.backends[i].name, name) != 0)
            continue;
        if (!gate_is_closed(&fake.gate) && !force)
            return sl_fail(err, SL_ECONFLICT, "the gate is open");
        fake.routes.active = i;
        return SL_OK;
    }
    return sl_fail(err, SL_ENOTFOUND, "there is no backend %s", name);
}

static void fake_accounts(void *arg, void (*each)(void *each_arg, const struct account_row *row),
                          void *each_arg)
{
    (void)arg;
    for (unsigned i = 0; i < fake.account_count; i++)
        each(each_arg, &fake.accounts[i]);
}

void fake_home_init(struct fake_home *h)
{
    static const char YAML[] = "listen: ['127.0.0.1:3306']\n"
                               "backends: {milan: {address: '127.0.0.1:1'}, "
                               "aws: {address: '127.0.0.1:2'}}\n"
                               "active: milan\n";
    struct sl_error err;
    memset(&fake, 0, sizeof fake);
    memset(h, 0, sizeof *h);
    gate_init(&fake.gate);
    fake.routes.count = 2;
    text_copy(fake.routes.backends[0].name, 33, "milan");
    text_copy(fake.routes.backends[1].name, 33, "aws");
    h->context =
        (struct admin_context){.config = config_load_text("f.yaml", YAML, sizeof YAML - 1, &err),
                               .config_path = "f.yaml",
                               .version = "1.2.3",
                               .started_ns = clock_now_ns(),
                               .reload = fake_reload,
                               .shutdown = fake_shutdown,
                               .repoint = fake_repoint,
                               .list_accounts = fake_accounts};
    if (h->context.config == NULL || loop_new("test", NULL, &h->context.loop, &err) != SL_OK)
        __builtin_trap();
    // Nothing starts a cutover here: it is only looked at.
    static const struct conductor_ears nobody;
    h->context.conductor = conductor_new(h->context.loop, NULL, &nobody);
    events_init(&h->events);
    h->home = (struct request_home){
        .context = &h->context, .events = &h->events, .rates = &h->rates, .table = command_table()};
    request_home_init(&h->home);
    text_copy(h->peer.user, sizeof h->peer.user, "ann");
    h->peer.pid = 4711;
}

void fake_home_release(struct fake_home *h)
{
    request_home_release(&h->home);
    conductor_free(h->context.conductor);
    loop_free(h->context.loop);
    config_unref(h->context.config);
}

// --- the sink -------------------------------------------------------------------------------------

static void keep_line(void *sink, const char *text, size_t n)
{
    buf_put(&((struct kept *)sink)->lines, text, n);
}

static void keep_end(void *sink, enum sl_code code, const char *text, size_t n)
{
    struct kept *k = sink;
    buf_put(&k->end, text, n);
    k->code = code;
    k->finished = true;
    if (k->stop != NULL)
        loop_stop(k->stop);
}

static size_t keep_backlog(void *sink)
{
    return ((struct kept *)sink)->backlog;
}

const struct request_sink KEEP = {keep_line, keep_end, keep_backlog};

void kept_release(struct kept *k)
{
    buf_release(&k->lines);
    buf_release(&k->end);
    *k = (struct kept){0};
}

struct request *fake_run(struct fake_home *h, struct kept *k, enum admin_role role,
                         const char *line)
{
    kept_release(k);
    return request_start(&h->home, &h->peer, role, &KEEP, k, line, strlen(line));
}
