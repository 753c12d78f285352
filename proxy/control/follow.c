// Replication turned round. See follow.h for when.
#include "control/follow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "control/family.h"
#include "control/replica_status.h"

#define STATEMENT_MAX ((size_t)16 << 10)
#define RETRY_S 2       // between two tries to connect: the way back shall not wait for a minute
#define RETRIES 86400   // MySQL gives up after 10, MariaDB after 100000
#define NEW_WORDS 80023 // CHANGE REPLICATION SOURCE TO, SOURCE_...

// --- channels -----------------------------------------------------------------------------------

struct channel {
    bool found;
    char name[65]; // "" for the default one
    struct replica_status status;
};

#define COLUMNS_MAX 128

static bool is_mysql(const struct sql *sql)
{
    return family_of(sql) == FAMILY_MYSQL;
}

static void read_channel(struct sql *sql, const char *source, struct channel *out)
{
    struct status_pair pairs[COLUMNS_MAX];
    struct replica_status status;
    unsigned count = sql_columns(sql) < COLUMNS_MAX ? sql_columns(sql) : COLUMNS_MAX;
    for (unsigned i = 0; i < count; i++)
        pairs[i] = (struct status_pair){sql_column_name(sql, i), sql_column_value(sql, i)};
    replica_status_parse(pairs, count, &status);
    if (out->found || (source != NULL && strcmp(status.source, source) != 0))
        return;
    const char *name = sql_value(sql, is_mysql(sql) ? "Channel_Name" : "Connection_name");
    out->found = true;
    out->status = status;
    text_copy(out->name, sizeof out->name, name != NULL ? name : "");
}

// The channel that reads from `source` ("host:port"; NULL: any).
static enum sl_code find_channel(struct sql *sql, const char *source, struct channel *out,
                                 struct sl_error *err)
{
    const char *show = !is_mysql(sql)                    ? "SHOW ALL SLAVES STATUS"
                       : sql_version_number(sql) < 80022 ? "SHOW SLAVE STATUS"
                                                         : "SHOW REPLICA STATUS";
    *out = (struct channel){0};
    enum sl_code code = sql_query(sql, show, err);
    while (code == SL_OK && sql_next(sql))
        read_channel(sql, source, out);
    return code;
}

static void source_text(char *out, size_t size, const char *host, uint16_t port)
{
    (void)snprintf(out, size, "%s:%u", host, port);
}

// --- words --------------------------------------------------------------------------------------

// What the servers and their versions call things.
struct vocabulary {
    const char *change, *source, *replica;
};

static struct vocabulary words_of(const struct sql *sql)
{
    if (is_mysql(sql) && sql_version_number(sql) >= NEW_WORDS)
        return (struct vocabulary){"CHANGE REPLICATION SOURCE TO ", "SOURCE_", "REPLICA"};
    return (struct vocabulary){"CHANGE MASTER TO ", "MASTER_", "SLAVE"};
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

static void put_place(struct buf *sql, const struct vocabulary *w, const struct follow_source *from,
                      bool mysql)
{
    if (!from->gtid) {
        buf_printf(sql, ", %sLOG_FILE=", w->source);
        put_text(sql, from->file);
        buf_printf(sql, ", %sLOG_POS=%" PRIu64, w->source, from->offset);
        buf_printf(sql, mysql ? ", %sAUTO_POSITION=0" : ", %sUSE_GTID=no", w->source);
    } else {
        buf_printf(sql, mysql ? ", %sAUTO_POSITION=1" : ", %sUSE_GTID=slave_pos", w->source);
    }
}

static enum sl_code change(struct sql *sql, const struct follow_source *from, struct sl_error *err)
{
    const struct vocabulary w = words_of(sql);
    struct buf text;
    buf_init(&text, STATEMENT_MAX);
    // What grows leaves a copy of the password behind.
    (void)buf_reserve(&text, STATEMENT_MAX / 2);
    buf_printf(&text, "%s%sHOST=", w.change, w.source);
    put_text(&text, from->host);
    buf_printf(&text, ", %sPORT=%u, %sUSER=", w.source, from->port, w.source);
    put_text(&text, from->user);
    buf_printf(&text, ", %sPASSWORD=", w.source);
    put_text(&text, from->password);
    buf_printf(&text, ", %sSSL=%d, %sCONNECT_RETRY=%d", w.source, from->tls, w.source, RETRY_S);
    if (is_mysql(sql))
        buf_printf(&text, ", GET_%sPUBLIC_KEY=1, %sRETRY_COUNT=%d",
                   sql_version_number(sql) >= NEW_WORDS ? "SOURCE_" : "MASTER_", w.source, RETRIES);
    put_place(&text, &w, from, is_mysql(sql));
    enum sl_code code = text.failed ? sl_fail(err, SL_ETOOBIG, "the names are too long")
                                    : sql_run(sql, buf_text(&text), err);
    buf_wipe(&text);
    return code;
}

static enum sl_code run(struct sql *sql, const char *verb, const char *channel, const char *behind,
                        struct sl_error *err)
{
    const struct vocabulary w = words_of(sql);
    struct buf text;
    buf_init(&text, STATEMENT_MAX);
    buf_printf(&text, "%s %s ", verb, w.replica);
    if (channel[0] != '\0' && !is_mysql(sql))
        put_text(&text, channel);
    buf_str(&text, behind);
    if (channel[0] != '\0' && is_mysql(sql)) {
        buf_str(&text, " FOR CHANNEL ");
        put_text(&text, channel);
    }
    enum sl_code code = sql_run(sql, buf_text(&text), err);
    buf_release(&text);
    return code;
}

// --- what is asked for --------------------------------------------------------------------------

enum sl_code follow_start(struct sql *sql, const struct follow_source *source, struct sl_error *err)
{
    struct channel any;
    char wanted[300];
    source_text(wanted, sizeof wanted, source->host, source->port);
    enum sl_code code = find_channel(sql, NULL, &any, err);
    if (code == SL_OK && any.found && strcmp(any.status.source, wanted) == 0)
        return run(sql, "START", any.name, "", err); // done before; starting twice is a warning
    if (code == SL_OK && any.found)
        return sl_fail(err, SL_ECONFLICT, "it replicates from %s already", any.status.source);
    if (code == SL_OK && source->gtid && !is_mysql(sql))
        code = sql_run(sql, "SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_current_pos", err);
    if (code == SL_OK)
        code = change(sql, source, err);
    return code == SL_OK ? run(sql, "START", "", "", err) : code;
}

enum sl_code follow_leave(struct sql *sql, const char *host, uint16_t port, struct sl_error *err)
{
    char source[300];
    struct channel c;
    source_text(source, sizeof source, host, port);
    enum sl_code code = find_channel(sql, source, &c, err);
    if (code != SL_OK || !c.found)
        return code;
    code = run(sql, "STOP", c.name, "", err);
    return code == SL_OK ? run(sql, "RESET", c.name, " ALL", err) : code;
}

enum sl_code follow_check(struct sql *sql, const char *host, uint16_t port, struct sl_error *err)
{
    char source[300];
    struct channel c;
    source_text(source, sizeof source, host, port);
    enum sl_code code = find_channel(sql, source, &c, err);
    if (code != SL_OK)
        return code;
    if (!c.found)
        return sl_fail(err, SL_ECONFLICT, "it does not replicate from %s", source);
    if (c.status.error[0] != '\0')
        return sl_fail(err, SL_ECONFLICT, "replication from %s: %s", source, c.status.error);
    return c.status.io_running && c.status.sql_running
               ? SL_OK
               : sl_fail(err, SL_EAGAIN, "replication from %s is not running yet", source);
}
