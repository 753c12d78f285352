// The capture: texts of the questions, the statements that follow from a difference, and the
// comparison. What the servers themselves make of all this was tried with sixty states, every
// collation and character set on MariaDB 10.11 and MySQL 9.7: question, difference, and the question
// again, whose answer was the same byte for byte.
#include "state/capture.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "state/capture_internal.h"

static const struct capture_server maria = {CAPTURE_MARIADB, 101119};
static const struct capture_server mysql = {CAPTURE_MYSQL, 90704};
static const struct capture_server old_mysql = {CAPTURE_MYSQL, 80400};

// A capture whose variables all have the value "1", but those in the list (name, value, ..., NULL).
static void capture_make(struct capture *c, const struct capture_server *s, const char *name, ...)
{
    const struct capture_row *rows[CAPTURE_ROWS_MAX];
    va_list args;
    capture_init(c);
    c->known = true;
    c->value_count = capture_rows(s, rows);
    c->values = mem_array(c->value_count, sizeof *c->values);
    for (unsigned i = 0; i < c->value_count; i++)
        c->values[i] = mem_strdup("1");
    va_start(args, name);
    for (; name != NULL; name = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        for (unsigned i = 0; i < c->value_count; i++) {
            if (strcmp(rows[i]->name, name) == 0) {
                mem_free(c->values[i]);
                c->values[i] = value != NULL ? mem_strdup(value) : NULL;
            }
        }
    }
    va_end(args);
}

static void add_variable(struct capture *c, const char *name, const char *literal)
{
    c->variables = mem_realloc(c->variables, (c->variable_count + 1) * sizeof *c->variables);
    c->variables[c->variable_count++] = (struct capture_user_variable){
        .name = mem_strdup(name),
        .literal = mem_strdup(literal),
    };
}

// --- servers and the table -----------------------------------------------------------------------

Test(capture, servers)
{
    const struct {
        const char *version;
        enum capture_family family;
        unsigned number;
    } rows[] = {
        {"5.5.5-10.11.6-MariaDB-1:10.11.6+maria~deb12-log", CAPTURE_MARIADB, 101106},
        {"10.4.34-MariaDB", CAPTURE_MARIADB, 100434},
        {"11.8.2-MariaDB-ubu2404", CAPTURE_MARIADB, 110802},
        {"8.0.36", CAPTURE_MYSQL, 80036},
        {"8.0.36-28", CAPTURE_MYSQL, 80036},
        {"9.7.4-2", CAPTURE_MYSQL, 90704},
        {"8.4", CAPTURE_MYSQL, 80400},
        {"", CAPTURE_MYSQL, 0},
        {"x", CAPTURE_MYSQL, 0},
        {"99999999999999999999.5", CAPTURE_MYSQL, 999999},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice v = {(const uint8_t *)rows[i].version, strlen(rows[i].version)};
        struct capture_server s = capture_server_of(v);
        cr_expect_eq(s.family, rows[i].family, "%s", rows[i].version);
        cr_expect_eq(s.version, rows[i].number, "%s: %u", rows[i].version, s.version);
    }
}

static void expect_in_question(struct capture_server s, const char *name, bool wanted)
{
    struct buf sql = {0};
    char *pattern = mem_printf("@@SESSION.%s,", name);
    capture_question(&s, true, &sql);
    cr_expect_eq(strstr(buf_text(&sql), pattern) != NULL, wanted, "%s %u", name, s.version);
    mem_free(pattern);
    buf_release(&sql);
}

