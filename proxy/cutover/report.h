// The report of one cutover: what was ordered, what happened when, and what clients felt of it. Filled
// by the steps as they go, in the conductor's thread; made into one JSON document (report_json.c),
// which is stored beside the journal (report_file.h) and printed for people (report_text.h).
//
// Everything that can grow has a bound: what does not fit is counted and left out.
#ifndef SLUICE_CUTOVER_REPORT_H
#define SLUICE_CUTOVER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "control/position.h"
#include "cutover/plan.h"
#include "cutover/plant.h"
#include "cutover/preflight.h"
#include "cutover/sequence.h"
#include "cutover/watch.h"

#define REPORT_STEPS_MAX 24
#define REPORT_WORDS_MAX 16
#define REPORT_LINES_MAX 300
#define REPORT_DRAINED_MAX 50
#define REPORT_PLACE_BYTES 600

// Times of clock_now_ns; 0: it has not come to that.
struct report_step {
    char name[33];
    int64_t began_ns, ended_ns, undo_began_ns, undone_ns;
    bool failed;
};

struct report_line {
    int64_t at_ns; // since the start
    char *text;    // heap
};

struct report_word {
    int64_t at_ns; // since the start
    const char *word;
    char by[128];
};

struct report_check {
    char *name, *said; // heap
    bool good;
    int64_t took_ns;
};

struct report_drained {
    const char *what; // "aborted", "killed", "left", "reading"
    char user[81], client[64];
    int64_t after_ns;
};

// Where the old server stood: right behind the fence, when the target had caught up, and when all was
// over. Where the target stood when nobody had written there yet.
enum report_place {
    REPORT_OLD_FENCED,
    REPORT_OLD_CAUGHT_UP,
    REPORT_OLD_END,
    REPORT_TARGET_CAUGHT_UP,
    REPORT_PLACE_COUNT
};

struct report {
    unsigned number; // of the journal; 0: none, and nothing is stored
    const struct cutover_plan *plan;
    int64_t began_ns, began_wall_us, ended_ns;
    const char *verdict; // static; NULL while it runs
    char why[SL_ERROR_TEXT_MAX];
    char old_version[64], target_version[64];
    struct report_step steps[REPORT_STEPS_MAX];
    unsigned step_count;
    struct report_word words[REPORT_WORDS_MAX];
    unsigned word_count;
    struct report_line *lines; // heap
    unsigned line_count, lines_left_out;
    struct report_check *checks; // heap
    unsigned check_count;
    struct preflight found;
    bool drained_once;
    struct drain_counts drained;
    struct report_drained drained_rows[REPORT_DRAINED_MAX];
    unsigned drained_count;
    unsigned locked, direct; // accounts; connections past sluice that were killed
    char places[REPORT_PLACE_COUNT][REPORT_PLACE_BYTES];
    bool moved_behind_fence;                               // somebody wrote to the old server
    int64_t catch_up_ns;                                   // -1: it has not come to that
    int64_t slowed_from_ns, slowed_until_ns, slowed_by_ns; // by: the most
    int64_t held_ns, released_ns;                          // the gate
    struct traffic_stats before, after;                    // counters
    struct felt *felt;                                     // heap
    struct cutover_look *first; // at the start; heap, NULL: it could not be had
    struct watch watch;
    char testers_wrote[REPORT_PLACE_BYTES]; // "" when they have not, or there were none
    unsigned testers_accounts, testers_ended;
    int64_t testers_in_ns, testers_out_ns;
};

struct report *report_new(const struct cutover_plan *plan, int64_t began_ns, int64_t began_wall_us);
void report_free(struct report *r); // NULL is fine

// A step is about to be looked at, planned and done.
void report_step_begins(struct report *r, const char *name, int64_t now_ns);
void report_mark(struct report *r, enum sequence_mark mark, const char *name, int64_t now_ns);
void report_say(struct report *r, int64_t at_ns, const char *line);
void report_heard(struct report *r, int64_t at_ns, const char *word, const char *by);
void report_checked(struct report *r, const char *name, bool good, const char *said,
                    int64_t took_ns);
void report_stands(struct report *r, enum report_place which, const struct position *p);

// The longest wait, split: what went on while it lasted. Parts are in order, do not overlap, and add
// up to the wait. Before the release a part is a step, behind it the session's own move, then the
// server's answer.
#define REPORT_PARTS_MAX (2 * REPORT_STEPS_MAX + 3)
struct report_part {
    const char *name; // of a step, borrowed, or "move", "resume", "connect", "answer", "between"
    bool undo;        // of that step
    int64_t ns;
};
unsigned report_split(const struct report *r, const struct felt_longest *l,
                      struct report_part out[REPORT_PARTS_MAX]);

// Appends the whole document as one line of JSON.
void report_json(const struct report *r, struct buf *out);

#endif
