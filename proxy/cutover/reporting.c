// The report of a run: looks at the traffic at its beginning, at the hold, and behind it.
#include "cutover/reporting.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cutover/report.h"
#include "cutover/report_file.h"
#include "cutover/run.h"

#define LOOK_NS (2 * NS_PER_S) // for one look at the traffic
#define SETTLE_NS NS_PER_S     // for the answers of those who were held
#define SETTLE_LOOK_NS (10 * NS_PER_MS)

// NULL when it could not be had; else heap.
static struct cutover_look *look(struct run *r, enum felt_look how, const struct patience *p)
{
    struct sl_error unheard;
    struct cutover_look *l = mem_zalloc(sizeof *l);
    if (r->plant->look(r->plant->arg, how, r->plan->old.name, r->plan->target.name, p, l,
                       &unheard) == SL_OK)
        return l;
    mem_free(l);
    return NULL;
}

// `stop`: NULL, nobody hurries.
static void take_look(struct run *r, enum felt_look how, const atomic_bool *stop)
{
    struct patience p = {.until_ns = clock_now_ns() + LOOK_NS, .stop = stop};
    struct cutover_look *l = look(r, how, &p);
    if (l == NULL)
        return;
    *r->report->felt = l->felt;
    r->report->after = l->stats;
    mem_free(l);
}

static void store(struct run *r)
{
    struct sl_error err;
    struct buf json;
    if (r->report->number == 0)
        return;
    buf_init(&json, REPORT_FILE_MAX);
    report_json(r->report, &json);
    if (json.failed)
        LOG_ERROR("report_too_large", LOG_U64("report", r->report->number));
    else if (report_store(r->plan->state_dir, r->report->number, json.p, json.n, &err) != SL_OK)
        LOG_ERROR("report_not_stored", LOG_U64("report", r->report->number),
                  LOG_STR("why", err.text));
    buf_release(&json);
}

void reporting_begin(struct run *r)
{
    struct patience p = {.until_ns = clock_now_ns() + LOOK_NS};
    mem_free(r->report->first);
    r->report->first = look(r, FELT_BEGIN, &p);
    if (r->report->first != NULL)
        r->report->before = r->report->after = r->report->first->stats;
}

void reporting_baseline(struct run *r, const struct patience *p)
{
    struct watch *w = &r->report->watch;
    if (r->report->first == NULL)
        return;
    struct cutover_look *now = look(r, FELT_LOOK, p);
    w->has_baseline = now != NULL;
    if (w->has_baseline)
        w->baseline = watch_between(r->report->first, now);
    mem_free(now);
}

void reporting_end(struct run *r, bool watched)
{
    int64_t until = clock_now_ns() + SETTLE_NS;
    static const atomic_bool nobody;
    do
        take_look(r, FELT_LOOK, NULL);
    while (r->held_ns != 0 && r->report->felt->waiting > 0 && clock_now_ns() < until &&
           conductor_sleep(r->conductor, SETTLE_LOOK_NS, &nobody));
    if (!watched)
        take_look(r, FELT_END, NULL);
    store(r);
}

void reporting_watched(struct run *r, const atomic_bool *stop)
{
    if (!atomic_load(stop))
        take_look(r, FELT_END, stop);
    store(r);
}
