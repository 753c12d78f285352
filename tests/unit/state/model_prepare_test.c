// Prepared statements in the session model: what is kept of each, pipelined or not.
#include <criterion/criterion.h>
#include <string.h>

#include "state/model_help.h"
#include "wire/reply.h"

#define PREPARED "00%08x0000%02x0000000000"
#define DEFINITION "0161016201630164016501660c3f00"
#define EOF_OK "fe00000200"

// Prepare-OK of a statement without definitions behind it (optional metadata has none).
static enum tracker_event prepare_ok(struct model *m, uint8_t id, uint8_t columns, uint8_t params)
{
    uint8_t p[12] = {0, id, 0, 0, 0, columns, 0, params};
    struct tracked done;
    return model_packet(m, p, sizeof p, sizeof p, MS, &done);
}

static void send_prepare(struct model *m, const char *text)
{
    char payload[400];
    int n = snprintf(payload, sizeof payload, "\x16%s", text);
    send_bytes(m, payload, (size_t)n);
}

static const struct statement *find(const struct model *m, uint32_t id)
{
    return statements_find(&m->statements, id);
}

static void baseline(struct model *m)
{
    static const char *const values[CONTEXT_COUNT] = {"utf8mb4", "utf8mb4", "utf8mb4_bin", ""};
    portrait_baseline(&m->portrait, "app", values);
}

Test(prepare, text_and_context_are_kept)
{
    struct model m = begin();
    baseline(&m);
    send_prepare(&m, "SELECT ?, ?");
    cr_expect_eq(prepare_ok(&m, 7, 0, 2), TRACKER_MORE);
    cr_assert_not_null(m.added);
    cr_expect_eq(m.added->id, 7);
    const struct statement *s = find(&m, 7);
    cr_assert_not_null(s);
    cr_expect(s->text_n == 11 && memcmp(s->text, "SELECT ?, ?", 11) == 0);
    cr_expect_eq(s->params, 2);
    cr_expect_eq(s->context, m.portrait.now);
    cr_expect_eq(answer(&m, DEFINITION), TRACKER_MORE);
    cr_expect_null(m.added);
    cr_expect_eq(answer(&m, DEFINITION), TRACKER_DONE);
    EXPECT(&m, "");
    model_release(&m);
}

// Each text finds its answer, whatever fails between.
Test(prepare, pipelined)
{
    struct model m = begin();
    send_prepare(&m, "SELECT 1");
    send_prepare(&m, "SELEC 2");
    query(&m, "SET sql_mode=''");
    send_prepare(&m, "");
    cr_expect_eq(prepare_ok(&m, 1, 0, 0), TRACKER_DONE);
    cr_expect_eq(m.added, find(&m, 1));
    cr_expect_eq(answer(&m, ERR_HEX), TRACKER_DONE);
    cr_expect_null(m.added);
    cr_expect_eq(answer(&m, OK_AUTO), TRACKER_DONE);
    cr_expect_eq(prepare_ok(&m, 2, 0, 0), TRACKER_DONE);
    cr_assert(find(&m, 1) != NULL && find(&m, 2) != NULL);
    cr_expect(find(&m, 1)->text_n == 8 && memcmp(find(&m, 1)->text, "SELECT 1", 8) == 0);
    cr_expect(find(&m, 2)->text_n == 0 && find(&m, 2)->text != NULL);
    cr_expect_null(m.preparing);
    cr_expect_null(find(&m, 1)->context);
    model_release(&m);
}

Test(prepare, what_is_outstanding_at_the_end_is_released)
{
    struct model m = begin();
    send_prepare(&m, "SELECT ?");
    command(&m, "17ffffffff00010000000001080007");
    uint8_t head[] = "\x16SELECT";
    model_command(&m, head, 7, 100);
    model_text(&m, head + 1, 6);
    model_release(&m);
}

Test(prepare, own_ones_are_not_kept)
{
    struct model m = begin();
    send_prepare(&m, "SELECT 1");
    uint8_t head[] = "\x16SELECT 2";
    model_command(&m, head, 9, 9);
    model_command_own(&m);
    model_text(&m, head + 1, 8);
    model_command_end(&m);
    cr_expect_eq(prepare_ok(&m, 1, 0, 0), TRACKER_DONE);
    cr_expect_eq(prepare_ok(&m, 2, 0, 0), TRACKER_DONE);
    cr_expect_null(m.added);
    cr_expect(find(&m, 1) != NULL && find(&m, 2) == NULL);
    model_release(&m);
}

