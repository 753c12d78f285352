// Replication status: rows of two vocabularies into one struct, and what is decided from it.
#include "control/replica_status.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

struct row {
    const struct status_pair *pairs;
    unsigned count;
};

const char *status_value(const struct status_pair *row, unsigned count, const char *name,
                         const char *older)
{
    for (unsigned i = 0; i < count; i++) {
        const char *found = row[i].name;
        if (strcasecmp(found, name) == 0 || (older != NULL && strcasecmp(found, older) == 0))
            return row[i].value;
    }
    return NULL;
}

static const char *value_of(const struct row *r, const char *name, const char *older)
{
    return status_value(r->pairs, r->count, name, older);
}

static const char *text_of(const struct row *r, const char *name, const char *older)
{
    const char *value = value_of(r, name, older);
    return value != NULL ? value : "";
}

// "Connecting" and "Preparing" of the receiver are not "Yes".
static bool is_yes(const char *value)
{
    return value != NULL && strcasecmp(value, "Yes") == 0;
}

static double parse_seconds(const char *value)
{
    char *end;
    double seconds = value != NULL ? strtod(value, &end) : -1;
    // Written so that NaN is unknown, too.
    return value != NULL && end != value && *end == '\0' && seconds >= 0 && seconds < 1e12 ? seconds
                                                                                           : -1;
}

void replica_status_parse(const struct status_pair *row, unsigned count, struct replica_status *out)
{
    const struct row r = {row, count};
    *out = (struct replica_status){.channels = 1};
    out->io_running = is_yes(value_of(&r, "Replica_IO_Running", "Slave_IO_Running"));
    out->sql_running = is_yes(value_of(&r, "Replica_SQL_Running", "Slave_SQL_Running"));
    out->seconds_behind =
        parse_seconds(value_of(&r, "Seconds_Behind_Source", "Seconds_Behind_Master"));
    (void)snprintf(out->source, sizeof out->source, "%s:%s",
                   text_of(&r, "Source_Host", "Master_Host"),
                   text_of(&r, "Source_Port", "Master_Port"));
    const char *error = text_of(&r, "Last_SQL_Error", NULL);
    if (error[0] == '\0')
        error = text_of(&r, "Last_IO_Error", NULL);
    (void)text_copy(out->error, sizeof out->error, error);
}

void replica_channel_parse(const struct status_pair *row, unsigned count,
                           struct replica_channel *out)
{
    const struct row r = {row, count};
    uint64_t id;
    *out = (struct replica_channel){0};
    (void)text_copy(out->name, sizeof out->name, text_of(&r, "Channel_Name", "Connection_name"));
    const char *source_id = value_of(&r, "Source_Server_Id", "Master_Server_Id");
    if (text_parse_u64(source_id, &id) == SL_OK && id <= UINT32_MAX)
        out->source_id = (uint32_t)id;
    out->io_running = is_yes(value_of(&r, "Replica_IO_Running", "Slave_IO_Running"));
    out->sql_running = is_yes(value_of(&r, "Replica_SQL_Running", "Slave_SQL_Running"));
    out->received = binlog_place_read(value_of(&r, "Source_Log_File", "Master_Log_File"),
                                      value_of(&r, "Read_Source_Log_Pos", "Read_Master_Log_Pos"));
    out->executed =
        binlog_place_read(value_of(&r, "Relay_Source_Log_File", "Relay_Master_Log_File"),
                          value_of(&r, "Exec_Source_Log_Pos", "Exec_Master_Log_Pos"));
}

static bool in_trouble(const struct replica_status *s)
{
    return !s->io_running || !s->sql_running || s->error[0] != '\0';
}

void replica_status_add(struct replica_status *all, const struct replica_status *channel)
{
    if (all->channels == 0) {
        *all = *channel;
        return;
    }
    if (!in_trouble(all) && in_trouble(channel))
        (void)text_copy(all->source, sizeof all->source, channel->source);
    if (all->error[0] == '\0')
        (void)text_copy(all->error, sizeof all->error, channel->error);
    all->io_running = all->io_running && channel->io_running;
    all->sql_running = all->sql_running && channel->sql_running;
    // Unknown anywhere is unknown altogether.
    if (channel->seconds_behind < 0 || all->seconds_behind < 0)
        all->seconds_behind = -1;
    else if (channel->seconds_behind > all->seconds_behind)
        all->seconds_behind = channel->seconds_behind;
    all->channels += channel->channels;
}

double replica_lag_seconds(const struct replica_status *status)
{
    if (status == NULL)
        return -1;
    if (status->channels == 0)
        return 0;
    // With the receiver down the server still says 0 when the relay log is empty.
    if (!status->io_running || !status->sql_running)
        return -1;
    return status->seconds_behind;
}

const char *replica_role(const struct replica_status *status, bool read_only)
{
    if (status == NULL)
        return "unknown";
    if (status->channels == 0)
        return "master";
    return read_only ? "replica" : "master-master";
}
