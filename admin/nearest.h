// "Did you mean": the nearest of several names, by edit distance. Pure.
#ifndef SLUICE_ADMIN_NEAREST_H
#define SLUICE_ADMIN_NEAREST_H

struct nearest {
    const char *word; // what was typed, borrowed
    const char *name; // the best so far, borrowed; NULL: nothing near enough
    unsigned distance;
};

// Near enough is a third of the word's letters, one for short words, none below three letters.
// Words above 40 bytes have no neighbour.
struct nearest nearest_start(const char *word);
void nearest_offer(struct nearest *n, const char *name);

#endif
