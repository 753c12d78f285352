// The portrait: contexts, changed variables, and what makes it doubtful.
#include "state/portrait.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "wire/packet.h"
#include "wire/reply.h"

static const char *const BASE[CONTEXT_COUNT] = {"utf8mb4", "utf8mb4", "utf8mb4_general_ci",
                                                "STRICT_TRANS_TABLES"};

static void entry(struct buf *block, uint8_t type, const struct buf *data)
{
    buf_u8(block, type);
    buf_lenenc_bytes(block, data->p, data->n);
}

static void pair(struct buf *data, const char *name, const char *value)
{
    buf_lenenc_bytes(data, name, strlen(name));
    buf_lenenc_bytes(data, value, strlen(value));
}

// "name=value;name=value;USE schema;STATE"
static struct portrait_news report(struct portrait *p, bool certain, const char *text)
{
    struct buf block, data;
    struct portrait_news news;
    char copy[400];
    char *save = NULL;
    buf_init(&block, 0);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *s = strtok_r(copy, ";", &save); s != NULL; s = strtok_r(NULL, ";", &save)) {
        char *equal = strchr(s, '=');
        buf_init(&data, 0);
        if (strncmp(s, "USE", 3) == 0) {
            const char *schema = s[3] != '\0' ? s + 4 : "";
            buf_lenenc_bytes(&data, schema, strlen(schema));
            entry(&block, TRACK_SCHEMA, &data);
        } else if (strcmp(s, "STATE") == 0) {
            buf_put(&data, "1", 1);
            entry(&block, TRACK_STATE_CHANGE, &data);
        } else {
            cr_assert_not_null(equal);
            *equal = '\0';
            pair(&data, s, equal + 1);
            entry(&block, TRACK_SYSTEM_VARIABLES, &data);
        }
        buf_release(&data);
    }
    cr_assert_eq(portrait_report(p, reader_make(block.p, block.n), certain, &news), SL_OK);
    buf_release(&block);
    return news;
}

static const char *changed(const struct portrait *p)
{
    static char text[1000];
    size_t n = 0;
    text[0] = '\0';
    for (const struct variable *v = p->changed; v != NULL; v = v->next)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s=%s;", v->name, v->value);
    return text;
}

static struct portrait begin(void)
{
    struct portrait p;
    portrait_init(&p);
    portrait_baseline(&p, "app", BASE);
    return p;
}

Test(portrait, changed_variables_in_order_of_their_last_change)
{
    struct portrait p = begin();
    report(&p, true, "Time_Zone=+01:00;sort_buffer_size=1");
    report(&p, true, "time_zone=+02:00;statement_id=5;last_gtid=0-1-1;identity=7");
    cr_expect_str_eq(changed(&p), "sort_buffer_size=1;time_zone=+02:00;");
    cr_expect(!p.missed && !p.odd && !p.tampered && !p.truncated && !p.hidden);
    portrait_reset(&p);
    cr_expect_null(p.changed);
    cr_expect_null(p.now);
    portrait_release(&p);
}

Test(portrait, contexts_are_shared_and_never_changed)
{
    struct portrait p = begin();
    struct context *first = context_ref(p.now);
    portrait_baseline(&p, "other", BASE);
    cr_expect_eq(p.now, first, "a context is known already");
    report(&p, true, "sql_mode=STRICT_TRANS_TABLES;time_zone=+01:00");
    cr_expect_eq(p.now, first, "nothing of it has changed");
    report(&p, true, "sql_mode=ANSI;USE test");
    cr_assert_neq(p.now, first);
    cr_expect_str_eq(p.now->schema, "test");
    cr_expect_str_eq(p.now->values[CONTEXT_sql_mode], "ANSI");
    cr_expect_str_eq(first->schema, "app");
    cr_expect(!context_equal(p.now, first) && context_equal(first, first));
    cr_expect(!context_equal(first, NULL) && context_equal(NULL, NULL));
    report(&p, true, "USE app;sql_mode=STRICT_TRANS_TABLES");
    cr_expect(context_equal(p.now, first));
    report(&p, true, "USE");
    cr_assert_not_null(p.now);
    cr_expect_null(p.now->schema, "the default database was dropped");
    portrait_release(&p);
    context_unref(first);
}

// On MySQL more variables decide how a statement is prepared; elsewhere they are not told.
Test(portrait, contexts_have_what_counts_on_the_server)
{
    static const char *const mysql[CONTEXT_COUNT] = {
        "utf8mb4", "utf8mb4", "utf8mb4_bin", "", "utf8mb4_0900_ai_ci", "0", "4", "1024", "en_US"};
    struct portrait p = begin();
    struct context *first = p.now;
    report(&p, true, "group_concat_max_len=5;lc_time_names=de_DE");
    cr_expect_eq(p.now, first, "MariaDB looks at them with each execute");
    portrait_reset(&p);
    portrait_baseline(&p, NULL, mysql);
    report(&p, true, "group_concat_max_len=5;lc_time_names=de_DE");
    cr_expect_str_eq(p.now->values[CONTEXT_group_concat_max_len], "5");
    cr_expect_str_eq(p.now->values[CONTEXT_lc_time_names], "de_DE");
    cr_expect_str_eq(p.now->values[CONTEXT_div_precision_increment], "4");
    portrait_release(&p);
}

