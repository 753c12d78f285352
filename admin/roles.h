// Who is at the other end of the admin socket, and what the configuration lets them do.
#ifndef SLUICE_ADMIN_ROLES_H
#define SLUICE_ADMIN_ROLES_H

#include <stdbool.h>
#include <sys/types.h>

#include "admin/command.h"
#include "config/config.h"

#define PEER_GROUPS_MAX 256

struct peer {
    uid_t uid;
    gid_t gid; // the primary group; all others are in `groups`
    pid_t pid;
    char user[33]; // its name, or the number when it has none
    gid_t groups[PEER_GROUPS_MAX];
    unsigned group_count;
};

// Asks the kernel about a connected unix socket (SO_PEERCRED, SO_PEERGROUPS: as they were when the
// peer connected). Looks the name up, which may read files: main thread only. SL_EIO.
SL_CHECKED enum sl_code peer_of_socket(int fd, struct peer *out, struct sl_error *err);

// What the words "self", "socket-group" and group names of the configuration mean here.
struct role_scope {
    uid_t self;
    gid_t socket_group;
    // The number of a group name; false when there is none. May read files.
    bool (*group_by_name)(const char *name, gid_t *out);
};

// Of this process and of a socket file; group names from the system.
struct role_scope role_scope_of(const char *socket_path);

// The highest role of which one entry means this peer. Pure but for scope->group_by_name.
enum admin_role role_of_peer(const struct config_roles *roles, const struct peer *peer,
                             const struct role_scope *scope);

#endif
