// See play.h.
#include "play.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "wire/packet.h"
#include "wire/reply.h"

void play_open(struct play *p)
{
    memset(p, 0, sizeof *p);
    cr_assert_eq(rsa_key_new(&p->ours, &p->err), SL_OK);
    cr_assert_eq(rsa_key_new(&p->servers, &p->err), SL_OK);
}

void play_close(struct play *p)
{
    rsa_key_free(p->ours);
    rsa_key_free(p->servers);
}

void each_packet(struct play *p, struct buf *from,
                 void (*take)(struct play *p, struct slice payload, uint8_t seq))
{
    struct buf b = *from;
    buf_init(from, 0);
    for (size_t at = 0; at < b.n && p->rc == SL_OK;) {
        uint32_t n = packet_length(b.p + at);
        cr_assert_leq(at + PACKET_HEADER + n, b.n);
        take(p, (struct slice){b.p + at + PACKET_HEADER, n}, packet_seq(b.p + at));
        at += PACKET_HEADER + n;
    }
    buf_wipe(&b);
}

void server_gets(struct play *p, struct slice payload, uint8_t seq)
{
    server_take(&p->server, payload, seq);
}

void client_gets(struct play *p, struct slice payload, uint8_t seq)
{
    client_take(&p->client, payload, seq);
}

void from_server(struct play *p, struct slice payload, uint8_t seq)
{
    p->rc = exchange_from_server(&p->x, payload, seq, &p->out, &p->err);
}

void from_client(struct play *p, struct slice payload, uint8_t seq)
{
    p->rc = exchange_from_client(&p->x, payload, seq, &p->out, &p->err);
}

void start(struct play *p)
{
    struct greeting g;
    struct buf payload = {0};
    bool change = p->client.change_user;
    uint8_t at_client = change ? 0 : p->client.channel == EXCHANGE_TLS ? 2 : 1;
    uint8_t at_server = change ? 0 : p->server.channel == EXCHANGE_TLS ? 2 : 1;
    p->client.key = p->server.key = p->servers;
    p->server.change_user = change;
    server_greeting(&p->server, &g);
    client_login(&p->client, &g, CAPS | CAP_COMPRESS, &payload);
    p->client.seq = (uint8_t)(at_client + 1);
    p->server.seq = at_server;
    exchange_init(&p->x, p->ours, p->client.channel, p->server.channel, &g, CAPS, p->vault, false);
    struct slice s = {payload.p, payload.n};
    struct login l;
    if (change) {
        p->rc = exchange_change_user(&p->x, s, false, &p->out, &p->err);
    } else {
        cr_assert_eq(login_decode(s, &l, &p->err), SL_OK);
        p->rc = exchange_login(&p->x, &l, p->client.seq, at_server, &p->out, &p->err);
    }
    buf_wipe(&payload);
}

void run(struct play *p)
{
    start(p);
    for (int i = 0; i < 20 && p->rc == SL_OK; i++) {
        each_packet(p, &p->out.to_server, server_gets);
        each_packet(p, &p->server.out, from_server);
        each_packet(p, &p->out.to_client, client_gets);
        each_packet(p, &p->client.out, from_client);
    }
    cr_expect_null(p->x.password.p, "no password is left behind");
    cr_expect_null(p->x.learn.bytes, "nor what it would have proved");
    cr_expect(p->rc != SL_OK || p->x.first.p == NULL, "nor a login");
    exchange_release(&p->x);
    buf_wipe(&p->out.to_client);
    buf_wipe(&p->out.to_server);
    buf_wipe(&p->client.out);
    buf_wipe(&p->server.out);
}

const char *const play_plugins[] = {NATIVE, CACHING, SHA256};

void expect_login(struct play *p, const char *mine, const char *accounts, unsigned bits,
                  const char *says, const char *has)
{
    memset(&p->client, 0, sizeof p->client);
    memset(&p->server, 0, sizeof p->server);
    p->client.plugin = mine;
    p->server.plugin = accounts;
    p->client.channel = bits & 3;
    p->server.channel = bits >> 2 & 3;
    p->client.change_user = bits & 16;
    p->server.cached = bits & 32;
    p->client.password = says;
    p->server.password = has;
    bool good = strcmp(says, has) == 0;
    run(p);
    cr_expect_eq(p->rc, SL_OK, "%s/%s/%x: %s", mine, accounts, bits, p->err.text);
    cr_expect_null(p->client.wrong, "%s/%s/%x: %s", mine, accounts, bits, p->client.wrong);
    cr_expect_null(p->server.wrong, "%s/%s/%x: %s", mine, accounts, bits, p->server.wrong);
    cr_expect(p->client.over && p->server.over, "%s/%s/%x: over", mine, accounts, bits);
    cr_expect_eq(p->client.accepted, good, "%s/%s/%x: %s", mine, accounts, bits, says);
    cr_expect_eq(p->x.state, good ? EXCHANGE_ACCEPTED : EXCHANGE_REFUSED);
    cr_expect_eq(p->x.status, good ? STATUS_AUTOCOMMIT : 0);
    cr_expect_str_eq(plugin_name(p->x.plugin), accounts);
}

void play_all(struct play *p,
              void (*play)(struct play *p, const char *mine, const char *accounts, unsigned bits))
{
    for (unsigned bits = 0; bits < 64; bits++) {
        if ((bits & 3) == 3 || (bits >> 2 & 3) == 3)
            continue; // there are three channels
        for (int i = 0; i < 9; i++)
            play(p, play_plugins[i / 3], play_plugins[i % 3], bits);
    }
}

struct slice text(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

void open_login(struct play *p, const char *plugin, enum exchange_channel client,
                enum exchange_channel server)
{
    play_open(p);
    p->client.plugin = p->server.plugin = plugin;
    p->client.password = p->server.password = "secret";
    p->client.channel = client;
    p->server.channel = server;
    start(p);
    cr_assert_eq(p->rc, SL_OK);
}

void open_plain(struct play *p, const char *plugin)
{
    open_login(p, plugin, EXCHANGE_PLAIN, EXCHANGE_PLAIN);
    buf_release(&p->out.to_server);
}

void end_plain(struct play *p)
{
    exchange_release(&p->x);
    buf_wipe(&p->out.to_client);
    buf_wipe(&p->out.to_server);
    play_close(p);
}

struct slice bytes(const char *p, size_t n)
{
    return (struct slice){(const uint8_t *)p, n};
}

void expect_client_gets(struct play *p, uint8_t seq, const void *payload, size_t n)
{
    struct buf *b = &p->out.to_client;
    cr_assert_eq(b->n, PACKET_HEADER + n, "%zu bytes", b->n);
    cr_expect_eq(packet_seq(b->p), seq);
    cr_expect_arr_eq(b->p + PACKET_HEADER, payload, n);
    buf_release(b);
}
