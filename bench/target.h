// Where a subcommand connects to: the options that all of them share, and the connection made of
// them with MariaDB Connector/C.
#ifndef SLUICE_BENCH_TARGET_H
#define SLUICE_BENCH_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/options.h"

struct st_mysql; // MYSQL of <mysql.h>, whose names clash with those of wire/command.h

struct target {
    const char *host;
    uint64_t port;
    const char *socket; // a unix socket instead of host and port; NULL when not used
    const char *user;
    const char *password;      // never NULL after target_prepare
    const char *password_file; // its first line is the password
    const char *database;
    bool tls;
    int64_t timeout_ms; // for connecting and for every answer
    char password_text[256];
};

extern const struct option_row target_rows[];
extern const size_t target_row_count;

void target_defaults(struct target *t);
// Reads the password file. SL_ENOTFOUND, SL_ETOOBIG.
SL_CHECKED enum sl_code target_prepare(struct target *t, struct sl_error *err);
// Connects `m`, which the caller has given to mysql_init and closes in any case. True when done;
// otherwise mysql_errno(m) tells why.
bool target_connect(const struct target *t, struct st_mysql *m);
// "host:port" or the socket's path, for messages.
const char *target_name(const struct target *t, char *out, size_t size);

#endif
