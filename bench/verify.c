// The verify subcommand: is every acknowledged write of a ledger there, once and whole?
#include <inttypes.h>
#include <mysql.h>
#include <stddef.h>

#include "base/text.h"
#include "bench/commands.h"
#include "bench/judge.h"
#include "bench/target.h"

struct verify_options {
    const char *ledger_path;
    bool json;
};

static const struct option_row rows[] = {
    {"ledger", OPTION_TEXT, offsetof(struct verify_options, ledger_path), "FILE",
     "what load wrote (required)"},
    {"json", OPTION_FLAG, offsetof(struct verify_options, json), NULL, "print JSON"},
};

// Rows come one by one; a ledger can be longer than memory should be. NULL: `err` says why.
static MYSQL_RES *select_rows(MYSQL *m, const char *sql, struct sl_error *err)
{
    MYSQL_RES *result = mysql_query(m, sql) == 0 ? mysql_use_result(m) : NULL;
    if (result == NULL)
        (void)sl_fail(err, SL_EIO, "%s", mysql_error(m));
    return result;
}

static bool number(const char *text, uint64_t *out)
{
    return text != NULL && text_parse_u64(text, out) == SL_OK;
}

// Merges the book with the server's (op, count) rows, both ascending.
static enum sl_code compare(MYSQL *m, const struct ledger_book *book, struct judge *j,
                            struct sl_error *err)
{
    char sql[200];
    if (book->count == 0)
        return SL_OK;
    snprintf(sql, sizeof sql,
             "SELECT op, COUNT(*) FROM bench_purchase WHERE op BETWEEN %" PRIu64 " AND %" PRIu64
             " GROUP BY op ORDER BY op",
             book->entries[0].id, book->entries[book->count - 1].id);
    MYSQL_RES *result = select_rows(m, sql, err);
    if (result == NULL)
        return err->code;
    size_t at = 0;
    MYSQL_ROW row;
    uint64_t id;
    uint64_t present;
    while ((row = mysql_fetch_row(result)) != NULL && number(row[0], &id) &&
           number(row[1], &present)) {
        for (; at < book->count && book->entries[at].id < id; at++)
            judge_note(j, &book->entries[at], 0);
        if (at < book->count && book->entries[at].id == id)
            judge_note(j, &book->entries[at++], present);
    }
    for (; at < book->count; at++)
        judge_note(j, &book->entries[at], 0);
    mysql_free_result(result);
    return mysql_errno(m) == 0 ? SL_OK : sl_fail(err, SL_EIO, "%s", mysql_error(m));
}

// Accounts whose balance is not the sum of the transactions that name them: half of a
// transaction is there, or one half twice.
static enum sl_code count_half(MYSQL *m, uint64_t *half, struct sl_error *err)
{
    MYSQL_RES *result = select_rows(m,
                                    "SELECT COUNT(*) FROM (SELECT a.id FROM bench_account a"
                                    " LEFT JOIN bench_purchase p ON p.account = a.id"
                                    " AND p.kind = 'T' GROUP BY a.id, a.balance"
                                    " HAVING a.balance <> COALESCE(SUM(p.amount), 0)) wrong",
                                    err);
    if (result == NULL)
        return err->code;
    MYSQL_ROW row = mysql_fetch_row(result);
    bool read = row != NULL && number(row[0], half);
    mysql_free_result(result);
    return read ? SL_OK : sl_fail(err, SL_EIO, "%s", mysql_error(m));
}

static void print_json(const struct ledger_book *book, const struct judge *j, uint64_t half)
{
    printf("{\"writes\":%zu,", book->count);
    for (int f = 0; f < JUDGE_FINDINGS; f++)
        printf("\"%s\":%" PRIu64 ",", judge_finding_name((enum judge_finding)f), j->count[f]);
    printf("\"half\":%" PRIu64 "}\n", half);
}

static void print_text(const struct ledger_book *book, const struct judge *j, uint64_t half)
{
    printf("writes in the ledger: %zu\n", book->count);
    for (int f = 0; f < JUDGE_FINDINGS; f++) {
        printf("  %-16s %" PRIu64, judge_finding_name((enum judge_finding)f), j->count[f]);
        for (size_t i = 0; f != JUDGE_FINE && i < j->count[f] && i < JUDGE_SAMPLES; i++)
            printf("%s%" PRIu64, i == 0 ? "  ids " : " ", j->samples[f][i]);
        printf("\n");
    }
    printf("  %-16s %" PRIu64 " (accounts whose balance does not fit their transactions)\n", "half",
           half);
}

// The verdict is printed even when it is bad; `clean` carries it to the exit status.
static enum sl_code verify(const struct target *target, const struct verify_options *o,
                           struct ledger_book *book, bool *clean, struct sl_error *err)
{
    struct judge j = {0};
    uint64_t half = 0;
    MYSQL *m = mysql_init(NULL);
    enum sl_code code = SL_OK;
    if (!target_connect(target, m))
        code = sl_fail(err, SL_EIO, "%s", mysql_error(m));
    if (code == SL_OK)
        code = compare(m, book, &j, err);
    if (code == SL_OK)
        code = count_half(m, &half, err);
    mysql_close(m);
    if (code != SL_OK)
        return code;
    if (o->json)
        print_json(book, &j, half);
    else
        print_text(book, &j, half);
    *clean = judge_is_clean(&j) && half == 0;
    return SL_OK;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct verify_options options = {0};
    struct ledger_book book = {0};
    bool clean = false;
    if (command_parse(&command_verify, &options, &target, argc, argv, &err) != SL_OK)
        return command_usage(&command_verify, err.text);
    if (options.ledger_path == NULL)
        return command_usage(&command_verify, "--ledger is required");
    enum sl_code code = ledger_read(options.ledger_path, &book, &err);
    if (code == SL_OK)
        code = verify(&target, &options, &book, &clean, &err);
    ledger_book_release(&book);
    if (code != SL_OK)
        return command_failed(&command_verify, err.text);
    return clean ? 0 : 1;
}

const struct command command_verify = {
    "verify",
    "compares a ledger with a server: lost, doubled, half or contradicted writes (exit 1)",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
