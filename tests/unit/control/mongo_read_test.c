// Replies of servers, read; and configurations, rewritten. The texts are what a real 4.0 said, shortened.
#include "control/mongo_read.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "control/mongo_reconfig.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bson_t *doc(const char *json)
{
    bson_error_t why;
    bson_t *d = bson_new_from_json((const uint8_t *)json, -1, &why);
    cr_assert_not_null(d, "%s", why.message);
    return d;
}

#define MEMBER(id, host, rest)                                                                     \
    "{\"_id\":" #id ",\"host\":\"" host "\",\"arbiterOnly\":false,\"buildIndexes\":true,"          \
    "\"hidden\":false," rest "}"
#define CONFIG                                                                                                                                                         \
    "{\"_id\":\"rs0\",\"version\":5,\"protocolVersion\":{\"$numberLong\":\"1\"},\"members\":"                                                                          \
    "[" MEMBER(0, "h:1", "\"priority\":1.0,\"tags\":{\"dc\":\"x\"},\"slaveDelay\":0,\"votes\":1") "," MEMBER(                                                          \
        1, "h:2",                                                                                                                                                      \
        "\"priority\":0.5,\"tags\":{},\"slaveDelay\":60,\"votes\":1") "," MEMBER(2, "h:3",                                                                             \
                                                                                 "\"priority\":{"                                                                      \
                                                                                 "\"$numberInt\":"                                                                     \
                                                                                 "\"0\"},"                                                                             \
                                                                                 "\"tags\":{},"                                                                        \
                                                                                 "\"votes\":0") "],\"settings\":{\"chainingAllowed\":true,\"replicaSetId\":{\"$oid\":" \
                                                                                                "\"6b02f6197f7ff03c5984ef62\"}}}"

static const char STATUS[] =
    "{\"set\":\"rs0\",\"myState\":1,\"members\":["
    "{\"_id\":0,\"name\":\"h:1\",\"health\":1.0,\"state\":1,\"uptime\":17,\"optime\":{\"ts\":"
    "{\"$timestamp\":{\"t\":1795356196,\"i\":3}},\"t\":{\"$numberLong\":\"1\"}},\"syncingTo\":\"\","
    "\"configVersion\":5,\"self\":true},"
    "{\"_id\":1,\"name\":\"h:2\",\"health\":1.0,\"state\":2,\"uptime\":9,\"optime\":{\"ts\":"
    "{\"$timestamp\":{\"t\":1795356190,\"i\":1}},\"t\":1},\"syncingTo\":\"h:1\",\"configVersion\":"
    "4,"
    "\"lastHeartbeatMessage\":\"\"},"
    "{\"_id\":2,\"name\":\"h:3\",\"health\":0.0,\"state\":8,\"configVersion\":-1,"
    "\"lastHeartbeatMessage\":\"Connection refused\"},"
    "{\"_id\":9,\"name\":\"stranger:1\",\"health\":1.0,\"state\":1}],\"ok\":1.0}";

static struct mongo_set read_all(void)
{
    struct mongo_set s;
    struct sl_error err;
    bson_t *config = doc("{\"config\":" CONFIG ",\"ok\":1.0}"), *status = doc(STATUS);
    cr_assert_eq(mongo_read_config(config, &s, &err), SL_OK, "%s", err.text);
    mongo_read_status(status, &s);
    bson_destroy(config);
    bson_destroy(status);
    return s;
}

Test(mongo_read, configuration)
{
    struct mongo_set s = read_all();
    cr_expect_str_eq(s.name, "rs0");
    cr_expect_eq(s.version, 5);
    cr_expect_eq(s.term, -1);
    cr_expect_eq(s.protocol, 1);
    cr_expect_eq(s.count, 3);
    cr_expect_float_eq(s.members[1].priority, 0.5, 1e-9);
    cr_expect_eq(s.members[1].delay_s, 60);
    cr_expect_eq(s.members[2].votes, 0);
    cr_expect(!s.uncommitted);
}

