// Questions of our own on a session's present link: sent behind what the client has sent, their
// answers taken out of the stream and collected.
//
//   own_new ─> ask_query(&o->ask, &o->out, ...) ─> own_send ──> server
//   relay_down: packets of commands marked `own` ──> own_bytes, own_packet ─> o->done
#include "base/mem.h"
#include "session/own.h"
#include "session/worker.h"
#include "wire/packet.h"

struct own *own_new(struct session *s, void (*done)(struct session *s, struct own *o))
{
    struct own *o = mem_zalloc(sizeof *o);
    ask_init(&o->ask, s->model.tracker.caps, s->model.tracker.status);
    buf_init(&o->out, OWN_BYTES_MAX);
    buf_init(&o->packet, ASK_BYTES_MAX);
    o->done = done;
    return o;
}

void own_free(struct own *o)
{
    if (o == NULL)
        return;
    ask_release(&o->ask);
    buf_wipe(&o->packet);
    buf_release(&o->packet);
    buf_release(&o->out);
    mem_free(o);
}

void own_command(struct session *s, const uint8_t *payload, uint32_t length)
{
    uint32_t text_at = model_command(&s->model, payload, length, length);
    model_command_own(&s->model);
    model_text(&s->model, payload + text_at, length - text_at);
    model_command_end(&s->model);
}

bool own_send(struct session *s, struct own *o)
{
    size_t at = 0;
    s->own = o;
    while (at + PACKET_HEADER <= o->out.n) {
        uint32_t length = packet_length(o->out.p + at);
        own_command(s, o->out.p + at + PACKET_HEADER, length);
        at += PACKET_HEADER + length;
        o->left++;
    }
    bool sent = !o->out.failed && conn_send(&s->server, o->out.p, o->out.n) == SL_OK;
    buf_release(&o->out);
    if (!sent)
        session_end(s, END_SERVER_LEFT, "while sending a question of our own");
    return sent;
}

bool own_is_outstanding(const struct session *s)
{
    for (unsigned i = 0; i < tracker_outstanding(&s->model.tracker); i++)
        if (tracker_at(&s->model.tracker, i)->own)
            return true;
    return s->own != NULL;
}

void own_bytes(struct session *s, const uint8_t *p, size_t n)
{
    buf_put(&s->own->packet, p, n);
}

// What is too large to be kept is a refusal, not an end: the answers go on being swallowed.
void own_packet(struct session *s)
{
    struct own *o = s->own;
    struct sl_error err = {0};
    struct slice payload = {o->packet.p, o->packet.n};
    if (!o->failed && (o->packet.failed || ask_packet(&o->ask, payload, &err) != SL_OK))
        o->failed = true;
    o->packet.failed = false;
    buf_clear(&o->packet);
}

void own_answered(struct session *s)
{
    struct own *o = s->own;
    if (o == NULL || --o->left > 0)
        return;
    s->own = NULL;
    if (o->failed || ask_warned(&o->ask))
        model_diagnostics_lost(&s->model, true);
    o->done(s, o);
    own_free(o);
}
