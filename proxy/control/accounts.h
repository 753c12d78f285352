// The accounts of the active backend, read through the control account: who they are, and the hash
// of their native passwords. At start, when the target changes, when asked, and every minute.
//
//   main loop: accounts_set_target, accounts_refresh ──> lane ──> user table
//              seen(view) <── mail ─────────────────────────┘     one reading under way at most
//
// Hashes are secrets: they are wiped when `seen` returns, and never logged.
#ifndef SLUICE_CONTROL_ACCOUNTS_H
#define SLUICE_CONTROL_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "control/priv.h"
#include "control/target.h"
#include "net/loop.h"

struct account {
    char user[386]; // MariaDB: 128 characters of three bytes
    char host[256];
    struct priv_method method; // an account with several of them is here several times
};

struct accounts_view {
    char backend[33];
    bool read;                       // the accounts are known; else why not:
    char problem[SL_ERROR_TEXT_MAX]; // "" when read
    const struct account *items;     // lent; roles are left out
    unsigned count;
    int64_t read_wall_us; // when this reading ended
};

struct accounts;

// `seen` runs in the loop `to` after each reading, also one that failed, and also for a target that
// has been replaced meanwhile (but then with success only): its accounts explain logins that were
// made there. Everything here is called in that loop's thread.
struct accounts *accounts_new(struct loop *to,
                              void (*seen)(void *arg, const struct accounts_view *view), void *arg);
// Copied. Reads at once if it is another one than before. One without a user: no control account.
void accounts_set_target(struct accounts *a, const struct control_target *target);
// Waits for the reading under way to end, at most this long: at start only, it blocks. Its result is
// seen in the loop's next turn.
void accounts_wait(struct accounts *a, int64_t timeout_ns);
// Reads now, or again as soon as the reading under way has ended.
void accounts_refresh(struct accounts *a);
// Before the loop's loop_free; `seen` does not run afterwards. Waits for a reading under way.
void accounts_free(struct accounts *a); // NULL is fine

#endif