Test(capture, questions_follow_the_version)
{
    const struct {
        struct capture_server server;
        const char *name;
        bool wanted;
    } rows[] = {
        {{CAPTURE_MARIADB, 100400}, "tx_isolation", true},
        {{CAPTURE_MARIADB, 110100}, "tx_isolation", true},
        {{CAPTURE_MARIADB, 110101}, "tx_isolation", false},
        {{CAPTURE_MARIADB, 110101}, "transaction_isolation", true},
        {{CAPTURE_MARIADB, 100400}, "sql_if_exists", false},
        {{CAPTURE_MARIADB, 101108}, "innodb_snapshot_isolation", true},
        {{CAPTURE_MARIADB, 110300}, "innodb_snapshot_isolation", false},
        {{CAPTURE_MARIADB, 100400}, "max_statement_time", true},
        {{CAPTURE_MARIADB, 101119}, "max_execution_time", false},
        {{CAPTURE_MYSQL, 80000}, "transaction_isolation", true},
        {{CAPTURE_MYSQL, 80000}, "tx_isolation", false},
        {{CAPTURE_MYSQL, 80000}, "cte_max_recursion_depth", false},
        {{CAPTURE_MYSQL, 90704}, "cte_max_recursion_depth", true},
        {{CAPTURE_MYSQL, 80012}, "sql_require_primary_key", false},
        {{CAPTURE_MYSQL, 80013}, "sql_require_primary_key", true},
        {{CAPTURE_MARIADB, 110500}, "alter_algorithm", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_in_question(rows[i].server, rows[i].name, rows[i].wanted);
}

// The same in every character set and sql_mode, and under sql_select_limit=0.
static void expect_plain(struct buf *sql)
{
    cr_assert(!sql->failed);
    cr_expect_not_null(strstr(buf_text(sql), " LIMIT "), "%s", buf_text(sql));
    for (size_t i = 0; i < sql->n; i++)
        cr_assert(sql->p[i] >= ' ' && sql->p[i] <= '~' && sql->p[i] != '\\' && sql->p[i] != '"');
    buf_release(sql);
}

Test(capture, questions_are_plain)
{
    const struct capture_server servers[] = {maria, mysql, {CAPTURE_MYSQL, 80011}};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        struct buf sql = {0};
        capture_question(&servers[i], true, &sql);
        expect_plain(&sql);
        capture_question(&servers[i], false, &sql);
        cr_expect_null(strstr(buf_text(&sql), "RELEASE_ALL_LOCKS"));
        expect_plain(&sql);
        capture_names_question(&servers[i], &sql);
        expect_plain(&sql);
        capture_full_question(&servers[i], &sql);
        expect_plain(&sql);
    }
    struct buf sql = {0}; // it has no such function
    capture_question(&(struct capture_server){CAPTURE_MARIADB, 100434}, true, &sql);
    cr_expect_null(strstr(buf_text(&sql), "RELEASE_ALL_LOCKS"));
    buf_release(&sql);
}

Test(capture, values_question)
{
    const char *names[] = {"a", "b`c"};
    struct buf sql = {0};
    struct sl_error err;
    cr_assert_eq(capture_values_question(names, 2, &sql, &err), SL_OK);
    cr_assert_str_eq(buf_text(&sql),
                     "SELECT @`a`,CHARSET(@`a`),COLLATION(@`a`),CAST(@`a` AS BINARY),"
                     "@`b``c`,CHARSET(@`b``c`),COLLATION(@`b``c`),CAST(@`b``c` AS BINARY)"
                     " FROM DUAL WHERE (IFNULL(OCTET_LENGTH(@`a`),0)"
                     "+IFNULL(OCTET_LENGTH(@`b``c`),0))<=1572864 LIMIT 1");
    buf_release(&sql);
    cr_assert_eq(capture_values_question(names, 0, &sql, &err), SL_OK);
    cr_assert_str_eq(buf_text(&sql), "DO 0");
    buf_release(&sql);
    names[1] = "sch\xc3\xb6n";
    cr_assert_eq(capture_values_question(names, 2, &sql, &err), SL_EUNSUPPORTED);
    cr_assert_eq(capture_values_question(names, CAPTURE_USER_VARIABLES_MAX + 1, &sql, &err),
                 SL_EUNSUPPORTED);
    buf_release(&sql);
}

// --- statements ----------------------------------------------------------------------------------

static void gather(void *arg, const char *sql, size_t n)
{
    struct buf *all = arg;
    buf_put(all, sql, n);
    buf_str(all, "\n");
}

static void expect_difference(const struct capture *want, const struct capture *have,
                              const struct capture_server *s, const struct portrait *p,
                              const char *wanted)
{
    struct buf all = {0};
    capture_difference(want, have, s, p, gather, &all);
    cr_assert_str_eq(buf_text(&all), wanted, "%s", buf_text(&all));
    buf_release(&all);
}

Test(capture, difference_of_nothing)
{
    struct capture a;
    capture_make(&a, &mysql, NULL);
    expect_difference(&a, &a, &mysql, NULL, "");
    capture_release(&a);
}

// A host in another time zone cannot be made the same; the comparison says so.
Test(capture, difference_of_hosts)
{
    struct capture want;
    struct capture have;
    char what[60];
    capture_make(&want, &mysql, NULL);
    capture_make(&have, &mysql, "system_time_zone", "60", NULL);
    expect_difference(&want, &have, &mysql, NULL, "");
    cr_assert(!capture_equal(&want, &have, &mysql, what, sizeof what));
    cr_assert_str_eq(what, "@@system_time_zone");
    capture_release(&want);
    capture_release(&have);
}

// COM_RESET_CONNECTION gives MySQL's results the server's collation, and no variable says so.
Test(capture, difference_of_collations_in_results)
{
    struct capture want;
    struct capture have;
    char what[60];
    capture_make(&want, &mysql, "character_set_results", "utf8mb4", NULL);
    capture_make(&have, &mysql, "character_set_results", "utf8mb4", NULL);
    want.results_collation = 255;
    have.results_collation = 45;
    expect_difference(&want, &have, &mysql, NULL,
                      "SET @@SESSION.character_set_results=_utf8mb4'utf8mb4'\n");
    cr_assert(capture_equal(&want, &have, &mysql, what, sizeof what));
    capture_release(&want);
    capture_release(&have);
}

Test(capture, difference_in_order)
{
    struct capture want;
    struct capture have;
    capture_make(&want, &maria, "tx_isolation", "READ-COMMITTED", "max_statement_time", "0.000001",
                 "autocommit", "OFF", "character_set_results", NULL, "character_set_connection",
                 "latin1", "max_join_size", "7", NULL);
    capture_make(&have, &maria, NULL);
    want.role = mem_strdup("dev");
    want.schema = mem_strdup("a`b");
    want.last_insert_id = 5;
    add_variable(&want, "x", "CAST('1' AS SIGNED)");
    add_variable(&want, "y z", "0e0,@`y z`=NULL");
    expect_difference(&want, &have, &maria, NULL,
                      "SET ROLE `dev`\n"
                      "USE `a``b`\n"
                      "SET @`x`=CAST('1' AS SIGNED),@`y z`=0e0,@`y z`=NULL\n"
                      "SET @@SESSION.tx_isolation=_utf8mb4'READ-COMMITTED',"
                      "@@SESSION.autocommit=_utf8mb4'OFF',@@SESSION.max_join_size=7,"
                      "@@SESSION.sql_big_selects=1,@@SESSION.max_statement_time=0.000001,"
                      "@@SESSION.character_set_results=NULL,"
                      "@@SESSION.character_set_connection=_utf8mb4'latin1',"
                      "@@SESSION.collation_connection=1,@@SESSION.last_insert_id=5\n");
    capture_release(&want);
    capture_release(&have);
}

// Those that are read in the time zone set before them, or may be denied, have a SET of their own.
Test(capture, difference_alone)
{
    struct capture want;
    struct capture have;
    capture_make(&want, &maria, "time_zone", "+03:00", "system_versioning_asof",
                 "2020-01-01 00:00:00.5", "alter_algorithm", "DEFAULT", "lc_time_names", "de_DE",
                 NULL);
    capture_make(&have, &maria, NULL);
    expect_difference(&want, &have, &maria, NULL,
                      "SET @@SESSION.time_zone=_utf8mb4'+03:00',"
                      "@@SESSION.alter_algorithm=_utf8mb4'DEFAULT'\n"
                      "SET @@SESSION.system_versioning_asof=_utf8mb4'2020-01-01 00:00:00.5'\n"
                      "SET @@SESSION.lc_time_names=_utf8mb4'de_DE'\n");
    capture_release(&want);
    capture_make(&want, &maria, "system_versioning_asof", "DEFAULT", NULL);
    expect_difference(&want, &have, &maria, NULL, "SET @@SESSION.system_versioning_asof=DEFAULT\n");
    capture_release(&want);
    capture_release(&have);
}

// MySQL finds the row again as long as LAST_INSERT_ID() stays; MariaDB once.
Test(capture, pending_is_null)
{
    const struct {
        const struct capture_server *server;
        const char *value;
        uint64_t id;
        enum sl_code code;
    } rows[] = {{&maria, "OFF", 5, SL_OK},          {&maria, "ON", 0, SL_EUNSUPPORTED},
                {&maria, "ON", 5, SL_EUNSUPPORTED}, {&mysql, "1", 5, SL_OK},
                {&old_mysql, "0", 5, SL_OK},        {&old_mysql, "1", 5, SL_EUNSUPPORTED}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct capture c;
        struct sl_error err;
        capture_make(&c, rows[i].server, "sql_auto_is_null", rows[i].value, NULL);
        c.last_insert_id = rows[i].id;
        cr_expect_eq(capture_portable(&c, rows[i].server, &err), rows[i].code, "%zu", i);
        capture_release(&c);
    }
}

Test(capture, difference_of_roles)
{
    struct capture want;
    struct capture have;
    capture_make(&want, &mysql, NULL);
    capture_make(&have, &mysql, NULL);
    have.role = mem_strdup("`a`@`%`");
    expect_difference(&want, &have, &mysql, NULL, "SET ROLE NONE\n");
    want.role = mem_strdup("`b`@`%`,`c`@`%`");
    expect_difference(&want, &have, &mysql, NULL, "SET ROLE `b`@`%`,`c`@`%`\n");
    expect_difference(&have, &want, &mysql, NULL, "SET ROLE `a`@`%`\n");
    capture_release(&want);
    capture_release(&have);
}

Test(capture, difference_of_names_that_are_not_ascii)
{
    struct capture want;
    struct capture have;
    capture_make(&want, &maria, NULL);
    capture_make(&have, &maria, NULL);
    want.schema = mem_strdup("sch\xc3\xb6n");
    expect_difference(&want, &have, &maria, NULL,
                      "SET @@SESSION.character_set_client=_utf8mb4'utf8mb4'\n"
                      "USE `sch\xc3\xb6n`\n");
    capture_release(&want);
    capture_release(&have);
}

static void add_changed(struct portrait *p, const char *name, const char *value)
{
    struct variable **end = &p->changed;
    while (*end != NULL)
        end = &(*end)->next;
    *end = mem_zalloc(sizeof **end);
    (*end)->name = mem_strdup(name);
    (*end)->value = mem_strdup(value);
}

// Values as they are reported are text.
Test(capture, difference_of_what_was_reported)
{
    struct capture c;
    struct portrait p;
    portrait_init(&p);
    capture_make(&c, &mysql, "sql_mode", "ANSI", NULL);
    add_changed(&p, "optimizer_switch", "mrr=on");
    add_changed(&p, "long_query_time", "1.500000");
    add_changed(&p, "myisam_x", "-5");
    add_changed(&p, "quoted", "it's");
    add_changed(&p, "hidden", "a\\b");
    add_changed(&p, "bytes", "\xc3\xb6");
    add_changed(&p, "empty", "");
    add_changed(&p, "component.var", "1.");
    add_changed(&p, "timestamp", "5");       // odd: never replayed
    add_changed(&p, "last_insert_id", "77"); // captured
    add_changed(&p, "sql_mode", "wrong");    // captured, and set though it is the same
    expect_difference(&c, &c, &mysql, &p,
                      "SET @@SESSION.optimizer_switch=_utf8mb4'mrr=on',"
                      "@@SESSION.long_query_time=1.500000,@@SESSION.myisam_x=-5,"
                      "@@SESSION.quoted=_utf8mb4'it''s',@@SESSION.hidden=_utf8mb4 X'615C62',"
                      "@@SESSION.bytes=_utf8mb4 X'C3B6',@@SESSION.empty=_utf8mb4'',"
                      "@@SESSION.component.var=1.,@@SESSION.sql_mode=_utf8mb4'ANSI'\n");
    capture_release(&c);
    portrait_release(&p);
}

#define BY_NUMBER(id)                                                                              \
    "SET collation_connection=" id "\n"                                                            \
    "EXECUTE IMMEDIATE CONCAT(_latin1'SET NAMES ',@@character_set_connection,"                     \
    "_latin1' COLLATE ',@@collation_connection)\n"                                                 \
    "SET @@SESSION.character_set_connection=_utf8mb4'utf8mb4',"                                    \
    "@@SESSION.collation_connection=_utf8mb4'utf8mb4'\n"

// What came in one report, by SET NAMES, and what was set by itself after it.
Test(capture, difference_of_collations_by_their_reports)
{
    static const struct {
        uint32_t client, connection, results, collation;
        bool replayed;
        const char *mysql;
    } rows[] = {
        {1, 1, 1, 0, false, "SET NAMES utf8mb4 COLLATE utf8mb4\n"},
        {2, 2, 2, 1, false, "SET NAMES utf8mb4 COLLATE utf8mb4\n"},
        {1, 1, 2, 0, false,
         "SET NAMES utf8mb4 COLLATE utf8mb4\n"
         "SET @@SESSION.character_set_results=_utf8mb4'utf8mb4'\n"},
        {1, 1, 1, 2, false,
         ",@@SESSION.character_set_results=46,@@SESSION.character_set_client=46\n"},
        {1, 2, 1, 0, false,
         ",@@SESSION.character_set_results=46,@@SESSION.character_set_client=46\n"},
        {1, 2, 3, 0, false, NULL}, // by their names
        {1, 1, 1, 0, true,
         ",@@SESSION.character_set_results=46,@@SESSION.character_set_client=46\n"},
    };
    static const char *const names[] = {"character_set_client", "character_set_connection",
                                        "character_set_results", "collation_connection"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint32_t reports[] = {rows[i].client, rows[i].connection, rows[i].results,
                                    rows[i].collation};
        struct capture want, have;
        struct portrait p;
        struct buf all = {0};
        portrait_init(&p);
        capture_make(&want, &mysql, names[0], "utf8mb4", names[1], "utf8mb4", names[2], "utf8mb4",
                     names[3], "utf8mb4", NULL);
        capture_make(&have, &mysql, names[0], "utf8mb4", names[1], "utf8mb4", names[2], "utf8mb4",
                     names[3], "utf8mb4", NULL);
        want.results_collation = 46;
        have.replayed = rows[i].replayed;
        for (int v = 0; v < 4; v++) {
            if (reports[v] == 0)
                continue;
            add_changed(&p, names[v], "utf8mb4");
            struct variable *last = p.changed;
            while (last->next != NULL)
                last = last->next;
            last->report = reports[v];
        }
        capture_difference(&want, &have, &mysql, &p, gather, &all);
        const char *text = buf_text(&all), *end = rows[i].mysql;
        bool by_name = strstr(text, "=46") == NULL && strstr(text, "NAMES") == NULL;
        bool ends = end != NULL && strlen(text) > strlen(end) &&
                    strcmp(text + strlen(text) - strlen(end), end) == 0;
        cr_expect(end != NULL ? ends : by_name, "%zu: %s", i, text);
        buf_release(&all);
        capture_release(&want);
        capture_release(&have);
        portrait_release(&p);
    }
}

// What the login gave its character sets is lost on a link on which contexts were entered.
Test(capture, difference_to_a_link_with_contexts)
{
    struct capture want;
    struct capture have;
    struct portrait p;
    portrait_init(&p);
    capture_make(&want, &maria, NULL);
    capture_make(&have, &maria, NULL);
    for (unsigned i = 0; i < want.value_count; i++) {
        mem_free(want.values[i]);
        mem_free(have.values[i]);
        want.values[i] = mem_strdup("utf8mb4");
        have.values[i] = mem_strdup("utf8mb4");
    }
    expect_difference(&want, &have, &maria, &p, "");
    have.entered = true;
    expect_difference(&want, &have, &maria, &p, "SET NAMES utf8mb4 COLLATE utf8mb4\n");
    add_changed(&p, "collation_connection", "utf8mb4"); // set by the client: not the login's
    p.changed->report = 1;
    want.results_collation = 45;
    expect_difference(&want, &have, &maria, &p,
                      "SET @@SESSION.character_set_results=_utf8mb4'utf8mb4',"
                      "@@SESSION.collation_connection=_utf8mb4'utf8mb4'\n" BY_NUMBER("45"));
    capture_release(&want);
    capture_release(&have);
    portrait_release(&p);
}

// Several SETs, none larger than needed.
Test(capture, difference_of_many_variables)
{
    struct capture want;
    struct capture have;
    struct buf all = {0};
    size_t lines = 0;
    char *literal = mem_zalloc(3001);
    memset(literal, '1', 3000);
    capture_make(&want, &mysql, NULL);
    capture_make(&have, &mysql, NULL);
    for (int i = 0; i < 100; i++) {
        char *name = mem_printf("v%03d", i);
        add_variable(&want, name, literal);
        mem_free(name);
    }
    capture_difference(&want, &have, &mysql, NULL, gather, &all);
    for (const char *s = buf_text(&all); (s = strchr(s, '\n')) != NULL; s++)
        lines++;
    cr_assert_eq(lines, 10);
    expect_difference(&want, &want, &mysql, NULL, "");
    mem_free(literal);
    buf_release(&all);
    capture_release(&want);
    capture_release(&have);
}

Test(capture, enter_context)
{
    struct buf all = {0};
    struct context c = {.schema = "app", .values = {"gbk", "gbk", "gbk_bin", "ANSI,TRADITIONAL"}};
    capture_enter_context(&c, gather, &all);
    cr_assert_str_eq(buf_text(&all), "USE `app`\n"
                                     "SET @@SESSION.sql_mode=_utf8mb4'ANSI,TRADITIONAL',"
                                     "@@SESSION.character_set_client=_utf8mb4'gbk',"
                                     "@@SESSION.character_set_connection=_utf8mb4'gbk',"
                                     "@@SESSION.collation_connection=_utf8mb4'gbk_bin'\n");
    buf_clear(&all);
    c = (struct context){
        .values = {"latin1", "latin1", "latin1_bin", "", "utf8mb4_bin", "3", "9", "1024", "de_DE"}};
    capture_enter_context(&c, gather, &all);
    cr_assert_str_eq(buf_text(&all),
                     "SET @@SESSION.sql_mode=_utf8mb4'',"
                     "@@SESSION.default_collation_for_utf8mb4=_utf8mb4'utf8mb4_bin',"
                     "@@SESSION.default_week_format=3,@@SESSION.div_precision_increment=9,"
                     "@@SESSION.group_concat_max_len=1024,@@SESSION.lc_time_names=_utf8mb4'de_DE',"
                     "@@SESSION.character_set_client=_utf8mb4'latin1',"
                     "@@SESSION.character_set_connection=_utf8mb4'latin1',"
                     "@@SESSION.collation_connection=_utf8mb4'latin1_bin'\n");
    buf_release(&all);
}

// --- comparison ----------------------------------------------------------------------------------

static void expect_equal(const struct capture *a, const struct capture *b, const char *what)
{
    char text[100];
    cr_expect_eq(capture_equal(a, b, &maria, text, sizeof text), *what == '\0');
    cr_expect_str_eq(text, what);
    cr_expect_eq(capture_equal(b, a, &maria, text, sizeof text), *what == '\0');
    cr_expect_str_eq(text, what);
}

Test(capture, equal)
{
    struct capture a;
    struct capture b;
    capture_make(&a, &maria, NULL);
    capture_make(&b, &maria, NULL);
    expect_equal(&a, &b, "");
    expect_equal(&a, &b, "");
    mem_free(b.values[0]);
    b.values[0] = NULL;
    expect_equal(&a, &b, "@@sql_mode");
    add_variable(&b, "m", "0e0");
    expect_equal(&a, &b, "user variable @m");
    add_variable(&a, "a", "0e0");
    expect_equal(&a, &b, "user variable @a");
    a.last_insert_id = 1;
    expect_equal(&a, &b, "LAST_INSERT_ID()");
    b.schema = mem_strdup("app");
    expect_equal(&a, &b, "the default database");
    b.role = mem_strdup("dev");
    expect_equal(&a, &b, "the role");
    b.known = false;
    expect_equal(&a, &b, "not all is known");
    capture_release(&a);
    capture_release(&b);
}

Test(capture, equal_sees_another_literal)
{
    struct capture a;
    struct capture b;
    capture_make(&a, &maria, NULL);
    capture_make(&b, &maria, NULL);
    add_variable(&a, "a", "0e0");
    add_variable(&b, "a", "CAST('0' AS SIGNED)");
    expect_equal(&a, &b, "user variable @a");
    capture_release(&a);
    capture_release(&b);
}
