// Whether all is as it was before the cutover. See watch.h.
#include "cutover/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cutover/report.h"
#include "cutover/run.h"

#define SAMPLE_NS NS_PER_S
#define LOOK_NS (2 * NS_PER_S) // for one look

// Clearly worse: that many times as much as before, and by so much.
#define WORSE_TIMES 3.0
#define WORSE_ERRORS 1.0 // a second
#define WORSE_NS (10 * NS_PER_MS)

static double rate(uint64_t from, uint64_t to, double seconds)
{
    return seconds > 0 && to > from ? (double)(to - from) / seconds : 0;
}

struct watch_sample watch_between(const struct cutover_look *from, const struct cutover_look *to)
{
    double seconds = (double)(to->at_ns - from->at_ns) / (double)NS_PER_S;
    struct watch_sample s = {
        .sessions = to->stats.sessions,
        .waiting = to->felt.waiting,
        .commands = rate(from->stats.commands, to->stats.commands, seconds),
        .errors = rate(from->stats.errors, to->stats.errors, seconds),
        .p50_ns = spread_quantile(&to->felt.answers, 500),
        .p99_ns = spread_quantile(&to->felt.answers, 990),
        .target_known = to->target.known,
        .old_known = to->old.known,
        .threads_running = to->target.threads_running,
        .lag_seconds = to->old.lag_seconds,
        .lag_transactions = to->old.lag_transactions,
    };
    for (unsigned c = 0; c < ERROR_CLASS_COUNT; c++)
        s.by_error[c] = rate(from->stats.by_error[c], to->stats.by_error[c], seconds);
    if (from->target.known && to->target.known)
        s.queries = rate(from->target.queries, to->target.queries, seconds);
    return s;
}

struct watch_sample watch_average(const struct watch_sample *samples, unsigned n)
{
    struct watch_sample sum = samples[n - 1];
    for (unsigned i = 0; i + 1 < n; i++) {
        const struct watch_sample *s = &samples[i];
        sum.commands += s->commands;
        sum.errors += s->errors;
        sum.queries += s->queries;
        sum.p50_ns += s->p50_ns;
        sum.p99_ns = s->p99_ns > sum.p99_ns ? s->p99_ns : sum.p99_ns;
        for (unsigned c = 0; c < ERROR_CLASS_COUNT; c++)
            sum.by_error[c] += s->by_error[c];
    }
    sum.commands /= n;
    sum.errors /= n;
    sum.queries /= n;
    sum.p50_ns /= n;
    for (unsigned c = 0; c < ERROR_CLASS_COUNT; c++)
        sum.by_error[c] /= n;
    return sum;
}

// The class that has risen the most.
static const char *worst_class(const struct watch_sample *before, const struct watch_sample *now)
{
    unsigned worst = 0;
    for (unsigned c = 1; c < ERROR_CLASS_COUNT; c++)
        if (now->by_error[c] - before->by_error[c] > now->by_error[worst] - before->by_error[worst])
            worst = c;
    return error_class_name((enum error_class)worst);
}

bool watch_is_worse(const struct watch_sample *before, const struct watch_sample *now, char *why,
                    size_t size)
{
    size_t n = 0;
    why[0] = '\0';
    if (now->errors > WORSE_TIMES * before->errors && now->errors - before->errors > WORSE_ERRORS)
        n = (size_t)snprintf(why, size, "%.1f errors a second, before it were %.1f; most are %s",
                             now->errors, before->errors, worst_class(before, now));
    if (before->p99_ns > 0 && (double)now->p99_ns > WORSE_TIMES * (double)before->p99_ns &&
        now->p99_ns - before->p99_ns > WORSE_NS && n < size)
        (void)snprintf(why + n, size - n, "%sp99 of answers %.1f ms, before it was %.1f ms",
                       n > 0 ? "; " : "", (double)now->p99_ns / (double)NS_PER_MS,
                       (double)before->p99_ns / (double)NS_PER_MS);
    return why[0] != '\0';
}

void watch_add(struct watch *w, const struct watch_sample *s)
{
    if (w->samples == NULL)
        w->samples = mem_array(WATCH_SAMPLES_MAX, sizeof *w->samples);
    w->count += w->count < WATCH_SAMPLES_MAX ? 1 : 0;
    w->samples[w->count - 1] = *s;
}

// --- the loop -----------------------------------------------------------------------------------

static void tell(struct run *r, const struct watch *w)
{
    unsigned n = w->count < WATCH_WINDOW ? w->count : WATCH_WINDOW;
    struct watch_sample now = watch_average(&w->samples[w->count - n], n);
    char lag[60] = "", why[200];
    if (now.old_known && now.lag_seconds >= 0)
        (void)snprintf(lag, sizeof lag, "; %s is %.1f s behind", r->plan->old.name,
                       now.lag_seconds);
    conductor_tell(r->conductor,
                   "watch: %.0f commands, %.1f errors a second, p99 %.1f ms, %u sessions; %s: %u"
                   " threads running, %.0f queries a second%s",
                   now.commands, now.errors, (double)now.p99_ns / (double)NS_PER_MS, now.sessions,
                   r->plan->target.name, now.threads_running, now.queries, lag);
    if (!watch_is_worse(&w->baseline, &now, why, sizeof why))
        return;
    r->report->watch.warnings++;
    LOG_WARN("cutover_watch", LOG_STR("target", r->plan->target.name), LOG_STR("why", why));
    conductor_tell(r->conductor, "WARN watch: %s", why);
}

// The next look, a sample made of it and of `before`, which it becomes. False: stopped.
static bool sample(struct run *r, struct cutover_look *before, const atomic_bool *stop)
{
    struct watch *w = &r->report->watch;
    struct sl_error err;
    struct patience p = {.until_ns = clock_now_ns() + LOOK_NS, .stop = stop};
    struct cutover_look *now = mem_zalloc(sizeof *now);
    if (r->plant->look(r->plant->arg, FELT_LOOK, r->plan->old.name, r->plan->target.name, &p, now,
                       &err) == SL_OK) {
        struct watch_sample s = watch_between(before, now);
        s.at_ns = now->at_ns - r->released_ns;
        watch_add(w, &s);
        *before = *now;
    }
    mem_free(now);
    return !atomic_load(stop);
}

void watch_run(struct run *r, const atomic_bool *stop)
{
    struct watch *w = &r->report->watch;
    struct cutover_look *last = mem_zalloc(sizeof *last);
    struct sl_error err;
    int64_t until = clock_now_ns() + w->ordered_ns;
    struct patience p = {.until_ns = clock_now_ns() + LOOK_NS, .stop = stop};
    bool goes_on = r->plant->look(r->plant->arg, FELT_LOOK, r->plan->old.name, r->plan->target.name,
                                  &p, last, &err) == SL_OK;
    for (unsigned i = 1; goes_on && clock_now_ns() < until; i++) {
        goes_on = conductor_sleep(r->conductor, SAMPLE_NS, stop) && sample(r, last, stop);
        if (goes_on && i % WATCH_WINDOW == 0 && w->count > 0)
            tell(r, w);
    }
    w->ended_by = atomic_load(stop) ? "cut short"
                  : goes_on         ? "its time was over"
                                    : "the traffic could not be looked at";
    mem_free(last);
}
