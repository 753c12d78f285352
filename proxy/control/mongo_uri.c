// mongodb://[user:password@]host[,host...][/[database][?option=value[&option=value...]]]
#include "control/mongo_uri.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define SCHEME "mongodb://"

// Borrowed from the text.
struct parts {
    struct slice user; // with the "@", or empty
    struct slice hosts;
    struct slice database; // without its "/"
    struct slice options;  // without the "?"
};

static struct slice slice_of(const char *from, const char *to)
{
    return (struct slice){.p = (const uint8_t *)from, .n = (size_t)(to - from)};
}

static enum sl_code split(const char *uri, struct parts *p, struct sl_error *err)
{
    if (strncmp(uri, "mongodb+srv://", 14) == 0)
        return sl_fail(err, SL_EUNSUPPORTED,
                       "mongo.uri: mongodb+srv is not supported here: name the members");
    if (strncmp(uri, SCHEME, sizeof SCHEME - 1) != 0)
        return sl_fail(err, SL_EINVAL, "mongo.uri: expected " SCHEME "HOST:PORT,...");
    const char *at = uri + sizeof SCHEME - 1;
    // A password may not hold a bare "/" or "?", so the first ends the hosts.
    const char *end = at + strcspn(at, "/?");
    const char *sign = memrchr(at, '@', (size_t)(end - at));
    const char *hosts = sign != NULL ? sign + 1 : at;
    p->user = slice_of(at, hosts);
    p->hosts = slice_of(hosts, end);
    const char *database = *end == '/' ? end + 1 : end;
    const char *question = database + strcspn(database, "?");
    p->database = slice_of(database, question);
    const char *options = *question == '?' ? question + 1 : question;
    p->options = slice_of(options, options + strlen(options));
    return SL_OK;
}

// Takes the text up to the next `sign` off `rest`.
static struct slice take(struct slice *rest, char sign)
{
    const uint8_t *stop = rest->n > 0 ? memchr(rest->p, sign, rest->n) : NULL;
    struct slice first = {.p = rest->p, .n = stop != NULL ? (size_t)(stop - rest->p) : rest->n};
    size_t gone = first.n + (stop != NULL ? 1 : 0);
    rest->p += gone;
    rest->n -= gone;
    return first;
}

enum sl_code mongo_uri_hosts(const char *uri, char (*hosts)[MONGO_HOST_MAX], unsigned most,
                             unsigned *count, struct sl_error *err)
{
    struct parts p;
    char name[MONGO_HOST_MAX];
    enum sl_code code = split(uri, &p, err);
    *count = 0;
    while (code == SL_OK && p.hosts.n > 0) {
        struct slice one = take(&p.hosts, ',');
        if (*count == most)
            return sl_fail(err, SL_ETOOBIG, "mongo.uri: more than %u hosts", most);
        if (!text_copy_n(name, sizeof name, (const char *)one.p, one.n))
            return sl_fail(err, SL_EINVAL, "mongo.uri: a host's name is too long");
        code = mongo_host_normalize(name, hosts[*count], err);
        *count += code == SL_OK;
    }
    return code == SL_OK && *count == 0 ? sl_fail(err, SL_EINVAL, "mongo.uri: no hosts") : code;
}

static bool is_option(struct slice option, const char *name)
{
    size_t n = strlen(name);
    return option.n > n && option.p[n] == '=' && strncasecmp((const char *)option.p, name, n) == 0;
}

enum sl_code mongo_uri_set_name(const char *uri, char *out, size_t size, struct sl_error *err)
{
    struct parts p;
    enum sl_code code = split(uri, &p, err);
    out[0] = '\0';
    while (code == SL_OK && p.options.n > 0) {
        struct slice one = take(&p.options, '&');
        size_t skip = sizeof "replicaSet=" - 1;
        if (is_option(one, "replicaSet") &&
            !text_copy_n(out, size, (const char *)one.p + skip, one.n - skip))
            return sl_fail(err, SL_EINVAL, "mongo.uri: the set's name is too long");
    }
    return code;
}

// Meant for a set, or ours to say.
static bool is_left_out(struct slice option, bool anonymous)
{
    static const char *const of_the_user[] = {"authSource", "authMechanism",
                                              "authMechanismProperties"};
    static const char *const names[] = {"replicaSet",
                                        "directConnection",
                                        "readPreference",
                                        "readPreferenceTags",
                                        "maxStalenessSeconds",
                                        "retryWrites",
                                        "retryReads",
                                        "loadBalanced",
                                        "heartbeatFrequencyMS",
                                        "serverSelectionTryOnce",
                                        "w",
                                        "wtimeoutMS",
                                        "journal",
                                        "readConcernLevel",
                                        "localThresholdMS",
                                        "srvServiceName",
                                        "srvMaxHosts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_option(option, names[i]))
            return true;
    for (size_t i = 0; anonymous && i < sizeof of_the_user / sizeof *of_the_user; i++)
        if (is_option(option, of_the_user[i]))
            return true;
    return false;
}

#define TIMEOUTS 3
static const char *const timeouts[TIMEOUTS] = {"connectTimeoutMS", "socketTimeoutMS",
                                               "serverSelectionTimeoutMS"};

// 0: is not set.
static uint64_t timeout_of(struct slice option, unsigned which)
{
    char digits[16];
    uint64_t value = 0;
    size_t skip = strlen(timeouts[which]) + 1;
    if (is_option(option, timeouts[which]) &&
        text_copy_n(digits, sizeof digits, (const char *)option.p + skip, option.n - skip) &&
        text_parse_u64(digits, &value) != SL_OK)
        value = 0;
    return value;
}

static void add_timeouts(const uint64_t set[TIMEOUTS], int timeout_ms, bool patient,
                         struct buf *out)
{
    for (unsigned i = 0; i < TIMEOUTS; i++) {
        uint64_t ms = set[i] != 0 ? set[i] : (uint64_t)timeout_ms;
        if (patient && ms < (uint64_t)timeout_ms)
            ms = (uint64_t)timeout_ms;
        buf_printf(out, "&%s=%llu", timeouts[i], (unsigned long long)ms);
    }
}

enum sl_code mongo_uri_direct(const char *uri, const char *host, int timeout_ms, unsigned how,
                              struct buf *out, struct sl_error *err)
{
    struct parts p;
    uint64_t set[TIMEOUTS] = {0};
    enum sl_code code = split(uri, &p, err);
    if (code != SL_OK)
        return code;
    buf_str(out, SCHEME);
    bool anonymous = (how & MONGO_URI_ANONYMOUS) != 0;
    if (!anonymous)
        buf_put(out, p.user.p, p.user.n);
    buf_printf(out, "%s/", host);
    buf_put(out, p.database.p, p.database.n);
    buf_str(out, "?directConnection=true");
    while (p.options.n > 0) {
        struct slice one = take(&p.options, '&');
        bool is_timeout = false;
        for (unsigned i = 0; i < TIMEOUTS; i++) {
            uint64_t ms = timeout_of(one, i);
            set[i] = ms != 0 ? ms : set[i];
            is_timeout = is_timeout || is_option(one, timeouts[i]);
        }
        if (one.n == 0 || is_timeout || is_left_out(one, anonymous))
            continue;
        buf_u8(out, '&');
        buf_put(out, one.p, one.n);
    }
    add_timeouts(set, timeout_ms, (how & MONGO_URI_PATIENT) != 0, out);
    return out->failed ? sl_fail(err, SL_ETOOBIG, "mongo.uri: too long") : SL_OK;
}
