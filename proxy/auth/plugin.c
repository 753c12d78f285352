// The table of authentication plugins.
#include "auth/plugin.h"

#include <string.h>

static const struct row {
    const char *name;
    uint8_t key_request;
    bool trusts_local; // a unix socket is as good as TLS
} rows[] = {
    [PLUGIN_UNKNOWN] = {"unknown", 0, false},
    [PLUGIN_NATIVE] = {"mysql_native_password", 0, false},
    [PLUGIN_CACHING_SHA2] = {"caching_sha2_password", 0x02, true},
    [PLUGIN_SHA256] = {"sha256_password", 0x01, false},
    [PLUGIN_CLEAR] = {"mysql_clear_password", 0, false},
    [PLUGIN_DIALOG] = {"dialog", 0, true},
    // Passed through; the names are for operators.
    {"client_ed25519", 0, false},
    {"parsec", 0, false},
    {"auth_gssapi_client", 0, false},
    {"mysql_old_password", 0, false},
    {"authentication_ldap_sasl_client", 0, false},
    {"authentication_kerberos_client", 0, false},
    {"authentication_webauthn_client", 0, false},
};

#define COUNT ((uint8_t)(sizeof rows / sizeof rows[0]))

uint8_t plugin_find(struct slice name)
{
    for (uint8_t i = 1; i < COUNT; i++) {
        if (name.n == strlen(rows[i].name) && memcmp(name.p, rows[i].name, name.n) == 0)
            return i;
    }
    return PLUGIN_UNKNOWN;
}

const char *plugin_name(uint8_t plugin)
{
    return rows[plugin < COUNT ? plugin : PLUGIN_UNKNOWN].name;
}

uint8_t plugin_key_request(uint8_t plugin)
{
    return rows[plugin].key_request;
}

bool plugin_is_secure(uint8_t plugin, uint8_t channel)
{
    return channel == EXCHANGE_TLS || (channel == EXCHANGE_LOCAL && rows[plugin].trusts_local);
}
