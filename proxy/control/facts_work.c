// What is at work on a server: connections, open transactions, DDL.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "control/facts_parts.h"

#define WORKS_MAX 100000

// --- DDL ----------------------------------------------------------------------------------------

static const char *take_word(const char *text, char *out, size_t size)
{
    size_t n = 0;
    text += strspn(text, " \t\r\n");
    for (; isalnum((unsigned char)*text) || *text == '_'; text++)
        if (n + 1 < size)
            out[n++] = (char)toupper((unsigned char)*text);
    out[n] = '\0';
    return text;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

void facts_ddl_words(const char *statement, char *out, size_t size)
{
    static const char *const verbs[] = {"ALTER",  "CREATE",   "DROP",     "RENAME",
                                        "REPAIR", "TRUNCATE", "OPTIMIZE", NULL};
    static const char *const harmless[] = {"TEMPORARY", "USER", "ROLE", NULL};
    char first[16], second[16];
    (void)take_word(take_word(statement, first, sizeof first), second, sizeof second);
    out[0] = '\0';
    if (!is_one_of(first, verbs) || is_one_of(second, harmless))
        return;
    text_copy(out, size, first);
    size_t n = strlen(out);
    if (second[0] != '\0' && n + 1 < size) {
        out[n] = ' ';
        text_copy(out + n + 1, size - n - 1, second);
    }
}

// --- lists --------------------------------------------------------------------------------------

static const char *or_empty(const char *value)
{
    return value != NULL ? value : "";
}

// "10.0.0.1:4711" and "[::1]:4711" without the port.
static void copy_host(char *out, size_t size, const char *host)
{
    const char *colon = strrchr(host, ':');
    text_copy_n(out, size, host, colon != NULL ? (size_t)(colon - host) : strlen(host));
}

static void add(struct facts_works *list, unsigned *size, const struct facts_work *w)
{
    if (list->count == *size) {
        *size = *size > 0 ? 2 * *size : 16;
        list->items = mem_realloc(list->items, *size * sizeof *list->items);
    }
    list->items[list->count++] = *w;
}

static void take_work(struct sql *sql, struct facts_work *w)
{
    *w = (struct facts_work){0};
    w->id = (uint32_t)strtoul(or_empty(sql_value(sql, "id")), NULL, 10);
    w->seconds = strtoll(or_empty(sql_value(sql, "seconds")), NULL, 10);
    text_copy(w->user, sizeof w->user, or_empty(sql_value(sql, "user")));
    copy_host(w->host, sizeof w->host, or_empty(sql_value(sql, "host")));
    const char *info = sql_value(sql, "info");
    if (info != NULL)
        facts_ddl_words(info, w->what, sizeof w->what);
}

static bool is_servers_own(const struct facts_work *w)
{
    return strcmp(w->user, "system user") == 0 || strcmp(w->user, "event_scheduler") == 0 ||
           w->user[0] == '\0';
}

// --- questions ----------------------------------------------------------------------------------

static enum sl_code ask_present(struct sql *sql, struct facts *f, struct sl_error *err)
{
    unsigned present = 0, ddl = 0;
    enum sl_code code = sql_query(sql,
                                  "SELECT ID AS id, USER AS user, HOST AS host, TIME AS seconds,"
                                  " LEFT(INFO, 80) AS info FROM information_schema.PROCESSLIST"
                                  " WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon'",
                                  err);
    while (code == SL_OK && f->present.count < WORKS_MAX && sql_next(sql)) {
        struct facts_work w;
        take_work(sql, &w);
        if (w.what[0] != '\0')
            add(&f->ddl, &ddl, &w);
        if (!is_servers_own(&w))
            add(&f->present, &present, &w);
    }
    return code;
}

static enum sl_code ask_transactions(struct sql *sql, struct facts *f, struct sl_error *err)
{
    unsigned size = 0;
    enum sl_code code =
        sql_query(sql,
                  "SELECT t.trx_mysql_thread_id AS id, TIMESTAMPDIFF(SECOND, t.trx_started, NOW())"
                  " AS seconds, p.USER AS user, p.HOST AS host FROM information_schema.INNODB_TRX t"
                  " LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id",
                  err);
    while (code == SL_OK && f->transactions.count < WORKS_MAX && sql_next(sql)) {
        struct facts_work w;
        take_work(sql, &w);
        add(&f->transactions, &size, &w);
    }
    return code;
}

enum sl_code facts_ask_work(struct sql *sql, struct facts *f, struct sl_error *err)
{
    enum sl_code code = ask_present(sql, f, err);
    if (code == SL_OK)
        code = ask_transactions(sql, f, err);
    if (code == SL_OK || sql_lost(sql))
        return code;
    if (f->denied[0] == '\0')
        text_copy(f->denied, sizeof f->denied, err->text);
    return SL_OK;
}
