// Plans of MongoDB manoeuvres.
#include "cutover/mongo_plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static const char *const names[] = {
#define X(name, word) [MONGO_DEED_##name] = word,
    MONGO_DEEDS(X)
#undef X
};

const char *mongo_deed_name(enum mongo_deed d)
{
    return names[d];
}

int mongo_deed_of(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

struct mongo_plan *mongo_plan_new(void)
{
    return mem_zalloc(sizeof(struct mongo_plan));
}

static int64_t seconds(int64_t ns)
{
    return (ns + NS_PER_S - 1) / NS_PER_S;
}

int64_t mongo_plan_step_down_s(const struct mongo_plan *p)
{
    return seconds(p->step_down_ns);
}

int64_t mongo_plan_catch_up_s(const struct mongo_plan *p)
{
    return seconds(p->catch_up_ns);
}

void mongo_plan_free(struct mongo_plan *p)
{
    if (p == NULL)
        return;
    if (p->uri != NULL)
        explicit_bzero(p->uri, strlen(p->uri));
    mem_free(p->uri);
    mem_free(p->state_dir);
    mem_free(p->by);
    mem_free(p);
}
