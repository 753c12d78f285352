// Session tracking, switched on in front of a session's first command, so that a client that only
// logs in and quits costs nothing more, and nobody waits a round trip for it.
//
//   client: first command ──>  [context?] [client's own?] [SET session_track_...] command ──> server
//                                  └ own.h: swallowed ┘
//
// COM_RESET_CONNECTION and COM_CHANGE_USER switch it off again: then it is owed once more.
//
// A statement that reads or sets session_track_* itself runs bare, under the client's own values:
//
//   client: SHOW VARIABLES ──>  [SET session_track_... = the client's]  SHOW VARIABLES ──> server
//
// and ours is owed again, but not before what asks for the diagnostics of the statement before.
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/move.h"
#include "session/own.h"
#include "session/session.h"
#include "session/worker.h"

const char SETUP_SQL[] =
    "SET SESSION session_track_system_variables = '*', session_track_schema = 1, "
    "session_track_state_change = 1";

static const char OFF_SQL[] = "SET SESSION session_track_system_variables = '', "
                              "session_track_schema = 0, session_track_state_change = 0";

// What a statement's meaning depends on when it is prepared; asked when one is about to be.
#define ASK(name) ", @@" #name
#define ASK_NOT(name) ", NULL"
static const char CONTEXT_MYSQL[] = "SELECT DATABASE()" CONTEXT_VARIABLES(ASK) " LIMIT 1";
static const char CONTEXT_MARIADB[] = "SELECT DATABASE()" CONTEXT_VARIABLES_OF_ALL(ASK)
    CONTEXT_VARIABLES_OF_MYSQL(ASK_NOT) " LIMIT 1";

// How the client's own tracking stands, before ours replaces it.
#define FILTER_SQL                                                                                 \
    "SELECT @@session.session_track_system_variables, @@session.session_track_schema, "            \
    "@@session.session_track_state_change, "

const char *setup_filter_question(const struct session *s)
{
    return s->link_server.family == CAPTURE_MARIADB ? FILTER_SQL "1 LIMIT 1"
                                                    : FILTER_SQL
               "@@session.session_track_gtids <> 'OFF' OR "
               "@@session.session_track_transaction_info <> 'OFF' LIMIT 1";
}

#define READS_DIAGNOSTICS (uint32_t)(SCAN_diagnostics_read | SCAN_diagnostics_use)
#define OWN_SQL_MAX ((size_t)1 << 20)

// What a client asked for, or got from the server's defaults.
struct filter {
    struct track_filter filter;
    char names[];
};

const struct track_filter *setup_filter(const struct session *s)
{
    return s->filter != NULL ? &s->filter->filter : NULL;
}

void setup_free(struct session *s)
{
    mem_free(s->filter);
    s->filter = NULL;
}

void setup_owe(struct session *s)
{
    s->setup_owed = s->worker->routes->config->migrate.sessions &&
                    (s->model.tracker.caps & CAP_SESSION_TRACK) != 0;
    s->untracked = s->tracking = false;
    s->filter_known = false; // what there is serves for answers that are still to come
}

static const char *text_of(const struct ask *a, unsigned i, unsigned column, char *out, size_t size)
{
    struct slice v;
    if (!ask_value(a, i, 0, column, &v) || v.n >= size)
        return NULL;
    memcpy(out, v.p, v.n);
    out[v.n] = '\0';
    return out;
}

static void learn_context(struct session *s, const struct ask *a, unsigned i)
{
    char schema[256], text[CONTEXT_COUNT][1024];
    const char *values[CONTEXT_COUNT];
    for (unsigned v = 0; v < CONTEXT_COUNT; v++) {
        values[v] = text_of(a, i, v + 1, text[v], sizeof text[v]);
        if (values[v] == NULL && v < CONTEXT_OF_ALL)
            return; // not known: statements prepared now cannot be moved
    }
    portrait_baseline(&s->model.portrait, text_of(a, i, 0, schema, sizeof schema), values);
}

static bool is_on(const struct ask *a, unsigned i, unsigned column)
{
    struct slice v;
    return ask_value(a, i, 0, column, &v) && v.n == 1 && v.p[0] == '1';
}

void setup_learn_filter(struct session *s, const struct ask *a, unsigned i)
{
    struct slice names = {0};
    bool some = ask_value(a, i, 0, 0, &names); // MySQL: may be NULL
    bool schema = is_on(a, i, 1), change = is_on(a, i, 2), others = is_on(a, i, 3);
    mem_free(s->filter);
    s->filter = mem_zalloc(sizeof *s->filter + names.n + 1);
    if (some)
        memcpy(s->filter->names, names.p, names.n);
    s->filter->filter =
        (struct track_filter){.names = some ? s->filter->names : NULL,
                              .schema = schema,
                              .state_change = change,
                              .silent = names.n == 0 && !schema && !change && !others};
    s->filter_known = true;
}

// The questions are told apart by their columns.
static void learn_rows(struct session *s, struct own *o)
{
    for (unsigned i = 0; !o->failed && i < o->ask.count; i++) {
        const struct answer *answer = ask_answer(&o->ask, i);
        if (answer->kind != ANSWER_ROWS || answer->rows != 1)
            continue;
        if (answer->columns == CONTEXT_COUNT + 1)
            learn_context(s, &o->ask, i);
        else
            setup_learn_filter(s, &o->ask, i);
    }
}

