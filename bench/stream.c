// The stream subcommand: reads one big result row by row and throws it away.
#include <inttypes.h>
#include <mysql.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "bench/commands.h"
#include "bench/target.h"

struct stream_options {
    const char *query;
};

static const struct option_row rows[] = {
    {"query", OPTION_TEXT, offsetof(struct stream_options, query), "SQL",
     "the statement (default: 1 GiB in rows of 1 MiB, on MariaDB)"},
};

static uint64_t row_bytes(MYSQL_RES *result)
{
    const unsigned long *lengths = mysql_fetch_lengths(result);
    uint64_t sum = 0;
    for (unsigned i = 0; i < mysql_num_fields(result); i++)
        sum += lengths[i];
    return sum;
}

// mysql_use_result: no more than one row is ever in memory.
static enum sl_code read_all(MYSQL *m, const char *query, struct sl_error *err)
{
    int64_t start = clock_now_ns();
    if (mysql_real_query(m, query, (unsigned long)strlen(query)) != 0)
        return sl_fail(err, SL_EIO, "%s", mysql_error(m));
    MYSQL_RES *result = mysql_use_result(m);
    if (result == NULL)
        return sl_fail(err, SL_EIO, "the statement has no result: %s", mysql_error(m));
    uint64_t row_count = 0;
    uint64_t bytes = 0;
    for (; mysql_fetch_row(result) != NULL; row_count++)
        bytes += row_bytes(result);
    mysql_free_result(result);
    if (mysql_errno(m) != 0)
        return sl_fail(err, SL_EIO, "%s", mysql_error(m));
    printf("{\"rows\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.3f}\n", row_count, bytes,
           (double)(clock_now_ns() - start) / 1e9);
    return SL_OK;
}

static int run(int argc, char **argv)
{
    struct sl_error err;
    struct target target;
    struct stream_options options = {
        .query = "SELECT REPEAT('x', 1048576) FROM seq_1_to_1024",
    };
    if (command_parse(&command_stream, &options, &target, argc, argv, &err) != SL_OK)
        return command_usage(&command_stream, err.text);
    MYSQL *m = mysql_init(NULL);
    enum sl_code code;
    if (target_connect(&target, m))
        code = read_all(m, options.query, &err);
    else
        code = sl_fail(&err, SL_EIO, "%s", mysql_error(m));
    mysql_close(m);
    return code == SL_OK ? 0 : command_failed(&command_stream, err.text);
}

const struct command command_stream = {
    "stream",
    "reads one big result and throws it away; prints JSON",
    run,
    rows,
    sizeof rows / sizeof rows[0],
};
