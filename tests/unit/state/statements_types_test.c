// Parameter types in executes: found, remembered, inserted. The forms were tried on MariaDB 10.11
// and MySQL 9.7.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "state/statements.h"
#include "wire/caps.h"
#include "wire/recording.h"

#define NAMED CAP_QUERY_ATTRIBUTES

// A statement of two parameters; "0800fd00" are the types of a LONGLONG and a VAR_STRING.
static const struct {
    const char *about;
    uint64_t caps;
    uint16_t params;
    const char *execute;
    enum execute_head head;
    const char *types;  // learned, NULL: none
    const char *insert; // what must be inserted when "0800fd00" are remembered, and where
    size_t at;
} rows[] = {
    {"no parameters", 0, 0, "17010000000001000000", EXECUTE_COMPLETE, NULL, NULL, 0},
    {"no parameters, no iterations yet", 0, 0, "1701", EXECUTE_COMPLETE, NULL, NULL, 0},
    {"types", 0, 2, "170100000000010000000001080003000700000000000000", EXECUTE_COMPLETE,
     "08000300", NULL, 0},
    {"unsigned", 0, 2, "17010000000001000000030108800680", EXECUTE_COMPLETE, "08800680", NULL, 0},
    {"types, cut", 0, 2, "170100000000010000000001080003", EXECUTE_MORE, NULL, NULL, 0},
    {"no flag yet", 0, 2, "1701000000000100000000", EXECUTE_MORE, NULL, NULL, 0},
    {"head, cut", 0, 2, "170100000000", EXECUTE_MORE, NULL, NULL, 0},
    {"nothing", 0, 2, "", EXECUTE_MORE, NULL, NULL, 0},
    {"lacks", 0, 2, "17010000000001000000000007", EXECUTE_LACKS, NULL, "010800fd00", 11},
    {"a flag of 2", 0, 2, "17010000000001000000000208000300", EXECUTE_CANNOT, NULL, NULL, 0},
    {"names", NAMED, 2, "17010000000001000000020001080000030001617777", EXECUTE_COMPLETE,
     "08000300", NULL, 0},
    {"names, cut", NAMED, 2, "170100000000010000000200010800000300", EXECUTE_MORE, NULL, NULL, 0},
    {"an attribute", NAMED, 2, "170100000008010000000300010800000300000f000161", EXECUTE_COMPLETE,
     "08000300", NULL, 0},
    {"only attributes", NAMED, 0, "1701000000080100000001000108000161", EXECUTE_COMPLETE, NULL,
     NULL, 0},
    {"names, lacks", NAMED, 2, "1701000000080100000002000007", EXECUTE_LACKS, NULL,
     "01080000fd0000", 12},
    {"an attribute, lacks", NAMED, 2, "1701000000080100000003000007", EXECUTE_CANNOT, NULL, NULL,
     0},
    {"too few", NAMED, 2, "170100000008010000000100010800", EXECUTE_CANNOT, NULL, NULL, 0},
    {"too many", NAMED, 2, "17010000000801000000feffffffffffffffff00", EXECUTE_CANNOT, NULL, NULL,
     0},
    {"bulk", 0, 2, "fa010000008000080003000007", EXECUTE_COMPLETE, "08000300", NULL, 0},
    {"bulk, cut", 0, 2, "fa010000008000080003", EXECUTE_MORE, NULL, NULL, 0},
    {"bulk, lacks", 0, 2, "fa0100000040000007", EXECUTE_LACKS, NULL, "c0000800fd00", 5},
    {"bulk, flags cut", 0, 2, "fa0100000000", EXECUTE_MORE, NULL, NULL, 0},
};

static struct statement *prepared(struct statements *s, uint16_t params)
{
    statements_init(s);
    return statements_add(s, 1, 0, params, 0, mem_strdup("x"), 1, NULL);
}

Test(statement_types, learned)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statements s;
        struct statement *one = prepared(&s, rows[i].params);
        uint8_t execute[64], want[8];
        size_t n = recording_hex(rows[i].execute, execute);
        one->types_owed = true;
        enum execute_head found = statement_types_learn(one, rows[i].caps, execute, n);
        bool refused = strcmp(rows[i].about, "an attribute, lacks") == 0; // by the server as well
        cr_expect_eq(found, refused ? EXECUTE_LACKS : rows[i].head, "%s", rows[i].about);
        cr_expect_eq(one->types != NULL, rows[i].types != NULL, "%s", rows[i].about);
        cr_expect_eq(one->types_owed, rows[i].types == NULL, "%s", rows[i].about);
        if (one->types != NULL && rows[i].types != NULL) {
            cr_expect_eq(recording_hex(rows[i].types, want), 4);
            cr_expect_arr_eq(one->types, want, 4, "%s", rows[i].about);
        }
        statements_release(&s);
    }
}

Test(statement_types, inserted)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct statements s;
        struct statement *one = prepared(&s, rows[i].params);
        uint8_t execute[64], want[16], types[4];
        size_t n = recording_hex(rows[i].execute, execute), at;
        struct buf out;
        recording_hex("0800fd00", types);
        one->types = mem_alloc(4);
        memcpy(one->types, types, 4);
        cr_expect_eq(statement_execute_head(one, rows[i].caps, execute, n, &at), rows[i].head, "%s",
                     rows[i].about);
        if (rows[i].insert != NULL) {
            cr_expect_eq(at, rows[i].at, "%s: %zu", rows[i].about, at);
            buf_init(&out, 0);
            size_t replaced = statement_types_put(one, rows[i].caps, execute, at, &out);
            cr_expect_eq(replaced, execute[0] == 0xFA ? 2 : 1);
            cr_expect_eq(out.n, recording_hex(rows[i].insert, want));
            cr_expect_arr_eq(out.p, want, out.n, "%s", rows[i].about);
            buf_release(&out);
        }
        statements_release(&s);
    }
}

Test(statement_types, never_known)
{
    struct statements s;
    struct statement *one = prepared(&s, 2);
    uint8_t execute[64];
    size_t n = recording_hex("17010000000001000000000007", execute), at;
    cr_expect_eq(statement_execute_head(one, 0, execute, n, &at), EXECUTE_COMPLETE);
    statements_set_incomplete(&s, one, true);
    cr_expect_eq(statement_execute_head(one, 0, execute, n, &at), EXECUTE_CANNOT);
    statements_release(&s);
}
