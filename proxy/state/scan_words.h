// The keywords of the text scan: one row says all there is about a word. Private to scan_match.c
// and scan_words.c.
#ifndef SLUICE_STATE_SCAN_WORDS_H
#define SLUICE_STATE_SCAN_WORDS_H

#include "state/scan_match.h"

// Words that are asked for at the end of a statement, or that the blind scan combines.
enum seen {
    SEEN_CREATE = 1 << 0,
    SEEN_TEMPORARY = 1 << 1,
    SEEN_LOCK = 1 << 2,
    SEEN_TABLE = 1 << 3,
    SEEN_FLUSH = 1 << 4,
    SEEN_EXPORT = 1 << 5,
    SEEN_LOCK_OTHER = 1 << 6,
    SEEN_GET_LOCK = 1 << 7,
    SEEN_HANDLER = 1 << 8,
    SEEN_OPEN = 1 << 9,
    SEEN_PREPARE = 1 << 10,
    SEEN_FROM = 1 << 11,
    SEEN_SET = 1 << 12,
    SEEN_TRANSACTION = 1 << 13,
    SEEN_ISOLATION = 1 << 14, // the variables for it
    SEEN_XA = 1 << 15,
    SEEN_DIAGNOSTICS = 1 << 16,
    SEEN_CHARSET = 1 << 17,
    SEEN_CLIENT_CHARSET = 1 << 18,
    SEEN_SQL_MODE = 1 << 19,
    SEEN_TRACK = 1 << 20, // the variables that say what is tracked, and tables that show them
    SEEN_SELECT = 1 << 21,
    SEEN_NOT_READ = 1 << 22, // makes a SELECT or EXPLAIN more than a read
    SEEN_TO = 1 << 23,
    SEEN_INSTANCE = 1 << 24,
    SEEN_BACKUP = 1 << 25,
    SEEN_FROM_AGAIN = 1 << 26,
    SEEN_DUAL = 1 << 27,
    SEEN_SCHEMA_TABLES = 1 << 28, // no transaction begins with these
};

// What is done when a keyword comes: a function of scan_match.c each.
#define SCAN_ACTS(X)                                                                               \
    X(CALC, calc)                                                                                  \
    X(CHARSET, charset)                                                                            \
    X(DIAGNOSTICS, diagnostics)                                                                    \
    X(DIAGNOSTICS_VARIABLE, diagnostics_variable)                                                  \
    X(EXECUTE, execute)                                                                            \
    X(EXPORT, export)                                                                              \
    X(FOR, for)                                                                                    \
    X(FROM, from)                                                                                  \
    X(LOCK, lock)                                                                                  \
    X(OPEN, open)                                                                                  \
    X(SQL_MODE, sql_mode)                                                                          \
    X(STATEMENT, statement)                                                                        \
    X(TABLE, table)                                                                                \
    X(TEMPORARY, temporary)                                                                        \
    X(TRACK, track)                                                                                \
    X(TRANSACTION, transaction)                                                                    \
    X(WARNINGS, warnings)                                                                          \
    X(XA, xa)

enum scan_act {
    ACT_NONE,
#define X(id, name) ACT_##id,
    SCAN_ACTS(X)
#undef X
        ACT_COUNT
};

#define ROW_DDL .first = SCAN_ddl | SCAN_tables
#define ROW_COMPOUND .first = SCAN_call
#define ROW_WRITES .seen = SEEN_NOT_READ, .first = SCAN_tables
#define ROW_CHARSET .seen = SEEN_CHARSET, .value = true, .act = ACT_CHARSET
#define ROW_ISOLATION .seen = SEEN_ISOLATION, .name = true
#define ROW_DIAGNOSTIC .seen = SEEN_DIAGNOSTICS, .name = true
#define ROW_TRACK .seen = SEEN_TRACK, .name = true, .act = ACT_TRACK
#define ROW_SERVICE_LOCK .seen = SEEN_LOCK_OTHER, .name = true, .called = SCAN_lock_other

