// Prepared statements in the session model: their texts while the answers are still to come, and
// the parameter types in the executes that pass.
//
//   COM_STMT_PREPARE ── text ──> preparing ── prepare-OK ──> statements (text, context, flags)
//   COM_STMT_EXECUTE ── types ──────────────────────────────────┘
//         └─ of id -1, pipelined behind its prepare (MariaDB): waits in `preparing`
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "state/model.h"
#include "state/model_learn.h"

#define PREPARE_TEXT_MAX ((size_t)16 << 20)
#define PREPARE_RESERVE_MAX 65536 // a length that a client only claims costs no more at once
// Enough for the types of 65535 parameters, their NULL bitmap, and names of attributes.
#define EXECUTE_HEAD_MAX ((size_t)256 << 10)

// An execute that was sent before it was known how many parameters there are.
struct early {
    struct early *next;
    size_t n;
    uint8_t *head; // heap
};

struct preparing {
    struct preparing *next;
    char *text; // NULL: too long
    uint32_t text_n;
    uint32_t scan;
    uint8_t traits; // of the scan
    bool answered;  // the prepare-OK came, definitions follow
    struct early *early;
};

static void free_preparing(struct preparing *p)
{
    while (p->early != NULL) {
        struct early *e = p->early;
        p->early = e->next;
        mem_free(e->head);
        mem_free(e);
    }
    mem_free(p->text);
    mem_free(p);
}

void model_prepare_release(struct model *m)
{
    while (m->preparing != NULL)
        model_prepare_answered(m);
}

void model_prepare_answered(struct model *m)
{
    struct preparing *p = m->preparing;
    if (p == NULL)
        return;
    m->preparing = p->next;
    free_preparing(p);
}

// What is collected, in as little memory as it takes; NULL when it was too long.
static uint8_t *take_collected(struct model *m, size_t *n)
{
    bool failed = m->collected.failed;
    uint8_t *p = buf_steal(&m->collected, n);
    if (failed || p == NULL) {
        mem_free(p);
        *n = 0;
        return failed ? NULL : mem_zalloc(1);
    }
    uint8_t *fit = mem_try_realloc(p, *n > 0 ? *n : 1);
    return fit != NULL ? fit : p;
}

// --- prepare ------------------------------------------------------------------------------------------

void model_prepare_begins(struct model *m, uint32_t length)
{
    buf_init(&m->collected, PREPARE_TEXT_MAX);
    if (length < PREPARE_RESERVE_MAX)
        (void)buf_reserve(&m->collected, length);
}

void model_prepare_text(struct model *m, const uint8_t *p, size_t n)
{
    buf_put(&m->collected, p, n);
}

void model_prepare_sent(struct model *m)
{
    struct preparing **end = &m->preparing;
    if (m->passing.own || m->tracker.phase == TRACKER_OPAQUE) {
        buf_release(&m->collected);
        return;
    }
    while (*end != NULL)
        end = &(*end)->next;
    struct preparing *p = mem_zalloc(sizeof *p);
    size_t n;
    p->text = (char *)take_collected(m, &n);
    p->text_n = (uint32_t)n;
    p->scan = m->passing.scan;
    p->traits = m->passing.traits;
    *end = p;
}

// What the outstanding execute settles is not certain.
static void doubt(struct model *m)
{
    struct statement *s = m->settling != 0 ? statements_find(&m->statements, m->settling) : NULL;
    m->settling = 0;
    if (s != NULL)
        statement_unsettled(s);
}

void model_executed(struct model *m, const struct tracked *done)
{
    if (m->settling == 0 || m->settling != done->statement)
        return;
    if (m->tracker.outcome.is_error)
        doubt(m);
    m->settling = 0;
}

// EXECUTE_MORE: there must be more of it; else done.
static enum execute_head learn_types(struct model *m, struct statement *s, const uint8_t *head,
                                     size_t n)
{
    if (statement_settle(s, m->tracker.caps, head, n)) {
        doubt(m); // one that is outstanding still: which of the two is refused is not told apart
        m->settling = s->id;
    }
    enum execute_head found = statement_types_learn(s, m->tracker.caps, head, n);
    if (found == EXECUTE_COMPLETE)
        s->charsets = m->portrait.charsets; // a SET that is outstanding will raise it: that is safe
    if (found == EXECUTE_COMPLETE)
        statements_set_incomplete(&m->statements, s, s->text == NULL);
    else if (found == EXECUTE_CANNOT)
        statements_set_incomplete(&m->statements, s, true);
    return found;
}

