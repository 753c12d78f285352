// The rows of the preflight, one function each. Internal to cutover/.
#ifndef SLUICE_CUTOVER_PREFLIGHT_ROWS_H
#define SLUICE_CUTOVER_PREFLIGHT_ROWS_H

#include "cutover/preflight.h"

// Writes the evidence, and returns the verdict.
enum verdict preflight_say(struct preflight_row *row, enum verdict v, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// A list of a few for evidence: "a, b, c and 7 more".
#define PREFLIGHT_LIST_SHOWN 3
struct preflight_list {
    unsigned count;
    char text[260];
};
void preflight_list_add(struct preflight_list *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// Ends the text with how many more there are. Returns it.
const char *preflight_list_text(struct preflight_list *l);

#define ROW(name)                                                                                  \
    enum verdict preflight_##name(const struct preflight_input *in, struct preflight_row *row)

// preflight_servers.c: reach, replication, what the servers can take
ROW(reachable);
ROW(privileges);
ROW(server_id);
ROW(roles);
ROW(replication);
ROW(positions);
ROW(errant);
ROW(lag);
ROW(log);
ROW(connections);
ROW(disk);
// preflight_settings.c
ROW(version);
ROW(character_set);
ROW(sql_mode);
ROW(time_zone);
ROW(isolation);
ROW(max_packet);
ROW(table_names);
ROW(binlog_format);
ROW(auto_increment);
ROW(events);
// preflight_people.c: accounts, and who is at work
ROW(accounts);
ROW(passwords);
ROW(grants);
ROW(powers);
ROW(transactions);
ROW(ddl);
ROW(direct);
ROW(sessions);
ROW(testers);

#undef ROW

#endif
