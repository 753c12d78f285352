// show status, backends, stats, config, version: what the main thread knows without asking anybody.
#include <stdio.h>
#include <string.h>

#include "admin/handlers.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/inspect.h"

// The counters as traffic_stats has them, with the worst turn of the last seconds.
static struct traffic_stats read_stats(struct request *r)
{
    struct traffic_stats s;
    traffic_stats(r->context->traffic, &s);
    rates_fold(r->home->rates, &s);
    return s;
}

// From the routes, not from the configuration, whose `active` counts only for the very first start.
static const char *active_name(const struct request *r)
{
    const struct routes *routes = traffic_routes(r->context->traffic);
    return routes->backends[routes->active].name;
}

static struct cell text_or_none(const char *s)
{
    return cell_text(s[0] != '\0' ? s : NULL);
}

// --- show status ---------------------------------------------------------------------------------

// One line for people; JSON has the same as a table.
static void print_reasons(const struct gate *gate, int64_t now, char *out, size_t size)
{
    size_t at = 0;
    text_copy(out, size, gate->count == 0 ? "open" : "closed for");
    for (unsigned i = 0; i < gate->count; i++) {
        const struct gate_reason *reason = &gate->reasons[i];
        char since[32], left[32];
        at = strlen(out);
        snprintf(out + at, size - at, "%s %s (by %s, since %s%s%s)", i > 0 ? "," : "", reason->name,
                 reason->owner, text_format_elapsed_ns(now - reason->since_ns, since, 32),
                 reason->deadline_ns > 0 ? ", ends in " : "",
                 reason->deadline_ns > 0
                     ? text_format_elapsed_ns(reason->deadline_ns - now, left, sizeof left)
                     : "");
    }
}

static void add_gate(struct answer *a, const struct gate *gate)
{
    static const struct column COLUMNS[] = {
        {"reason", ""}, {"owner", ""}, {"since_ms", ""}, {"ends_in_ms", ""}};
    int64_t now = clock_now_ns();
    char text[GATE_REASONS_MAX * 240];
    print_reasons(gate, now, text, sizeof text);
    answer_fact(a, "", "gate", cell_text(text));
    answer_fact(a, "gate.closed", NULL, cell_bool(gate_is_closed(gate)));
    answer_fact(a, "gate.since_ms", NULL,
                gate->count > 0 ? cell_of(CELL_MS, now - gate_closed_since(gate))
                                : cell_text(NULL));
    answer_table(a, "gate.reasons", NULL, COLUMNS, 4);
    for (unsigned i = 0; i < gate->count; i++) {
        const struct gate_reason *reason = &gate->reasons[i];
        answer_row(a, (struct cell[]){cell_text(reason->name), cell_text(reason->owner),
                                      cell_of(CELL_MS, now - reason->since_ns),
                                      reason->deadline_ns > 0
                                          ? cell_of(CELL_MS, reason->deadline_ns - now)
                                          : cell_text(NULL)});
    }
}

// People see the states that occur, JSON has all of them.
static void add_states(struct answer *a, const struct traffic_stats *s)
{
    static const char *const KEYS[] = {
#define X(name, text, waits) "sessions." text,
        SESSION_STATES(X)
#undef X
    };
    char text[256];
    int n = snprintf(text, sizeof text, "%u", s->sessions);
    answer_fact(a, "sessions.total", NULL, cell_number(s->sessions));
    for (int i = 0; i < SESSION_STATE_COUNT; i++) {
        answer_fact(a, KEYS[i], NULL, cell_number(s->by_state[i]));
        if (s->by_state[i] > 0 && n > 0 && (size_t)n < sizeof text)
            n += snprintf(text + n, sizeof text - (size_t)n, ", %u %s", s->by_state[i],
                          session_state_name((enum session_state)i));
    }
    answer_fact(a, "sessions.lost", NULL, cell_number(s->lost_now));
    if (s->lost_now > 0 && n > 0 && (size_t)n < sizeof text)
        (void)snprintf(text + n, sizeof text - (size_t)n, ", %u without a link", s->lost_now);
    answer_fact(a, "", "sessions", cell_text(text));
}

