// The control plane's hands on one real server, moved from outside: functional tests write a line
// for each call and read one back, "ok ..." or "fail CODE TEXT".
//
//     sluice-probe HOST PORT USER PASSWORD
//
// Words of a line are separated by blanks; lists are a,b,c and "-" is the empty one.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/fence.h"
#include "control/follow.h"
#include "control/hand.h"
#include "control/schedule.h"
#include "control/sql.h"

#define LIST_MAX 64

// a,b,c taken apart; the words point into `text`.
struct words {
    char text[2048];
    const char *items[LIST_MAX];
    unsigned count;
};

struct probe {
    struct control_target target;
    struct sql *sql;
    struct hand *hand;
    struct fence fence;
    struct fence_rules rules;
    struct words keep, seen;
    struct schedule events;
};

static void split(const char *text, struct words *out)
{
    char *rest = NULL;
    out->count = 0;
    text_copy(out->text, sizeof out->text, text != NULL && strcmp(text, "-") != 0 ? text : "");
    for (char *word = strtok_r(out->text, ",", &rest); word != NULL && out->count < LIST_MAX;
         word = strtok_r(NULL, ",", &rest))
        out->items[out->count++] = word;
}

// --- the fence ----------------------------------------------------------------------------------

static enum sl_code do_plan(struct probe *p, char **words, struct sl_error *err)
{
    split(words[1], &p->keep);
    split(words[2], &p->seen);
    p->rules = (struct fence_rules){.own = p->target.user,
                                    .keep = {p->keep.items, p->keep.count},
                                    .seen = {p->seen.items, p->seen.count}};
    fence_release(&p->fence);
    enum sl_code code = fence_plan(p->sql, &p->rules, &p->fence, err);
    if (code != SL_OK)
        return code;
    printf("ok read_only=%d super=%d events=%d", p->fence.read_only, p->fence.super_read_only,
           p->fence.event_scheduler);
    for (unsigned i = 0; i < p->fence.count; i++)
        printf(" %s@%s", p->fence.accounts[i].user, p->fence.accounts[i].host);
    printf("\n");
    return SL_OK;
}

static enum sl_code do_kill(struct probe *p, char **words, struct sl_error *err)
{
    struct words ids;
    uint32_t ours[LIST_MAX];
    split(words[1], &ids);
    for (unsigned i = 0; i < ids.count; i++)
        ours[i] = (uint32_t)strtoul(ids.items[i], NULL, 10);
    struct fence_links links = {ours, ids.count};
    struct fence_found found;
    enum sl_code code = fence_kill_direct(p->sql, &p->rules, &links, &found, err);
    if (code == SL_OK)
        printf("ok %u\n", found.killed + found.dying);
    return code;
}

#define FENCE(name)                                                                                \
    static enum sl_code do_##name(struct probe *p, char **words, struct sl_error *err)             \
    {                                                                                              \
        (void)words;                                                                               \
        enum sl_code code = fence_##name(p->sql, &p->fence, err);                                  \
        if (code == SL_OK)                                                                         \
            printf("ok\n");                                                                        \
        return code;                                                                               \
    }

FENCE(unlock)
FENCE(open)
FENCE(holds)

static enum sl_code do_lock(struct probe *p, char **words, struct sl_error *err)
{
    (void)words;
    enum sl_code code = fence_lock(p->sql, &p->fence, NULL, err);
    if (code == SL_OK)
        printf("ok\n");
    return code;
}

static enum sl_code do_read_only(struct probe *p, char **words, struct sl_error *err)
{
    (void)words;
    enum sl_code code = fence_read_only(p->sql, NULL, err);
    if (code == SL_OK)
        printf("ok\n");
    return code;
}

// --- the hand -----------------------------------------------------------------------------------

struct statement {
    struct errand errand;
    char text[1000];
    char answer[200];
};

static enum sl_code statement_run(struct errand *e, struct sql *sql, struct sl_error *err)
{
    struct statement *s = (struct statement *)(void *)e;
    enum sl_code code = sql_query(sql, s->text, err);
    if (code == SL_OK && sql_next(sql) && sql_column_value(sql, 0) != NULL)
        text_copy(s->answer, sizeof s->answer, sql_column_value(sql, 0));
    return code;
}

static void statement_free(struct errand *e)
{
    mem_free(e);
}

// hand MS STATEMENT
static enum sl_code do_hand(struct probe *p, char **words, struct sl_error *err)
{
    struct statement *s = mem_zalloc(sizeof *s);
    struct errand *e = &s->errand;
    struct patience patience = {.until_ns = clock_now_ns() + atoll(words[1]) * NS_PER_MS};
    s->errand = (struct errand){.run = statement_run, .free = statement_free};
    text_copy(s->text, sizeof s->text, words[2]);
    if (p->hand == NULL)
        p->hand = hand_new(&p->target);
    enum sl_code code = hand_do(p->hand, &e, &patience, err);
    if (code == SL_OK)
        printf("ok %s\n", s->answer);
    if (e != NULL)
        statement_free(e);
    return code;
}

// doubt MS STATEMENT: the same, by one who doubts what a process before it has left behind.
static enum sl_code do_doubt(struct probe *p, char **words, struct sl_error *err)
{
    if (p->hand == NULL)
        p->hand = hand_new(&p->target);
    hand_doubt(p->hand);
    return do_hand(p, words, err);
}

