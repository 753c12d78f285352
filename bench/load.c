// The load subcommand: options, threads, the end.
#include "bench/load.h"

#include <mysql.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/commands.h"

#define MAX_THREADS 10000
#define THREAD_STACK ((size_t)256 << 10)

#define ROW(name, kind, field, argument, help)                                                     \
    {                                                                                              \
        name, OPTION_##kind, offsetof(struct load_options, field), argument, help                  \
    }

// The defaults named in the help are those of default_options below.
static const struct option_row rows[] = {
    ROW("sessions", COUNT, sessions, "N", "client sessions (default 20)"),
    ROW("rate", COUNT, rate, "N",
        "units of work a second, open loop (default 200); 0: as fast as they can"),
    ROW("duration", DURATION, duration_ms, "TIME", "how long new work arrives (default 10s)"),
    ROW("grace", DURATION, grace_ms, "TIME", "for work under way at the end (default 15s)"),
    ROW("reports", COUNT, reports, "N", "sessions that run long reads (default 0)"),
    ROW("report-time", DURATION, report_ms, "TIME", "length of one long read (default 2s)"),
    ROW("churn", COUNT, churn, "N", "a new connection after N units of work (default 0: keep it)"),
    ROW("autocommit", COUNT, autocommit, "PERCENT", "share of single inserts (default 20)"),
    ROW("accounts", COUNT, accounts, "N", "rows that transactions update (default 1000)"),
    ROW("no-setup", FLAG, no_setup, NULL, "the tables are there already"),
    ROW("ledger", TEXT, ledger_path, "FILE", "write what was asked and answered, for verify"),
    ROW("timeline", TEXT, timeline_path, "FILE", "write a CSV in steps of 10 ms"),
    ROW("json", TEXT, json_path, "FILE", "write the summary as JSON"),
    ROW("quiet", FLAG, quiet, NULL, "no progress line, no summary"),
};

static const struct load_options default_options = {
    .sessions = 20,
    .rate = 200,
    .duration_ms = 10000,
    .grace_ms = 15000,
    .report_ms = 2000,
    .autocommit = 20,
    .accounts = 1000,
};

// For the signal handler only.
static struct load *running;

// An interrupted load still ends in order: ledger, timeline and summary are whole up to there.
static void on_signal(int number)
{
    (void)number;
    atomic_store(&running->stop, true);
}

// Called after every answer by every thread. The unlocked look at the maximum keeps the lock out of
// the usual case; a race there costs at most one needless look under the lock.
void load_answered(struct load *load, const char *during, int64_t sent_ns, int64_t end_ns)
{
    int64_t ns = end_ns - sent_ns;
    bool longest = ns > load->answers.max_ns;
    histogram_add(&load->answers, ns);
    if (!longest)
        return;
    pthread_mutex_lock(&load->longest.lock);
    if (ns > load->longest.ns) {
        load->longest.ns = ns;
        load->longest.at_ns = sent_ns;
        load->longest.during = during;
    }
    pthread_mutex_unlock(&load->longest.lock);
}

bool load_wait_until(const struct load *load, int64_t due_ns)
{
    // In naps, so that a stop is noticed.
    while (!atomic_load(&load->stop)) {
        int64_t left = due_ns - clock_now_ns();
        if (left <= 0)
            return true;
        int64_t nap = left < 50 * NS_PER_MS ? left : 50 * NS_PER_MS;
        struct timespec time = {.tv_sec = 0, .tv_nsec = (long)nap};
        nanosleep(&time, NULL);
    }
    return false;
}

// Ranges that would otherwise end in a division by zero or in a machine without memory.
static enum sl_code check_options(const struct load_options *o, struct sl_error *err)
{
    if (o->sessions == 0 || o->sessions > MAX_THREADS || o->reports > MAX_THREADS)
        return sl_fail(err, SL_EINVAL, "--sessions: expected 1 to %d", MAX_THREADS);
    if (o->accounts == 0 || o->accounts > 1000000)
        return sl_fail(err, SL_EINVAL, "--accounts: expected 1 to 1000000");
    if (o->autocommit > 100)
        return sl_fail(err, SL_EINVAL, "--autocommit: expected 0 to 100");
    if (o->duration_ms <= 0 || o->duration_ms > 24 * 3600 * 1000)
        return sl_fail(err, SL_EINVAL, "--duration: expected more than 0 and at most 24h");
    return SL_OK;
}

