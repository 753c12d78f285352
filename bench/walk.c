// The phases of an answer:
//
//   HEAD -> (OK, ERR: over)
//        -> PARAMS, COLUMNS definitions, each run ended by an EOF -> (prepare: over)
//        -> ROWS -> EOF or ERR: over
#include "bench/walk.h"

#include "wire/reply.h"

enum { PHASE_HEAD, PHASE_PARAMS, PHASE_COLUMNS, PHASE_ROWS };

#define FIRST_LENENC 0xFB // column counts below it are the byte itself

void walk_begin(struct walk *w, enum walk_kind kind)
{
    *w = (struct walk){.kind = (uint8_t)kind, .phase = PHASE_HEAD};
}

static bool is_eof(struct slice payload)
{
    return payload.p[0] == 0xFE && payload.n < 9;
}

static bool fail(struct walk *w, struct slice payload, struct sl_error *err)
{
    struct err e;
    w->failed = true;
    if (payload.p[0] == 0xFF && err_decode(payload, &e) == SL_OK)
        (void)sl_fail(err, SL_EDENIED, "error %u (%s): %.*s", e.code, e.sqlstate, (int)e.message.n,
                      (const char *)e.message.p);
    else
        (void)sl_fail(err, SL_EPROTO, "an answer that is not understood");
    return true;
}

static bool enter_columns(struct walk *w)
{
    w->phase = PHASE_COLUMNS;
    w->left = w->columns;
    return w->columns == 0;
}

static bool on_head(struct walk *w, struct slice payload, struct sl_error *err)
{
    struct prepare_ok ok;
    if (w->kind == WALK_PREPARE) {
        if (prepare_ok_decode(payload, 0, &ok) != SL_OK)
            return fail(w, payload, err);
        w->statement = ok.statement_id;
        w->columns = ok.columns;
        w->left = ok.params;
        w->phase = PHASE_PARAMS;
        return ok.params == 0 ? enter_columns(w) : false;
    }
    if (payload.p[0] == 0x00)
        return true;
    if (payload.p[0] >= FIRST_LENENC)
        return fail(w, payload, err);
    w->columns = payload.p[0];
    return enter_columns(w);
}

// A definition, or behind the last one the EOF that ends the run.
static bool on_definition(struct walk *w, struct slice payload, struct sl_error *err)
{
    if (w->left > 0) {
        w->left--;
        return false;
    }
    if (!is_eof(payload))
        return fail(w, payload, err);
    if (w->phase == PHASE_PARAMS)
        return enter_columns(w);
    w->phase = PHASE_ROWS;
    return w->kind == WALK_PREPARE;
}

static bool on_row(struct walk *w, struct slice payload, struct sl_error *err)
{
    if (payload.p[0] == 0xFF)
        return fail(w, payload, err);
    if (is_eof(payload))
        return true;
    if (w->rows++ == 0) {
        w->row_n = (uint8_t)(payload.n < WALK_ROW_MAX ? payload.n : WALK_ROW_MAX);
        memcpy(w->row, payload.p, w->row_n);
    }
    return false;
}

bool walk_packet(struct walk *w, struct slice payload, struct sl_error *err)
{
    if (payload.n == 0)
        return fail(w, (struct slice){.p = (const uint8_t *)"", .n = 1}, err);
    switch (w->phase) {
    case PHASE_HEAD: return on_head(w, payload, err);
    case PHASE_ROWS: return on_row(w, payload, err);
    default: return on_definition(w, payload, err);
    }
}
