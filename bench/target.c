// Connection options and connections of sluice-bench.
#include "bench/target.h"

#include <mysql.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

#define ROW(name, kind, field, argument, help)                                                     \
    {                                                                                              \
        name, OPTION_##kind, offsetof(struct target, field), argument, help                        \
    }

const struct option_row target_rows[] = {
    ROW("host", TEXT, host, "HOST", "server or sluice (default 127.0.0.1)"),
    ROW("port", COUNT, port, "PORT", "its TCP port (default 3306)"),
    ROW("socket", TEXT, socket, "PATH", "a unix socket instead of host and port"),
    ROW("user", TEXT, user, "USER", "account (default root)"),
    ROW("password", TEXT, password, "TEXT", "its password (default empty)"),
    ROW("password-file", TEXT, password_file, "FILE", "read the password from a file's first line"),
    ROW("database", TEXT, database, "NAME", "database (default bench)"),
    ROW("tls", FLAG, tls, NULL, "connect with TLS, without checking the certificate"),
    ROW("timeout", DURATION, timeout_ms, "TIME",
        "for connecting and for each answer (default 60s)"),
};

const size_t target_row_count = sizeof target_rows / sizeof target_rows[0];

void target_defaults(struct target *t)
{
    *t = (struct target){.host = "127.0.0.1",
                         .port = 3306,
                         .user = "root",
                         .password = "",
                         .database = "bench",
                         .timeout_ms = 60000};
}

enum sl_code target_prepare(struct target *t, struct sl_error *err)
{
    if (t->port == 0 || t->port > 65535)
        return sl_fail(err, SL_EINVAL, "--port: expected 1 to 65535");
    if (t->password_file == NULL)
        return SL_OK;
    struct buf text;
    buf_init(&text, sizeof t->password_text);
    enum sl_code code = file_read(t->password_file, sizeof t->password_text - 1, &text, err);
    if (code == SL_OK) {
        text_copy(t->password_text, sizeof t->password_text, buf_text(&text));
        t->password_text[strcspn(t->password_text, "\r\n")] = '\0';
        t->password = t->password_text;
    }
    buf_release(&text);
    return code;
}

// Time-outs are whole seconds in the connector. The program name shows up in the server's and in
// sluice's list of sessions, and can be matched by drain rules.
bool target_connect(const struct target *t, struct st_mysql *m)
{
    unsigned seconds = (unsigned)((t->timeout_ms + 999) / 1000);
    mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "sluice-bench");
    my_bool enforce = t->tls;
    my_bool verify = 0;
    mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    // The connector prefers TCP when it is given a host other than "localhost".
    const char *host = t->socket != NULL ? NULL : t->host;
    return mysql_real_connect(m, host, t->user, t->password, t->database, (unsigned)t->port,
                              t->socket, 0) != NULL;
}

const char *target_name(const struct target *t, char *out, size_t size)
{
    if (t->socket != NULL)
        snprintf(out, size, "%s", t->socket);
    else
        snprintf(out, size, "%s:%u", t->host, (unsigned)t->port);
    return out;
}
