// The prepared statements of one session: what is known of each server-side statement id.
//
// A table by id (uthash inside), allocated with the first statement; a session without prepared
// statements owns nothing. At most STATEMENTS_MAX; the server's own limit
// (max_prepared_stmt_count, 16382 by default) is lower.
#ifndef SLUICE_STATE_STATEMENTS_H
#define SLUICE_STATE_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "state/portrait.h"

#define STATEMENTS_MAX 65536
// Of all texts of a session together; beyond it statements are `incomplete`.
#define STATEMENTS_TEXT_MAX ((size_t)64 << 20)

// What is needed to prepare it again elsewhere. `id` is the client's for ever; `server_id` is the
// one on the present link, the same until a session has moved.
struct statement {
    uint32_t id, server_id;
    uint32_t scan;  // flags of its text
    uint8_t traits; // likewise
    uint16_t params, columns;
    bool cursor, long_data;
    bool executed, cursor_first; // on the present link; its first execute there asked for a cursor
    bool types_owed;             // prepared again since the client last sent its parameter types
    bool incomplete;             // text or types are not all known: it cannot be prepared again
    uint8_t *types;          // heap, 2 bytes a parameter, as in the last execute; NULL: none yet
    struct settled *settled; // heap; NULL: the server settles no types, or there are no parameters
    char *text;              // heap; NULL: too long to be kept (`incomplete`)
    uint32_t text_n;
    struct context *context; // a reference; NULL: it was not known
    uint32_t assignments;    // portrait's counter when it was prepared
    uint32_t charsets;       // likewise, when its types were sent
};

struct statement_entry; // statements.c's

struct statements {
    struct statement_entry *table;
    size_t text_bytes;   // of all texts
    uint32_t last_id;    // the most recently prepared, for MariaDB's id -1
    uint32_t highest;    // client id given out so far
    uint32_t cursors;    // statements with an open cursor
    uint32_t long_data;  // statements with long data waiting for an execute
    uint32_t incomplete; // statements that cannot be prepared again
    bool moved;          // server ids may differ from the client's
};

#define STATEMENT_LAST UINT32_C(0xFFFFFFFF) // MariaDB: "the last prepared"

void statements_init(struct statements *s);
void statements_release(struct statements *s);
// Prepared under `server_id`. Takes over `text` (heap, NULL: not known) and a reference of
// `context` (may be NULL). Returns the statement, whose `id` is the one for the client: the
// server's, or, after a move, one that no statement of the session ever had. NULL beyond
// STATEMENTS_MAX (text and context released).
struct statement *statements_add(struct statements *s, uint32_t server_id, uint32_t scan,
                                 uint16_t params, uint16_t columns, char *text, uint32_t text_n,
                                 struct context *context);
void statements_remove(struct statements *s, uint32_t id);
// All are gone (a reset); ids that the client has seen are still not given out again.
void statements_clear(struct statements *s);
unsigned statements_count(const struct statements *s);
// By the client's id (STATEMENT_LAST allowed); NULL when unknown.
struct statement *statements_find(const struct statements *s, uint32_t id);
// In order of preparation: statements_next(s, NULL) is the oldest; NULL at the end.
struct statement *statements_next(const struct statements *s, const struct statement *after);
// The scan flags of a statement's text; 0 for an unknown id.
uint32_t statements_scan(const struct statements *s, uint32_t id);
// Unknown ids change nothing.
void statements_set_cursor(struct statements *s, uint32_t id, bool open);
void statements_set_long_data(struct statements *s, uint32_t id, bool pending);
void statements_set_incomplete(struct statements *s, struct statement *one, bool incomplete);

// --- parameter types in COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE ----------------------------------
//
// Measured on MySQL 9.7 with CAP_QUERY_ATTRIBUTES: a statement with parameters always has their
// count in front of the NULL bitmap, whatever the flags say, and a name behind each type; more
// parameters than the statement has (attributes) need types. An execute whose SQL fails has set
// the types all the same.

enum execute_head {
    EXECUTE_CANNOT = -1,  // malformed, or lacks types that are not known or cannot be inserted
    EXECUTE_MORE = 0,     // more bytes are needed
    EXECUTE_COMPLETE = 1, // nothing is to be inserted
    EXECUTE_LACKS = 2,    // no types; those remembered can be inserted
};

// The beginning of an execute of `s`: whether it carries parameter types. With EXECUTE_LACKS,
// *types_at is the offset where statement_types_put's bytes belong.
enum execute_head statement_execute_head(const struct statement *s, uint64_t caps,
                                         const uint8_t *payload, size_t n, size_t *types_at);
// Appends what replaces the bytes at `types_at` (new_params_bound, or the flags of a bulk execute):
// the same with "types follow", and the types. Returns how many bytes it replaces.
size_t statement_types_put(const struct statement *s, uint64_t caps, const uint8_t *payload,
                           size_t types_at, struct buf *out);
// Whether some of the remembered types are of texts, which the server reads in the character set that
// the client had when it sent these types (measured on MariaDB 10.11 and MySQL 9.7), not in the
// present one.
bool statement_binds_text(const struct statement *s);
// Remembers the types that such a beginning carries (EXECUTE_COMPLETE: they are then no longer
// owed), or EXECUTE_LACKS, _MORE, _CANNOT.
enum execute_head statement_types_learn(struct statement *s, uint64_t caps, const uint8_t *payload,
                                        size_t n);

// --- what the server has settled (statements_settled.c) ---------------------------------------------
//
// MySQL from 8.0.22 on gives each parameter a type when it prepares; where that does not take what is
// bound, it prepares again with the types of all that is bound, and keeps these. A statement that was
// prepared again elsewhere may have others, and reads the same bytes as another value.

#define SETTLES_SINCE 80022

// A new statement on such a server; and the definition of its parameter `i` from the prepare's answer.
void statement_settles(struct statement *s);
void statement_defined(struct statement *s, unsigned i, const uint8_t *definition, size_t n);
// An execute passes, and statement_execute_head knows its types. True: it may have settled others.
bool statement_settle(struct statement *s, uint64_t caps, const uint8_t *payload, size_t n);
// An execute that returned true was refused: perhaps before anything was settled.
void statement_unsettled(struct statement *s);
// Prepared again on another server, where nothing is settled yet.
void statement_prepared_anew(struct statement *s);
// Since it was, something else may be settled there than would be where it was first.
bool statement_is_apart(const struct statement *s);
// Whether this execute is read as it would be there. Only where statement_is_apart.
bool statement_reads_alike(const struct statement *s, uint64_t caps, const uint8_t *payload,
                           size_t n);
// The client was told: what is settled here is what counts. It may not send these types again.
void statement_told_apart(struct statement *s, uint64_t caps, const uint8_t *payload, size_t n);

#endif
