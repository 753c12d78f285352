// What is to be done about a MongoDB manoeuvre that did not end; what it remembers.
#include "cutover/mongo_unended.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct mongo_memory MEMORY = {
    .known = true,
    .host = "b:2",
    .old_primary = "a:1",
    .priority = 0.1,
    .votes = 1,
    .winning = 2,
    .staying = 1,
    .frozen_count = 2,
    .frozen = {"c:3", "d:4"},
};

Test(mongo_memory, is_the_same_when_read_back)
{
    struct buf json;
    struct mongo_memory back;
    struct sl_error err;
    buf_init(&json, 0);
    mongo_memory_write(&MEMORY, &json);
    cr_assert_eq(mongo_memory_read(buf_text(&json), &back, &err), SL_OK, "%s", err.text);
    cr_expect(back.known);
    cr_expect_str_eq(back.host, "b:2");
    cr_expect_str_eq(back.old_primary, "a:1");
    cr_expect_eq(back.priority, MEMORY.priority, "to the last bit");
    cr_expect_eq(back.votes, 1);
    cr_expect_eq(back.winning, 2);
    cr_expect_eq(back.staying, 1);
    cr_expect_eq(back.frozen_count, 2);
    cr_expect_str_eq(back.frozen[1], "d:4");
    buf_release(&json);
}

Test(mongo_memory, of_nothing)
{
    struct mongo_memory m;
    struct sl_error err;
    cr_expect_eq(mongo_memory_read("{}", &m, &err), SL_OK);
    cr_expect(!m.known);
    cr_expect_eq(mongo_memory_read("{", &m, &err), SL_EPROTO);
}

// A journal from words: "before prefer, after prefer".
static struct mongo_unended read_story(const char *deed, const char *story)
{
    struct journal_records r = {0};
    struct mongo_unended out = {.number = 3};
    struct sl_error err;
    struct buf memory;
    char begin[80], copy[300], *rest = copy, *part;
    struct journal_record list[24] = {0};
    buf_init(&memory, 0);
    mongo_memory_write(&MEMORY, &memory);
    snprintf(begin, sizeof begin, "{\"deed\":\"%s\",\"host\":\"b:2\"}", deed);
    r.list = list;
    list[r.count++] = (struct journal_record){.kind = JOURNAL_BEGIN, .data = begin};
    text_copy(copy, sizeof copy, story);
    while ((part = strsep(&rest, ",")) != NULL) {
        char word[24] = "", step[24] = "";
        struct journal_record *one = &list[r.count];
        if (sscanf(part, " %23s %23s", word, step) < 1)
            continue;
        r.count++;
        while (strcmp(journal_kind_text(one->kind), word) != 0)
            one->kind++;
        one->data = one->kind == JOURNAL_BEFORE ? (char *)buf_text(&memory) : "{}";
        text_copy(one->step, sizeof one->step, step);
    }
    cr_assert_eq(mongo_unended_read(&r, &out, &err), SL_OK, "%s: %s", story, err.text);
    buf_release(&memory);
    return out;
}

Test(mongo_unended, the_way)
{
    enum { NOTHING = MONGO_WAY_NOTHING, ON = MONGO_WAY_ON, BACK = MONGO_WAY_BACK };
    static const struct {
        const char *deed, *story;
        bool leads;
        int way;
        unsigned at; // of its steps
    } rows[] = {
        {"failover", "", false, NOTHING, 0},
        {"failover", "before preflight, after preflight, before probe", false, NOTHING, 0},
        {"failover", "before prefer", false, BACK, 2},
        {"failover", "before prefer, after prefer, before freeze", true, ON, 5},
        {"failover", "before prefer, after prefer, before freeze", false, BACK, 3},
        {"failover", "before step_down", false, BACK, 4},
        {"failover", "before step_down", true, ON, 5},
        {"failover", "before step_down, after step_down, before take_over", false, BACK, 5},
        {"failover", "before take_over", true, ON, 5},
        {"failover", "before take_over, after take_over", false, ON, 6},
        {"failover", "before take_over, after take_over, before restore", false, ON, 6},
        {"failover", "before step_down, failed step_down, undo_before step_down", true, BACK, 4},
        {"add", "before attach", false, ON, 1},
        {"add", "before attach, after attach, before fill", false, ON, 2},
        {"add", "before attach, after attach, before fill, failed fill, undo_before attach", false,
         BACK, 2},
        {"add", "before weigh, after weigh", false, ON, 5},
        {"remove", "before silence, after silence", false, BACK, 1},
        {"remove", "before silence, after silence, before leave", false, ON, 2},
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        struct mongo_unended u = read_story(rows[i].deed, rows[i].story);
        unsigned at = 99;
        int way = (int)mongo_unended_way(&u, rows[i].leads, &at);
        cr_expect_eq(way, rows[i].way, "%s: %s", rows[i].deed, rows[i].story);
        if (way != NOTHING)
            cr_expect_eq(at, rows[i].at, "%s: %s: %u", rows[i].deed, rows[i].story, at);
    }
}

Test(mongo_unended, one_that_has_ended)
{
    struct mongo_unended u = read_story("failover", "before prefer, end");
    cr_expect_eq(u.number, 0);
    u = read_story("failover", "before prefer");
    cr_expect_eq(u.number, 3);
    cr_expect_str_eq(u.last, "before prefer");
    cr_expect_str_eq(u.memory.host, "b:2");
}

Test(mongo_unended, a_journal_that_does_not_say_enough)
{
    struct journal_record list[] = {
        {.kind = JOURNAL_BEGIN, .data = "{\"deed\":\"failover\",\"host\":\"\"}"},
        {.kind = JOURNAL_BEFORE, .step = "prefer", .data = "{}"},
    };
    struct journal_records r = {.list = list, .count = 2};
    struct mongo_unended out = {.number = 1};
    struct sl_error err;
    cr_expect_eq(mongo_unended_read(&r, &out, &err), SL_EPROTO);
    list[0].data = "{\"deed\":\"dance\"}";
    cr_expect_eq(mongo_unended_read(&r, &out, &err), SL_EPROTO);
}
