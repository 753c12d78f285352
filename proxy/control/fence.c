// The fence on a real server. See fence.h for what it is made of.
#include "control/fence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/family.h"

#define STATEMENT_MAX ((size_t)8 << 20)
#define ACCOUNTS_MAX 100000
#define ER_LOCK_WAIT_TIMEOUT 1205
#define ER_UNKNOWN_THREAD 1094
#define ER_STATEMENT_TIMEOUT 1969 // MariaDB's max_statement_time

void fence_release(struct fence *f)
{
    mem_free(f->accounts);
    *f = (struct fence){0};
}

struct fence fence_copy(const struct fence *f)
{
    struct fence copy = *f;
    copy.accounts = NULL;
    if (f->count > 0) {
        copy.accounts = mem_array(f->count, sizeof *f->accounts);
        memcpy(copy.accounts, f->accounts, f->count * sizeof *f->accounts);
    }
    return copy;
}

static bool is_mysql(const struct sql *sql)
{
    return family_of(sql) == FAMILY_MYSQL;
}

static bool is_named(const struct fence_names *names, const char *user)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->items[i], user) == 0)
            return true;
    return false;
}

// --- lists of users -----------------------------------------------------------------------------

// Names in the order in which they were added.
struct users {
    char **items;
    unsigned count, size;
};

static void users_add(struct users *u, const char *name)
{
    if (u->count == u->size) {
        u->size = u->size > 0 ? 2 * u->size : 16;
        u->items = mem_realloc(u->items, u->size * sizeof *u->items);
    }
    u->items[u->count++] = mem_strdup(name);
}

static void users_release(struct users *u)
{
    for (unsigned i = 0; i < u->count; i++)
        mem_free(u->items[i]);
    mem_free(u->items);
    *u = (struct users){0};
}

static bool users_have(const struct users *u, const char *name)
{
    const struct fence_names names = {(const char *const *)u->items, u->count};
    return is_named(&names, name);
}

static enum sl_code users_query(struct sql *sql, const char *statement, struct users *out,
                                struct sl_error *err)
{
    enum sl_code code = sql_query(sql, statement, err);
    while (code == SL_OK && sql_next(sql)) {
        const char *name = sql_column_value(sql, 0);
        if (name != NULL)
            users_add(out, name);
    }
    return code;
}

// --- who is who ---------------------------------------------------------------------------------

// Grantees are written 'user'@'host', the user quoted as it is, without escapes: what is before the
// last '@'.
// And whoever reads the binary log.
static const char SPARED[] =
    "SELECT TRIM(BOTH '''' FROM SUBSTRING(GRANTEE, 1, CHAR_LENGTH(GRANTEE) -"
    " LOCATE('@', REVERSE(GRANTEE)))) FROM information_schema.USER_PRIVILEGES"
    " WHERE PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN', 'CONNECTION ADMIN',"
    " 'CONNECTION_ADMIN', 'SYSTEM_VARIABLES_ADMIN') UNION"
    " SELECT USER FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'";

// Users that the fence does not touch, beyond those that the rules name.
static enum sl_code find_spared(struct sql *sql, struct users *out, struct sl_error *err)
{
    return users_query(sql, SPARED, out, err);
}

static bool is_spared(const struct fence_rules *rules, const struct users *spared, const char *user)
{
    return strcmp(user, rules->own) == 0 || is_named(&rules->keep, user) ||
           (users_have(spared, user) && !is_named(&rules->seen, user));
}

static const char MARIADB_ACCOUNTS[] =
    "SELECT User, Host, COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 1 AS locked"
    " FROM mysql.global_priv WHERE COALESCE(JSON_VALUE(Priv, '$.is_role'), 0) <> 1";
static const char MYSQL_ACCOUNTS[] =
    "SELECT User, Host, account_locked = 'Y' AS locked FROM mysql.user";

static const char *accounts_question(const struct sql *sql)
{
    return is_mysql(sql) ? MYSQL_ACCOUNTS : MARIADB_ACCOUNTS;
}

static bool is_on(const struct sql *sql, const char *column)
{
    const char *value = sql_value(sql, column);
    return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "ON") == 0);
}

static void add_account(struct fence *f, unsigned *size, const char *user, const char *host)
{
    if (f->count == *size) {
        *size = *size > 0 ? 2 * *size : 16;
        f->accounts = mem_realloc(f->accounts, *size * sizeof *f->accounts);
    }
    struct fence_account *a = &f->accounts[f->count++];
    text_copy(a->user, sizeof a->user, user);
    text_copy(a->host, sizeof a->host, host);
}

