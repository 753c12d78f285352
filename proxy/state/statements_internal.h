// What an execute says of its parameters. Private to statements_types.c and statements_settled.c.
#ifndef SLUICE_STATE_STATEMENTS_INTERNAL_H
#define SLUICE_STATE_STATEMENTS_INTERNAL_H

#include "state/statements.h"

struct execute_form {
    size_t flag_at;
    const uint8_t *nulls; // bitmap; NULL in a bulk execute
    struct reader types;  // behind the flag
    unsigned count;       // of parameters and attributes
    bool carries;         // types
    bool named;
};

// EXECUTE_COMPLETE only if the statement's types, where there are some, are all there.
enum execute_head statement_execute_form(const struct statement *s, uint64_t caps,
                                         const uint8_t *payload, size_t n, struct execute_form *f);

// Whether an INSERT, UPDATE or DELETE may read a NULL parameter of one type in another way than of
// another one, as COALESCE(?, a) does, or CASE, or what is selected. `text` may be NULL. False alarms
// are fine.
bool statement_nulls_count(const char *text, size_t n);

#endif
