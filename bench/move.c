// The move subcommand: many sessions with prepared statements and user variables, all with a
// command held, while the master is moved by the admin socket; how long they waited, and whether
// each of them is still what it was.
//
//   open, SET, PREPARE, EXECUTE ─> pause, ask, resume              what holding alone costs
//                               ─> pause, ask, repoint, resume     the same with the move
//                               ─> EXECUTE without types, SELECT   every answer is compared
#include <inttypes.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench/commands.h"
#include "bench/crowd.h"
#include "bench/histogram.h"
#include "bench/console.h"
#include "bench/script.h"

struct move_options {
    uint64_t sessions, statements, variables;
    const char *admin;
    const char *to;
    bool warm;
};

#define ROW(name, kind, field, argument, help)                                                     \
    {                                                                                              \
        name, OPTION_##kind, offsetof(struct move_options, field), argument, help                  \
    }

static const struct option_row rows[] = {
    ROW("sessions", COUNT, sessions, "N", "sessions (default 2000)"),
    ROW("statements", COUNT, statements, "N", "prepared statements of each (default 5, at most 8)"),
    ROW("variables", COUNT, variables, "N", "user variables of each (default 3, at most 8)"),
    ROW("admin", TEXT, admin, "PATH", "sluice's admin socket (required)"),
    ROW("to", TEXT, to, "BACKEND", "the backend to move to (required)"),
    ROW("warm", FLAG, warm, NULL, "give the command warm before, outside the stall"),
};

// One turn of closing and opening the gate, with a command of every session held. Nanoseconds since
// the pause was asked for.
struct turn {
    int64_t began, paused, sent, repointed;
    int64_t resume;   // was asked for
    int64_t answered; // the last answer came
    struct histogram stalls;
};

struct mover {
    const struct move_options *options;
    struct script *scripts; // one for each member
    struct console console;
    struct crowd crowd;
    struct turn *turn;     // that is under way, or NULL
    size_t outstanding;    // answers to come
    size_t wrong, refused; // answers that were not what they had to be; errors
    struct sl_error trouble;
};

// An answer has come: is it right?
static void judge(struct mover *m, size_t i)
{
    const struct raw *r = &m->crowd.members[i];
    if (r->walk.failed) {
        m->refused++;
        m->trouble = m->crowd.last_error;
    } else if (!script_is_right(&m->scripts[i], &r->walk)) {
        m->wrong++;
        (void)sl_fail(&m->trouble, SL_EPROTO, "session %zu: a wrong answer to %s", i,
                      script_title(&m->scripts[i]));
    }
}

static bool set_up(struct crowd *c, size_t i, void *context)
{
    struct mover *m = context;
    struct script *s = &m->scripts[i];
    if (c->members[i].answers == 0)
        script_begin(s, i, (unsigned)m->options->statements, (unsigned)m->options->variables);
    else
        judge(m, i);
    return script_next(s, &c->members[i]);
}

// A command is outstanding no more; a session that broke counts as crowd.failed, and may do so
// after an answer that was an error.
static void on_answer(struct crowd *c, size_t i, enum raw_state state, void *context)
{
    struct mover *m = context;
    if (!m->scripts[i].waits)
        return;
    m->scripts[i].waits = false;
    if (state == RAW_READY) {
        judge(m, i);
        if (m->turn != NULL)
            histogram_add(&m->turn->stalls, clock_now_ns() - m->turn->began);
        else if (script_next(&m->scripts[i], &c->members[i]))
            return;
    }
    m->outstanding--;
}

static enum sl_code collect(struct mover *m, struct sl_error *err)
{
    int64_t deadline = clock_now_ns() + m->crowd.target->timeout_ms * NS_PER_MS;
    while (m->outstanding > 0) {
        if (clock_now_ns() > deadline)
            return sl_fail(err, SL_ETIMEOUT, "%zu answers did not come", m->outstanding);
        crowd_turn(&m->crowd, 100, on_answer, m);
    }
    return SL_OK;
}

// Each member that is still there asks: its variables (`again` false), or the script from its
// executes on.
static void ask_all(struct mover *m, bool again)
{
    for (size_t i = 0; i < m->crowd.count; i++) {
        struct raw *r = &m->crowd.members[i];
        if (r->state != RAW_READY)
            continue;
        if (again)
            script_again(&m->scripts[i]);
        else
            script_variables(&m->scripts[i]);
        m->outstanding += script_next(&m->scripts[i], r);
    }
}

