// The keyword table of the text scan, and the way from a word to its row: by first letter, then
// length, so that the words of ordinary statements cost a few comparisons.
#include "state/scan_words.h"

#include <string.h>

const struct scan_keyword scan_keywords[KEYWORD_END - TOKEN_KEYWORDS] = {
#define X(word, ...) {.text = #word, __VA_ARGS__},
    KEYWORDS(X)
#undef X
};

// For each letter its first keyword (one without any has that of the next letter), and a bit for
// each length that its keywords have: most words end there. The unit test looks, and says what a
// new keyword makes of it.
static const struct {
    uint8_t first;
    uint32_t lengths;
} letters[27] = {
    {KW_ALTER, 0x000000A0},              // A
    {KW_BACKUP, 0x00000070},             // B
    {KW_CALL, 0x001004F0},               // C
    {KW_DECLARE, 0x000009D4},            // D
    {KW_END, 0x000008C8},                // E
    {KW_FLUSH, 0x00000438},              // F
    {KW_GB18030, 0x00000188},            // G
    {KW_HANDLER, 0x00000090},            // H
    {KW_ID, 0x00040154},                 // I
    {KW_KILL, 0x00000000},               // J
    {KW_KILL, 0x00000010},               // K
    {KW_LOAD, 0x00000010},               // L
    {KW_NAMES, 0x00000000},              // M
    {KW_NAMES, 0x00000020},              // N
    {KW_OPEN, 0x00000110},               // O
    {KW_PERFORMANCE_SCHEMA, 0x00040080}, // P
    {KW_QUERY, 0x00000020},              // Q
    {KW_READ, 0x000203D0},               // R
    {KW_SELECT, 0x44DB0378},             // S
    {KW_TABLE, 0x00201B64},              // T
    {KW_UNLOCK, 0x00000050},             // U
    {KW_VALUES, 0x24080240},             // V
    {KW_WARNINGS, 0x00002130},           // W
    {KW_XA, 0x00000004},                 // X
    {KEYWORD_END, 0x00000000},           // Y
    {KEYWORD_END, 0x00000000},           // Z
    {KEYWORD_END, 0},
};

// Apart from the rows, so that looking through a letter touches one cache line.
static const uint8_t lengths[] = {
#define X(word, ...) sizeof #word - 1,
    KEYWORDS(X)
#undef X
};

// Words consist of letters, digits, _, $ and bytes above 0x7F: without bit 5 they differ exactly
// when they differ in upper case.
static inline uint64_t load8(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v & UINT64_C(0xDFDFDFDFDFDFDFDF);
}

static inline uint32_t load4(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v & UINT32_C(0xDFDFDFDF);
}

static inline bool same_word(const uint8_t *p, const char *upper, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8) {
            if (load8(p + i) != load8(upper + i))
                return false;
        }
        return load8(p + n - 8) == load8(upper + n - 8);
    }
    if (n >= 4)
        return load4(p) == load4(upper) && load4(p + n - 4) == load4(upper + n - 4);
    for (size_t i = 0; i < n; i++) {
        if ((p[i] & 0xDF) != ((uint8_t)upper[i] & 0xDF))
            return false;
    }
    return true;
}

uint8_t scan_words_lookup(const uint8_t *p, size_t n)
{
    unsigned letter = (unsigned)(p[0] | 0x20) - 'a';
    if (letter > 25 || n > SCAN_WORD_MAX || !(letters[letter].lengths >> n & 1))
        return TOKEN_WORD;
    for (uint8_t id = letters[letter].first; id < letters[letter + 1].first; id++) {
        if (lengths[id - TOKEN_KEYWORDS] == n && same_word(p, scan_keyword(id)->text, n))
            return id;
    }
    return TOKEN_WORD;
}

// Those that applications and drivers use to compute what they set, and reserved words that may
// stand before a parenthesis.
static const char *const builtins[] = {
    "ABS",
    "ADDTIME",
    "AES_DECRYPT",
    "AES_ENCRYPT",
    "AND",
    "ASCII",
    "BIN",
    "BINARY",
    "CAST",
    "CEIL",
    "CEILING",
    "CHAR",
    "CHAR_LENGTH",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "CONNECTION_ID",
    "CONV",
    "CONVERT",
    "COUNT",
    "CRC32",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "DATABASE",
    "DATE",
    "DATEDIFF",
    "DATE_ADD",
    "DATE_FORMAT",
    "DATE_SUB",
    "DAY",
    "ELT",
    "EXTRACT",
    "FIELD",
    "FIND_IN_SET",
    "FLOOR",
    "FORMAT",
    "FROM_BASE64",
    "FROM_UNIXTIME",
    "GREATEST",
    "HEX",
    "HOUR",
    "IFNULL",
    "IN",
    "INET6_ATON",
    "INET_ATON",
    "INSTR",
    "INTERVAL",
    "ISNULL",
    "JSON_ARRAY",
    "JSON_EXTRACT",
    "JSON_OBJECT",
    "JSON_SET",
    "JSON_UNQUOTE",
    "LAST_INSERT_ID",
    "LCASE",
    "LEAST",
    "LEFT",
    "LENGTH",
    "LOCATE",
    "LOWER",
    "LPAD",
    "LTRIM",
    "MD5",
    "MICROSECOND",
    "MID",
    "MINUTE",
    "MOD",
    "MONTH",
    "NOT",
    "NOW",
    "NULLIF",
    "OCTET_LENGTH",
    "OR",
    "PASSWORD",
    "POW",
    "POWER",
    "RAND",
    "RANDOM_BYTES",
    "REGEXP_REPLACE",
    "RELEASE_LOCK",
    "REVERSE",
    "RIGHT",
    "ROUND",
    "RPAD",
    "RTRIM",
    "SCHEMA",
    "SECOND",
    "SESSION_USER",
    "SHA",
    "SHA1",
    "SHA2",
    "SIGN",
    "SLEEP",
    "SQRT",
    "STR_TO_DATE",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "SYSDATE",
    "SYSTEM_USER",
    "TIME",
    "TIMEDIFF",
    "TIMESTAMP",
    "TIMESTAMPADD",
    "TIMESTAMPDIFF",
    "TO_BASE64",
    "TRIM",
    "UCASE",
    "UNHEX",
    "UNIX_TIMESTAMP",
    "UPPER",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "UUID",
    "UUID_SHORT",
    "VERSION",
    "WEEK",
    "WHERE",
    "YEAR",
};

uint8_t scan_words_builtin(const uint8_t *p, size_t n, uint8_t token)
{
    if (token != TOKEN_WORD)
        return token;
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        if (strlen(builtins[i]) == n && same_word(p, builtins[i], n))
            return TOKEN_BUILTIN;
    }
    return TOKEN_WORD;
}

uint32_t scan_words_lengths(char letter)
{
    return letters[letter - 'A'].lengths;
}
