// The plan of a cutover: counted memory.
#include "cutover/plan.h"

#include <string.h>

#include "base/mem.h"
#include "drain/drain.h"

struct cutover_plan *cutover_plan_new(void)
{
    struct cutover_plan *p = mem_zalloc(sizeof *p);
    atomic_init(&p->references, 1);
    return p;
}

struct cutover_plan *cutover_plan_ref(struct cutover_plan *p)
{
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

static void free_names(char **names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        mem_free(names[i]);
    mem_free(names);
}

static void free_secret(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    mem_free(secret);
}

static void free_checks(struct cutover_check *checks, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        mem_free(checks[i].name);
        mem_free(checks[i].sql);
        mem_free(checks[i].expect);
        mem_free(checks[i].command);
    }
    mem_free(checks);
}

void cutover_plan_unref(struct cutover_plan *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
        return;
    free_names(p->keep, p->keep_count);
    free_names(p->seen, p->seen_count);
    gate_exceptions_unref(p->testers);
    free_names(p->accept, p->accept_count);
    free_checks(p->checks, p->check_count);
    free_secret(p->replication_password);
    mem_free(p->replication_user);
    mem_free(p->state_dir);
    mem_free(p->by);
    explicit_bzero(p->old.password, sizeof p->old.password);
    explicit_bzero(p->target.password, sizeof p->target.password);
    mem_free(p);
}

void cutover_plan_add_seen(struct cutover_plan *p, const char *user)
{
    p->seen = mem_realloc(p->seen, (p->seen_count + 1) * sizeof *p->seen);
    p->seen[p->seen_count++] = mem_strdup(user);
}

struct fence_rules cutover_plan_rules(const struct cutover_plan *p, const struct control_target *on)
{
    return (struct fence_rules){.own = on->user,
                                .keep = {(const char *const *)p->keep, p->keep_count},
                                .seen = {(const char *const *)p->seen, p->seen_count}};
}

struct preflight_accepted cutover_plan_accepted(const struct cutover_plan *p)
{
    return (struct preflight_accepted){(const char *const *)p->accept, p->accept_count};
}
