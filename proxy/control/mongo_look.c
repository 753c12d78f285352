// Looking at a replica set: who leads, what the configuration says, what every member says.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/mongo_circle_internal.h"
#include "control/mongo_read.h"

#define OPERATIONS_MAX 1000 // more are not counted

static bool is_known_set(const struct mongo_circle *c, const char *set)
{
    return c->name[0] == '\0' || strcmp(c->name, set) == 0;
}

static enum sl_code code_of(enum mongo_answer answer)
{
    switch (answer) {
    case MONGO_FINE: return SL_OK;
    case MONGO_LACKS: return SL_EDENIED;
    case MONGO_LATE: return SL_ETIMEOUT;
    case MONGO_LOST: return SL_EIO;
    case MONGO_MOVED:
    case MONGO_BUSY:
    case MONGO_APART:
    case MONGO_REFUSED: return SL_ECONFLICT;
    }
    return SL_ECONFLICT;
}

// --- one server -----------------------------------------------------------------------------------

// hello, or the older form where a server has told that it knows no other.
static enum mongo_answer say_hello(struct mongo_circle *c, struct known *k, enum circle_link which,
                                   struct mongo_hello *out, struct sl_error *err)
{
    for (;;) {
        bson_t reply;
        bson_t *command = BCON_NEW(k->old_hello ? "isMaster" : "hello", BCON_INT32(1));
        enum mongo_answer answer = circle_run(c, k->host, which, "admin", command, &reply, err);
        bool unknown = mongo_read_number(&reply, "code", 0) == 59; // CommandNotFound
        mongo_read_hello(&reply, out);
        bson_destroy(&reply);
        bson_destroy(command);
        if (answer == MONGO_FINE)
            k->wire = out->wire;
        if (answer == MONGO_FINE || !unknown || k->old_hello)
            return answer;
        k->old_hello = true;
    }
}

enum sl_code mongo_circle_hello(struct mongo_circle *c, const char *host, bool anonymous,
                                struct mongo_hello *out, struct sl_error *err)
{
    struct known *k = circle_learn(c, host);
    if (k == NULL)
        return sl_fail(err, SL_ETOOBIG, "too many hosts");
    return code_of(say_hello(c, k, anonymous ? CIRCLE_ANONYMOUS : CIRCLE_LOOK, out, err));
}

bool mongo_circle_progress(struct mongo_circle *c, const char *host, struct mongo_progress *out)
{
    bson_t reply;
    struct sl_error unheard;
    bson_t *command = BCON_NEW("replSetGetStatus", BCON_INT32(1), "initialSync", BCON_INT32(1));
    enum mongo_answer answer = circle_run(c, host, CIRCLE_LOOK, "admin", command, &reply, &unheard);
    *out = (struct mongo_progress){.remaining_ms = -1};
    if (answer == MONGO_FINE)
        mongo_read_progress(&reply, out);
    bson_destroy(&reply);
    bson_destroy(command);
    return out->known;
}

// --- who leads ------------------------------------------------------------------------------------

// Asks one host; the hosts that it names are learnt. True: it is the primary of the right set.
static bool is_leader(struct mongo_circle *c, unsigned at, char hint[MONGO_HOST_MAX],
                      struct sl_error *err)
{
    struct mongo_hello hello;
    if (say_hello(c, &c->known[at], CIRCLE_LOOK, &hello, err) != MONGO_FINE)
        return false;
    if (hello.set[0] == '\0' || !is_known_set(c, hello.set)) {
        (void)sl_fail(err, SL_ECONFLICT, "%s is not a member of %s%s%s", c->known[at].host,
                      c->name[0] != '\0' ? c->name : "a set",
                      hello.set[0] != '\0' ? " but of " : "", hello.set);
        return false;
    }
    for (unsigned i = 0; i < hello.host_count; i++)
        (void)circle_learn(c, hello.hosts[i]);
    text_copy(hint, MONGO_HOST_MAX, hello.leader);
    return hello.primary;
}

