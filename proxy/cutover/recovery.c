// The decision after a crash. A step is *announced* when its `before` is in the journal, and *open*
// when it is announced, has an undo, and no `undo_after` of it is there. What matters are steps that
// have an effect which outlives sluice (sequence.h).
//
//   the journal says                                     the active backend    so
//   ──────────────────────────────────────────────────   ───────────────────   ──────────────────
//   no such step is announced, or none is open any more  any                   CLOSE
//   the final step (release) is announced, no undo       the target            FINISH
//   ... with an undo, or the active one is not the       any                   ASK
//       target
//   a step that changes the active backend is open       old or target         UNDO
//   any other step is open                               the old one           UNDO
//   ... and none of them is VITAL: clients go first      the old one           UNDO, open_first
//   anything else: the active one fits neither           any                   ASK
//   a backend is not configured, or at another address   any                   ASK
//   a step that is not in the table; no begin            any                   ASK
//
// FINISH: the target was promoted, and the old server fenced, before release was announced; whether
// clients have written to the target since nobody can know, so there is no way but forward (C6).
// UNDO: the accounts of one of the two are locked on its own disk until the undo has looked (C1, C2).
#include "cutover/recovery.h"

#include <bson/bson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *recovery_way_name(enum recovery_way way)
{
    static const char *const names[] = {
#define X(name, text) [RECOVERY_##name] = text,
        RECOVERY_WAYS(X)
#undef X
    };
    return names[way];
}

// --- who ------------------------------------------------------------------------------------------

void recovery_address(const struct control_target *t, char out[RECOVERY_ADDRESS_MAX])
{
    if (t->socket[0] != '\0')
        (void)snprintf(out, RECOVERY_ADDRESS_MAX, "unix:%s", t->socket);
    else
        (void)snprintf(out, RECOVERY_ADDRESS_MAX, "%s:%u", t->host, t->port);
}

void recovery_begin_json(const struct cutover_plan *plan, struct buf *out)
{
    char old[RECOVERY_ADDRESS_MAX], target[RECOVERY_ADDRESS_MAX];
    bson_t doc = BSON_INITIALIZER;
    recovery_address(&plan->old, old);
    recovery_address(&plan->target, target);
    BSON_APPEND_UTF8(&doc, "from", plan->old.name);
    BSON_APPEND_UTF8(&doc, "to", plan->target.name);
    BSON_APPEND_UTF8(&doc, "from_address", old);
    BSON_APPEND_UTF8(&doc, "to_address", target);
    BSON_APPEND_BOOL(&doc, "dry_run", plan->dry_run);
    BSON_APPEND_INT64(&doc, "budget_ms", plan->budget_ns / 1000000);
    bson_t accept;
    char key[16];
    const char *index;
    BSON_APPEND_ARRAY_BEGIN(&doc, "accept", &accept);
    for (unsigned i = 0; i < plan->accept_count; i++) {
        (void)bson_uint32_to_string(i, &index, key, sizeof key);
        BSON_APPEND_UTF8(&accept, index, plan->accept[i]);
    }
    bson_append_array_end(&doc, &accept);
    char *json = bson_as_relaxed_extended_json(&doc, NULL);
    buf_str(out, json);
    bson_free(json);
    bson_destroy(&doc);
}

static bool get_text(const bson_t *doc, const char *key, char *out, size_t size)
{
    bson_iter_t it;
    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it) &&
           text_copy(out, size, bson_iter_utf8(&it, NULL));
}

// NULL, or what is wrong with that backend.
static const char *judge_backend(const struct recovery_world *w, const char *name,
                                 const char *address)
{
    for (unsigned i = 0; i < w->backend_count; i++)
        if (strcmp(w->backends[i].name, name) == 0)
            return strcmp(w->backends[i].address, address) == 0
                       ? NULL
                       : "is configured with another address than then";
    return "is not configured any more";
}

static bool know_backends(const struct journal_records *j, const struct recovery_world *w,
                          struct recovery *out)
{
    char from[RECOVERY_ADDRESS_MAX], to[RECOVERY_ADDRESS_MAX];
    bson_t *doc = bson_new_from_json((const uint8_t *)j->list[0].data, -1, NULL);
    bool good = doc != NULL && get_text(doc, "from", out->from, sizeof out->from) &&
                get_text(doc, "to", out->to, sizeof out->to) &&
                get_text(doc, "from_address", from, sizeof from) &&
                get_text(doc, "to_address", to, sizeof to);
    bson_destroy(doc);
    if (!good) {
        text_copy(out->why, sizeof out->why, "its begin does not say between which servers it was");
        return false;
    }
    const char *wrong = judge_backend(w, out->from, from);
    const char *name = out->from;
    if (wrong == NULL) {
        wrong = judge_backend(w, out->to, to);
        name = out->to;
    }
    if (wrong != NULL)
        (void)snprintf(out->why, sizeof out->why, "the backend %s %s", name, wrong);
    return wrong == NULL;
}

