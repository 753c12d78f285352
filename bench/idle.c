// The idle subcommand: opens sessions that ask one thing, and keeps them until standard input ends.
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "bench/commands.h"
#include "bench/crowd.h"

struct idle_options {
    uint64_t sessions;
};

static const struct option_row rows[] = {
    {"sessions", OPTION_COUNT, offsetof(struct idle_options, sessions), "N",
     "idle sessions (default 1000)"},
};

// One query each: what a session costs includes what it has once it has been used.
static bool use_once(struct crowd *c, size_t i, void *context)
{
    (void)context;
    return c->members[i].answers == 0 && raw_query(&c->members[i], "SELECT 1");
}

// Nothing but ends may come to idle sessions; they are counted as failed.
static void on_change(struct crowd *c, size_t i, enum raw_state state, void *context)
{
    (void)c, (void)i, (void)state, (void)context;
}

// Whoever started us holds our standard input: its death ends us too.
static bool input_has_ended(void)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char drop[256];
    return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, drop, sizeof drop) == 0;
}

static enum sl_code stay(const struct target *target, size_t sessions, struct sl_error *err)
{
    struct crowd c;
    enum sl_code code = crowd_init(&c, target, sessions, err);
    if (code == SL_OK)
        code = crowd_open(&c, target->timeout_ms, use_once, NULL, err);
    if (code == SL_OK) {
        printf("ready %zu\n", c.count);
        fflush(stdout);
        while (!input_has_ended())
            crowd_turn(&c, 100, on_change, NULL);
        printf("left %zu\n", c.count - (size_t)c.failed);
    }
    crowd_release(&c);
    return code;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct idle_options options = {.sessions = 1000};
    if (command_parse(&command_idle, &options, &target, argc, argv, &err) != SL_OK)
        return command_usage(&command_idle, err.text);
    if (options.sessions == 0 || options.sessions > 60000)
        return command_usage(&command_idle, "--sessions: expected 1 to 60000");
    if (stay(&target, (size_t)options.sessions, &err) != SL_OK)
        return command_failed(&command_idle, err.text);
    return 0;
}

const struct command command_idle = {
    "idle",
    "opens sessions, asks one query in each, prints \"ready N\", keeps them until standard input "
    "ends",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
