// What follows from a journal without an end: every row of the table above recovery.c.
#include "cutover/recovery.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cutover/steps.h"

static const struct recovery_backend BACKENDS[] = {
    {"milan", "10.1.0.5:3306"}, {"aws", "10.2.0.5:3306"}, {"third", "unix:/run/m.sock"}};

static void add(struct journal_records *j, enum journal_kind kind, const char *step,
                const char *data)
{
    j->list = mem_realloc(j->list, (j->count + 1) * sizeof *j->list);
    struct journal_record *r = &j->list[j->count];
    *r = (struct journal_record){.seq = ++j->count, .kind = kind, .data = mem_strdup(data)};
    text_copy(r->step, sizeof r->step, step);
}

// "[fence ]fence !fence <fence >fence" as in sequence_test.c.
static struct journal_records journal_of(const char *begin, const char *story)
{
    struct journal_records j = {0};
    static const char signs[] = "[]!<>";
    static const enum journal_kind kinds[] = {JOURNAL_BEFORE, JOURNAL_AFTER, JOURNAL_FAILED,
                                              JOURNAL_UNDO_BEFORE, JOURNAL_UNDO_AFTER};
    add(&j, JOURNAL_BEGIN, "", begin);
    while (*story != '\0') {
        char step[40];
        const char *sign = strchr(signs, *story++);
        size_t n = strcspn(story, " ");
        cr_assert_not_null(sign);
        snprintf(step, sizeof step, "%.*s", (int)n, story);
        add(&j, kinds[sign - signs], step, "{}");
        story += n + (story[n] == ' ');
    }
    return j;
}

static void begin_of(const char *from, const char *to, char *out, size_t size)
{
    const struct control_target old = {.host = "10.1.0.5", .port = 3306};
    struct cutover_plan *plan = cutover_plan_new();
    struct buf json;
    plan->old = old;
    text_copy(plan->old.name, sizeof plan->old.name, from);
    plan->target = plan->old;
    text_copy(plan->target.name, sizeof plan->target.name, to);
    text_copy(plan->target.host, sizeof plan->target.host, "10.2.0.5");
    buf_init(&json, 4096);
    recovery_begin_json(plan, &json);
    text_copy(out, size, buf_text(&json));
    buf_release(&json);
    cutover_plan_unref(plan);
}

static void decide(const char *begin, const char *story, const char *active, struct recovery *out)
{
    struct journal_records j = journal_of(begin, story);
    struct recovery_world world = {.active = active, .backends = BACKENDS, .backend_count = 3};
    steps_all(&world.steps, &world.step_count);
    recovery_decide(&j, &world, out);
    journal_records_release(&j);
}

#define FAR "[invite ]invite [close_target ]close_target [hold ]hold [drain ]drain "

static const struct {
    const char *story, *active;
    enum recovery_way way;
    const char *step, *open; // the first to be done; those to be undone (UNDO)
    bool open_first, old_sealed, target_sealed;
    const char *why; // a part of it
} CASES[] = {
    {"", "milan", RECOVERY_CLOSE, "", "", false, false, false, "nothing of it"},
    {"[preflight ]preflight", "milan", RECOVERY_CLOSE, "", "", false, false, false, ""},
    // Whoever is active: nothing was touched.
    {"[preflight ]preflight", "third", RECOVERY_CLOSE, "", "", false, false, false, ""},
    // A dry run.
    {"[hold ]hold [drain", "milan", RECOVERY_CLOSE, "", "", false, false, false, ""},
    {"[invite", "milan", RECOVERY_UNDO, "invite", "invite", true, false, false, "come to invite"},
    {"[invite ]invite [warm ]warm [approach", "milan", RECOVERY_UNDO, "approach",
     "approach warm invite", true, false, false, "come to approach"},
    {"[invite ]invite [close_target", "milan", RECOVERY_UNDO, "close_target", "close_target invite",
     true, false, false, ""},
    {FAR, "milan", RECOVERY_UNDO, "drain", "drain hold close_target invite", true, false, true, ""},
    {FAR "[fence", "milan", RECOVERY_UNDO, "fence", "fence drain hold close_target invite", false,
     false, true, ""},
    {FAR "[fence !fence <fence", "milan", RECOVERY_UNDO, "fence",
     "fence drain hold close_target invite", false, false, true, ""},
    // Before the target was seen to be closed.
    {FAR "[fence ]fence [catch_up", "milan", RECOVERY_UNDO, "fence",
     "fence drain hold close_target invite", false, true, true, ""},
    {FAR "[fence ]fence", "aws", RECOVERY_ASK, "fence", "", false, true, true,
     "active backend is aws"},
    {FAR "[fence ]fence [promote ]promote [repoint", "milan", RECOVERY_UNDO, "repoint",
     "repoint promote fence drain hold close_target invite", false, true, true, ""},
    {FAR "[fence ]fence [promote ]promote [repoint", "aws", RECOVERY_UNDO, "repoint",
     "repoint promote fence drain hold close_target invite", false, true, true, ""},
    {FAR "[fence ]fence [promote ]promote [repoint", "third", RECOVERY_ASK, "repoint", NULL, false,
     true, true, "active backend is third"},
    // Half undone.
    {FAR "[fence ]fence [promote ]promote [repoint ]repoint <repoint >repoint <promote", "milan",
     RECOVERY_UNDO, "promote", "promote fence drain hold close_target invite", false, true, true,
     ""},
    {FAR "[fence ]fence [repoint ]repoint <repoint >repoint", "aws", RECOVERY_ASK, "fence", NULL,
     false, true, true, "active backend is aws"},
    // The target did not answer: put off. Clients of the old server do not wait for it.
    {FAR "[fence ]fence [promote ]promote <promote <fence >fence <drain >drain", "milan",
     RECOVERY_UNDO, "promote", "promote hold close_target invite", true, false, true, ""},
    {FAR "[fence ]fence <fence >fence <drain >drain <hold >hold <close_target", "milan",
     RECOVERY_UNDO, "close_target", "close_target invite", true, false, false, ""},
    {FAR "<drain >drain <hold >hold <close_target >close_target <invite >invite", "milan",
     RECOVERY_CLOSE, "", "", false, false, false, ""},
    // Forward.
    {FAR "[fence ]fence [promote ]promote [repoint ]repoint [verify ]verify [release", "aws",
     RECOVERY_FINISH, "release", "", false, true, false, "clients may be on aws"},
    {FAR "[fence ]fence [promote ]promote [repoint ]repoint [release ]release [turn !turn", "aws",
     RECOVERY_FINISH, "release", "", false, true, false, ""},
    {FAR "[fence ]fence [promote ]promote [repoint ]repoint [release ]release", "milan",
     RECOVERY_ASK, "release", "", false, true, false, "aws is not the active"},
    {FAR "[fence ]fence [repoint ]repoint [release <repoint", "aws", RECOVERY_ASK, "release", NULL,
     false, true, false, "something was undone"},
    {FAR "[polish", "milan", RECOVERY_ASK, "", "", false, false, false, "unknown here: polish"},
};

