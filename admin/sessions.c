// show sessions, show obstacles, kill: commands that ask every worker about its sessions.
#include <stdlib.h>
#include <string.h>

#include "admin/handlers.h"
#include "base/mem.h"
#include "base/text.h"

// For options that not every row has.
static const struct value *option_or_null(const struct call *c, const char *name)
{
    for (int i = 0; c->command->options != NULL && c->command->options[i].name != NULL; i++)
        if (strcmp(c->command->options[i].name, name) == 0 && c->options[i].given)
            return &c->options[i];
    return NULL;
}

// A zeroed filter selects state 0, so "any" is spelled out.
struct session_filter filter_of_call(const struct call *c)
{
    const struct value *state = option_or_null(c, "state"), *user = option_or_null(c, "user"),
                       *host = option_or_null(c, "host"), *older = option_or_null(c, "older"),
                       *obstacle = option_or_null(c, "obstacle");
    struct session_filter f = {.state = state != NULL ? (int)state->number : -1,
                               .obstacle = obstacle != NULL ? (int)obstacle->number : -1,
                               .older_ns = older != NULL ? older->number : 0};
    if (user != NULL)
        text_copy(f.user, sizeof f.user, user->text);
    if (host != NULL)
        text_copy(f.host, sizeof f.host, host->text);
    return f;
}

// --- show sessions -------------------------------------------------------------------------------

static const struct column SESSION_COLUMNS[] = {
    {"id", "id"},
    {"thread_id", "thread"},
    {"client", "client"},
    {"user", "user"},
    {"database", "database"},
    {"program", "program"},
    {"backend", "backend"},
    {"state", "state"},
    {"state_age_ms", "for"},
    {"age_ms", "age"},
    {"obstacles", "obstacles"},
    {"waits_for", "waits for"},
    {"tls", ""},
    {"reading", ""},
    {"command", ""},
    {"remembered", ""},
};

static void add_session(struct answer *a, const struct session_row *s)
{
    char names[512];
    obstacle_format(s->obstacles, names, sizeof names);
    const struct cell cells[] = {
        cell_number(s->id),
        cell_number(s->thread_id),
        cell_text(s->client),
        cell_text(s->user),
        cell_text(s->database),
        cell_text(s->program),
        cell_text(s->backend),
        cell_text(session_state_name(s->state)),
        cell_of(CELL_MS, s->state_age_ns),
        cell_of(CELL_MS, s->age_ns),
        cell_list(names),
        cell_text(s->lost ? "its server to come back" : session_state_waits_for(s->state)),
        cell_bool(s->tls),
        cell_bool(s->reading),
        cell_text(s->command),
        cell_bool(s->remembered),
    };
    answer_row(a, cells);
}

// From the main loop, later; the client may have gone meanwhile.
static void got_sessions(void *arg, const struct session_row *rows, unsigned count, unsigned total)
{
    struct request *r = arg;
    if (request_is_open(r)) {
        answer_fact(r->answer, "total", NULL, cell_number(total));
        answer_table(r->answer, "sessions", "sessions", SESSION_COLUMNS,
                     sizeof SESSION_COLUMNS / sizeof SESSION_COLUMNS[0]);
        for (unsigned i = 0; i < count; i++)
            add_session(r->answer, &rows[i]);
        if (count < total)
            answer_say(r->answer, "%u of %u sessions", count, total);
        request_done(r);
    }
    request_release(r);
}

void run_show_sessions(struct request *r)
{
    struct session_filter f = filter_of_call(&r->call);
    const struct value *limit = request_option(r, "limit");
    unsigned most = limit->given && limit->number < UINT32_MAX ? (unsigned)limit->number : 0;
    request_hold(r);
    traffic_sessions(r->context->traffic, &f, most, got_sessions, r);
}

// --- show obstacles ------------------------------------------------------------------------------

// One obstacle of one session; sorted, equal ones stand together.
struct hindrance {
    int obstacle;
    const struct session_row *session;
    char host[ADDRESS_TEXT_MAX];
};

// "10.0.0.1:4711" and "[::1]:4711" without the port, which differs for every session.
static void host_of(const char *client, char *out, size_t size)
{
    const char *colon = strrchr(client, ':');
    bool is_unix = strncmp(client, "unix", 4) == 0;
    text_copy_n(out, size, client,
                colon != NULL && !is_unix ? (size_t)(colon - client) : strlen(client));
}

static int by_group(const void *a, const void *b)
{
    const struct hindrance *x = a, *y = b;
    if (x->obstacle != y->obstacle)
        return x->obstacle < y->obstacle ? -1 : 1;
    int order = strcmp(x->session->user, y->session->user);
    return order != 0 ? order : strcmp(x->host, y->host);
}

// One entry for each obstacle of each session, sorted by obstacle, user and host. The caller frees
// it.
static struct hindrance *collect(const struct session_row *rows, unsigned count, size_t *n)
{
    size_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += (size_t)__builtin_popcount(rows[i].obstacles);
    struct hindrance *all = mem_array(total + 1, sizeof *all);
    *n = 0;
    for (unsigned i = 0; i < count; i++)
        for (int o = 0; o < OBSTACLE_COUNT; o++) {
            if ((rows[i].obstacles >> o & 1) == 0)
                continue;
            all[*n] = (struct hindrance){.obstacle = o, .session = &rows[i]};
            host_of(rows[i].client, all[*n].host, sizeof all[*n].host);
            ++*n;
        }
    qsort(all, *n, sizeof *all, by_group);
    return all;
}