static void prepared(struct model *m, uint8_t id, uint8_t params)
{
    send_prepare(m, "SELECT ?, ?, ?");
    prepare_ok(m, id, 0, params);
    for (uint8_t i = 0; i < params; i++)
        answer(m, DEFINITION);
    cr_assert_eq(tracker_outstanding(&m->tracker), 0);
}

// Cut anywhere, the types are found.
Test(prepare, types_of_executes)
{
    uint8_t execute[64];
    size_t n = recording_hex("17010000000001000000000108000300fd000102030405", execute);
    for (size_t head = MODEL_COMMAND_HEAD; head <= n; head++) {
        for (size_t cut = 0; cut <= n; cut++) {
            struct model m = begin();
            prepared(&m, 1, 3);
            uint32_t at = model_command(&m, execute, head, (uint32_t)n);
            size_t first = at > cut ? at : cut;
            model_text(&m, execute + at, first - at);
            model_text(&m, execute + first, n - first);
            model_command_end(&m);
            cr_assert_not_null(find(&m, 1)->types);
            cr_expect_arr_eq(find(&m, 1)->types, "\x08\0\x03\0\xfd\0", 6);
            answer(&m, OK_AUTO);
            command(&m, "170100000000010000000000");
            answer(&m, OK_AUTO);
            cr_expect_arr_eq(find(&m, 1)->types, "\x08\0\x03\0\xfd\0", 6);
            EXPECT(&m, "");
            model_release(&m);
        }
    }
}

Test(prepare, types_that_cannot_be_read)
{
    struct model m = begin();
    prepared(&m, 1, 3);
    command(&m, "17010000000001000000000108");
    answer(&m, ERR_HEX);
    EXPECT(&m, "unknown_state");
    command(&m, "17010000000001000000000108000300fd00");
    answer(&m, OK_AUTO);
    EXPECT(&m, "");
    command(&m, "170100000000010000000009");
    answer(&m, ERR_HEX);
    EXPECT(&m, "unknown_state");
    command(&m, "1901000000");
    EXPECT(&m, "");
    model_release(&m);
}

// MariaDB's id -1, pipelined behind its prepare: how many parameters there are is known later.
Test(prepare, types_of_an_early_execute)
{
    struct model m = begin();
    prepared(&m, 1, 3);
    send_prepare(&m, "SELECT ?");
    command(&m, "17ffffffff00010000000001fd0000");
    command(&m, "17ffffffff0001000000000007");
    cr_expect_eq(prepare_ok(&m, 2, 0, 1), TRACKER_MORE);
    cr_expect_eq(answer(&m, DEFINITION), TRACKER_DONE);
    cr_assert_not_null(find(&m, 2)->types);
    cr_expect_arr_eq(find(&m, 2)->types, "\xfd\0", 2);
    cr_expect_null(find(&m, 1)->types);
    answer(&m, OK_AUTO);
    answer(&m, OK_AUTO);
    EXPECT(&m, "");
    command(&m, "17ffffffff000100000000010300");
    cr_expect_arr_eq(find(&m, 2)->types, "\x03\0", 2);
    model_release(&m);
}

Test(prepare, ids_after_a_move)
{
    struct statements s;
    statements_init(&s);
    for (uint32_t id = 1; id <= 5; id++)
        statements_add(&s, id, 0, 0, 0, NULL, 0, NULL);
    cr_expect_eq(s.incomplete, 5);
    statements_remove(&s, 5);
    s.moved = true;
    for (struct statement *one = statements_next(&s, NULL); one; one = statements_next(&s, one))
        one->server_id = 100 + one->id;
    struct statement *added = statements_add(&s, 3, 0, 0, 0, NULL, 0, NULL);
    cr_expect(added->id == 6 && added->server_id == 3);
    cr_expect_eq(statements_find(&s, 3)->server_id, 103);
    cr_expect_eq(statements_find(&s, STATEMENT_LAST), added);
    uint32_t want[] = {1, 2, 3, 4, 6}, i = 0;
    for (struct statement *one = statements_next(&s, NULL); one; one = statements_next(&s, one))
        cr_expect_eq(one->id, want[i++]);
    statements_clear(&s);
    cr_expect_eq(statements_add(&s, 1, 0, 0, 0, NULL, 0, NULL)->id, 7, "never given out twice");
    statements_release(&s);
}
