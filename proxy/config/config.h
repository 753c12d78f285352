// The configuration as the rest of sluice sees it: one immutable snapshot, plain structs.
//
// A snapshot is made by config/load.h, shared between threads by reference count and never
// changed; a reload makes another one. Durations are int64_t milliseconds (`_ms`), sizes are
// uint64_t bytes, text is NULL when it is not set, and all memory belongs to the snapshot.
// This header has types and a few inline functions only, so that every folder above base may
// include it without linking this one.
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cidr.h"
#include "base/log.h"

// Enums and their names: X(suffix, text). The text is what the file says and what is shown.

#define CONFIG_TLS_MODES(X)                                                                        \
    X(DISABLED, "disabled")                                                                        \
    X(PREFERRED, "preferred")                                                                      \
    X(REQUIRED, "required")                                                                        \
    X(VERIFY_CA, "verify-ca")                                                                      \
    X(VERIFY_IDENTITY, "verify-identity")

// What the ladder does when the wait is over. INHERIT is only for rules while loading; a loaded
// snapshot never holds it.
#define CONFIG_THENS(X)                                                                            \
    X(ABORT, "abort")                                                                              \
    X(KILL, "kill")                                                                                \
    X(WAIT, "wait")                                                                                \
    X(INHERIT, "inherit")

#define CONFIG_ADDRESS_KINDS(X) X(TCP, "tcp") X(UNIX, "unix")

// Whom an entry of admin.roles means.
#define CONFIG_PRINCIPAL_KINDS(X)                                                                  \
    X(USER, "user")                 /* a user name, in `name` */                                   \
    X(GROUP, "group")               /* a group name, in `name` */                                  \
    X(UID, "uid")                   /* a number, in `id` */                                        \
    X(GID, "gid")                   /* a number, in `id` */                                        \
    X(SELF, "self")                 /* the daemon's own effective user */                          \
    X(SOCKET_GROUP, "socket-group") /* members of the group that owns the admin socket */          \
    X(EVERYONE, "everyone")

#define X(name, text) CONFIG_TLS_##name,
enum config_tls_mode { CONFIG_TLS_MODES(X) };
#undef X
#define X(name, text) CONFIG_THEN_##name,
enum config_then { CONFIG_THENS(X) };
#undef X
#define X(name, text) CONFIG_ADDRESS_##name,
enum config_address_kind { CONFIG_ADDRESS_KINDS(X) };
#undef X
#define X(name, text) CONFIG_PRINCIPAL_##name,
enum config_principal_kind { CONFIG_PRINCIPAL_KINDS(X) };
#undef X

#define CONFIG_BACKEND_NAME_MAX 32
// sizeof sun_path on Linux; a path has to leave room for its NUL.
#define CONFIG_UNIX_PATH_MAX 107

struct config_address {
    const char *text; // as written
    enum config_address_kind kind;
    const char *host; // TCP: a name or an address, IPv6 without its brackets
    uint16_t port;    // TCP: 1 to 65535
    const char *path; // UNIX: at most CONFIG_UNIX_PATH_MAX bytes
};

struct config_addresses {
    struct config_address *items;
    size_t count;
};

// Networks, for cidr_match_any().
struct config_cidrs {
    struct cidr *items;
    size_t count;
};

// A user and a secret: inline, or in a file that is read when it is needed. At most one of
// password and password_file is set; config_login_secret() (config/load.h) gives it.
struct config_login {
    const char *user;
    const char *password; // wiped when the snapshot is freed
    const char *password_file;
};

struct config_logins {
    struct config_login *items;
    size_t count;
};

struct config_client_tls {
    enum config_tls_mode mode; // DISABLED, PREFERRED or REQUIRED
    const char *cert, *key;    // PEM files; both set unless mode is DISABLED
    const char *ca;            // PEM file; set: client certificates are asked for and checked
};

struct config_backend_tls {
    enum config_tls_mode mode;
    const char *ca;         // PEM file; NULL: the system's trust store
    const char *cert, *key; // PEM files of a client certificate; both or neither
};

struct config_backend {
    const char *name; // [a-z0-9_-]{1,32}, unique
    struct config_address address;
    struct config_backend_tls tls;
    bool proxy_protocol; // send a PROXY v2 header first
};

struct config_backends {
    struct config_backend *items; // in the order of the file
    size_t count;                 // at least 1
};

// Which sessions a drain rule is for: all keys that are set must match. At least one is set.
struct config_match {
    const char *user;         // pattern for text_match(); NULL: any
    struct config_cidrs host; // any of these; empty: any
    const char *database;     // pattern; NULL: any
    const char *program;      // pattern, against the program_name that the client sent; NULL: any
    int64_t older_than_ms;    // age of the unit of work; 0: any
};

struct config_rule {
    struct config_match match;
    int64_t wait_ms;
    enum config_then then;
};

struct config_rules {
    struct config_rule *items; // the first that matches decides
    size_t count;
};

struct config_drain {
    int64_t wait_ms;
    enum config_then then;
    struct config_rules rules;
};

