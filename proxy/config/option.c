// The option table, and looking things up in it. To add an option: a field in config/config.h, a
// row here, a line in conf/sluice.yaml (a unit test compares them).
#include "config/option.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/text.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

#define X(name, pattern, type) [CONFIG_SCOPE_##name] = {pattern, sizeof(type)},
const struct config_scope_info config_scopes[CONFIG_SCOPE_COUNT] = {CONFIG_SCOPES(X)};
#undef X

#define END                                                                                        \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
static const struct config_word auto_words[] = {{"auto", 0}, END};
static const struct config_word unlimited_words[] = {{"unlimited", 0}, END};
static const struct config_word off_words[] = {{"off", 0}, END};
static const struct config_word inherit_words[] = {{"inherit", -1}, END};

#define X(name, text) {text, CONFIG_TLS_##name},
static const struct config_word backend_tls_words[] = {CONFIG_TLS_MODES(X) END};
#undef X
static const struct config_word client_tls_words[] = {{"disabled", CONFIG_TLS_DISABLED},
                                                      {"preferred", CONFIG_TLS_PREFERRED},
                                                      {"required", CONFIG_TLS_REQUIRED},
                                                      END};
static const struct config_word then_words[] = {
    {"abort", CONFIG_THEN_ABORT}, {"kill", CONFIG_THEN_KILL}, {"wait", CONFIG_THEN_WAIT}, END};
#define X(name, text) {text, CONFIG_THEN_##name},
static const struct config_word rule_then_words[] = {CONFIG_THENS(X) END};
#undef X
#define X(name, text) {text, LOG_LEVEL_##name},
static const struct config_word level_words[] = {LOG_LEVELS(X) END};
#undef X
static const struct config_word format_words[] = {
    {"logfmt", LOG_FORMAT_LOGFMT}, {"json", LOG_FORMAT_JSON}, END};

// Columns of a row: where the field is, then how it is read.
#define FIELD_ROOT(f) CONFIG_SCOPE_ROOT, offsetof(struct config, f)
#define FIELD_BACKEND(f) CONFIG_SCOPE_BACKEND, offsetof(struct config_backend, f)
#define FIELD_ACCOUNT(f) CONFIG_SCOPE_ACCOUNT, offsetof(struct config_login, f)
#define FIELD_RULE(f) CONFIG_SCOPE_RULE, offsetof(struct config_rule, f)
#define FIELD_CHECK(f) CONFIG_SCOPE_CHECK, offsetof(struct config_check, f)
#define FIELD_KEEP(f) CONFIG_SCOPE_KEEP, offsetof(struct config_keep, f)
#define FIELD_TESTER(f) CONFIG_SCOPE_TESTER, offsetof(struct config_tester, f)
#define ROW(path, scope, offset, type, def, min, max, words, elements, effect, help)               \
    {                                                                                              \
        path, scope, CONFIG_TYPE_##type, offset, def, min, max, words, CONFIG_SCOPE_##elements,    \
            CONFIG_EFFECT_##effect, help                                                           \
    }

#define VALUE(path, where, type, def, effect, help)                                                \
    ROW(path, where, type, def, 0, 0, NULL, ROOT, effect, help)
#define NUMBER(path, where, type, def, min, max, words, effect, help)                              \
    ROW(path, where, type, def, min, max, words, ROOT, effect, help)
#define TIME(path, where, def, min, max, effect, help)                                             \
    ROW(path, where, DURATION, def, min, max, NULL, ROOT, effect, help)
#define WORD(path, where, def, words, effect, help)                                                \
    ROW(path, where, ENUM, def, 0, 0, words, ROOT, effect, help)
#define MANY(path, where, type, def, elements, help)                                               \
    ROW(path, where, type, def, 0, 0, NULL, elements, RELOAD, help)

#define NO_DEFAULT NULL

