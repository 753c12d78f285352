// The connect subcommand: logs in and quits again, as often as it can.
#include <inttypes.h>
#include <stddef.h>

#include "base/clock.h"
#include "bench/commands.h"
#include "bench/crowd.h"
#include "bench/histogram.h"

struct connect_options {
    uint64_t concurrency;
    int64_t seconds_ms;
};

struct tries {
    int64_t end_ns;
    int64_t *started_ns; // one for each member
    uint64_t done;
    struct histogram times;
};

#define ROW(name, kind, field, argument, help)                                                     \
    {                                                                                              \
        name, OPTION_##kind, offsetof(struct connect_options, field), argument, help               \
    }

static const struct option_row rows[] = {
    ROW("concurrency", COUNT, concurrency, "N", "logins under way at a time (default 16)"),
    ROW("seconds", DURATION, seconds_ms, "TIME", "how long (default 5s)"),
};

// Starts the member's next login unless the time is over.
static void begin(struct crowd *c, size_t i, struct tries *t)
{
    t->started_ns[i] = clock_now_ns();
    if (t->started_ns[i] < t->end_ns)
        crowd_start(c, i);
}

// A login counts when the server's OK has arrived within the time; then the session quits properly,
// because a proxy that only sees resets would be measured at something else.
static void on_change(struct crowd *c, size_t i, enum raw_state state, void *context)
{
    struct tries *t = context;
    if (state == RAW_READY) {
        int64_t now = clock_now_ns();
        histogram_add(&t->times, now - t->started_ns[i]);
        t->done += now < t->end_ns;
        raw_quit(&c->members[i]);
        return;
    }
    raw_close(&c->members[i]);
    begin(c, i, t);
}

static size_t busy_members(const struct crowd *c)
{
    size_t busy = 0;
    for (size_t i = 0; i < c->count; i++)
        busy += c->members[i].state != RAW_IDLE;
    return busy;
}

// The arrays are static because they are large and there is one measurement in a process.
static enum sl_code measure(const struct target *target, const struct connect_options *o,
                            struct sl_error *err)
{
    static int64_t started_ns[10000];
    static struct tries t;
    struct crowd c;
    enum sl_code code = crowd_init(&c, target, (size_t)o->concurrency, err);
    if (code == SL_OK) {
        histogram_init(&t.times);
        t.started_ns = started_ns;
        int64_t start_ns = clock_now_ns();
        t.end_ns = start_ns + o->seconds_ms * NS_PER_MS;
        for (size_t i = 0; i < c.count; i++)
            begin(&c, i, &t);
        // What is under way at the end gets a little longer, and is not counted.
        int64_t hard_ns = t.end_ns + 2 * NS_PER_S;
        while (busy_members(&c) > 0 && clock_now_ns() < hard_ns)
            crowd_turn(&c, 100, on_change, &t);
        printf("{\"connects\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"per_second\":%.1f,"
               "\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
               t.done, c.failed, (double)t.done * 1e3 / (double)o->seconds_ms,
               (double)histogram_quantile(&t.times, 0.5) / 1e3,
               (double)histogram_quantile(&t.times, 0.99) / 1e3);
        if (c.failed > 0)
            fprintf(stderr, "sluice-bench connect: %" PRIu64 " failed; the last: %s\n", c.failed,
                    c.last_error.text);
        if (t.done == 0)
            code = sl_fail(err, SL_EIO, "nobody got in");
    }
    crowd_release(&c);
    return code;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct connect_options options = {.concurrency = 16, .seconds_ms = 5000};
    if (command_parse(&command_connect, &options, &target, argc, argv, &err) != SL_OK)
        return command_usage(&command_connect, err.text);
    if (options.concurrency == 0 || options.concurrency > 10000 || options.seconds_ms <= 0)
        return command_usage(&command_connect, "--concurrency: expected 1 to 10000");
    if (measure(&target, &options, &err) != SL_OK)
        return command_failed(&command_connect, err.text);
    return 0;
}

const struct command command_connect = {
    "connect",
    "logs in and quits as often as it can (mysql_native_password, no TLS); prints JSON",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
