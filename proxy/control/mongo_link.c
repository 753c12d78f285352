// libmongoc, one host at a time.
//
// A client that has lost its connection is thrown away: libmongoc would not look at the host again
// for five seconds (its "cooldown"), which is longer than a whole failover takes.
#include "control/mongo_link.h"

#include <mongoc/mongoc.h>
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/mongo_read.h"
#include "control/mongo_uri.h"

struct mongo_link {
    char host[MONGO_HOST_MAX];
    mongoc_uri_t *uri;
    mongoc_client_t *client; // NULL: to be connected anew
};

// Its words may name hosts and errors, never secrets; they are for debugging all the same.
static void library_said(mongoc_log_level_t level, const char *domain, const char *message,
                         void *arg)
{
    (void)level;
    (void)arg;
    LOG_DEBUG("libmongoc", LOG_STR("domain", domain), LOG_STR("what", message));
}

static void begin_library(void)
{
    mongoc_log_set_handler(library_said, NULL);
    mongoc_init();
}

enum sl_code mongo_link_new(const char *uri, const char *host, int timeout_ms, unsigned how,
                            struct mongo_link **out, struct sl_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct buf text;
    bson_error_t why;
    struct mongo_link *l = mem_zalloc(sizeof *l);
    (void)pthread_once(&once, begin_library);
    text_copy(l->host, sizeof l->host, host);
    buf_init(&text, 16384);
    enum sl_code code = mongo_uri_direct(uri, host, timeout_ms, how, &text, err);
    if (code == SL_OK && (l->uri = mongoc_uri_new_with_error(buf_text(&text), &why)) == NULL)
        code = sl_fail(err, SL_EINVAL, "mongo.uri: %s", why.message);
    buf_wipe(&text);
    buf_release(&text);
    if (code != SL_OK) {
        mongo_link_free(l);
        return code;
    }
    *out = l;
    return SL_OK;
}

static void disconnect(struct mongo_link *l)
{
    if (l->client != NULL)
        mongoc_client_destroy(l->client);
    l->client = NULL;
}

void mongo_link_free(struct mongo_link *l)
{
    if (l == NULL)
        return;
    disconnect(l);
    if (l->uri != NULL)
        mongoc_uri_destroy(l->uri);
    mem_free(l);
}

const char *mongo_link_host(const struct mongo_link *l)
{
    return l->host;
}

static const char *name_of(const bson_t *command)
{
    bson_iter_t i;
    return bson_iter_init(&i, command) && bson_iter_next(&i) ? bson_iter_key(&i) : "?";
}

// The server refused: ok 0, or an error of the write itself.
static enum mongo_answer refused(const struct mongo_link *l, const bson_t *command,
                                 const bson_t *reply, const char *code_path, const char *text_path,
                                 const char *otherwise, struct sl_error *err)
{
    char text[300] = "";
    int code = (int)mongo_read_number(reply, code_path, 0);
    if (!mongo_read_text(reply, text_path, text, sizeof text))
        text_copy(text, sizeof text, otherwise);
    enum mongo_answer answer = code != 0 ? mongo_answer_of(code) : MONGO_REFUSED;
    const char *name = mongo_code_name(code);
    (void)sl_fail(err, answer == MONGO_LACKS ? SL_EDENIED : SL_ECONFLICT, "%s: %s: %s (%d%s%s)",
                  l->host, name_of(command), text, code, name[0] != '\0' ? " " : "", name);
    return answer;
}

// libmongoc says "authenticate" also of a connection that ends meanwhile, which is a matter of time
// and place and not of passwords; only the text tells.
static bool is_login_refused(const bson_error_t *why)
{
    return why->domain == MONGOC_ERROR_CLIENT && why->code == MONGOC_ERROR_CLIENT_AUTHENTICATE &&
           strstr(why->message, "socket error or timeout") == NULL;
}

// Something of libmongoc's: no connection, no login.
static enum mongo_answer failed(struct mongo_link *l, const bson_t *command,
                                const bson_error_t *why, struct sl_error *err)
{
    bool login = is_login_refused(why);
    char text[300];
    text_copy(text, sizeof text, why->message);
    text_make_printable(text);
    (void)sl_fail(err, login ? SL_EDENIED : SL_EIO, "%s: %s: %s", l->host, name_of(command), text);
    disconnect(l);
    return login ? MONGO_LACKS : MONGO_LOST;
}

static bool has(const bson_t *reply, const char *path)
{
    bson_iter_t root, i;
    return bson_iter_init(&root, reply) && bson_iter_find_descendant(&root, path, &i);
}

enum mongo_answer mongo_link_run(struct mongo_link *l, const char *database, const bson_t *command,
                                 bson_t *reply, struct sl_error *err)
{
    bson_error_t why = {0};
    if (l->client == NULL)
        l->client = mongoc_client_new_from_uri(l->uri);
    if (l->client == NULL) {
        bson_init(reply);
        (void)sl_fail(err, SL_EINVAL, "%s: mongo.uri does not make a client (TLS files?)", l->host);
        return MONGO_REFUSED;
    }
    bool done = mongoc_client_command_simple(l->client, database, command, NULL, reply, &why);
    if (!done && has(reply, "ok"))
        return refused(l, command, reply, "code", "errmsg", why.message, err);
    if (!done)
        return failed(l, command, &why, err);
    if (has(reply, "writeErrors.0"))
        return refused(l, command, reply, "writeErrors.0.code", "writeErrors.0.errmsg", "", err);
    if (has(reply, "writeConcernError"))
        return refused(l, command, reply, "writeConcernError.code", "writeConcernError.errmsg", "",
                       err);
    return MONGO_FINE;
}
