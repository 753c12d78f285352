// Asks a server what its threads hold: a few statements, each over all threads, put together here by
// thread. A join in the server costs three times as much.
//
//   can: which bits can be told ─> threads: a row each ─> locks, statements: bits into the rows
#include "control/holdings.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/family.h"
#include "control/lane.h"

#define THREADS_MAX 200000
#define HOLDS_LOCKS (HOLDS_USER_LOCK | HOLDS_TABLE_LOCK)

// A thread as performance_schema numbers it: `key` is what locks and statements refer to (MariaDB's
// plugin: the connection's number itself).
struct thread_row {
    uint64_t key;
    struct holding holding;
};

struct picture {
    struct sql *sql;
    uint8_t can; // HOLDS_*
    char problem[SL_ERROR_TEXT_MAX];
    struct thread_row *rows; // in order of key
    unsigned count, size;
};

struct holdings_job {
    struct lane_job job;
    struct loop *reply_to; // borrowed
    struct holdings_answer *answer;
};

struct holdings_service {
    struct lanes *lanes;
};

// --- answers ------------------------------------------------------------------------------------

void holdings_answer_release(struct holdings_answer *a)
{
    mem_free(a->threads);
    a->threads = NULL;
    a->count = 0;
}

static int by_thread(const void *a, const void *b)
{
    const struct holding *x = a, *y = b;
    return (x->thread_id > y->thread_id) - (x->thread_id < y->thread_id);
}

const struct holding *holdings_find(const struct holdings_answer *a, uint32_t thread_id)
{
    const struct holding wanted = {.thread_id = thread_id};
    if (a->count == 0)
        return NULL;
    return bsearch(&wanted, a->threads, a->count, sizeof wanted, by_thread);
}

// --- reading rows -------------------------------------------------------------------------------

static uint64_t number(const struct sql *sql, const char *column)
{
    uint64_t n;
    const char *value = sql_value(sql, column);
    return value != NULL && text_parse_u64(value, &n) == SL_OK ? n : 0;
}

static bool is_true(const struct sql *sql, const char *column)
{
    return number(sql, column) == 1;
}

static void say(struct picture *p, const char *problem)
{
    if (p->problem[0] == '\0')
        (void)text_copy(p->problem, sizeof p->problem, problem);
}

static bool has_text(const struct sql *sql, const char *column, const char *text)
{
    const char *value = sql_value(sql, column);
    return value != NULL && strcmp(value, text) == 0;
}

// Nothing may have been lost for want of memory, or absence would prove nothing.
static void read_can_mysql(struct picture *p)
{
    const struct sql *sql = p->sql;
    bool on = sql_next(p->sql) && has_text(sql, "is_on", "1") && has_text(sql, "consumer", "YES");
    if (on && has_text(sql, "instrument", "YES") && has_text(sql, "lost_locks", "0"))
        p->can |= HOLDS_LOCKS;
    else
        say(p,
            "locks cannot be told: performance_schema, its consumer global_instrumentation or its "
            "instrument wait/lock/metadata/sql/mdl is off, or it is too small");
    if (on && has_text(sql, "lost_prepared", "0"))
        p->can |= HOLDS_SQL_PREPARE;
    else
        say(p, "prepared statements cannot be told: performance_schema is off or too small");
}

static void read_can_mariadb(struct picture *p)
{
    if (sql_next(p->sql) && is_true(p->sql, "locks"))
        p->can |= HOLDS_LOCKS;
    else
        say(p, "locks cannot be told: INSTALL SONAME 'metadata_lock_info'");
}

static void add_thread(struct picture *p, uint64_t key, uint64_t id, uint8_t known)
{
    if (id == 0 || id > UINT32_MAX || p->count == THREADS_MAX)
        return;
    if (p->count == p->size) {
        p->size = p->size > 0 ? 2 * p->size : 256;
        p->rows = mem_realloc(p->rows, p->size * sizeof p->rows[0]);
    }
    p->rows[p->count++] =
        (struct thread_row){.key = key, .holding = {.thread_id = (uint32_t)id, .known = known}};
}

