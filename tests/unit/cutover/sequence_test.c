// The engine of a cutover: the order of records and acts, forward and back.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cutover/sequence.h"

// What happened, one word each; and where to fail.
struct stage {
    char story[1024];
    const char *fail;   // the story's word that fails, NULL: none
    unsigned fail_undo; // how often an undo fails
    unsigned patience;  // how often it may
    const char *absent; // the step whose undo has to wait, NULL: none
};

static enum sl_code happen(struct stage *s, const char *verb, const char *step,
                           struct sl_error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%s%s", verb, step);
    size_t n = strlen(s->story);
    snprintf(s->story + n, sizeof s->story - n, "%s%s", n > 0 ? " " : "", word);
    if (s->fail != NULL && strcmp(word, s->fail) == 0)
        return sl_fail(err, SL_EIO, "%s failed", word);
    return SL_OK;
}

static enum sl_code plan_b(void *arg, struct buf *json, struct sl_error *err)
{
    buf_str(json, "{\"b\":1}");
    return happen(arg, "?", "b", err);
}

#define ACT(name)                                                                                  \
    static enum sl_code act_##name(void *arg, struct sl_error *err)                                \
    {                                                                                              \
        return happen(arg, "+", #name, err);                                                       \
    }
#define UNDO(name)                                                                                 \
    static enum sl_code undo_##name(void *arg, struct sl_error *err)                               \
    {                                                                                              \
        struct stage *s = arg;                                                                     \
        (void)!happen(s, "-", #name, err);                                                         \
        if (s->absent != NULL && strcmp(s->absent, #name) == 0)                                    \
            return sl_fail(err, SL_EAGAIN, "not now");                                             \
        return s->fail_undo > 0 && s->fail_undo-- > 0 ? sl_fail(err, SL_EIO, "stuck at " #name)    \
                                                      : SL_OK;                                     \
    }

ACT(a)
ACT(b)
ACT(c)
ACT(d)
ACT(e)
UNDO(a)
UNDO(b)

static const struct sequence_step STEPS[] = {
    {.name = "a", .act = act_a, .undo = undo_a, .effect = SEQUENCE_ASIDE},
    {.name = "b", .plan = plan_b, .act = act_b, .undo = undo_b, .effect = SEQUENCE_ASIDE},
    {.name = "c", .act = act_c},
    {.name = "d", .act = act_d, .effect = SEQUENCE_VITAL, .final = true, .no_return = true},
    {.name = "e", .act = act_e},
};

static enum sl_code record(void *arg, enum sequence_mark mark, const char *step, const char *detail,
                           struct sl_error *err)
{
    static const char *const signs[] = {"[", "]", "!", "<", ">"};
    char word[80];
    snprintf(word, sizeof word, "%s%s", step, detail);
    return happen(arg, signs[mark], word, err);
}

static enum sl_code may_go_on(void *arg, const struct sequence_step *next, struct sl_error *err)
{
    struct stage *s = arg;
    if (s->fail != NULL && s->fail[0] == '@' && strcmp(next->name, s->fail + 1) == 0)
        return sl_fail(err, SL_ETIMEOUT, "over budget");
    return SL_OK;
}

static void explain(void *arg, struct sl_error *err)
{
    (void)arg;
    (void)sl_fail(err, err->code, "(%s)", err->text);
}

static bool again(void *arg, const struct sequence_step *step, const struct sl_error *err)
{
    struct stage *s = arg;
    (void)step;
    (void)err;
    return s->patience > 0 && s->patience-- > 0;
}

static struct sequence make(struct stage *s)
{
    return (struct sequence){.steps = STEPS,
                             .count = sizeof STEPS / sizeof *STEPS,
                             .record = record,
                             .may_go_on = may_go_on,
                             .explain = explain,
                             .again = again,
                             .arg = s};
}

// A run from `from` with `fail`: how it ends, and the whole story.
static const struct {
    unsigned from;
    const char *fail;
    unsigned fail_undo, patience;
    enum sequence_end end;
    unsigned at;
    const char *story, *why;
} RUNS[] = {
    {0, NULL, 0, 0, SEQUENCE_DONE, 5, "[a +a ]a ?b [b{\"b\":1} +b ]b [c +c ]c [d +d ]d [e +e ]e",
     ""},
    {0, "+b", 0, 0, SEQUENCE_UNDONE, 1,
     "[a +a ]a ?b [b{\"b\":1} +b !b(+b failed) <b -b >b <a -a >a", "(+b failed)"},
    // Only planned: nothing of it to undo.
    {0, "?b", 0, 0, SEQUENCE_UNDONE, 1, "[a +a ]a ?b <a -a >a", "(?b failed)"},
    // What is not on disk is not done.
    {0, "[c", 0, 0, SEQUENCE_UNDONE, 2, "[a +a ]a ?b [b{\"b\":1} +b ]b [c <b -b >b <a -a >a",
     "([c failed)"},
    {0, "[a", 0, 0, SEQUENCE_UNDONE, 0, "[a", "([a failed)"},
    // Done, but not recorded as done: undone.
    {0, "]a", 0, 0, SEQUENCE_UNDONE, 0, "[a +a ]a <a -a >a", "]a failed"},
    {0, "@c", 0, 0, SEQUENCE_UNDONE, 2, "[a +a ]a ?b [b{\"b\":1} +b ]b <b -b >b <a -a >a",
     "over budget"},
    {0, "@a", 0, 0, SEQUENCE_UNDONE, 0, "", "over budget"},
    // The final step has a way back until it is announced,
    {2, "[d", 0, 0, SEQUENCE_UNDONE, 3, "[c +c ]c [d <b -b >b <a -a >a", "([d failed)"},
    {2, "@d", 0, 0, SEQUENCE_UNDONE, 3, "[c +c ]c <b -b >b <a -a >a", "over budget"},
    // and from then on is tried again.
    {2, "+d", 0, 2, SEQUENCE_STUCK, 3, "[c +c ]c [d +d +d +d", "+d failed"},
    // Once it is done it stays, recorded or not.
    {2, "]d", 0, 0, SEQUENCE_DONE, 5, "[c +c ]c [d +d ]d [e +e ]e", ""},
    // Nothing behind it is, nor is the budget asked.
    {3, "+e", 0, 0, SEQUENCE_LATE, 4, "[d +d ]d [e +e !e(+e failed)", "(+e failed)"},
    {3, "@e", 0, 0, SEQUENCE_DONE, 5, "[d +d ]d [e +e ]e", ""},
    {5, NULL, 0, 0, SEQUENCE_DONE, 5, "", ""},
    // An undo that fails is tried again, for as long as the caller likes.
    {2, "+c", 2, 2, SEQUENCE_UNDONE, 2, "[c +c !c(+c failed) <b -b -b -b >b <a -a >a",
     "(+c failed)"},
    {2, "+c", 3, 2, SEQUENCE_STUCK, 1, "[c +c !c(+c failed) <b -b -b -b", "stuck at b"},
    // A record that cannot be written does not stop an undo.
    {2, "<b", 0, 0, SEQUENCE_DONE, 5, "[c +c ]c [d +d ]d [e +e ]e", ""},
};

Test(sequence, records_before_it_acts_and_undoes_backwards)
{
    for (size_t i = 0; i < sizeof RUNS / sizeof *RUNS; i++) {
        struct stage s = {
            .fail = RUNS[i].fail, .fail_undo = RUNS[i].fail_undo, .patience = RUNS[i].patience};
        struct sequence q = make(&s);
        struct sl_error err = {0};
        struct sequence_result r = sequence_run(&q, RUNS[i].from, &err);
        cr_expect_str_eq(s.story, RUNS[i].story, "run %zu: %s", i, s.story);
        cr_expect_eq(r.end, RUNS[i].end, "run %zu: %d", i, r.end);
        cr_expect_eq(r.at, RUNS[i].at, "run %zu: at %u", i, r.at);
        if (r.end != SEQUENCE_DONE)
            cr_expect_str_eq(err.text, RUNS[i].why, "run %zu: %s", i, err.text);
    }
}

Test(sequence, an_undo_goes_on_when_the_journal_is_full)
{
    struct stage s = {.fail = "<b"};
    struct sequence q = make(&s);
    struct sl_error err = {0};
    cr_expect_eq(sequence_undo(&q, 2, &err).end, SEQUENCE_UNDONE);
    cr_expect_str_eq(s.story, "<b -b >b <a -a >a", "%s", s.story);
}

// Clients do not wait for what nothing depends on, and the order stays.
Test(sequence, an_undo_is_put_off_and_made_up_for)
{
    struct stage s = {.absent = "b"};
    struct sequence q = make(&s);
    struct sl_error err = {0};
    cr_expect_eq(sequence_undo(&q, 2, &err).end, SEQUENCE_UNDONE);
    cr_expect_str_eq(s.story, "<b -b", "a has to wait for b: %s", s.story);
    cr_expect_eq(q.put_off, 3);
    s.story[0] = '\0';
    s.patience = 1;
    cr_expect(!sequence_pay(&q, &err), "given up");
    cr_expect_str_eq(s.story, "<b -b -b", "%s", s.story);
    s.story[0] = '\0';
    s.absent = NULL;
    cr_expect(sequence_pay(&q, &err));
    cr_expect_str_eq(s.story, "<b -b >b <a -a >a", "%s", s.story);
    cr_expect(sequence_pay(&q, &err) && q.put_off == 0);
    cr_expect_str_eq(s.story, "<b -b >b <a -a >a", "paid once");
}

Test(sequence, after_a_crash)
{
    static const bool skip[] = {false, true, false, false, false};
    struct stage s = {.fail = "+e"};
    struct sequence q = make(&s);
    struct sl_error err = {0};
    struct sequence_result r = sequence_finish(&q, 3, &err);
    cr_expect(r.end == SEQUENCE_LATE && r.at == 4);
    cr_expect_str_eq(s.story, "+d ]d [e +e !e(+e failed)", "it was announced before: %s", s.story);
    s.story[0] = '\0';
    q.skip = skip;
    cr_expect_eq(sequence_undo(&q, 2, &err).end, SEQUENCE_UNDONE);
    cr_expect_str_eq(s.story, "<a -a >a", "b was undone before: %s", s.story);
}
