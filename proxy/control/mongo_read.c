// From BSON to structs.
#include "control/mongo_read.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

// --- values ---------------------------------------------------------------------------------------

static bool find(const bson_t *doc, const char *path, bson_iter_t *out)
{
    bson_iter_t root;
    return bson_iter_init(&root, doc) && bson_iter_find_descendant(&root, path, out);
}

static bool is_number(const bson_iter_t *i)
{
    return BSON_ITER_HOLDS_INT32(i) || BSON_ITER_HOLDS_INT64(i) || BSON_ITER_HOLDS_DOUBLE(i) ||
           BSON_ITER_HOLDS_BOOL(i);
}

static double number_of(const bson_iter_t *i, double missing)
{
    double d = is_number(i) ? bson_iter_as_double(i) : missing;
    return isfinite(d) ? d : missing;
}

int64_t mongo_read_number(const bson_t *reply, const char *path, int64_t missing)
{
    bson_iter_t i;
    if (!find(reply, path, &i) || !is_number(&i))
        return missing;
    if (BSON_ITER_HOLDS_DOUBLE(&i)) {
        double d = number_of(&i, (double)missing);
        return d < -9e18 || d > 9e18 ? missing : (int64_t)d;
    }
    return bson_iter_as_int64(&i);
}

static double read_double(const bson_t *reply, const char *path, double missing)
{
    bson_iter_t i;
    return find(reply, path, &i) ? number_of(&i, missing) : missing;
}

bool mongo_read_text(const bson_t *reply, const char *path, char *out, size_t size)
{
    bson_iter_t i;
    uint32_t n = 0;
    if (!find(reply, path, &i) || !BSON_ITER_HOLDS_UTF8(&i))
        return false;
    const char *text = bson_iter_utf8(&i, &n);
    (void)text_copy_n(out, size, text, strnlen(text, n));
    text_make_printable(out);
    return true;
}

bool mongo_read_true(const bson_t *reply, const char *path)
{
    bson_iter_t i;
    return find(reply, path, &i) && is_number(&i) && bson_iter_as_bool(&i);
}

// { ts: Timestamp, t: term }, or a bare Timestamp.
static void read_optime(const bson_t *doc, const char *path, struct mongo_optime *out)
{
    bson_iter_t i, ts;
    if (!find(doc, path, &i))
        return;
    if (BSON_ITER_HOLDS_TIMESTAMP(&i)) {
        bson_iter_timestamp(&i, &out->seconds, &out->count);
    } else if (BSON_ITER_HOLDS_DOCUMENT(&i) && bson_iter_recurse(&i, &ts)) {
        while (bson_iter_next(&ts)) {
            if (strcmp(bson_iter_key(&ts), "ts") == 0 && BSON_ITER_HOLDS_TIMESTAMP(&ts))
                bson_iter_timestamp(&ts, &out->seconds, &out->count);
            else if (strcmp(bson_iter_key(&ts), "t") == 0 && is_number(&ts))
                out->term = bson_iter_as_int64(&ts);
        }
    }
}

// Calls `each` for every document of an array.
static void for_documents(const bson_t *doc, const char *path,
                          void (*each)(const bson_t *one, void *arg), void *arg)
{
    bson_iter_t array, i;
    const uint8_t *data;
    uint32_t n;
    bson_t one;
    if (!find(doc, path, &array) || !BSON_ITER_HOLDS_ARRAY(&array) ||
        !bson_iter_recurse(&array, &i))
        return;
    while (bson_iter_next(&i)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&i))
            continue;
        bson_iter_document(&i, &n, &data);
        if (bson_init_static(&one, data, n))
            each(&one, arg);
    }
}

// --- hello ----------------------------------------------------------------------------------------

static void add_hosts(const bson_t *reply, const char *key, struct mongo_hello *out)
{
    bson_iter_t array, i;
    if (!find(reply, key, &array) || !BSON_ITER_HOLDS_ARRAY(&array) ||
        !bson_iter_recurse(&array, &i))
        return;
    while (out->host_count < MONGO_MEMBERS_MAX && bson_iter_next(&i))
        if (BSON_ITER_HOLDS_UTF8(&i) &&
            text_copy(out->hosts[out->host_count], MONGO_HOST_MAX, bson_iter_utf8(&i, NULL)))
            out->host_count++;
}

void mongo_read_hello(const bson_t *reply, struct mongo_hello *out)
{
    *out = (struct mongo_hello){0};
    out->primary =
        mongo_read_true(reply, "isWritablePrimary") || mongo_read_true(reply, "ismaster");
    out->secondary = mongo_read_true(reply, "secondary");
    (void)mongo_read_text(reply, "setName", out->set, sizeof out->set);
    (void)mongo_read_text(reply, "me", out->me, sizeof out->me);
    (void)mongo_read_text(reply, "primary", out->leader, sizeof out->leader);
    out->awaits_set = mongo_read_true(reply, "isreplicaset");
    out->wire = (int)mongo_read_number(reply, "maxWireVersion", 0);
    add_hosts(reply, "hosts", out);
    add_hosts(reply, "passives", out);
    add_hosts(reply, "arbiters", out);
}

