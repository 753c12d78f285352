// The response tracker: knows from the command where its answer ends, and what the server status
// then is. Pure: it is fed the commands sent and the heads of the packets received, in order.
//
//   commands sent:  [ Q | P | E | ... ]  oldest first; REPLY_NONE commands never enter
//   packets:        first -> definitions -> (EOF) -> rows -> end --MORE_RESULTS--> first
//                     \-> OK / ERR end            \-> ERR ends        |
//                     \-> INFILE: the client sends, then first        `-> pop the oldest command
#ifndef SLUICE_STATE_TRACKER_H
#define SLUICE_STATE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/command.h"
#include "wire/reply.h"

// Commands that may be outstanding at once; the relay stops reading from a client that pipelines
// deeper than this.
#define TRACKER_DEPTH 16

#define TRACKER_PHASES(X)                                                                          \
    X(IDLE)        /* nothing outstanding */                                                       \
    X(FIRST)       /* the first packet of an answer or of one more result */                       \
    X(DEFINITIONS) /* column (or parameter) definitions */                                         \
    X(DEFINITIONS_EOF)                                                                             \
    X(ROWS)                                                                                        \
    X(AUTH)   /* COM_CHANGE_USER: until OK or ERR */                                               \
    X(OPAQUE) /* passes through for ever */

enum tracker_phase {
#define X(name) TRACKER_##name,
    TRACKER_PHASES(X)
#undef X
};

struct tracked {
    uint8_t command;
    uint32_t scan;      // scan flags of its text (or of its prepared statement)
    uint32_t statement; // prepared statement id of the STMT_* commands
    uint8_t traits;     // scan traits of it
    uint8_t sets;       // SET statements in it, see scan_sets
    bool blind;         // COM_CHANGE_USER: to a charset that may hide quotes
    bool own;           // sluice's own: the relay swallows the answer
    bool cursor_before; // an execute without a cursor, of a statement first executed with one
    bool bare;          // runs under the client's own session tracking instead of ours
};

// What a packet means. The relay forwards it in every case, unless it decides otherwise.
enum tracker_event {
    TRACKER_MORE,        // belongs to the answer of the oldest command, which goes on
    TRACKER_DONE,        // ends that answer; `done` and `outcome` describe it
    TRACKER_WANTS_FILE,  // LOCAL INFILE: the client sends packets up to an empty one, then more
    TRACKER_AUTH_PACKET, // of a COM_CHANGE_USER exchange that goes on
    TRACKER_UNASKED,     // nothing was outstanding (an ERR before the server closes)
    TRACKER_OPAQUE_DATA, // not understood, or a stream: passed through from now on
};

struct tracker_outcome {
    bool is_error;
    uint16_t error;    // when is_error
    uint16_t status;   // else the server status at the end of the answer
    uint16_t warnings; // of the last result
    bool cursor;       // the execute opened a cursor: rows wait to be fetched
    bool prepared;     // `prepare` is valid
    struct prepare_ok prepare;
};

struct tracker {
    uint64_t caps; // what client and server agreed on
    uint8_t phase;
    bool continued;   // the next packet continues a 16 MiB one
    bool second_part; // prepare: column definitions come after the parameters'
    bool fresh;       // nothing of this answer was read
    bool out_params;  // an OK follows this result set
    bool metadata;    // this result set has definitions
    uint16_t status;  // the last server status seen
    uint32_t definitions_left;
    uint32_t columns_after;         // prepare: columns to come after the parameters
    struct tracker_outcome outcome; // of the last answer, until the next one begins
    uint8_t head, count;            // ring of commands
    struct tracked ring[TRACKER_DEPTH];
};

void tracker_init(struct tracker *t, uint64_t caps, uint16_t status);
bool tracker_full(const struct tracker *t);
bool tracker_has_room(const struct tracker *t, unsigned commands); // for so many more
// Commands whose answer is not complete.
unsigned tracker_outstanding(const struct tracker *t);
// The command whose answer is being read, NULL when none is outstanding.
const struct tracked *tracker_current(const struct tracker *t);
// The `i`th outstanding command, oldest first (i < tracker_outstanding).
const struct tracked *tracker_at(const struct tracker *t, unsigned i);
// A command was sent (never when full, asserted). REPLY_NONE commands change nothing.
void tracker_sent(struct tracker *t, const struct tracked *command);
// The head of the next packet: `length` is its payload length, `n` >= min(length, REPLY_HEAD) the
// payload bytes at hand. After TRACKER_DONE, *done is the command that was answered.
enum tracker_event tracker_packet(struct tracker *t, const uint8_t *head, size_t n, uint32_t length,
                                  struct tracked *done);
// Whether the next packet is an OK or EOF packet, which has a status (arguments as above).
bool tracker_expects_status(const struct tracker *t, const uint8_t *head, size_t n,
                            uint32_t length);
// True while the bytes of a row may stream by without a look at their heads being needed for
// anything but their first byte and length (the relay's fast path).
static inline bool tracker_in_rows(const struct tracker *t)
{
    return t->phase == TRACKER_ROWS && !t->continued;
}
const char *tracker_phase_name(enum tracker_phase phase);

#endif
