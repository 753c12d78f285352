// Replies as MariaDB 10.11 and MySQL 9.7 send them (tests/unit/data).
#include "wire/reply.h"

#include <criterion/criterion.h>
#include <string.h>

#include "wire/packet.h"
#include "wire/recording.h"

Test(ok, recorded)
{
    struct recording *r = recording_load("mysql-results-ok");
    struct ok ok;
    struct slice p = recording_answer(r, "INSERT INTO e VALUES (1, 1), (2, 2)", 0);

    cr_assert_eq(ok_decode(p, &ok), SL_OK);
    cr_expect_eq(ok.affected_rows, 2);
    cr_expect_eq(ok.status, STATUS_AUTOCOMMIT);
    cr_expect_eq(ok.warnings, 0);
    for (size_t n = 0; n < ok.tail_at; n++)
        cr_expect_eq(ok_decode((struct slice){p.p, n}, &ok), SL_EPROTO, "%zu bytes", n);
    p = recording_answer(r, "SELECT 1", 3); // ends the rows under CAP_DEPRECATE_EOF
    cr_assert_eq(ok_decode(p, &ok), SL_OK);
    cr_expect_eq(p.p[0], 0xFE);
    cr_expect_eq(ok.status, STATUS_AUTOCOMMIT);
}

Test(ok, largest_numbers_fit_into_the_head)
{
    struct buf b;
    struct ok ok;

    buf_init(&b, 0);
    buf_u8(&b, 0);
    buf_lenenc(&b, UINT64_MAX);
    buf_lenenc(&b, UINT64_MAX - 1);
    buf_u32(&b, 0x12340003);
    cr_assert_leq(b.n, REPLY_HEAD);
    cr_assert_eq(ok_decode((struct slice){b.p, b.n}, &ok), SL_OK);
    cr_expect_eq(ok.affected_rows, UINT64_MAX);
    cr_expect_eq(ok.last_insert_id, UINT64_MAX - 1);
    cr_expect_eq(ok.status, 3);
    cr_expect_eq(ok.warnings, 0x1234);
    buf_release(&b);
}

Test(eof, recorded_and_refused)
{
    struct recording *r = recording_load("maria-cursor-eof");
    uint16_t status, warnings;

    cr_assert_eq(
        eof_decode(recording_answer(r, "execute, flags 1, parameters []", 3), &status, &warnings),
        SL_OK);
    cr_expect_eq(status & (STATUS_CURSOR_EXISTS | STATUS_AUTOCOMMIT),
                 STATUS_CURSOR_EXISTS | STATUS_AUTOCOMMIT);
    cr_expect_eq(warnings, 0);
    cr_assert_eq(eof_decode(recording_answer(r, "fetch 10 rows", 1), &status, &warnings), SL_OK);
    cr_expect(status & STATUS_LAST_ROW_SENT);
    static const uint8_t row[9] = {0xFE};
    cr_expect_eq(eof_decode((struct slice){row, 9}, &status, &warnings), SL_EPROTO);
    cr_expect_eq(eof_decode((struct slice){row, 4}, &status, &warnings), SL_EPROTO);
}

Test(err, with_state_without_and_progress)
{
    static const char *const names[] = {"maria-results-ok", "mysql-results-ok"};
    struct err err;

    for (size_t i = 0; i < 2; i++) {
        struct slice p = recording_answer(recording_load(names[i]), "SELECT nosuch FROM t", 0);
        cr_assert_eq(err_decode(p, &err), SL_OK);
        cr_expect_eq(err.code, 1054);
        cr_expect_str_eq(err.sqlstate, "42S22");
        cr_expect(err.message.n > 7 && memcmp(err.message.p, "Unknown", 7) == 0);
    }
    cr_assert_eq(err_decode((struct slice){(const uint8_t *)"\xFF\x10\4Too many", 11}, &err),
                 SL_OK);
    cr_expect_eq(err.code, ER_CON_COUNT);
    cr_expect_str_eq(err.sqlstate, "HY000");
    cr_expect(slice_is(err.message, "Too many"));
    struct recording *r = recording_load("maria-progress-ok");
    struct slice p =
        recording_answer(r, "ALTER TABLE big ADD INDEX (a), ADD INDEX (id, a), FORCE", 0);
    cr_assert_eq(err_decode(p, &err), SL_OK);
    cr_expect_eq(err.code, ER_MARIADB_PROGRESS);
    cr_expect_eq(err_decode((struct slice){(const uint8_t *)"\xFF\x10", 2}, &err), SL_EPROTO);
}

