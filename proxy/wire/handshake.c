// The login packets, decoded to structs that borrow from the packet and encoded from them.
//
//     server: greeting      v, thread id, scramble, capabilities, charset, status, plugin
//     client: [SSLRequest]  capabilities, max packet, charset          (32 bytes, then TLS)
//     client: response      the same 32 bytes, user, answer, database, plugin, attributes
//     server: [switch]      0xFE plugin data        (then answers until OK or ERR)
//
// Where a client leaves out the last NUL or a whole last field, both servers let it pass, and so
// does this decoder: a login that works directly must work through sluice.
#include "wire/handshake.h"

#include <string.h>

#include "wire/command.h"
#include "wire/packet.h"

#define GREETING_PROTOCOL 10
#define SCRAMBLE_PART1 8
#define SCRAMBLE_PART2_MIN 13 // with its NUL
#define GREETING_RESERVED 6   // of 10 zero bytes; MariaDB's extended capabilities are the rest
#define LOGIN_FIXED 32        // capabilities to the end of the filler; all of an SSLRequest
#define LOGIN_FILLER 19       // of 23 bytes; the rest as above
#define AUTH_SWITCH 0xFE

static const uint8_t zeros[LOGIN_FILLER];

// Up to a NUL, which is consumed, or all that is left when there is none.
static struct slice reader_cstr_or_rest(struct reader *r)
{
    if (r->left == 0 || !memchr(r->p, 0, r->left))
        return reader_rest(r);
    return reader_cstr(r);
}

static void buf_slice(struct buf *b, struct slice s)
{
    if (s.n > 0)
        buf_put(b, s.p, s.n);
}

static void buf_slice_nul(struct buf *b, struct slice s)
{
    buf_slice(b, s);
    buf_u8(b, 0);
}

// MariaDB's extended capabilities count only where the peer does not say that it is MySQL.
static uint64_t caps_join(uint32_t low, uint32_t extended)
{
    return low & CAP_MYSQL ? low : low | (uint64_t)extended << 32;
}

static uint32_t caps_extended(uint64_t caps)
{
    return caps & CAP_MYSQL ? 0 : (uint32_t)(caps >> 32);
}

// The second part of the scramble is at least 13 bytes whatever the length byte says; the NUL at
// its end is no part of the scramble.
static bool greeting_scramble_tail(struct reader *r, uint8_t total, struct greeting *out)
{
    size_t n = SCRAMBLE_PART2_MIN;

    if (total > SCRAMBLE_PART1 + SCRAMBLE_PART2_MIN)
        n = (size_t)total - SCRAMBLE_PART1;
    struct slice tail = reader_bytes(r, n);
    if (r->failed || SCRAMBLE_PART1 + n - 1 > SCRAMBLE_MAX)
        return false;
    memcpy(out->scramble + SCRAMBLE_PART1, tail.p, n - 1);
    out->scramble_len = (uint8_t)(SCRAMBLE_PART1 + n - 1);
    return true;
}

enum sl_code greeting_decode(struct slice payload, struct greeting *out, struct sl_error *err)
{
    struct reader r = reader_make(payload.p, payload.n);

    memset(out, 0, sizeof *out);
    out->protocol = reader_u8(&r);
    if (!r.failed && out->protocol != GREETING_PROTOCOL)
        return sl_fail(err, SL_EUNSUPPORTED, "server speaks protocol version %u, expected %u",
                       out->protocol, GREETING_PROTOCOL);
    out->version = reader_cstr(&r);
    out->thread_id = reader_u32(&r);
    struct slice part1 = reader_bytes(&r, SCRAMBLE_PART1);
    reader_skip(&r, 1);
    uint32_t low = reader_u16(&r);
    out->charset = reader_u8(&r);
    out->status = reader_u16(&r);
    low |= (uint32_t)reader_u16(&r) << 16;
    uint8_t total = reader_u8(&r);
    reader_skip(&r, GREETING_RESERVED);
    out->caps = caps_join(low, reader_u32(&r));
    if (r.failed)
        return sl_fail(err, SL_EPROTO, "greeting of %zu bytes is too short", payload.n);
    memcpy(out->scramble, part1.p, SCRAMBLE_PART1);
    if (!greeting_scramble_tail(&r, total, out))
        return sl_fail(err, SL_EPROTO, "greeting has a scramble of %u bytes that does not fit",
                       total);
    if (out->caps & CAP_PLUGIN_AUTH)
        out->plugin = reader_cstr_or_rest(&r);
    return SL_OK;
}