static const char *kind_name(enum obstacle_kind kind)
{
    static const char *const NAMES[] = {[OBSTACLE_WAITS] = "waits",
                                        [OBSTACLE_WAITS_BRIEFLY] = "waits briefly",
                                        [OBSTACLE_STAYS] = "does not move"};
    return NAMES[kind];
}

// Adds the row of the group that begins at `at`; returns where the next one begins.
static size_t add_group(struct answer *a, const struct hindrance *all, size_t n, size_t at)
{
    const struct obstacle_info *info = obstacle_info((enum obstacle)all[at].obstacle);
    const struct session_row *oldest = all[at].session;
    size_t end = at;
    for (; end < n && by_group(&all[at], &all[end]) == 0; end++)
        if (all[end].session->age_ns > oldest->age_ns)
            oldest = all[end].session;
    answer_row(a, (struct cell[]){cell_text(info->name), cell_text(kind_name(info->kind)),
                                  cell_number(end - at), cell_text(oldest->user),
                                  cell_text(all[at].host), cell_number(oldest->id),
                                  cell_of(CELL_MS, oldest->age_ns), cell_text(info->until)});
    return end;
}

// "Safe" is what the gate needs, "movable" what a cutover needs: nothing that would be lost. What is
// not at a safe point yet moves once it is.
static void add_obstacles(struct answer *a, const struct session_row *rows, unsigned count)
{
    static const struct column COLUMNS[] = {
        {"obstacle", "obstacle"},
        {"kind", "kind"},
        {"sessions", "sessions"},
        {"user", "user"},
        {"host", "host"},
        {"oldest_id", "oldest"},
        {"oldest_age_ms", "its age"},
        {"until", "goes away with"},
    };
    uint32_t waits = obstacle_mask(OBSTACLE_WAITS) | obstacle_mask(OBSTACLE_WAITS_BRIEFLY);
    uint32_t stays = obstacle_mask(OBSTACLE_STAYS);
    unsigned safe = 0, movable = 0;
    for (unsigned i = 0; i < count; i++) {
        bool parked = rows[i].state == SESSION_IDLE || rows[i].state == SESSION_HELD ||
                      rows[i].state == SESSION_WAITING;
        safe += parked && (rows[i].obstacles & waits) == 0;
        bool passing = rows[i].state == SESSION_CONNECTING || rows[i].state == SESSION_LOGIN ||
                       rows[i].state == SESSION_CLOSING;
        movable += !passing && (rows[i].obstacles & stays) == 0;
    }
    answer_fact(a, "total", "sessions", cell_number(count));
    answer_fact(a, "safe", "at a safe point", cell_number(safe));
    answer_fact(a, "movable", "could move now", cell_number(movable));
    answer_table(a, "obstacles", "obstacles", COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
    size_t n = 0;
    struct hindrance *all = collect(rows, count, &n);
    for (size_t at = 0; at < n;)
        at = add_group(a, all, n, at);
    mem_free(all);
}

static void got_hindered(void *arg, const struct session_row *rows, unsigned count, unsigned total)
{
    struct request *r = arg;
    (void)total; // there was no limit
    if (request_is_open(r)) {
        add_obstacles(r->answer, rows, count);
        request_done(r);
    }
    request_release(r);
}

// What can be told is up to date now.
static void confirmed(void *arg, const char *problem)
{
    struct request *r = arg;
    struct session_filter f = filter_of_call(&r->call);
    if (problem[0] != '\0' && request_is_open(r))
        answer_say(r->answer, "locks are shown as the statements looked, not confirmed: %s",
                   problem);
    traffic_sessions(r->context->traffic, &f, 0, got_hindered, r);
}

void run_show_obstacles(struct request *r)
{
    request_hold(r);
    traffic_confirm(r->context->traffic, confirmed, r);
}

// --- kill ----------------------------------------------------------------------------------------

// Numbers that matched nothing are a failure: a script that ends sessions by number must notice
// that they are not there. Conditions that match nobody are not.
static void got_killed(void *arg, unsigned killed)
{
    struct request *r = arg;
    struct sl_error err;
    const struct log_field fields[] = {LOG_U64("killed", killed), LOG_STR("owner", r->peer->user)};
    events_publish(r->home->events, "sessions_killed", fields, 2);
    answer_fact(r->answer, "killed", "sessions killed", cell_number(killed));
    if (killed < r->call.positional_count) {
        sl_fail(&err, SL_ENOTFOUND,
                "killed %u of %u: there is no such session, or it does not match", killed,
                r->call.positional_count);
        request_fail(r, &err);
    } else {
        request_done(r);
    }
    request_release(r);
}

void run_kill(struct request *r)
{
    const struct call *c = &r->call;
    struct sl_error err;
    uint64_t ids[COMMAND_POSITIONALS_MAX];
    struct session_filter f = filter_of_call(c);
    bool all = call_option(c, "all")->given;
    bool narrow = c->positional_count > 0 || f.user[0] != '\0' || f.host[0] != '\0' ||
                  f.state >= 0 || call_option(c, "older")->given;
    if (all == narrow) {
        sl_fail(&err, SL_EINVAL,
                all ? "--all goes with nothing else"
                    : "kill whom? SESSION..., --user, --host, --older, --state, or --all");
        request_fail(r, &err);
        return;
    }
    for (unsigned i = 0; i < c->positional_count; i++)
        ids[i] = (uint64_t)c->positionals[i].number;
    f.ids = ids;
    f.id_count = c->positional_count;
    char why[SESSION_NAME_MAX + 64];
    const struct value *reason = call_option(c, "reason");
    text_copy(why, sizeof why, reason->given ? reason->text : "ended by the operator");
    request_hold(r);
    traffic_kill(r->context->traffic, &f, why, got_killed, r);
}