static enum sl_code plan_accounts(struct sql *sql, const struct fence_rules *rules,
                                  const struct users *spared, struct fence *f, struct sl_error *err)
{
    unsigned size = 0;
    enum sl_code code = sql_query(sql, accounts_question(sql), err);
    while (code == SL_OK && sql_next(sql)) {
        const char *user = sql_column_value(sql, 0), *host = sql_column_value(sql, 1);
        if (user == NULL || host == NULL || is_on(sql, "locked") || is_spared(rules, spared, user))
            continue;
        add_account(f, &size, user, host);
        if (f->count > ACCOUNTS_MAX)
            return sl_fail(err, SL_ETOOBIG, "more than %d accounts", ACCOUNTS_MAX);
    }
    return code;
}

static enum sl_code look_at_settings(struct sql *sql, struct fence *f, struct sl_error *err)
{
    enum sl_code code = sql_query(
        sql,
        is_mysql(sql) ? "SELECT @@global.read_only AS ro, @@global.super_read_only AS sro,"
                        " @@global.event_scheduler AS ev"
                      : "SELECT @@global.read_only AS ro, 0 AS sro,"
                        " @@global.event_scheduler AS ev",
        err);
    if (code != SL_OK)
        return code;
    if (!sql_next(sql))
        return sl_fail(err, SL_EPROTO, "no answer about read_only");
    f->read_only = is_on(sql, "ro");
    f->super_read_only = is_on(sql, "sro");
    f->event_scheduler = is_on(sql, "ev");
    return SL_OK;
}

enum sl_code fence_plan(struct sql *sql, const struct fence_rules *rules, struct fence *out,
                        struct sl_error *err)
{
    struct users spared = {0};
    *out = (struct fence){0};
    enum sl_code code = look_at_settings(sql, out, err);
    if (code == SL_OK)
        code = find_spared(sql, &spared, err);
    if (code == SL_OK)
        code = plan_accounts(sql, rules, &spared, out, err);
    users_release(&spared);
    if (code != SL_OK)
        fence_release(out);
    return code;
}

// --- doing and undoing --------------------------------------------------------------------------

// sql_mode: names are quoted as ' and \ say then.
static enum sl_code be_local(struct sql *sql, struct sl_error *err)
{
    return sql_run(sql,
                   "SET SESSION sql_log_bin = 0, SESSION lock_wait_timeout = 1,"
                   " SESSION sql_mode = ''",
                   err);
}

static void put_text(struct buf *sql, const char *text)
{
    buf_str(sql, "'");
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            buf_put(sql, "\\", 1);
        buf_put(sql, text, 1);
    }
    buf_str(sql, "'");
}

// ALTER USER is atomic on MySQL; on MariaDB it goes on behind one that fails, and IF EXISTS makes
// those that were dropped meanwhile no failure on either.
static enum sl_code alter_accounts(struct sql *sql, const struct fence *f, const char *what,
                                   struct sl_error *err)
{
    struct buf statement;
    if (f->count == 0)
        return SL_OK;
    buf_init(&statement, STATEMENT_MAX);
    // There lock_wait_timeout is not heeded: FLUSH TABLES WITH READ LOCK would be waited for for ever.
    if (!is_mysql(sql))
        buf_printf(&statement, "SET STATEMENT max_statement_time=%u FOR ", 1 + f->count / 1000);
    buf_str(&statement, "ALTER USER IF EXISTS ");
    for (unsigned i = 0; i < f->count; i++) {
        buf_str(&statement, i > 0 ? "," : "");
        put_text(&statement, f->accounts[i].user);
        buf_str(&statement, "@");
        put_text(&statement, f->accounts[i].host);
    }
    buf_printf(&statement, " ACCOUNT %s", what);
    enum sl_code code = statement.failed
                            ? sl_fail(err, SL_ETOOBIG, "too many accounts for one statement")
                            : sql_run(sql, buf_text(&statement), err);
    buf_release(&statement);
    return code;
}

// Under super_read_only nobody may change accounts; plain read_only stays.
static enum sl_code allow_accounts(struct sql *sql, struct sl_error *err)
{
    return is_mysql(sql) ? sql_run(sql, "SET GLOBAL super_read_only = 0", err) : SL_OK;
}

// --- what it waits behind -------------------------------------------------------------------------

#define WHO "SELECT ID, CONCAT(ID, ' (', USER, '@', HOST, ', ', COMMAND, ' for ', TIME, ' s)')"
#define OTHERS                                                                                     \
    " FROM information_schema.PROCESSLIST p WHERE ID <> CONNECTION_ID() AND COMMAND NOT IN"        \
    " ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Slave_IO', 'Slave_SQL', 'Slave_worker')"      \
    " AND USER NOT IN ('system user', 'event_scheduler', SUBSTRING_INDEX(USER(), '@', 1))"

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool is_our_link(const struct fence_links *ours, uint32_t id)
{
    return ours != NULL && ours->count > 0 &&
           bsearch(&id, ours->ids, ours->count, sizeof id, by_id) != NULL;
}

