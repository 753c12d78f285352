// Prepared statements after a move (translate.c). Internal to session/.
#ifndef SLUICE_SESSION_TRANSLATE_H
#define SLUICE_SESSION_TRANSLATE_H

#include "session/session.h"

// The statement that a command is about; NULL before the first move, and for unknown numbers.
struct statement *translate_find(const struct session *s, const uint8_t *payload, size_t n);
// The command is the first execute since the move, or one whose parameters this server may read in
// another way: its beginning must be there whole.
bool translate_owes_types(const struct session *s, const uint8_t *payload, size_t n);
// Whether the server reads the parameters of an execute as the one before the move would have. If
// not, the client has been told, once, or the session has ended; the command is not to be sent.
bool translate_admits(struct session *s, const uint8_t *payload, size_t n);
// Puts the server's number in the place of the client's.
void translate_number(const struct session *s, uint8_t *payload, size_t n);
// Where the parameter types are missing, writes the packet's beginning with them to `out` and
// returns how many bytes of `payload` that stands for; 0: nothing is missing; SL_EUNSUPPORTED: the
// packet has no room for them.
int translate_types(struct session *s, struct statement *st, const uint8_t *payload, size_t n,
                    uint32_t length, uint8_t seq, struct buf *out);

#endif
