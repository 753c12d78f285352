// Reads user tables. The lane's thread fills a reading, the loop shows it and wipes it.
#include "control/accounts.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/condition.h"
#include "control/family.h"
#include "control/lane.h"

#define EVERY_NS (60 * NS_PER_S)
#define AGAIN_NS (5 * NS_PER_S) // after a reading that failed for another reason than privileges
#define ACCOUNTS_MAX 100000

// A growing array whose old blocks are wiped.
struct rows {
    struct account *items;
    unsigned count, size;
    struct sl_error problem; // of single accounts: the last one
};

struct accounts {
    struct loop *to;
    void (*seen)(void *arg, const struct accounts_view *view);
    void *arg;
    struct lanes *lanes;
    struct timer *timer;
    struct control_target target;
    struct reading *reading;      // under way, from asking to showing
    unsigned asked;               // readings
    bool again;                   // asked for meanwhile
    char said[SL_ERROR_TEXT_MAX]; // the problem in the log
    pthread_mutex_t lock;         // of the two below
    pthread_cond_t changed;
    unsigned ended; // readings
};

// A job, and then a mail.
struct reading {
    struct mail mail; // first: the loop may free it
    struct lane_job job;
    struct accounts *accounts; // NULL: freed meanwhile
    struct loop *to;
    enum sl_code code;
    char problem[SL_ERROR_TEXT_MAX];
    struct rows rows;
};

// --- rows ---------------------------------------------------------------------------------------

static void rows_release(struct rows *r)
{
    if (r->items != NULL)
        mem_wipe_free(r->items, r->size * sizeof r->items[0]);
    *r = (struct rows){0};
}

static struct account *rows_add(struct rows *r)
{
    if (r->count == r->size) {
        unsigned size = r->size > 0 ? 2 * r->size : 64;
        struct account *items = mem_array(size, sizeof *items);
        if (r->count > 0)
            memcpy(items, r->items, r->count * sizeof *items);
        if (r->items != NULL)
            mem_wipe_free(r->items, r->size * sizeof *items);
        r->items = items;
        r->size = size;
    }
    return &r->items[r->count++];
}

static const char *column(const struct sql *sql, const char *name)
{
    const char *value = sql_value(sql, name);
    return value != NULL ? value : "";
}

static void add_method(const struct sql *sql, struct rows *r, const struct priv_method *m)
{
    struct account *a = rows_add(r);
    // One that is too long cannot be logged in with through sluice either.
    (void)text_copy(a->user, sizeof a->user, column(sql, "user"));
    (void)text_copy(a->host, sizeof a->host, column(sql, "host"));
    a->method = *m;
}

static void read_document(const struct sql *sql, struct rows *r)
{
    struct priv priv;
    if (priv_parse(column(sql, "priv"), &priv, &r->problem) == SL_OK && !priv.is_role)
        for (unsigned i = 0; i < priv.count; i++)
            add_method(sql, r, &priv.methods[i]);
    explicit_bzero(&priv, sizeof priv);
}

static void read_columns(const struct sql *sql, struct rows *r)
{
    static const char *const hashes[] = {"authentication", "additional"};
    if (strcmp(column(sql, "is_role"), "1") == 0)
        return;
    for (unsigned i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        struct priv_method m;
        const char *hash = column(sql, hashes[i]);
        priv_method_set(&m, column(sql, "plugin"), hash);
        if (i == 0 || hash[0] != '\0')
            add_method(sql, r, &m);
        explicit_bzero(&m, sizeof m);
    }
}

// --- reading ------------------------------------------------------------------------------------

// The first that fits and is permitted is enough. Other plugins' strings are left on the server.
// A role is, for MySQL, an account that nobody can use.
static const struct source {
    struct family_range of;
    const char *statement;
    void (*read)(const struct sql *sql, struct rows *r);
} sources[] = {
    {{FAMILY_MARIADB, 100400, 0},
     "SELECT User AS user, Host AS host, Priv AS priv FROM mysql.global_priv",
     read_document},
    {{FAMILY_MARIADB, 0, 0},
     "SELECT User AS user, Host AS host, plugin, is_role = 'Y' AS is_role,"
     " IF(authentication_string <> '', authentication_string, Password) AS authentication"
     " FROM mysql.user",
     read_columns},
    {{FAMILY_MYSQL, 80014, 0},
     "SELECT user, host, plugin,"
     " IF(plugin = 'mysql_native_password', authentication_string, '') AS authentication,"
     " IF(plugin = 'mysql_native_password',"
     "  JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.additional_password')), '') AS additional,"
     " account_locked = 'Y' AND password_expired = 'Y' AND authentication_string = '' AS is_role"
     " FROM mysql.user",
     read_columns},
    {{FAMILY_MYSQL, 0, 80014},
     "SELECT user, host, plugin, 0 AS is_role,"
     " IF(plugin = 'mysql_native_password', authentication_string, '') AS authentication"
     " FROM mysql.user",
     read_columns},
};

static enum sl_code read_source(struct sql *sql, const struct source *s, struct rows *rows,
                                struct sl_error *err)
{
    enum sl_code code = sql_query(sql, s->statement, err);
    if (code != SL_OK)
        return code;
    while (rows->count < ACCOUNTS_MAX && sql_next(sql))
        s->read(sql, rows);
    sql_wipe(sql);
    return SL_OK;
}

