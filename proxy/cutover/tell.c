// What the conductor tells the main thread: a line at a time, as it happens, and the end. Called in
// the conductor's thread; a mail each, so that order is kept.
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cutover/conductor_internal.h"
#include "cutover/run.h"

#define LINE_MAX_BYTES 600

struct line {
    struct mail mail;
    struct conductor *conductor;
    int64_t at_ns;
    char text[LINE_MAX_BYTES];
};

static void line_came(struct mail *m, void *owner)
{
    struct line *l = (struct line *)(void *)m;
    (void)owner;
    l->conductor->ears.said(l->conductor->ears.arg, l->at_ns, l->text);
    mem_free(l);
}

static void SL_PRINTF(2, 0) vtell(struct conductor *c, const char *fmt, va_list args)
{
    struct line *l = mem_zalloc(sizeof *l);
    l->mail.deliver = line_came;
    l->conductor = c;
    l->at_ns = clock_now_ns() - c->began_ns;
    (void)vsnprintf(l->text, sizeof l->text, fmt, args);
    report_say(c->report, l->at_ns, l->text);
    LOG_INFO("cutover", LOG_MS("at_ms", l->at_ns), LOG_STR("what", l->text));
    loop_post(c->main_loop, &l->mail);
}

void conductor_tell(struct conductor *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vtell(c, fmt, args);
    va_end(args);
}

void conductor_found(struct conductor *c, const struct preflight *found)
{
    pthread_mutex_lock(&c->lock);
    c->found = *found;
    pthread_mutex_unlock(&c->lock);
    c->report->found = *found;
    const struct preflight_accepted accepted = cutover_plan_accepted(c->report->plan);
    for (unsigned i = 0; i < found->count; i++) {
        const struct preflight_row *row = &found->rows[i];
        bool is_accepted =
            row->verdict == VERDICT_NO && preflight_is_accepted(&accepted, row->name);
        if (row->verdict != VERDICT_GO)
            conductor_tell(c, "%s %s%s: %s", verdict_name(row->verdict), row->name,
                           is_accepted ? ", accepted" : "", row->evidence);
    }
}

struct last_word {
    struct mail mail;
    struct conductor *conductor;
    struct conductor_status status;
    bool of_watch;
};

static void end_came(struct mail *m, void *owner)
{
    struct last_word *w = (struct last_word *)(void *)m;
    (void)owner;
    const struct conductor_ears *ears = &w->conductor->ears;
    (w->of_watch ? ears->watched : ears->ended)(ears->arg, &w->status);
    mem_free(w);
}

void conductor_tell_end(struct conductor *c, const struct conductor_status *how, bool of_watch)
{
    struct last_word *w = mem_zalloc(sizeof *w);
    w->status = *how;
    w->of_watch = of_watch;
    w->mail.deliver = end_came;
    w->conductor = c;
    loop_post(c->main_loop, &w->mail);
}
