// The thread of a MongoDB manoeuvre, and what passes between it and the main thread. See
// mongo_conductor.h for the picture.
#include "cutover/mongo_conductor.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "cutover/mongo_run.h"
#include "cutover/mongo_unended.h"

#define AGAIN_NS (200 * NS_PER_MS)
#define LINE_MAX_BYTES 600

struct mongo_conductor {
    struct loop *main_loop;
    void (*said)(void *arg, int64_t at_ns, const char *line);
    void (*ended)(void *arg, const struct mongo_status *how);
    void *arg;
    bool started; // there is a thread to join; the main thread's
    pthread_t thread;
    atomic_bool stop, quit;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    // Under the lock:
    struct mongo_status status;
    struct preflight found;
    int64_t began_ns;
    bool aborted, forget, final;
    struct mongo_plan *plan; // of the run; the thread's once it has started
};

const char *mongo_conductor_state_name(enum mongo_conductor_state s)
{
    static const char *const names[] = {
#define X(name, text) [MONGO_CONDUCTOR_##name] = text,
        MONGO_CONDUCTOR_STATES(X)
#undef X
    };
    return names[s];
}

const char *mongo_end_name(enum mongo_end e)
{
    static const char *const names[] = {
#define X(name, text) [MONGO_END_##name] = text,
        MONGO_ENDS(X)
#undef X
    };
    return names[e];
}

// --- state ----------------------------------------------------------------------------------------

// Bits of the states that may follow.
#define TO(name) (1u << MONGO_CONDUCTOR_##name)
static const unsigned moves[] = {
    [MONGO_CONDUCTOR_IDLE] = TO(RUNNING),
    [MONGO_CONDUCTOR_RUNNING] = TO(UNDOING) | TO(STUCK) | TO(IDLE),
    [MONGO_CONDUCTOR_UNDOING] = TO(STUCK) | TO(IDLE),
    [MONGO_CONDUCTOR_STUCK] = TO(RUNNING) | TO(UNDOING) | TO(IDLE),
};

// With the lock.
static void set_state(struct mongo_conductor *c, enum mongo_conductor_state to, const char *why)
{
    enum mongo_conductor_state from = c->status.state;
    if (from == to)
        return;
    assert((moves[from] & (1u << to)) != 0);
    LOG_INFO("mongo_state", LOG_STR("from", mongo_conductor_state_name(from)),
             LOG_STR("to", mongo_conductor_state_name(to)), LOG_STR("why", why));
    c->status.state = to;
    pthread_cond_broadcast(&c->wake);
}

// --- what is told ---------------------------------------------------------------------------------

struct line {
    struct mail mail;
    struct mongo_conductor *conductor;
    int64_t at_ns;
    char text[LINE_MAX_BYTES];
};

static void line_came(struct mail *m, void *owner)
{
    struct line *l = (struct line *)(void *)m;
    (void)owner;
    l->conductor->said(l->conductor->arg, l->at_ns, l->text);
    mem_free(l);
}

void mongo_tell(struct mongo_conductor *c, const char *fmt, ...)
{
    va_list args;
    struct line *l = mem_zalloc(sizeof *l);
    l->mail.deliver = line_came;
    l->conductor = c;
    l->at_ns = clock_now_ns() - c->began_ns;
    va_start(args, fmt);
    (void)vsnprintf(l->text, sizeof l->text, fmt, args);
    va_end(args);
    LOG_INFO("mongo", LOG_MS("at_ms", l->at_ns), LOG_STR("what", l->text));
    loop_post(c->main_loop, &l->mail);
}

void mongo_found(struct mongo_conductor *c, const struct preflight *found)
{
    pthread_mutex_lock(&c->lock);
    c->found = *found;
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < found->count; i++) {
        const struct preflight_row *row = &found->rows[i];
        if (row->verdict != VERDICT_GO || strcmp(row->name, "chosen") == 0)
            mongo_tell(c, "%s %s: %s", verdict_name(row->verdict), row->name, row->evidence);
    }
}

