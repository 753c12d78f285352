// The metrics table, and how a scrape is written from it.
#include "admin/metrics.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

// Prometheus wants base units.
static double seconds(int64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

// --- values of the traffic -----------------------------------------------------------------------

// member of struct traffic_stats, type, name, help
#define STATS(X)                                                                                   \
    X(sessions, "gauge", "sessions", "Client sessions now")                                        \
    X(accepted, "counter", "connections_accepted_total", "Connections accepted")                   \
    X(refused, "counter", "connections_refused_total", "Connections refused, by a limit")          \
    X(logins, "counter", "logins_total", "Logins that a server accepted")                          \
    X(login_failures, "counter", "login_failures_total", "Logins that failed")                     \
    X(commands, "counter", "commands_total", "Commands from clients")                              \
    X(answers, "counter", "answers_total", "Answers that are complete")                            \
    X(errors, "counter", "errors_total", "ERR packets from servers")                               \
    X(bytes_from_clients, "counter", "client_bytes_total", "Bytes from clients")                   \
    X(bytes_from_servers, "counter", "server_bytes_total", "Bytes from servers")                   \
    X(held, "counter", "held_total", "Commands and connections that were held")                    \
    X(held_dropped, "counter", "held_dropped_total", "Held, and the client left")                  \
    X(held_timed_out, "counter", "held_timed_out_total", "Held longer than hold.max")              \
    X(aborted, "counter", "aborted_total", "Transactions rolled back by a drain")                  \
    X(killed, "counter", "killed_total", "Sessions killed")                                        \
    X(ended, "counter", "ended_total", "Sessions ended because they cannot move")                  \
    X(moved, "counter", "moved_total", "Sessions moved to another server")                         \
    X(move_refusals, "counter", "move_refusals_total", "Moves that were refused")                  \
    X(remembered, "counter", "remembered_total", "Idle sessions that were asked for their state")  \
    X(lost, "counter", "lost_total", "Sessions that lost their link and went on without")          \
    X(reestablished, "counter", "reestablished_total", "Lost sessions that got another link")

#define X(member, type, name, help)                                                                \
    static bool get_##member(const struct metrics_source *s, unsigned i, const char **label,       \
                             double *value)                                                        \
    {                                                                                              \
        (void)label;                                                                               \
        *value = (double)s->stats.member;                                                          \
        return i == 0;                                                                             \
    }
STATS(X)
#undef X

static bool get_states(const struct metrics_source *s, unsigned i, const char **label,
                       double *value)
{
    if (i >= SESSION_STATE_COUNT)
        return false;
    *label = session_state_name((enum session_state)i);
    *value = (double)s->stats.by_state[i];
    return true;
}

static bool get_longest_hold(const struct metrics_source *s, unsigned i, const char **label,
                             double *value)
{
    (void)label;
    *value = seconds(s->stats.longest_hold_ns);
    return i == 0;
}

static bool get_longest_answer(const struct metrics_source *s, unsigned i, const char **label,
                               double *value)
{
    (void)label;
    *value = seconds(s->stats.longest_answer_ns);
    return i == 0;
}

static bool get_longest_move(const struct metrics_source *s, unsigned i, const char **label,
                             double *value)
{
    (void)label;
    *value = seconds(s->stats.longest_move_ns);
    return i == 0;
}

static bool get_worst_turn(const struct metrics_source *s, unsigned i, const char **label,
                           double *value)
{
    (void)label;
    *value = seconds(s->stats.worst_turn_ns);
    return i == 0;
}

// --- values of the daemon ------------------------------------------------------------------------

static bool get_gate(const struct metrics_source *s, unsigned i, const char **label, double *value)
{
    (void)label;
    *value = gate_is_closed(s->gate);
    return i == 0;
}

static bool get_gate_seconds(const struct metrics_source *s, unsigned i, const char **label,
                             double *value)
{
    (void)label;
    *value = gate_is_closed(s->gate) ? seconds(s->now_ns - gate_closed_since(s->gate)) : 0;
    return i == 0;
}

static bool get_uptime(const struct metrics_source *s, unsigned i, const char **label,
                       double *value)
{
    (void)label;
    *value = seconds(s->now_ns - s->context->started_ns);
    return i == 0;
}

static bool get_version(const struct metrics_source *s, unsigned i, const char **label,
                        double *value)
{
    *label = s->context->version;
    *value = 1;
    return i == 0;
}

// --- values of the backends ----------------------------------------------------------------------

static bool get_links(const struct metrics_source *s, unsigned i, const char **label, double *value)
{
    if (i >= s->routes->count)
        return false;
    *label = s->routes->backends[i].name;
    *value = (double)s->stats.by_backend[i];
    return true;
}