// Reports with which the context is known no longer.
Test(portrait, contexts_that_reports_do_not_tell_in_full)
{
    static const char *const lost[] = {
        "character_set_client=latin1;character_set_connection=latin1",
        "collation_connection=latin1_bin",
    };
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        struct portrait p = begin();
        report(&p, true, lost[i]);
        cr_expect_null(p.now, "%s", lost[i]);
        cr_expect(!p.missed);
        report(&p, true, "sql_mode=ANSI");
        cr_expect_null(p.now);
        portrait_baseline(&p, NULL, BASE);
        cr_expect_not_null(p.now);
        portrait_release(&p);
    }
    struct portrait p = begin();
    report(&p, true, "character_set_connection=latin1;collation_connection=latin1_bin");
    cr_assert_not_null(p.now);
    cr_expect_str_eq(p.now->values[CONTEXT_collation_connection], "latin1_bin");
    portrait_release(&p);
}

Test(portrait, values_that_may_hold_for_a_while_only)
{
    struct portrait p = begin();
    report(&p, true, "max_statement_time=5;time_zone=+01:00");
    report(&p, false, "max_statement_time=10");
    cr_expect_str_eq(changed(&p), "time_zone=+01:00;");
    cr_expect(p.missed && !p.odd);
    cr_expect_not_null(p.now);
    report(&p, false, "sql_mode=ANSI;USE test");
    cr_expect_null(p.now);
    portrait_release(&p);
    p = begin();
    report(&p, false, "USE test;STATE;timestamp=5");
    cr_expect_str_eq(p.now->schema, "test");
    cr_expect(p.odd && p.missed);
    portrait_release(&p);
    p = begin();
    portrait_missed(&p);
    cr_expect(p.missed && p.now == NULL);
    portrait_release(&p);
}

Test(portrait, news)
{
    struct portrait p = begin();
    struct portrait_news n = report(&p, true, "statement_id=1;STATE");
    cr_expect(!n.variables && n.state_change && !n.schema && !n.tracking);
    n = report(&p, true, "session_track_schema=OFF");
    cr_expect(!n.variables && n.tracking && !n.schema);
    n = report(&p, true, "session_track_gtids=OWN_GTID;USE a");
    cr_expect(n.variables && !n.tracking && n.schema);
    portrait_release(&p);
}

Test(portrait, kinds)
{
    static const struct {
        const char *name;
        enum variable_kind kind;
    } rows[] = {
        {"time_zone", VARIABLE_REPLAYED},  {"SQL_MODE", VARIABLE_REPLAYED},
        {"timestamp", VARIABLE_ODD},       {"Insert_ID", VARIABLE_ODD},
        {"rand_seed1", VARIABLE_ODD},      {"debug", VARIABLE_ODD},
        {"debug_dbug", VARIABLE_ODD},      {"gtid_next", VARIABLE_ODD},
        {"sql_log_bin", VARIABLE_ODD},     {"statement_id", VARIABLE_IGNORED},
        {"LAST_GTID", VARIABLE_IGNORED},   {"last_insert_id", VARIABLE_IGNORED},
        {"nosuch", VARIABLE_REPLAYED},     {"time", VARIABLE_REPLAYED},
        {"autocommit", VARIABLE_REPLAYED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(portrait_variable_kind(
                         (struct slice){(const uint8_t *)rows[i].name, strlen(rows[i].name)}),
                     rows[i].kind, "%s", rows[i].name);
}

Test(portrait, is_bounded)
{
    struct portrait p = begin();
    char text[100];
    for (int i = 0; i < PORTRAIT_VARIABLES_MAX; i++) {
        snprintf(text, sizeof text, "v%d=1", i);
        report(&p, true, text);
    }
    cr_expect(!p.truncated);
    report(&p, true, "v7=2");
    cr_expect(!p.truncated);
    report(&p, true, "more=1");
    cr_expect(p.truncated);
    portrait_release(&p);

    struct buf block, data;
    struct portrait_news news;
    for (int nul = 0; nul < 2; nul++) {
        char *value = mem_zalloc(PORTRAIT_VALUE_MAX + 2);
        memset(value, 'a', PORTRAIT_VALUE_MAX + 1);
        p = begin();
        report(&p, true, "sql_mode=ANSI");
        buf_init(&block, 0);
        buf_init(&data, 0);
        buf_lenenc_bytes(&data, "sql_mode", 8);
        buf_lenenc_bytes(&data, nul ? "a\0b" : value, nul ? 3 : PORTRAIT_VALUE_MAX + 1);
        entry(&block, TRACK_SYSTEM_VARIABLES, &data);
        cr_assert_eq(portrait_report(&p, reader_make(block.p, block.n), true, &news), SL_OK);
        cr_expect(p.truncated && p.changed == NULL && p.now == NULL);
        buf_release(&block);
        buf_release(&data);
        portrait_release(&p);
        mem_free(value);
    }
}

Test(portrait, malformed)
{
    static const struct {
        const char *block;
        size_t n;
    } rows[] = {
        {"\0\5ab", 4},
        {"\1", 1},
        {"\0\3\7ab\2\1"
         "1",
         8},
    };
    for (size_t i = 0; i < 2; i++) {
        struct portrait p = begin();
        struct portrait_news news;
        cr_expect_eq(portrait_report(&p, reader_make(rows[i].block, rows[i].n), true, &news),
                     SL_EPROTO);
        cr_expect(p.missed && p.now == NULL);
        portrait_release(&p);
    }
    struct portrait p = begin();
    struct portrait_news news;
    cr_expect_eq(portrait_report(&p, reader_make(rows[2].block, rows[2].n), true, &news), SL_OK);
    cr_expect(p.missed && p.now == NULL && news.state_change);
    portrait_release(&p);
}
