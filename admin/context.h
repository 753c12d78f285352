// What the admin face needs of the daemon as a whole: one struct that proxy/sluice.c embeds, fills
// and keeps up to date. Everything here belongs to the daemon, lives in the main thread and is read
// there only, so that a changed pointer is seen by the next command.
#ifndef SLUICE_ADMIN_CONTEXT_H
#define SLUICE_ADMIN_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/config.h"
#include "control/monitor.h"
#include "cutover/conductor.h"
#include "cutover/mongo_conductor.h"
#include "net/loop.h"
#include "session/traffic.h"

// What the control account could read of the active backend's accounts.
struct accounts_status {
    bool learning;                   // auth.learn
    bool read;                       // at least once, and the last time
    char problem[SL_ERROR_TEXT_MAX]; // why not; "" before the first try
    unsigned count;
    int64_t read_wall_us; // of the last try, 0: none yet
};

// An account that has logged in; borrowed.
struct account_row {
    const char *user, *plugin, *how;
    bool movable;
    unsigned sessions;
};

struct cutover_order {
    const char *target, *by;
    bool check; // the preflight alone
    bool dry_run, ask;
    int64_t budget_ns;  // 0: as configured
    const char *accept; // rows of the preflight, with commas; NULL: none
};

struct mongo_order {
    enum mongo_deed deed;
    const char *host; // NULL: the healthiest
    const char *by;
    bool dry_run; // the preflight alone
};

struct admin_context {
    struct loop *loop; // the main thread's
    struct traffic *traffic;
    const struct config *config;      // the snapshot in force; replaced by a reload
    const char *config_path;          // the file it came from
    const char *version;              // "0.1.0"
    int64_t started_ns;               // clock_now_ns at the start
    int64_t started_wall_us;          // clock_wall_us at the start
    const struct backend_view *views; // the monitor's last views, NULL before the first
    unsigned view_count;
    struct accounts_status accounts;

    void *arg; // handed to the functions below, none of which is NULL
    // Reads the configuration again, replaces `config` and what follows from it (routes, targets,
    // TLS, log). On failure nothing has changed and the text says where the file is wrong.
    enum sl_code (*reload)(void *arg, struct sl_error *err);
    // Begins an orderly end: returns at once, the loop goes on until the sessions are gone.
    void (*shutdown)(void *arg);
    // Makes `name` the active backend: on disk first, then in the routes. SL_ENOTFOUND for an
    // unknown name; SL_ECONFLICT while the gate is open, unless `force`; SL_EIO when it is not
    // on disk (then nothing has changed).
    enum sl_code (*repoint)(void *arg, const char *name, bool force, struct sl_error *err);
    // The one conductor, never NULL; and how one is started: SL_ENOTFOUND, SL_ECONFLICT (it is the
    // active one, another runs), SL_EDENIED (no control account), SL_EIO. `by` names who asked.
    struct conductor *conductor;
    enum sl_code (*cutover)(void *arg, const struct cutover_order *order, struct sl_error *err);
    // A cutover that did not end and what the operator has to do about it; "": there is none. The
    // gate is closed meanwhile.
    char unended[SL_ERROR_TEXT_MAX + 320];
    // Lets traffic go on after a cutover that did not end, or is stuck.
    enum sl_code (*forget_cutover)(void *arg, struct sl_error *err);
    // The same for the MongoDB set: SL_ENOTFOUND when there is none (mongo.uri), SL_EINVAL for a
    // host that is none. A look ends with mongo_seen.
    struct mongo_conductor *mongo;
    enum sl_code (*order_mongo)(void *arg, const struct mongo_order *order, struct sl_error *err);
    enum sl_code (*look_mongo)(void *arg, struct sl_error *err);
    enum sl_code (*forget_mongo)(void *arg, struct sl_error *err);
    // Every account that sluice has seen log in, in order of user; `each` runs inside the call.
    void (*list_accounts)(void *arg, void (*each)(void *each_arg, const struct account_row *row),
                          void *each_arg);
};

#endif