void greeting_encode(const struct greeting *g, struct buf *out)
{
    size_t part2 = g->scramble_len > SCRAMBLE_PART1 ? g->scramble_len - (size_t)SCRAMBLE_PART1 : 0;

    buf_u8(out, g->protocol);
    buf_slice_nul(out, g->version);
    buf_u32(out, g->thread_id);
    buf_put(out, g->scramble, SCRAMBLE_PART1);
    buf_u8(out, 0);
    buf_u16(out, (uint16_t)g->caps);
    buf_u8(out, g->charset);
    buf_u16(out, g->status);
    buf_u16(out, (uint16_t)(g->caps >> 16));
    buf_u8(out, g->caps & CAP_PLUGIN_AUTH ? (uint8_t)(g->scramble_len + 1) : 0);
    buf_put(out, zeros, GREETING_RESERVED);
    buf_u32(out, caps_extended(g->caps));
    if (part2 > 0)
        buf_put(out, g->scramble + SCRAMBLE_PART1, part2);
    buf_u8(out, 0);
    if (part2 + 1 < SCRAMBLE_PART2_MIN)
        buf_put(out, zeros, SCRAMBLE_PART2_MIN - part2 - 1);
    if (g->caps & CAP_PLUGIN_AUTH)
        buf_slice_nul(out, g->plugin);
}

// The client's first answer has a length of 1 or more bytes, or ends with NUL, by capabilities.
static struct slice login_auth(struct reader *r, uint64_t caps)
{
    if (caps & CAP_PLUGIN_AUTH_LENENC)
        return reader_lenenc_bytes(r);
    if (caps & CAP_SECURE_CONNECTION)
        return reader_bytes(r, reader_u8(r));
    return reader_cstr_or_rest(r);
}

static void login_fields(struct reader *r, struct login *out)
{
    out->user = reader_cstr_or_rest(r);
    if (r->left > 0)
        out->auth = login_auth(r, out->caps);
    if (out->caps & CAP_CONNECT_WITH_DB)
        out->database = reader_cstr_or_rest(r);
    if (out->caps & CAP_PLUGIN_AUTH)
        out->plugin = reader_cstr_or_rest(r);
    if (out->caps & CAP_CONNECT_ATTRS && r->left > 0)
        out->attributes = reader_lenenc_bytes(r);
    out->tail = reader_rest(r);
}

enum sl_code login_decode(struct slice payload, struct login *out, struct sl_error *err)
{
    struct reader r = reader_make(payload.p, payload.n);

    memset(out, 0, sizeof *out);
    if (payload.n >= 2 && !((payload.p[0] | payload.p[1] << 8) & (int)CAP_PROTOCOL_41))
        return sl_fail(err, SL_EUNSUPPORTED, "client does not speak the 4.1 protocol");
    uint32_t low = reader_u32(&r);
    out->max_packet = reader_u32(&r);
    out->charset = reader_u8(&r);
    reader_skip(&r, LOGIN_FILLER);
    out->caps = caps_join(low, reader_u32(&r));
    if (r.failed)
        return sl_fail(err, SL_EPROTO, "login packet of %zu bytes, expected %d or more", payload.n,
                       LOGIN_FIXED);
    if (payload.n == LOGIN_FIXED && out->caps & CAP_SSL) {
        out->ssl_request = true;
        return SL_OK;
    }
    login_fields(&r, out);
    if (r.failed)
        return sl_fail(err, SL_EPROTO, "login packet has a field that is longer than the packet");
    return SL_OK;
}