// --- configuration --------------------------------------------------------------------------------

static void add_member(const bson_t *one, void *arg)
{
    struct mongo_set *set = arg;
    if (set->count == MONGO_MEMBERS_MAX)
        return;
    struct mongo_member *m = &set->members[set->count++];
    *m = (struct mongo_member){.storage_bytes = -1, .lag_operations = -1, .state = MONGO_UNKNOWN};
    m->id = (int)mongo_read_number(one, "_id", -1);
    (void)mongo_read_text(one, "host", m->host, sizeof m->host);
    m->priority = read_double(one, "priority", 1);
    m->votes = (int)mongo_read_number(one, "votes", 1);
    m->hidden = mongo_read_true(one, "hidden");
    m->arbiter = mongo_read_true(one, "arbiterOnly");
    m->delay_s =
        mongo_read_number(one, "secondaryDelaySecs", mongo_read_number(one, "slaveDelay", 0));
}

enum sl_code mongo_read_config(const bson_t *reply, struct mongo_set *out, struct sl_error *err)
{
    *out = (struct mongo_set){0};
    if (!mongo_read_text(reply, "config._id", out->name, sizeof out->name))
        return sl_fail(err, SL_EPROTO, "a reply to replSetGetConfig without a configuration");
    out->version = mongo_read_number(reply, "config.version", 0);
    out->term = mongo_read_number(reply, "config.term", -1);
    out->protocol = mongo_read_number(reply, "config.protocolVersion", 0);
    bson_iter_t i;
    out->uncommitted =
        find(reply, "commitmentStatus", &i) && !mongo_read_true(reply, "commitmentStatus");
    for_documents(reply, "config.members", add_member, out);
    if (out->count == 0)
        return sl_fail(err, SL_EPROTO, "a configuration without members");
    return SL_OK;
}

// --- status ---------------------------------------------------------------------------------------

static void read_member(const bson_t *one, void *arg)
{
    struct mongo_set *set = arg;
    char host[MONGO_HOST_MAX] = "";
    (void)mongo_read_text(one, "name", host, sizeof host);
    int at = mongo_find(set, host);
    if (at < 0)
        return;
    struct mongo_member *m = &set->members[at];
    m->seen = true;
    m->healthy = read_double(one, "health", 0) > 0;
    m->state = (int)mongo_read_number(one, "state", MONGO_UNKNOWN);
    m->uptime_s = mongo_read_number(one, "uptime", 0);
    m->config_version = mongo_read_number(one, "configVersion", 0);
    m->optime.term = -1;
    read_optime(one, "optime", &m->optime);
    (void)mongo_read_text(one, "lastHeartbeatMessage", m->message, sizeof m->message);
    if (!mongo_read_text(one, "syncSourceHost", m->source, sizeof m->source))
        (void)mongo_read_text(one, "syncingTo", m->source, sizeof m->source);
    if (mongo_read_true(one, "self"))
        text_copy(set->asked, sizeof set->asked, host);
    if (m->healthy && m->state == MONGO_PRIMARY)
        text_copy(set->primary, sizeof set->primary, host);
}

void mongo_read_status(const bson_t *reply, struct mongo_set *out)
{
    out->primary[0] = '\0';
    for_documents(reply, "members", read_member, out);
}

void mongo_read_progress(const bson_t *reply, struct mongo_progress *out)
{
    bson_iter_t i;
    *out = (struct mongo_progress){.remaining_ms = -1};
    if (!find(reply, "initialSyncStatus", &i))
        return;
    out->known = true;
    out->total = mongo_read_number(reply, "initialSyncStatus.approxTotalDataSize", 0);
    out->copied = mongo_read_number(reply, "initialSyncStatus.approxTotalBytesCopied", 0);
    out->in_bytes = out->total > 0;
    out->remaining_ms =
        mongo_read_number(reply, "initialSyncStatus.remainingInitialSyncEstimatedMillis", -1);
    if (out->in_bytes)
        return;
    // Before 4.4: how many databases there are is known from the listing alone.
    out->copied = mongo_read_number(reply, "initialSyncStatus.databases.databasesCloned", 0);
    if (find(reply, "initialSyncStatus.databases", &i) && BSON_ITER_HOLDS_DOCUMENT(&i) &&
        bson_iter_recurse(&i, &i))
        while (bson_iter_next(&i))
            out->total += BSON_ITER_HOLDS_DOCUMENT(&i);
}
