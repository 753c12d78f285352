// The table, and the way to a statement's text behind query attributes.
#include "wire/command.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "wire/caps.h"
#include "wire/recording.h"

Test(command, names_are_those_of_the_enumerators)
{
#define X(name, code, reply) {#name, code, reply},
    static const struct {
        const char *name;
        uint8_t code;
        enum reply_kind reply;
    } rows[] = {COMMANDS(X)};
#undef X
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = command_name(rows[i].code);
        cr_expect_eq(strlen(name), strlen(rows[i].name) - 4, "%s", rows[i].name);
        cr_expect_eq(strcasecmp(name, rows[i].name + 4), 0, "%s", rows[i].name);
        cr_expect(islower((unsigned char)name[0]), "%s", rows[i].name);
        cr_expect_eq(command_reply(rows[i].code), rows[i].reply);
    }
    cr_expect_str_eq(command_name(0x55), "unknown");
    cr_expect_eq(command_reply(0x55), REPLY_UNKNOWN);
}

static void expect_text(struct slice payload, uint64_t caps, const char *text)
{
    size_t at = 0;
    bool malformed;

    cr_expect(command_query_text(payload.p, payload.n, caps, &at, &malformed), "%s", text);
    cr_expect(slice_is((struct slice){payload.p + at, payload.n - at}, text), "%s", text);
    // Any part that ends before the text says "read on", never "malformed".
    for (size_t n = 0; n < at; n++) {
        size_t none = 0;
        cr_expect(!command_query_text(payload.p, n, caps, &none, &malformed), "%s, %zu", text, n);
        cr_expect(!malformed, "%s, %zu", text, n);
    }
}

Test(command, text_of_recorded_queries_with_attributes)
{
    struct recording *r = recording_load("mysql-attributes-ok");
    static const char *const texts[] = {"SELECT 1", "SELECT 2", "SELECT 3"};
    size_t found = 0;

    for (size_t i = 0; i < r->n && found < 3; i++) {
        if (r->packets[i].client)
            expect_text(recording_payload(&r->packets[i]), r->caps, texts[found++]);
    }
    cr_expect_eq(found, 3);
}

Test(command, text_without_the_capability)
{
    expect_text((struct slice){(const uint8_t *)"\3SELECT 1", 9}, 0, "SELECT 1");
    expect_text((struct slice){(const uint8_t *)"\3", 1}, 0, "");
    expect_text((struct slice){(const uint8_t *)"\3\0\1DO 1", 7}, CAP_QUERY_ATTRIBUTES, "DO 1");
}

Test(command, every_kind_of_value_is_stepped_over)
{
    // int64, datetime of 4 bytes, empty time, NULL type, float, text
    static const uint8_t payload[] = "\3\6\1\0\1"
                                     "\x08\x80\1a\x0C\0\1b\x0B\0\1c\6\0\1d\4\0\1e\xFE\0\1f"
                                     "12345678\4abcd\0fghi\3xyz"
                                     "DO 1";
    expect_text((struct slice){payload, sizeof payload - 1}, CAP_QUERY_ATTRIBUTES, "DO 1");
}

Test(command, malformed_attributes)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        {"\3\1\1\0\0DO 1", 9},           // no types (recorded: the server refuses it)
        {"\3\0\2DO 1", 7},               // two sets (recorded likewise)
        {"\3\1\1\0\1\x55\0\1aDO 1", 13}, // no such type
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t at = 0;
        bool malformed = false;
        cr_expect(!command_query_text((const uint8_t *)rows[i].bytes, rows[i].n,
                                      CAP_QUERY_ATTRIBUTES, &at, &malformed));
        cr_expect(malformed, "row %zu", i);
    }
}

Test(command, more_attributes_than_memory_has_bits)
{
    static const uint8_t payload[] = "\3\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\1\0\1";
    size_t at;
    bool malformed;

    cr_expect(!command_query_text(payload, sizeof payload, CAP_QUERY_ATTRIBUTES, &at, &malformed));
}
