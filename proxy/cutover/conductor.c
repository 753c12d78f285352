// The conductor's thread, and what passes between it and the main thread. See conductor.h for the
// picture.
#include "cutover/conductor.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "cutover/conductor_internal.h"
#include "cutover/recover.h"
#include "cutover/reporting.h"
#include "cutover/run.h"

#define AGAIN_NS (200 * NS_PER_MS) // between two tries of an undo
#define WORD_NS (50 * NS_PER_MS)   // steps end a little before the budget, to say what is left
#define LEFT_NS (2 * NS_PER_S)     // for threads on servers that do not answer, at the end

const char *conductor_state_name(enum conductor_state s)
{
    static const char *const names[] = {
#define X(name, text) [CONDUCTOR_##name] = text,
        CONDUCTOR_STATES(X)
#undef X
    };
    return names[s];
}

const char *conductor_end_name(enum conductor_end e)
{
    static const char *const names[] = {
        [CONDUCTOR_NONE_YET] = "none yet",
        [CONDUCTOR_DONE] = "done",
        [CONDUCTOR_LATE] = "done, with an error behind the release",
        [CONDUCTOR_UNDONE] = "undone",
        [CONDUCTOR_GIVEN_UP] = "given up",
    };
    return names[e];
}

// --- state ----------------------------------------------------------------------------------------

// Bits of the states that may follow.
#define TO(name) (1u << CONDUCTOR_##name)
static const unsigned moves[] = {
    [CONDUCTOR_IDLE] = TO(RUNNING),
    [CONDUCTOR_RUNNING] = TO(ASKING) | TO(UNDOING) | TO(STUCK) | TO(WATCHING) | TO(IDLE),
    [CONDUCTOR_ASKING] = TO(RUNNING) | TO(UNDOING),
    [CONDUCTOR_UNDOING] = TO(STUCK) | TO(IDLE),
    [CONDUCTOR_STUCK] = TO(RUNNING) | TO(UNDOING) | TO(WATCHING) | TO(IDLE),
    [CONDUCTOR_WATCHING] = TO(IDLE),
};

// With the lock.
static void set_state(struct conductor *c, enum conductor_state to, const char *why)
{
    enum conductor_state from = c->status.state;
    if (from == to)
        return;
    assert((moves[from] & (1u << to)) != 0);
    LOG_INFO("cutover_state", LOG_STR("from", conductor_state_name(from)),
             LOG_STR("to", conductor_state_name(to)), LOG_STR("why", why));
    c->status.state = to;
    pthread_cond_broadcast(&c->wake);
}

static void set_state_locked(struct conductor *c, enum conductor_state to, const char *why)
{
    pthread_mutex_lock(&c->lock);
    set_state(c, to, why);
    pthread_mutex_unlock(&c->lock);
}

// --- the sequence's surroundings ------------------------------------------------------------------

static enum sl_code write_why(struct run *r, enum journal_kind kind, const char *step,
                              const char *why, struct sl_error *err)
{
    struct buf data;
    buf_init(&data, 4096);
    journal_put_why(&data, NULL, why);
    enum sl_code code = journal_write(r->journal, kind, step, buf_text(&data), err);
    buf_release(&data);
    return code;
}

static enum sl_code record(void *arg, enum sequence_mark mark, const char *step, const char *detail,
                           struct sl_error *err)
{
    struct run *r = arg;
    struct conductor *c = r->conductor;
    static const enum journal_kind kinds[] = {
        [SEQUENCE_BEFORE] = JOURNAL_BEFORE,         [SEQUENCE_AFTER] = JOURNAL_AFTER,
        [SEQUENCE_FAILED] = JOURNAL_FAILED,         [SEQUENCE_UNDO_BEFORE] = JOURNAL_UNDO_BEFORE,
        [SEQUENCE_UNDO_AFTER] = JOURNAL_UNDO_AFTER,
    };
    r->tries = 0;
    report_mark(r->report, mark, step, clock_now_ns());
    pthread_mutex_lock(&c->lock);
    text_copy(c->status.step, sizeof c->status.step, step);
    if (mark == SEQUENCE_UNDO_BEFORE || mark == SEQUENCE_UNDO_AFTER)
        set_state(c, CONDUCTOR_UNDOING, step);
    else if (c->status.state == CONDUCTOR_STUCK)
        set_state(c, CONDUCTOR_RUNNING, step);
    c->held_ns = r->held_ns;
    c->released_ns = r->released_ns;
    pthread_mutex_unlock(&c->lock);
    conductor_tell(c, "%s: %s", step, sequence_mark_name(mark));
    if (r->plan->check)
        return SL_OK;
    if (mark == SEQUENCE_FAILED)
        return write_why(r, kinds[mark], step, detail, err);
    return journal_write(r->journal, kinds[mark], step, detail[0] != '\0' ? detail : NULL, err);
}

