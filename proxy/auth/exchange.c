// Passing a login through: whose turn it is, the numbers, and what the server's packets mean.
// translate.c re-wraps passwords where the sides' channels differ; learn.c keeps what a login proves.
#include "auth/exchange.h"

#include <assert.h>
#include <string.h>

#include "auth/exchange_internal.h"
#include "wire/command.h"
#include "wire/packet.h"
#include "wire/reply.h"

static bool is_over(const struct exchange *x)
{
    return x->state == EXCHANGE_ACCEPTED || x->state == EXCHANGE_REFUSED;
}

void exchange_set_state(struct exchange *x, enum exchange_state s)
{
    assert(!is_over(x));
    x->state = (uint8_t)s;
}

static void set_scramble(struct exchange *x, struct slice data)
{
    // Most plugins send a NUL behind it.
    if (data.n > 0 && data.p[data.n - 1] == '\0')
        data.n--;
    x->scramble_len = (uint8_t)(data.n < SCRAMBLE_MAX ? data.n : SCRAMBLE_MAX);
    if (data.n > 0)
        memcpy(x->scramble, data.p, x->scramble_len);
}

struct slice exchange_scramble(const struct exchange *x)
{
    return (struct slice){.p = x->scramble, .n = x->scramble_len};
}

void exchange_init(struct exchange *x, struct rsa_key *key, enum exchange_channel client,
                   enum exchange_channel server, const struct greeting *g, uint64_t caps,
                   struct vault *vault, bool client_tracks)
{
    memset(x, 0, sizeof *x);
    x->state = EXCHANGE_WAIT_CLIENT;
    x->plugin = plugin_find(g->plugin);
    x->client_channel = (uint8_t)client;
    x->server_channel = (uint8_t)server;
    x->scramble_len = g->scramble_len;
    memcpy(x->scramble, g->scramble, g->scramble_len);
    x->caps = caps;
    x->key = key;
    buf_init(&x->password, EXCHANGE_PACKET_MAX);
    buf_init(&x->first, EXCHANGE_PACKET_MAX);
    x->client_tracks = client_tracks;
    x->learn.vault = vault;
    buf_init(&x->learn.kept, EXCHANGE_PACKET_MAX);
}

void exchange_release(struct exchange *x)
{
    buf_wipe(&x->password);
    buf_release(&x->first);
    learn_forget(x);
    secret_unref(x->learn.secret);
    x->learn.secret = NULL;
    buf_release(&x->learn.user);
    buf_release(&x->learn.kept);
}

bool exchange_is_asking(const struct exchange *x)
{
    return x->learn.asking;
}

struct secret *exchange_take_secret(struct exchange *x)
{
    struct secret *s = x->learn.secret;
    x->learn.secret = NULL;
    return s;
}

// --- packets out -----------------------------------------------------------------------------

// A password must not stay behind where a buffer grew.
static void packet_room(struct buf *b, size_t n)
{
    buf_reserve(b, PACKET_HEADER + n);
}

void exchange_to_client(struct exchange *x, struct slice payload, struct exchange_out *out)
{
    packet_header(&out->to_client, (uint32_t)payload.n, x->client_seq++);
    buf_put(&out->to_client, payload.p, payload.n);
}

void exchange_to_server(struct exchange *x, struct slice payload, struct exchange_out *out)
{
    packet_room(&out->to_server, payload.n);
    packet_header(&out->to_server, (uint32_t)payload.n, x->server_seq++);
    buf_put(&out->to_server, payload.p, payload.n);
    exchange_set_state(x, EXCHANGE_WAIT_SERVER);
}

// `first` with this answer in its place.
static void first_to_server(struct exchange *x, struct slice answer, struct exchange_out *out)
{
    struct buf *b = &out->to_server;
    packet_room(b, x->first.n + answer.n + 8); // its length takes up to 9 bytes instead of 1
    size_t begin = packet_begin(b, x->server_seq++);
    buf_put(b, x->first.p, x->first_at);
    if (x->first_lenenc) {
        buf_lenenc(b, answer.n);
    } else {
        buf_u8(b, (uint8_t)answer.n);
        b->failed = b->failed || answer.n > UINT8_MAX;
    }
    buf_put(b, answer.p, answer.n);
    buf_put(b, x->first.p + x->first_at + 1, x->first.n - x->first_at - 1);
    packet_end(b, begin);
    buf_release(&x->first);
    x->held = false;
    exchange_set_state(x, EXCHANGE_WAIT_SERVER);
}