struct last_word {
    struct mail mail;
    struct mongo_conductor *conductor;
    struct mongo_status status;
};

static void end_came(struct mail *m, void *owner)
{
    struct last_word *w = (struct last_word *)(void *)m;
    (void)owner;
    w->conductor->ended(w->conductor->arg, &w->status);
    mem_free(w);
}

// --- what fails and must not ----------------------------------------------------------------------

bool mongo_again(struct mongo_conductor *c, const char *what, const struct sl_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool told = c->status.state == MONGO_CONDUCTOR_STUCK;
    set_state(c, MONGO_CONDUCTOR_STUCK, err->text);
    text_copy(c->status.why, sizeof c->status.why, err->text);
    int64_t until = clock_now_ns() + AGAIN_NS;
    while (!atomic_load(&c->quit) && !c->forget && condition_wait_until(&c->wake, &c->lock, until))
        ;
    bool more = !atomic_load(&c->quit) && !c->forget;
    pthread_mutex_unlock(&c->lock);
    if (!told)
        mongo_tell(c, "%s failed, trying again: %s", what, err->text);
    return more;
}

void mongo_goes_on(struct mongo_conductor *c)
{
    pthread_mutex_lock(&c->lock);
    set_state(c, MONGO_CONDUCTOR_RUNNING, "again");
    pthread_mutex_unlock(&c->lock);
}

// --- the sequence's surroundings ------------------------------------------------------------------

// `detail`: JSON, "" for none; of a failure the reason in words.
static enum sl_code write_down(struct mongo_run *r, enum journal_kind kind, const char *step,
                               const char *detail, struct sl_error *err)
{
    struct buf data;
    buf_init(&data, JOURNAL_LINE_MAX);
    if (kind == JOURNAL_FAILED)
        journal_put_why(&data, NULL, detail);
    else
        buf_str(&data, detail[0] != '\0' ? detail : "{}");
    enum sl_code code =
        r->journal != NULL ? journal_write(r->journal, kind, step, buf_text(&data), err) : SL_OK;
    buf_release(&data);
    return code;
}

static enum sl_code record(void *arg, enum sequence_mark mark, const char *step, const char *detail,
                           struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct mongo_conductor *c = r->conductor;
    static const enum journal_kind kinds[] = {
        [SEQUENCE_BEFORE] = JOURNAL_BEFORE,         [SEQUENCE_AFTER] = JOURNAL_AFTER,
        [SEQUENCE_FAILED] = JOURNAL_FAILED,         [SEQUENCE_UNDO_BEFORE] = JOURNAL_UNDO_BEFORE,
        [SEQUENCE_UNDO_AFTER] = JOURNAL_UNDO_AFTER,
    };
    bool undo = mark == SEQUENCE_UNDO_BEFORE || mark == SEQUENCE_UNDO_AFTER;
    // The next start goes on with it, so that it must not read of an undo (mongo_steps.c).
    bool kept = undo && r->plan->deed == MONGO_DEED_ADD && atomic_load(&c->quit);
    pthread_mutex_lock(&c->lock);
    text_copy(c->status.step, sizeof c->status.step, step);
    text_copy(c->status.host, sizeof c->status.host,
              r->memory.known ? r->memory.host : r->plan->host);
    text_copy(c->status.from, sizeof c->status.from, r->memory.old_primary);
    if (undo)
        set_state(c, MONGO_CONDUCTOR_UNDOING, step);
    pthread_mutex_unlock(&c->lock);
    if (kept)
        return SL_OK;
    mongo_tell(c, "%s: %s", step, sequence_mark_name(mark));
    return write_down(r, kinds[mark], step, detail, err);
}

