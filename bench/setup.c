// The tables of a load. bench_purchase has no unique key over the operation's id on purpose: a
// write that happens twice must be visible, not refused.
#include <mysql.h>

#include "base/bytes.h"
#include "bench/load.h"

static const char *const statements[] = {
    "CREATE TABLE IF NOT EXISTS bench_account ("
    " id INT UNSIGNED NOT NULL PRIMARY KEY, balance BIGINT NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS bench_purchase ("
    " pk BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, op BIGINT UNSIGNED NOT NULL,"
    " kind CHAR(1) NOT NULL, account INT UNSIGNED NOT NULL, amount INT NOT NULL,"
    " KEY (op)) ENGINE=InnoDB",
};

static enum sl_code run(MYSQL *m, const char *sql, struct sl_error *err)
{
    if (mysql_query(m, sql) != 0)
        return sl_fail(err, SL_EIO, "setup: %s", mysql_error(m));
    return SL_OK;
}

// Accounts that are there already keep their balance, so that several loads can follow each other.
static enum sl_code fill_accounts(MYSQL *m, uint64_t accounts, struct sl_error *err)
{
    struct buf sql;
    buf_init(&sql, (size_t)accounts * 16 + 128);
    buf_str(&sql, "INSERT IGNORE INTO bench_account (id, balance) VALUES ");
    for (uint64_t id = 1; id <= accounts; id++)
        buf_printf(&sql, "%s(%u,0)", id > 1 ? "," : "", (unsigned)id);
    enum sl_code code = run(m, buf_text(&sql), err);
    buf_release(&sql);
    return code;
}

// The database too, if the account may; a refusal is reported in the server's words.
static enum sl_code set_up(MYSQL *m, const struct load *load, struct sl_error *err)
{
    struct buf sql;
    buf_init(&sql, 0);
    buf_printf(&sql, "CREATE DATABASE IF NOT EXISTS `%s`", load->target->database);
    enum sl_code code = run(m, buf_text(&sql), err);
    buf_release(&sql);
    if (code == SL_OK && mysql_select_db(m, load->target->database) != 0)
        code = sl_fail(err, SL_EIO, "setup: %s", mysql_error(m));
    for (size_t i = 0; code == SL_OK && i < sizeof statements / sizeof statements[0]; i++)
        code = run(m, statements[i], err);
    return code == SL_OK ? fill_accounts(m, load->options.accounts, err) : code;
}

enum sl_code load_setup(const struct load *load, struct sl_error *err)
{
    struct target target = *load->target;
    target.database = NULL; // it may not exist yet
    MYSQL *m = mysql_init(NULL);
    enum sl_code code;
    if (target_connect(&target, m))
        code = set_up(m, load, err);
    else
        code = sl_fail(err, SL_EIO, "setup: %s", mysql_error(m));
    mysql_close(m);
    return code;
}