const struct config_option config_options[] = {
    VALUE(
        "listen", FIELD_ROOT(listen), ADDRESSES, NO_DEFAULT, RESTART,
        "Where clients connect: one or more addresses; host `*` is every address, IPv4 and IPv6."),
    NUMBER("workers", FIELD_ROOT(workers), NUMBER, "auto", 1, 64, auto_words, RESTART,
           "Worker threads; `auto` is one for each core."),
    NUMBER("max_sessions", FIELD_ROOT(max_sessions), NUMBER, "10000", 1, 1000000, NULL, RELOAD,
           "Client connections at one time; one more is refused with error 1040."),
    TIME("login_timeout", FIELD_ROOT(login_timeout_ms), "10s", 100, 10 * MINUTE, RELOAD,
         "From accepting a connection to the end of its login, time spent held not counted."),
    TIME("connect_timeout", FIELD_ROOT(connect_timeout_ms), "3s", 10, 10 * MINUTE, RELOAD,
         "For one attempt to reach a backend."),
    NUMBER("tcp_keepalive", FIELD_ROOT(tcp_keepalive_ms), DURATION, "60s", SECOND, 2 * HOUR,
           off_words, RELOAD, "Idle time after which a TCP connection is probed, on both sides."),
    TIME("shutdown_grace", FIELD_ROOT(shutdown_grace_ms), "10s", 0, HOUR, RELOAD,
         "After SIGTERM, for units of work to end."),
    NUMBER("max_packet_before_login", FIELD_ROOT(max_packet_before_login), SIZE, "64KiB", 4 * KIB,
           16 * MIB, NULL, RELOAD, "The largest packet taken from a client that is not logged in."),
    WORD("client_tls.mode", FIELD_ROOT(client_tls.mode), "disabled", client_tls_words, RELOAD,
         "TLS towards clients: not offered, offered, or insisted on."),
    VALUE("client_tls.cert", FIELD_ROOT(client_tls.cert), FILE, "", RELOAD,
          "PEM file with sluice's certificate and its chain."),
    VALUE("client_tls.key", FIELD_ROOT(client_tls.key), FILE, "", RELOAD,
          "PEM file with the key of that certificate."),
    VALUE("client_tls.ca", FIELD_ROOT(client_tls.ca), FILE, "", RELOAD,
          "PEM file with authorities for client certificates; when set, clients need one."),
    VALUE(
        "proxy_protocol.accept_from", FIELD_ROOT(proxy_protocol.accept_from), CIDRS, "[]", RELOAD,
        "Load balancers that send a PROXY v2 header first: from these it is required, from others "
        "it is an error."),
    MANY("backends", FIELD_ROOT(backends), MAP_OF, NO_DEFAULT, BACKEND,
         "The servers, by name: 1 to 32 of `a-z 0-9 _ -`."),
    VALUE("backends.*.address", FIELD_BACKEND(address), ADDRESS, NO_DEFAULT, RELOAD,
          "Where the server listens; a change is for new connections."),
    WORD("backends.*.tls.mode", FIELD_BACKEND(tls.mode), "preferred", backend_tls_words, RELOAD,
         "TLS towards the server: never, if it can, always, with its certificate checked, with its "
         "name checked as well."),
    VALUE("backends.*.tls.ca", FIELD_BACKEND(tls.ca), FILE, "", RELOAD,
          "PEM file with authorities; the system's when not set."),
    VALUE("backends.*.tls.cert", FIELD_BACKEND(tls.cert), FILE, "", RELOAD,
          "PEM file with a client certificate for the server."),
    VALUE("backends.*.tls.key", FIELD_BACKEND(tls.key), FILE, "", RELOAD,
          "PEM file with the key of that certificate."),
    VALUE("backends.*.proxy_protocol", FIELD_BACKEND(proxy_protocol), BOOL, "off", RELOAD,
          "Send a PROXY v2 header, so that the server sees the client's address."),
    VALUE("active", FIELD_ROOT(active), TEXT, NO_DEFAULT, FIRST_START,
          "The backend that is active at the first start; afterwards `state_dir` knows."),
    VALUE("state_dir", FIELD_ROOT(state_dir), TEXT, "/var/lib/sluice", RESTART,
          "Folder for what must survive: the active backend, the journal, reports."),
    VALUE("control.user", FIELD_ROOT(control.user), TEXT, "sluice", RELOAD,
          "sluice's own account on the servers, for looking and for cutovers."),
    VALUE("control.password", FIELD_ROOT(control.password), SECRET, "", RELOAD,
          "Its password; `password_file` is the better place."),
    VALUE("control.password_file", FIELD_ROOT(control.password_file), SECRET_FILE, "", RELOAD,
          "File whose first line is the password; must not be readable by everybody."),
    VALUE("auth.learn", FIELD_ROOT(auth.learn), BOOL, "on", RELOAD,
          "Keep what logins show, so that sessions can be moved; `off`: they are drained instead."),
    MANY("accounts", FIELD_ROOT(accounts), LIST_OF, "[]", ACCOUNT,
         "Accounts whose secret cannot be learned."),
    VALUE("accounts[].user", FIELD_ACCOUNT(user), TEXT, NO_DEFAULT, RELOAD, "User name."),
    VALUE("accounts[].password", FIELD_ACCOUNT(password), SECRET, "", RELOAD,
          "Password; `password_file` is the better place."),
    VALUE("accounts[].password_file", FIELD_ACCOUNT(password_file), SECRET_FILE, "", RELOAD,
          "File whose first line is the password; must not be readable by everybody."),
    TIME("hold.max", FIELD_ROOT(hold.max_ms), "30s", 1, HOUR, RELOAD,
         "The longest that a client is held; then 1040 for new connections, 1053 for sessions."),
    NUMBER("hold.max_sessions", FIELD_ROOT(hold.max_sessions), NUMBER, "10000", 0, 1000000, NULL,
           RELOAD, "Sessions held at one time; one more gets the same errors at once."),
    TIME("drain.wait", FIELD_ROOT(drain.wait_ms), "5s", 0, DAY, RELOAD,
         "For units of work to end by themselves."),
    WORD("drain.then", FIELD_ROOT(drain.then), "abort", then_words, RELOAD,
         "Afterwards: roll back and answer 1213, end the session, or keep waiting."),
    MANY("drain.rules", FIELD_ROOT(drain.rules), LIST_OF, "[]", RULE,
         "Exceptions; the first rule that matches a session decides."),
    VALUE("drain.rules[].match.user", FIELD_RULE(match.user), TEXT, "", RELOAD,
          "User name; `*` and `?` match any text and any character."),
    VALUE("drain.rules[].match.host", FIELD_RULE(match.host), CIDRS, "[]", RELOAD,
          "Client addresses or networks, `localhost`, `unix`."),
    VALUE("drain.rules[].match.database", FIELD_RULE(match.database), TEXT, "", RELOAD,
          "Default database of the session; `*` and `?` as above."),
    VALUE("drain.rules[].match.program", FIELD_RULE(match.program), TEXT, "", RELOAD,
          "The program name that the client sent at login; `*` and `?` as above."),
    TIME("drain.rules[].match.older_than", FIELD_RULE(match.older_than_ms), "0s", 0, 30 * DAY,
         RELOAD, "Only units of work that are at least this old."),
    NUMBER("drain.rules[].wait", FIELD_RULE(wait_ms), DURATION, "inherit", 0, DAY, inherit_words,
           RELOAD, "As `drain.wait`, which it inherits."),
    WORD("drain.rules[].then", FIELD_RULE(then), "inherit", rule_then_words, RELOAD,
         "As `drain.then`, which it inherits."),
    VALUE("migrate.sessions", FIELD_ROOT(migrate.sessions), BOOL, "on", RELOAD,
          "Move sessions to the new server; `off`: they are ended at a safe point."),
    NUMBER("migrate.release_per_second", FIELD_ROOT(migrate.release_per_second), NUMBER,
           "unlimited", 1, 1000000, unlimited_words, RELOAD, "Pace at which held sessions go on."),
    NUMBER(
        "migrate.remember_per_second", FIELD_ROOT(migrate.remember_per_second), NUMBER, "0", 0,
        10000, NULL, RELOAD,
        "Idle sessions whose state is asked for, so that they outlive a restart of their server; "
        "0: they do not."),
    TIME("cutover.budget", FIELD_ROOT(cutover.budget_ms), "10s", 100, HOUR, RELOAD,
         "The longest stall; when it would be passed, the cutover undoes itself."),
    TIME("cutover.max_lag", FIELD_ROOT(cutover.max_lag_ms), "5s", 0, HOUR, RELOAD,
         "Preflight refuses a target that is further behind."),
    TIME("cutover.approach_lag", FIELD_ROOT(cutover.approach_lag_ms), "100ms", 0, MINUTE, RELOAD,
         "The hold begins when the target is less than this behind."),
    TIME("cutover.approach", FIELD_ROOT(cutover.approach_ms), "60s", 0, HOUR, RELOAD,
         "How long to try to get there."),
    TIME("cutover.throttle", FIELD_ROOT(cutover.throttle_ms), "20ms", 0, 10 * SECOND, RELOAD,
         "The most that a new unit of work is slowed meanwhile; 0 is not at all."),
    TIME("cutover.catch_up", FIELD_ROOT(cutover.catch_up_ms), "5s", 0, HOUR, RELOAD,
         "For the target to apply everything after the fence."),
    MANY("cutover.checks", FIELD_ROOT(cutover.checks), LIST_OF, "[]", CHECK,
         "Smoke checks on the target before traffic is released, all at the same time."),
    VALUE("cutover.checks[].name", FIELD_CHECK(name), TEXT, NO_DEFAULT, RELOAD,
          "What the report calls it."),
    VALUE("cutover.checks[].sql", FIELD_CHECK(sql), TEXT, "", RELOAD,
          "A statement for the target."),
    VALUE("cutover.checks[].expect", FIELD_CHECK(expect), TEXT, "", RELOAD,
          "What the first column of its first row must be; not set: any result will do."),
    VALUE("cutover.checks[].command", FIELD_CHECK(command), TEXT, "", RELOAD,
          "Or a shell command that must end with status 0."),
    TIME("cutover.checks[].timeout", FIELD_CHECK(timeout_ms), "2s", 1, HOUR, RELOAD,
         "Longer is a failure."),
    MANY(
        "cutover.testers", FIELD_ROOT(cutover.testers), LIST_OF, "[]", TESTER,
        "Who is let through first, while everybody else is held; only with `cutover start --ask`."),
    VALUE("cutover.testers[].user", FIELD_TESTER(user), TEXT, "", RELOAD,
          "User name; `*` and `?` match any text and any character. Not set: any, and all accounts "
          "are unlocked on the target."),
    VALUE("cutover.testers[].host", FIELD_TESTER(host), CIDRS, "[]", RELOAD,
          "Client addresses or networks, `localhost`, `unix`."),
    MANY("cutover.keep", FIELD_ROOT(cutover.keep), LIST_OF, "[]", KEEP,
         "Accounts that the fence leaves alone: never locked, never killed (monitoring, backups)."),
    VALUE("cutover.keep[].user", FIELD_KEEP(user), TEXT, NO_DEFAULT, RELOAD, "User name."),
    VALUE("cutover.replication.user", FIELD_ROOT(cutover.replication.user), TEXT, "", RELOAD,
          "How the old master follows the new one afterwards; not set: `control.user`."),
    VALUE("cutover.replication.password", FIELD_ROOT(cutover.replication.password), SECRET, "",
          RELOAD, "Its password; `password_file` is the better place."),
    VALUE("cutover.replication.password_file", FIELD_ROOT(cutover.replication.password_file),
          SECRET_FILE, "", RELOAD, "File whose first line is the password."),
    TIME("cutover.watch", FIELD_ROOT(cutover.watch_ms), "30s", 0, DAY, RELOAD,
         "How long the report follows the new server afterwards."),
    VALUE("cutover.mongo", FIELD_ROOT(cutover.mongo), TEXT, "", RELOAD,
          "HOST:PORT of a MongoDB member that is made primary after the release; `any`: the "
          "healthiest."),
    VALUE("mongo.uri", FIELD_ROOT(mongo.uri), URI, "", RELOAD,
          "The replica set; not set: no `mongo` commands."),
    TIME("mongo.max_lag", FIELD_ROOT(mongo.max_lag_ms), "10s", 0, HOUR, RELOAD,
         "A failover refuses a member that is further behind."),
    TIME("mongo.step_down", FIELD_ROOT(mongo.step_down_ms), "60s", SECOND, HOUR, RELOAD,
         "How long the old primary does not stand for election."),
    TIME("mongo.catch_up", FIELD_ROOT(mongo.catch_up_ms), "10s", 0, HOUR, RELOAD,
         "How long it waits for a member to catch up before it steps down."),
    VALUE("admin.socket", FIELD_ROOT(admin.socket), SOCKET, "/run/sluice/admin.sock", RESTART,
          "Unix socket for `sluicectl`."),
    VALUE("admin.mode", FIELD_ROOT(admin.mode), MODE, "\"0660\"", RESTART, "Its file mode."),
    VALUE("admin.http", FIELD_ROOT(admin.http_on), HTTP, "127.0.0.1:9306", RESTART,
          "Read-only HTTP for metrics; anything but loopback needs a token."),
    VALUE("admin.http_token_file", FIELD_ROOT(admin.http_token_file), SECRET_FILE, "", RELOAD,
          "File whose first line is the bearer token that HTTP requires."),
    VALUE("admin.roles.view", FIELD_ROOT(admin.roles.view), PRINCIPALS, "[everyone]", RELOAD,
          "Who may look; the socket's mode is the first gate."),
    VALUE("admin.roles.operate", FIELD_ROOT(admin.roles.operate), PRINCIPALS, "[socket-group]",
          RELOAD, "Who may also pause, drain, kill and cut over."),
    VALUE("admin.roles.admin", FIELD_ROOT(admin.roles.admin), PRINCIPALS, "[\"uid:0\", self]",
          RELOAD, "Who may also reload, change the log and shut down."),
    WORD("log.level", FIELD_ROOT(log.level), "info", level_words, RELOAD,
         "The least important lines that are written."),
    WORD("log.format", FIELD_ROOT(log.format), "logfmt", format_words, RELOAD,
         "`key=value` or one JSON object a line."),
};