enum sl_code mongo_circle_leader(struct mongo_circle *c, char out[MONGO_HOST_MAX],
                                 struct sl_error *err)
{
    bool asked[CIRCLE_KNOWN_MAX] = {false};
    char hint[MONGO_HOST_MAX];
    struct sl_error why = {0};
    text_copy(hint, sizeof hint, c->leader);
    // First whom we remember, then whom somebody names, then everybody.
    for (unsigned round = 0; round < CIRCLE_KNOWN_MAX; round++) {
        unsigned next = c->count;
        for (unsigned i = 0; i < c->count; i++) {
            bool named = strcasecmp(c->known[i].host, hint) == 0;
            if (!asked[i] && (next == c->count || named))
                next = i;
        }
        if (next == c->count)
            break;
        asked[next] = true;
        hint[0] = '\0';
        if (is_leader(c, next, hint, &why)) {
            text_copy(c->leader, sizeof c->leader, c->known[next].host);
            text_copy(out, MONGO_HOST_MAX, c->leader);
            return SL_OK;
        }
    }
    c->leader[0] = '\0';
    return sl_fail(err, SL_ENOTFOUND, "no member says that it is the primary%s%s",
                   why.text[0] != '\0' ? "; the last word: " : "", why.text);
}

// --- the whole set --------------------------------------------------------------------------------

static enum mongo_answer read_set_of(struct mongo_circle *c, const struct known *k,
                                     struct mongo_set *out, struct sl_error *err)
{
    bson_t reply;
    bson_t *command = BCON_NEW("replSetGetConfig", BCON_INT32(1));
    if (k->wire >= 9)
        BSON_APPEND_BOOL(command, "commitmentStatus", true);
    enum mongo_answer answer = circle_run(c, k->host, CIRCLE_LOOK, "admin", command, &reply, err);
    // Only a primary knows whether its configuration is committed.
    if (answer == MONGO_MOVED && k->wire >= 9) {
        bson_destroy(&reply);
        bson_destroy(command);
        command = BCON_NEW("replSetGetConfig", BCON_INT32(1));
        answer = circle_run(c, k->host, CIRCLE_LOOK, "admin", command, &reply, err);
    }
    if (answer == MONGO_FINE && mongo_read_config(&reply, out, err) != SL_OK)
        answer = MONGO_REFUSED;
    bson_destroy(&reply);
    bson_destroy(command);
    if (answer != MONGO_FINE)
        return answer;
    command = BCON_NEW("replSetGetStatus", BCON_INT32(1));
    answer = circle_run(c, k->host, CIRCLE_LOOK, "admin", command, &reply, err);
    if (answer == MONGO_FINE)
        mongo_read_status(&reply, out);
    bson_destroy(&reply);
    bson_destroy(command);
    return answer;
}

static enum sl_code check_name(const struct mongo_circle *c, const struct mongo_set *set,
                               struct sl_error *err)
{
    if (is_known_set(c, set->name))
        return SL_OK;
    return sl_fail(err, SL_ECONFLICT, "the set is %s, but mongo.uri says replicaSet=%s", set->name,
                   c->name);
}

static enum sl_code read_set(struct mongo_circle *c, struct mongo_set *out, struct sl_error *err)
{
    char leader[MONGO_HOST_MAX];
    enum mongo_answer answer = MONGO_LOST;
    if (mongo_circle_leader(c, leader, err) == SL_OK) {
        answer = read_set_of(c, circle_learn(c, leader), out, err);
        return answer == MONGO_FINE ? check_name(c, out, err) : code_of(answer);
    }
    // Somebody who answers is better than nobody; and who does not let us in says more than who
    // does not answer.
    struct sl_error first = *err;
    for (unsigned i = 0; i < c->count; i++) {
        struct sl_error why = {0};
        enum mongo_answer one = read_set_of(c, &c->known[i], out, &why);
        if (one == MONGO_FINE)
            return check_name(c, out, err);
        if (i == 0 || one == MONGO_LACKS || one == MONGO_APART) {
            answer = one;
            first = why;
        }
    }
    *err = first;
    return code_of(answer);
}

