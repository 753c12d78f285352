// The verdict for every state of a ledger and every number of rows.
#include "bench/judge.h"

#include <criterion/criterion.h>

Test(judge, every_state_and_count)
{
    static const struct {
        enum ledger_state state;
        enum judge_finding absent, once, twice;
    } rows[] = {
        {LEDGER_ACKNOWLEDGED, JUDGE_LOST, JUDGE_FINE, JUDGE_DOUBLED},
        {LEDGER_FAILED, JUDGE_FINE, JUDGE_CONTRADICTED, JUDGE_DOUBLED},
        {LEDGER_UNKNOWN, JUDGE_UNKNOWN_ABSENT, JUDGE_UNKNOWN_PRESENT, JUDGE_DOUBLED},
        {LEDGER_INTENT, JUDGE_UNKNOWN_ABSENT, JUDGE_UNKNOWN_PRESENT, JUDGE_DOUBLED},
        {LEDGER_RETRIED, JUDGE_UNKNOWN_ABSENT, JUDGE_UNKNOWN_PRESENT, JUDGE_DOUBLED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ledger_entry entry = {.id = 1, .state = rows[i].state, .kind = 'T'};
        cr_expect_eq(judge_entry(&entry, 0), rows[i].absent, "state %c", (char)rows[i].state);
        cr_expect_eq(judge_entry(&entry, 1), rows[i].once, "state %c", (char)rows[i].state);
        cr_expect_eq(judge_entry(&entry, 2), rows[i].twice, "state %c", (char)rows[i].state);
    }
}

Test(judge, notes_more_than_it_can_show)
{
    struct judge j = {0};
    for (uint64_t id = 1; id <= JUDGE_SAMPLES + 5; id++) {
        struct ledger_entry entry = {.id = id, .state = LEDGER_ACKNOWLEDGED, .kind = 'T'};
        judge_note(&j, &entry, 0);
    }
    cr_expect_eq(j.count[JUDGE_LOST], JUDGE_SAMPLES + 5);
    cr_expect_eq(j.samples[JUDGE_LOST][JUDGE_SAMPLES - 1], JUDGE_SAMPLES);
    cr_expect(!judge_is_clean(&j));
}

Test(judge, unknown_outcomes_are_clean)
{
    struct judge j = {0};
    struct ledger_entry entry = {.id = 1, .state = LEDGER_UNKNOWN, .kind = 'A'};
    judge_note(&j, &entry, 0);
    judge_note(&j, &entry, 1);
    cr_expect(judge_is_clean(&j));
}
