// What the new server's init_connect has left on a new link: user variables that the session does
// not have. No statement removes one, and NULL does not read as if it were not there (its type and
// length differ). COM_RESET_CONNECTION removes them all, and runs no init_connect.
//
//   login ─> what was it born with? ... capture: one that the session lacks? ─> reset ─> as at login
//
// Measured on MariaDB 10.11 and MySQL 9.7: after a reset MySQL's link has the character sets of the
// global variables, MariaDB's those of the login.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session/move.h"

enum { BORN_RAN, BORN_CLIENT, BORN_CONNECTION, BORN_RESULTS, BORN_COLLATION, BORN_COLUMNS };

static const char BORN_SQL[] =
    "SELECT CAST(@@GLOBAL.init_connect<>'' AS BINARY),CAST(@@character_set_client AS BINARY),"
    "CAST(@@character_set_connection AS BINARY),CAST(@@character_set_results AS BINARY),"
    "CAST(@@collation_connection AS BINARY) LIMIT 1";

void born_ask(struct move *m, struct buf *out)
{
    struct buf sql;
    buf_init(&sql, 1024);
    capture_names_question(&m->server, &sql);
    m->asked_born = ask_query(&m->ask, out, BORN_SQL, sizeof BORN_SQL - 1);
    m->asked_strangers = ask_query(&m->ask, out, (const char *)sql.p, sql.n);
    buf_release(&sql);
}

// All three character sets are one, as after a login or SET NAMES: how to have them again.
static void learn_names(struct move *m)
{
    struct slice v[BORN_COLUMNS];
    bool alike = true;
    for (unsigned i = 0; i < BORN_COLUMNS; i++)
        alike = ask_value(&m->ask, m->asked_born, 0, i, &v[i]) && alike;
    for (unsigned i = BORN_CONNECTION; alike && i <= BORN_RESULTS; i++)
        alike = v[i].n == v[BORN_CLIENT].n && memcmp(v[i].p, v[BORN_CLIENT].p, v[i].n) == 0;
    m->born_names[0] = '\0';
    if (alike)
        (void)snprintf(m->born_names, sizeof m->born_names, "SET NAMES %.*s COLLATE %.*s",
                       (int)v[BORN_CLIENT].n, (const char *)v[BORN_CLIENT].p,
                       (int)v[BORN_COLLATION].n, (const char *)v[BORN_COLLATION].p);
}

void born_take(struct move *m)
{
    struct slice ran;
    if (m->asked_born == NOT_ASKED || ask_answer(&m->ask, m->asked_born)->kind != ANSWER_ROWS)
        return;
    learn_names(m);
    if (ask_answer(&m->ask, m->asked_strangers)->kind == ANSWER_ROWS)
        move_read_names(&m->ask, m->asked_strangers, &m->strangers, &m->stranger_count);
    else // the account may not see them
        m->strangers_hidden =
            !ask_value(&m->ask, m->asked_born, 0, BORN_RAN, &ran) || ran.n != 1 || *ran.p != '0';
}

// Names of user variables know no case.
static bool is_wanted(const struct move *m, const char *name)
{
    for (unsigned i = 0; i < m->name_count; i++) {
        if (strcasecmp(m->names[i], name) == 0)
            return true;
    }
    return false;
}

bool born_with_strangers(const struct move *m)
{
    bool found = m->strangers_hidden;
    for (unsigned i = 0; i < m->stranger_count; i++)
        found = found || !is_wanted(m, m->strangers[i]);
    return found;
}

void born_anew(struct move *m, struct buf *out)
{
    (void)ask_reset(&m->ask, out);
    m->sets = 0; // the server's counters begin anew
    if (m->born_names[0] != '\0')
        (void)ask_query(&m->ask, out, m->born_names, strlen(m->born_names));
    m->statement_count = 0; // the server has closed them
    born_forget(m);
}

void born_forget(struct move *m)
{
    move_forget_names(&m->strangers, &m->stranger_count);
    m->strangers_hidden = false;
}
