// A MySQL connection without a client library: non-blocking, small, for thousands at once. It can
// log in with mysql_native_password, and caching_sha2_password where the server's cache knows the
// account, ask one thing at a time, and quit.
//
//     raw_start -> CONNECTING -> GREETING -> ANSWER -> READY -> raw_quit -> QUITTING -> CLOSED
//                                            raw_ask -> ASKED -> READY
//                       any of them -> FAILED, with a text
#ifndef SLUICE_BENCH_RAW_H
#define SLUICE_BENCH_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "bench/target.h"
#include "bench/walk.h"

enum raw_state {
    RAW_IDLE, // not started
    RAW_CONNECTING,
    RAW_GREETING,
    RAW_ANSWER,
    RAW_ASKED, // its answer is to come
    RAW_READY,
    RAW_QUITTING,
    RAW_CLOSED, // by the server, after raw_quit
    RAW_FAILED,
};

struct raw_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

struct raw {
    int fd; // -1 when there is none; owned
    enum raw_state state;
    uint16_t have;    // bytes in `in`
    uint8_t in[512];  // longer packets do not come at a login, and must not be asked for
    uint32_t answers; // since the login
    struct walk walk; // the newest answer
};

// Numeric addresses and unix sockets only: a look-up would block.
SL_CHECKED enum sl_code raw_resolve(const struct target *target, struct raw_address *out,
                                    struct sl_error *err);
// Opens the socket. SL_EIO, and the state is RAW_FAILED.
SL_CHECKED enum sl_code raw_start(struct raw *r, const struct raw_address *address,
                                  struct sl_error *err);
// Call when the socket is readable, writable or broken. Fills `err` when it returns RAW_FAILED.
enum raw_state raw_step(struct raw *r, const struct target *target, struct sl_error *err);
// Sends a command, `n` bytes with the command's, on a ready connection: ASKED until the whole answer
// is here. False: the socket did not take it, and raw_step will say why. An ERR packet is an answer
// too (walk.failed; raw_step fills `err`).
bool raw_ask(struct raw *r, enum walk_kind kind, const void *payload, size_t n);
bool raw_query(struct raw *r, const char *sql);
// Sends COM_QUIT on a ready connection; the server closes first, so that no local port waits.
void raw_quit(struct raw *r);
// Closes at once; RAW_IDLE again.
void raw_close(struct raw *r);

// Raises the limit of open files as far as this user may. Returns what it is now.
uint64_t raw_raise_file_limit(void);

#endif