// In alphabetical order (a unit test looks).
#define KEYWORDS(X)                                                                                \
    X(ALTER, ROW_DDL)                                                                              \
    X(ANALYZE, ROW_DDL)                                                                            \
    X(BACKUP, .seen = SEEN_BACKUP)                                                                 \
    X(BEGIN, .act = ACT_XA)                                                                        \
    X(BIG5, ROW_CHARSET)                                                                           \
    X(BINLOG, .act = ACT_LOCK)                                                                     \
    X(CALL, ROW_COMPOUND)                                                                          \
    X(CASE, ROW_COMPOUND)                                                                          \
    X(CHARACTER_SET_CLIENT, .seen = SEEN_CLIENT_CHARSET, .name = true)                             \
    X(CHARSET, .seen = 0)                                                                          \
    X(COMMIT, .first = SCAN_commit, .act = ACT_XA)                                                 \
    X(CONNECTION, .seen = 0)                                                                       \
    X(CP932, ROW_CHARSET)                                                                          \
    X(CREATE, .seen = SEEN_CREATE, ROW_DDL)                                                        \
    X(DECLARE, ROW_COMPOUND)                                                                       \
    X(DEFAULT, .seen = 0)                                                                          \
    X(DELETE, ROW_WRITES)                                                                          \
    X(DESC, .first = SCAN_read)                                                                    \
    X(DESCRIBE, .first = SCAN_read)                                                                \
    X(DIAGNOSTICS, .act = ACT_DIAGNOSTICS)                                                         \
    X(DO, .first = SCAN_call)                                                                      \
    X(DROP, ROW_DDL)                                                                               \
    X(DUAL, .act = ACT_FROM)                                                                       \
    X(END, .act = ACT_XA)                                                                          \
    X(ERRORS, .act = ACT_WARNINGS)                                                                 \
    X(ERROR_COUNT, ROW_DIAGNOSTIC, .act = ACT_DIAGNOSTICS_VARIABLE)                                \
    X(EXECUTE, .act = ACT_EXECUTE)                                                                 \
    X(EXPLAIN, .first = SCAN_read)                                                                 \
    X(EXPORT, .seen = SEEN_EXPORT, .act = ACT_EXPORT)                                              \
    X(FLUSH, .seen = SEEN_FLUSH)                                                                   \
    X(FOR, .act = ACT_FOR)                                                                         \
    X(FOUND_ROWS, ROW_DIAGNOSTIC, .called = SCAN_diagnostics_use | SCAN_found_rows)                \
    X(FROM, .seen = SEEN_FROM, .act = ACT_FROM)                                                    \
    X(GB18030, ROW_CHARSET)                                                                        \
    X(GBK, ROW_CHARSET)                                                                            \
    X(GET, .seen = 0)                                                                              \
    X(GET_LOCK, .seen = SEEN_GET_LOCK, .name = true, .called = SCAN_get_lock)                      \
    X(HANDLER, .seen = SEEN_HANDLER, .first = SCAN_tables)                                         \
    X(HARD, .seen = 0)                                                                             \
    X(HELP, .first = SCAN_read)                                                                    \
    X(ID, .seen = 0)                                                                               \
    X(IF, ROW_COMPOUND)                                                                            \
    X(INFORMATION_SCHEMA, .seen = SEEN_SCHEMA_TABLES)                                              \
    X(INSERT, ROW_WRITES)                                                                          \
    X(INSTANCE, .seen = SEEN_INSTANCE, .act = ACT_LOCK)                                            \
    X(INTO, .seen = SEEN_NOT_READ)                                                                 \
    X(KILL, .seen = 0)                                                                             \
    X(LOAD, .first = SCAN_tables)                                                                  \
    X(LOCK, .seen = SEEN_LOCK, .act = ACT_LOCK)                                                    \
    X(LOOP, ROW_COMPOUND)                                                                          \
    X(NAMES, .seen = 0)                                                                            \
    X(OPEN, .seen = SEEN_OPEN, .act = ACT_OPEN)                                                    \
    X(OPTIMIZE, ROW_DDL)                                                                           \
    X(PERFORMANCE_SCHEMA, .seen = SEEN_SCHEMA_TABLES)                                              \
    X(PREPARE, .seen = SEEN_PREPARE, .act = ACT_XA)                                                \
    X(QUERY, .seen = 0)                                                                            \
    X(READ, .seen = 0)                                                                             \
    X(RELEASE_ALL_LOCKS, .seen = 0)                                                                \
    X(RENAME, ROW_DDL)                                                                             \
    X(REPAIR, ROW_DDL)                                                                             \
    X(REPEAT, ROW_COMPOUND)                                                                        \
    X(REPLACE, .first = SCAN_tables)                                                               \
    X(ROLLBACK, .act = ACT_XA)                                                                     \
    X(ROW_COUNT, ROW_DIAGNOSTIC, .called = SCAN_diagnostics_use)                                   \
    X(SELECT, .seen = SEEN_SELECT, .first = SCAN_read)                                             \
    X(SERVICE_GET_READ_LOCKS, ROW_SERVICE_LOCK)                                                    \
    X(SERVICE_GET_WRITE_LOCKS, ROW_SERVICE_LOCK)                                                   \
    X(SESSION_TRACK_GTIDS, ROW_TRACK)                                                              \
    X(SESSION_TRACK_SCHEMA, ROW_TRACK)                                                             \
    X(SESSION_TRACK_STATE_CHANGE, ROW_TRACK)                                                       \
    X(SESSION_TRACK_SYSTEM_VARIABLES, ROW_TRACK)                                                   \
    X(SESSION_TRACK_TRANSACTION_INFO, ROW_TRACK)                                                   \
    X(SESSION_VARIABLES, ROW_TRACK)                                                                \
    X(SET, .seen = SEEN_SET, .first = SCAN_set)                                                    \
    X(SHARE, .seen = SEEN_NOT_READ)                                                                \
    X(SHOW, .first = SCAN_read)                                                                    \
    X(SJIS, ROW_CHARSET)                                                                           \
    X(SOFT, .seen = 0)                                                                             \
    X(SQL_CALC_FOUND_ROWS, .act = ACT_CALC)                                                        \
    X(SQL_MODE, .seen = SEEN_SQL_MODE, .name = true, .act = ACT_SQL_MODE)                          \
    X(STAGE, .act = ACT_LOCK)                                                                      \
    X(START, .act = ACT_XA)                                                                        \
    X(STATEMENT, .act = ACT_STATEMENT)                                                             \
    X(STATUS, .act = ACT_EXPORT)                                                                   \
    X(SYSTEM_VARIABLES, ROW_TRACK)                                                                 \
    X(TABLE, .seen = SEEN_TABLE, .first = SCAN_read | SCAN_tables, .act = ACT_TABLE)               \
    X(TABLES, .seen = SEEN_TABLE, .act = ACT_LOCK)                                                 \
    X(TEMPORARY, .seen = SEEN_TEMPORARY, .act = ACT_TEMPORARY)                                     \
    X(TO, .seen = SEEN_TO)                                                                         \
    X(TRANSACTION, .seen = SEEN_TRANSACTION, .act = ACT_TRANSACTION)                               \
    X(TRANSACTION_ISOLATION, ROW_ISOLATION)                                                        \
    X(TRANSACTION_READ_ONLY, ROW_ISOLATION)                                                        \
    X(TRUNCATE, ROW_DDL)                                                                           \
    X(TX_ISOLATION, ROW_ISOLATION)                                                                 \
    X(TX_READ_ONLY, ROW_ISOLATION)                                                                 \
    X(UNLOCK, .seen = 0)                                                                           \
    X(UPDATE, ROW_WRITES)                                                                          \
    X(USER, .seen = 0)                                                                             \
    X(VALUES, .first = SCAN_read)                                                                  \
    X(VARIABLES, .act = ACT_TRACK)                                                                 \
    X(VARIABLES_BY_THREAD, ROW_TRACK)                                                              \
    X(VERSION_TOKENS_LOCK_EXCLUSIVE, ROW_SERVICE_LOCK)                                             \
    X(VERSION_TOKENS_LOCK_SHARED, ROW_SERVICE_LOCK)                                                \
    X(WARNINGS, .act = ACT_WARNINGS)                                                               \
    X(WARNING_COUNT, ROW_DIAGNOSTIC, .act = ACT_DIAGNOSTICS_VARIABLE)                              \
    X(WHILE, ROW_COMPOUND)                                                                         \
    X(WITH, .first = SCAN_read)                                                                    \
    X(WORK, .seen = 0)                                                                             \
    X(XA, .seen = SEEN_XA)

