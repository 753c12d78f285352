// The capture: all that a session's server side holds and that can be asked for and set again, read
// on the old link and made true on the new one. The texts of the questions, the reading of their
// answers, the statements that make one side like the other, and the comparison that decides.
//
//   old link:  capture_question ─> captured      new link:  capture_question ─> actual
//              capture_names, capture_values       capture_difference(wanted, actual) ─> SET ...
//                                                  the same questions again ─> must be equal
//
// Pure. The texts are plain ASCII without backslashes and double quotes, so that they mean the same
// in every client character set and sql_mode, and carry LIMIT because of sql_select_limit. (Names
// of schemas and roles may be UTF-8: a text before them sets character_set_client.)
//
// Measured on MariaDB 10.11 and MySQL 9.7 (the developer's check in capture_test.c's head):
// - no question opens a transaction under autocommit=0;
// - CAST(CONCAT_WS(X'1F', ...) AS BINARY) gives ASCII in every character_set_results and
//   character_set_connection, utf16 included; without the CAST, and HEX() and CAST(number AS CHAR),
//   it does not;
// - information_schema and performance_schema fail under max_join_size=1 (1104), so those questions
//   set sql_big_selects for themselves;
// - LENGTH() counts characters in MariaDB's ORACLE mode; OCTET_LENGTH() never does;
// - CAST(double AS BINARY) loses digits on MySQL; the column itself is exact on both;
// - with sql_auto_is_null the next IS NULL finds the row that was inserted last: on MySQL 9.7 as long
//   as LAST_INSERT_ID() stays, on MariaDB once, and nobody can ask whether that has been (not even by
//   LAST_INSERT_ID(): 0 and then another number may be set meanwhile);
// - system_versioning_asof is shown and read in time_zone as it was before the SET;
// - SET @a = x, @a = NULL keeps the type and collation of x on both; no single expression does;
// - user variables are integers, decimals, doubles or strings; temporal values and JSON become
//   strings; MariaDB alone has spatial ones.
#ifndef SLUICE_STATE_CAPTURE_H
#define SLUICE_STATE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "state/ask.h"
#include "state/portrait.h"

enum capture_family { CAPTURE_MARIADB, CAPTURE_MYSQL };

// A server as its greeting names it: "5.5.5-10.11.6-MariaDB-...", "9.7.0".
struct capture_server {
    enum capture_family family;
    unsigned version; // 101106, 90700
};
struct capture_server capture_server_of(struct slice greeting_version);

// One user variable: its name, and the SQL expression that gives it type, value and collation.
struct capture_user_variable {
    char *name; // heap
    // Heap: "CAST('5' AS UNSIGNED)", "_utf8mb4 X'61' COLLATE utf8mb4_bin". For NULL a value of its
    // type and then the NULL: "0e0,@`a`=NULL".
    char *literal;
};

struct capture {
    bool known;
    char *schema; // heap, NULL: none
    char *role;   // heap, NULL: none
    uint64_t last_insert_id;
    // Collation id of text in results, as column definitions have it; 0: not known. It may be another
    // one than the default of @@character_set_results: that of the login, or of SET NAMES x COLLATE y.
    // capture_equal does not compare it: it may take a second round to be set, see move.c.
    uint16_t results_collation;
    // Of a link: contexts were entered on it, so that its character sets have their default
    // collations, whatever the login gave them. Set by the caller, not compared.
    bool entered;
    bool replayed; // of a link: what a replay has made of it. Set by the caller, not compared
    char **values; // heap: of the semantic variables, in the table's order; NULL: SQL's NULL
    unsigned value_count;
    struct capture_user_variable *variables; // in order of name
    unsigned variable_count;
};

void capture_init(struct capture *c);
void capture_release(struct capture *c); // wipes

// The variables whose value decides what statements mean or do. Left out on purpose: those that
// the new server shall have of its own (auto_increment_*, buffers, time-outs of the connection);
// the table is capture.c's. 0.1 ms on either server.
// `both`: the older of the two servers, so that the question works on either. With `release_locks`,
// the number of user locks that it has released is in CAPTURE_LOCKS; 0 without.
#define CAPTURE_LOCKS 3
void capture_question(const struct capture_server *both, bool release_locks, struct buf *sql);
// Reads ANSWER_ROWS `i` of `a` into c, which is emptied first; user variables come after it.
// SL_EPROTO, SL_ECONFLICT (the server refused: the text says what).
SL_CHECKED enum sl_code capture_read(struct capture *c, const struct capture_server *both,
                                     const struct ask *a, unsigned i, struct sl_error *err);