// --- replication and events -----------------------------------------------------------------------

// follow HOST,PORT,USER,PASSWORD[,FILE,OFFSET]
static enum sl_code do_follow(struct probe *p, char **words, struct sl_error *err)
{
    struct words w;
    struct follow_source from = {0};
    split(words[1], &w);
    text_copy(from.host, sizeof from.host, w.items[0]);
    from.port = (uint16_t)strtoul(w.items[1], NULL, 10);
    text_copy(from.user, sizeof from.user, w.items[2]);
    text_copy(from.password, sizeof from.password, w.items[3]);
    from.gtid = w.count == 4;
    if (!from.gtid) {
        text_copy(from.file, sizeof from.file, w.items[4]);
        from.offset = strtoull(w.items[5], NULL, 10);
    }
    enum sl_code code = follow_start(p->sql, &from, err);
    if (code == SL_OK)
        printf("ok\n");
    return code;
}

// leave|follow_check HOST,PORT
static enum sl_code of_channel(struct probe *p, char **words, struct sl_error *err,
                               enum sl_code (*what)(struct sql *, const char *, uint16_t,
                                                    struct sl_error *))
{
    struct words w;
    split(words[1], &w);
    enum sl_code code = what(p->sql, w.items[0], (uint16_t)strtoul(w.items[1], NULL, 10), err);
    if (code == SL_OK)
        printf("ok\n");
    return code;
}

static enum sl_code do_leave(struct probe *p, char **words, struct sl_error *err)
{
    return of_channel(p, words, err, follow_leave);
}

static enum sl_code do_follow_check(struct probe *p, char **words, struct sl_error *err)
{
    return of_channel(p, words, err, follow_check);
}

// events: remembered, for: enable. (On another server: events SCHEMA.NAME,...)
static enum sl_code do_events(struct probe *p, char **words, struct sl_error *err)
{
    (void)words;
    schedule_release(&p->events);
    enum sl_code code = schedule_look(p->sql, &p->events, err);
    if (code != SL_OK)
        return code;
    printf("ok");
    for (unsigned i = 0; i < p->events.count; i++)
        printf(" %s.%s", p->events.events[i].schema, p->events.events[i].name);
    printf("\n");
    return SL_OK;
}

static enum sl_code do_enable(struct probe *p, char **words, struct sl_error *err)
{
    struct words w;
    struct schedule wanted = {0};
    unsigned enabled = 0;
    split(words[1], &w);
    wanted.count = w.count;
    wanted.events = mem_array(w.count + 1, sizeof *wanted.events);
    for (unsigned i = 0; i < w.count; i++) {
        struct schedule_event *e = &wanted.events[i];
        size_t schema = strcspn(w.items[i], ".");
        snprintf(e->schema, sizeof e->schema, "%.*s", (int)schema, w.items[i]);
        text_copy(e->name, sizeof e->name, w.items[i] + schema + 1);
    }
    enum sl_code code = schedule_enable(p->sql, &wanted, &enabled, err);
    schedule_release(&wanted);
    if (code == SL_OK)
        printf("ok %u\n", enabled);
    return code;
}

// --- lines --------------------------------------------------------------------------------------

static const struct {
    const char *name;
    enum sl_code (*run)(struct probe *p, char **words, struct sl_error *err);
} verbs[] = {
    {"plan", do_plan},     {"lock", do_lock},     {"read_only", do_read_only},
    {"unlock", do_unlock}, {"open", do_open},     {"holds", do_holds},
    {"kill", do_kill},     {"hand", do_hand},     {"doubt", do_doubt},
    {"follow", do_follow}, {"leave", do_leave},   {"follow_check", do_follow_check},
    {"events", do_events}, {"enable", do_enable},
};

static void obey(struct probe *p, char *line)
{
    char *words[4] = {line, NULL, NULL, NULL};
    for (int i = 0; i < 2 && words[i] != NULL; i++) {
        words[i + 1] = strchr(words[i], ' ');
        if (words[i + 1] != NULL)
            *words[i + 1]++ = '\0';
    }
    struct sl_error err = {0};
    enum sl_code code = SL_EUNSUPPORTED;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, words[0]) == 0)
            code = verbs[i].run(p, words, &err);
    if (code != SL_OK)
        printf("fail %d %s\n", (int)code, err.text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct probe p;
    struct sl_error err = {0};
    char line[4096];
    if (argc != 5)
        return 2;
    text_copy(p.target.name, sizeof p.target.name, "probed");
    text_copy(p.target.host, sizeof p.target.host, argv[1]);
    p.target.port = (uint16_t)strtoul(argv[2], NULL, 10);
    text_copy(p.target.user, sizeof p.target.user, argv[3]);
    text_copy(p.target.password, sizeof p.target.password, argv[4]);
    p.target.timeout_ms = 5000;
    sql_thread_begin();
    if (sql_open(&p.target, &p.sql, &err) != SL_OK) {
        printf("fail %d %s\n", (int)err.code, err.text);
        return 1;
    }
    printf("ok\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(&p, line);
    }
    sql_close(p.sql);
    hand_free(p.hand);
    hand_wait_for_left(clock_now_ns() + 10 * NS_PER_S);
    fence_release(&p.fence);
    schedule_release(&p.events);
    sql_thread_end();
    return 0;
}
