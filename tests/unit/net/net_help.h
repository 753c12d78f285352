// What the tests of net/ share: a loop that runs until something is so, socket pairs, and a
// connection whose handler counts what it hears.
#ifndef SLUICE_TEST_NET_HELP_H
#define SLUICE_TEST_NET_HELP_H

#include "net/conn.h"

#define PATIENCE_MS 5000

// Runs the loop in this thread until `is_so(arg)`, looked at every millisecond; fails the test
// after PATIENCE_MS, naming what was waited for.
void pump(struct loop *l, bool (*is_so)(void *arg), void *arg, const char *what);
// Runs the loop for a while, for things that must not happen.
void pump_ms(struct loop *l, int ms);

struct loop *make_loop(void);
// Both ends non-blocking.
void make_unix_pair(int fds[2]);
void make_tcp_pair(int fds[2]);

struct ear {
    struct conn conn;
    int readable, drained, connected, secured, hangup;
    bool read_all;   // `readable` reads until SL_EAGAIN, else nothing is read
    int read_budget; // if set: reads of 100 bytes that `readable` makes
    struct buf got;
    int last; // the last result of conn_read
};

void ear_init(struct ear *e, struct loop *l);
void ear_attach(struct ear *e, struct loop *l, int fd);
void ear_release(struct ear *e);

// Conditions for pump, on a struct ear.
bool heard_readable(void *ear);
bool heard_drained(void *ear);
bool heard_connected(void *ear);
bool heard_secured(void *ear);
bool heard_hangup(void *ear);
bool heard_end(void *ear);
bool is_true(void *flag);

// Two self-signed certificates for "localhost" and 127.0.0.1, with their keys, in a new folder.
struct cert_files {
    char folder[64], cert[96], key[96], other[96], other_key[96];
};
void cert_files_make(struct cert_files *f);
void cert_files_remove(struct cert_files *f);

#endif
