// The verdict on each write of a ledger.
#include "bench/judge.h"

static const char *const names[JUDGE_FINDINGS] = {
    [JUDGE_FINE] = "fine",
    [JUDGE_LOST] = "lost",
    [JUDGE_DOUBLED] = "doubled",
    [JUDGE_CONTRADICTED] = "contradicted",
    [JUDGE_UNKNOWN_PRESENT] = "unknown_present",
    [JUDGE_UNKNOWN_ABSENT] = "unknown_absent",
};

const char *judge_finding_name(enum judge_finding finding)
{
    return names[finding];
}

enum judge_finding judge_entry(const struct ledger_entry *entry, uint64_t present)
{
    if (present > 1)
        return JUDGE_DOUBLED;
    switch (entry->state) {
    case LEDGER_ACKNOWLEDGED: return present == 1 ? JUDGE_FINE : JUDGE_LOST;
    case LEDGER_FAILED: return present == 0 ? JUDGE_FINE : JUDGE_CONTRADICTED;
    case LEDGER_INTENT:
    case LEDGER_RETRIED:
    case LEDGER_UNKNOWN: break;
    }
    return present == 1 ? JUDGE_UNKNOWN_PRESENT : JUDGE_UNKNOWN_ABSENT;
}

// Counts a verdict and remembers the first ids, which somebody will want to look up.
void judge_note(struct judge *j, const struct ledger_entry *entry, uint64_t present)
{
    enum judge_finding finding = judge_entry(entry, present);
    if (j->count[finding] < JUDGE_SAMPLES)
        j->samples[finding][j->count[finding]] = entry->id;
    j->count[finding]++;
}

bool judge_is_clean(const struct judge *j)
{
    return j->count[JUDGE_LOST] == 0 && j->count[JUDGE_DOUBLED] == 0 &&
           j->count[JUDGE_CONTRADICTED] == 0;
}
