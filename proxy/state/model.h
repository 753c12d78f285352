// The model of one session: what its server side holds, learned from what passes by. It answers
// the one question that everything else asks: may this session stop here, and could it move?
//
//   client bytes ── model_command, model_text ──>  model  <── model_packet ── server bytes
//                                                    │
//                                     model_obstacles, model_at_safe_point
//
// Pure: no sockets, no clock (times are arguments), no globals.
#ifndef SLUICE_STATE_MODEL_H
#define SLUICE_STATE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "state/ask.h"
#include "state/obstacle.h"
#include "state/portrait.h"
#include "state/scan.h"
#include "state/statements.h"
#include "state/tracker.h"

// What a statement leaves for those after it to ask.
enum model_diagnostics {
    DIAGNOSTICS_WARNINGS = 1, // SHOW WARNINGS, GET DIAGNOSTICS, @@warning_count, @@error_count
    DIAGNOSTICS_ROW_COUNT = 2,
    DIAGNOSTICS_FOUND_ROWS = 4,
};

struct model {
    struct tracker tracker;
    struct statements statements;
    struct portrait portrait;
    struct scan scan;            // of the text that is passing, see model_command
    struct tracked passing;      // the command whose bytes are passing
    struct buf collected;        // attributes of a COM_QUERY, text of a prepare, head of an execute
    struct preparing *preparing; // prepares without an answer, the oldest first (model_prepare.c)
    uint32_t defining;       // a statement of which parameters are still to be described; 0: none
    uint16_t defined;        // and how many have been
    uint32_t settling;       // the statement whose outstanding execute may settle types; 0: none
    struct statement *added; // what the packet just given to model_packet has prepared, or NULL
    uint8_t text;            // what model_text does with the bytes (model.c)
    bool in_passing;         // between model_command and model_command_end
    bool blind;              // the client's charset may hide quotes
    bool blind_login;        // that of the login, to which a reset goes back
    bool uncertain;          // an ERR may have left a transaction open: no status since
    bool lock_other;         // of the table locks, some that UNLOCK TABLES does not release
    bool begun;              // since next_transaction_set, a transaction was seen open
    bool unconsumed;         // since a routine may have run, no transaction surely was
    bool next_hidden;        // and a routine has run a SET: perhaps SET TRANSACTION
    bool dumps;              // opaque because of a stream that only reads
    bool may_lock;           // since the login, reset or move: a routine, if one has run, may have
                             // taken a user lock
    bool keeps_warnings;     // whoever owns it: MariaDB, whose statements do not all replace them,
                             // and which counts SET in another way
    bool warned;             // the list of warnings may have entries
    uint8_t lost;            // of enum model_diagnostics
    bool settles;            // the server settles types of parameters (the owner's)
    bool pinged;             // the next report of a ping of ours is about our own questions
    uint8_t user_state;      // COM_CHANGE_USER: the field that is passing
    uint16_t user_left;      // and its bytes or value
    uint64_t executed;       // statements on this link, of which each is in the server's Questions
    uint64_t created;        // those in Com_create_table
    uint64_t sets;           // and those in Com_set_option
    uint32_t kept;           // obstacles that stay until something ends them
    int64_t answered_ns;     // when the last answer was complete
};

// `caps` and `status` from the login; `charset` is the collation id the client asked for.
void model_init(struct model *m, uint64_t caps, uint16_t status, uint8_t charset);
void model_release(struct model *m);

// A new command passes: `head` is what is there of its `length` payload bytes (at least
// min(length, MODEL_COMMAND_HEAD)). Its text, if it has one that matters, is then fed by
// model_text, the bytes in `head` included: returns the offset in the payload where the text
// starts, or `length` when there is none. Never when tracker_full.
#define MODEL_COMMAND_HEAD 16
uint32_t model_command(struct model *m, const uint8_t *head, size_t n, uint32_t length);
// Right after model_command: the passing command is one of sluice's own. The relay swallows its
// answer (tracker_current()->own), and nothing but the server status and reports is learned from
// it; until then it counts as a running statement.
void model_command_own(struct model *m);
// Right after model_command, or after model_text_end: while it runs the server tracks what the
// client asked for, which is less than we need.
void model_command_bare(struct model *m);
void model_text(struct model *m, const uint8_t *p, size_t n);
// The last byte of the text was fed: the command's scan flags. Optional before model_command_end.
uint32_t model_text_end(struct model *m);
// The last byte of the command has passed: it is now outstanding (or, for commands without an
// answer, done).
void model_command_end(struct model *m);

// A COM_QUERY of sluice's own with these scan flags goes in front of the command that is passing.
void model_own_before(struct model *m, uint32_t scan);

