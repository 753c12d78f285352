// The text scan: reads the text of a statement once, in pieces, without copying it, and notes what
// matters for safe points. False alarms are allowed, misses are not.
//
// Skips strings, quoted identifiers and comments, but looks into executable comments (/*! and
// /*M!). It is a tokenizer with a small table of keyword sequences, not a parser.
#ifndef SLUICE_STATE_SCAN_H
#define SLUICE_STATE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_FLAGS(X)                                                                              \
    X(temporary_table)   /* CREATE [OR REPLACE] TEMPORARY TABLE/SEQUENCE */                        \
    X(lock_tables)       /* LOCK TABLE(S), FLUSH TABLES ... WITH READ LOCK / FOR EXPORT */         \
    X(unlock_tables)     /* UNLOCK TABLES, and nothing else */                                     \
    X(get_lock)          /* GET_LOCK( */                                                           \
    X(release_all_locks) /* SELECT or DO RELEASE_ALL_LOCKS(), and nothing else */                  \
    X(handler_open)      /* HANDLER t OPEN */                                                      \
    X(sql_prepare)       /* PREPARE s FROM */                                                      \
    X(sql_execute)       /* EXECUTE s, EXECUTE IMMEDIATE: what runs is not in this text */         \
    X(next_transaction)  /* SET TRANSACTION, SET @@transaction_isolation/read_only */              \
    X(found_rows)        /* SQL_CALC_FOUND_ROWS; with diagnostics_use: FOUND_ROWS() */             \
    X(diagnostics_read)  /* the whole statement reads only diagnostics: SHOW WARNINGS/ERRORS/ */   \
                         /* COUNT(*) ..., GET DIAGNOSTICS, SELECT with FOUND_ROWS(), */            \
                         /* ROW_COUNT(), @@warning_count, @@error_count */                         \
    X(kill)              /* KILL [HARD|SOFT] [CONNECTION|QUERY] number; see struct scan */         \
    X(kill_query)        /* with `kill`: only the statement */                                     \
    X(xa_start)          /* XA START/BEGIN/PREPARE/END */                                          \
    X(xa_end)            /* XA COMMIT/ROLLBACK */                                                  \
    X(begin)             /* BEGIN, START TRANSACTION */                                            \
    X(commit)            /* COMMIT (also XA COMMIT) */                                             \
    X(rollback)          /* ROLLBACK without TO */                                                 \
    X(set)               /* SET ... */                                                             \
    X(call)              /* CALL, DO, or a compound statement */                                   \
    X(read)              /* first keyword SELECT/SHOW/DESC/EXPLAIN/WITH/TABLE/VALUES, without */   \
                         /* FOR UPDATE/SHARE, INTO OUTFILE */                                      \
    X(ddl)               /* CREATE/ALTER/DROP/TRUNCATE/RENAME/OPTIMIZE/ANALYZE/REPAIR */           \
    X(user_variable)     /* @name anywhere */                                                      \
    X(several)           /* more than one statement in this text */                                \
    X(charset)           /* SET NAMES/CHARACTER SET/character_set_client to a charset whose */     \
                         /* second bytes may be 0x5C or quotes (sjis gbk big5 cp932 gb18030), */   \
                         /* or to a value that is not in the text */                               \
    X(lock_other)        /* LOCK INSTANCE, BACKUP STAGE/LOCK, lock service functions: locks */     \
                         /* that UNLOCK TABLES does not release */                                 \
    X(diagnostics_use)   /* reads diagnostics, maybe beside other work: after a move its answer */ \
                         /* would be wrong */                                                      \
    X(sql_mode)          /* SET sql_mode: how the next text is read may change */                  \
    X(tables)            /* reads or changes tables, as far as the text tells */                   \
    X(session_track)     /* sets or reads session_track_* by their names, by SHOW VARIABLES or */  \
                         /* by the tables of variables; and */                                     \
                         /* FLUSH STATUS: what sluice asks is not told any more */                 \
    X(calls)             /* SET with a subquery, SET or SHOW with a call of what is not one of */  \
                         /* the common built-in functions, CREATE with a SELECT, others with */    \
                         /* `session_track`: a stored function may run */

