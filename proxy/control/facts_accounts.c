// The accounts of a server and what they may do, read so that no secret leaves it.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/facts_parts.h"

#define ACCOUNTS_MAX 100000

static const char MARIADB_ACCOUNTS[] =
    "SELECT User, Host, COALESCE(JSON_VALUE(Priv, '$.plugin'), '') AS plugin,"
    " SHA2(COALESCE(JSON_VALUE(Priv, '$.authentication_string'), ''), 256) AS digest,"
    " COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 1 AS locked"
    " FROM mysql.global_priv WHERE COALESCE(JSON_VALUE(Priv, '$.is_role'), 0) <> 1";
static const char MYSQL_ACCOUNTS[] =
    "SELECT User, Host, plugin, SHA2(COALESCE(authentication_string, ''), 256) AS digest,"
    " account_locked = 'Y' AS locked FROM mysql.user";

static int compare(const void *a, const void *b)
{
    const struct facts_account *x = a, *y = b;
    int order = strcmp(x->user, y->user);
    return order != 0 ? order : strcmp(x->host, y->host);
}

const struct facts_account *facts_find_account(const struct facts *f, const char *user,
                                               const char *host)
{
    struct facts_account key = {0};
    text_copy(key.user, sizeof key.user, user);
    text_copy(key.host, sizeof key.host, host);
    return f->account_count == 0
               ? NULL
               : bsearch(&key, f->accounts, f->account_count, sizeof key, compare);
}

static const char *or_empty(const char *value)
{
    return value != NULL ? value : "";
}

static void take_account(struct sql *sql, struct facts_account *a)
{
    *a = (struct facts_account){0};
    text_copy(a->user, sizeof a->user, or_empty(sql_value(sql, "User")));
    text_copy(a->host, sizeof a->host, or_empty(sql_value(sql, "Host")));
    text_copy(a->plugin, sizeof a->plugin, or_empty(sql_value(sql, "plugin")));
    text_copy(a->digest, sizeof a->digest, or_empty(sql_value(sql, "digest")));
    a->locked = strcmp(or_empty(sql_value(sql, "locked")), "1") == 0;
}

static enum sl_code read_accounts(struct sql *sql, struct facts *f, struct sl_error *err)
{
    unsigned size = 0;
    enum sl_code code =
        sql_query(sql, f->family == FAMILY_MYSQL ? MYSQL_ACCOUNTS : MARIADB_ACCOUNTS, err);
    while (code == SL_OK && f->account_count < ACCOUNTS_MAX && sql_next(sql)) {
        if (f->account_count == size) {
            size = size > 0 ? 2 * size : 16;
            f->accounts = mem_realloc(f->accounts, size * sizeof *f->accounts);
        }
        take_account(sql, &f->accounts[f->account_count++]);
    }
    if (f->account_count > 0)
        qsort(f->accounts, f->account_count, sizeof *f->accounts, compare);
    return code;
}

// --- privileges ---------------------------------------------------------------------------------

enum sl_code facts_split_grantee(const char *grantee, char *user, size_t user_size, char *host,
                                 size_t host_size)
{
    const char *at = strrchr(grantee, '@');
    size_t n = strlen(grantee);
    if (at == NULL || n < 5 || grantee[0] != '\'' || at < grantee + 2 || at[-1] != '\'' ||
        at[1] != '\'' || at + 2 > grantee + n - 1 || grantee[n - 1] != '\'')
        return SL_EPROTO;
    text_copy_n(user, user_size, grantee + 1, (size_t)(at - grantee) - 2);
    text_copy_n(host, host_size, at + 2, (size_t)(grantee + n - 1 - (at + 2)));
    return SL_OK;
}

static bool is_powerful(const char *privilege)
{
    static const char *const powers[] = {
        "SUPER",
        "READ_ONLY ADMIN",
        "READ ONLY ADMIN",
        "CONNECTION ADMIN",
        "CONNECTION_ADMIN",
        "SYSTEM_VARIABLES_ADMIN",
    };
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        if (strcmp(privilege, powers[i]) == 0)
            return true;
    return false;
}

// FNV-1a.
static uint64_t hash_of(const char *text, uint64_t hash)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static void take_privilege(struct sql *sql, struct facts *f)
{
    char user[129], host[256];
    const char *grantee = or_empty(sql_column_value(sql, 0));
    const char *privilege = or_empty(sql_column_value(sql, 1));
    const char *on = or_empty(sql_column_value(sql, 2));
    if (facts_split_grantee(grantee, user, sizeof user, host, sizeof host) != SL_OK)
        return;
    const struct facts_account *found = facts_find_account(f, user, host);
    if (found == NULL || strcmp(privilege, "USAGE") == 0)
        return;
    struct facts_account *a = &f->accounts[found - f->accounts];
    a->powerful = a->powerful || (on[0] == '\0' && is_powerful(privilege));
    // A sum, so that the order in which servers list them does not matter.
    a->grants += hash_of(on, hash_of(privilege, UINT64_C(0xcbf29ce484222325)));
}

static enum sl_code read_privileges(struct sql *sql, struct facts *f, struct sl_error *err)
{
    static const char *const questions[] = {
        "SELECT GRANTEE, PRIVILEGE_TYPE, '' FROM information_schema.USER_PRIVILEGES",
        "SELECT GRANTEE, PRIVILEGE_TYPE, TABLE_SCHEMA FROM information_schema.SCHEMA_PRIVILEGES",
        "SELECT GRANTEE, PRIVILEGE_TYPE, CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)"
        " FROM information_schema.TABLE_PRIVILEGES",
    };
    enum sl_code code = SL_OK;
    for (size_t i = 0; i < sizeof questions / sizeof *questions && code == SL_OK; i++) {
        code = sql_query(sql, questions[i], err);
        while (code == SL_OK && sql_next(sql))
            take_privilege(sql, f);
    }
    return code;
}

// --- together -----------------------------------------------------------------------------------

enum sl_code facts_ask_accounts(struct sql *sql, const struct fence_rules *rules, struct facts *f,
                                struct sl_error *err)
{
    enum sl_code code = read_accounts(sql, f, err);
    if (code == SL_OK)
        code = read_privileges(sql, f, err);
    if (code == SL_OK)
        code = fence_plan(sql, rules, &f->fence, err);
    f->has_accounts = code == SL_OK;
    if (code == SL_OK || sql_lost(sql))
        return code;
    text_copy(f->denied, sizeof f->denied, err->text);
    return SL_OK;
}