// What a small command, whole in memory, would be, without changing the model: scan flags of its
// text, or of its prepared statement for COM_STMT_EXECUTE; 0 if it has none. SCAN_kill, with
// *kill_id, only for COM_QUERY.
uint32_t model_peek(const struct model *m, const uint8_t *payload, size_t n, uint64_t *kill_id);

// Whether the packet that begins with `head` is an OK or EOF packet with
// STATUS_SESSION_STATE_CHANGED: it must be there whole before it goes on, for model_report and
// ok_for_client. Arguments as of model_packet, before that. False for nearly all packets.
static inline bool model_wants_whole(const struct model *m, const uint8_t *head, size_t n,
                                     uint32_t length)
{
    if (n == 0 || (head[0] != 0x00 && head[0] != 0xFE) ||
        (head[0] == 0x00 && tracker_in_rows(&m->tracker)))
        return false;
    return ok_state_changed(head, n) && tracker_expects_status(&m->tracker, head, n, length);
}
// The report, of the command whose answer it is, of a transaction that ended and began again within
// one statement (COMMIT AND CHAIN): MySQL says that there is a report then, even if nothing of it was
// asked for. Not known of a text of several statements: false.
bool model_turns_transaction(const struct model *m, struct slice payload);
// The whole payload of such a packet, right before model_packet for it.
void model_report(struct model *m, struct slice payload);
// The head of a server packet, as tracker_packet; learns from the answer when it is complete. When
// the packet is a prepare-OK, `added` is the new statement (until the next call): what stands at
// PREPARE_OK_ID_AT must be replaced by its `id` for the client.
enum tracker_event model_packet(struct model *m, const uint8_t *head, size_t n, uint32_t length,
                                int64_t now_ns, struct tracked *done);

// A routine, function or trigger may have left something behind that only the server can tell (a
// temporary table, a PREPARE): unknown_state holds until an answer says otherwise. Nobody reports
// all of it: the server is to be asked before every move.
bool model_hidden(const struct model *m);
// What is hidden is all that makes up unknown_state now: asking may end it.
bool model_only_hidden(const struct model *m);
// The question for that (0.2 ms), and its ANSWER_ROWS `i` of `a`: temporary_table and sql_prepare are
// set or ended by it, and nothing is hidden any more. SL_ECONFLICT: it does not decide, and the text
// says why; SL_EPROTO. Ask it last, and with nothing of the client's behind it: the model's own
// counts are compared with the server's.
struct capture_server;
void model_hidden_question(const struct capture_server *s, struct buf *sql);
// `next_hidden` is set or cleared as well: it is for the caller to find out or to refuse.
SL_CHECKED enum sl_code model_hidden_answer(struct model *m, const struct ask *a, unsigned i,
                                            struct sl_error *err);

// A question of ours, or another link, comes between the client's last statement and its next: what
// that one left is not there any more. `warned`: what came between has left warnings. (No warnings
// stay no warnings.)
void model_diagnostics_lost(struct model *m, bool warned);
// Whether a statement with these flags asks for some of it. Nothing is lost any more once a statement
// of the client's has certainly replaced it (model_packet).
bool model_lacks_diagnostics(const struct model *m, uint32_t scan);

// The transaction was rolled back by sluice itself (the ladder): nothing of it is left.
void model_rolled_back(struct model *m);
// The session has another link, made like the one before; `status` is the server's there.
void model_moved(struct model *m, uint16_t status);
// COM_CHANGE_USER or COM_RESET_CONNECTION succeeded (model_packet calls it by itself).
void model_reset(struct model *m);
// What the server itself can tell of obstacles that texts raise.
#define MODEL_CONFIRMABLE                                                                          \
    (OBSTACLE_BIT(user_lock) | OBSTACLE_BIT(lock_tables) | OBSTACLE_BIT(handler_open) |            \
     OBSTACLE_BIT(sql_prepare))
// The server's word on the obstacles in `known`, while nothing is outstanding: those that are not
// in `held` are gone. User locks and statements prepared by SQL that no text showed are found; other
// locks may be those of a transaction.
void model_confirm(struct model *m, uint32_t known, uint32_t held);
// Sets an obstacle that only the session knows of (credential_unknown, ...), or ends it.
void model_set_obstacle(struct model *m, enum obstacle o, bool on);

// The last answer was an error that may have left a transaction open: in_transaction holds until a
// server status says more. A COM_PING tells.
bool model_status_uncertain(const struct model *m);
// All obstacles that hold now; diagnostics_pending only within OBSTACLE_BRIEF_NS of the answer.
uint32_t model_obstacles(const struct model *m, int64_t now_ns);
bool model_at_safe_point(const struct model *m, int64_t now_ns);
// A transaction or an XA branch is open.
bool model_in_transaction(const struct model *m);
// The answer that is outstanding belongs to a COMMIT: if the link dies, the outcome is unknown.
bool model_commit_outstanding(const struct model *m);

#endif