static enum sl_code may_go_on(void *arg, const struct sequence_step *next, struct sl_error *err)
{
    struct mongo_run *r = arg;
    struct mongo_conductor *c = r->conductor;
    pthread_mutex_lock(&c->lock);
    bool aborted = c->aborted;
    // From here on an abort would come too late to be sure of what it does.
    c->final = c->final || (next->final && !aborted);
    pthread_mutex_unlock(&c->lock);
    if (aborted)
        return sl_fail(err, SL_ECLOSED, "aborted by the operator");
    if (atomic_load(&c->quit))
        return sl_fail(err, SL_ECLOSED, "sluice is shutting down");
    return SL_OK;
}

// A step that was told to stop does not know by whom.
static void explain(void *arg, struct sl_error *err)
{
    const struct mongo_run *r = arg;
    struct mongo_conductor *c = r->conductor;
    pthread_mutex_lock(&c->lock);
    if (c->aborted && err->code == SL_ECLOSED)
        (void)sl_fail(err, SL_ECLOSED, "aborted by the operator");
    pthread_mutex_unlock(&c->lock);
}

static bool again(void *arg, const struct sequence_step *step, const struct sl_error *err)
{
    struct mongo_run *r = arg;
    char what[64];
    (void)snprintf(what, sizeof what, "undo of %s", step->name);
    return mongo_again(r->conductor, what, err);
}

// --- the run --------------------------------------------------------------------------------------

static enum sl_code begin_journal(struct mongo_run *r, struct sl_error *err)
{
    char data[MONGO_HOST_MAX + 80];
    if (r->plan->dry_run)
        return SL_OK;
    (void)snprintf(data, sizeof data, "{\"deed\":\"%s\",\"host\":\"%s\"}",
                   mongo_deed_name(r->plan->deed), r->plan->host);
    enum sl_code code = file_make_folder(r->plan->state_dir, 0750, err);
    if (code == SL_OK)
        code = journal_create(r->plan->state_dir, &r->journal, err);
    return code == SL_OK ? journal_write(r->journal, JOURNAL_BEGIN, NULL, data, err) : code;
}

static struct sequence_result repair(struct mongo_run *r, struct sequence *q,
                                     const struct mongo_unended *u, struct sl_error *err)
{
    char leader[MONGO_HOST_MAX] = "";
    struct sl_error why = {0};
    unsigned at;
    // Without an answer nothing can be done in either direction.
    while (mongo_circle_leader(r->circle, leader, &why) != SL_OK) {
        if (!mongo_again(r->conductor, "repair", &why)) {
            *err = why;
            return (struct sequence_result){.end = SEQUENCE_STUCK};
        }
    }
    mongo_goes_on(r->conductor);
    bool leads = strcasecmp(leader, r->memory.host) == 0;
    enum mongo_way way = mongo_unended_way(u, leads, &at);
    (void)sl_fail(err, SL_ECLOSED, "sluice had ended at \"%s\"", u->last);
    mongo_tell(r->conductor, "%s of %s did not end (\"%s\"): %s", mongo_deed_name(u->deed),
               r->memory.host, u->last,
               way == MONGO_WAY_ON     ? "it goes on"
               : way == MONGO_WAY_BACK ? "it is undone"
                                       : "it had changed nothing");
    pthread_mutex_lock(&r->conductor->lock);
    r->conductor->final = way == MONGO_WAY_ON && at > 0 && q->steps[at - 1].final;
    pthread_mutex_unlock(&r->conductor->lock);
    switch (way) {
    case MONGO_WAY_ON: return sequence_run(q, at, err);
    case MONGO_WAY_BACK: return sequence_undo(q, at, err);
    case MONGO_WAY_NOTHING: break;
    }
    return (struct sequence_result){.end = SEQUENCE_UNDONE};
}

static enum sl_code resume_journal(struct mongo_run *r, struct mongo_unended *u,
                                   struct sl_error *err)
{
    struct journal_records records;
    enum sl_code code =
        journal_resume(r->plan->state_dir, r->plan->repair, &r->journal, &records, err);
    if (code != SL_OK)
        return code;
    code = mongo_unended_read(&records, u, err);
    journal_records_release(&records);
    r->memory = u->memory;
    return code;
}