static bool is_over_budget(const struct run *r, int64_t now_ns)
{
    return r->held_ns != 0 && r->released_ns == 0 && now_ns - r->held_ns >= r->plan->budget_ns;
}

// What somebody said that ends the run.
static enum sl_code check_words(struct conductor *c, struct sl_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool aborted = c->aborted, no_go = c->no_go, quit = c->quit;
    pthread_mutex_unlock(&c->lock);
    if (!aborted && !no_go && !quit)
        return SL_OK;
    return sl_fail(err, SL_ECLOSED, "%s",
                   aborted ? "aborted by the operator"
                   : no_go ? "no-go, said the operator"
                           : "sluice is shutting down");
}

// A wait that was cut short says so; why, is known here.
static void explain(void *arg, struct sl_error *err)
{
    struct run *r = arg;
    if (err->code == SL_ECLOSED && check_words(r->conductor, err) != SL_OK)
        return;
    if (is_over_budget(r, clock_now_ns() + WORD_NS))
        (void)sl_fail(err, err->code, "the budget of %.3g s is used up: %s",
                      (double)r->plan->budget_ns / (double)NS_PER_S, err->text);
}

static enum sl_code may_go_on(void *arg, const struct sequence_step *next, struct sl_error *err)
{
    struct run *r = arg;
    struct sl_error unheard;
    report_step_begins(r->report, next->name, clock_now_ns());
    enum sl_code code = check_words(r->conductor, err);
    if (code == SL_OK && is_over_budget(r, clock_now_ns()))
        code = sl_fail(err, SL_ETIMEOUT, "the budget of %.3g s is used up, before %s",
                       (double)r->plan->budget_ns / (double)NS_PER_S, next->name);
    // For whoever reads the journal; the undo does not depend on it.
    if (code != SL_OK && r->journal != NULL)
        (void)!write_why(r, JOURNAL_NOTE, NULL, err->text, &unheard);
    return code;
}

// It does not give up while the daemon lives, unless told to: half undone, and half released, is no
// state to leave a master in.
static bool again(void *arg, const struct sequence_step *step, const struct sl_error *err)
{
    struct run *r = arg;
    struct conductor *c = r->conductor;
    r->tries++;
    pthread_mutex_lock(&c->lock);
    bool told = c->status.state == CONDUCTOR_STUCK;
    set_state(c, CONDUCTOR_STUCK, err->text);
    text_copy(c->status.why, sizeof c->status.why, err->text);
    int64_t until = clock_now_ns() + AGAIN_NS;
    while (!c->quit && !c->given_up && condition_wait_until(&c->wake, &c->lock, until))
        ;
    bool over = c->quit || c->given_up;
    pthread_mutex_unlock(&c->lock);
    if (!told)
        conductor_tell(c, "%s %s does not work, trying again: %s",
                       r->no_way_back ? "the" : "the undo of", step->name, err->text);
    return !over;
}

void conductor_no_way_back(struct conductor *c)
{
    pthread_mutex_lock(&c->lock);
    c->no_way_back = true;
    pthread_mutex_unlock(&c->lock);
}

bool conductor_sleep(struct conductor *c, int64_t ns, const atomic_bool *stop)
{
    int64_t until = clock_now_ns() + ns;
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(stop) && condition_wait_until(&c->wake, &c->lock, until))
        ;
    pthread_mutex_unlock(&c->lock);
    return !atomic_load(stop);
}

