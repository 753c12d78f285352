// Links by host, and commands over them.
#include "control/mongo_circle.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "control/mongo_circle_internal.h"
#include "control/mongo_read.h"
#include "control/mongo_reconfig.h"
#include "control/mongo_uri.h"

#define PAUSE_NS (10 * NS_PER_MS)
#define STALE_MAX 5 // configurations that somebody else changed under our hands

enum sl_code mongo_circle_new(const char *uri, struct mongo_circle **out, struct sl_error *err)
{
    struct mongo_circle *c = mem_zalloc(sizeof *c);
    char hosts[MONGO_MEMBERS_MAX][MONGO_HOST_MAX];
    unsigned count;
    c->uri = mem_strdup(uri);
    enum sl_code code = mongo_uri_hosts(uri, hosts, MONGO_MEMBERS_MAX, &count, err);
    if (code == SL_OK)
        code = mongo_uri_set_name(uri, c->name, sizeof c->name, err);
    for (unsigned i = 0; code == SL_OK && i < count; i++)
        circle_learn(c, hosts[i]);
    if (code != SL_OK) {
        mongo_circle_free(c);
        return code;
    }
    *out = c;
    return SL_OK;
}

void mongo_circle_stop_by(struct mongo_circle *c, const atomic_bool *stop)
{
    c->stop = stop;
}

void mongo_circle_free(struct mongo_circle *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < c->count; i++)
        for (unsigned k = 0; k < CIRCLE_LINKS; k++)
            mongo_link_free(c->known[i].links[k]);
    explicit_bzero(c->uri, strlen(c->uri));
    mem_free(c->uri);
    mem_free(c);
}

struct known *circle_learn(struct mongo_circle *c, const char *host)
{
    for (unsigned i = 0; i < c->count; i++)
        if (strcasecmp(c->known[i].host, host) == 0)
            return &c->known[i];
    if (c->count == CIRCLE_KNOWN_MAX)
        return NULL;
    struct known *k = &c->known[c->count++];
    text_copy(k->host, sizeof k->host, host);
    return k;
}

static enum sl_code link_to(struct mongo_circle *c, const char *host, enum circle_link which,
                            struct mongo_link **out, struct sl_error *err)
{
    static const struct {
        int timeout_ms;
        unsigned how;
    } kinds[CIRCLE_LINKS] = {
        [CIRCLE_LOOK] = {MONGO_CIRCLE_LOOK_MS, MONGO_URI_PLAIN},
        [CIRCLE_ACT] = {MONGO_CIRCLE_ACT_MS, MONGO_URI_PLAIN},
        [CIRCLE_ANONYMOUS] = {MONGO_CIRCLE_LOOK_MS, MONGO_URI_ANONYMOUS},
    };
    struct known *k = circle_learn(c, host);
    if (k == NULL)
        return sl_fail(err, SL_ETOOBIG, "more than %d hosts", CIRCLE_KNOWN_MAX);
    enum sl_code code = SL_OK;
    if (k->links[which] == NULL)
        code = mongo_link_new(c->uri, host, kinds[which].timeout_ms, kinds[which].how,
                              &k->links[which], err);
    *out = k->links[which];
    return code;
}

enum mongo_answer circle_run(struct mongo_circle *c, const char *host, enum circle_link which,
                             const char *database, const bson_t *command, bson_t *reply,
                             struct sl_error *err)
{
    struct mongo_link *l = NULL;
    if (c->stop != NULL && atomic_load(c->stop)) {
        bson_init(reply);
        (void)sl_fail(err, SL_ECLOSED, "told to stop");
        return MONGO_LOST;
    }
    if (link_to(c, host, which, &l, err) == SL_OK)
        return mongo_link_run(l, database, command, reply, err);
    bson_init(reply);
    return MONGO_REFUSED;
}

enum mongo_answer circle_do(struct mongo_circle *c, const char *host, enum circle_link which,
                            const char *database, bson_t *command, struct sl_error *err)
{
    bson_t reply;
    enum mongo_answer answer = circle_run(c, host, which, database, command, &reply, err);
    bson_destroy(&reply);
    bson_destroy(command);
    return answer;
}

enum sl_code mongo_circle_pause(const struct patience *p, struct sl_error *err)
{
    const struct timespec little = {.tv_nsec = PAUSE_NS};
    enum sl_code code = patience_check(p, err);
    if (code == SL_OK)
        (void)nanosleep(&little, NULL);
    return code;
}

// --- the configuration ----------------------------------------------------------------------------

// A configuration with the edits, sent to the primary `host`.
static enum mongo_answer send_config(struct mongo_circle *c, const char *host, const bson_t *config,
                                     struct sl_error *err)
{
    bson_t *command = BCON_NEW("replSetReconfig", BCON_DOCUMENT(config));
    return circle_do(c, host, CIRCLE_ACT, "admin", command, err);
}

