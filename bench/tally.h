// Errors that clients saw, counted by code and by what the client was doing, with the first text
// of each. Small and mutex-protected: errors are rare, or it does not matter that they are slow.
#ifndef SLUICE_BENCH_TALLY_H
#define SLUICE_BENCH_TALLY_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TALLY_ROWS 64
#define TALLY_TEXT_MAX 160

struct tally_row {
    unsigned code;
    const char *during; // a literal: "connect", "commit", ...
    uint64_t count;
    char sqlstate[6];
    char text[TALLY_TEXT_MAX]; // of the first one
};

struct tally {
    pthread_mutex_t lock;
    struct tally_row rows[TALLY_ROWS];
    size_t used;
    uint64_t other; // errors for which there was no row left
};

void tally_init(struct tally *t);
void tally_release(struct tally *t);
void tally_add(struct tally *t, unsigned code, const char *sqlstate, const char *during,
               const char *text);
uint64_t tally_total(struct tally *t);
// One line an error kind, for people.
void tally_print(struct tally *t, FILE *out);
// A JSON array of {code, sqlstate, during, count, text}.
void tally_print_json(struct tally *t, FILE *out);

#endif