// The text of the first source is the one that counts: it is what should be granted.
static enum sl_code accounts_run(struct sql *sql, struct list *jobs, struct sl_error *err)
{
    struct reading *r = LIST_ITEM(list_first(jobs), struct reading, job.node);
    struct sl_error first = {0}, next = {0};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (!family_fits(&sources[i].of, sql))
            continue;
        enum sl_code code = read_source(sql, &sources[i], &r->rows, &next);
        if (code == SL_OK || sql_lost(sql)) {
            *err = next;
            return code;
        }
        if (first.code == SL_OK)
            first = next;
    }
    *err = first;
    return first.code;
}

static void deliver_reading(struct mail *mail, void *owner);

static void accounts_end(struct lane_job *job, const struct lane_end *end)
{
    struct reading *r = LIST_ITEM(job, struct reading, job);
    r->code = end->code;
    (void)text_copy(r->problem, sizeof r->problem, end->problem);
    r->mail.deliver = deliver_reading;
    struct accounts *a = r->accounts; // accounts_free waits for us
    loop_post(r->to, &r->mail);
    pthread_mutex_lock(&a->lock);
    a->ended++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

static const struct lane_work accounts_work = {
    .what = "readings", .batch = 1, .queue = 16, .run = accounts_run, .end = accounts_end};

// --- showing ------------------------------------------------------------------------------------

static void free_reading(struct reading *r)
{
    rows_release(&r->rows);
    mem_free(r);
}

// Said when it begins and when it ends, not every minute.
static void log_problem(struct accounts *a, const struct accounts_view *v)
{
    if (strcmp(a->said, v->problem) == 0)
        return;
    (void)text_copy(a->said, sizeof a->said, v->problem);
    if (v->read)
        LOG_INFO("accounts_read", LOG_STR("backend", v->backend), LOG_U64("accounts", v->count));
    else
        LOG_WARN("accounts_unknown", LOG_STR("backend", v->backend), LOG_STR("error", v->problem),
                 LOG_STR("so", "passwords of native accounts cannot be learned"));
}

static void show(struct accounts *a, struct reading *r)
{
    struct accounts_view v = {.read = r->code == SL_OK,
                              .items = r->rows.items,
                              .count = r->rows.count,
                              .read_wall_us = clock_wall_us()};
    (void)text_copy(v.backend, sizeof v.backend, r->job.backend);
    (void)text_copy(v.problem, sizeof v.problem, r->problem);
    if (v.read && r->rows.problem.code != SL_OK)
        LOG_WARN("account_not_understood", LOG_STR("backend", v.backend),
                 LOG_STR("error", r->rows.problem.text));
    log_problem(a, &v);
    a->seen(a->arg, &v);
}

static void deliver_reading(struct mail *mail, void *owner)
{
    (void)owner;
    struct reading *r = LIST_ITEM(mail, struct reading, mail);
    struct accounts *a = r->accounts;
    if (a != NULL) {
        bool stale = strcmp(r->job.backend, a->target.name) != 0;
        bool soon = r->code != SL_OK && r->code != SL_EDENIED;
        a->reading = NULL;
        if (!stale || r->code == SL_OK)
            show(a, r);
        timer_set(a->timer, stale || a->again ? 0 : soon ? AGAIN_NS : EVERY_NS);
        a->again = false;
    }
    free_reading(r);
}

// --- the reader ---------------------------------------------------------------------------------

static void on_time(void *arg)
{
    accounts_refresh(arg);
}

struct accounts *accounts_new(struct loop *to,
                              void (*seen)(void *arg, const struct accounts_view *view), void *arg)
{
    struct accounts *a = mem_zalloc(sizeof *a);
    a->to = to;
    a->seen = seen;
    a->arg = arg;
    a->lanes = lanes_new(&accounts_work);
    a->timer = timer_new(to, on_time, a);
    pthread_mutex_init(&a->lock, NULL);
    condition_init(&a->changed);
    return a;
}

void accounts_wait(struct accounts *a, int64_t timeout_ns)
{
    int64_t until = clock_now_ns() + timeout_ns;
    pthread_mutex_lock(&a->lock);
    while (a->ended < a->asked && condition_wait_until(&a->changed, &a->lock, until))
        continue;
    pthread_mutex_unlock(&a->lock);
}

void accounts_set_target(struct accounts *a, const struct control_target *target)
{
    if (memcmp(&a->target, target, sizeof *target) == 0)
        return;
    a->target = *target;
    lanes_set_targets(a->lanes, target, 1);
    accounts_refresh(a);
}

void accounts_refresh(struct accounts *a)
{
    if (a->target.name[0] == '\0')
        return;
    if (a->reading != NULL) {
        a->again = true;
        return;
    }
    struct reading *r = mem_zalloc(sizeof *r);
    r->accounts = a;
    r->to = a->to;
    a->reading = r;
    a->asked++;
    lanes_add(a->lanes, a->target.name, &r->job);
}

void accounts_free(struct accounts *a)
{
    if (a == NULL)
        return;
    lanes_free(a->lanes);
    // It is in the loop's mailbox by now, which may be freed without another turn: nothing secret
    // may be left in it.
    if (a->reading != NULL) {
        a->reading->accounts = NULL;
        rows_release(&a->reading->rows);
    }
    timer_free(a->timer);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    explicit_bzero(&a->target, sizeof a->target);
    mem_free(a);
}
