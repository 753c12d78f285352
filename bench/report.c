// A session that runs long reads outside a transaction, row by row, as a nightly report does. A
// report that ends early without an error is counted as broken: that would be a wrong answer.
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bench/client.h"
#include "bench/load.h"

#define REPORT_ROWS 100

// NULL when the whole report came, otherwise what failed. A report that could not begin is not
// broken: nothing of it was lost.
//
// Sleeping makes the read long without taking the processor from what is being measured. Few
// accounts give a shorter report, with that many rows.
static const char *run_report(struct client *c)
{
    struct load *load = c->load;
    char sql[160];
    snprintf(sql, sizeof sql,
             "SELECT id, balance, SLEEP(%.4f) FROM bench_account ORDER BY id LIMIT %d",
             (double)load->options.report_ms / 1000.0 / REPORT_ROWS, REPORT_ROWS);
    if (mysql_query(c->mysql, sql) != 0)
        return "report begin";
    MYSQL_RES *result = mysql_use_result(c->mysql);
    if (result == NULL)
        return "report begin";
    unsigned rows = 0;
    while (mysql_fetch_row(result) != NULL)
        rows++;
    bool failed = mysql_errno(c->mysql) != 0;
    mysql_free_result(result);
    if (!failed && rows != REPORT_ROWS && rows != load->options.accounts) {
        tally_add(&load->tally, 0, "", "report", "a report ended early without an error");
        atomic_fetch_add(&load->reports_broken, 1);
    }
    return failed ? "report rows" : NULL;
}

// A report that was broken begins again from its first row, on a new connection.
void *load_report_main(void *argument)
{
    struct load *load = argument;
    struct client client;
    mysql_thread_init();
    client_init(&client, load);
    while (clock_now_ns() < load->end_ns && !atomic_load(&load->stop)) {
        if (client_ensure(&client, false) != CLIENT_OK)
            break;
        const char *failed = run_report(&client);
        if (failed == NULL) {
            atomic_fetch_add(&load->reports_done, 1);
            continue;
        }
        if (strcmp(failed, "report rows") == 0)
            atomic_fetch_add(&load->reports_broken, 1);
        client_failed(&client, failed);
        client_disconnect(&client);
    }
    client_disconnect(&client);
    mysql_thread_end();
    return NULL;
}