static uint32_t id_of(const char *text)
{
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

// Whoever may hold what SET GLOBAL read_only waits for. MySQL knows; on MariaDB (whose plugin for it
// is rarely there) it is the longest at work, else anybody.
static void name_blocker(struct sql *sql, const char *what, const struct fence_links *ours,
                         struct sl_error *err)
{
    struct sl_error unheard;
    bool found = false;
    const char *question =
        is_mysql(sql) ? WHO OTHERS
            " AND EXISTS (SELECT 1 FROM performance_schema.metadata_locks l JOIN"
            " performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID WHERE"
            " t.PROCESSLIST_ID = p.ID AND l.LOCK_STATUS = 'GRANTED' AND l.OBJECT_TYPE"
            " IN ('GLOBAL', 'COMMIT', 'BACKUP LOCK')) ORDER BY TIME DESC"
                      : WHO OTHERS " ORDER BY COMMAND = 'Sleep', TIME DESC";
    enum sl_code code = sql_query(sql, question, &unheard);
    while (code == SL_OK && !found && sql_next(sql))
        found =
            sql_column_value(sql, 1) != NULL && !is_our_link(ours, id_of(sql_column_value(sql, 0)));
    (void)sl_fail(
        err, SL_ECONFLICT,
        "%s waits behind another connection (a running write, DDL, LOCK TABLES, FLUSH TABLES WITH"
        " READ LOCK or a backup)%s%s",
        what,
        !found          ? ""
        : is_mysql(sql) ? "; it is connection "
                        : "; perhaps it is connection ",
        found ? sql_column_value(sql, 1) : "");
}

// `code` is what a statement that waits for locks came to.
static enum sl_code blame(struct sql *sql, enum sl_code code, const char *what,
                          const struct fence_links *ours, struct sl_error *err)
{
    bool waited = sql_errno(sql) == ER_LOCK_WAIT_TIMEOUT || sql_errno(sql) == ER_STATEMENT_TIMEOUT;
    if (code == SL_OK || !waited)
        return code;
    name_blocker(sql, what, ours, err);
    return SL_ECONFLICT;
}

// --- up and down --------------------------------------------------------------------------------

enum sl_code fence_lock(struct sql *sql, const struct fence *f, const struct fence_links *ours,
                        struct sl_error *err)
{
    enum sl_code code = be_local(sql, err);
    if (code == SL_OK && f->event_scheduler)
        code = sql_run(sql, "SET GLOBAL event_scheduler = OFF", err);
    if (code == SL_OK && f->count > 0)
        code = allow_accounts(sql, err);
    if (code == SL_OK)
        code = alter_accounts(sql, f, "LOCK", err);
    return blame(sql, code, "locking accounts", ours, err);
}

enum sl_code fence_read_only(struct sql *sql, const struct fence_links *ours, struct sl_error *err)
{
    enum sl_code code = be_local(sql, err);
    if (code != SL_OK)
        return code;
    code = sql_run(
        sql, is_mysql(sql) ? "SET GLOBAL super_read_only = 1" : "SET GLOBAL read_only = 1", err);
    return blame(sql, code, "read_only", ours, err);
}

enum sl_code fence_writable(struct sql *sql, struct sl_error *err)
{
    enum sl_code code = allow_accounts(sql, err);
    return code == SL_OK ? sql_run(sql, "SET GLOBAL read_only = 0", err) : code;
}

enum sl_code fence_unlock(struct sql *sql, const struct fence *f, struct sl_error *err)
{
    enum sl_code code = be_local(sql, err);
    if (code == SL_OK && f->count > 0)
        code = allow_accounts(sql, err);
    if (code == SL_OK)
        code = alter_accounts(sql, f, "UNLOCK", err);
    return blame(sql, code, "unlocking accounts", NULL, err);
}

static bool is_ours(const struct fence *f, const char *user, const char *host)
{
    for (unsigned i = 0; i < f->count; i++)
        if (strcmp(f->accounts[i].user, user) == 0 && strcmp(f->accounts[i].host, host) == 0)
            return true;
    return false;
}

// How many accounts of `f` there are, locked and not. `open`: one that is not.
struct locks {
    unsigned locked, unlocked;
    struct fence_account open;
};

static enum sl_code count_locked(struct sql *sql, const struct fence *f, struct locks *out,
                                 struct sl_error *err)
{
    *out = (struct locks){0};
    enum sl_code code = sql_query(sql, accounts_question(sql), err);
    while (code == SL_OK && sql_next(sql)) {
        const char *user = sql_column_value(sql, 0), *host = sql_column_value(sql, 1);
        if (user == NULL || host == NULL || !is_ours(f, user, host))
            continue;
        if (is_on(sql, "locked")) {
            out->locked++;
            continue;
        }
        out->unlocked++;
        text_copy(out->open.user, sizeof out->open.user, user);
        text_copy(out->open.host, sizeof out->open.host, host);
    }
    return code;
}

// A server that was read-only as it was found may have restarted since: it is made so again before
// anybody is let in.
enum sl_code fence_open(struct sql *sql, const struct fence *f, struct sl_error *err)
{
    struct fence now = {0};
    struct locks locks;
    enum sl_code code = look_at_settings(sql, &now, err);
    if (code == SL_OK && f->read_only && !now.read_only)
        code = fence_read_only(sql, NULL, err);
    if (code == SL_OK)
        code = allow_accounts(sql, err);
    if (code == SL_OK)
        code = count_locked(sql, f, &locks, err);
    if (code == SL_OK && locks.locked > 0)
        code = fence_unlock(sql, f, err);
    if (code == SL_OK && f->event_scheduler)
        code = sql_run(sql, "SET GLOBAL event_scheduler = ON", err);
    if (code == SL_OK && !f->read_only)
        code = sql_run(sql, "SET GLOBAL read_only = 0", err);
    if (code == SL_OK && f->super_read_only)
        code = sql_run(sql, "SET GLOBAL super_read_only = 1", err);
    return code;
}

// --- looking whether it holds -------------------------------------------------------------------

enum sl_code fence_holds(struct sql *sql, const struct fence *f, struct sl_error *err)
{
    struct fence now = {0};
    struct locks locks;
    enum sl_code code = look_at_settings(sql, &now, err);
    if (code != SL_OK)
        return code;
    if (!now.read_only || (is_mysql(sql) && !now.super_read_only))
        return sl_fail(err, SL_ECONFLICT, "the server is not read-only");
    code = count_locked(sql, f, &locks, err);
    if (code == SL_OK && locks.unlocked > 0)
        code = sl_fail(err, SL_ECONFLICT, "the account '%s'@'%s' is not locked", locks.open.user,
                       locks.open.host);
    return code;
}

// --- connections past sluice --------------------------------------------------------------------

// The ids of connections that have to be killed: heap, found->killed of them. KILL of one that is
// dying already can take MariaDB two seconds, when it sleeps in a user lock or the like.
static uint32_t *find_direct(struct sql *sql, const struct fence_rules *rules,
                             const struct users *spared, const struct fence_links *ours,
                             struct fence_found *found)
{
    unsigned size = 0;
    uint32_t *ids = NULL;
    while (sql_next(sql)) {
        uint32_t id = id_of(sql_column_value(sql, 0));
        if (is_spared(rules, spared, sql_column_value(sql, 1)) || is_our_link(ours, id))
            continue;
        if (is_on(sql, "dying")) {
            found->dying++;
            continue;
        }
        if (found->killed == size) {
            size = size > 0 ? 2 * size : 64;
            ids = mem_realloc(ids, size * sizeof *ids);
        }
        ids[found->killed++] = id;
    }
    return ids;
}

static enum sl_code kill_one(struct sql *sql, uint32_t id, struct sl_error *err)
{
    char statement[32];
    (void)snprintf(statement, sizeof statement, "KILL %" PRIu32, id);
    enum sl_code code = sql_run(sql, statement, err);
    return code != SL_OK && sql_errno(sql) == ER_UNKNOWN_THREAD ? SL_OK : code;
}

enum sl_code fence_kill_direct(struct sql *sql, const struct fence_rules *rules,
                               const struct fence_links *ours, struct fence_found *found,
                               struct sl_error *err)
{
    struct users spared = {0};
    *found = (struct fence_found){0};
    enum sl_code code = find_spared(sql, &spared, err);
    if (code == SL_OK)
        code = sql_query(sql,
                         "SELECT ID, USER, COMMAND = 'Killed' AS dying"
                         " FROM information_schema.PROCESSLIST"
                         " WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon' AND USER IS NOT NULL"
                         " AND USER NOT IN ('system user', 'event_scheduler')",
                         err);
    uint32_t *ids = NULL;
    if (code == SL_OK)
        ids = find_direct(sql, rules, &spared, ours, found);
    for (unsigned i = 0; code == SL_OK && i < found->killed; i++)
        code = kill_one(sql, ids[i], err);
    mem_free(ids);
    users_release(&spared);
    return code;
}
