// URIs of sets, and of one member; and what error codes mean.
#include "control/mongo_uri.h"

#include <criterion/criterion.h>
#include <string.h>

#include "control/mongo_errors.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

Test(mongo_uri, hosts_and_name)
{
    char hosts[4][MONGO_HOST_MAX], name[16];
    unsigned count;
    struct sl_error err;
    const char *uri = "mongodb://u:p%40x@a,b:2,[::1]:3/app?tls=true&replicaSet=rs0";
    cr_assert_eq(mongo_uri_hosts(uri, hosts, 4, &count, &err), SL_OK, "%s", err.text);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(hosts[0], "a:27017");
    cr_expect_str_eq(hosts[1], "b:2");
    cr_expect_str_eq(hosts[2], "[::1]:3");
    cr_expect_eq(mongo_uri_set_name(uri, name, sizeof name, &err), SL_OK);
    cr_expect_str_eq(name, "rs0");
    cr_expect_eq(mongo_uri_set_name("mongodb://a", name, sizeof name, &err), SL_OK);
    cr_expect_str_eq(name, "");
    cr_expect_eq(mongo_uri_hosts(uri, hosts, 2, &count, &err), SL_ETOOBIG);
}

Test(mongo_uri, what_cannot_be_used)
{
    static const struct {
        const char *uri;
        enum sl_code code;
    } rows[] = {{"mongodb+srv://a/", SL_EUNSUPPORTED},
                {"http://a/", SL_EINVAL},
                {"mongodb://", SL_EINVAL},
                {"mongodb:///app", SL_EINVAL},
                {"mongodb://a b/", SL_EINVAL}};
    for (unsigned i = 0; i < COUNT(rows); i++) {
        char hosts[2][MONGO_HOST_MAX];
        unsigned count;
        struct sl_error err;
        cr_expect_eq(mongo_uri_hosts(rows[i].uri, hosts, 2, &count, &err), rows[i].code, "%s",
                     rows[i].uri);
    }
}

static void expect_direct(const char *uri, unsigned how, const char *expected)
{
    struct buf out;
    struct sl_error err;
    buf_init(&out, 0);
    cr_expect_eq(mongo_uri_direct(uri, "h:9", 2000, how, &out, &err), SL_OK);
    cr_expect_str_eq(buf_text(&out), expected);
    buf_release(&out);
}

#define OURS "&connectTimeoutMS=2000&socketTimeoutMS=2000&serverSelectionTimeoutMS=2000"

Test(mongo_uri, one_member)
{
    expect_direct("mongodb://a,b", MONGO_URI_PLAIN, "mongodb://h:9/?directConnection=true" OURS);
    expect_direct("mongodb://u:p@a/db?authSource=admin&replicaSet=rs0&tls=true&W=2&readPreference"
                  "=secondary",
                  MONGO_URI_PLAIN,
                  "mongodb://u:p@h:9/db?directConnection=true&authSource=admin&tls=true" OURS);
    expect_direct("mongodb://u:p@a/?authSource=admin&authMechanism=SCRAM-SHA-256&tls=true",
                  MONGO_URI_ANONYMOUS, "mongodb://h:9/?directConnection=true&tls=true" OURS);
}

Test(mongo_uri, time_outs_that_the_uri_sets)
{
    expect_direct("mongodb://a/?socketTimeoutMS=500", MONGO_URI_PLAIN,
                  "mongodb://h:9/?directConnection=true&connectTimeoutMS=2000&socketTimeoutMS=500"
                  "&serverSelectionTimeoutMS=2000");
    expect_direct("mongodb://a/?sockettimeoutms=500", MONGO_URI_PATIENT,
                  "mongodb://h:9/?directConnection=true" OURS);
    expect_direct("mongodb://a/?socketTimeoutMS=9000", MONGO_URI_PATIENT,
                  "mongodb://h:9/?directConnection=true&connectTimeoutMS=2000&socketTimeoutMS=9000"
                  "&serverSelectionTimeoutMS=2000");
    expect_direct("mongodb://a/?socketTimeoutMS=0", MONGO_URI_PLAIN,
                  "mongodb://h:9/?directConnection=true" OURS); // 0 would be: for ever
}

Test(mongo_errors, what_codes_ask_for)
{
    static const struct {
        int code;
        enum mongo_answer answer;
        const char *name;
    } rows[] = {
        {10107, MONGO_MOVED, "NotWritablePrimary"},
        {189, MONGO_MOVED, "PrimarySteppedDown"},
        {11602, MONGO_MOVED, "InterruptedDueToReplStateChange"},
        {103, MONGO_REFUSED, "NewReplicaSetConfigurationIncompatible"},
        {109, MONGO_BUSY, "ConfigurationInProgress"},
        {308, MONGO_BUSY, "CurrentConfigNotCommittedYet"},
        {74, MONGO_REFUSED, "NodeNotFound"},
        {262, MONGO_LATE, "ExceededTimeLimit"},
        {13, MONGO_LACKS, "Unauthorized"},
        {18, MONGO_LACKS, "AuthenticationFailed"},
        {94, MONGO_APART, "NotYetInitialized"},
        {6, MONGO_LOST, "HostUnreachable"},
        {424242, MONGO_REFUSED, ""},
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        cr_expect_eq(mongo_answer_of(rows[i].code), rows[i].answer, "%d", rows[i].code);
        cr_expect_str_eq(mongo_code_name(rows[i].code), rows[i].name);
    }
    cr_expect_str_eq(mongo_answer_name(MONGO_MOVED), "moved");
}
