// An answer: named facts and tables, filled by a handler, then printed for people or as JSON.
//
// A key is the name in JSON and says the unit of a number: "age_ms", "latency_us". A dot in it
// nests: consecutive items "gate.closed" and "gate.since_ms" are one object "gate". A title is what
// people read; with no title (NULL or "") a fact or column is in JSON only, and with an empty key
// it is for people only. A table with the title NULL is in JSON only.
// Keys and titles are literals; values are copied.
#ifndef SLUICE_ADMIN_ANSWER_H
#define SLUICE_ADMIN_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct answer;

struct cell {
    enum cell_kind {
        CELL_NONE, // null, "-"
        CELL_TEXT,
        CELL_NUMBER,
        CELL_BOOL,
        CELL_BYTES, // a size
        CELL_MS,    // a duration in ns; JSON: whole milliseconds
        CELL_US,    // a duration in ns; JSON: whole microseconds
        CELL_TIME,  // wall time in us; an ISO 8601 text
        CELL_LIST,  // a text of names with commas; JSON: an array of them
    } kind;
    const char *text;
    int64_t number;
};

static inline struct cell cell_text(const char *s)
{
    return s == 0 ? (struct cell){.kind = CELL_NONE} : (struct cell){.kind = CELL_TEXT, .text = s};
}

static inline struct cell cell_list(const char *s)
{
    return (struct cell){.kind = CELL_LIST, .text = s};
}

static inline struct cell cell_of(enum cell_kind kind, int64_t number)
{
    return (struct cell){.kind = kind, .number = number};
}

static inline struct cell cell_number(uint64_t n)
{
    return cell_of(CELL_NUMBER, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static inline struct cell cell_bool(bool b)
{
    return cell_of(CELL_BOOL, b);
}

struct column {
    const char *key, *title;
};

struct answer *answer_new(void);
void answer_free(struct answer *a); // NULL is fine

void answer_fact(struct answer *a, const char *key, const char *title, struct cell value);
// A sentence for people; in JSON the member "message" (the last one counts).
void answer_say(struct answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// The same for people only.
void answer_line(struct answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool answer_has_line(const struct answer *a, const char *text);
// Begins a table; answer_row then adds to it, one cell a column. The columns must outlive the
// answer. For people an empty table is one line "no <title>"; "" prints nothing.
void answer_table(struct answer *a, const char *key, const char *title,
                  const struct column *columns, unsigned count);
void answer_row(struct answer *a, const struct cell *cells);

// A JSON document of somebody else's as a member; people do not see it. What is no JSON becomes null.
void answer_document(struct answer *a, const char *key, const char *json);

// Text for people, each line ended, as protocol_put_text writes it.
void answer_print(const struct answer *a, struct buf *out);
// One line of JSON, ended: { "ok" : true, ... } or, with an error text, { "ok" : false, "kind" :
// <kind>, "error" : <error>, ... }. `a` may be NULL.
void answer_print_json(const struct answer *a, const char *kind, const char *error,
                       struct buf *out);
// One line of JSON: { "<name>" : { ... } }, ended.
void answer_print_json_as(const struct answer *a, const char *name, struct buf *out);
// The facts on one line for people: "title value, title value"; not ended.
void answer_print_line(const struct answer *a, struct buf *out);

// A cell as people read it. Returns `out` or the cell's own text.
const char *cell_print(const struct cell *c, char *out, unsigned long size);

#endif
