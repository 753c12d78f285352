// The obstacle table as data: names, kinds, and sets of them as text.
#include "state/obstacle.h"

#include <assert.h>
#include <stdio.h>

static const struct obstacle_info infos[] = {
#define X(id, k, f, u) {.name = #id, .kind = OBSTACLE_##k, .from = (f), .until = (u)},
    OBSTACLES(X)
#undef X
};

_Static_assert(OBSTACLE_COUNT <= 32, "a set of obstacles is a 32 bit mask");

const struct obstacle_info *obstacle_info(enum obstacle o)
{
    assert((unsigned)o < OBSTACLE_COUNT);
    return &infos[o];
}

const char *obstacle_format(uint32_t set, char *out, unsigned long size)
{
    size_t used = 0;
    if (size > 0)
        out[0] = '\0';
    for (unsigned o = 0; o < OBSTACLE_COUNT && used < size; o++) {
        if (!(set & UINT32_C(1) << o))
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? "," : "", infos[o].name);
        used += n > 0 ? (size_t)n : 0;
    }
    return out;
}
