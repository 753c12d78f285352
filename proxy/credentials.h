// Joins what the control account knows and what the configuration says to the vault of the traffic:
// hashes of native passwords, passwords of `accounts:`. Main thread only.
#ifndef SLUICE_CREDENTIALS_H
#define SLUICE_CREDENTIALS_H

#include "admin/context.h"
#include "base/error.h"
#include "config/config.h"
#include "control/target.h"
#include "net/loop.h"
#include "session/traffic.h"

struct credentials;

// Both borrowed; `status` is kept up to date.
struct credentials *credentials_new(struct loop *loop, struct traffic *traffic,
                                    struct accounts_status *status);
// The backends and the name of the active one, whose accounts are read. Copied.
void credentials_set_targets(struct credentials *c, const struct control_target *targets,
                             unsigned count, const char *active);
void credentials_set_active(struct credentials *c, const char *active);
// At start: waits for the first reading of the accounts, so that the first logins can be explained,
// but not long.
void credentials_wait(struct credentials *c);
// Gives the passwords of `accounts:` to the vault. Reads files, so at start and reload only. On
// failure nothing has changed.
SL_CHECKED enum sl_code credentials_configure(struct credentials *c, const struct config *config,
                                              struct sl_error *err);
// Reads the accounts again.
void credentials_refresh(struct credentials *c);
void credentials_list(struct credentials *c, void (*each)(void *arg, const struct account_row *row),
                      void *arg);
void credentials_free(struct credentials *c); // before the traffic and the loop. NULL is fine

#endif