static enum mongo_answer edit_once(struct mongo_circle *c, const char *host,
                                   const struct mongo_edit *edits, unsigned count,
                                   struct sl_error *err)
{
    bson_t reply, before, after;
    bson_iter_t root, i;
    const uint8_t *data;
    uint32_t n;
    bson_t *command = BCON_NEW("replSetGetConfig", BCON_INT32(1));
    enum mongo_answer answer = circle_run(c, host, CIRCLE_ACT, "admin", command, &reply, err);
    bson_destroy(command);
    bool good = bson_iter_init(&root, &reply) && bson_iter_find_descendant(&root, "config", &i) &&
                BSON_ITER_HOLDS_DOCUMENT(&i);
    if (answer == MONGO_FINE && !good) {
        (void)sl_fail(err, SL_EPROTO, "%s: a reply without a configuration", host);
        answer = MONGO_REFUSED;
    }
    if (answer == MONGO_FINE) {
        bson_iter_document(&i, &n, &data);
        answer = MONGO_REFUSED;
        if (bson_init_static(&before, data, n) &&
            mongo_reconfig(&before, edits, count, &after, err) == SL_OK) {
            answer = send_config(c, host, &after, err);
            bson_destroy(&after);
        }
    }
    bson_destroy(&reply);
    return answer;
}

static bool all_done(const struct mongo_set *s, const struct mongo_edit *edits, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!mongo_edit_done(s, &edits[i]))
            return false;
    return true;
}

enum sl_code mongo_circle_edit(struct mongo_circle *c, const struct mongo_edit *edits,
                               unsigned count, const struct patience *p, struct sl_error *err)
{
    struct mongo_set now;
    struct sl_error late = {0}, why = {0};
    unsigned stale = 0;
    int64_t sent_at = -1;
    for (;;) {
        enum sl_code code = mongo_circle_look(c, false, &now, &why);
        bool spreads = code == SL_OK && mongo_config_spreads(&now);
        if (code == SL_OK && now.primary[0] != '\0' && !spreads) {
            if (all_done(&now, edits, count))
                return SL_OK;
            enum mongo_answer answer = edit_once(c, now.primary, edits, count, &why);
            // Refused, although the configuration is still the one that we have seen: that is final.
            bool changed = now.version != sent_at;
            sent_at = now.version;
            if (answer == MONGO_LACKS || answer == MONGO_APART ||
                (answer == MONGO_REFUSED && (!changed || ++stale > STALE_MAX))) {
                *err = why;
                return why.code == SL_OK ? SL_ECONFLICT : why.code;
            }
        } else if (code == SL_EDENIED) {
            *err = why;
            return code;
        } else if (code == SL_OK) {
            (void)sl_fail(&why, SL_EAGAIN, "%s",
                          spreads ? "a configuration is not on every healthy member yet"
                                  : "there is no primary");
        }
        code = mongo_circle_pause(p, &late);
        if (code != SL_OK)
            return why.text[0] != '\0' && code == SL_ETIMEOUT
                       ? sl_fail(err, code, "the configuration could not be changed in time: %s",
                                 why.text)
                       : sl_fail(err, code, "%s", late.text);
    }
}

// --- single commands ------------------------------------------------------------------------------

enum mongo_answer mongo_circle_freeze(struct mongo_circle *c, const char *host, int64_t seconds,
                                      struct sl_error *err)
{
    bson_t *command = BCON_NEW("replSetFreeze", BCON_INT32((int32_t)seconds));
    return circle_do(c, host, CIRCLE_LOOK, "admin", command, err);
}

enum mongo_answer mongo_circle_step_up(struct mongo_circle *c, const char *host,
                                       struct sl_error *err)
{
    bson_t *command = BCON_NEW("replSetStepUp", BCON_INT32(1));
    return circle_do(c, host, CIRCLE_ACT, "admin", command, err);
}

// A link of its own: it may take the whole catch-up period, and 4.0 ends it with a closed connection.
enum mongo_answer mongo_circle_step_down(struct mongo_circle *c, const char *host, int64_t seconds,
                                         int64_t catch_up, struct sl_error *err)
{
    struct mongo_link *l;
    bson_t reply;
    int limit_ms = (int)(catch_up * 1000) + MONGO_CIRCLE_ACT_MS / 3;
    if (mongo_link_new(c->uri, host, limit_ms, MONGO_URI_PATIENT, &l, err) != SL_OK)
        return MONGO_REFUSED;
    bson_t *command = BCON_NEW("replSetStepDown", BCON_INT32((int32_t)seconds),
                               "secondaryCatchUpPeriodSecs", BCON_INT32((int32_t)catch_up));
    enum mongo_answer answer = mongo_link_run(l, "admin", command, &reply, err);
    bson_destroy(&reply);
    bson_destroy(command);
    mongo_link_free(l);
    return answer;
}

enum mongo_answer mongo_circle_write(struct mongo_circle *c, const char *host, int64_t number,
                                     int limit_ms, struct sl_error *err)
{
    bson_t *command =
        BCON_NEW("update", BCON_UTF8(MONGO_PROBE_COLLECTION), "updates", "[", "{", "q", "{", "_id",
                 BCON_UTF8("failover"), "}", "u", "{", "$set", "{", "n", BCON_INT64(number), "}",
                 "}", "upsert", BCON_BOOL(true), "}", "]", "writeConcern", "{", "w",
                 BCON_UTF8("majority"), "wtimeout", BCON_INT32(limit_ms), "}");
    return circle_do(c, host, CIRCLE_LOOK, MONGO_PROBE_DATABASE, command, err);
}

enum mongo_answer mongo_circle_erase(struct mongo_circle *c, const char *host, struct sl_error *err)
{
    bson_t *command =
        BCON_NEW("delete", BCON_UTF8(MONGO_PROBE_COLLECTION), "deletes", "[", "{", "q", "{", "_id",
                 BCON_UTF8("failover"), "}", "limit", BCON_INT32(1), "}", "]");
    return circle_do(c, host, CIRCLE_LOOK, MONGO_PROBE_DATABASE, command, err);
}
