// Login packets: decoders stand any bytes, and what they accept survives encoding and decoding.
//
// The first byte chooses the packet, the rest is its payload (COM_CHANGE_USER: caps first).
#include "wire/handshake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
    if (!ok)
        abort();
}

static bool same(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void try_greeting(struct slice payload)
{
    struct greeting g, back;
    struct sl_error err;
    struct buf b;

    if (greeting_decode(payload, &g, &err) != SL_OK)
        return;
    buf_init(&b, 0);
    greeting_encode(&g, &b);
    expect(greeting_decode((struct slice){b.p, b.n}, &back, &err) == SL_OK);
    expect(same(g.version, back.version) && same(g.plugin, back.plugin));
    expect(g.caps == back.caps && g.thread_id == back.thread_id && g.status == back.status);
    // Without a plugin no length is sent, and the scramble is 20 bytes.
    if (g.caps & CAP_PLUGIN_AUTH)
        expect(g.scramble_len == back.scramble_len);
    expect(memcmp(g.scramble, back.scramble, back.scramble_len) == 0);
    buf_release(&b);
}

static void try_login(struct slice payload)
{
    struct login l, back;
    struct sl_error err;
    struct buf b;

    if (login_decode(payload, &l, &err) != SL_OK)
        return;
    login_attribute(l.attributes, "program_name");
    buf_init(&b, 0);
    login_encode(&l, &b);
    expect(login_decode((struct slice){b.p, b.n}, &back, &err) == SL_OK);
    expect(l.caps == back.caps && l.ssl_request == back.ssl_request);
    expect(same(l.user, back.user) && same(l.auth, back.auth) && same(l.database, back.database));
    expect(same(l.plugin, back.plugin) && same(l.attributes, back.attributes));
    expect(same(l.tail, back.tail));
    buf_clear(&b);
    login_encode_ssl_request(&l, &b);
    expect(login_decode((struct slice){b.p, b.n}, &back, &err) == SL_OK && back.ssl_request);
    buf_release(&b);
}

static void try_change_user(struct slice payload)
{
    struct reader r = reader_make(payload.p, payload.n);
    struct change_user c;
    struct sl_error err;
    uint64_t caps = reader_u32(&r);

    if (change_user_decode(reader_rest(&r), caps, &c, &err) == SL_OK)
        login_attribute(c.attributes, "_client_name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth_switch s;
    struct sl_error err;

    if (size == 0)
        return 0;
    struct slice payload = {data + 1, size - 1};
    switch (data[0] & 3) {
    case 0: try_greeting(payload); break;
    case 1: try_login(payload); break;
    case 2: try_change_user(payload); break;
    default: (void)!auth_switch_decode(payload, &s, &err); break;
    }
    return 0;
}