static int by_key(const void *a, const void *b)
{
    const struct thread_row *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

// The statements of a thread that is not instrumented are not shown.
static void read_threads(struct picture *p)
{
    while (sql_next(p->sql)) {
        uint8_t known = p->can;
        if (!is_true(p->sql, "instrumented"))
            known &= (uint8_t)~HOLDS_SQL_PREPARE;
        add_thread(p, number(p->sql, "thread"), number(p->sql, "id"), known);
    }
    if (p->count > 0)
        qsort(p->rows, p->count, sizeof p->rows[0], by_key);
}

static void mark(struct picture *p, uint8_t held)
{
    const struct thread_row wanted = {.key = number(p->sql, "thread")};
    struct thread_row *row =
        p->count > 0 ? bsearch(&wanted, p->rows, p->count, sizeof wanted, by_key) : NULL;
    if (row != NULL)
        row->holding.held |= held;
}

static void read_locks(struct picture *p)
{
    while (sql_next(p->sql))
        mark(p, is_true(p->sql, "user") ? HOLDS_USER_LOCK : HOLDS_TABLE_LOCK);
}

static void read_prepared(struct picture *p)
{
    while (sql_next(p->sql))
        mark(p, HOLDS_SQL_PREPARE);
}

// --- the questions ------------------------------------------------------------------------------

#define ENABLED(table, name)                                                                       \
    "(SELECT ENABLED FROM performance_schema." table " WHERE NAME = '" name "')"
#define LOST(name)                                                                                 \
    "(SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME ="           \
    " 'Performance_schema_" name "_lost')"

// In this order; one is asked when it may tell something that can be told (`tells`). A failure takes
// that away.
// MariaDB's plugin shows locks to everybody, its process list needs PROCESS: without it the threads
// are not known, and nothing is concluded.
static const struct question {
    struct family_range of;
    uint8_t tells; // HOLDS_*, 0: always asked
    const char *statement;
    void (*read)(struct picture *p);
} questions[] = {
    {{FAMILY_MYSQL, 0, 0},
     0,
     // clang-format off
     "SELECT @@performance_schema AS is_on,"
     " " ENABLED("setup_consumers", "global_instrumentation") " AS consumer,"
     " " ENABLED("setup_instruments", "wait/lock/metadata/sql/mdl") " AS instrument,"
     " " LOST("metadata_lock") " AS lost_locks,"
     " " LOST("prepared_statements") " AS lost_prepared",
     // clang-format on
     read_can_mysql},
    {{FAMILY_MARIADB, 0, 0},
     0,
     "SELECT COUNT(*) AS locks FROM information_schema.PLUGINS"
     " WHERE PLUGIN_NAME = 'METADATA_LOCK_INFO' AND PLUGIN_STATUS = 'ACTIVE'",
     read_can_mariadb},
    {{FAMILY_MYSQL, 0, 0},
     HOLDS_LOCKS | HOLDS_SQL_PREPARE,
     "SELECT THREAD_ID AS thread, PROCESSLIST_ID AS id, INSTRUMENTED = 'YES' AS instrumented"
     " FROM performance_schema.threads WHERE PROCESSLIST_ID IS NOT NULL",
     read_threads},
    {{FAMILY_MARIADB, 0, 0},
     HOLDS_LOCKS,
     "SELECT ID AS thread, ID AS id, 0 AS instrumented FROM information_schema.PROCESSLIST",
     read_threads},
    {{FAMILY_MYSQL, 0, 0},
     HOLDS_LOCKS,
     "SELECT OWNER_THREAD_ID AS thread, OBJECT_TYPE = 'USER LEVEL LOCK' AS user"
     " FROM performance_schema.metadata_locks",
     read_locks},
    {{FAMILY_MARIADB, 0, 0},
     HOLDS_LOCKS,
     "SELECT THREAD_ID AS thread, LOCK_TYPE = 'User lock' AS user"
     " FROM information_schema.METADATA_LOCK_INFO",
     read_locks},
    {{FAMILY_MYSQL, 0, 0},
     HOLDS_SQL_PREPARE,
     "SELECT DISTINCT OWNER_THREAD_ID AS thread"
     " FROM performance_schema.prepared_statements_instances WHERE STATEMENT_NAME IS NOT NULL",
     read_prepared},
};

static void forget(struct picture *p, uint8_t bits)
{
    p->can &= (uint8_t)~bits;
    for (unsigned i = 0; i < p->count; i++)
        p->rows[i].holding.known &= (uint8_t)~bits;
}

// A failure to learn what can be told leaves nothing that can.
static enum sl_code paint(struct picture *p, struct sl_error *err)
{
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        const struct question *q = &questions[i];
        if (!family_fits(&q->of, p->sql) || (q->tells != 0 && (q->tells & p->can) == 0))
            continue;
        enum sl_code code = sql_query(p->sql, q->statement, err);
        if (code == SL_OK) {
            q->read(p);
            continue;
        }
        if (sql_lost(p->sql))
            return code;
        forget(p, q->tells);
        say(p, err->text);
    }
    return SL_OK;
}