// Set up after the tables, so that an interrupted set-up ends the program at once.
static void stop_on_signals(struct load *load)
{
    running = load;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// Everything that counts from the start of the load; nothing has been sent before.
static enum sl_code load_begin(struct load *load, struct sl_error *err)
{
    const struct load_options *o = &load->options;
    load->start_ns = clock_now_ns();
    load->start_wall_us = clock_wall_us();
    load->end_ns = load->start_ns + o->duration_ms * NS_PER_MS;
    load->hard_ns = load->end_ns + o->grace_ms * NS_PER_MS;
    // A million ids for each second since 1970: runs against the same tables do not meet.
    atomic_store(&load->next_id, (uint64_t)(load->start_wall_us / 1000000) << 20);
    histogram_init(&load->latency);
    histogram_init(&load->answers);
    tally_init(&load->tally);
    pthread_mutex_init(&load->longest.lock, NULL);
    load->longest.during = "nothing";
    timeline_init(&load->timeline, load->start_ns,
                  o->duration_ms + o->grace_ms + load->target->timeout_ms);
    return ledger_open(&load->ledger, o->ledger_path, load->start_ns, load->start_wall_us, err);
}

// The main thread has nothing else to do while the load runs. Nobody wants the line in a log file,
// hence only on a terminal.
static void show_progress(struct load *load)
{
    bool show = !load->options.quiet && isatty(STDERR_FILENO);
    int64_t next = load->start_ns;
    while (show && next < load->end_ns && load_wait_until(load, next)) {
        load_print_progress(load);
        next += 250 * NS_PER_MS;
    }
    if (show)
        fputc('\n', stderr);
}

// Starts all threads and waits for them.
static enum sl_code run_threads(struct load *load, struct sl_error *err)
{
    size_t total = (size_t)(load->options.sessions + load->options.reports);
    pthread_t *threads = mem_array(total, sizeof *threads);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    size_t started = 0;
    enum sl_code code = SL_OK;
    for (; started < total && code == SL_OK; started++) {
        bool session = started < load->options.sessions;
        int failed = pthread_create(&threads[started], &attributes,
                                    session ? load_session_main : load_report_main, load);
        if (failed != 0) {
            code = sl_fail_errno(err, SL_EIO, failed, "cannot start thread %zu", started + 1);
            atomic_store(&load->stop, true);
            break;
        }
    }
    show_progress(load);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_attr_destroy(&attributes);
    mem_free(threads);
    return code;
}

// The files first: a reader that waits for the summary finds them complete.
static enum sl_code write_results(struct load *load, struct sl_error *err)
{
    enum sl_code code = ledger_close(&load->ledger, err);
    if (code == SL_OK && load->options.timeline_path != NULL)
        code =
            timeline_write(&load->timeline, load->options.timeline_path, load->start_wall_us, err);
    if (code == SL_OK && load->options.json_path != NULL)
        code = load_write_json(load, load->options.json_path, err);
    if (!load->options.quiet)
        load_print_summary(load);
    return code;
}

// The whole life of a load, from the tables to the summary.
static enum sl_code load_all(struct load *load, struct sl_error *err)
{
    enum sl_code code = load->options.no_setup ? SL_OK : load_setup(load, err);
    if (code != SL_OK)
        return code;
    code = load_begin(load, err);
    if (code == SL_OK) {
        stop_on_signals(load);
        code = run_threads(load, err);
        if (code == SL_OK)
            code = write_results(load, err);
    }
    timeline_release(&load->timeline);
    tally_release(&load->tally);
    return code;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct load *load = mem_zalloc(sizeof *load);
    load->options = default_options;
    load->target = &target;
    int status = 0;
    if (command_parse(&command_load, &load->options, &target, argc, argv, &err) != SL_OK ||
        check_options(&load->options, &err) != SL_OK)
        status = command_usage(&command_load, err.text);
    else if (mysql_library_init(0, NULL, NULL) != 0)
        status = command_failed(&command_load, "the client library does not start");
    else if (load_all(load, &err) != SL_OK)
        status = command_failed(&command_load, err.text);
    mem_free(load);
    return status;
}

const struct command command_load = {
    "load",
    "web-like transactions, single inserts and long reads, with a ledger and a timeline",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