// `to` is NULL for a turn that only holds.
static enum sl_code turn(struct mover *m, struct turn *t, const char *to, struct sl_error *err)
{
    histogram_init(&t->stalls);
    m->turn = t;
    t->began = clock_now_ns();
    enum sl_code code = console_do(&m->console, "pause", NULL, err);
    t->paused = clock_now_ns() - t->began;
    if (code != SL_OK)
        return code;
    ask_all(m, false);
    t->sent = clock_now_ns() - t->began;
    if (to != NULL)
        code = console_do(&m->console, "repoint", to, err);
    t->repointed = clock_now_ns() - t->began;
    if (code == SL_OK)
        code = console_begin(&m->console, "resume", NULL, err);
    t->resume = clock_now_ns() - t->began;
    if (code == SL_OK)
        code = collect(m, err);
    t->answered = clock_now_ns() - t->began;
    m->turn = NULL;
    return code == SL_OK ? console_finish(&m->console, err) : code;
}

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void print_turn(const char *name, const struct turn *t)
{
    printf("\"%s\":{\"pause_ms\":%.2f,\"ask_ms\":%.2f,\"repoint_ms\":%.2f,\"answers_ms\":%.2f,"
           "\"stall_p50_ms\":%.2f,\"stall_p99_ms\":%.2f,\"stall_ms\":%.2f},",
           name, ms(t->paused), ms(t->sent - t->paused), ms(t->repointed - t->sent),
           ms(t->answered - t->resume), ms(histogram_quantile(&t->stalls, 0.5)),
           ms(histogram_quantile(&t->stalls, 0.99)), ms(t->answered));
}

static void print_all(const struct mover *m, const struct turn *held, const struct turn *moved)
{
    printf("{\"sessions\":%zu,\"statements\":%" PRIu64 ",\"variables\":%" PRIu64 ",",
           m->crowd.count, m->options->statements, m->options->variables);
    print_turn("held", held);
    print_turn("moved", moved);
    printf("\"replay_ms\":%.2f,\"wrong\":%zu,\"errors\":%zu,\"lost\":%" PRIu64 "}\n",
           ms((moved->answered - moved->resume) - (held->answered - held->resume)), m->wrong,
           m->refused, m->crowd.failed);
}

// The turns are static because their histograms are large and there is one measurement in a process.
static enum sl_code work(struct mover *m, struct sl_error *err)
{
    static struct turn held, moved;
    enum sl_code code = crowd_open(&m->crowd, m->crowd.target->timeout_ms, set_up, m, err);
    if (code == SL_OK && m->wrong + m->refused > 0)
        return sl_fail(err, SL_EPROTO, "before any move: %s", m->trouble.text);
    if (code == SL_OK)
        code = turn(m, &held, NULL, err);
    if (code == SL_OK && m->options->warm)
        code = console_do(&m->console, "warm", m->options->to, err);
    if (code == SL_OK)
        code = turn(m, &moved, m->options->to, err);
    if (code != SL_OK)
        return code;
    ask_all(m, true);
    code = collect(m, err);
    print_all(m, &held, &moved);
    if (code == SL_OK && m->wrong + m->refused > 0)
        return sl_fail(err, SL_EPROTO, "%s", m->trouble.text);
    if (code == SL_OK && m->crowd.failed > 0)
        return sl_fail(err, SL_ECLOSED, "%" PRIu64 " sessions were lost; the last: %s",
                       m->crowd.failed, m->crowd.last_error.text);
    return code;
}

static enum sl_code move(const struct target *target, const struct move_options *o,
                         struct sl_error *err)
{
    struct mover m = {.options = o};
    enum sl_code code = console_connect(&m.console, o->admin, target->timeout_ms, err);
    if (code != SL_OK)
        return code;
    m.scripts = mem_array((size_t)o->sessions, sizeof *m.scripts);
    code = crowd_init(&m.crowd, target, (size_t)o->sessions, err);
    if (code == SL_OK)
        code = work(&m, err);
    crowd_release(&m.crowd);
    console_release(&m.console);
    mem_free(m.scripts);
    return code;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct move_options options = {.sessions = 2000, .statements = 5, .variables = 3};
    if (command_parse(&command_move, &options, &target, argc, argv, &err) != SL_OK)
        return command_usage(&command_move, err.text);
    if (options.admin == NULL || options.to == NULL)
        return command_usage(&command_move, "--admin and --to are required");
    if (options.sessions == 0 || options.sessions > 60000)
        return command_usage(&command_move, "--sessions: expected 1 to 60000");
    if (options.statements > SCRIPT_STATEMENTS_MAX || options.variables == 0 ||
        options.variables > SCRIPT_VARIABLES_MAX)
        return command_usage(&command_move, "--statements, --variables: at most 8, 1 variable");
    if (move(&target, &options, &err) != SL_OK)
        return command_failed(&command_move, err.text);
    return 0;
}

const struct command command_move = {
    "move",
    "moves many sessions at once, each with a command held; stalls, and whether all is right; JSON",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
