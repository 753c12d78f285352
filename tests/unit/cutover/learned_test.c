// What was learned, to JSON and back.
#include "cutover/learned.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"

static struct schedule_event events[] = {{"app", "nightly"}, {"a'b", "ünï \"x\""}};
static struct fence_account accounts[] = {{"web", "%"}};

Test(learned, there_and_back)
{
    struct run r = {
        .both_ways = true, .saved = {true, false, true, accounts, 1}, .events = {events, 2}};
    struct run back = {0};
    struct sl_error err = {0};
    struct buf json;
    buf_init(&json, 4096);
    learned_to_json(&r, &json);
    // A second time does not add to the first.
    for (int i = 0; i < 2; i++)
        cr_assert_eq(learned_from_json(buf_text(&json), &back, &err), SL_OK, "%s", err.text);
    cr_expect(back.both_ways && !back.by_gtid && back.saved.read_only && back.saved.count == 1);
    cr_expect_str_eq(back.saved.accounts[0].user, "web");
    cr_assert_eq(back.events.count, 2);
    for (int i = 0; i < 2; i++) {
        cr_expect_str_eq(back.events.events[i].schema, events[i].schema);
        cr_expect_str_eq(back.events.events[i].name, events[i].name);
    }
    fence_release(&back.saved);
    schedule_release(&back.events);
    buf_release(&json);
}

Test(learned, places)
{
    const struct binlog_place place = {.file = "binlog.000002", .offset = 12345678901};
    struct binlog_place back;
    struct sl_error err = {0};
    struct buf json;
    buf_init(&json, 4096);
    place_to_json(&place, &json);
    cr_assert_eq(place_from_json(buf_text(&json), &back, &err), SL_OK, "%s", err.text);
    cr_expect_str_eq(back.file, place.file);
    cr_expect_eq(back.offset, place.offset);
    buf_release(&json);
}

Test(learned, what_is_not_one_is_not_guessed)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "{\"both_ways\":1,\"by_gtid\":true,\"events\":[],\"saved\":{}}",
        "{\"both_ways\":true,\"by_gtid\":true,\"events\":[],\"saved\":{}}",
        "{\"both_ways\":true,\"by_gtid\":true,\"events\":[{\"schema\":\"a\"}],\"saved\":"
        "{\"read_only\":true,\"super_read_only\":true,\"event_scheduler\":true,\"accounts\":[]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct run r = {0};
        struct binlog_place place;
        struct sl_error err;
        cr_expect_eq(learned_from_json(bad[i], &r, &err), SL_EPROTO, "%zu", i);
        cr_expect_eq(place_from_json(bad[i], &place, &err), SL_EPROTO, "%zu", i);
        fence_release(&r.saved);
        schedule_release(&r.events);
    }
}
