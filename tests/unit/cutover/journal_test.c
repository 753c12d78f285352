// The journal's file: what a crash may leave at every byte, damage in every bit, a full disk, and two
// writers.
#include "cutover/journal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char folder[] = "/tmp/sluice-journal-test-XXXXXX";
static char path[128]; // of number 1
static struct sl_error err;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/journal-1.jsonl", folder);
}

static void tear_down(void)
{
    char name[200];
    for (unsigned i = 1; i <= 12; i++) {
        (void)snprintf(name, sizeof name, "%s/journal-%u.jsonl", folder, i);
        (void)unlink(name);
    }
    cr_expect_eq(rmdir(folder), 0, "the test left something in %s", folder);
}

TestSuite(journal, .init = set_up, .fini = tear_down);

static struct journal *create(void)
{
    struct journal *j = NULL;
    cr_assert_eq(journal_create(folder, &j, &err), SL_OK, "%s", err.text);
    return j;
}

static void write_ok(struct journal *j, enum journal_kind kind, const char *step, const char *data)
{
    cr_assert_eq(journal_write(j, kind, step, data, &err), SL_OK, "%s", err.text);
}

static struct journal_records read_ok(unsigned number)
{
    struct journal_records r;
    cr_assert_eq(journal_read(folder, number, &r, &err), SL_OK, "%s", err.text);
    return r;
}

static off_t size_of(const char *name)
{
    struct stat st;
    cr_assert_eq(stat(name, &st), 0);
    return st.st_size;
}

// Three records; their bytes in `out`.
static void make_three(struct buf *out)
{
    struct journal *j = create();
    write_ok(j, JOURNAL_BEGIN, NULL, "{\"from\":\"milan\",\"to\":\"aws\"}");
    write_ok(j, JOURNAL_BEFORE, "fence", NULL);
    write_ok(j, JOURNAL_AFTER, "fence", "{\"locked\":[\"app\"]}");
    journal_close(j);
    cr_assert_eq(file_read(path, 1 << 16, out, &err), SL_OK, "%s", err.text);
}

static void put_file(const void *p, size_t n)
{
    cr_assert_eq(file_replace(path, p, n, 0640, &err), SL_OK, "%s", err.text);
}

Test(journal, written_and_read)
{
    struct buf bytes = {0};
    make_three(&bytes);
    struct journal_records r = read_ok(1);
    cr_expect_eq(r.count, 3);
    cr_expect_eq(r.good, bytes.n);
    cr_expect(!r.torn && !r.unended);
    cr_expect_eq(r.list[0].kind, JOURNAL_BEGIN);
    cr_expect_eq(r.list[2].seq, 3);
    cr_expect_str_eq(r.list[2].step, "fence");
    cr_expect_str_eq(r.list[2].data, "{ \"locked\" : [ \"app\" ] }");
    cr_expect(r.list[0].offset_us >= 0 && r.list[2].offset_us >= r.list[1].offset_us);
    journal_records_release(&r);
    buf_release(&bytes);
}