Test(prepare_ok, recorded)
{
    struct prepare_ok ok;
    struct recording *r = recording_load("maria-prepared-eof");
    struct slice p = recording_answer(r, "prepare: SELECT ? + id, ? FROM t WHERE id < 3", 0);

    cr_assert_eq(prepare_ok_decode(p, r->caps, &ok), SL_OK);
    cr_expect(ok.columns == 2 && ok.params == 2 && ok.metadata_follows);
    cr_expect_eq(p.n, 12);
    r = recording_load("mysql-optional-metadata-ok");
    p = recording_answer(r, "prepare: SELECT id, ? FROM t WHERE id < 3", 0);
    cr_assert_eq(prepare_ok_decode(p, r->caps, &ok), SL_OK);
    cr_expect(ok.columns == 2 && ok.params == 1 && !ok.metadata_follows);
    cr_expect_eq(p.n, 13);
    cr_expect_eq(prepare_ok_decode((struct slice){p.p, 12}, r->caps, &ok), SL_EPROTO);
    cr_expect_eq(prepare_ok_decode((struct slice){p.p, 11}, 0, &ok), SL_EPROTO);
}

static void expect_header(const char *name, const char *note, size_t index, bool metadata)
{
    struct recording *r = recording_load(name);
    struct result_header h;

    cr_assert_eq(result_header_decode(recording_answer(r, note, index), r->caps, &h), SL_OK);
    cr_expect_eq(h.columns, 2, "%s", name);
    cr_expect_eq(h.metadata_follows, metadata, "%s", name);
}

Test(result_header, recorded)
{
    static const char execute[] = "execute, flags 0, parameters []";
    static const char *const cached[] = {"maria-cached-metadata-ok", "maria-cached-metadata-eof"};
    static const char query[] = "SELECT id, b FROM t WHERE id < 3";

    expect_header("mysql-optional-metadata-ok", query, 0, true);
    expect_header("mysql-optional-metadata-ok", "execute, flags 0, parameters [7]", 0, false);
    for (size_t i = 0; i < 2; i++) {
        expect_header(cached[i], query, 0, true);
        expect_header(cached[i], execute, 0, false);
    }
    struct result_header h;
    cr_expect_eq(result_header_decode((struct slice){(const uint8_t *)"\0\0", 2}, 0, &h),
                 SL_EPROTO);
    cr_expect_eq(result_header_decode((struct slice){(const uint8_t *)"\xFB/f", 3}, 0, &h),
                 SL_EPROTO);
    cr_expect_eq(
        result_header_decode((struct slice){(const uint8_t *)"\2", 1}, CAP_OPTIONAL_METADATA, &h),
        SL_EPROTO);
}

Test(reply, own_packets_are_what_is_decoded)
{
    struct buf b;
    struct err err;
    struct ok ok;

    buf_init(&b, 0);
    reply_err(&b, 3, CAP_PROTOCOL_41, ER_SERVER_SHUTDOWN, "08S01", "sluice: held too long");
    cr_expect_eq(packet_length(b.p), b.n - PACKET_HEADER);
    cr_expect_eq(packet_seq(b.p), 3);
    cr_assert_eq(err_decode((struct slice){b.p + 4, b.n - 4}, &err), SL_OK);
    cr_expect_str_eq(err.sqlstate, "08S01");
    cr_expect(slice_is(err.message, "sluice: held too long"));
    buf_clear(&b);
    reply_err(&b, 0, 0, ER_CON_COUNT, "08004", "full");
    cr_expect_eq(memcmp(b.p, "\7\0\0\0\xFF\x10\4full", 11), 0);
    buf_clear(&b);
    reply_ok(&b, 1, CAP_PROTOCOL_41, STATUS_AUTOCOMMIT | STATUS_SESSION_STATE_CHANGED);
    cr_assert_eq(ok_decode((struct slice){b.p + 4, b.n - 4}, &ok), SL_OK);
    cr_expect_eq(ok.status, STATUS_AUTOCOMMIT);
    buf_release(&b);
}