static void learn_early(struct model *m, struct statement *s, const struct preparing *p)
{
    bool lost = false;
    for (const struct early *e = p->early; e != NULL; e = e->next)
        lost = learn_types(m, s, e->head, e->n) == EXECUTE_MORE || lost;
    if (lost)
        statements_set_incomplete(&m->statements, s, true);
}

static void begin_definitions(struct model *m, const struct prepare_ok *ok)
{
    statement_settles(m->added);
    m->defining = ok->params > 0 && ok->metadata_follows ? m->added->id : 0;
    m->defined = 0;
}

void model_prepared(struct model *m, bool own)
{
    struct preparing *p = m->preparing;
    const struct prepare_ok *ok = &m->tracker.outcome.prepare;
    m->tracker.outcome.prepared = false; // once is enough
    if (own || p == NULL)
        return;
    p->answered = true;
    m->added = statements_add(&m->statements, ok->statement_id, p->scan, ok->params, ok->columns,
                              p->text, p->text_n, context_ref(m->portrait.now));
    p->text = NULL;
    if (m->added == NULL || (p->traits & SCAN_UNSURE) != 0)
        m->kept |= OBSTACLE_BIT(unknown_state);
    if (m->added != NULL) {
        m->added->traits = p->traits;
        m->added->assignments = m->portrait.assignments;
    }
    if (m->added != NULL && m->settles)
        begin_definitions(m, ok);
    if (m->added != NULL)
        learn_early(m, m->added, p);
}

void model_defined(struct model *m, const uint8_t *head, size_t n)
{
    struct statement *s = statements_find(&m->statements, m->defining);
    if (s == NULL || n == 0 || head[0] == 0xFF) {
        m->defining = 0;
        return;
    }
    statement_defined(s, m->defined++, head, n);
    if (m->defined == s->params)
        m->defining = 0;
}

// --- execute ------------------------------------------------------------------------------------------

// The prepare that MariaDB's id -1 means: the last one, if its answer is still to come.
static struct preparing *meant(const struct model *m)
{
    struct preparing *p = m->preparing;
    while (p != NULL && p->next != NULL)
        p = p->next;
    return p != NULL && !p->answered && m->passing.statement == STATEMENT_LAST ? p : NULL;
}

bool model_execute_begins(struct model *m, struct statement *s, const uint8_t *head, size_t n,
                          uint32_t length)
{
    if (meant(m) == NULL) {
        if (s == NULL || s->params == 0 || learn_types(m, s, head, n) != EXECUTE_MORE)
            return false;
    }
    buf_init(&m->collected, EXECUTE_HEAD_MAX);
    if (length < PREPARE_RESERVE_MAX)
        (void)buf_reserve(&m->collected, length);
    return true;
}

static void keep_early(struct model *m, struct preparing *p)
{
    struct early **end = &p->early;
    while (*end != NULL)
        end = &(*end)->next;
    struct early *e = mem_zalloc(sizeof *e);
    m->collected.failed = false;
    e->head = take_collected(m, &e->n);
    *end = e;
}

// Looks again only when there is twice as much.
bool model_execute_text(struct model *m, const uint8_t *p, size_t n, bool last)
{
    struct buf *b = &m->collected;
    struct preparing *early = meant(m);
    size_t before = b->n;
    size_t room = EXECUTE_HEAD_MAX - b->n;
    buf_put(b, p, n < room ? n : room);
    last = last || b->n == EXECUTE_HEAD_MAX;
    bool look = last || (before ^ b->n) > before;
    if (!look || (early != NULL && !last))
        return true;
    if (early != NULL) {
        keep_early(m, early);
        return false;
    }
    struct statement *s = statements_find(&m->statements, m->passing.statement);
    enum execute_head found = s != NULL ? learn_types(m, s, b->p, b->n) : EXECUTE_COMPLETE;
    if (found == EXECUTE_MORE && !last)
        return true;
    if (found == EXECUTE_MORE)
        statements_set_incomplete(&m->statements, s, true);
    buf_release(b);
    return false;
}