const size_t config_option_count = sizeof config_options / sizeof config_options[0];
static_assert(sizeof config_options / sizeof config_options[0] <= CONFIG_OPTIONS_MAX,
              "raise CONFIG_OPTIONS_MAX");

const struct config_option *config_option_find(const char *pattern)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (strcmp(config_options[i].path, pattern) == 0)
            return &config_options[i];
    return NULL;
}

// What follows the section in the path of a row, without the dot; NULL if the row is elsewhere.
static const char *below(const char *path, const char *section)
{
    size_t length = strlen(section);
    if (length == 0)
        return path;
    return strncmp(path, section, length) == 0 && path[length] == '.' ? path + length + 1 : NULL;
}

bool config_option_section(const char *pattern)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (below(config_options[i].path, pattern) != NULL)
            return true;
    return false;
}

const char *config_option_child(const char *section, size_t *at, char *out, size_t size)
{
    for (; *at < config_option_count; (*at)++) {
        const char *rest = below(config_options[*at].path, section);
        if (rest == NULL)
            continue;
        size_t length = strcspn(rest, ".[");
        // Rows of one section are together, so a key was seen if the row before has it.
        const char *before = *at > 0 ? below(config_options[*at - 1].path, section) : NULL;
        if (before != NULL && strcspn(before, ".[") == length && strncmp(before, rest, length) == 0)
            continue;
        text_copy_n(out, size, rest, length);
        (*at)++;
        return out;
    }
    return NULL;
}
