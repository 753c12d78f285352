// What one session of the move subcommand does: sets user variables, prepares and executes
// statements, reads the variables; and what each answer has to be. Every session has values of its
// own, so that none can pass with another's.
//
//   script_begin:     SET, PREPARE..., EXECUTE with types...      script_variables:  SELECT @v0, ...
//   script_again:     EXECUTE without types...
#ifndef SLUICE_BENCH_SCRIPT_H
#define SLUICE_BENCH_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/raw.h"

#define SCRIPT_STATEMENTS_MAX 8
#define SCRIPT_VARIABLES_MAX 8

enum script_step {
    SCRIPT_SET,
    SCRIPT_PREPARE,
    SCRIPT_EXECUTE, // with the parameter's type
    SCRIPT_AGAIN,   // without: the server has to know it
    SCRIPT_VARIABLES,
    SCRIPT_OVER,
};

struct script {
    uint64_t number; // of the session
    uint32_t ids[SCRIPT_STATEMENTS_MAX];
    uint8_t statements, variables;
    uint8_t asked, asked_at; // the step whose answer is to come, and which statement
    uint8_t next, next_at;   // what is asked next
    bool waits;              // for an answer
};

void script_begin(struct script *s, uint64_t number, unsigned statements, unsigned variables);
void script_variables(struct script *s);
void script_again(struct script *s);
// Asks the next thing on a ready connection; false when there is nothing more, or it broke.
bool script_next(struct script *s, struct raw *r);
// Whether the answer to what was asked last is the one it has to be. Keeps a statement's id. Called
// once for each answer.
bool script_is_right(struct script *s, const struct walk *answer);
// What was asked last, for messages.
const char *script_title(const struct script *s);

#endif