void exchange_answer_server(struct exchange *x, struct slice answer, struct exchange_out *out)
{
    if (x->held)
        first_to_server(x, answer, out);
    else
        exchange_to_server(x, answer, out);
}

enum sl_code exchange_check_out(const struct exchange_out *out, struct sl_error *err)
{
    if (out->to_client.failed || out->to_server.failed)
        return sl_fail(err, SL_ETOOBIG, "login packet does not fit");
    return SL_OK;
}

static enum sl_code check_in(const struct exchange *x, struct slice payload, const char *who,
                             struct sl_error *err)
{
    if (is_over(x))
        return sl_fail(err, SL_ECONFLICT, "%s sent a login packet after the login", who);
    if (payload.n > EXCHANGE_PACKET_MAX)
        return sl_fail(err, SL_ETOOBIG, "%s sent a login packet of %zu bytes, %u are allowed", who,
                       payload.n, EXCHANGE_PACKET_MAX);
    return SL_OK;
}

// --- first packets ---------------------------------------------------------------------------

// sha256_password's first answer is the password, or the request for a key. The first answer of
// caching_sha2_password is a hash: the server has not asked for more yet.
static bool first_needs_translation(const struct exchange *x, struct slice answer)
{
    return x->plugin == PLUGIN_SHA256 && translate_needed(x, answer);
}

static enum sl_code first_answer(struct exchange *x, struct slice answer, struct exchange_out *out,
                                 struct sl_error *err)
{
    x->held = true;
    if (first_needs_translation(x, answer))
        return translate_answer(x, answer, out, err);
    learn_answer(x, answer);
    first_to_server(x, answer, out);
    return exchange_check_out(out, err);
}

// Answers without a length cannot be exchanged for another; no plugin of ours has them.
static bool has_length(uint64_t caps)
{
    return (caps & (CAP_SECURE_CONNECTION | CAP_PLUGIN_AUTH_LENENC)) != 0;
}

static enum sl_code login_unchanged(struct exchange *x, const struct login *l,
                                    struct exchange_out *out, struct sl_error *err)
{
    size_t begin = packet_begin(&out->to_server, x->server_seq++);
    login_encode(l, &out->to_server);
    packet_end(&out->to_server, begin);
    exchange_set_state(x, EXCHANGE_WAIT_SERVER);
    return exchange_check_out(out, err);
}

enum sl_code exchange_login(struct exchange *x, const struct login *l, uint8_t client_seq,
                            uint8_t server_seq, struct exchange_out *out, struct sl_error *err)
{
    assert(x->state == EXCHANGE_WAIT_CLIENT && !x->held);
    if (l->ssl_request)
        return sl_fail(err, SL_EPROTO, "client sent a second SSLRequest");
    x->client_seq = client_seq;
    x->server_seq = server_seq;
    struct login ours = *l;
    ours.caps &= ~CAP_NEVER_OFFERED;
    // The level of a compression that is not on.
    if ((l->caps & CAP_ZSTD) != 0 && ours.tail.n > 0)
        ours.tail = (struct slice){.p = l->tail.p + 1, .n = l->tail.n - 1};
    x->plugin = (l->caps & CAP_PLUGIN_AUTH) != 0 && l->plugin.n > 0 ? plugin_find(l->plugin)
                                                                    : PLUGIN_NATIVE;
    x->learn.may_ask = true;
    buf_put(&x->learn.user, l->user.p, l->user.n);
    if (!has_length(ours.caps))
        return login_unchanged(x, &ours, out, err);
    ours.auth = (struct slice){.p = NULL, .n = 0};
    login_encode(&ours, &x->first);
    if (x->first.failed)
        return sl_fail(err, SL_ETOOBIG, "login packet does not fit");
    // 32 bytes of fixed fields, the user and its NUL.
    x->first_at = 32 + l->user.n + 1;
    x->first_lenenc = (ours.caps & CAP_PLUGIN_AUTH_LENENC) != 0;
    return first_answer(x, l->auth, out, err);
}

// A COM_CHANGE_USER that makes the server send its scramble: the answer is empty, and no account has
// this plugin (tried on MariaDB 10.11 and MySQL 9.7, accounts without a password included).
static void put_change_user(const struct exchange *x, const struct change_user *cu, struct buf *out)
{
    static const struct slice nul = {.p = (const uint8_t *)"", .n = 1};
    const struct slice parts[] = {cu->user, nul, nul /* the answer's length */, cu->database, nul};
    buf_u8(out, COM_CHANGE_USER);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        buf_put(out, parts[i].p, parts[i].n);
    buf_u16(out, cu->charset);
    buf_cstr(out, "sluice_asks_again");
    if ((x->caps & CAP_CONNECT_ATTRS) != 0)
        buf_lenenc_bytes(out, cu->attributes.p, cu->attributes.n);
}

