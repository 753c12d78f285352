// What is written is read back; the last line of an id is its outcome.
#include "bench/ledger.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "/tmp/ledger-test-XXXXXX");
    close(mkstemp(path));
}

static void remove_path(void)
{
    unlink(path);
}

TestSuite(ledger, .init = make_path, .fini = remove_path);

static void put_text(const char *text)
{
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
}

Test(ledger, outcomes_are_the_last_lines_by_ascending_id)
{
    struct ledger l;
    struct ledger_book book;
    struct sl_error err;
    cr_assert_eq(ledger_open(&l, path, clock_now_ns(), 42, &err), SL_OK);
    ledger_write(&l, LEDGER_INTENT, 12, 'T', 0);
    ledger_write(&l, LEDGER_INTENT, 10, 'A', 0);
    ledger_write(&l, LEDGER_RETRIED, 12, 'T', 1213);
    ledger_write(&l, LEDGER_UNKNOWN, 10, 'A', 2013);
    ledger_write(&l, LEDGER_ACKNOWLEDGED, 12, 'T', 0);
    ledger_write(&l, LEDGER_INTENT, 11, 'T', 0);
    cr_assert_eq(ledger_close(&l, &err), SL_OK);

    cr_assert_eq(ledger_read(path, &book, &err), SL_OK, "%s", err.text);
    cr_assert_eq(book.count, 3);
    static const struct {
        uint64_t id;
        enum ledger_state state;
        char kind;
        unsigned code;
    } rows[] = {{10, LEDGER_UNKNOWN, 'A', 2013},
                {11, LEDGER_INTENT, 'T', 0},
                {12, LEDGER_ACKNOWLEDGED, 'T', 0}};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(book.entries[i].id, rows[i].id);
        cr_expect_eq(book.entries[i].state, rows[i].state);
        cr_expect_eq(book.entries[i].kind, rows[i].kind);
        cr_expect_eq(book.entries[i].code, rows[i].code);
    }
    ledger_book_release(&book);
}

Test(ledger, a_cut_last_line_is_ignored)
{
    struct ledger_book book;
    struct sl_error err;
    put_text("# sluice-bench ledger 1\n1 I 5 T\n2 A 5 T\n3 I 6");
    cr_assert_eq(ledger_read(path, &book, &err), SL_OK);
    cr_expect_eq(book.count, 1);
    ledger_book_release(&book);
}

Test(ledger, anything_else_is_an_error_with_its_line)
{
    static const char *const lines[] = {"rubbish\n", "1 Z 5 T\n", "1 A\n", "\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct ledger_book book;
        struct sl_error err = {0};
        put_text(lines[i]);
        cr_expect_eq(ledger_read(path, &book, &err), SL_EPROTO, "%s", lines[i]);
        cr_expect(strstr(err.text, ":1:") != NULL, "%s", err.text);
    }
}

Test(ledger, without_a_path_nothing_is_written)
{
    struct ledger l;
    struct sl_error err;
    cr_assert_eq(ledger_open(&l, NULL, 0, 0, &err), SL_OK);
    ledger_write(&l, LEDGER_INTENT, 1, 'T', 0);
    cr_expect_eq(ledger_close(&l, &err), SL_OK);
}

Test(ledger, a_full_disk_is_reported_at_the_end)
{
    struct ledger l;
    struct sl_error err;
    cr_assert_eq(ledger_open(&l, "/dev/full", 0, 0, &err), SL_OK);
    ledger_write(&l, LEDGER_INTENT, 1, 'T', 0);
    cr_expect_eq(ledger_close(&l, &err), SL_EIO);
}