enum scan_keyword_id {
    KEYWORD_BEFORE = TOKEN_KEYWORDS - 1,
#define X(word, ...) KW_##word,
    KEYWORDS(X)
#undef X
        KEYWORD_END
};

struct scan_keyword {
    const char *text;
    bool name;       // a function or variable: may be quoted as an identifier
    bool value;      // may be quoted as a string
    uint8_t act;     // ACT_*, before the keyword becomes the last token
    uint32_t seen;   // SEEN_*
    uint32_t first;  // flags of a statement that starts with it
    uint32_t called; // flags when "(" follows
};

extern const struct scan_keyword scan_keywords[KEYWORD_END - TOKEN_KEYWORDS];

// `token` is a keyword's id.
static inline const struct scan_keyword *scan_keyword(uint8_t token)
{
    return &scan_keywords[token - TOKEN_KEYWORDS];
}

// The keyword of a word of `n` > 0 bytes in any case, or TOKEN_WORD.
uint8_t scan_words_lookup(const uint8_t *p, size_t n);
// In a SET statement: TOKEN_BUILTIN for a TOKEN_WORD that names a common built-in function.
uint8_t scan_words_builtin(const uint8_t *p, size_t n, uint8_t token) __attribute__((cold));
// For the unit test: bits of the lengths of the keywords of 'A' to 'Z'.
uint32_t scan_words_lengths(char letter);

#endif
