// The exchange from inside: for exchange.c, translate.c and learn.c only.
#ifndef SLUICE_AUTH_EXCHANGE_INTERNAL_H
#define SLUICE_AUTH_EXCHANGE_INTERNAL_H

#include "auth/exchange.h"

// --- exchange.c: packets out ---

void exchange_set_state(struct exchange *x, enum exchange_state s);
// Whole packets; what is sent to the server makes it the server's turn.
void exchange_to_client(struct exchange *x, struct slice payload, struct exchange_out *out);
void exchange_to_server(struct exchange *x, struct slice payload, struct exchange_out *out);
// The answer for the server: in the login that waited, or by itself.
void exchange_answer_server(struct exchange *x, struct slice answer, struct exchange_out *out);
enum sl_code exchange_check_out(const struct exchange_out *out, struct sl_error *err);
struct slice exchange_scramble(const struct exchange *x);
// The server's packet, whose number was right, with what it means.
enum sl_code exchange_take_server(struct exchange *x, struct slice payload,
                                  struct exchange_out *out, struct sl_error *err);

// An empty password is the same on every channel.
static inline bool exchange_is_empty(struct slice answer)
{
    return answer.n == 0 || (answer.n == 1 && answer.p[0] == '\0');
}

// The client's next answer is a password, or stands for one.
static inline bool exchange_wants_password(const struct exchange *x)
{
    return x->plugin == PLUGIN_SHA256 || x->full;
}

// --- translate.c ---

// Whether an answer for which exchange_wants_password holds cannot pass as it is.
bool translate_needed(const struct exchange *x, struct slice answer);
enum sl_code translate_answer(struct exchange *x, struct slice answer, struct exchange_out *out,
                              struct sl_error *err);
// The server's answer to a request of our own; the client hears nothing of it.
enum sl_code translate_server_key(struct exchange *x, struct slice pem, struct exchange_out *out,
                                  struct sl_error *err);
bool translate_is_key_request(const struct exchange *x, struct slice answer);
void translate_offer_key(struct exchange *x, struct exchange_out *out);
// The answer, or, in `again`, one to the scramble of the link that the session has moved to.
struct slice translate_scramble(const struct exchange *x, struct slice answer,
                                uint8_t again[VAULT_NATIVE_BYTES]);
// What the client encrypted for our key, with its NUL; the caller wipes `password`.
enum sl_code translate_decrypt(struct exchange *x, struct slice answer, struct buf *password,
                               struct sl_error *err);

// --- learn.c ---

// What the client's answer would prove. Also for those that pass unchanged.
void learn_answer(struct exchange *x, struct slice answer);
// A password in clear, with or without its NUL.
void learn_password(struct exchange *x, struct slice password);
void learn_forget(struct exchange *x); // wipes what the login would have proved
// dialog's question: only one answer to one password is of use.
void learn_question(struct exchange *x, struct slice question);
// The server has accepted.
void learn_accepted(struct exchange *x);
// The server took a fast answer that nobody has seen the password of: the client can be asked.
bool learn_must_ask(const struct exchange *x);
void learn_ask(struct exchange *x, struct exchange_out *out);
// While it is asked: the client's packets, and the server's (but errors, which pass).
enum sl_code learn_asked_client(struct exchange *x, struct slice payload, struct exchange_out *out,
                                struct sl_error *err);
enum sl_code learn_asked_server(struct exchange *x, struct slice payload, struct sl_error *err);

#endif
