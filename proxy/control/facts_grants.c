// What the control account may do, from SHOW GRANTS: the one place where roles count, too.
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "control/facts_parts.h"

// Each of these, or one of those that it names after a bar, is needed on everything (*.*).
static const struct need {
    struct family_range of;
    const char *any;
    const char *to;
} needs[] = {
    {{FAMILY_UNKNOWN, 0, 0}, "PROCESS", "see connections"},
    {{FAMILY_UNKNOWN, 0, 0}, "CREATE USER", "lock accounts"},
    {{FAMILY_UNKNOWN, 0, 0}, "EVENT", "enable events"},
    {{FAMILY_MARIADB, 0, 101100}, "READ_ONLY ADMIN|READ ONLY ADMIN|SUPER", "set read_only"},
    {{FAMILY_MARIADB, 101100, 0}, "READ_ONLY ADMIN|READ ONLY ADMIN", "set read_only"},
    {{FAMILY_MARIADB, 0, 0}, "CONNECTION ADMIN|SUPER", "kill connections"},
    {{FAMILY_MARIADB, 0, 0}, "BINLOG ADMIN|SUPER", "keep locks out of the binary log"},
    {{FAMILY_MARIADB, 0, 0},
     "BINLOG MONITOR|REPLICATION CLIENT|SUPER",
     "see the binary log's position"},
    {{FAMILY_MARIADB, 0, 0}, "SLAVE MONITOR|REPLICA MONITOR|SUPER", "see replication"},
    {{FAMILY_MARIADB, 0, 0},
     "REPLICATION SLAVE ADMIN|REPLICATION REPLICA ADMIN|SUPER",
     "turn replication round"},
    {{FAMILY_MARIADB, 0, 0}, "SUPER", "switch the event scheduler"},
    {{FAMILY_MYSQL, 0, 0}, "SYSTEM_VARIABLES_ADMIN|SUPER", "set read_only"},
    {{FAMILY_MYSQL, 0, 0}, "CONNECTION_ADMIN|SUPER", "kill connections"},
    {{FAMILY_MYSQL, 0, 0}, "REPLICATION CLIENT|SUPER", "see replication"},
    {{FAMILY_MYSQL, 0, 0}, "REPLICATION_SLAVE_ADMIN|SUPER", "turn replication round"},
};

void facts_take_grant(const char *line, char *have, size_t size)
{
    static const char GRANT[] = "GRANT ";
    const char *end = strstr(line, " ON *.* TO ");
    if (strncmp(line, GRANT, strlen(GRANT)) != 0 || end == NULL)
        return;
    size_t n = strlen(have);
    if (n == 0 && size > 1) {
        text_copy(have, size, ",");
        n = 1;
    }
    for (const char *at = line + strlen(GRANT); at < end && n + 1 < size;) {
        size_t word = strcspn(at, ",");
        word = word < (size_t)(end - at) ? word : (size_t)(end - at);
        int wrote = snprintf(have + n, size - n, "%.*s,", (int)word, at);
        n = wrote < 0 || (size_t)wrote >= size - n ? size : n + (size_t)wrote;
        at += word;
        at += strspn(at, ", ");
    }
}

static bool has(const char *have, const char *privilege, size_t n)
{
    char word[64];
    (void)snprintf(word, sizeof word, ",%.*s,", (int)n, privilege);
    return strstr(have, word) != NULL;
}

static bool has_any(const char *have, const char *any)
{
    while (*any != '\0') {
        size_t n = strcspn(any, "|");
        if (has(have, any, n))
            return true;
        any += n;
        any += *any == '|' ? 1 : 0;
    }
    return false;
}

static bool is_for(const struct family_range *r, const struct facts *f)
{
    return (r->family == FAMILY_UNKNOWN || r->family == f->family) && f->version >= r->from &&
           (r->below == 0 || f->version < r->below);
}

void facts_list_lacks(const struct facts *f, const char *have, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    if (has_any(have, "ALL PRIVILEGES"))
        return;
    for (size_t i = 0; i < sizeof needs / sizeof *needs && n < size; i++) {
        const struct need *need = &needs[i];
        if (!is_for(&need->of, f) || has_any(have, need->any))
            continue;
        int wrote = snprintf(out + n, size - n, "%s%.*s (to %s)", n > 0 ? ", " : "",
                             (int)strcspn(need->any, "|"), need->any, need->to);
        n += wrote > 0 ? (size_t)wrote : 0;
    }
}

enum sl_code facts_ask_grants(struct sql *sql, struct facts *f, struct sl_error *err)
{
    char have[4096] = "";
    enum sl_code code = sql_query(sql, "SHOW GRANTS", err);
    while (code == SL_OK && sql_next(sql)) {
        const char *line = sql_column_value(sql, 0);
        if (line != NULL)
            facts_take_grant(line, have, sizeof have);
    }
    sql_wipe(sql); // MariaDB's hash of our password is among them
    if (code == SL_OK)
        facts_list_lacks(f, have, f->lacks, sizeof f->lacks);
    return code;
}