static enum mongo_end conduct(struct mongo_run *r, struct sl_error *err)
{
    struct sequence q = {
        .record = record, .may_go_on = may_go_on, .explain = explain, .again = again, .arg = r};
    struct mongo_unended u = {.number = r->plan->repair};
    struct sequence_result result;
    mongo_steps_of(r->plan, &q.steps, &q.count);
    if (r->plan->repair != 0) {
        if (resume_journal(r, &u, err) != SL_OK)
            return MONGO_END_GIVEN_UP;
        result = repair(r, &q, &u, err);
    } else {
        if (begin_journal(r, err) != SL_OK)
            return MONGO_END_UNDONE;
        result = sequence_run(&q, 0, err);
    }
    switch (result.end) {
    case SEQUENCE_DONE: return MONGO_END_DONE;
    case SEQUENCE_LATE: return MONGO_END_LATE;
    case SEQUENCE_UNDONE: return MONGO_END_UNDONE;
    case SEQUENCE_STUCK: return MONGO_END_GIVEN_UP;
    }
    return MONGO_END_GIVEN_UP;
}

// What could not be put back stays open: the next start finds it.
static void close_journal(struct mongo_run *r, enum mongo_end end, bool forgotten)
{
    struct sl_error err = {0};
    char data[80];
    bool over = end == MONGO_END_DONE || end == MONGO_END_UNDONE || forgotten;
    (void)snprintf(data, sizeof data, "{\"ended\":\"%s\"}",
                   forgotten ? "forgotten by the operator" : mongo_end_name(end));
    if (r->journal != NULL && over &&
        journal_write(r->journal, JOURNAL_END, NULL, data, &err) != SL_OK)
        LOG_WARN("journal_not_ended", LOG_STR("why", err.text));
    journal_close(r->journal);
}

static void finish(struct mongo_conductor *c, const struct mongo_run *r, enum mongo_end end,
                   const struct sl_error *err)
{
    struct last_word *w = mem_zalloc(sizeof *w);
    pthread_mutex_lock(&c->lock);
    c->status.last = end;
    c->status.measured = r->measured;
    c->status.gap_ns = r->gap.longest_ns;
    c->status.writes = r->gap.writes;
    text_copy(c->status.why, sizeof c->status.why, end == MONGO_END_DONE ? "" : err->text);
    set_state(c, MONGO_CONDUCTOR_IDLE, mongo_end_name(end));
    w->status = c->status;
    pthread_mutex_unlock(&c->lock);
    w->mail.deliver = end_came;
    w->conductor = c;
    loop_post(c->main_loop, &w->mail);
}

static void *conductor_main(void *arg)
{
    struct mongo_conductor *c = arg;
    struct sl_error err = {0};
    struct mongo_run r = {.plan = c->plan, .conductor = c, .stop = &c->stop, .quit = &c->quit};
    c->plan = NULL;
    enum mongo_end end = MONGO_END_UNDONE;
    if (mongo_circle_new(r.plan->uri, &r.circle, &err) == SL_OK)
        end = conduct(&r, &err);
    mongo_probe_stop(r.probe, &r.gap);
    pthread_mutex_lock(&c->lock);
    bool forgotten = c->forget;
    pthread_mutex_unlock(&c->lock);
    close_journal(&r, end, forgotten);
    mongo_circle_free(r.circle);
    finish(c, &r, end, &err);
    mongo_plan_free(r.plan);
    return NULL;
}

// --- the main thread ------------------------------------------------------------------------------