static void login_fixed(const struct login *l, uint64_t caps, struct buf *out)
{
    buf_u32(out, (uint32_t)caps);
    buf_u32(out, l->max_packet);
    buf_u8(out, l->charset);
    buf_put(out, zeros, LOGIN_FILLER);
    buf_u32(out, caps_extended(caps));
}

static void login_encode_auth(const struct login *l, struct buf *out)
{
    if (l->caps & CAP_PLUGIN_AUTH_LENENC) {
        buf_lenenc_bytes(out, l->auth.p, l->auth.n);
    } else if (l->caps & CAP_SECURE_CONNECTION) {
        if (l->auth.n > UINT8_MAX) {
            out->failed = true;
            return;
        }
        buf_u8(out, (uint8_t)l->auth.n);
        buf_slice(out, l->auth);
    } else {
        buf_slice_nul(out, l->auth);
    }
}

void login_encode(const struct login *l, struct buf *out)
{
    login_fixed(l, l->caps, out);
    if (l->ssl_request)
        return;
    buf_slice_nul(out, l->user);
    login_encode_auth(l, out);
    if (l->caps & CAP_CONNECT_WITH_DB)
        buf_slice_nul(out, l->database);
    if (l->caps & CAP_PLUGIN_AUTH)
        buf_slice_nul(out, l->plugin);
    if (l->caps & CAP_CONNECT_ATTRS)
        buf_lenenc_bytes(out, l->attributes.p, l->attributes.n);
    buf_slice(out, l->tail);
}

void login_encode_ssl_request(const struct login *l, struct buf *out)
{
    login_fixed(l, l->caps | CAP_SSL, out);
}

struct slice login_attribute(struct slice attributes, const char *key)
{
    struct reader r = reader_make(attributes.p, attributes.n);
    size_t key_len = strlen(key);

    while (r.left > 0) {
        struct slice k = reader_lenenc_bytes(&r);
        struct slice v = reader_lenenc_bytes(&r);
        if (r.failed)
            break;
        if (k.n == key_len && memcmp(k.p, key, key_len) == 0)
            return v;
    }
    return (struct slice){0};
}

enum sl_code auth_switch_decode(struct slice payload, struct auth_switch *out, struct sl_error *err)
{
    static const char old_plugin[] = "mysql_old_password";
    struct reader r = reader_make(payload.p, payload.n);

    memset(out, 0, sizeof *out);
    if (reader_u8(&r) != AUTH_SWITCH)
        return sl_fail(err, SL_EPROTO, "not an authentication switch request");
    if (r.left == 0) {
        out->plugin = (struct slice){(const uint8_t *)old_plugin, sizeof old_plugin - 1};
        return SL_OK;
    }
    out->plugin = reader_cstr_or_rest(&r);
    out->data = reader_rest(&r);
    return SL_OK;
}

enum sl_code change_user_decode(struct slice payload, uint64_t caps, struct change_user *out,
                                struct sl_error *err)
{
    struct reader r = reader_make(payload.p, payload.n);

    memset(out, 0, sizeof *out);
    if (reader_u8(&r) != COM_CHANGE_USER)
        return sl_fail(err, SL_EPROTO, "not a COM_CHANGE_USER");
    out->user = reader_cstr(&r);
    // Here the length is one byte even with CAP_PLUGIN_AUTH_LENENC.
    out->auth = login_auth(&r, caps & ~CAP_PLUGIN_AUTH_LENENC);
    out->database = reader_cstr_or_rest(&r);
    if (r.left > 0) {
        out->charset = reader_u16(&r);
        if (caps & CAP_PLUGIN_AUTH)
            out->plugin = reader_cstr_or_rest(&r);
        if (caps & CAP_CONNECT_ATTRS && r.left > 0)
            out->attributes = reader_lenenc_bytes(&r);
    }
    if (r.failed)
        return sl_fail(err, SL_EPROTO, "COM_CHANGE_USER of %zu bytes is malformed", payload.n);
    return SL_OK;
}
