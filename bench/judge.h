// Compares the outcomes that a ledger holds with how often each write is there.
#ifndef SLUICE_BENCH_JUDGE_H
#define SLUICE_BENCH_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/ledger.h"

#define JUDGE_SAMPLES 10

enum judge_finding {
    JUDGE_FINE,
    JUDGE_LOST,         // acknowledged, and not there
    JUDGE_DOUBLED,      // there more than once
    JUDGE_CONTRADICTED, // refused to the client, and there all the same
    JUDGE_UNKNOWN_PRESENT,
    JUDGE_UNKNOWN_ABSENT,
    JUDGE_FINDINGS,
};

struct judge {
    uint64_t count[JUDGE_FINDINGS];
    uint64_t samples[JUDGE_FINDINGS][JUDGE_SAMPLES]; // the first ids of each
};

// What it means that the write of `entry` is there `present` times. Unsure outcomes are resolved.
enum judge_finding judge_entry(const struct ledger_entry *entry, uint64_t present);
void judge_note(struct judge *j, const struct ledger_entry *entry, uint64_t present);
// "lost", "doubled", ...
const char *judge_finding_name(enum judge_finding finding);
// Nothing lost, doubled or contradicted.
bool judge_is_clean(const struct judge *j);

#endif