// --- jobs ---------------------------------------------------------------------------------------

static void hand_out(const struct picture *p, struct holdings_answer *a)
{
    a->threads = mem_array(p->count + 1, sizeof a->threads[0]);
    a->count = p->count;
    for (unsigned i = 0; i < p->count; i++) {
        a->threads[i] = p->rows[i].holding;
        a->threads[i].held &= a->threads[i].known;
    }
    qsort(a->threads, a->count, sizeof a->threads[0], by_thread);
    (void)text_copy(a->problem, sizeof a->problem, p->problem);
}

static enum sl_code holdings_run(struct sql *sql, struct list *jobs, struct sl_error *err)
{
    struct picture p = {.sql = sql};
    enum sl_code code = paint(&p, err);
    if (code == SL_OK)
        LIST_FOR_EACH (jobs, it, next)
            hand_out(&p, LIST_ITEM(it, struct holdings_job, job.node)->answer);
    mem_free(p.rows);
    return code;
}

static void holdings_end(struct lane_job *job, const struct lane_end *end)
{
    struct holdings_job *j = LIST_ITEM(job, struct holdings_job, job);
    j->answer->code = end->code;
    if (end->code != SL_OK)
        (void)text_copy(j->answer->problem, sizeof j->answer->problem, end->problem);
    loop_post(j->reply_to, &j->answer->mail);
    mem_free(j);
}

static const struct lane_work holdings_work = {
    .what = "questions", .batch = 64, .queue = 1024, .run = holdings_run, .end = holdings_end};

// --- the service --------------------------------------------------------------------------------

enum sl_code holdings_new(struct holdings_service **out, struct sl_error *err)
{
    (void)err;
    *out = mem_zalloc(sizeof **out);
    (*out)->lanes = lanes_new(&holdings_work);
    return SL_OK;
}

void holdings_set_targets(struct holdings_service *h, const struct control_target *targets,
                          unsigned count)
{
    lanes_set_targets(h->lanes, targets, count);
}

void holdings_ask(struct holdings_service *h, const char *backend, struct loop *reply_to,
                  struct holdings_answer *answer)
{
    struct holdings_job *j = mem_zalloc(sizeof *j);
    j->reply_to = reply_to;
    j->answer = answer;
    lanes_add(h->lanes, backend, &j->job);
}

void holdings_free(struct holdings_service *h)
{
    if (h == NULL)
        return;
    lanes_free(h->lanes);
    mem_free(h);
}
