// The ladder's rules.
#include "drain/policy.h"

#include <stddef.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "base/text.h"

static bool matches(const struct config_match *m, const struct drain_facts *f)
{
    return (m->user == NULL || text_match(m->user, f->user)) &&
           (m->database == NULL || text_match(m->database, f->database)) &&
           (m->program == NULL || text_match(m->program, f->program)) &&
           (m->host.count == 0 || cidr_match_any(m->host.items, m->host.count, f->peer)) &&
           (m->older_than_ms == 0 || f->unit_age_ns >= m->older_than_ms * NS_PER_MS);
}

struct drain_sentence drain_judge(const struct config_drain *config,
                                  const struct drain_order *order, const struct drain_facts *facts)
{
    for (size_t i = 0; i < config->rules.count; i++) {
        const struct config_rule *r = &config->rules.items[i];
        if (matches(&r->match, facts))
            return (struct drain_sentence){
                .wait_ns = r->wait_ms * NS_PER_MS, .then = r->then, .rule = (int)i};
    }
    return (struct drain_sentence){
        .wait_ns = order->wait_ns >= 0 ? order->wait_ns : config->wait_ms * NS_PER_MS,
        .then = order->then >= 0 ? (enum config_then)order->then : config->then,
        .rule = -1,
        .excused = facts->reading,
    };
}

enum drain_step drain_next(const struct drain_sentence *s, int64_t waited_ns, int64_t aborting_ns)
{
    if (waited_ns < s->wait_ns || s->then == CONFIG_THEN_WAIT)
        return DRAIN_STEP_WAIT;
    if (s->then == CONFIG_THEN_KILL || aborting_ns >= DRAIN_ABORT_GRACE_NS)
        return DRAIN_STEP_KILL;
    return aborting_ns < 0 ? DRAIN_STEP_ABORT : DRAIN_STEP_WAIT;
}
