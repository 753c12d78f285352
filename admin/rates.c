// Rates from two ends of a short ring of samples.
#include "admin/rates.h"

#include "base/clock.h"

void rates_fold(struct rates *r, struct traffic_stats *s)
{
    if (s->worst_turn_ns > r->worst_turn_ns)
        r->worst_turn_ns = s->worst_turn_ns;
    s->worst_turn_ns = r->worst_turn_ns;
    for (unsigned i = 0; i < r->count; i++)
        if (r->samples[i].worst_turn_ns > s->worst_turn_ns)
            s->worst_turn_ns = r->samples[i].worst_turn_ns;
}

void rates_add(struct rates *r, const struct traffic_stats *s, int64_t now_ns)
{
    r->samples[r->next] = (struct rates_sample){.at_ns = now_ns,
                                                .commands = s->commands,
                                                .errors = s->errors,
                                                .accepted = s->accepted,
                                                .worst_turn_ns = r->worst_turn_ns};
    r->worst_turn_ns = 0;
    r->next = (r->next + 1) % RATES_SECONDS;
    if (r->count < RATES_SECONDS)
        r->count++;
}

static uint64_t rate(uint64_t from, uint64_t to, int64_t ns)
{
    return to <= from ? 0 : (uint64_t)((double)(to - from) * (double)NS_PER_S / (double)ns + 0.5);
}

struct rates_view rates_now(const struct rates *r)
{
    if (r->count < 2)
        return (struct rates_view){0};
    unsigned newest = (r->next + RATES_SECONDS - 1) % RATES_SECONDS;
    unsigned oldest = (r->next + RATES_SECONDS - r->count) % RATES_SECONDS;
    const struct rates_sample *a = &r->samples[oldest], *b = &r->samples[newest];
    int64_t ns = b->at_ns - a->at_ns;
    if (ns <= 0)
        return (struct rates_view){0};
    return (struct rates_view){.commands = rate(a->commands, b->commands, ns),
                               .errors = rate(a->errors, b->errors, ns),
                               .accepted = rate(a->accepted, b->accepted, ns)};
}