enum sl_code conductor_wait_for_go(struct conductor *c, const struct patience *p,
                                   struct sl_error *err)
{
    bool in_time = true;
    pthread_mutex_lock(&c->lock);
    set_state(c, CONDUCTOR_ASKING, "ask");
    while (!c->go && !atomic_load(&c->stop) && in_time)
        in_time =
            condition_wait_until(&c->wake, &c->lock, p->until_ns) || clock_now_ns() < p->until_ns;
    bool go = c->go && !atomic_load(&c->stop), no_go = c->no_go;
    if (go)
        set_state(c, CONDUCTOR_RUNNING, "go");
    pthread_mutex_unlock(&c->lock);
    if (go)
        return SL_OK;
    return no_go      ? sl_fail(err, SL_ECLOSED, "no-go, said the operator")
           : !in_time ? sl_fail(err, SL_ETIMEOUT, "nobody said go")
                      : sl_fail(err, SL_ECLOSED, "aborted by the operator");
}

// --- the run --------------------------------------------------------------------------------------

// Of a new one, or of one that a crash has cut off.
static struct sequence_result conduct(struct run *r, struct sequence *q, struct sl_error *err)
{
    const struct conductor *c = r->conductor;
    struct sl_error undoing = {0};
    struct sequence_result result =
        c->journal != 0 ? recover_go(r, q, &c->recovery, err) : sequence_run(q, 0, err);
    if (result.end == SEQUENCE_DONE && r->plan->dry_run) {
        result = sequence_undo(q, q->count - 1, &undoing);
        (void)sl_fail(err, SL_EAGAIN, CONDUCTOR_WAS_DRY);
    }
    // Traffic flows again; what was put off waits until the target answers.
    if (result.end == SEQUENCE_UNDONE && !sequence_pay(q, &undoing)) {
        conductor_tell(r->conductor, "%s must still be made as it was: %s", r->plan->target.name,
                       undoing.text);
        result.end = SEQUENCE_STUCK;
    }
    return result;
}

static enum conductor_end perform(struct run *r, struct sl_error *err)
{
    struct conductor *c = r->conductor;
    struct sequence q = {
        .record = record, .may_go_on = may_go_on, .explain = explain, .again = again, .arg = r};
    enum sl_code code =
        c->journal != 0 ? recover_open(r, c->journal, &c->recovery, err) : run_open_journal(r, err);
    if (code != SL_OK)
        return c->journal != 0 ? CONDUCTOR_GIVEN_UP : CONDUCTOR_UNDONE;
    if (r->journal != NULL)
        r->report->number = journal_number(r->journal);
    steps_of(r->plan, &q.steps, &q.count);
    switch (conduct(r, &q, err).end) {
    case SEQUENCE_DONE: return CONDUCTOR_DONE;
    case SEQUENCE_LATE: return CONDUCTOR_LATE;
    case SEQUENCE_UNDONE: return CONDUCTOR_UNDONE;
    case SEQUENCE_STUCK: return CONDUCTOR_GIVEN_UP;
    }
    return CONDUCTOR_GIVEN_UP;
}

// --- the end --------------------------------------------------------------------------------------

static void sum_up(struct run *r, enum conductor_end end, const struct sl_error *err)
{
    struct conductor *c = r->conductor;
    struct report *report = r->report;
    report->verdict = conductor_end_name(end);
    struct sl_error why = *err;
    if (report->testers_wrote[0] != '\0')
        (void)sl_fail(&why, err->code, "%s; testers wrote on %s what %s does not have: %s",
                      err->text, r->plan->target.name, r->plan->old.name, report->testers_wrote);
    text_copy(report->why, sizeof report->why, end == CONDUCTOR_DONE ? "" : why.text);
    report->held_ns = r->held_ns;
    report->released_ns = r->released_ns;
    report->ended_ns = clock_now_ns();
    pthread_mutex_lock(&c->lock);
    memcpy(report->words, c->heard, sizeof report->words);
    report->word_count = c->heard_count;
    pthread_mutex_unlock(&c->lock);
}

static bool is_watched(const struct run *r, enum conductor_end end)
{
    return (end == CONDUCTOR_DONE || end == CONDUCTOR_LATE) && !r->plan->check &&
           !r->plan->dry_run && r->plan->watch_ns > 0;
}

