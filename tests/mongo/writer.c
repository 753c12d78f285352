// A client of a MongoDB set as applications have them: libmongoc, a pool, retryable writes. Inserts one
// document after the other with majority, until its standard input ends, and says what it was told.
//
//   sluice-mongo-writer URI        OK <number> <milliseconds>
//                                  ERR <number> <code> <text>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// Whoever started it has closed the pipe.
static bool is_over(int wait_ms)
{
    struct pollfd in = {.fd = 0, .events = POLLIN};
    return poll(&in, 1, wait_ms) > 0;
}

static void write_one(mongoc_collection_t *rows, long long number)
{
    bson_error_t why;
    bson_t *document = BCON_NEW("_id", BCON_INT64(number));
    double began = now_ms();
    if (mongoc_collection_insert_one(rows, document, NULL, NULL, &why))
        printf("OK %lld %.1f\n", number, now_ms() - began);
    else
        printf("ERR %lld %u %s\n", number, why.code, why.message);
    bson_destroy(document);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bson_error_t why;
    if (argc != 2)
        return 2;
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL); // its standard output is for us
    mongoc_uri_t *uri = mongoc_uri_new_with_error(argv[1], &why);
    if (uri == NULL) {
        fprintf(stderr, "%s\n", why.message);
        return 2;
    }
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
    mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_W, "majority");
    mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    mongoc_collection_t *rows = mongoc_client_get_collection(client, "app", "libmongoc");
    for (long long number = 1; !is_over(2); number++)
        write_one(rows, number);
    mongoc_collection_destroy(rows);
    mongoc_client_pool_push(pool, client);
    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return 0;
}
