// What user tables say, as two servers wrote it (MariaDB 10.11) and as nobody should.
#include "control/priv.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"

#define HASH_Y "*7446F64EFCFB1294A6DE20CAE7E49C2377A9AA25"
#define HASH_Z "*F24059C44AE7FCD38A595267C522FB133E9F06F1"

static const uint8_t y[PRIV_HASH_BYTES] = {0x74, 0x46, 0xf6, 0x4e, 0xfc, 0xfb, 0x12,
                                           0x94, 0xa6, 0xde, 0x20, 0xca, 0xe7, 0xe4,
                                           0x9c, 0x23, 0x77, 0xa9, 0xaa, 0x25};

static struct priv parse(const char *json)
{
    struct priv p;
    struct sl_error err = {0};
    cr_assert_eq(priv_parse(json, &p, &err), SL_OK, "%s: %s", json, err.text);
    return p;
}

// plugin, hash ("": none) of each method, in order; ends with NULL.
static const struct document {
    const char *json;
    const char *methods[8];
    bool is_role;
} documents[] = {
    {"{\"access\":549755812863,\"version_id\":101119,\"plugin\":\"mysql_native_password\","
     "\"authentication_string\":\"" HASH_Y "\",\"password_last_changed\":1795363996}",
     {"mysql_native_password", HASH_Y},
     false},
    {"{\"access\":18446744073709551615}", {"mysql_native_password", ""}, false},
    {"{}", {"mysql_native_password", ""}, false},
    {"{\"access\":1,\"plugin\":\"mysql_native_password\",\"authentication_string\":\"\"}",
     {"mysql_native_password", ""},
     false},
    {"{\"access\":0,\"is_role\":true}", {"mysql_native_password", ""}, true},
    {"{\"access\":0,\"is_role\":false}", {"mysql_native_password", ""}, false},
    {"{\"plugin\":\"mysql_native_password\",\"authentication_string\":\"" HASH_Y "\","
     "\"auth_or\":[{},{\"plugin\":\"unix_socket\"}],\"password_last_changed\":1}",
     {"mysql_native_password", HASH_Y, "unix_socket", ""},
     false},
    {"{\"auth_or\":[{\"plugin\":\"unix_socket\"},{},{\"plugin\":\"mysql_native_password\","
     "\"authentication_string\":\"" HASH_Z "\"}],\"plugin\":\"mysql_native_password\","
     "\"authentication_string\":\"" HASH_Y "\"}",
     {"unix_socket", "", "mysql_native_password", HASH_Y, "mysql_native_password", HASH_Z},
     false},
    {"{\"plugin\":\"ed25519\",\"authentication_string\":\"" HASH_Y "\"}", {"ed25519", ""}, false},
    {" { \"default_role\" : \"a\\\"b\\u00e9\\u0041\" , \"x\":[1,{\"plugin\":\"no\"},[null]],\n"
     "\"plugin\" : \"pam\" , \"authentication_string\":\"mysql\"} ",
     {"pam", ""},
     false},
};

Test(priv, documents_are_understood)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        const struct document *d = &documents[i];
        struct priv p = parse(d->json);
        cr_expect_eq(p.is_role, d->is_role, "%s", d->json);
        unsigned n = 0;
        for (; n < 4 && d->methods[2 * n] != NULL; n++) {
            struct priv_method m;
            priv_method_set(&m, d->methods[2 * n], d->methods[2 * n + 1]);
            cr_expect_str_eq(p.methods[n].plugin, d->methods[2 * n], "%s", d->json);
            cr_expect_eq(p.methods[n].has_native, d->methods[2 * n + 1][0] != '\0', "%s", d->json);
            cr_expect_arr_eq(p.methods[n].native, m.native, PRIV_HASH_BYTES, "%s", d->json);
        }
        cr_expect_eq(p.count, n, "%s: %u methods", d->json, p.count);
    }
}

Test(priv, a_hash_is_a_star_and_forty_digits)
{
    static const char *const wrong[] = {"",
                                        "*",
                                        "*7446F64EFCFB1294A6DE20CAE7E49C2377A9AA2",
                                        HASH_Y "0",
                                        "*7446F64EFCFB1294A6DE20CAE7E49C2377A9AA2G",
                                        "7446F64EFCFB1294A6DE20CAE7E49C2377A9AA25",
                                        "THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE!",
                                        "*\x10\x10"
                                        "46F64EFCFB1294A6DE20CAE7E49C2377A9AA25"};
    struct priv_method m;
    priv_method_set(&m, "", HASH_Y);
    cr_expect(m.has_native);
    cr_expect_arr_eq(m.native, y, PRIV_HASH_BYTES);
    priv_method_set(&m, "mysql_native_password", "*7446f64efcfb1294a6de20cae7e49c2377a9aa25");
    cr_expect(m.has_native);
    cr_expect_arr_eq(m.native, y, PRIV_HASH_BYTES);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        priv_method_set(&m, "mysql_native_password", wrong[i]);
        cr_expect_not(m.has_native, "%s", wrong[i]);
    }
}

Test(priv, what_is_no_document_is_refused)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{",
        "{\"plugin\"",
        "{\"plugin\":\"a",
        "{\"plugin\":\"a\\",
        "{\"plugin\":\"a\\u12",
        "{\"plugin\":\"a\\x\"}",
        "{\"plugin\":}",
        "{\"plugin\":\"a\" \"b\":1}",
        "{\"a\":1}}",
        "{\"auth_or\":[1]}",
        "{\"auth_or\":[{}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct priv p;
        struct sl_error err = {0};
        cr_expect_eq(priv_parse(wrong[i], &p, &err), SL_EPROTO, "%s", wrong[i]);
        cr_expect_eq(p.count, 0);
    }
}

Test(priv, depth_and_number_are_bounded)
{
    char json[4096] = "{\"a\":", *at = json + strlen(json);
    struct priv p;
    struct sl_error err = {0};
    memset(at, '[', 2000);
    cr_expect_eq(priv_parse(json, &p, &err), SL_EPROTO);
    struct buf many = {0};
    buf_printf(&many, "{\"plugin\":\"p\",\"auth_or\":[{}");
    for (int i = 0; i < 40; i++)
        buf_printf(&many, ",{\"plugin\":\"q\",\"more\":{\"x\":1}}");
    buf_printf(&many, "]}");
    p = parse(buf_text(&many));
    buf_release(&many);
    cr_expect_eq(p.count, PRIV_METHODS_MAX);
    cr_expect_str_eq(p.methods[0].plugin, "p");
    cr_expect_str_eq(p.methods[1].plugin, "q");
}
