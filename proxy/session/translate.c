// Prepared statements after a move: the client's numbers become the server's, and the first execute
// carries the parameter types, which the new server has never seen, even if the client does not
// send them again.
//
//   client:  [execute 3 | no types | values]  ──>  server:  [execute 17 | types | values]
#include <string.h>

#include "session/session.h"
#include "session/worker.h"
#include "session/translate.h"
#include "wire/packet.h"

#define TYPES_MAX ((size_t)1 << 20)
#define NO_STATEMENT UINT32_C(0xFFFFFFFE) // no server gives this number out

static bool has_number(uint8_t code)
{
    return code == COM_STMT_EXECUTE || code == COM_STMT_BULK_EXECUTE ||
           code == COM_STMT_SEND_LONG_DATA || code == COM_STMT_CLOSE || code == COM_STMT_RESET ||
           code == COM_STMT_FETCH;
}

static uint32_t number_of(const uint8_t *payload)
{
    struct reader r = reader_make(payload + 1, 4);
    return reader_u32(&r);
}

// Statements of the client's whose answers may report another character set.
static bool change_outstanding(const struct session *s)
{
    const uint32_t may = SCAN_set | SCAN_several | SCAN_call | SCAN_calls | SCAN_sql_execute;
    for (unsigned i = 0; i < tracker_outstanding(&s->model.tracker); i++) {
        const struct tracked *t = tracker_at(&s->model.tracker, i);
        if (!t->own && (t->scan & may) != 0)
            return true;
    }
    return false;
}

static bool prepare_outstanding(const struct session *s)
{
    for (unsigned i = 0; i < tracker_outstanding(&s->model.tracker); i++)
        if (tracker_at(&s->model.tracker, i)->command == COM_STMT_PREPARE)
            return true;
    return false;
}

struct statement *translate_find(const struct session *s, const uint8_t *payload, size_t n)
{
    if (!s->model.statements.moved || n < 5 || !has_number(payload[0]))
        return NULL;
    return statements_find(&s->model.statements, number_of(payload));
}

bool translate_owes_types(const struct session *s, const uint8_t *payload, size_t n)
{
    const struct statement *st = translate_find(s, payload, n);
    return st != NULL && (st->types_owed || statement_is_apart(st)) &&
           (payload[0] == COM_STMT_EXECUTE || payload[0] == COM_STMT_BULK_EXECUTE);
}

// Its texts were read in the character set of when their types were sent; sent by us now, they would
// be read in another one.
static bool is_recoded(const struct session *s, const struct statement *st, const uint8_t *payload,
                       size_t n)
{
    size_t at;
    bool changed = st->charsets != s->model.portrait.charsets || change_outstanding(s);
    return st->types_owed && changed && statement_binds_text(st) &&
           statement_execute_head(st, s->model.tracker.caps, payload, n, &at) == EXECUTE_LACKS;
}

bool translate_admits(struct session *s, const uint8_t *payload, size_t n)
{
    struct statement *st = translate_find(s, payload, n);
    uint64_t caps = s->model.tracker.caps;
    if (st == NULL || (payload[0] != COM_STMT_EXECUTE && payload[0] != COM_STMT_BULK_EXECUTE))
        return true;
    bool apart = payload[0] == COM_STMT_EXECUTE && statement_is_apart(st) &&
                 !statement_reads_alike(st, caps, payload, n);
    if (!apart && !is_recoded(s, st, payload, n))
        return true;
    if (st->long_data) { // the server has it, and would add to it what comes for the next execute
        session_end(s, END_CANNOT_MOVE, "a statement's parameters have other types than before");
        return false;
    }
    if (apart)
        statement_told_apart(st, caps, payload, n);
    st->charsets = s->model.portrait.charsets;
    session_refuse_command(
        s, ER_NEED_REPREPARE, "HY000",
        "sluice: Prepared statement needs to be re-prepared: the session has been moved to another "
        "server, which would read parameters of these types in another way");
    return false;
}

// A statement that does not exist: the server's error shall name the client's number, unless it is
// another one's there.
static uint32_t unknown_number(const struct session *s, uint32_t number)
{
    const struct statements *all = &s->model.statements;
    for (const struct statement *st = statements_next(all, NULL); st != NULL;
         st = statements_next(all, st))
        if (st->server_id == number)
            return NO_STATEMENT;
    return number;
}

void translate_number(const struct session *s, uint8_t *payload, size_t n)
{
    if (!s->model.statements.moved || n < 5 || !has_number(payload[0]))
        return;
    // MariaDB's "the last prepared" may mean one whose answer is still to come.
    if (number_of(payload) == STATEMENT_LAST && prepare_outstanding(s))
        return;
    const struct statement *st = translate_find(s, payload, n);
    uint32_t number = st != NULL ? st->server_id : unknown_number(s, number_of(payload));
    for (unsigned i = 0; i < 4; i++)
        payload[1 + i] = (uint8_t)(number >> 8 * i);
}

int translate_types(struct session *s, struct statement *st, const uint8_t *payload, size_t n,
                    uint32_t length, uint8_t seq, struct buf *out)
{
    size_t at = 0;
    switch (statement_execute_head(st, s->model.tracker.caps, payload, n, &at)) {
    case EXECUTE_COMPLETE: return 0;
    case EXECUTE_LACKS: break;
    case EXECUTE_CANNOT:
    case EXECUTE_MORE: return SL_EUNSUPPORTED;
    }
    struct buf types;
    buf_init(&types, TYPES_MAX);
    size_t replaced = statement_types_put(st, s->model.tracker.caps, payload, at, &types);
    size_t total = length + types.n - replaced;
    bool fits = !types.failed && length < PACKET_MAX_PAYLOAD && total < PACKET_MAX_PAYLOAD;
    if (fits) {
        packet_header(out, (uint32_t)total, seq);
        buf_put(out, payload, at);
        buf_put(out, types.p, types.n);
        st->types_owed = false;
    }
    buf_release(&types);
    return fits ? (int)(at + replaced) : SL_EUNSUPPORTED;
}
