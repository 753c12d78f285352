// Questions of our own on a session's present link (own.c). Internal to session/.
#ifndef SLUICE_SESSION_OWN_H
#define SLUICE_SESSION_OWN_H

#include "session/session.h"
#include "state/ask.h"

#define OWN_BYTES_MAX ((size_t)8 << 20) // of the questions

// One at a time a session (session->own); freed when its `done` has run, or with the session.
struct own {
    struct ask ask;
    struct buf out;    // the questions, until they are sent
    struct buf packet; // of an answer, while it comes in
    unsigned left;     // answers still to end
    bool failed;       // an answer was not understood or too large: `ask` is of no use
    bool read_only;    // transactions of the session are
    bool releases;     // the client's user locks; how many is told by question `locks`, in
    unsigned locks, locks_column;
    void (*done)(struct session *s, struct own *o); // may end the session, or ask again
};

// The caller adds questions to o->ask and o->out, then sends.
struct own *own_new(struct session *s, void (*done)(struct session *s, struct own *o));
void own_free(struct own *o); // NULL is fine
// Sends and takes over `o`. The tracker must have room. False when the session has ended.
bool own_send(struct session *s, struct own *o);
// Tells the model that a command of ours passes (also without a struct own: its answer is dropped).
void own_command(struct session *s, const uint8_t *payload, uint32_t length);
// Some command of ours has no answer yet. A question may go in front of one whose answer is dropped,
// but not behind it.
bool own_is_outstanding(const struct session *s);
// From the relay: bytes of an answer's packet; the packet is complete; the answer is.
void own_bytes(struct session *s, const uint8_t *p, size_t n);
void own_packet(struct session *s);
void own_answered(struct session *s);

#endif