enum scan_flag_bit {
#define X(name) SCAN_BIT_##name,
    SCAN_FLAGS(X)
#undef X
        SCAN_BIT_COUNT
};

enum scan_flag {
#define X(name) SCAN_##name = 1 << SCAN_BIT_##name,
    SCAN_FLAGS(X)
#undef X
};

enum scan_mode {
    SCAN_BACKSLASH,    // the normal one: \ escapes in strings
    SCAN_NO_BACKSLASH, // sql_mode NO_BACKSLASH_ESCAPES (server status flag 0x0200)
    SCAN_BLIND,        // multi-byte charset that may hide quotes: look into strings as well
};

#define SCAN_WORD_MAX 30 // longer words are no keywords of ours

// Embedded; about 100 bytes. The fields are scan.c's, scan_match.c's and scan_each.c's, except the results.
struct scan {
    // results, complete after scan_end
    uint32_t flags;
    uint64_t kill_id; // 0 when SCAN_kill has no plain number
    // tokenizer
    uint8_t mode;
    uint8_t lexical; // code, string, comment, ...
    uint8_t quote;
    uint8_t depth; // executable comments that are open
    uint8_t word_len;
    // statement matcher
    uint8_t tokens; // of this statement, saturating
    uint8_t first;  // its first token
    bool plain;     // most tokens only have to be remembered (scan_match_token)
    uint8_t each;   // KILL and SET look at each of their tokens
    uint8_t kill_state;
    bool open_end;      // the text ended inside something
    bool executable;    // it has a comment that some servers execute
    bool inside;        // SET: a bracket has been opened
    bool assigns;       // SET: a variable, or what stands for some
    bool password;      // SET PASSWORD
    bool sets_first;    // the first statement, as its first words say
    uint8_t sets_maria; // see scan_sets
    bool may_call;      // a statement had more than two tokens
    uint8_t sets;       // see scan_sets
    bool reads;         // user variables, not only as targets of SET
    bool creates;       // its first statement begins with CREATE TABLE
    bool selects;       // with SELECT
    bool ended;         // a statement came before this one
    bool restart;       // the next token begins the statement anew (SET STATEMENT ... FOR)
    uint32_t before;    // the last four tokens, a byte each, the latest lowest
    uint32_t here;      // flags of the statement being read
    uint32_t all;       // flags that every statement so far has
    uint32_t seen;      // words of this statement that are asked for at its end
    uint32_t seen_ever;
    uint64_t number;                 // of KILL
    uint8_t word[SCAN_WORD_MAX + 1]; // last: not cleared by scan_begin
};

// What else is known after scan_end, for sure.
enum scan_trait {
    SCAN_UNSURE = 1, // it ended inside a string or a comment: a server that accepts it has read it
                     // differently
    SCAN_CREATES_TABLE = 2,   // one CREATE TABLE, and nothing else
    SCAN_READS_VARIABLES = 4, // user variables, perhaps: not only as the targets of SET
    SCAN_SELECTS = 8,         // one SELECT, and nothing else
    SCAN_SETS = 16,           // one SET that `scan_sets` counts, and nothing else
    SCAN_SETS_MARIA = 32,     // one that only MariaDB counts
    SCAN_MAY_CALL = 64,       // of more words than SELECT 1: perhaps a function
};
uint8_t scan_traits(const struct scan *s);
// How many statements of the text are for sure a SET that the server counts in Com_set_option; of
// passwords and roles only MariaDB counts them.
uint8_t scan_sets(const struct scan *s, bool maria);
void scan_begin(struct scan *s, enum scan_mode mode);
void scan_feed(struct scan *s, const uint8_t *p, size_t n);
// The text is complete; returns the flags of all its statements together, `diagnostics_read` and
// `read` only when every statement of the text is one. Opposites (unlock_tables, xa_end, ...) mean
// something only without `several`, which is also set when what the text holds is not certain.
uint32_t scan_end(struct scan *s);

#endif