Test(journal, numbers)
{
    unsigned number = 99;
    cr_expect_eq(journal_latest(folder, &number, &err), SL_OK);
    cr_expect_eq(number, 0);
    for (unsigned i = 1; i <= 11; i++) {
        struct journal *j = create();
        cr_expect_eq(journal_number(j), i);
        journal_close(j);
    }
    static const char *const others[] = {"journal-.jsonl",    "journal-012.jsonl",
                                         "journal-x.jsonl",   "journal-99.json",
                                         "xjournal-99.jsonl", "journal-99999999999.jsonl"};
    char name[200];
    for (size_t i = 0; i < COUNT(others); i++) {
        (void)snprintf(name, sizeof name, "%s/%s", folder, others[i]);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    cr_expect_eq(journal_latest(folder, &number, &err), SL_OK);
    cr_expect_eq(number, 11);
    for (size_t i = 0; i < COUNT(others); i++) {
        (void)snprintf(name, sizeof name, "%s/%s", folder, others[i]);
        (void)unlink(name);
    }
    struct journal_records r;
    cr_expect_eq(journal_read(folder, 12, &r, &err), SL_ENOTFOUND);
    cr_expect_eq(journal_latest("/nowhere", &number, &err), SL_EIO);
}

// Whole records in the first `n` bytes; one whose line break only is missing counts.
static unsigned whole_in(const struct buf *bytes, size_t n)
{
    unsigned count = 0;
    for (size_t i = 0; i < bytes->n && i <= n; i++)
        count += bytes->p[i] == '\n';
    return count;
}

Test(journal, torn_at_every_byte)
{
    struct buf bytes = {0};
    make_three(&bytes);
    for (size_t n = 0; n < bytes.n; n++) {
        struct journal_records r;
        cr_assert_eq(journal_records_parse("j", bytes.p, n, &r, &err), SL_OK, "%zu: %s", n,
                     err.text);
        cr_assert_eq(r.count, whole_in(&bytes, n), "%zu bytes", n);
        cr_assert(!(r.torn && r.unended));
        cr_assert_eq(r.torn, r.good < n, "%zu bytes", n);
        journal_records_release(&r);
    }
    buf_release(&bytes);
}

Test(journal, resumed_at_every_byte)
{
    struct buf bytes = {0};
    make_three(&bytes);
    for (size_t n = 0; n <= bytes.n; n++) {
        struct journal *j = NULL;
        struct journal_records r;
        put_file(bytes.p, n);
        cr_assert_eq(journal_resume(folder, 1, &j, &r, &err), SL_OK, "%zu: %s", n, err.text);
        unsigned count = r.count;
        journal_records_release(&r);
        write_ok(j, count == 0 ? JOURNAL_BEGIN : JOURNAL_NOTE, NULL, NULL);
        journal_close(j);
        r = read_ok(1);
        cr_assert(r.count == count + 1 && !r.torn && !r.unended, "%zu bytes", n);
        journal_records_release(&r);
    }
    buf_release(&bytes);
}

Test(journal, torn_lines_full_of_nothing)
{
    static const uint8_t zeros[5000];
    struct buf bytes = {0};
    struct journal_records r;
    make_three(&bytes);
    size_t whole = bytes.n;
    buf_put(&bytes, zeros, sizeof zeros);
    cr_expect_eq(journal_records_parse("j", bytes.p, bytes.n, &r, &err), SL_OK, "%s", err.text);
    cr_expect(r.count == 3 && r.torn && r.good == whole);
    journal_records_release(&r);
    while (bytes.n < whole + JOURNAL_LINE_MAX)
        buf_u8(&bytes, 'x');
    cr_expect_eq(journal_records_parse("j", bytes.p, bytes.n, &r, &err), SL_EPROTO,
                 "no record is as long");
    buf_release(&bytes);
}

Test(journal, every_flipped_bit_is_damage)
{
    struct buf bytes = {0};
    make_three(&bytes);
    for (size_t bit = 0; bit < bytes.n * 8; bit++) {
        struct journal_records r;
        bytes.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(journal_records_parse("j", bytes.p, bytes.n, &r, &err), SL_EPROTO, "bit %zu",
                     bit);
        bytes.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes.p[bytes.n - 60] ^= 1;
    put_file(bytes.p, bytes.n);
    struct journal_records r;
    struct journal *j = NULL;
    cr_expect_eq(journal_read(folder, 1, &r, &err), SL_EPROTO);
    cr_expect(strstr(err.text, "journal-1.jsonl: line 3 is damaged: the checksum") != NULL, "%s",
              err.text);
    cr_expect_eq(journal_resume(folder, 1, &j, &r, &err), SL_EPROTO);
    cr_expect_eq(size_of(path), (off_t)bytes.n, "it was left as it is");
    buf_release(&bytes);
}

// Whole lines in another order than they were written in, by number (0: begin).
static enum sl_code parse_lines(const struct buf *bytes, const char *order)
{
    struct buf text = {0};
    for (; *order != '\0'; order++) {
        const uint8_t *p = bytes->p;
        for (char i = '0'; i < *order; i++)
            p = (const uint8_t *)memchr(p, '\n', bytes->n) + 1;
        buf_put(&text, p, (size_t)((const uint8_t *)memchr(p, '\n', bytes->n) - p) + 1);
    }
    struct journal_records r;
    enum sl_code code = journal_records_parse("j", text.p, text.n, &r, &err);
    if (code == SL_OK)
        journal_records_release(&r);
    buf_release(&text);
    return code;
}

Test(journal, whole_lines_that_do_not_belong)
{
    struct buf bytes = {0};
    make_three(&bytes);
    cr_expect_eq(parse_lines(&bytes, "012"), SL_OK);
    static const char *const orders[] = {"02", "021", "12", "0122", "0012", "1", "00"};
    for (size_t i = 0; i < COUNT(orders); i++)
        cr_expect_eq(parse_lines(&bytes, orders[i]), SL_EPROTO, "%s", orders[i]);
    put_file("\n", 1);
    struct journal_records r;
    cr_expect_eq(journal_read(folder, 1, &r, &err), SL_EPROTO, "an empty line");
    buf_release(&bytes);
}

Test(journal, begins_and_ends)
{
    struct journal *j = create();
    struct journal_records r;
    cr_expect_eq(journal_write(j, JOURNAL_BEFORE, "fence", NULL, &err), SL_ECONFLICT);
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    cr_expect_eq(journal_write(j, JOURNAL_BEGIN, NULL, NULL, &err), SL_ECONFLICT);
    cr_expect_eq(journal_write(j, JOURNAL_BEFORE, "an_eternally_long_name_of_a_step_", NULL, &err),
                 SL_EINVAL);
    write_ok(j, JOURNAL_END, NULL, NULL);
    cr_expect_eq(journal_write(j, JOURNAL_NOTE, NULL, NULL, &err), SL_ECONFLICT);
    journal_close(j);
    cr_expect_eq(journal_resume(folder, 1, &j, &r, &err), SL_ECONFLICT);
    cr_expect_eq(r.count, 0);
}

Test(journal, resumed_offsets_do_not_go_back)
{
    struct journal *j = create();
    struct journal_records r;
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    write_ok(j, JOURNAL_BEFORE, "hold", NULL);
    journal_close(j);
    cr_assert_eq(journal_resume(folder, 1, &j, &r, &err), SL_OK, "%s", err.text);
    journal_records_release(&r);
    write_ok(j, JOURNAL_AFTER, "hold", NULL);
    journal_close(j);
    r = read_ok(1);
    cr_expect_eq(r.count, 3);
    cr_expect_geq(r.list[2].offset_us, r.list[1].offset_us);
    journal_records_release(&r);
}

Test(journal, one_writer)
{
    struct journal *j = create(), *other = NULL;
    struct journal_records r;
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    cr_expect_eq(journal_resume(folder, 1, &other, &r, &err), SL_ECONFLICT);
    cr_expect(strstr(err.text, "another process writes it") != NULL, "%s", err.text);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(journal_resume(folder, 1, &other, &r, NULL) == SL_ECONFLICT ? 0 : 1);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0, "another process");
    r = read_ok(1);
    cr_expect_eq(r.count, 1, "reading is free");
    journal_records_release(&r);
    journal_close(j);
    cr_expect_eq(journal_resume(folder, 1, &other, &r, &err), SL_OK, "%s", err.text);
    journal_records_release(&r);
    journal_close(other);
}

// --- no room ------------------------------------------------------------------------------------

// With RLIMIT_FSIZE a write stops short at the limit, as on a full disk.
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(journal, no_room_for_a_record_leaves_the_file_as_it_was)
{
    struct journal *j = create();
    struct journal_records r;
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    off_t before = size_of(path);
    static const rlim_t rooms[] = {0, 1, 50, 100};
    for (size_t i = 0; i < COUNT(rooms); i++) {
        limit_files((rlim_t)before + rooms[i]);
        cr_expect_eq(journal_write(j, JOURNAL_BEFORE, "hold", NULL, &err), SL_EIO, "%zu", i);
        cr_expect(strstr(err.text, "cannot write record 2") != NULL, "%s", err.text);
        limit_files(RLIM_INFINITY);
        cr_expect_eq(size_of(path), before);
    }
    write_ok(j, JOURNAL_FAILED, "hold", NULL);
    journal_close(j);
    r = read_ok(1);
    cr_expect(r.count == 2 && !r.torn && r.list[1].seq == 2);
    journal_records_release(&r);
}

// A disk of this size, of this test's process alone, over the folder; skips the test where that is
// not allowed.
static void small_disk(const char *size)
{
    if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        cr_skip_test("no mount namespace: %s", strerror(errno));
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", folder, "tmpfs", 0, size) < 0)
        cr_skip_test("no tmpfs: %s", strerror(errno));
}

static void fill_disk(void)
{
    static const char junk[4096];
    char name[200];
    (void)snprintf(name, sizeof name, "%s/junk", folder);
    int fd = open(name, O_CREAT | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    while (write(fd, junk, sizeof junk) > 0)
        ;
    cr_assert_eq(errno, ENOSPC);
    close(fd);
}

Test(journal, full_disk_at_the_start)
{
    struct journal *j = NULL;
    unsigned number;
    small_disk("size=128k");
    cr_expect_eq(journal_create(folder, &j, &err), SL_EIO);
    cr_expect(strstr(err.text, "no room for") != NULL, "%s", err.text);
    cr_expect_eq(journal_latest(folder, &number, &err), SL_OK);
    cr_expect_eq(number, 0, "nothing was left behind");
    cr_assert_eq(umount(folder), 0);
}

Test(journal, full_disk_later_finds_the_reserve)
{
    small_disk("size=512k");
    struct journal *j = create();
    fill_disk();
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    enum sl_code code;
    unsigned written = 0;
    while ((code = journal_write(j, JOURNAL_BEFORE, "hold", NULL, &err)) == SL_OK)
        written++;
    cr_expect_eq(code, SL_EIO);
    cr_expect_geq(written, 500);
    journal_close(j);
    struct journal_records r = read_ok(1);
    cr_expect(r.count == written + 1 && !r.torn);
    journal_records_release(&r);
    cr_assert_eq(umount(folder), 0);
}

// A new file of `size` bytes of notes, held open by the writer.
static struct journal *grown_to(size_t size, const char *data)
{
    struct journal *j = create();
    write_ok(j, JOURNAL_BEGIN, NULL, NULL);
    while ((size_t)size_of(path) < size)
        write_ok(j, JOURNAL_NOTE, NULL, data);
    return j;
}

Test(journal, notes_leave_room_for_steps)
{
    static char data[60000];
    memset(data, 'x', sizeof data - 1);
    memcpy(data, "{\"t\":\"", 6);
    memcpy(data + sizeof data - 3, "\"}", 2);
    struct journal *j = grown_to(JOURNAL_MAX / 2 - sizeof data, data);
    cr_expect_eq(journal_write(j, JOURNAL_NOTE, NULL, data, &err), SL_ETOOBIG);
    unsigned written = 0;
    enum sl_code code;
    while ((code = journal_write(j, JOURNAL_BEFORE, "hold", data, &err)) == SL_OK)
        written++;
    cr_expect_eq(code, SL_ETOOBIG);
    cr_expect_geq(written, 30);
    write_ok(j, JOURNAL_AFTER, "hold", NULL);
    journal_close(j);
    struct journal_records r = read_ok(1);
    cr_expect_not(r.torn);
    journal_records_release(&r);
}

Test(journal, a_damaged_one_is_put_aside)
{
    unsigned number = 7;
    char aside[160];
    journal_close(create());
    cr_assert_eq(journal_put_aside(folder, 1, &err), SL_OK, "%s", err.text);
    cr_assert_eq(journal_latest(folder, &number, &err), SL_OK);
    cr_expect_eq(number, 0);
    cr_expect_eq(journal_put_aside(folder, 1, &err), SL_EIO, "there is none any more");
    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    cr_expect_eq(unlink(aside), 0);
}