Test(reply, long_message_is_cut_between_characters)
{
    char message[1000] = "";
    struct buf b;
    struct err err;

    for (size_t i = 0; i < 400; i++)
        memcpy(message + 2 * i, "\xC3\xA4", 3);
    buf_init(&b, 0);
    reply_err(&b, 0, CAP_PROTOCOL_41, ER_UNKNOWN, "bad", message);
    cr_assert_eq(err_decode((struct slice){b.p + 4, b.n - 4}, &err), SL_OK);
    cr_expect_eq(err.message.n, 510);
    cr_expect_str_eq(err.sqlstate, "HY000");
    buf_release(&b);
}

// The `index`-th answer's entry of a type, as text ("name=value" for the first variable).
static void expect_entry(struct recording *r, const char *note, size_t index, uint8_t type,
                         const char *text)
{
    struct reader block, data;
    struct track_entry e;
    struct slice s = {0}, name, value;

    cr_assert_eq(ok_track_block(recording_answer(r, note, index), r->caps, &block), SL_OK);
    while (track_next(&block, &e)) {
        if (e.type != type)
            continue;
        if (type != TRACK_SYSTEM_VARIABLES) {
            cr_expect(track_text(&e, &s) && slice_is(s, text), "%s: %.*s", note, (int)s.n, s.p);
            return;
        }
        data = reader_make(e.data.p, e.data.n);
        while (track_variable_next(&data, &name, &value)) {
            char pair[200];
            snprintf(pair, sizeof pair, "%.*s=%.*s", (int)name.n, name.p, (int)value.n, value.p);
            if (strcmp(pair, text) == 0)
                return;
        }
    }
    cr_expect_fail("%s: no entry %u with %s", note, type, text);
}

static const struct {
    const char *note;
    size_t index;
    uint8_t type;
    const char *text;
} track_rows[] = {
    {"SET NAMES latin1", 0, TRACK_SYSTEM_VARIABLES, "character_set_results=latin1"},
    {"SET sql_mode=''", 0, TRACK_SYSTEM_VARIABLES, "sql_mode="},
    {"USE mysql", 0, TRACK_SCHEMA, "mysql"},
    {"SET @a=1", 0, TRACK_STATE_CHANGE, "1"},
    {"BEGIN", 0, TRACK_TRANSACTION_STATE, "T_______"},
    {"BEGIN", 0, TRACK_TRANSACTION_CHARACTERISTICS, "START TRANSACTION;"},
    {"COMMIT", 0, TRACK_TRANSACTION_CHARACTERISTICS, ""},
    {"SELECT f()", 3, TRACK_SYSTEM_VARIABLES, "sort_buffer_size=65536"},
    {"SELECT 1; USE mysql; SELECT 2", 4, TRACK_SCHEMA, "mysql"},
};

Test(track, recorded_on_both_servers)
{
    struct recording *both[] = {recording_load("maria-track-ok"), recording_load("mysql-track-ok")};

    for (size_t i = 0; i < sizeof track_rows / sizeof track_rows[0]; i++) {
        for (size_t s = 0; s < 2; s++)
            expect_entry(both[s], track_rows[i].note, track_rows[i].index, track_rows[i].type,
                         track_rows[i].text);
    }
}

Test(track, gtids)
{
    struct recording *r = recording_load("mysql-track-ok");
    struct slice p = recording_answer(r, "COMMIT", 0), text = {0};
    struct reader block;
    struct track_entry e = {0};

    cr_assert_eq(ok_track_block(p, r->caps, &block), SL_OK);
    while (track_next(&block, &e) && e.type != TRACK_GTIDS)
        continue;
    cr_assert(track_text(&e, &text));
    cr_expect(text.n > 37 && text.p[36] == ':', "%.*s", (int)text.n, text.p);
}

Test(track, nothing_there_and_malformed)
{
    struct recording *r = recording_load("mysql-track-ok");
    struct slice p = recording_answer(r, "SET NAMES latin1", 0);
    struct reader block;
    struct track_entry e;

    cr_assert_eq(ok_track_block(p, 0, &block), SL_OK);
    cr_expect(!track_next(&block, &e) && !block.failed);
    for (size_t n = 8; n < p.n; n++)
        cr_expect_eq(ok_track_block((struct slice){p.p, n}, r->caps, &block), SL_EPROTO, "%zu", n);
    block = reader_make("\0\5ab", 4);
    cr_expect(!track_next(&block, &e) && block.failed);
}