// --- what has happened ----------------------------------------------------------------------------

struct history {
    bool before, after, undo_before, undo_after;
};

// False: a step that this table does not have.
static bool read_history(const struct journal_records *j, const struct recovery_world *w,
                         struct history *steps, struct recovery *out)
{
    for (unsigned i = 0; i < j->count; i++) {
        const struct journal_record *r = &j->list[i];
        unsigned s = 0;
        if (r->step[0] == '\0')
            continue;
        while (s < w->step_count && strcmp(w->steps[s].name, r->step) != 0)
            s++;
        if (s == w->step_count) {
            (void)snprintf(out->why, sizeof out->why, "it has a step that is unknown here: %s",
                           r->step);
            return false;
        }
        steps[s].before |= r->kind == JOURNAL_BEFORE;
        steps[s].after |= r->kind == JOURNAL_AFTER;
        steps[s].undo_before |= r->kind == JOURNAL_UNDO_BEFORE;
        steps[s].undo_after |= r->kind == JOURNAL_UNDO_AFTER;
    }
    return true;
}

// --- what follows ---------------------------------------------------------------------------------

static bool has_way_forward(const struct recovery_world *w, const struct history *steps,
                            struct recovery *out)
{
    bool undone = false, final = false;
    for (unsigned s = 0; s < w->step_count; s++) {
        undone = undone || steps[s].undo_before || steps[s].undo_after;
        if (w->steps[s].final && steps[s].before) {
            final = true;
            out->step = s;
        }
    }
    if (!final)
        return false;
    bool fits = !undone && strcmp(w->active, out->to) == 0;
    out->way = fits ? RECOVERY_FINISH : RECOVERY_ASK;
    (void)snprintf(out->why, sizeof out->why,
                   fits     ? "%s was announced: clients may be on %s already"
                   : undone ? "%s was announced, and something was undone"
                            : "%s was announced, but %s is not the active backend",
                   w->steps[out->step].name, out->to);
    return true;
}

static void judge_undo(const struct recovery_world *w, const struct history *steps,
                       struct recovery *out)
{
    bool any = false, vital = false, moved = false;
    for (unsigned s = 0; s < w->step_count; s++) {
        const struct sequence_step *step = &w->steps[s];
        bool open = steps[s].before && step->undo != NULL && !steps[s].undo_after;
        out->skip[s] = !open;
        out->step = open ? s : out->step;
        any = any || (open && step->effect != SEQUENCE_HARMLESS);
        vital = vital || (open && step->effect >= SEQUENCE_VITAL);
        moved = moved || (open && step->effect == SEQUENCE_ACTIVE);
    }
    out->way = RECOVERY_CLOSE;
    text_copy(out->why, sizeof out->why, "nothing of it is left to undo");
    if (!any)
        return;
    bool fits = strcmp(w->active, out->from) == 0 || (moved && strcmp(w->active, out->to) == 0);
    out->way = fits ? RECOVERY_UNDO : RECOVERY_ASK;
    out->open_first = !vital;
    if (fits)
        (void)snprintf(out->why, sizeof out->why, "it had come to %s, clients are on %s",
                       w->steps[out->step].name, out->from);
    else
        (void)snprintf(out->why, sizeof out->why, "the active backend is %s, which does not fit",
                       w->active);
}

// Sealed by the `after` of the step that locks, until one is announced that unlocks.
static void judge_seals(const struct recovery_world *w, const struct history *steps,
                        struct recovery *out)
{
    bool unlocked = false;
    for (unsigned s = 0; s < w->step_count; s++) {
        bool some = strcmp(w->steps[s].name, "testers") == 0 && !steps[s].undo_after;
        unlocked = unlocked || (steps[s].before && (w->steps[s].final || some));
    }
    for (unsigned s = 0; s < w->step_count; s++) {
        bool holds = steps[s].after && !steps[s].undo_before;
        if (strcmp(w->steps[s].name, "close_target") == 0)
            out->target_sealed = holds && !unlocked;
        if (strcmp(w->steps[s].name, "fence") == 0)
            out->old_sealed = holds;
    }
}

void recovery_decide(const struct journal_records *journal, const struct recovery_world *world,
                     struct recovery *out)
{
    struct history steps[SEQUENCE_STEPS_MAX] = {0};
    char wrong[sizeof out->why];
    *out = (struct recovery){.way = RECOVERY_ASK};
    if (journal->count == 0) {
        text_copy(out->why, sizeof out->why, "it has no record");
        return;
    }
    if (!read_history(journal, world, steps, out))
        return;
    bool known = know_backends(journal, world, out);
    text_copy(wrong, sizeof wrong, out->why);
    if (!has_way_forward(world, steps, out))
        judge_undo(world, steps, out);
    judge_seals(world, steps, out);
    if (known || out->way == RECOVERY_CLOSE)
        return;
    out->way = RECOVERY_ASK;
    text_copy(out->why, sizeof out->why, wrong);
}
