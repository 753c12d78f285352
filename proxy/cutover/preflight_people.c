// Rows about accounts, and about who is at work. Application accounts are those that a fence of the
// old server would lock.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cutover/preflight_rows.h"

#define LONG_S 2 // an open transaction this old is worth a word

static bool is_in(const struct fence *f, const char *user, const char *host)
{
    for (unsigned i = 0; i < f->count; i++)
        if (strcmp(f->accounts[i].user, user) == 0 && strcmp(f->accounts[i].host, host) == 0)
            return true;
    return false;
}

static bool is_named(const struct fence_names *names, const char *user)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcmp(names->items[i], user) == 0)
            return true;
    return false;
}

static bool is_application(const struct facts *f, const char *user)
{
    for (unsigned i = 0; i < f->fence.count; i++)
        if (strcmp(f->fence.accounts[i].user, user) == 0)
            return true;
    return false;
}

// --- accounts -----------------------------------------------------------------------------------

enum verdict preflight_accounts(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list missing = {0}, locked = {0};
    const struct fence *ours = &in->old.facts->fence;
    for (unsigned i = 0; i < ours->count; i++) {
        const char *user = ours->accounts[i].user, *host = ours->accounts[i].host;
        const struct facts_account *a = facts_find_account(in->target.facts, user, host);
        if (a == NULL)
            preflight_list_add(&missing, "'%.40s'@'%.40s'", user, host);
        else if (a->locked && !is_in(in->saved, user, host))
            preflight_list_add(&locked, "'%.40s'@'%.40s'", user, host);
    }
    if (missing.count > 0)
        return preflight_say(row, VERDICT_NO, "not on %s: %s", in->target.name,
                             preflight_list_text(&missing));
    if (locked.count > 0)
        return preflight_say(row, VERDICT_NO, "locked on %s, and not by sluice: %s",
                             in->target.name, preflight_list_text(&locked));
    return preflight_say(row, VERDICT_GO, "all %u application accounts of %s are on %s",
                         ours->count, in->old.name, in->target.name);
}

// Equal digests are equal passwords; what is salted may differ all the same.
static bool is_salted(const char *plugin)
{
    return strcmp(plugin, "caching_sha2_password") == 0 || strcmp(plugin, "sha256_password") == 0;
}

enum verdict preflight_passwords(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list differ = {0}, unsure = {0};
    const struct facts *old = in->old.facts;
    for (unsigned i = 0; i < old->account_count; i++) {
        const struct facts_account *a = &old->accounts[i];
        const struct facts_account *b = facts_find_account(in->target.facts, a->user, a->host);
        if (b == NULL || !is_in(&old->fence, a->user, a->host) ||
            (strcmp(a->plugin, b->plugin) == 0 && strcmp(a->digest, b->digest) == 0))
            continue;
        bool can_be_same = strcmp(a->plugin, b->plugin) != 0 || is_salted(a->plugin);
        preflight_list_add(can_be_same ? &unsure : &differ, "'%.40s'@'%.40s'", a->user, a->host);
    }
    if (differ.count > 0)
        return preflight_say(row, VERDICT_NO, "not the same on both servers: %s",
                             preflight_list_text(&differ));
    if (unsure.count > 0)
        return preflight_say(row, VERDICT_WARN,
                             "set separately on both servers, so that nobody can tell whether they"
                             " are the same: %s",
                             preflight_list_text(&unsure));
    return preflight_say(row, VERDICT_GO, "the same on both servers");
}

enum verdict preflight_grants(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list differ = {0};
    const struct facts *old = in->old.facts;
    for (unsigned i = 0; i < old->account_count; i++) {
        const struct facts_account *a = &old->accounts[i];
        const struct facts_account *b = facts_find_account(in->target.facts, a->user, a->host);
        if (b != NULL && is_in(&old->fence, a->user, a->host) && a->grants != b->grants)
            preflight_list_add(&differ, "'%.40s'@'%.40s'", a->user, a->host);
    }
    if (differ.count > 0)
        return preflight_say(row, VERDICT_WARN, "not the same on both servers (SHOW GRANTS): %s",
                             preflight_list_text(&differ));
    return preflight_say(row, VERDICT_GO,
                         "the same on both servers, for all, for schemas and for tables");
}