// Whether all of it can be made again elsewhere. SL_EUNSUPPORTED.
// Whether the beginning of a transaction tells if it has characteristics of its own (SET TRANSACTION):
// with *read_only it has if it is not in that state, or if a consistent snapshot warns. Measured:
// MySQL warns on any level but REPEATABLE READ, so with that one for the session; MariaDB never.
bool capture_tells_transaction(const struct capture *c, const struct capture_server *both,
                               bool *read_only);
SL_CHECKED enum sl_code capture_portable(const struct capture *c, const struct capture_server *both,
                                         struct sl_error *err);
// Names of the user variables (one column, UTF-8), then their values. An account may be denied the
// names on MySQL (1142): the caller asks the control account, and gives them to capture_values as
// text. (CAPTURE_USER_VARIABLES_MAX + 1 rows mean: too many.)
#define CAPTURE_USER_VARIABLES_MAX 1000
void capture_names_question(const struct capture_server *s, struct buf *sql);
// `names` (count of them) as the answer gave them. SL_EUNSUPPORTED: a name that cannot be written
// in ASCII; more than CAPTURE_USER_VARIABLES_MAX. With none it is a question that may be asked.
SL_CHECKED enum sl_code capture_values_question(const char *const *names, unsigned count,
                                                struct buf *sql, struct sl_error *err);
// Reads them into c, over those that were there. SL_EUNSUPPORTED: a value that cannot be written as
// an expression (a spatial one), all values together larger than CAPTURE_VALUES_MAX bytes (the
// server then sends none), no types because of resultset_metadata=NONE. SL_ECONFLICT: the server
// refused. SL_EPROTO.
#define CAPTURE_VALUES_MAX ((size_t)3 << 19)
SL_CHECKED enum sl_code capture_values_read(struct capture *c, const char *const *names,
                                            unsigned count, const struct ask *a, unsigned i,
                                            struct sl_error *err);

// All variables with their session and global values, for a portrait that has `missed` reports:
// what differs is merged into p->changed, what is in it gets its value of now; p->odd is set for
// those that cannot be replayed. 1.5 ms on MariaDB, 6 to 20 ms on MySQL. SL_ECONFLICT: the server
// refused. SL_EPROTO.
void capture_full_question(const struct capture_server *s, struct buf *sql);
SL_CHECKED enum sl_code capture_full_read(struct portrait *p, const struct ask *a, unsigned i,
                                          struct sl_error *err);

// `name` in backquotes, doubled inside.
void capture_put_name(struct buf *sql, const char *name);

// Statements that make a link that is like `have` be like `want`: role, schema, semantic variables
// that differ, the portrait's other changed variables, user variables, last_insert_id. Each text is
// given to `emit` (several assignments in one SET where that is possible; character sets last).
// `p` may be NULL; what it has as changed is set even when it is the same. None when there is
// nothing to do. What cannot be undone is left as it is (a default schema where none is wanted, a
// user variable that is not wanted): capture_equal says so. last_insert_id comes last.
void capture_difference(const struct capture *want, const struct capture *have,
                        const struct capture_server *both, const struct portrait *p,
                        void (*emit)(void *arg, const char *sql, size_t n), void *arg);
// Statements that set what the portrait knows to have been changed, less the character sets, which
// belong to contexts: for a link on which statements are to be prepared before any capture.
void capture_changed(const struct portrait *p, void (*emit)(void *arg, const char *sql, size_t n),
                     void *arg);
// Texts that bring a link into a statement's context, and back out of it: all of it, whatever the
// link was in. A context without a schema leaves the link's.
void capture_enter_context(const struct context *c,
                           void (*emit)(void *arg, const char *sql, size_t n), void *arg);

// Whether the two say the same; else `what` names the first item that differs ("@@sql_mode",
// "user variable @a", "the default database"). The locks and timestamps are not compared.
bool capture_equal(const struct capture *a, const struct capture *b,
                   const struct capture_server *both, char *what, size_t size);

// A value as SET takes it: a bare number, DEFAULT, NULL for NULL, a quoted string of utf8mb4, or
// one in hexadecimal digits when it has a byte that character sets and modes read in other ways.
void capture_put_value(struct buf *sql, const char *value);

#endif
