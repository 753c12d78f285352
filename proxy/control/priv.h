// What user tables say of an account's ways to log in, understood: pure functions of their texts.
//
// MariaDB 10.4 and later keep a JSON document for each account (mysql.global_priv, column Priv):
//   {"access":0,"plugin":"mysql_native_password","authentication_string":"*6C7A…",
//    "auth_or":[{"plugin":"unix_socket"},{}]}
// In auth_or, {} stands for the pair outside; without auth_or the pair outside is all there is. A
// document without a plugin is an account with an empty native password.
#ifndef SLUICE_CONTROL_PRIV_H
#define SLUICE_CONTROL_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PRIV_HASH_BYTES 20  // SHA1(SHA1(password))
#define PRIV_METHODS_MAX 16 // of one account; more are left out

struct priv_method {
    char plugin[65];
    uint8_t native[PRIV_HASH_BYTES]; // a secret
    bool has_native;                 // the plugin is mysql_native_password, with a password
};

struct priv {
    bool is_role;
    unsigned count;
    struct priv_method methods[PRIV_METHODS_MAX];
};

// One way to log in, as the columns of mysql.user say it. An empty plugin is the native one.
void priv_method_set(struct priv_method *m, const char *plugin, const char *authentication);
// A whole document. SL_EPROTO when it is not one of these; `out` must be wiped in any case.
SL_CHECKED enum sl_code priv_parse(const char *json, struct priv *out, struct sl_error *err);

#endif
