// Smoke checks, a thread each. See checks.h.
#include "cutover/checks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cutover/report.h"
#include "cutover/run.h"
#include "cutover/task.h"

#define OUTPUT_MAX 240
#define SLICE_MS 20 // how soon `stop` and the end of a command are seen

struct one {
    struct cutover_plan *plan; // borrowed
    const struct cutover_check *check;
    struct patience patience;
    bool started;
    pthread_t thread;
    int64_t took_ns;
    enum sl_code code;
    struct sl_error err;
    char output[OUTPUT_MAX];
};

// --- SQL ------------------------------------------------------------------------------------------

// number: which check. problem: the value, or why there is none.
static enum sl_code act_check(struct task *t, struct sql *sql, struct sl_error *err)
{
    const struct cutover_check *check = &t->plan->checks[t->number];
    enum sl_code code = sql_query(sql, check->sql, err);
    if (code != SL_OK)
        return code;
    const char *value = sql_next(sql) ? sql_column_value(sql, 0) : NULL;
    text_copy(t->problem, sizeof t->problem, value != NULL ? value : "nothing");
    if (check->expect != NULL && (value == NULL || strcmp(value, check->expect) != 0))
        return sl_fail(err, SL_ECONFLICT, "it gave %s, expected %s", t->problem, check->expect);
    return SL_OK;
}

static enum sl_code run_sql(struct one *o)
{
    struct hand *hand = hand_new(&o->plan->target);
    struct task *t = task_new(o->plan, &o->plan->target, act_check);
    t->number = o->check - o->plan->checks;
    enum sl_code code = task_do(&t, hand, &o->patience, &o->err);
    if (t != NULL)
        text_copy(o->output, sizeof o->output, t->problem);
    task_free(t);
    hand_free(hand);
    return code;
}

// --- commands -------------------------------------------------------------------------------------

struct command {
    pid_t pid;
    int out; // what it prints; -1: closed
};

static enum sl_code start(const struct one *o, struct command *c, struct sl_error *err)
{
    int ends[2];
    char port[32], host[300], backend[80];
    char *argv[] = {"sh", "-c", o->check->command, NULL};
    char *environment[] = {backend, host, port, "PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    (void)snprintf(backend, sizeof backend, "SLUICE_BACKEND=%s", o->plan->target.name);
    (void)snprintf(host, sizeof host, "SLUICE_HOST=%s", o->plan->target.host);
    (void)snprintf(port, sizeof port, "SLUICE_PORT=%u", o->plan->target.port);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, SL_EIO, errno, "no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP); // killed with its children
    int failed = posix_spawn(&c->pid, "/bin/sh", &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(ends[1]);
    c->out = ends[0];
    if (failed == 0)
        return SL_OK;
    close(c->out);
    return sl_fail_errno(err, SL_EIO, failed, "cannot run /bin/sh");
}

// Keeps the end of what comes.
static void read_output(struct command *c, struct one *o)
{
    char text[OUTPUT_MAX];
    struct pollfd poller = {.fd = c->out, .events = POLLIN};
    if (poll(&poller, 1, SLICE_MS) <= 0)
        return;
    ssize_t n = read(c->out, text, sizeof text - 1);
    if (n <= 0) {
        close(c->out);
        c->out = -1;
        return;
    }
    text[n] = '\0';
    for (char *p = text; *p != '\0'; p++)
        *p = (char)((unsigned char)*p < ' ' ? ' ' : *p);
    text_copy(o->output, sizeof o->output, text);
}

static enum sl_code judge(int status, struct sl_error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return SL_OK;
    return WIFEXITED(status) ? sl_fail(err, SL_ECONFLICT, "exit status %d", WEXITSTATUS(status))
                             : sl_fail(err, SL_ECONFLICT, "killed by signal %d", WTERMSIG(status));
}

static enum sl_code run_command(struct one *o)
{
    struct command c;
    int status = 0;
    enum sl_code code = start(o, &c, &o->err);
    if (code != SL_OK)
        return code;
    bool ended = false;
    while (!ended && (code = patience_check(&o->patience, &o->err)) == SL_OK) {
        if (c.out >= 0)
            read_output(&c, o);
        else
            (void)poll(NULL, 0, SLICE_MS);
        ended = waitpid(c.pid, &status, WNOHANG) == c.pid;
    }
    if (!ended) {
        (void)kill(-c.pid, SIGKILL);
        (void)waitpid(c.pid, &status, 0);
    }
    if (c.out >= 0) {
        read_output(&c, o); // what was printed last
        if (c.out >= 0)
            close(c.out);
    }
    return ended ? judge(status, &o->err) : code;
}

// --- all of them ----------------------------------------------------------------------------------

static void *check_main(void *arg)
{
    struct one *o = arg;
    int64_t began = clock_now_ns();
    o->code = o->check->command[0] != '\0' ? run_command(o) : run_sql(o);
    o->took_ns = clock_now_ns() - began;
    return NULL;
}

static void begin(struct one *o, struct cutover_plan *plan, unsigned i, const struct patience *p)
{
    int64_t until = clock_now_ns() + plan->checks[i].timeout_ns;
    *o = (struct one){.plan = plan, .check = &plan->checks[i]};
    o->patience =
        (struct patience){.until_ns = until < p->until_ns ? until : p->until_ns, .stop = p->stop};
    o->started = pthread_create(&o->thread, NULL, check_main, o) == 0;
    if (!o->started)
        o->code = sl_fail(&o->err, SL_EIO, "no thread");
}

static enum sl_code finish(struct run *r, struct one *o, struct sl_error *err)
{
    if (o->started)
        pthread_join(o->thread, NULL);
    report_checked(r->report, o->check->name, o->code == SL_OK,
                   o->code == SL_OK || o->output[0] != '\0' ? o->output : o->err.text, o->took_ns);
    conductor_tell(r->conductor, "check %s: %s%s%s (%.0f ms)", o->check->name,
                   o->code == SL_OK ? "ok" : o->err.text, o->output[0] != '\0' ? ", it said: " : "",
                   o->output, (double)o->took_ns / (double)NS_PER_MS);
    if (o->code == SL_OK)
        return SL_OK;
    return sl_fail(err, SL_ECONFLICT, "the check \"%s\" failed: %s", o->check->name, o->err.text);
}

enum sl_code checks_run(struct run *r, const struct patience *p, struct sl_error *err)
{
    struct cutover_plan *plan = r->plan;
    struct one *all = mem_array(plan->check_count + 1, sizeof *all);
    struct sl_error later;
    enum sl_code code = SL_OK;
    for (unsigned i = 0; i < plan->check_count; i++)
        begin(&all[i], plan, i, p);
    for (unsigned i = 0; i < plan->check_count; i++) {
        enum sl_code one = finish(r, &all[i], code == SL_OK ? err : &later);
        code = code == SL_OK ? one : code;
    }
    mem_free(all);
    return code;
}