static void finish(struct run *r, enum conductor_end end)
{
    struct conductor *c = r->conductor;
    const struct felt *felt = r->report->felt;
    struct conductor_status how;
    pthread_mutex_lock(&c->lock);
    c->held_ns = r->held_ns;
    c->released_ns = r->released_ns;
    c->status.last = end;
    c->status.number = r->report->number;
    c->status.moved = (unsigned)(r->report->after.moved - r->report->before.moved);
    c->status.ended = felt->ends_more;
    for (unsigned i = 0; i < felt->end_count; i++)
        c->status.ended += felt->ends[i].count;
    c->status.felt_max_ns = felt->waits.max_ns;
    text_copy(c->status.why, sizeof c->status.why, r->report->why);
    set_state(c, is_watched(r, end) ? CONDUCTOR_WATCHING : CONDUCTOR_IDLE, conductor_end_name(end));
    how = c->status;
    how.stall_ns = c->held_ns != 0 && c->released_ns != 0 ? c->released_ns - c->held_ns : 0;
    pthread_mutex_unlock(&c->lock);
    conductor_tell_end(c, &how, false);
}

static void watch(struct run *r)
{
    struct conductor *c = r->conductor;
    struct conductor_status how;
    watch_run(r, &c->stop_watch);
    reporting_watched(r, &c->stop_watch);
    pthread_mutex_lock(&c->lock);
    set_state(c, CONDUCTOR_IDLE, r->report->watch.ended_by);
    how = c->status;
    pthread_mutex_unlock(&c->lock);
    conductor_tell_end(c, &how, true);
}

static void *conductor_main(void *arg)
{
    struct conductor *c = arg;
    struct run r;
    struct sl_error err = {0};
    run_begin(&r, c, c->plan, c->plant, &c->stop);
    c->plan = NULL;
    r.report = c->report = report_new(r.plan, c->began_ns, c->status.began_wall_us);
    reporting_begin(&r);
    enum conductor_end end = perform(&r, &err);
    run_close_journal(&r, end != CONDUCTOR_GIVEN_UP ? conductor_end_name(end) : NULL,
                      end == CONDUCTOR_DONE ? "" : err.text);
    sum_up(&r, end, &err);
    reporting_end(&r, is_watched(&r, end));
    // Another may start from here on, and the main thread waits for this one when it does: nothing
    // below may need the main loop without looking at stop_watch.
    finish(&r, end);
    if (is_watched(&r, end))
        watch(&r);
    run_end(&r);
    return NULL;
}

// --- the main thread ------------------------------------------------------------------------------

struct conductor *conductor_new(struct loop *main_loop, const struct cutover_plant *plant,
                                const struct conductor_ears *ears)
{
    struct conductor *c = mem_zalloc(sizeof *c);
    c->main_loop = main_loop;
    c->plant = plant;
    c->ears = *ears;
    pthread_mutex_init(&c->lock, NULL);
    condition_init(&c->wake);
    return c;
}

// With the lock.
static void prepare(struct conductor *c, struct cutover_plan *plan)
{
    atomic_store(&c->stop, false);
    atomic_store(&c->stop_watch, c->quit);
    c->heard_count = 0;
    c->status.number = c->status.moved = c->status.ended = 0;
    c->status.felt_max_ns = 0;
    c->go = c->no_go = c->aborted = c->given_up = c->no_way_back = false;
    c->began_ns = clock_now_ns();
    c->held_ns = c->released_ns = 0;
    c->plan = plan;
    c->found.count = 0;
    c->status.check = plan->check;
    c->status.dry_run = plan->dry_run;
    c->status.began_wall_us = clock_wall_us();
    c->status.budget_ns = plan->budget_ns;
    c->status.why[0] = '\0';
    text_copy(c->status.from, sizeof c->status.from, plan->old.name);
    text_copy(c->status.to, sizeof c->status.to, plan->target.name);
    text_copy(c->status.by, sizeof c->status.by, plan->by);
    set_state(c, CONDUCTOR_RUNNING, plan->by);
}

static enum sl_code start(struct conductor *c, struct cutover_plan *plan, struct sl_error *err)
{
    if (c->started)
        pthread_join(c->thread, NULL);
    pthread_mutex_lock(&c->lock);
    prepare(c, plan);
    pthread_mutex_unlock(&c->lock);
    c->started = pthread_create(&c->thread, NULL, conductor_main, c) == 0;
    if (c->started)
        return SL_OK;
    cutover_plan_unref(plan);
    set_state_locked(c, CONDUCTOR_IDLE, "no thread");
    return sl_fail(err, SL_EIO, "no thread for the cutover");
}

