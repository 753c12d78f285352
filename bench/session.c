// A session of the load: takes the next arrival, does its unit of work until the outcome is known
// or cannot be known, and writes each step into the ledger.
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "bench/client.h"
#include "bench/load.h"

// Deadlocks and ended connections are tried again so often, then given up as failed.
#define MAX_TRIES 20

struct unit {
    uint64_t id;
    char kind; // 'T' or 'A'
    uint32_t account;
    int32_t amount;
    int64_t due_ns;
};

// True when the last command sent was the one that makes the unit durable.
static enum client_outcome run_transaction(struct client *c, const struct unit *u, bool *deciding)
{
    char sql[128];
    enum client_outcome outcome = client_query(c, "begin", "BEGIN");
    if (outcome != CLIENT_OK)
        return outcome;
    snprintf(sql, sizeof sql, "SELECT balance FROM bench_account WHERE id = %u", u->account);
    outcome = client_query(c, "transaction", sql);
    if (outcome != CLIENT_OK)
        return outcome;
    outcome = client_insert(c, "transaction", u->id, u->kind, u->account, u->amount);
    if (outcome != CLIENT_OK)
        return outcome;
    snprintf(sql, sizeof sql, "UPDATE bench_account SET balance = balance + %d WHERE id = %u",
             u->amount, u->account);
    outcome = client_query(c, "transaction", sql);
    if (outcome != CLIENT_OK)
        return outcome;
    *deciding = true;
    return client_query(c, "commit", "COMMIT");
}

// One try of a unit, on a connection that is made first if there is none. An autocommit insert is
// its own decision: there is nothing before it that could be lost without harm.
static enum client_outcome run_once(struct client *c, const struct unit *u, bool *deciding)
{
    *deciding = false;
    if (client_ensure(c, true) != CLIENT_OK)
        return CLIENT_REFUSED;
    if (u->kind == 'T')
        return run_transaction(c, u, deciding);
    *deciding = true;
    return client_insert(c, "autocommit", u->id, u->kind, u->account, u->amount);
}

// What a try's outcome means for the unit: its state in the ledger, where LEDGER_RETRIED asks for
// another try. A lost answer matters only if the command could have made the unit durable.
static enum ledger_state judge(enum client_outcome outcome, bool deciding)
{
    switch (outcome) {
    case CLIENT_OK: return LEDGER_ACKNOWLEDGED;
    case CLIENT_AGAIN:
    case CLIENT_ENDED: return LEDGER_RETRIED;
    case CLIENT_LOST:
    case CLIENT_UNKNOWN: return deciding ? LEDGER_UNKNOWN : LEDGER_RETRIED;
    case CLIENT_REFUSED: break;
    }
    return LEDGER_FAILED;
}

// Leaves the connection clean for the next try or unit.
static void tidy_up(struct client *c, enum client_outcome outcome)
{
    if (c->mysql == NULL || outcome == CLIENT_OK)
        return;
    if (outcome == CLIENT_AGAIN || outcome == CLIENT_REFUSED) {
        if (client_query(c, "rollback", "ROLLBACK") == CLIENT_OK)
            return;
    }
    client_disconnect(c);
}

// Tries until the outcome is known or cannot be known. The same id is used for every try: if a try
// that was reported as not done was done all the same, verify finds the id twice.
static enum ledger_state run_unit(struct client *c, const struct unit *u)
{
    struct load *load = c->load;
    for (unsigned try = 1;; try++) {
        bool deciding = false;
        enum client_outcome outcome = run_once(c, u, &deciding);
        unsigned code = outcome == CLIENT_OK ? 0 : c->code;
        enum ledger_state state = judge(outcome, deciding);
        bool over = try == MAX_TRIES || clock_now_ns() >= load->hard_ns;
        if (state == LEDGER_RETRIED && over)
            state = LEDGER_FAILED;
        ledger_write(&load->ledger, state, u->id, u->kind, code);
        tidy_up(c, outcome);
        if (state != LEDGER_RETRIED)
            return state;
        atomic_fetch_add(&load->retried, 1);
        load_wait_until(load, clock_now_ns() + (int64_t)try * NS_PER_MS);
    }
}

// Only acknowledged units have a latency: a quick refusal must not make the figures better.
static void count_unit(struct load *load, const struct unit *u, enum ledger_state state)
{
    int64_t end = clock_now_ns();
    if (state == LEDGER_ACKNOWLEDGED) {
        timeline_completed(&load->timeline, u->due_ns, end);
        histogram_add(&load->latency, end - u->due_ns);
        atomic_fetch_add(&load->acknowledged, 1);
    } else if (state == LEDGER_UNKNOWN) {
        atomic_fetch_add(&load->unknown, 1);
    } else {
        atomic_fetch_add(&load->failed, 1);
    }
}

// Fills in the next arrival and waits until it is due; false at the end of the schedule.
static bool next_unit(struct load *load, struct unit *u)
{
    u->due_ns = clock_now_ns();
    if (load->options.rate > 0) {
        uint64_t n = atomic_fetch_add(&load->next_arrival, 1);
        u->due_ns = load->start_ns + (int64_t)((double)n * 1e9 / (double)load->options.rate);
    }
    if (u->due_ns >= load->end_ns || !load_wait_until(load, u->due_ns))
        return false;
    u->id = atomic_fetch_add(&load->next_id, 1);
    uint64_t mixed = u->id * UINT64_C(0x9E3779B97F4A7C15); // spreads neighbours over accounts
    u->account = (uint32_t)((mixed >> 32) % load->options.accounts) + 1;
    u->amount = (int32_t)((mixed >> 16) % 1000) + 1;
    u->kind = (mixed >> 8) % 100 < load->options.autocommit ? 'A' : 'T';
    return true;
}

// The first connection is made before the first arrival, as a pool does at its start; later ones,
// after churn or an error, are part of the unit that needed them.
void *load_session_main(void *argument)
{
    struct load *load = argument;
    struct client client;
    struct unit unit;
    mysql_thread_init();
    client_init(&client, load);
    client_ensure(&client, true);
    while (next_unit(load, &unit)) {
        timeline_started(&load->timeline, unit.due_ns);
        ledger_write(&load->ledger, LEDGER_INTENT, unit.id, unit.kind, 0);
        count_unit(load, &unit, run_unit(&client, &unit));
        client.used++;
        if (load->options.churn > 0 && client.used >= load->options.churn)
            client_disconnect(&client);
    }
    client_disconnect(&client);
    mysql_thread_end();
    return NULL;
}
