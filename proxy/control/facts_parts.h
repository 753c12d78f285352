// The parts of facts_ask. Internal to control/.
#ifndef SLUICE_CONTROL_FACTS_PARTS_H
#define SLUICE_CONTROL_FACTS_PARTS_H

#include <stddef.h>

#include "control/facts.h"

// facts_grants.c: what the control account may not do.
SL_CHECKED enum sl_code facts_ask_grants(struct sql *sql, struct facts *f, struct sl_error *err);
// Takes "GRANT a, b ON *.* TO ..." into `have`, as ",a,b,"; other lines are left out. Pure.
void facts_take_grant(const char *line, char *have, size_t size);
// Lists what a cutover needs on a server of f's family and version, and `have` does not hold. Pure.
void facts_list_lacks(const struct facts *f, const char *have, char *out, size_t size);

// facts_accounts.c
SL_CHECKED enum sl_code facts_ask_accounts(struct sql *sql, const struct fence_rules *rules,
                                           struct facts *f, struct sl_error *err);
// "'user'@'host'" taken apart. Pure.
SL_CHECKED enum sl_code facts_split_grantee(const char *grantee, char *user, size_t user_size,
                                            char *host, size_t host_size);

// facts_work.c
SL_CHECKED enum sl_code facts_ask_work(struct sql *sql, struct facts *f, struct sl_error *err);
// "ALTER TABLE" for " alter  table t ...", "" for what is no DDL. Pure.
void facts_ddl_words(const char *statement, char *out, size_t size);

#endif
