// Connections of the control plane, over MariaDB Connector/C: the only file with <mysql.h>.
//
// The library's idea of TLS differs from ours: told to enforce TLS, version 3.3 goes on without it
// when the server offers none, and then sends caching_sha2_password's password in clear text. So the
// modes are put together here from what it does keep to.
#include "control/sql.h"

#include <assert.h>
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"

// Where Debian and most others keep trusted certificates, by hash.
#define SYSTEM_CERTIFICATES "/etc/ssl/certs"
// What an account may log in with: a server (or who plays one) must not ask for clear text.
#define SAFE_PLUGINS "mysql_native_password,caching_sha2_password,client_ed25519"

struct sql {
    MYSQL *mysql;
    MYSQL_RES *rows; // of the last sql_query, or NULL
    MYSQL_ROW row;   // the current one, or NULL
    bool lost;
    unsigned number;    // of the last failure
    unsigned timeout_s; // of connecting, reading and writing
    int64_t started_ns; // of the operation
    char where[360];    // "milan (10.1.0.5:3306)", for texts
};

static void library_start(void)
{
    // Fails only without memory; mysql_init reports that again.
    (void)mysql_library_init(0, NULL, NULL);
}

void sql_thread_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, library_start);
    (void)mysql_thread_init();
}

void sql_thread_end(void)
{
    mysql_thread_end();
}

// --- errors -------------------------------------------------------------------------------------

// Numbers that mean more than "the server refused".
static const struct {
    unsigned number;
    enum sl_code code;
    bool lost;
} error_meanings[] = {
    {ER_ACCESS_DENIED_ERROR, SL_EDENIED, false},
    {ER_DBACCESS_DENIED_ERROR, SL_EDENIED, false},
    {ER_SPECIFIC_ACCESS_DENIED_ERROR, SL_EDENIED, false},
    {ER_TABLEACCESS_DENIED_ERROR, SL_EDENIED, false},
    {ER_COLUMNACCESS_DENIED_ERROR, SL_EDENIED, false},
    {ER_KILL_DENIED_ERROR, SL_EDENIED, false},
    {ER_HOST_NOT_PRIVILEGED, SL_EDENIED, false},
    {ER_ACCESS_DENIED_NO_PASSWORD_ERROR, SL_EDENIED, false},
    {ER_SERVER_SHUTDOWN, SL_ECLOSED, true},
    {ER_NORMAL_SHUTDOWN, SL_ECLOSED, true},
    {ER_CONNECTION_KILLED, SL_ECLOSED, true},
    {CR_SERVER_GONE_ERROR, SL_ECLOSED, true},
    {CR_SERVER_LOST, SL_ECLOSED, true},
    {CR_SERVER_LOST_EXTENDED, SL_ECLOSED, true},
};

// The library's errno is of no use for this; its time-outs are whole seconds.
static bool has_timed_out(const struct sql *s)
{
    return clock_now_ns() - s->started_ns >= s->timeout_s * NS_PER_S - 20 * NS_PER_MS;
}

// Sets number and lost, and writes "milan (host:port): doing: text (1045)".
static enum sl_code fail(struct sql *s, const char *doing, struct sl_error *err)
{
    s->number = mysql_errno(s->mysql);
    // The client library's own numbers: nothing can be said about the stream behind them.
    s->lost = s->number >= CR_MIN_ERROR && s->number <= CER_MAX_ERROR;
    enum sl_code code = s->lost ? SL_EIO : SL_ECONFLICT;
    for (size_t i = 0; i < sizeof error_meanings / sizeof error_meanings[0]; i++) {
        if (error_meanings[i].number == s->number) {
            code = error_meanings[i].code;
            s->lost = error_meanings[i].lost;
        }
    }
    if (s->lost && has_timed_out(s))
        return sl_fail(err, SL_ETIMEOUT, "%s: %s: no answer within %u s", s->where, doing,
                       s->timeout_s);
    // The library's texts for these name an errno that is left over from something else.
    if (s->number == CR_SERVER_LOST || s->number == CR_SERVER_GONE_ERROR)
        return sl_fail(err, code, "%s: %s: connection lost (%u)", s->where, doing, s->number);
    if (s->number == CR_CONNECTION_ERROR || s->number == CR_CONN_HOST_ERROR)
        return sl_fail(err, code, "%s: %s: refused or not reachable (%u)", s->where, doing,
                       s->number);
    return sl_fail(err, code, "%s: %s: %s (%u)", s->where, doing, mysql_error(s->mysql), s->number);
}