enum verdict preflight_powers(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list l = {0};
    const struct facts *old = in->old.facts;
    for (unsigned i = 0; i < old->account_count; i++) {
        const struct facts_account *a = &old->accounts[i];
        if (a->powerful && !a->locked && is_named(&in->seen, a->user))
            preflight_list_add(&l, "'%.40s'@'%.40s'", a->user, a->host);
    }
    if (l.count > 0)
        return preflight_say(row, VERDICT_WARN,
                             "applications use accounts that pass read_only; they are locked and"
                             " killed all the same: %s",
                             preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO,
                         "no application that came through sluice passes"
                         " read_only");
}

// --- at work ------------------------------------------------------------------------------------

enum verdict preflight_transactions(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list l = {0};
    const struct facts_works *open = &in->old.facts->transactions;
    for (unsigned i = 0; i < open->count; i++) {
        const struct facts_work *w = &open->items[i];
        if (w->seconds >= LONG_S && w->id == 0)
            preflight_list_add(&l, "a prepared XA transaction, %" PRId64 " s", w->seconds);
        else if (w->seconds >= LONG_S)
            preflight_list_add(&l, "connection %" PRIu32 " (%.40s@%.40s), %" PRId64 " s", w->id,
                               w->user, w->host, w->seconds);
    }
    if (l.count > 0)
        return preflight_say(row, VERDICT_WARN, "open on %s, the drain waits for or ends them: %s",
                             in->old.name, preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO, "none on %s is older than %d s", in->old.name, LONG_S);
}

static void add_ddl(struct preflight_list *l, const struct preflight_server *s)
{
    for (unsigned i = 0; i < s->facts->ddl.count; i++) {
        const struct facts_work *w = &s->facts->ddl.items[i];
        preflight_list_add(l, "%s on %s, connection %" PRIu32 " (%.40s), %" PRId64 " s", w->what,
                           s->name, w->id, w->user, w->seconds);
    }
}

enum verdict preflight_ddl(const struct preflight_input *in, struct preflight_row *row)
{
    struct preflight_list l = {0};
    add_ddl(&l, &in->old);
    add_ddl(&l, &in->target);
    if (l.count > 0)
        return preflight_say(row, VERDICT_NO, "under way, fence or catch-up would wait for it: %s",
                             preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO, "none under way");
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool is_direct(const struct preflight_input *in, const struct facts_work *w)
{
    return is_application(in->old.facts, w->user) &&
           (in->our_count == 0 ||
            bsearch(&w->id, in->ours, in->our_count, sizeof w->id, by_id) == NULL);
}

// The same user from the same host is named once.
static bool is_repeated(const struct preflight_input *in, unsigned i)
{
    const struct facts_works *all = &in->old.facts->present;
    for (unsigned k = 0; k < i; k++)
        if (strcmp(all->items[k].user, all->items[i].user) == 0 &&
            strcmp(all->items[k].host, all->items[i].host) == 0 && is_direct(in, &all->items[k]))
            return true;
    return false;
}

enum verdict preflight_direct(const struct preflight_input *in, struct preflight_row *row)
{
    unsigned direct = 0;
    struct preflight_list l = {0};
    const struct facts_works *all = &in->old.facts->present;
    for (unsigned i = 0; i < all->count; i++) {
        const struct facts_work *w = &all->items[i];
        if (!is_direct(in, w))
            continue;
        direct++;
        if (l.count < PREFLIGHT_LIST_SHOWN && !is_repeated(in, i))
            preflight_list_add(&l, "%.40s@%.60s", w->user, w->host);
    }
    if (direct > 0)
        return preflight_say(row, VERDICT_WARN,
                             "%u connections to %s bypass sluice, the fence kills them: %s", direct,
                             in->old.name, preflight_list_text(&l));
    return preflight_say(row, VERDICT_GO, "nobody bypasses sluice on %s", in->old.name);
}

enum verdict preflight_sessions(const struct preflight_input *in, struct preflight_row *row)
{
    const struct session_census *c = &in->census;
    if (c->staying > 0)
        return preflight_say(row, VERDICT_WARN,
                             "%u of %u could not move now and would be ended: %s", c->staying,
                             c->sessions, c->reasons);
    return preflight_say(row, VERDICT_GO, "all %u could move", c->sessions);
}

enum verdict preflight_testers(const struct preflight_input *in, struct preflight_row *row)
{
    if (in->testers == 0)
        return preflight_say(row, VERDICT_GO, "none are configured");
    if (in->asks)
        return preflight_say(row, VERDICT_GO,
                             "%zu entries: they are let through before the go, with --ask",
                             in->testers);
    return preflight_say(row, VERDICT_WARN,
                         "%zu entries have no effect without --ask: nobody would wait for them",
                         in->testers);
}
