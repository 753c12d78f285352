// OK packets as clients would have got them; the packets were recorded on MariaDB 10.11 and
// MySQL 9.7, each statement on links with different tracking.
#include <criterion/criterion.h>
#include <string.h>

#include "wire/recording.h"
#include "wire/reply.h"

#define BYTES(s)                                                                                   \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }

static const struct track_filter DEFAULT_FILTER = {
    .schema = true,
    .names = "time_zone,autocommit,character_set_client,character_set_results,"
             "CHARACTER_SET_CONNECTION",
};

// What came on a link that tracks everything, on one with the default list, on one without.
static const struct {
    struct slice all, some, none;
} rows[] = {
    // nothing to report
    {BYTES("\0\0\0\2\0\0\0"), BYTES("\0\0\0\2\0\0\0"), BYTES("\0\0\0\2\0\0\0")},
    {BYTES("\0\2\0\"\0\0\0(Rows matched: 2  Changed: 2  Warnings: 0"),
     BYTES("\0\2\0\"\0\0\0(Rows matched: 2  Changed: 2  Warnings: 0"),
     BYTES("\0\2\0\"\0\0\0(Rows matched: 2  Changed: 2  Warnings: 0")},
    // SET @x=1: MariaDB, MySQL
    {BYTES("\0\0\0\2@\0\0\0\3\2\1"
           "1"),
     BYTES("\0\0\0\2\0\0\0"), BYTES("\0\0\0\2\0\0\0")},
    {BYTES("\0\0\0\2@\0\0\0\x18\0\x13\x0cstatement_id\x05"
           "52180\2\1"
           "1"),
     BYTES("\0\0\0\2\0\0\0"), BYTES("\0\0\0\2\0\0\0")},
    // an UPDATE on MySQL
    {BYTES("\0\2\0\"@\0\0(Rows matched: 2  Changed: 2  Warnings: 0\x15\0\x13\x0cstatement_id\x05"
           "52165"),
     BYTES("\0\2\0\"\0\0\0(Rows matched: 2  Changed: 2  Warnings: 0"),
     BYTES("\0\2\0\"\0\0\0(Rows matched: 2  Changed: 2  Warnings: 0")},
    // ALTER TABLE of a temporary table on MariaDB
    {BYTES("\0\2\0\2@\0\0&Records: 2  Duplicates: 0  Warnings: 0\3\2\1"
           "1"),
     BYTES("\0\2\0\2\0\0\0&Records: 2  Duplicates: 0  Warnings: 0"),
     BYTES("\0\2\0\2\0\0\0&Records: 2  Duplicates: 0  Warnings: 0")},
    // USE app
    {BYTES("\0\0\0\2@\0\0\0\x1e\0\x13\x0cstatement_id\x05"
           "52183\1\4\3app\2\1"
           "1"),
     BYTES("\0\0\0\2@\0\0\0\6\1\4\3app"), BYTES("\0\0\0\2\0\0\0")},
    // SET time_zone='+01:00', sql_mode='ANSI_QUOTES', @y=5: MariaDB, MySQL
    {BYTES("\0\0\0\2\xc0\0\0\0-\0\x11\ttime_zone\6+01:00\0\x15\bsql_mode\vANSI_QUOTES\2\1"
           "1"),
     BYTES("\0\0\0\2\xc0\0\0\0\x13\0\x11\ttime_zone\6+01:00"), BYTES("\0\0\0\2\x80\0\0")},
    {BYTES("\0\0\0\2@\0\0\0B\0\x15\bsql_mode\vANSI_QUOTES\0\x13\x0cstatement_id\x05"
           "52192\0\x11\ttime_zone\6+01:00\2\1"
           "1"),
     BYTES("\0\0\0\2@\0\0\0\x13\0\x11\ttime_zone\6+01:00"), BYTES("\0\0\0\2\0\0\0")},
    // SET NAMES latin1 on MySQL
    {BYTES("\0\0\0\2@\0\0\0w\0\x1c\x14"
           "character_set_client\6latin1\0 \x18"
           "character_set_connection\6latin1\0\x1d\x15"
           "character_set_results\6latin1\0\x13\x0cstatement_id\x05"
           "52186\2\1"
           "1"),
     BYTES("\0\0\0\2@\0\0\0_\0\x1c\x14"
           "character_set_client\6latin1\0 \x18"
           "character_set_connection\6latin1\0\x1d\x15"
           "character_set_results\6latin1"),
     BYTES("\0\0\0\2\0\0\0")},
    // COMMIT on MySQL, in the clothes of an EOF, and a SELECT whose function sets time_zone
    {BYTES("\xfe\0\0\2@\0\0\0 \0\x13\x0cstatement_id\x05"
           "52295\5\t\b________"),
     BYTES("\xfe\0\0\2@\0\0\0\v\5\t\b________"), BYTES("\xfe\0\0\2\0\0\0")},
    {BYTES("\xfe\0\0\2@\0\0\0\x16\0\x11\ttime_zone\6+03:00\2\1"
           "1"),
     BYTES("\xfe\0\0\2@\0\0\0\x13\0\x11\ttime_zone\6+03:00"), BYTES("\xfe\0\0\2\0\0\0")},
    // one entry with several pairs, as older MariaDB may send it
    {BYTES("\0\0\0\2@\0\0\0\x2c\0\x2a\ttime_zone\6+01:00\bsql_mode\vANSI_QUOTES\1a\1b"),
     BYTES("\0\0\0\2@\0\0\0\x13\0\x11\ttime_zone\6+01:00"), BYTES("\0\0\0\2\0\0\0")},
    // a classic EOF on MariaDB
    {BYTES("\xfe\0\0\2@"), BYTES("\xfe\0\0\2\0"), BYTES("\xfe\0\0\2\0")},
    {BYTES("\xfe\xff\xff\2@"), BYTES("\xfe\xff\xff\2\0"), BYTES("\xfe\xff\xff\2\0")},
};