static void operation_begin(struct sql *s)
{
    s->number = 0;
    s->started_ns = clock_now_ns();
}

// --- opening ------------------------------------------------------------------------------------

static void set_flag(MYSQL *m, enum mysql_option option, my_bool on)
{
    mysql_optionsv(m, option, &on);
}

static void set_timeouts(MYSQL *m, unsigned seconds)
{
    mysql_optionsv(m, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_optionsv(m, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_optionsv(m, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
}

// The library checks the chain as soon as a CA is set, and the name with VERIFY_SERVER_CERT; so a
// CA is set only in the modes that verify. An empty fingerprint is compared with nothing, but with
// one set the library refuses a server without TLS before it answers the greeting.
static void set_tls(MYSQL *m, const struct control_target *t, enum control_tls mode)
{
    if (mode == CONTROL_TLS_DISABLED)
        return;
    set_flag(m, MYSQL_OPT_SSL_ENFORCE, 1);
    mysql_optionsv(m, MARIADB_OPT_TLS_PEER_FP, "");
    if (mode >= CONTROL_TLS_VERIFY_CA) {
        if (t->ca[0] != '\0')
            mysql_optionsv(m, MYSQL_OPT_SSL_CA, t->ca);
        else
            mysql_optionsv(m, MYSQL_OPT_SSL_CAPATH, SYSTEM_CERTIFICATES);
    }
    if (t->cert[0] != '\0')
        mysql_optionsv(m, MYSQL_OPT_SSL_CERT, t->cert);
    if (t->key[0] != '\0')
        mysql_optionsv(m, MYSQL_OPT_SSL_KEY, t->key);
    set_flag(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, mode == CONTROL_TLS_VERIFY_IDENTITY);
}

static void set_options(struct sql *s, const struct control_target *t, enum control_tls mode)
{
    MYSQL *m = s->mysql;
    // The library takes "localhost" for its default socket unless the protocol is named.
    unsigned protocol = t->socket[0] != '\0' ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned no_files = 0;
    set_timeouts(m, s->timeout_s);
    mysql_optionsv(m, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(m, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_optionsv(m, MARIADB_OPT_RESTRICTED_AUTH, SAFE_PLUGINS);
    mysql_optionsv(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "sluice-control");
    set_flag(m, MYSQL_OPT_RECONNECT, 0);
    set_tls(m, t, mode);
}

// The library keeps the password for reconnecting, which is off.
static void wipe_password(MYSQL *m)
{
    if (m->passwd != NULL)
        explicit_bzero(m->passwd, strlen(m->passwd));
}

// A belt beside the braces of set_tls.
static enum sl_code check_tls(struct sql *s, enum control_tls mode, struct sl_error *err)
{
    if (mode == CONTROL_TLS_DISABLED || sql_is_encrypted(s))
        return SL_OK;
    s->number = CR_SSL_CONNECTION_ERROR;
    return sl_fail(err, SL_EIO, "%s: connecting: no TLS came about", s->where);
}

static enum sl_code try_open(struct sql *s, const struct control_target *t, enum control_tls mode,
                             struct sl_error *err)
{
    s->mysql = mysql_init(NULL);
    if (s->mysql == NULL)
        return sl_fail(err, SL_EIO, "%s: out of memory", s->where);
    set_options(s, t, mode);
    bool local = t->socket[0] != '\0';
    operation_begin(s);
    MYSQL *connected = mysql_real_connect(s->mysql, local ? NULL : t->host, t->user, t->password,
                                          NULL, t->port, local ? t->socket : NULL, 0);
    enum sl_code code = connected != NULL ? check_tls(s, mode, err) : fail(s, "connecting", err);
    if (code != SL_OK) {
        wipe_password(s->mysql);
        mysql_close(s->mysql);
        s->mysql = NULL;
    }
    return code;
}

static void describe(const struct control_target *t, char *out, size_t size)
{
    if (t->socket[0] != '\0')
        (void)snprintf(out, size, "%s (%s)", t->name, t->socket);
    else
        (void)snprintf(out, size, "%s (%s:%u)", t->name, t->host, t->port);
}

enum sl_code sql_open(const struct control_target *t, struct sql **out, struct sl_error *err)
{
    struct sql *s = mem_zalloc(sizeof *s);
    describe(t, s->where, sizeof s->where);
    s->timeout_s = t->timeout_ms < 2000 ? 1 : (unsigned)(t->timeout_ms / 1000);
    // A unix socket has no use for TLS, and the library none for it there.
    enum control_tls mode = t->socket[0] != '\0' ? CONTROL_TLS_DISABLED : t->tls;
    enum sl_code code = try_open(s, t, mode, err);
    if (code != SL_OK && code != SL_ETIMEOUT && mode == CONTROL_TLS_PREFERRED &&
        s->number == CR_SSL_CONNECTION_ERROR)
        code = try_open(s, t, CONTROL_TLS_DISABLED, err);
    if (code != SL_OK) {
        mem_free(s);
        return code;
    }
    wipe_password(s->mysql);
    s->number = 0;
    s->lost = false;
    *out = s;
    return SL_OK;
}

static void drop_rows(struct sql *s)
{
    if (s->rows != NULL)
        mysql_free_result(s->rows);
    s->rows = NULL;
    s->row = NULL;
}

void sql_close(struct sql *s)
{
    if (s == NULL)
        return;
    drop_rows(s);
    mysql_close(s->mysql);
    mem_free(s);
}

// --- statements ---------------------------------------------------------------------------------

enum sl_code sql_query(struct sql *s, const char *statement, struct sl_error *err)
{
    drop_rows(s);
    operation_begin(s);
    if (mysql_real_query(s->mysql, statement, (unsigned long)strlen(statement)) != 0)
        return fail(s, statement, err);
    s->rows = mysql_store_result(s->mysql);
    // No rows is right for a statement without columns.
    if (s->rows == NULL && mysql_errno(s->mysql) != 0)
        return fail(s, statement, err);
    return SL_OK;
}

enum sl_code sql_run(struct sql *s, const char *statement, struct sl_error *err)
{
    enum sl_code code = sql_query(s, statement, err);
    drop_rows(s);
    return code;
}

void sql_wipe(struct sql *s)
{
    if (s->rows == NULL)
        return;
    mysql_data_seek(s->rows, 0);
    for (MYSQL_ROW row; (row = mysql_fetch_row(s->rows)) != NULL;) {
        const unsigned long *lengths = mysql_fetch_lengths(s->rows);
        for (unsigned i = 0; i < sql_columns(s); i++)
            if (row[i] != NULL)
                explicit_bzero(row[i], lengths[i]);
    }
    drop_rows(s);
    // Between commands there is nothing in it; the next one fills it anew.
    explicit_bzero(s->mysql->net.buff, s->mysql->net.max_packet);
}

unsigned sql_errno(const struct sql *s)
{
    return s->number;
}

bool sql_lost(const struct sql *s)
{
    return s->lost;
}

// --- rows ---------------------------------------------------------------------------------------

bool sql_next(struct sql *s)
{
    s->row = s->rows != NULL ? mysql_fetch_row(s->rows) : NULL;
    return s->row != NULL;
}

unsigned sql_columns(const struct sql *s)
{
    return s->rows != NULL ? mysql_num_fields(s->rows) : 0;
}

const char *sql_column_name(const struct sql *s, unsigned i)
{
    assert(i < sql_columns(s));
    return mysql_fetch_field_direct(s->rows, i)->name;
}

const char *sql_column_value(const struct sql *s, unsigned i)
{
    assert(i < sql_columns(s));
    return s->row != NULL ? s->row[i] : NULL;
}

const char *sql_value(const struct sql *s, const char *column)
{
    for (unsigned i = 0; i < sql_columns(s); i++) {
        if (strcasecmp(sql_column_name(s, i), column) == 0)
            return sql_column_value(s, i);
    }
    return NULL;
}

// --- the server ---------------------------------------------------------------------------------

const char *sql_version(const struct sql *s)
{
    return mysql_get_server_info(s->mysql);
}

unsigned long sql_version_number(const struct sql *s)
{
    return mysql_get_server_version(s->mysql);
}

bool sql_is_encrypted(const struct sql *s)
{
    return mysql_get_ssl_cipher(s->mysql) != NULL;
}

uint64_t sql_thread_id(const struct sql *s)
{
    return mysql_thread_id(s->mysql);
}
