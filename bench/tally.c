// Counts errors by (code, what the client was doing).
#include "bench/tally.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "bench/json.h"

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
}

void tally_release(struct tally *t)
{
    pthread_mutex_destroy(&t->lock);
}

// A dozen rows at most in practice: a linear search is fine.
static struct tally_row *row_for(struct tally *t, unsigned code, const char *during)
{
    for (size_t i = 0; i < t->used; i++) {
        if (t->rows[i].code == code && strcmp(t->rows[i].during, during) == 0)
            return &t->rows[i];
    }
    if (t->used == TALLY_ROWS)
        return NULL;
    struct tally_row *row = &t->rows[t->used++];
    row->code = code;
    row->during = during;
    return row;
}

void tally_add(struct tally *t, unsigned code, const char *sqlstate, const char *during,
               const char *text)
{
    pthread_mutex_lock(&t->lock);
    struct tally_row *row = row_for(t, code, during);
    if (row == NULL) {
        t->other++;
    } else if (row->count++ == 0) {
        text_copy(row->sqlstate, sizeof row->sqlstate, sqlstate);
        text_copy(row->text, sizeof row->text, text);
        text_make_printable(row->text);
    }
    pthread_mutex_unlock(&t->lock);
}

uint64_t tally_total(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    uint64_t total = t->other;
    for (size_t i = 0; i < t->used; i++)
        total += t->rows[i].count;
    pthread_mutex_unlock(&t->lock);
    return total;
}

void tally_print(struct tally *t, FILE *out)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->used; i++) {
        const struct tally_row *row = &t->rows[i];
        fprintf(out, "  %6" PRIu64 " x %u (%s) during %s: %s\n", row->count, row->code,
                row->sqlstate, row->during, row->text);
    }
    if (t->other > 0)
        fprintf(out, "  %6" PRIu64 " x other\n", t->other);
    pthread_mutex_unlock(&t->lock);
}

void tally_print_json(struct tally *t, FILE *out)
{
    pthread_mutex_lock(&t->lock);
    fputc('[', out);
    for (size_t i = 0; i < t->used; i++) {
        const struct tally_row *row = &t->rows[i];
        fprintf(out, "%s{\"code\":%u,\"count\":%" PRIu64 ",\"sqlstate\":", i > 0 ? "," : "",
                row->code, row->count);
        json_print_text(out, row->sqlstate);
        fputs(",\"during\":", out);
        json_print_text(out, row->during);
        fputs(",\"text\":", out);
        json_print_text(out, row->text);
        fputc('}', out);
    }
    fputc(']', out);
    pthread_mutex_unlock(&t->lock);
}