// A watch is no hindrance to another.
static bool is_busy(const struct conductor_status *s)
{
    return s->state != CONDUCTOR_IDLE && s->state != CONDUCTOR_WATCHING;
}

enum sl_code conductor_start(struct conductor *c, struct cutover_plan *plan, struct sl_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool busy = is_busy(&c->status);
    if (!busy) { // a watch ends at once: it waits for nothing but its own report
        atomic_store(&c->stop_watch, true);
        pthread_cond_broadcast(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    if (busy) {
        cutover_plan_unref(plan);
        return sl_fail(err, SL_ECONFLICT, "a cutover from %s to %s is under way", c->status.from,
                       c->status.to);
    }
    c->journal = 0;
    return start(c, plan, err);
}

enum sl_code conductor_recover(struct conductor *c, struct cutover_plan *plan, unsigned journal,
                               const struct recovery *how, struct sl_error *err)
{
    assert(c->status.state == CONDUCTOR_IDLE && journal != 0);
    c->journal = journal;
    c->recovery = *how;
    return start(c, plan, err);
}

const char *conductor_word_name(enum conductor_word word)
{
    static const char *const names[] = {"go", "no-go", "abort", "forget"};
    return names[word];
}

// With the lock.
static void hear(struct conductor *c, enum conductor_word word, const char *by)
{
    c->go = c->go || word == CONDUCTOR_GO;
    c->no_go = c->no_go || word == CONDUCTOR_NO_GO;
    c->aborted = c->aborted || word == CONDUCTOR_ABORT;
    c->given_up = c->given_up || word == CONDUCTOR_GIVE_UP;
    atomic_store(&c->stop, c->no_go || c->aborted);
    if (c->heard_count < REPORT_WORDS_MAX) {
        struct report_word *w = &c->heard[c->heard_count++];
        w->at_ns = clock_now_ns() - c->began_ns;
        w->word = conductor_word_name(word);
        text_copy(w->by, sizeof w->by, by);
    }
    pthread_cond_broadcast(&c->wake);
}

enum sl_code conductor_say(struct conductor *c, enum conductor_word word, const char *by,
                           struct sl_error *err)
{
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&c->lock);
    enum conductor_state state = c->status.state;
    if (!is_busy(&c->status))
        code = sl_fail(err, SL_ECONFLICT, "no cutover is under way");
    else if (word == CONDUCTOR_GIVE_UP)
        code = state == CONDUCTOR_STUCK ? SL_OK
                                        : sl_fail(err, SL_ECONFLICT, "the cutover is not stuck");
    else if (word != CONDUCTOR_ABORT && state != CONDUCTOR_ASKING)
        code = sl_fail(err, SL_ECONFLICT, "the cutover does not ask (it is %s)",
                       conductor_state_name(state));
    else if (c->no_way_back)
        code = sl_fail(err, SL_ECONFLICT,
                       "clients are on %s already: the way back is another cutover", c->status.to);
    else if (state == CONDUCTOR_UNDOING || state == CONDUCTOR_STUCK)
        code = sl_fail(err, SL_ECONFLICT, "it is being undone already");
    if (code == SL_OK)
        hear(c, word, by);
    pthread_mutex_unlock(&c->lock);
    return code;
}

void conductor_look(struct conductor *c, struct conductor_status *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->status;
    int64_t end = c->released_ns != 0 ? c->released_ns : clock_now_ns();
    out->stall_ns = c->held_ns != 0 ? end - c->held_ns : 0;
    pthread_mutex_unlock(&c->lock);
}

void conductor_findings(struct conductor *c, struct preflight *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->found;
    pthread_mutex_unlock(&c->lock);
}

void conductor_stop(struct conductor *c)
{
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    atomic_store(&c->stop, true);
    atomic_store(&c->stop_watch, true);
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void conductor_free(struct conductor *c)
{
    if (c == NULL)
        return;
    conductor_stop(c);
    if (c->started)
        pthread_join(c->thread, NULL);
    hand_wait_for_left(clock_now_ns() + LEFT_NS);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}
