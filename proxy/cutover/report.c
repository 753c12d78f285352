// What a report is filled with, and the longest wait taken apart.
#include "cutover/report.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

struct report *report_new(const struct cutover_plan *plan, int64_t began_ns, int64_t began_wall_us)
{
    struct report *r = mem_zalloc(sizeof *r);
    r->plan = plan;
    r->began_ns = began_ns;
    r->began_wall_us = began_wall_us;
    r->catch_up_ns = -1;
    r->felt = mem_zalloc(sizeof *r->felt);
    r->watch.ordered_ns = plan->watch_ns;
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    for (unsigned i = 0; i < r->line_count; i++)
        mem_free(r->lines[i].text);
    for (unsigned i = 0; i < r->check_count; i++) {
        mem_free(r->checks[i].name);
        mem_free(r->checks[i].said);
    }
    mem_free(r->lines);
    mem_free(r->checks);
    mem_free(r->felt);
    mem_free(r->first);
    mem_free(r->watch.samples);
    mem_free(r);
}

// --- the timeline -------------------------------------------------------------------------------

// NULL when there is no room for another.
static struct report_step *step_of(struct report *r, const char *name)
{
    for (unsigned i = 0; i < r->step_count; i++)
        if (strcmp(r->steps[i].name, name) == 0)
            return &r->steps[i];
    if (r->step_count == REPORT_STEPS_MAX)
        return NULL;
    struct report_step *s = &r->steps[r->step_count++];
    text_copy(s->name, sizeof s->name, name);
    return s;
}

void report_step_begins(struct report *r, const char *name, int64_t now_ns)
{
    struct report_step *s = step_of(r, name);
    if (s != NULL && s->began_ns == 0)
        s->began_ns = now_ns;
}

void report_mark(struct report *r, enum sequence_mark mark, const char *name, int64_t now_ns)
{
    struct report_step *s = step_of(r, name);
    if (s == NULL)
        return;
    switch (mark) {
    case SEQUENCE_BEFORE: s->began_ns = s->began_ns != 0 ? s->began_ns : now_ns; break;
    case SEQUENCE_AFTER: s->ended_ns = now_ns; break;
    case SEQUENCE_FAILED:
        s->ended_ns = now_ns;
        s->failed = true;
        break;
    case SEQUENCE_UNDO_BEFORE: s->undo_began_ns = now_ns; break;
    case SEQUENCE_UNDO_AFTER: s->undone_ns = now_ns; break;
    }
}

// --- what was said ------------------------------------------------------------------------------

void report_say(struct report *r, int64_t at_ns, const char *line)
{
    if (r->line_count == REPORT_LINES_MAX) {
        r->lines_left_out++;
        return;
    }
    r->lines = mem_realloc(r->lines, (r->line_count + 1) * sizeof *r->lines);
    r->lines[r->line_count++] = (struct report_line){at_ns, mem_strdup(line)};
}

void report_heard(struct report *r, int64_t at_ns, const char *word, const char *by)
{
    if (r->word_count == REPORT_WORDS_MAX)
        return;
    struct report_word *w = &r->words[r->word_count++];
    w->at_ns = at_ns;
    w->word = word;
    text_copy(w->by, sizeof w->by, by);
}

void report_checked(struct report *r, const char *name, bool good, const char *said,
                    int64_t took_ns)
{
    r->checks = mem_realloc(r->checks, (r->check_count + 1) * sizeof *r->checks);
    r->checks[r->check_count++] = (struct report_check){
        .name = mem_strdup(name), .said = mem_strdup(said), .good = good, .took_ns = took_ns};
}

void report_stands(struct report *r, enum report_place which, const struct position *p)
{
    struct buf text;
    buf_init(&text, GTID_TEXT_MAX);
    if (p->log.file[0] != '\0')
        buf_printf(&text, "%s:%llu", p->log.file, (unsigned long long)p->log.offset);
    if (p->gtid) {
        buf_str(&text, text.n > 0 ? ", " : "");
        gtid_format(&p->logged, &text);
    }
    text_copy(r->places[which], sizeof r->places[which], buf_text(&text));
    buf_release(&text);
}

// --- the longest wait ---------------------------------------------------------------------------

struct splitting {
    struct report_part *out;
    unsigned count;
    int64_t at_ns, until_ns; // what is not accounted for yet
};

// Takes what lies in [began, ended); what lies before it is "between".
static void take(struct splitting *s, const char *name, bool undo, int64_t began_ns,
                 int64_t ended_ns)
{
    int64_t from = began_ns > s->at_ns ? began_ns : s->at_ns;
    int64_t to = ended_ns < s->until_ns ? ended_ns : s->until_ns;
    if (to <= from)
        return;
    if (from > s->at_ns && s->count < REPORT_PARTS_MAX)
        s->out[s->count++] = (struct report_part){"between", false, from - s->at_ns};
    if (s->count < REPORT_PARTS_MAX)
        s->out[s->count++] = (struct report_part){name, undo, to - from};
    s->at_ns = to;
}

unsigned report_split(const struct report *r, const struct felt_longest *l,
                      struct report_part out[REPORT_PARTS_MAX])
{
    struct splitting s = {.out = out, .at_ns = l->arrived_ns, .until_ns = l->answered_ns};
    int64_t released = l->opened_ns != 0 ? l->opened_ns : r->released_ns;
    // The gate is open from here on, whatever the conductor still does.
    if (released != 0 && released < s.until_ns)
        s.until_ns = released;
    for (unsigned i = 0; i < r->step_count; i++)
        if (r->steps[i].began_ns != 0)
            take(&s, r->steps[i].name, false, r->steps[i].began_ns,
                 r->steps[i].ended_ns != 0 ? r->steps[i].ended_ns : INT64_MAX);
    for (unsigned i = r->step_count; i-- > 0;)
        if (r->steps[i].undo_began_ns != 0)
            take(&s, r->steps[i].name, true, r->steps[i].undo_began_ns,
                 r->steps[i].undone_ns != 0 ? r->steps[i].undone_ns : INT64_MAX);
    s.until_ns = l->answered_ns;
    take(&s,
         l->connection ? "connect"
         : l->moved    ? "move"
                       : "resume",
         false, s.at_ns, l->sent_ns != 0 ? l->sent_ns : l->answered_ns);
    take(&s, "answer", false, s.at_ns, l->answered_ns);
    return s.count;
}
