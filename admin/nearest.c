// Edit distance with exchange of neighbours (optimal string alignment), for words of commands.
#include "admin/nearest.h"

#include <stddef.h>
#include <string.h>

#define WORD_MAX 40

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
    unsigned rows[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

struct nearest nearest_start(const char *word)
{
    size_t n = strlen(word);
    unsigned limit = n > WORD_MAX ? 0 : (unsigned)(n < 3 ? 1 : n < 6 ? 2 : n / 3 + 1);
    return (struct nearest){.word = word, .distance = limit};
}

void nearest_offer(struct nearest *n, const char *name)
{
    size_t own = strlen(n->word), other = strlen(name);
    if (n->distance == 0 || own == 0 || own > WORD_MAX || other > WORD_MAX)
        return;
    unsigned d = distance(n->word, own, name, other);
    if (d < n->distance) {
        n->distance = d;
        n->name = name;
    }
}