Test(mongo_read, status_goes_to_the_members_of_the_configuration)
{
    struct mongo_set s = read_all();
    cr_expect_str_eq(s.primary, "h:1", "a stranger's word counts for nothing");
    cr_expect_str_eq(s.asked, "h:1");
    cr_expect_eq(s.members[1].state, MONGO_SECONDARY);
    cr_expect_str_eq(s.members[1].source, "h:1");
    cr_expect_eq(s.members[1].config_version, 4);
    cr_expect_eq(mongo_lag_s(&s, 1), 6);
    cr_expect(s.members[2].seen && !s.members[2].healthy);
    cr_expect_str_eq(s.members[2].message, "Connection refused");
}

Test(mongo_read, a_configuration_that_is_not_committed)
{
    struct mongo_set s;
    struct sl_error err;
    bson_t *reply = doc("{\"config\":" CONFIG ",\"commitmentStatus\":false,\"ok\":1.0}");
    cr_assert_eq(mongo_read_config(reply, &s, &err), SL_OK);
    cr_expect(s.uncommitted);
    bson_destroy(reply);
}

Test(mongo_read, nonsense_is_refused_or_left_out)
{
    static const char *const replies[] = {"{}", "{\"config\":1}", "{\"config\":{\"_id\":7}}",
                                          "{\"config\":{\"_id\":\"rs0\"}}",
                                          "{\"config\":{\"_id\":\"rs0\",\"members\":[1,2]}}"};
    for (unsigned i = 0; i < COUNT(replies); i++) {
        struct mongo_set s;
        struct sl_error err;
        bson_t *reply = doc(replies[i]);
        cr_expect_eq(mongo_read_config(reply, &s, &err), SL_EPROTO, "%s", replies[i]);
        mongo_read_status(reply, &s);
        bson_destroy(reply);
    }
}

Test(mongo_read, hello_of_both_forms)
{
    static const struct {
        const char *json;
        bool primary, secondary, awaits;
        const char *set;
        unsigned hosts;
    } rows[] = {
        {"{\"hosts\":[\"h:1\",\"h:2\"],\"passives\":[\"h:3\"],\"setName\":\"rs0\",\"ismaster\":"
         "true,"
         "\"secondary\":false,\"primary\":\"h:1\",\"me\":\"h:1\",\"maxWireVersion\":7}",
         true, false, false, "rs0", 3},
        {"{\"setName\":\"rs0\",\"isWritablePrimary\":true,\"secondary\":false,"
         "\"maxWireVersion\":17}",
         true, false, false, "rs0", 0},
        {"{\"ismaster\":false,\"secondary\":false,\"info\":\"Does not have a valid replica set "
         "config\",\"isreplicaset\":true}",
         false, false, true, "", 0},
        {"{\"ismaster\":true,\"maxWireVersion\":7}", true, false, false, "", 0},
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        struct mongo_hello h;
        bson_t *reply = doc(rows[i].json);
        mongo_read_hello(reply, &h);
        cr_expect_eq(h.primary, rows[i].primary, "%u", i);
        cr_expect_eq(h.secondary, rows[i].secondary, "%u", i);
        cr_expect_eq(h.awaits_set, rows[i].awaits, "%u", i);
        cr_expect_str_eq(h.set, rows[i].set);
        cr_expect_eq(h.host_count, rows[i].hosts, "%u", i);
        bson_destroy(reply);
    }
}

Test(mongo_read, progress_of_new_and_old_servers)
{
    struct mongo_progress p;
    bson_t *reply = doc("{\"initialSyncStatus\":{\"approxTotalDataSize\":1000,"
                        "\"approxTotalBytesCopied\":250,"
                        "\"remainingInitialSyncEstimatedMillis\":{\"$numberLong\":\"3000\"}}}");
    mongo_read_progress(reply, &p);
    cr_expect(p.known && p.in_bytes && p.copied == 250 && p.total == 1000);
    cr_expect_eq(p.remaining_ms, 3000);
    bson_destroy(reply);
    reply = doc("{\"initialSyncStatus\":{\"databases\":{\"databasesCloned\":1,\"app\":{},"
                "\"admin\":{}}}}");
    mongo_read_progress(reply, &p);
    cr_expect(p.known && !p.in_bytes && p.copied == 1 && p.total == 2);
    cr_expect_eq(p.remaining_ms, -1);
    bson_destroy(reply);
    reply = doc("{\"ok\":1}");
    mongo_read_progress(reply, &p);
    cr_expect(!p.known);
    bson_destroy(reply);
}

