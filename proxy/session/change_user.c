// COM_CHANGE_USER: a login inside a session. Its packets pass through the same exchange as the
// first login, because the channels may differ in being secure; the model follows along.
#include <string.h>

#include "base/mem.h"
#include "session/login.h"
#include "session/move.h"
#include "session/session.h"
#include "session/worker.h"

static bool is_local(const struct conn *c)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    return getsockname(c->fd, (struct sockaddr *)&sa, &n) == 0 && sa.ss_family == AF_UNIX;
}

bool change_user_begin(struct session *s, struct slice payload, uint8_t seq)
{
    struct sl_error err = {0};
    struct exchange_out out;
    struct login_step *l = login_step_new(s);
    l->step = STEP_EXCHANGE;
    l->client_seq = seq;
    l->greeting.scramble_len = sizeof s->scramble;
    memcpy(l->greeting.scramble, s->scramble, sizeof s->scramble);
    s->login = l;
    buf_put(&l->login_bytes, payload.p, payload.n); // names are taken from it on success
    exchange_init(&l->exchange, traffic_rsa_key(s->worker->traffic),
                  login_channel(&s->client, is_local(&s->client)),
                  login_channel(&s->server, is_local(&s->server)), &l->greeting,
                  s->model.tracker.caps, traffic_vault(s->worker->traffic), s->client_tracks);
    l->exchanging = true;
    login_out_init(&out);
    enum sl_code code = exchange_change_user(&l->exchange, payload, s->moved, &out, &err);
    if (!login_send_out(s, &out))
        return false;
    if (code != SL_OK)
        session_end(s, END_PROTOCOL, err.text);
    return !s->dead;
}

// What another link must be told from now on.
static void keep_identity(struct session *s, const struct change_user *c)
{
    struct identity *who = mem_zalloc(sizeof *who + c->attributes.n);
    who->max_packet = s->who->max_packet;
    who->charset = c->charset != 0 ? (uint8_t)c->charset : s->who->charset;
    who->attributes_n = (uint16_t)c->attributes.n;
    if (c->attributes.n > 0)
        memcpy(who->attributes, c->attributes.p, c->attributes.n);
    mem_free(s->who);
    s->who = who;
}

// The server let the new user in: the session carries other names from now on.
static void accepted(struct session *s)
{
    struct change_user names;
    struct slice payload = {s->login->login_bytes.p, s->login->login_bytes.n};
    if (change_user_decode(payload, s->model.tracker.caps, &names, NULL) == SL_OK) {
        session_set_names(s, names.user, names.database,
                          login_attribute(names.attributes, "program_name"));
        keep_identity(s, &names);
    }
    secret_unref(s->secret);
    s->secret = exchange_take_secret(&s->login->exchange);
}

// MySQL closes the connection now. MariaDB goes on with the old user, whose session has lost all
// that a success would have taken from it, and has the character set of the command (10.11).
static void refused(struct session *s)
{
    struct change_user names;
    struct slice payload = {s->login->login_bytes.p, s->login->login_bytes.n};
    if (change_user_decode(payload, s->model.tracker.caps, &names, NULL) == SL_OK &&
        names.charset != 0)
        s->who->charset = (uint8_t)names.charset;
}

bool change_user_packet(struct session *s, bool from_client, struct slice payload, uint8_t seq)
{
    uint16_t status = 0;
    if (!login_pass(s, from_client, payload, seq, &status))
        return false;
    enum exchange_state state = (enum exchange_state)s->login->exchange.state;
    if (state == EXCHANGE_ACCEPTED)
        accepted(s);
    else if (state == EXCHANGE_REFUSED)
        refused(s);
    else
        return true;
    move_free(s); // what it was to become alike is gone
    setup_owe(s);
    login_free(s);
    return true;
}