static void expect(struct slice in, bool tracks, const struct track_filter *filter,
                   struct slice want, size_t row)
{
    struct buf out;
    buf_init(&out, 0);
    cr_assert_eq(ok_for_client(in, CAP_SESSION_TRACK, tracks, filter, &out), SL_OK, "%zu", row);
    cr_expect(out.n == want.n && memcmp(out.p, want.p, want.n) == 0, "row %zu, tracks %d", row,
              tracks);
    buf_release(&out);
}

Test(ok_for_client, as_the_server_would_have_sent_it)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        expect(rows[i].all, true, NULL, rows[i].all, i);
        expect(rows[i].all, true, &DEFAULT_FILTER, rows[i].some, i);
        expect(rows[i].all, false, NULL, rows[i].none, i);
        bool changed = memcmp(rows[i].all.p, rows[i].none.p, rows[i].none.n) != 0;
        cr_expect_eq(ok_state_changed(rows[i].all.p, rows[i].all.n), changed, "%zu", i);
    }
}

Test(ok_for_client, names_are_a_list)
{
    static const char *const listing[] = {"*", "sql_mode , x,TIME_ZONE", " time_zone",
                                          "*,time_zone"};
    static const char *const not [] = {NULL,   "",   ",",         "time_zon", "time_zonex,zone",
                                       "time", "**", "*,sql_mode"};
    struct slice in = BYTES("\0\0\0\2@\0\0\0\x13\0\x11\ttime_zone\6+01:00");
    struct slice none = BYTES("\0\0\0\2\0\0\0");
    for (size_t i = 0; i < sizeof listing / sizeof *listing; i++)
        expect(in, true, &(struct track_filter){.names = listing[i]}, in, i);
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        expect(in, true, &(struct track_filter){.names = not [i]}, none, i);
}

Test(ok_for_client, nothing_but_the_flag)
{
    struct slice in = BYTES("\0\0\0\3@\0\0\0\x08\5\6\5T____");
    struct slice other = BYTES("\0\0\0\3@\0\0\0\3\2\0011");
    struct slice none = BYTES("\0\0\0\3\0\0\0");
    struct slice empty = BYTES("\0\0\0\3@\0\0\0\0");
    expect(in, true, &(struct track_filter){.empty = true}, in, 0);
    expect(in, true, &(struct track_filter){.empty = true, .silent = true}, none, 1);
    expect(other, true, &(struct track_filter){.empty = true}, empty, 2);
    expect(other, true, &(struct track_filter){0}, none, 3);
    expect(other, false, &(struct track_filter){.empty = true}, none, 4);
}

// The same bytes, where they are.
Test(ok_rewrite, in_place)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[200];
        size_t n = rows[i].all.n;
        cr_assert(n <= sizeof bytes);
        memcpy(bytes, rows[i].all.p, n);
        cr_assert_eq(ok_rewrite(bytes, &n, CAP_SESSION_TRACK, true, &DEFAULT_FILTER), SL_OK);
        cr_expect(n == rows[i].some.n && memcmp(bytes, rows[i].some.p, n) == 0, "row %zu", i);
    }
}

Test(ok_for_client, large_numbers_and_the_flag)
{
    struct slice in = BYTES("\0\xfc\0\1\xfe\1\0\0\0\0\0\0\0\2@\0\0\0\3\2\1"
                            "1");
    struct slice none = BYTES("\0\xfc\0\1\xfe\1\0\0\0\0\0\0\0\2\0\0\0");
    cr_expect(ok_state_changed(in.p, in.n));
    cr_expect(!ok_state_changed(none.p, none.n));
    expect(in, false, NULL, none, 0);
    cr_expect(!ok_state_changed((const uint8_t *)"\0\xff\0\0@\0\0", 7));
}

Test(ok_for_client, malformed)
{
    struct slice in = rows[9].all;
    struct buf out;
    buf_init(&out, 0);
    buf_str(&out, "before");
    for (size_t n = 0; n < in.n; n++) {
        if (n == 7) // an OK packet of its own
            continue;
        cr_expect_eq(
            ok_for_client((struct slice){in.p, n}, CAP_SESSION_TRACK, true, &DEFAULT_FILTER, &out),
            SL_EPROTO, "%zu", n);
        cr_expect_eq(out.n, 6);
    }
    buf_release(&out);
    buf_init(&out, 10);
    cr_expect_eq(ok_for_client(in, CAP_SESSION_TRACK, true, NULL, &out), SL_ETOOBIG);
    cr_expect_eq(out.n, 0);
    buf_release(&out);
    buf_init(&out, 0);
    cr_expect_eq(ok_for_client(in, 0, false, NULL, &out), SL_OK);
    cr_expect_eq(out.n, in.n);
    buf_release(&out);
}