struct config_hold {
    int64_t max_ms;
    unsigned max_sessions;
};

struct config_migrate {
    bool sessions;
    unsigned release_per_second;  // 0: unlimited
    unsigned remember_per_second; // of all workers together; 0: nothing is remembered
};

// A smoke check on the target before release: exactly one of sql and command is set.
struct config_check {
    const char *name;
    const char *sql;
    const char *expect;  // the first column of the first row; NULL: any result will do
    const char *command; // for /bin/sh; exit status 0 is good
    int64_t timeout_ms;
};

struct config_checks {
    struct config_check *items;
    size_t count;
};

// Who is let through first, while everybody else is held. At least one of the two is set.
struct config_tester {
    const char *user; // pattern; NULL: any
    struct config_cidrs host;
};

struct config_testers {
    struct config_tester *items;
    size_t count;
};

struct config_keep {
    const char *user;
};

struct config_keeps {
    struct config_keep *items;
    size_t count;
};

struct config_cutover {
    int64_t budget_ms, max_lag_ms, approach_lag_ms, approach_ms, throttle_ms, catch_up_ms, watch_ms;
    struct config_checks checks;
    struct config_testers testers;
    struct config_keeps keep;
    struct config_login replication; // user NULL: as the control account
    const char *mongo;               // HOST:PORT to fail over to after the release; NULL: nothing
};

struct config_mongo {
    const char *uri; // NULL: no MongoDB; may hold a password
    int64_t max_lag_ms, step_down_ms, catch_up_ms;
};

struct config_principal {
    enum config_principal_kind kind;
    const char *name; // USER, GROUP
    uint32_t id;      // UID, GID
    const char *text; // as written
};

struct config_principals {
    struct config_principal *items;
    size_t count;
};

// A peer gets the highest role of which one entry means it; none: it is refused.
struct config_roles {
    struct config_principals view, operate, admin;
};

struct config_admin {
    const char *socket; // path
    mode_t mode;        // of the socket, 0 to 0777
    bool http_on;
    struct config_address http; // valid if http_on
    const char *http_token_file;
    struct config_roles roles;
};

struct config_log {
    enum log_level level;
    enum log_format format;
};

struct config {
    struct config_addresses listen; // at least 1
    unsigned workers;               // 0: one a core
    unsigned max_sessions;
    int64_t login_timeout_ms;   // from accept to the server's OK
    int64_t connect_timeout_ms; // one attempt to reach a backend
    int64_t tcp_keepalive_ms;   // idle time before the first probe; 0: off
    int64_t shutdown_grace_ms;
    uint64_t max_packet_before_login; // bytes
    struct config_client_tls client_tls;
    struct {
        struct config_cidrs accept_from; // peers whose PROXY header is believed and required
    } proxy_protocol;
    struct config_backends backends;
    const char *active; // names one of backends; only for a state folder that knows no better
    const char *state_dir;
    struct config_login control;
    struct {
        bool learn;
    } auth;
    struct config_logins accounts;
    struct config_hold hold;
    struct config_drain drain;
    struct config_migrate migrate;
    struct config_cutover cutover;
    struct config_mongo mongo;
    struct config_admin admin;
    struct config_log log;

    atomic_uint refs; // config_ref, config_unref
    void (*destroy)(
        struct config *c); // called by the last config_unref; NULL in tests' own structs
};

// Takes another reference, from any thread; returns its argument.
static inline const struct config *config_ref(const struct config *c)
{
    unsigned before =
        atomic_fetch_add_explicit(&((struct config *)(uintptr_t)c)->refs, 1U, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return c;
}

// Gives a reference back; the last one wipes and frees the snapshot. NULL is fine.
static inline void config_unref(const struct config *c)
{
    struct config *owned = (struct config *)(uintptr_t)c;
    if (owned == NULL)
        return;
    if (atomic_fetch_sub_explicit(&owned->refs, 1U, memory_order_acq_rel) == 1U &&
        owned->destroy != NULL)
        owned->destroy(owned);
}

#define X(name, text)                                                                              \
    case CONFIG_TLS_##name: return text;
static inline const char *config_tls_mode_name(enum config_tls_mode mode)
{
    switch (mode) {
        CONFIG_TLS_MODES(X)
    }
    return "?";
}
#undef X

#define X(name, text)                                                                              \
    case CONFIG_THEN_##name: return text;
static inline const char *config_then_name(enum config_then then)
{
    switch (then) {
        CONFIG_THENS(X)
    }
    return "?";
}
#undef X

// The backend of this name, or NULL.
static inline const struct config_backend *config_find_backend(const struct config *c,
                                                               const char *name)
{
    for (size_t i = 0; name != NULL && i < c->backends.count; i++) {
        const char *a = c->backends.items[i].name;
        size_t k = 0;
        while (a[k] != '\0' && a[k] == name[k])
            k++;
        if (a[k] == name[k])
            return &c->backends.items[i];
    }
    return NULL;
}

#endif