static void setup_done(struct session *s, struct own *o)
{
    const struct ask *a = &o->ask;
    unsigned n = o->failed ? 0 : a->count;
    learn_rows(s, o);
    if (n > 0 && ask_answer(a, n - 1)->kind == ANSWER_OK)
        return;
    s->untracked = true;
    s->filter_known = true; // as well as it can be: nobody shall wait for it
    char text[256];
    LOG_INFO("session_not_tracked", LOG_U64("session", s->id),
             LOG_STR("why", n > 0 ? ask_error_text(a, n - 1, text, sizeof text)
                                  : "an answer was not understood"));
}

static void add(struct own *o, const char *sql)
{
    (void)ask_query(&o->ask, &o->out, sql, strlen(sql));
}

static bool wants_context(const struct session *s, uint8_t code)
{
    return code == COM_STMT_PREPARE && s->model.portrait.now == NULL &&
           s->worker->routes->config->migrate.sessions;
}

static bool wants_tracking(const struct session *s, uint32_t scan)
{
    return s->setup_owed && (scan & SCAN_session_track) == 0;
}

// From such a command on nothing is understood, so nothing can be taken out again.
bool setup_goes_opaque(uint8_t code)
{
    return command_reply(code) == REPLY_STREAM;
}

bool setup_is_owed(const struct session *s, uint8_t code, uint32_t scan)
{
    if ((s->model.tracker.caps & CAP_SESSION_TRACK) == 0 || (scan & READS_DIAGNOSTICS) != 0)
        return false;
    if (setup_goes_opaque(code))
        return s->tracking;
    return wants_tracking(s, scan) || wants_context(s, code);
}

static void nothing(struct session *s, struct own *o)
{
    (void)s;
    (void)o;
}

// --- the client's own ---------------------------------------------------------------------------

static void put_clients_own(const struct session *s, struct buf *sql)
{
    static const char *const values[] = {"0", "1", "DEFAULT"};
    const struct track_filter *f = setup_filter(s);
    buf_str(sql, "SET SESSION session_track_system_variables = ");
    capture_put_value(sql, f != NULL ? f->names : "DEFAULT");
    buf_printf(sql, ", session_track_schema = %s", values[f != NULL ? f->schema : 2]);
    buf_printf(sql, ", session_track_state_change = %s", values[f != NULL ? f->state_change : 2]);
}

// Tracking as the client wants it, before it goes on without us.
static bool setup_undo(struct session *s)
{
    struct own *o = own_new(s, nothing);
    struct buf sql;
    buf_init(&sql, OWN_SQL_MAX);
    if (s->client_tracks)
        put_clients_own(s, &sql);
    else
        buf_str(&sql, OFF_SQL);
    (void)ask_query(&o->ask, &o->out, (const char *)sql.p, sql.n);
    buf_release(&sql);
    s->tracking = false;
    return own_send(s, o);
}

// One that reads diagnostics as well must find those of the statement before.
bool setup_wants_reveal(const struct session *s, uint32_t scan)
{
    return (scan & (SCAN_session_track | SCAN_diagnostics_use)) == SCAN_session_track &&
           s->tracking && !s->model.passing.bare;
}

bool setup_reveal(struct session *s)
{
    struct buf sql, out;
    struct ask ask;
    model_command_bare(&s->model);
    buf_init(&sql, OWN_SQL_MAX);
    buf_init(&out, OWN_SQL_MAX);
    ask_init(&ask, s->model.tracker.caps, s->model.tracker.status);
    put_clients_own(s, &sql);
    (void)ask_query(&ask, &out, (const char *)sql.p, sql.n);
    ask_release(&ask);
    buf_release(&sql);
    model_own_before(&s->model, SCAN_set);
    s->tracking = false;
    s->setup_owed = true;
    bool sent = !out.failed && conn_send(&s->server, out.p, out.n) == SL_OK;
    buf_release(&out);
    if (!sent)
        session_end(s, END_SERVER_LEFT, "while sending the client's session tracking");
    return sent;
}

// --- what comes from the client ------------------------------------------------------------------

// Until a question about the client's own tracking is answered, that could not be put back; and a SET
// of ours may have to go in front of the command.
bool setup_must_wait(const struct session *s)
{
    return (s->own != NULL && s->tracking && !s->filter_known) ||
           !tracker_has_room(&s->model.tracker, 2);
}

void setup_note(struct session *s, const uint8_t *payload, uint32_t length)
{
    uint8_t code = length > 0 ? payload[0] : (uint8_t)COM_SLEEP;
    if (code == COM_RESET_CONNECTION)
        setup_owe(s);
    if (code == COM_CHANGE_USER)
        s->untracked = s->tracking = false;
    if (code == COM_SET_OPTION && length >= 2)
        s->multi = (uint8_t)(payload[1] + 1);
}

void setup_passed(struct session *s, uint32_t scan)
{
    if ((scan & SCAN_session_track) != 0 && (scan & SCAN_read) == 0)
        s->filter_known = false;
}

// --- ours ---------------------------------------------------------------------------------------

bool setup_begin(struct session *s, uint8_t code, uint32_t scan)
{
    if (setup_goes_opaque(code))
        return setup_undo(s);
    bool track = wants_tracking(s, scan);
    struct own *o = own_new(s, track ? setup_done : learn_rows);
    if (wants_context(s, code))
        add(o, s->link_server.family == CAPTURE_MYSQL ? CONTEXT_MYSQL : CONTEXT_MARIADB);
    if (track) {
        s->setup_owed = false;
        s->tracking = true;
        if (!s->filter_known)
            add(o, setup_filter_question(s));
        add(o, SETUP_SQL);
    }
    if (s->epoch > 0) // before its first command there is nothing to be lost
        model_diagnostics_lost(&s->model, false);
    return own_send(s, o);
}