// How many operations of the primary's log are behind the member's place; only where its newest ones
// can be read quickly.
static void count_operations(struct mongo_circle *c, const struct mongo_set *set,
                             struct mongo_member *m)
{
    bson_t reply, batch;
    bson_iter_t root, i;
    const uint8_t *data;
    uint32_t n;
    struct sl_error unheard;
    if (m->optime.seconds == 0 || set->primary[0] == '\0')
        return;
    bson_t *command =
        BCON_NEW("find", BCON_UTF8("oplog.rs"), "filter", "{", "ts", "{", "$gt",
                 BCON_TIMESTAMP((int32_t)m->optime.seconds, (int32_t)m->optime.count), "}", "}",
                 "projection", "{", "ts", BCON_INT32(1), "}", "limit", BCON_INT32(OPERATIONS_MAX),
                 "batchSize", BCON_INT32(OPERATIONS_MAX), "singleBatch", BCON_BOOL(true),
                 "oplogReplay", BCON_BOOL(true), "maxTimeMS", BCON_INT32(1000));
    if (circle_run(c, set->primary, CIRCLE_LOOK, "local", command, &reply, &unheard) ==
            MONGO_FINE &&
        bson_iter_init(&root, &reply) &&
        bson_iter_find_descendant(&root, "cursor.firstBatch", &i) && BSON_ITER_HOLDS_ARRAY(&i)) {
        bson_iter_array(&i, &n, &data);
        if (bson_init_static(&batch, data, n))
            m->lag_operations = (int64_t)bson_count_keys(&batch);
        m->more_operations = m->lag_operations >= OPERATIONS_MAX;
    }
    bson_destroy(&reply);
    bson_destroy(command);
}

static void read_storage(struct mongo_circle *c, struct mongo_member *m)
{
    bson_t reply;
    struct sl_error unheard;
    bson_t *command = BCON_NEW("listDatabases", BCON_INT32(1));
    if (circle_run(c, m->host, CIRCLE_LOOK, "admin", command, &reply, &unheard) == MONGO_FINE)
        m->storage_bytes = mongo_read_number(&reply, "totalSize", -1);
    bson_destroy(&reply);
    bson_destroy(command);
}

// What the member says of itself.
static void read_member(struct mongo_circle *c, struct mongo_member *m)
{
    struct mongo_hello hello;
    bson_t reply;
    struct sl_error why = {0};
    struct known *k = circle_learn(c, m->host);
    if (k == NULL)
        return;
    enum circle_link which = m->arbiter ? CIRCLE_ANONYMOUS : CIRCLE_LOOK; // it knows no users
    enum mongo_answer answer = say_hello(c, k, which, &hello, &why);
    int64_t began = clock_now_ns();
    if (answer == MONGO_FINE) {
        bson_t *command = BCON_NEW("buildInfo", BCON_INT32(1));
        answer = circle_run(c, m->host, which, "admin", command, &reply, &why);
        m->ping_ns = clock_now_ns() - began;
        (void)mongo_read_text(&reply, "version", m->version, sizeof m->version);
        m->version_parts[0] = (int)mongo_read_number(&reply, "versionArray.0", 0);
        m->version_parts[1] = (int)mongo_read_number(&reply, "versionArray.1", 0);
        bson_destroy(&reply);
        bson_destroy(command);
    }
    m->reached = answer == MONGO_FINE;
    if (!m->reached)
        text_copy(m->problem, sizeof m->problem, why.text);
    else if (!m->arbiter && (m->state == MONGO_PRIMARY || m->state == MONGO_SECONDARY))
        read_storage(c, m);
}

enum sl_code mongo_circle_look(struct mongo_circle *c, bool all, struct mongo_set *out,
                               struct sl_error *err)
{
    enum sl_code code = read_set(c, out, err);
    for (unsigned i = 0; code == SL_OK && all && i < out->count; i++) {
        read_member(c, &out->members[i]);
        count_operations(c, out, &out->members[i]);
    }
    return code;
}
