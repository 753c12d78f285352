// One look at a backend. The order is: a trivial statement for the latency, then the questions,
// each a row of a table, so that a missing privilege costs one answer and not the look.
#include "control/look.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/family.h"
#include "control/replica_status.h"

#define COLUMNS_MAX 128 // of a status row; the most in use is about 70

// What the questions find out together.
struct looking {
    struct sql *sql;
    struct backend_view *view;
    struct position *position;
    struct replica_status replication; // all channels
};

struct status_row {
    struct status_pair pairs[COLUMNS_MAX];
    unsigned count;
};

// The current row, valid until the next step.
static struct status_row current_row(const struct sql *sql)
{
    struct status_row row = {.count = sql_columns(sql)};
    row.count = row.count < COLUMNS_MAX ? row.count : COLUMNS_MAX;
    for (unsigned i = 0; i < row.count; i++)
        row.pairs[i] = (struct status_pair){sql_column_name(sql, i), sql_column_value(sql, i)};
    return row;
}

static void note_problem(struct backend_view *view, const char *text)
{
    if (view->problem[0] == '\0')
        (void)text_copy(view->problem, sizeof view->problem, text);
}

// "1", "ON", and what newer MariaDB adds (NO_LOCK, ...): everything that is not off.
static bool is_on(const char *value)
{
    return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "OFF") != 0;
}

// Copies without the line breaks that MySQL puts into GTID sets.
static void copy_line(char *out, size_t size, const char *value)
{
    size_t n = 0;
    for (; value != NULL && *value != '\0' && n + 1 < size; value++) {
        if (*value != '\n' && *value != '\r')
            out[n++] = *value;
    }
    out[n] = '\0';
}

static void read_variables(struct looking *l)
{
    if (!sql_next(l->sql))
        return;
    struct backend_view *v = l->view;
    v->read_only = is_on(sql_value(l->sql, "read_only"));
    v->super_read_only = is_on(sql_value(l->sql, "super_read_only"));
    v->offline_mode = is_on(sql_value(l->sql, "offline_mode"));
    copy_line(v->version, sizeof v->version, sql_value(l->sql, "version"));
    copy_line(v->position, sizeof v->position, sql_value(l->sql, "position"));
    struct status_row row = current_row(l->sql);
    struct sl_error err = {0};
    if (position_read_own(l->position, v->family, row.pairs, row.count, &err) != SL_OK)
        note_problem(v, err.text);
}

static void read_replication(struct looking *l)
{
    while (sql_next(l->sql)) {
        struct status_row row = current_row(l->sql);
        struct replica_status channel;
        replica_status_parse(row.pairs, row.count, &channel);
        replica_status_add(&l->replication, &channel);
        position_add_channel(l->position, row.pairs, row.count);
    }
    const struct replica_status *all = &l->replication;
    struct backend_view *v = l->view;
    v->replicates = all->channels > 0;
    v->io_running = all->io_running;
    v->sql_running = all->sql_running;
    v->lag_seconds = replica_lag_seconds(all);
    (void)text_copy(v->source, sizeof v->source, all->source);
    (void)text_copy(v->replication_error, sizeof v->replication_error, all->error);
    (void)text_copy(v->role, sizeof v->role, replica_role(all, v->read_only));
}

static void read_binlog(struct looking *l)
{
    if (!sql_next(l->sql)) // the binary log is off
        return;
    const char *file = sql_value(l->sql, "File"), *offset = sql_value(l->sql, "Position");
    if (file != NULL && offset != NULL)
        (void)snprintf(l->view->binlog, sizeof l->view->binlog, "%s:%s", file, offset);
    struct status_row row = current_row(l->sql);
    position_read_log(l->position, row.pairs, row.count);
}

static void read_load(struct looking *l)
{
    struct backend_view *v = l->view;
    while (sql_next(l->sql)) {
        const char *name = sql_column_value(l->sql, 0), *value = sql_column_value(l->sql, 1);
        uint64_t n;
        if (name == NULL || value == NULL || text_parse_u64(value, &n) != SL_OK)
            continue;
        if (strcasecmp(name, "Threads_connected") == 0)
            v->connections = (unsigned)n;
        else if (strcasecmp(name, "Threads_running") == 0)
            v->threads_running = (unsigned)n;
        else
            v->queries = n;
    }
}

