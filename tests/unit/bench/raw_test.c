// Addresses that need no look-up.
#include "bench/raw.h"

#include <criterion/criterion.h>

Test(raw, addresses)
{
    static const struct {
        const char *host, *socket;
        int family; // 0: refused
    } rows[] = {{"127.0.0.1", NULL, AF_INET},
                {"::1", NULL, AF_INET6},
                {"ignored", "/run/x.sock", AF_UNIX},
                {"somewhere", NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target t;
        struct raw_address address;
        struct sl_error err;
        target_defaults(&t);
        t.host = rows[i].host;
        t.socket = rows[i].socket;
        enum sl_code code = raw_resolve(&t, &address, &err);
        cr_expect_eq(code, rows[i].family == 0 ? SL_EINVAL : SL_OK, "%s", rows[i].host);
        if (code == SL_OK)
            cr_expect_eq(address.storage.ss_family, rows[i].family);
    }
}