static enum sl_code change_user_again(struct exchange *x, const struct change_user *cu,
                                      struct exchange_out *out, struct sl_error *err)
{
    struct buf ours;
    if ((x->caps & CAP_PLUGIN_AUTH) == 0)
        return sl_fail(err, SL_EUNSUPPORTED,
                       "the client's answer is of no use here, and it cannot be asked again");
    buf_init(&ours, EXCHANGE_PACKET_MAX);
    put_change_user(x, cu, &ours);
    x->plugin = PLUGIN_UNKNOWN;
    memcpy(x->old_scramble, x->scramble, sizeof x->old_scramble);
    exchange_to_server(x, (struct slice){.p = ours.p, .n = ours.n}, out);
    buf_release(&ours);
    return exchange_check_out(out, err);
}

// Byte for byte as it came.
static enum sl_code change_user_here(struct exchange *x, struct slice payload, struct slice answer,
                                     struct exchange_out *out, struct sl_error *err)
{
    learn_answer(x, answer);
    exchange_to_server(x, payload, out);
    return exchange_check_out(out, err);
}

enum sl_code exchange_change_user(struct exchange *x, struct slice payload, bool moved,
                                  struct exchange_out *out, struct sl_error *err)
{
    assert(x->state == EXCHANGE_WAIT_CLIENT && !x->held);
    enum sl_code rc = check_in(x, payload, "client", err);
    struct change_user cu;
    if (rc == SL_OK)
        rc = change_user_decode(payload, x->caps, &cu, err);
    if (rc != SL_OK)
        return rc;
    x->client_seq = 1; // 0 was the command's
    x->server_seq = 0;
    x->moved = moved;
    x->learn.may_ask = true;
    buf_put(&x->learn.user, cu.user.p, cu.user.n);
    if (cu.plugin.n > 0)
        x->plugin = plugin_find(cu.plugin);
    else if ((x->caps & CAP_PLUGIN_AUTH) == 0)
        x->plugin = PLUGIN_NATIVE;
    // A password needs the scramble that the client knows, which is the last one of several. Both
    // servers answer every COM_CHANGE_USER with a switch and a new one, so nothing is lost.
    if (moved || first_needs_translation(x, cu.auth))
        return change_user_again(x, &cu, out, err);
    return change_user_here(x, payload, cu.auth, out, err);
}

// --- what follows ----------------------------------------------------------------------------

enum sl_code exchange_from_client(struct exchange *x, struct slice payload, uint8_t seq,
                                  struct exchange_out *out, struct sl_error *err)
{
    enum sl_code rc = check_in(x, payload, "client", err);
    if (rc != SL_OK)
        return rc;
    // Who speaks when is known of the plugins that are translated; the others know themselves.
    if (x->state != EXCHANGE_WAIT_CLIENT && plugin_key_request(x->plugin) != 0)
        return sl_fail(err, SL_ECONFLICT, "client sent a login packet that was not its turn");
    if (seq != x->client_seq)
        return sl_fail(err, SL_EPROTO, "client sent login packet %u, expected %u", seq,
                       x->client_seq);
    x->client_seq++;
    if (x->learn.asking)
        return learn_asked_client(x, payload, out, err);
    if ((x->held || exchange_wants_password(x)) && translate_needed(x, payload))
        return translate_answer(x, payload, out, err);
    uint8_t again[VAULT_NATIVE_BYTES];
    struct slice answer = translate_scramble(x, payload, again);
    learn_answer(x, answer);
    exchange_answer_server(x, answer, out);
    return exchange_check_out(out, err);
}

static void use_plugin(struct exchange *x, struct slice name, struct slice data)
{
    x->plugin = plugin_find(name);
    x->full = false;
    x->offered = false;
    set_scramble(x, data);
    learn_forget(x);
    x->learn.questions = 0;
    if (x->plugin == PLUGIN_DIALOG)
        learn_question(x, data);
}

static enum sl_code on_switch(struct exchange *x, struct slice payload, struct sl_error *err)
{
    struct auth_switch s;
    enum sl_code rc = auth_switch_decode(payload, &s, err);
    if (rc != SL_OK)
        return rc;
    use_plugin(x, s.plugin, s.data);
    exchange_set_state(x, EXCHANGE_WAIT_CLIENT);
    return SL_OK;
}

