// The two renderers of one answer.
#include <criterion/criterion.h>
#include <string.h>

#include "admin/answer.h"

static const struct column COLUMNS[] = {
    {"id", "id"}, {"name", "name"}, {"age_ms", "age"}, {"hidden", ""}, {"tags", "tags"}};

static void fill(struct answer *a)
{
    answer_fact(a, "active", "active", cell_text("milan"));
    answer_fact(a, "gate.closed", "gate closed", cell_bool(true));
    answer_fact(a, "gate.since_ms", NULL, cell_of(CELL_MS, 1500000000));
    answer_fact(a, "", "for people", cell_text("only"));
    answer_fact(a, "lag_ms", "lag", cell_text(NULL));
    answer_say(a, "%d things", 2);
    answer_table(a, "rows", "rows", COLUMNS, 5);
    answer_row(a, (struct cell[]){cell_number(7), cell_text("\xc3\xa4"), cell_of(CELL_MS, 1999999),
                                  cell_of(CELL_US, 1999), cell_list("a,b")});
    answer_row(a, (struct cell[]){cell_number(1234), cell_text("long name"), cell_text(NULL),
                                  cell_bool(false), cell_list("")});
}

static void expect(struct buf *out, const char *text)
{
    cr_expect_str_eq(buf_text(out), text);
    buf_release(out);
}

Test(answer, for_people)
{
    struct answer *a = answer_new();
    struct buf out = {0};
    fill(a);
    answer_print(a, &out);
    expect(&out, "active       milan\n"
                 "gate closed  yes\n"
                 "for people   only\n"
                 "lag          -\n"
                 "2 things\n"
                 "\n"
                 "  id  name         age  tags\n"
                 "   7  \xc3\xa4          1.9ms  a,b\n"
                 "1234  long name      -  -\n");
    answer_free(a);
}

Test(answer, as_json)
{
    struct answer *a = answer_new();
    struct buf out = {0};
    fill(a);
    answer_print_json(a, NULL, NULL, &out);
    expect(&out,
           "{ \"ok\" : true, \"active\" : \"milan\", "
           "\"gate\" : { \"closed\" : true, \"since_ms\" : 1500 }, \"lag_ms\" : null, "
           "\"message\" : \"2 things\", \"rows\" : [ "
           "{ \"id\" : 7, \"name\" : \"\xc3\xa4\", \"age_ms\" : 1, \"hidden\" : 1, "
           "\"tags\" : [ \"a\", \"b\" ] }, "
           "{ \"id\" : 1234, \"name\" : \"long name\", \"age_ms\" : null, \"hidden\" : false, "
           "\"tags\" : [  ] } ] }\n");
    answer_free(a);
}

Test(answer, failure_as_json)
{
    struct buf out = {0};
    answer_print_json(NULL, "refused", "the \"gate\"", &out);
    expect(&out, "{ \"ok\" : false, \"kind\" : \"refused\", \"error\" : \"the \\\"gate\\\"\" }\n");
}

Test(answer, empty_tables)
{
    struct answer *a = answer_new();
    struct buf out = {0};
    answer_table(a, "rows", "sessions", COLUMNS, 5);
    answer_table(a, "more", "", COLUMNS, 5);
    answer_table(a, "json", NULL, COLUMNS, 5);
    answer_print(a, &out);
    expect(&out, "no sessions\n");
    answer_print_json(a, NULL, NULL, &out);
    expect(&out, "{ \"ok\" : true, \"rows\" : [  ], \"more\" : [  ], \"json\" : [  ] }\n");
    answer_free(a);
}

Test(answer, one_line)
{
    struct answer *a = answer_new();
    struct buf out = {0};
    answer_fact(a, "sessions", "sessions", cell_number(5));
    answer_fact(a, "left", "still open", cell_number(0));
    answer_print_line(a, &out);
    expect(&out, "sessions 5, still open 0");
    answer_print_json_as(a, "progress", &out);
    expect(&out, "{ \"progress\" : { \"sessions\" : 5, \"left\" : 0 } }\n");
    answer_free(a);
}

// Names come from clients: they may hold anything.
Test(answer, values_cannot_break_lines)
{
    struct answer *a = answer_new();
    struct buf out = {0};
    answer_fact(a, "user", "user", cell_text("x\nOK\n\x1b[2J\xff"));
    answer_print(a, &out);
    expect(&out, "user  x?OK??[2J?\n");
    answer_print_json(a, NULL, NULL, &out);
    cr_expect(strchr(buf_text(&out), '\n') == buf_text(&out) + out.n - 1);
    buf_release(&out);
    answer_free(a);
}