void run_show_status(struct request *r)
{
    struct traffic_stats stats = read_stats(r);
    struct rates_view rates = rates_now(r->home->rates);
    struct answer *a = r->answer;
    struct conductor_status cutover;
    char needs[SL_ERROR_TEXT_MAX + 160];
    conductor_look(r->context->conductor, &cutover);
    answer_fact(a, "active", "active", cell_text(active_name(r)));
    answer_fact(a, "warm", "warm", text_or_none(traffic_warm_target(r->context->traffic)));
    add_gate(a, traffic_gate(r->context->traffic));
    answer_fact(a, "cutover", "cutover", cell_text(conductor_state_name(cutover.state)));
    answer_fact(a, "needs", "needs", cell_text(cutover_needs(r, &cutover, needs, sizeof needs)));
    add_states(a, &stats);
    answer_fact(a, "queries_per_second", "queries a second", cell_number(rates.commands));
    answer_fact(a, "errors_per_second", "errors a second", cell_number(rates.errors));
    answer_fact(a, "connections_per_second", "connections a second", cell_number(rates.accepted));
    answer_fact(a, "version", "version", cell_text(r->context->version));
    answer_fact(a, "started", "started", cell_of(CELL_TIME, r->context->started_wall_us));
    answer_fact(a, "uptime_ms", "up", cell_of(CELL_MS, clock_now_ns() - r->context->started_ns));
    request_done(r);
}

// --- show backends -------------------------------------------------------------------------------

// NULL until the monitor has looked.
static const struct backend_view *view_of(const struct admin_context *ctx, const char *name)
{
    for (unsigned i = 0; i < ctx->view_count; i++)
        if (strcmp(ctx->views[i].name, name) == 0)
            return &ctx->views[i];
    return NULL;
}

static const struct column BACKEND_COLUMNS[] = {
    {"name", "backend"},
    {"active", "active"},
    {"address", "address"},
    {"sessions", "sessions"},
    {"reachable", "reachable"},
    {"since", "since"},
    {"role", "role"},
    {"read_only", "read only"},
    {"version", "version"},
    {"lag_ms", "lag"},
    {"lag_transactions", "behind"},
    {"latency_us", "latency"},
    {"connections", "connections"},
    {"position", "position"},
    {"family", ""},
    {"super_read_only", ""},
    {"offline_mode", ""},
    {"replicates", ""},
    {"io_running", ""},
    {"sql_running", ""},
    {"lag_bytes", ""},
    {"source", ""},
    {"binlog", ""},
    {"looked_ago_ms", "seen ago"},
    {"replication_error", ""},
    {"problem", "problem"},
};

#define BACKEND_CELLS (sizeof BACKEND_COLUMNS / sizeof BACKEND_COLUMNS[0])
// What a view says begins at this column.
#define BACKEND_OWN 4

static const char *family_name(enum backend_family family)
{
    static const char *const NAMES[] = {
        [FAMILY_UNKNOWN] = "unknown", [FAMILY_MARIADB] = "mariadb", [FAMILY_MYSQL] = "mysql"};
    return NAMES[family];
}

static struct cell count_or_none(int64_t n)
{
    return n < 0 ? cell_text(NULL) : cell_number((uint64_t)n);
}

// Without a look there is nothing to say; without an answer only that.
static void fill_view(struct cell *cells, const struct backend_view *v)
{
    for (size_t i = BACKEND_OWN; i < BACKEND_CELLS; i++)
        cells[i] = cell_text(NULL);
    if (v == NULL || !v->looked)
        return;
    struct cell *c = cells + BACKEND_OWN;
    *c++ = cell_bool(v->reachable);
    *c++ = cell_of(CELL_TIME, v->since_wall_us);
    cells[BACKEND_CELLS - 1] = text_or_none(v->problem);
    if (!v->reachable)
        return;
    *c++ = cell_text(v->role);
    *c++ = cell_bool(v->read_only);
    *c++ = cell_text(v->version);
    *c++ = v->lag_seconds < 0 ? cell_text(NULL)
                              : cell_of(CELL_MS, (int64_t)(v->lag_seconds * (double)NS_PER_S));
    *c++ = count_or_none(v->lag_transactions);
    *c++ = cell_of(CELL_US, v->latency_ns);
    *c++ = cell_number(v->connections);
    *c++ = text_or_none(v->position);
    *c++ = cell_text(family_name(v->family));
    *c++ = cell_bool(v->super_read_only);
    *c++ = cell_bool(v->offline_mode);
    *c++ = cell_bool(v->replicates);
    *c++ = cell_bool(v->io_running);
    *c++ = cell_bool(v->sql_running);
    *c++ = count_or_none(v->lag_bytes);
    *c++ = text_or_none(v->source);
    *c++ = text_or_none(v->binlog);
    *c++ = cell_of(CELL_MS, (clock_wall_us() - v->looked_wall_us) * 1000);
    *c++ = text_or_none(v->replication_error);
}