static bool get_active(const struct metrics_source *s, unsigned i, const char **label,
                       double *value)
{
    if (i >= s->routes->count)
        return false;
    *label = s->routes->backends[i].name;
    *value = i == s->routes->active;
    return true;
}

// Not known before the first look, nor while a backend cannot be reached.
static const struct backend_view *view_at(const struct metrics_source *s, unsigned i,
                                          const char **label, double *value)
{
    if (i >= s->context->view_count)
        return NULL;
    *label = s->context->views[i].name;
    *value = (double)NAN;
    return &s->context->views[i];
}

static bool get_reachable(const struct metrics_source *s, unsigned i, const char **label,
                          double *value)
{
    const struct backend_view *v = view_at(s, i, label, value);
    if (v != NULL && v->looked)
        *value = v->reachable;
    return v != NULL;
}

static bool get_read_only(const struct metrics_source *s, unsigned i, const char **label,
                          double *value)
{
    const struct backend_view *v = view_at(s, i, label, value);
    if (v != NULL && v->looked && v->reachable)
        *value = v->read_only;
    return v != NULL;
}

static bool get_lag(const struct metrics_source *s, unsigned i, const char **label, double *value)
{
    const struct backend_view *v = view_at(s, i, label, value);
    if (v != NULL && v->looked && v->reachable && v->lag_seconds >= 0)
        *value = v->lag_seconds;
    return v != NULL;
}

static bool get_behind(const struct metrics_source *s, unsigned i, const char **label,
                       double *value)
{
    const struct backend_view *v = view_at(s, i, label, value);
    if (v != NULL && v->looked && v->reachable && v->lag_transactions >= 0)
        *value = (double)v->lag_transactions;
    return v != NULL;
}

static bool get_latency(const struct metrics_source *s, unsigned i, const char **label,
                        double *value)
{
    const struct backend_view *v = view_at(s, i, label, value);
    if (v != NULL && v->looked && v->reachable)
        *value = seconds(v->latency_ns);
    return v != NULL;
}

// --- the table -----------------------------------------------------------------------------------

static const struct metric METRICS[] = {
    {"version_info", "gauge", "Always 1; the version is the label", "version", get_version},
    {"uptime_seconds", "gauge", "Since the start", NULL, get_uptime},
#define X(member, type, name, help) {name, type, help, NULL, get_##member},
    STATS(X)
#undef X
        {"sessions_by_state", "gauge", "Client sessions now, by state", "state", get_states},
    {"longest_hold_seconds", "gauge", "Longest hold since its reset", NULL, get_longest_hold},
    {"longest_move_seconds", "gauge", "Longest move of a session since its reset", NULL,
     get_longest_move},
    {"longest_answer_seconds", "gauge", "Longest answer since its reset", NULL, get_longest_answer},
    {"worst_turn_seconds", "gauge", "Longest turn of a worker's loop lately", NULL, get_worst_turn},
    {"gate_closed", "gauge", "1 while the gate is closed", NULL, get_gate},
    {"gate_closed_seconds", "gauge", "How long it has been closed", NULL, get_gate_seconds},
    {"backend_active", "gauge", "1 for the active backend", "backend", get_active},
    {"backend_sessions", "gauge", "Sessions with a link there", "backend", get_links},
    {"backend_reachable", "gauge", "1 if the control account reaches it", "backend", get_reachable},
    {"backend_read_only", "gauge", "1 if it is read only", "backend", get_read_only},
    {"backend_lag_seconds", "gauge", "Replication lag", "backend", get_lag},
    {"backend_lag_transactions", "gauge", "Transactions of its source that it lacks", "backend",
     get_behind},
    {"backend_latency_seconds", "gauge", "Of a trivial statement", "backend", get_latency},
};

// Shared with the generator of the documents.
const struct metric *metrics_table(unsigned *count)
{
    *count = sizeof METRICS / sizeof METRICS[0];
    return METRICS;
}

// Label values are names of ours or checked by the configuration: nothing in them needs escapes.
void metrics_print(const struct metrics_source *s, struct buf *out)
{
    unsigned count;
    const struct metric *rows = metrics_table(&count);
    for (unsigned m = 0; m < count; m++) {
        const char *label = "";
        double value = 0;
        buf_printf(out, "# HELP sluice_%s %s.\n# TYPE sluice_%s %s\n", rows[m].name, rows[m].help,
                   rows[m].name, rows[m].type);
        for (unsigned i = 0; rows[m].get(s, i, &label, &value); i++) {
            if (isnan(value))
                continue;
            buf_printf(out, "sluice_%s", rows[m].name);
            if (rows[m].label != NULL)
                buf_printf(out, "{%s=\"%s\"}", rows[m].label, label);
            buf_printf(out, " %.15g\n", value);
        }
    }
}