static void expect_open(size_t i, const struct recovery *r, const char *open)
{
    const struct sequence_step *steps;
    unsigned count;
    char found[400] = "";
    steps_all(&steps, &count);
    for (unsigned s = count; s-- > 0;) {
        if (r->skip[s])
            continue;
        size_t n = strlen(found);
        snprintf(found + n, sizeof found - n, "%s%s", n > 0 ? " " : "", steps[s].name);
    }
    cr_expect_str_eq(found, open, "case %zu: %s", i, found);
}

Test(recovery, follows_from_the_journal)
{
    const struct sequence_step *steps;
    unsigned count;
    char begin[600];
    steps_all(&steps, &count);
    begin_of("milan", "aws", begin, sizeof begin);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct recovery r;
        decide(begin, CASES[i].story, CASES[i].active, &r);
        cr_expect_eq(r.way, CASES[i].way, "case %zu: %s, %s", i, recovery_way_name(r.way), r.why);
        cr_expect(strstr(r.why, CASES[i].why) != NULL, "case %zu: %s", i, r.why);
        if (CASES[i].step[0] != '\0')
            cr_expect_str_eq(steps[r.step].name, CASES[i].step, "case %zu", i);
        if (r.way == RECOVERY_UNDO) {
            expect_open(i, &r, CASES[i].open);
            cr_expect_eq(r.open_first, CASES[i].open_first, "case %zu", i);
        }
        cr_expect_eq(r.old_sealed, CASES[i].old_sealed, "case %zu", i);
        cr_expect_eq(r.target_sealed, CASES[i].target_sealed, "case %zu", i);
    }
}

Test(recovery, other_servers_are_not_touched)
{
    static const struct {
        const char *from, *to, *why;
    } OTHERS[] = {
        {"milan", "rome", "rome is not configured any more"},
        {"rome", "aws", "rome is not configured any more"},
        {"milan", "third", "third is configured with another address"},
    };
    char begin[600];
    struct recovery r;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        begin_of(OTHERS[i].from, OTHERS[i].to, begin, sizeof begin);
        decide(begin, FAR "[fence", OTHERS[i].from, &r);
        cr_expect_eq(r.way, RECOVERY_ASK);
        cr_expect(strstr(r.why, OTHERS[i].why) != NULL, "%s", r.why);
        // Nothing is left that could be done to them.
        decide(begin, "[preflight", OTHERS[i].from, &r);
        cr_expect_eq(r.way, RECOVERY_CLOSE);
    }
    decide("{\"from\":\"milan\",\"to\":\"aws\"}", FAR "[fence", "milan", &r);
    cr_expect_eq(r.way, RECOVERY_ASK);
    cr_expect(strstr(r.why, "does not say between which") != NULL, "%s", r.why);
}

Test(recovery, addresses)
{
    const struct control_target tcp = {.host = "db.example", .port = 3307};
    const struct control_target local = {.socket = "/run/m.sock", .port = 3306};
    char text[RECOVERY_ADDRESS_MAX];
    recovery_address(&tcp, text);
    cr_expect_str_eq(text, "db.example:3307");
    recovery_address(&local, text);
    cr_expect_str_eq(text, "unix:/run/m.sock");
}