// In the order of the routes, which are what traffic uses; the monitor may know less of a new one.
void run_show_backends(struct request *r)
{
    const struct routes *routes = traffic_routes(r->context->traffic);
    struct traffic_stats stats = read_stats(r);
    answer_table(r->answer, "backends", "backends", BACKEND_COLUMNS, BACKEND_CELLS);
    for (unsigned i = 0; i < routes->count; i++) {
        const struct backend_route *b = &routes->backends[i];
        const struct config_backend *conf = config_find_backend(r->context->config, b->name);
        struct cell cells[BACKEND_CELLS] = {
            cell_text(b->name),
            cell_bool(i == routes->active),
            cell_text(conf != NULL ? conf->address.text : NULL),
            cell_number(stats.by_backend[i]),
        };
        fill_view(cells, view_of(r->context, b->name));
        answer_row(r->answer, cells);
    }
    request_done(r);
}

// --- show stats ----------------------------------------------------------------------------------

// key, title, kind, member of struct traffic_stats
#define STATS(X)                                                                                   \
    X("sessions", "sessions now", CELL_NUMBER, sessions)                                           \
    X("accepted", "connections accepted", CELL_NUMBER, accepted)                                   \
    X("refused", "connections refused", CELL_NUMBER, refused)                                      \
    X("logins", "logins", CELL_NUMBER, logins)                                                     \
    X("login_failures", "logins failed", CELL_NUMBER, login_failures)                              \
    X("commands", "commands", CELL_NUMBER, commands)                                               \
    X("answers", "answers", CELL_NUMBER, answers)                                                  \
    X("errors", "errors from servers", CELL_NUMBER, errors)                                        \
    X("bytes_from_clients", "bytes from clients", CELL_BYTES, bytes_from_clients)                  \
    X("bytes_from_servers", "bytes from servers", CELL_BYTES, bytes_from_servers)                  \
    X("held", "commands and connections held", CELL_NUMBER, held)                                  \
    X("held_dropped", "held, client left", CELL_NUMBER, held_dropped)                              \
    X("held_timed_out", "held too long", CELL_NUMBER, held_timed_out)                              \
    X("aborted", "transactions aborted by drain", CELL_NUMBER, aborted)                            \
    X("killed", "sessions killed", CELL_NUMBER, killed)                                            \
    X("ended", "sessions ended, could not move", CELL_NUMBER, ended)                               \
    X("moved", "sessions moved", CELL_NUMBER, moved)                                               \
    X("move_refusals", "moves refused", CELL_NUMBER, move_refusals)                                \
    X("remembered", "idle sessions remembered", CELL_NUMBER, remembered)                           \
    X("lost", "links of sessions lost", CELL_NUMBER, lost)                                         \
    X("reestablished", "sessions re-established", CELL_NUMBER, reestablished)                      \
    X("longest_move_ms", "longest move", CELL_MS, longest_move_ns)                                 \
    X("longest_hold_ms", "longest hold", CELL_MS, longest_hold_ns)                                 \
    X("longest_answer_us", "longest answer", CELL_US, longest_answer_ns)                           \
    X("worst_turn_us", "longest loop turn", CELL_US, worst_turn_ns)

void run_show_stats(struct request *r)
{
    struct traffic_stats s = read_stats(r);
#define X(key, title, kind, member)                                                                \
    answer_fact(r->answer, key, title, cell_of(kind, (int64_t)s.member));
    STATS(X)
#undef X
    answer_fact(r->answer, "main_worst_turn_us", "longest main loop turn",
                cell_of(CELL_US, loop_worst_turn_ns(r->context->loop)));
    answer_fact(r->answer, "workers", "workers", cell_number(traffic_workers(r->context->traffic)));
    if (request_option(r, "reset")->given)
        traffic_stats_reset_longest(r->context->traffic);
    request_done(r);
}

// --- show config, show version -------------------------------------------------------------------

void run_show_config(struct request *r)
{
    static const struct column COLUMNS[] = {
        {"key", "key"}, {"value", "value"}, {"origin", "origin"}};
    struct config_dump dump;
    struct config_row row;
    const struct call *call = &r->call;
    const char *pattern = call->positional_count > 0 ? call->positionals[0].text : "*";
    char inside[SESSION_NAME_MAX + 4]; // "hold" means "hold.*" as well
    snprintf(inside, sizeof inside, "%s.*", pattern);
    answer_table(r->answer, "config", "such keys", COLUMNS, 3);
    config_dump_start(&dump, r->context->config);
    while (config_dump_next(&dump, &row))
        if (text_match(pattern, row.key) || text_match(inside, row.key))
            answer_row(r->answer, (struct cell[]){cell_text(row.key), cell_text(row.value),
                                                  cell_text(row.origin)});
    config_dump_end(&dump);
    request_done(r);
}

void run_show_version(struct request *r)
{
    answer_fact(r->answer, "version", "sluice", cell_text(r->context->version));
    answer_fact(r->answer, "config_file", "configuration", cell_text(r->context->config_path));
    answer_fact(r->answer, "compiler", "compiler", cell_text(__VERSION__));
    request_done(r);
}
