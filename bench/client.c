// A measured connection: every login and command is timed, every error counted by code.
#include "bench/client.h"

#include <errmsg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "wire/caps.h"

#define ER_LOCK_WAIT_TIMEOUT 1205
#define ER_MARIADB_CONNECTION_KILLED 1927

// What an application may conclude from an error. The rule behind the table: if the server
// answered, it has not done it; if it did not answer, nobody can tell.
static const struct {
    unsigned code;
    enum client_outcome outcome;
} outcomes[] = {
    {ER_LOCK_DEADLOCK, CLIENT_AGAIN},
    {ER_LOCK_WAIT_TIMEOUT, CLIENT_AGAIN},
    {ER_SERVER_SHUTDOWN, CLIENT_ENDED},
    {ER_MARIADB_CONNECTION_KILLED, CLIENT_ENDED},
    {ER_ERROR_DURING_COMMIT, CLIENT_UNKNOWN},
    {CR_SERVER_GONE_ERROR, CLIENT_LOST},
    {CR_SERVER_LOST, CLIENT_LOST},
    {CR_SERVER_LOST_EXTENDED, CLIENT_LOST},
    {CR_MALFORMED_PACKET, CLIENT_LOST},
    {CR_COMMANDS_OUT_OF_SYNC, CLIENT_LOST},
};

// Errors that are not in the table leave the connection usable.
static enum client_outcome outcome_of(unsigned code)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (outcomes[i].code == code)
            return outcomes[i].outcome;
    }
    return CLIENT_REFUSED;
}

// Every error passes here exactly once, so that the tally is what clients saw.
static enum client_outcome note_error(struct client *c, const char *during, unsigned code,
                                      const char *sqlstate, const char *text)
{
    c->code = code;
    tally_add(&c->load->tally, code, sqlstate, during, text);
    timeline_error(&c->load->timeline, clock_now_ns());
    return outcome_of(code);
}

void client_init(struct client *c, struct load *load)
{
    *c = (struct client){.load = load};
}

void client_disconnect(struct client *c)
{
    if (c->insert != NULL)
        mysql_stmt_close(c->insert);
    if (c->mysql != NULL)
        mysql_close(c->mysql);
    c->insert = NULL;
    c->mysql = NULL;
    c->used = 0;
}

enum client_outcome client_failed(struct client *c, const char *during)
{
    return note_error(c, during, mysql_errno(c->mysql), mysql_sqlstate(c->mysql),
                      mysql_error(c->mysql));
}

// A login that is held counts as a stall like any command: the user waits in both cases.
static enum client_outcome connect_once(struct client *c)
{
    c->mysql = mysql_init(NULL);
    int64_t sent = clock_now_ns();
    bool done = target_connect(c->load->target, c->mysql);
    load_answered(c->load, "connect", sent, clock_now_ns());
    if (!done)
        return client_failed(c, "connect");
    atomic_fetch_add(&c->load->connects, 1);
    return CLIENT_OK;
}

// Prepared once for each connection, as frameworks do. A moved session must carry it along.
static enum client_outcome prepare_insert(struct client *c)
{
    static const char sql[] = "INSERT INTO bench_purchase (op, kind, account, amount)"
                              " VALUES (?, ?, ?, ?)";
    c->insert = mysql_stmt_init(c->mysql);
    int64_t sent = clock_now_ns();
    int failed = mysql_stmt_prepare(c->insert, sql, sizeof sql - 1);
    load_answered(c->load, "prepare", sent, clock_now_ns());
    if (failed == 0)
        return CLIENT_OK;
    return note_error(c, "prepare", mysql_stmt_errno(c->insert), mysql_stmt_sqlstate(c->insert),
                      mysql_stmt_error(c->insert));
}

// The pause doubles up to 200 ms: a pool that hammers a refused port would be a load of its own.
enum client_outcome client_ensure(struct client *c, bool with_insert)
{
    int64_t pause_ns = 10 * NS_PER_MS;
    while (c->mysql == NULL || (with_insert && c->insert == NULL)) {
        enum client_outcome outcome = c->mysql == NULL ? connect_once(c) : CLIENT_OK;
        if (outcome == CLIENT_OK && with_insert)
            outcome = prepare_insert(c);
        if (outcome == CLIENT_OK)
            break;
        client_disconnect(c);
        int64_t next = clock_now_ns() + pause_ns;
        if (next >= c->load->hard_ns || !load_wait_until(c->load, next))
            return CLIENT_REFUSED;
        pause_ns = pause_ns < 200 * NS_PER_MS ? pause_ns * 2 : pause_ns;
    }
    return CLIENT_OK;
}

// Results are small here; long ones are the reports' business, which read row by row.
enum client_outcome client_query(struct client *c, const char *during, const char *sql)
{
    int64_t sent = clock_now_ns();
    int failed = mysql_real_query(c->mysql, sql, (unsigned long)strlen(sql));
    if (failed == 0) {
        MYSQL_RES *result = mysql_store_result(c->mysql);
        failed = result == NULL && mysql_errno(c->mysql) != 0;
        mysql_free_result(result);
    }
    load_answered(c->load, during, sent, clock_now_ns());
    return failed == 0 ? CLIENT_OK : client_failed(c, during);
}

// The values are bound anew for every execution; the connector sends the types with the first one.
enum client_outcome client_insert(struct client *c, const char *during, uint64_t id, char kind,
                                  uint32_t account, int32_t amount)
{
    unsigned long kind_length = 1;
    MYSQL_BIND bind[4] = {
        {.buffer_type = MYSQL_TYPE_LONGLONG, .buffer = &id, .is_unsigned = 1},
        {.buffer_type = MYSQL_TYPE_STRING,
         .buffer = &kind,
         .buffer_length = 1,
         .length = &kind_length},
        {.buffer_type = MYSQL_TYPE_LONG, .buffer = &account, .is_unsigned = 1},
        {.buffer_type = MYSQL_TYPE_LONG, .buffer = &amount},
    };
    mysql_stmt_bind_param(c->insert, bind);
    int64_t sent = clock_now_ns();
    int failed = mysql_stmt_execute(c->insert);
    load_answered(c->load, during, sent, clock_now_ns());
    if (failed == 0)
        return CLIENT_OK;
    return note_error(c, during, mysql_stmt_errno(c->insert), mysql_stmt_sqlstate(c->insert),
                      mysql_stmt_error(c->insert));
}
