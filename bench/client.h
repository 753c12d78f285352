// One client connection with the manners of a sane application: it knows which errors mean "try
// again", which mean "your connection is over", and after which nobody can know.
#ifndef SLUICE_BENCH_CLIENT_H
#define SLUICE_BENCH_CLIENT_H

#include <mysql.h>
#include <stdint.h>

#include "bench/load.h"

enum client_outcome {
    CLIENT_OK,
    CLIENT_AGAIN,   // the server rolled back and asks for another try; the connection lives
    CLIENT_ENDED,   // the server said that it did not do it, and the connection is over
    CLIENT_LOST,    // no answer: whether it was done is unknown
    CLIENT_UNKNOWN, // the server itself says that it does not know
    CLIENT_REFUSED, // any other error; the connection lives
};

struct client {
    struct load *load;
    MYSQL *mysql;       // NULL while not connected; owned
    MYSQL_STMT *insert; // prepared on this connection; owned
    unsigned code;      // of the last error
    uint64_t used;      // units of work on this connection
};

void client_init(struct client *c, struct load *load);
void client_disconnect(struct client *c);
// Connects when not connected, and prepares the insert if `with_insert`; tries again with a short
// pause until the load's hard end. CLIENT_OK or CLIENT_REFUSED.
enum client_outcome client_ensure(struct client *c, bool with_insert);
// Runs a statement, reads and drops its result.
enum client_outcome client_query(struct client *c, const char *during, const char *sql);
// The prepared insert into bench_purchase. `kind` is 'T' or 'A'.
enum client_outcome client_insert(struct client *c, const char *during, uint64_t id, char kind,
                                  uint32_t account, int32_t amount);
// Counts the connection's current error and says what it means.
enum client_outcome client_failed(struct client *c, const char *during);

#endif