struct mongo_conductor *mongo_conductor_new(
    struct loop *main_loop, void (*said)(void *arg, int64_t at_ns, const char *line),
    void (*ended)(void *arg, const struct mongo_status *how), void *arg)
{
    struct mongo_conductor *c = mem_zalloc(sizeof *c);
    c->main_loop = main_loop;
    c->said = said;
    c->ended = ended;
    c->arg = arg;
    pthread_mutex_init(&c->lock, NULL);
    condition_init(&c->wake);
    return c;
}

// With the lock.
static void prepare(struct mongo_conductor *c, struct mongo_plan *plan)
{
    atomic_store(&c->stop, atomic_load(&c->quit));
    c->aborted = c->forget = c->final = false;
    c->began_ns = clock_now_ns();
    c->plan = plan;
    c->found.count = 0;
    enum mongo_end last = c->status.last;
    c->status = (struct mongo_status){.last = last,
                                      .deed = plan->deed,
                                      .dry_run = plan->dry_run,
                                      .repair = plan->repair != 0,
                                      .began_wall_us = clock_wall_us()};
    text_copy(c->status.host, sizeof c->status.host, plan->host);
    text_copy(c->status.by, sizeof c->status.by, plan->by);
    set_state(c, MONGO_CONDUCTOR_RUNNING, plan->by);
}

enum sl_code mongo_conductor_start(struct mongo_conductor *c, struct mongo_plan *plan,
                                   struct sl_error *err)
{
    struct mongo_status now;
    mongo_conductor_look(c, &now);
    if (now.state != MONGO_CONDUCTOR_IDLE) {
        mongo_plan_free(plan);
        return sl_fail(err, SL_ECONFLICT, "mongo %s %s is under way (%s)",
                       mongo_deed_name(now.deed), now.host, now.step);
    }
    if (c->started)
        pthread_join(c->thread, NULL);
    pthread_mutex_lock(&c->lock);
    prepare(c, plan);
    pthread_mutex_unlock(&c->lock);
    c->started = pthread_create(&c->thread, NULL, conductor_main, c) == 0;
    if (c->started)
        return SL_OK;
    mongo_plan_free(plan);
    pthread_mutex_lock(&c->lock);
    set_state(c, MONGO_CONDUCTOR_IDLE, "no thread");
    pthread_mutex_unlock(&c->lock);
    return sl_fail(err, SL_EIO, "no thread for the manoeuvre");
}

enum sl_code mongo_conductor_abort(struct mongo_conductor *c, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&c->lock);
    if (c->status.state == MONGO_CONDUCTOR_IDLE)
        code = sl_fail(err, SL_ECONFLICT, "nothing is under way");
    else if (c->final)
        code = sl_fail(err, SL_ECONFLICT, "%s is too far to be taken back",
                       mongo_deed_name(c->status.deed));
    else if (c->status.state != MONGO_CONDUCTOR_RUNNING)
        code = sl_fail(err, SL_ECONFLICT, "it is being undone already");
    if (code == SL_OK) {
        c->aborted = true;
        atomic_store(&c->stop, true);
        pthread_cond_broadcast(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

enum sl_code mongo_conductor_forget(struct mongo_conductor *c, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&c->lock);
    if (c->status.state != MONGO_CONDUCTOR_STUCK)
        code = sl_fail(err, SL_ECONFLICT, "nothing is stuck (it is %s)",
                       mongo_conductor_state_name(c->status.state));
    c->forget = code == SL_OK;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    return code;
}

void mongo_conductor_look(struct mongo_conductor *c, struct mongo_status *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->status;
    pthread_mutex_unlock(&c->lock);
}

void mongo_conductor_findings(struct mongo_conductor *c, struct preflight *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->found;
    pthread_mutex_unlock(&c->lock);
}

void mongo_conductor_stop(struct mongo_conductor *c)
{
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->quit, true);
    atomic_store(&c->stop, true);
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void mongo_conductor_free(struct mongo_conductor *c)
{
    if (c == NULL)
        return;
    mongo_conductor_stop(c);
    if (c->started)
        pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}