// --- mongo_reconfig -------------------------------------------------------------------------------

static char *rewritten(const struct mongo_edit *edits, unsigned count, enum sl_code expected)
{
    bson_t after, *before = doc(CONFIG);
    struct sl_error err = {0};
    char *text = NULL;
    enum sl_code code = mongo_reconfig(before, edits, count, &after, &err);
    cr_expect_eq(code, expected, "%s", err.text);
    if (code == SL_OK) {
        text = bson_as_canonical_extended_json(&after, NULL);
        bson_destroy(&after);
    }
    bson_destroy(before);
    return text;
}

Test(mongo_reconfig, changes_what_is_asked_and_nothing_else)
{
    struct mongo_edit e = {MONGO_SET_MEMBER, "h:1", 2, MONGO_KEEP};
    char *there = rewritten(&e, 1, SL_OK);
    cr_expect(strstr(there, "\"version\" : { \"$numberInt\" : \"6\" }") != NULL, "%s", there);
    cr_expect(strstr(there, "\"priority\" : { \"$numberDouble\" : \"2.0\" }, \"tags\" : { \"dc\" :"
                            " \"x\" }") != NULL,
              "%s", there);
    bson_t after, *before = doc(there), *original = doc(CONFIG);
    struct sl_error err;
    e.priority = 1;
    cr_assert_eq(mongo_reconfig(before, &e, 1, &after, &err), SL_OK);
    // Back again it is the same document, but for the version.
    bson_t copy, same;
    bson_init(&copy);
    bson_init(&same);
    bson_copy_to_excluding_noinit(&after, &copy, "version", NULL);
    bson_copy_to_excluding_noinit(original, &same, "version", NULL);
    cr_expect(bson_equal(&copy, &same));
    bson_destroy(&copy);
    bson_destroy(&same);
    bson_destroy(&after);
    bson_destroy(before);
    bson_destroy(original);
    bson_free(there);
}

Test(mongo_reconfig, adds_behind_the_highest_id_and_without_a_vote)
{
    struct mongo_edit e = {MONGO_ADD_MEMBER, "h:9", 0, 0};
    char *text = rewritten(&e, 1, SL_OK);
    cr_expect(strstr(text,
                     "{ \"_id\" : { \"$numberInt\" : \"3\" }, \"host\" : \"h:9\", \"priority\""
                     " : { \"$numberDouble\" : \"0.0\" }, \"votes\" : { \"$numberInt\" :"
                     " \"0\" } }") != NULL,
              "%s", text);
    bson_free(text);
}

Test(mongo_reconfig, drops)
{
    struct mongo_edit e = {MONGO_DROP_MEMBER, "H:2", MONGO_KEEP, MONGO_KEEP};
    char *text = rewritten(&e, 1, SL_OK);
    cr_expect_null(strstr(text, "h:2"));
    cr_expect_not_null(strstr(text, "h:3"));
    bson_free(text);
}

Test(mongo_reconfig, refuses)
{
    static const struct {
        const char *what;
        struct mongo_edit edits[2];
        unsigned count;
        enum sl_code code;
    } rows[] = {
        {"two votes at once",
         {{MONGO_SET_MEMBER, "h:1", 0, 0}, {MONGO_SET_MEMBER, "h:3", MONGO_KEEP, 1}},
         2,
         SL_EINVAL},
        {"a vote that comes while another goes",
         {{MONGO_DROP_MEMBER, "h:2", MONGO_KEEP, MONGO_KEEP}, {MONGO_ADD_MEMBER, "h:4", 1, 1}},
         2,
         SL_EINVAL},
        {"a stranger", {{MONGO_SET_MEMBER, "h:7", 1, 1}}, 1, SL_ENOTFOUND},
        {"a stranger that goes", {{MONGO_DROP_MEMBER, "h:7", -1, -1}}, 1, SL_ENOTFOUND},
        {"one that is there", {{MONGO_ADD_MEMBER, "h:1", 0, 0}}, 1, SL_ECONFLICT},
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        char *text = rewritten(rows[i].edits, rows[i].count, rows[i].code);
        cr_expect_null(text, "%s", rows[i].what);
    }
}
