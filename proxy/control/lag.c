// Lag by position: the worst of a backend's sources.
#include "control/lag.h"

static struct lag unknown(bool doubted)
{
    return (struct lag){.transactions = -1, .bytes = -1, .doubted = doubted};
}

static struct lag behind(const struct lag_stand *source, const struct position *target)
{
    if (!source->reachable)
        return unknown(true);
    struct position_gap gap = position_gap(source->now, target);
    const struct position *then = source->before->server_id != 0 ? source->before : source->now;
    return (struct lag){
        .transactions = gap.transactions,
        .bytes = gap.bytes,
        .doubted = position_gap(then, target).kind != GAP_NONE,
    };
}

// Unknown anywhere is unknown altogether.
static int64_t worse(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return -1;
    return a > b ? a : b;
}

struct lag lag_of(const struct lag_stand *all, unsigned count, unsigned target)
{
    const struct position *t = all[target].now;
    struct lag lag = {0};
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i == target || position_channel(t, all[i].now) == NULL)
            continue;
        struct lag one = behind(&all[i], t);
        lag.transactions = worse(lag.transactions, one.transactions);
        lag.bytes = worse(lag.bytes, one.bytes);
        lag.doubted = lag.doubted || one.doubted;
        found++;
    }
    return found < t->channel_count ? unknown(lag.doubted) : lag;
}