// Asked in this order.
static const struct question {
    struct family_range of;
    const char *statement;
    void (*read)(struct looking *l);
} questions[] = {
    {{FAMILY_MARIADB, 0, 0},
     "SELECT @@global.read_only AS read_only, @@version AS version,"
     " @@global.gtid_current_pos AS position, @@global.server_id AS server_id,"
     " @@global.gtid_binlog_state AS gtid_logged, @@global.gtid_slave_pos AS gtid_applied,"
     " @@global.log_slave_updates AS log_updates, @@global.log_bin AS gtid_used",
     read_variables},
    {{FAMILY_MYSQL, 0, 0},
     "SELECT @@global.read_only AS read_only, @@global.super_read_only AS super_read_only,"
     " @@global.offline_mode AS offline_mode, @@version AS version,"
     " @@global.gtid_executed AS position, @@global.server_id AS server_id,"
     " @@global.gtid_executed AS gtid_logged, @@global.gtid_mode AS gtid_used,"
     " @@global.server_uuid AS server_uuid",
     read_variables},
    {{FAMILY_MARIADB, 0, 0}, "SHOW ALL SLAVES STATUS", read_replication},
    {{FAMILY_MYSQL, 0, 80022}, "SHOW SLAVE STATUS", read_replication},
    {{FAMILY_MYSQL, 80022, 0}, "SHOW REPLICA STATUS", read_replication},
    {{FAMILY_MARIADB, 0, 0}, "SHOW MASTER STATUS", read_binlog},
    {{FAMILY_MYSQL, 0, 80200}, "SHOW MASTER STATUS", read_binlog},
    {{FAMILY_MYSQL, 80200, 0}, "SHOW BINARY LOG STATUS", read_binlog},
    {{FAMILY_UNKNOWN, 0, 0},
     "SHOW GLOBAL STATUS WHERE Variable_name IN"
     " ('Threads_connected', 'Threads_running', 'Queries')",
     read_load},
};

static enum sl_code measure_latency(struct looking *l, struct sl_error *err)
{
    int64_t start = clock_now_ns();
    enum sl_code code = sql_run(l->sql, "DO 1", err);
    l->view->latency_ns = clock_now_ns() - start;
    return code;
}

static enum sl_code ask(struct looking *l, const struct question *q, struct sl_error *err)
{
    enum sl_code code = sql_query(l->sql, q->statement, err);
    if (code == SL_OK)
        q->read(l);
    else if (sql_lost(l->sql))
        return code;
    else
        note_problem(l->view, err->text);
    return SL_OK;
}

static bool is_of_position(const struct question *q)
{
    return q->read == read_variables || q->read == read_replication || q->read == read_binlog;
}

static enum sl_code ask_all(struct looking *l, bool position_only, struct sl_error *err)
{
    enum sl_code code = SL_OK;
    struct backend_view *view = l->view;
    view->family = family_of(l->sql);
    view->lag_seconds = -1;
    (void)text_copy(view->role, sizeof view->role, replica_role(NULL, false));
    if (!position_only)
        code = measure_latency(l, err);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0] && code == SL_OK; i++)
        if (family_fits(&questions[i].of, l->sql) &&
            (!position_only || is_of_position(&questions[i])))
            code = ask(l, &questions[i], err);
    return code;
}

enum sl_code look(struct sql *sql, struct backend_view *view, struct position *position,
                  struct sl_error *err)
{
    struct looking l = {.sql = sql, .view = view, .position = position};
    return ask_all(&l, false, err);
}

enum sl_code look_at_position(struct sql *sql, struct backend_view *view, struct position *position,
                              struct sl_error *err)
{
    struct looking l = {.sql = sql, .view = view, .position = position};
    return ask_all(&l, true, err);
}
