// What a routine, a function or a trigger may have left behind on the server, asked there.
//
// Measured on MariaDB 10.11 and MySQL 9.7:
// - a session's counters of statements also count what runs inside routines, any account may read
//   its own, and COM_RESET_CONNECTION sets them to zero;
// - so does FLUSH STATUS, on MySQL those of all sessions, whoever says it: then Questions is lower
//   than what the model has counted, and the counters say nothing of what came before;
// - MySQL has no counter of its own for temporary tables: Com_create_table has them with all
//   others. It counts every CREATE TABLE but one with a syntax error, also one whose table is there
//   already. What it has above the client's own is perhaps temporary;
// - MariaDB counts a temporary sequence as a temporary table;
// - Com_set_option counts SET in routines, SET TRANSACTION too, but not SET of a local variable or of a
//   column of a trigger's row; also COM_SET_OPTION, refused or not, and what init_connect says. What
//   it has above the client's own is perhaps SET TRANSACTION.
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "state/capture_internal.h"
#include "state/model.h"

// In order of `names`.
enum counter { CREATE_TABLE, CREATE_TEMPORARY, PREPARE_SQL, SET_OPTION, QUESTIONS, COUNTERS };

static const char *const names[COUNTERS] = {
    [CREATE_TABLE] = "Com_create_table", [CREATE_TEMPORARY] = "Com_create_temporary_table",
    [PREPARE_SQL] = "Com_prepare_sql",   [SET_OPTION] = "Com_set_option",
    [QUESTIONS] = "Questions",
};

struct counters {
    bool there[COUNTERS];
    uint64_t value[COUNTERS];
};

// SHOW on MySQL, because its performance_schema leaves these counters out. A sql_select_limit of less
// than their number cuts its rows: then the answer is refused. (To raise the limit for the question
// would need certainty that it is low again before the client's next command.)
void model_hidden_question(const struct capture_server *s, struct buf *sql)
{
    bool maria = s->family == CAPTURE_MARIADB;
    if (maria)
        buf_printf(sql,
                   "%sCAST(VARIABLE_NAME AS BINARY),CAST(VARIABLE_VALUE AS BINARY)"
                   " FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME IN (",
                   capture_select_anything(s));
    else
        buf_str(sql, "SHOW SESSION STATUS WHERE Variable_name IN (");
    for (int i = 0; i < COUNTERS; i++)
        buf_printf(sql, "%s_utf8mb4'%s'", i > 0 ? "," : "", names[i]); // not the client's bytes
    buf_str(sql, maria ? ") LIMIT 9" : ")");
}

// ASCII text in any character_set_results: utf16 and the like only add zeros.
static const char *plain(struct slice text, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n + 1 < size; i++) {
        if (text.p[i] != '\0')
            out[n++] = (char)text.p[i];
    }
    out[n] = '\0';
    return out;
}

static void read_row(struct counters *c, struct slice name, struct slice value)
{
    char text[40];
    for (int i = 0; i < COUNTERS; i++) {
        if (strcasecmp(names[i], plain(name, text, sizeof text)) == 0)
            c->there[i] = text_parse_u64(plain(value, text, sizeof text), &c->value[i]) == SL_OK;
    }
}

static enum sl_code settle(struct model *m, const struct counters *c, struct sl_error *err)
{
    m->portrait.hidden = true;
    if (c->value[QUESTIONS] < m->executed)
        return sl_fail(err, SL_ECONFLICT,
                       "obstacles: unknown_state (FLUSH STATUS has set back the counters that "
                       "would tell of temporary tables of stored routines)");
    model_set_obstacle(m, OBSTACLE_sql_prepare, c->value[PREPARE_SQL] > 0);
    if (!c->there[CREATE_TEMPORARY] && c->value[CREATE_TABLE] > m->created)
        return sl_fail(err, SL_ECONFLICT,
                       "obstacles: unknown_state (a stored routine may have left a temporary "
                       "table behind)");
    model_set_obstacle(m, OBSTACLE_temporary_table, c->value[CREATE_TEMPORARY] > 0);
    m->portrait.hidden = false;
    m->next_hidden = m->unconsumed && c->value[SET_OPTION] > m->sets;
    if (!m->unconsumed) // what there was is over
        m->sets = c->value[SET_OPTION];
    return SL_OK;
}

enum sl_code model_hidden_answer(struct model *m, const struct ask *a, unsigned i,
                                 struct sl_error *err)
{
    struct counters c = {0};
    const struct answer *answer = ask_answer(a, i);
    struct slice name, value;
    if (answer->kind != ANSWER_ROWS)
        return sl_fail(err, SL_ECONFLICT, "the server did not tell its session status");
    for (uint32_t row = 0; row < answer->rows; row++) {
        if (ask_value(a, i, row, 0, &name) && ask_value(a, i, row, 1, &value))
            read_row(&c, name, value);
    }
    if (!c.there[CREATE_TABLE] || !c.there[PREPARE_SQL] || !c.there[SET_OPTION] ||
        !c.there[QUESTIONS])
        return sl_fail(err, SL_EPROTO,
                       "the server does not show the counters of its statements "
                       "(a low sql_select_limit hides them)");
    return settle(m, &c, err);
}