// The client gets it with what it asked for, and no more.
static enum sl_code on_ok(struct exchange *x, struct slice payload, struct exchange_out *out,
                          struct sl_error *err)
{
    struct ok ok;
    struct buf told;
    buf_init(&told, EXCHANGE_PACKET_MAX);
    enum sl_code rc = ok_decode(payload, &ok);
    if (rc == SL_OK)
        rc = ok_for_client(payload, x->caps, x->client_tracks, NULL, &told);
    if (rc == SL_OK) {
        x->status = ok.status;
        exchange_set_state(x, EXCHANGE_ACCEPTED);
        learn_accepted(x);
        exchange_to_client(x, (struct slice){.p = told.p, .n = told.n}, out);
        rc = exchange_check_out(out, err);
    } else {
        rc = sl_fail(err, SL_EPROTO, "server sent a malformed OK after the login");
    }
    buf_release(&told);
    return rc;
}

static bool is_fast_path(const struct exchange *x, struct slice payload, uint8_t what)
{
    return x->plugin == PLUGIN_CACHING_SHA2 && payload.n == 2 && payload.p[0] == FROM_SERVER_MORE &&
           payload.p[1] == what;
}

// A plugin's own data: the client answers, except after the fast path's "that was right".
static void on_plugin_data(struct exchange *x, struct slice payload)
{
    struct reader r = reader_make(payload.p, payload.n);
    if (is_fast_path(x, payload, FULL_PLEASE))
        x->full = true;
    if (x->plugin == PLUGIN_DIALOG)
        learn_question(x, payload);
    if (reader_u8(&r) == FROM_SERVER_NEXT_FACTOR && (x->caps & CAP_MULTI_FACTOR) != 0) {
        // dialog sends this byte as well; then what follows is no plugin's name.
        struct slice name = reader_cstr(&r);
        if (!r.failed && plugin_find(name) != PLUGIN_UNKNOWN) {
            use_plugin(x, name, reader_rest(&r));
            x->learn.factors = true;
        }
    }
    exchange_set_state(x, EXCHANGE_WAIT_CLIENT);
}

enum sl_code exchange_take_server(struct exchange *x, struct slice payload,
                                  struct exchange_out *out, struct sl_error *err)
{
    int first = payload.n > 0 ? payload.p[0] : -1;
    enum sl_code rc = SL_OK;
    if (first == FROM_SERVER_OK)
        return on_ok(x, payload, out, err);
    if (is_fast_path(x, payload, FAST_OK) && learn_must_ask(x)) {
        learn_ask(x, out);
        return exchange_check_out(out, err);
    }
    if (first == FROM_SERVER_ERR) {
        learn_forget(x);
        exchange_set_state(x, EXCHANGE_REFUSED);
    } else if (first == FROM_SERVER_SWITCH) {
        rc = on_switch(x, payload, err);
    } else if (is_fast_path(x, payload, FAST_OK)) {
        exchange_set_state(x, EXCHANGE_WAIT_SERVER);
    } else {
        on_plugin_data(x, payload);
    }
    if (rc != SL_OK)
        return rc;
    exchange_to_client(x, payload, out);
    return exchange_check_out(out, err);
}

enum sl_code exchange_from_server(struct exchange *x, struct slice payload, uint8_t seq,
                                  struct exchange_out *out, struct sl_error *err)
{
    enum sl_code rc = check_in(x, payload, "server", err);
    if (rc != SL_OK)
        return rc;
    int first = payload.n > 0 ? payload.p[0] : -1;
    // A server that gives up (time-out, shutdown) does not wait for its turn.
    if (seq != x->server_seq && first != FROM_SERVER_ERR)
        return sl_fail(err, SL_EPROTO, "server sent login packet %u, expected %u", seq,
                       x->server_seq);
    x->server_seq = (uint8_t)(seq + 1);
    if (x->learn.asking && first != FROM_SERVER_ERR)
        return learn_asked_server(x, payload, err);
    // The client's password is under way: it looks for the error behind that.
    x->client_seq = (uint8_t)(x->client_seq + x->learn.asking);
    if (x->state == EXCHANGE_WAIT_SERVER_KEY && first == FROM_SERVER_MORE)
        return translate_server_key(x, (struct slice){.p = payload.p + 1, .n = payload.n - 1}, out,
                                    err);
    buf_wipe(&x->password);
    return exchange_take_server(x, payload, out, err);
}
