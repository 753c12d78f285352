// Peer credentials of a unix socket, and the roles that the configuration gives for them.
#include "admin/roles.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define NAME_BUFFER 4096 // for getpwuid_r and getgrnam_r; a group with more members is not found

// For the audit line and for `user` entries; an account without a name is its number.
static void name_of_user(uid_t uid, char *out, size_t size)
{
    char memory[NAME_BUFFER];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(uid, &entry, memory, sizeof memory, &found) == 0 && found != NULL)
        text_copy(out, size, found->pw_name);
    else
        snprintf(out, size, "%u", (unsigned)uid);
}

enum sl_code peer_of_socket(int fd, struct peer *out, struct sl_error *err)
{
    struct ucred cred;
    socklen_t size = sizeof cred;
    memset(out, 0, sizeof *out);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        return sl_fail_errno(err, SL_EIO, errno, "cannot tell who connected");
    out->uid = cred.uid;
    out->gid = cred.gid;
    out->pid = cred.pid;
    name_of_user(cred.uid, out->user, sizeof out->user);
    // Somebody in more groups than that has the roles of none of them.
    size = sizeof out->groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out->groups, &size) == 0)
        out->group_count = (unsigned)(size / sizeof out->groups[0]);
    return SL_OK;
}

static bool group_by_name(const char *name, gid_t *out)
{
    char memory[NAME_BUFFER];
    struct group entry, *found = NULL;
    if (getgrnam_r(name, &entry, memory, sizeof memory, &found) != 0 || found == NULL)
        return false;
    *out = entry.gr_gid;
    return true;
}

struct role_scope role_scope_of(const char *socket_path)
{
    struct stat st;
    struct role_scope scope = {
        .self = geteuid(), .socket_group = getegid(), .group_by_name = group_by_name};
    if (stat(socket_path, &st) == 0)
        scope.socket_group = st.st_gid;
    return scope;
}

static bool in_group(const struct peer *p, gid_t gid)
{
    bool is = p->gid == gid;
    for (unsigned i = 0; i < p->group_count && !is; i++)
        is = p->groups[i] == gid;
    return is;
}

// Unknown group names mean nobody.
static bool means(const struct config_principal *who, const struct peer *p,
                  const struct role_scope *scope)
{
    gid_t gid;
    switch (who->kind) {
    case CONFIG_PRINCIPAL_USER: return strcmp(who->name, p->user) == 0;
    case CONFIG_PRINCIPAL_GROUP: return scope->group_by_name(who->name, &gid) && in_group(p, gid);
    case CONFIG_PRINCIPAL_UID: return who->id == p->uid;
    case CONFIG_PRINCIPAL_GID: return in_group(p, who->id);
    case CONFIG_PRINCIPAL_SELF: return p->uid == scope->self;
    case CONFIG_PRINCIPAL_SOCKET_GROUP: return in_group(p, scope->socket_group);
    case CONFIG_PRINCIPAL_EVERYONE: return true;
    }
    return false;
}

static bool any_means(const struct config_principals *list, const struct peer *p,
                      const struct role_scope *scope)
{
    bool found = false;
    for (size_t i = 0; i < list->count && !found; i++)
        found = means(&list->items[i], p, scope);
    return found;
}

enum admin_role role_of_peer(const struct config_roles *roles, const struct peer *peer,
                             const struct role_scope *scope)
{
    if (any_means(&roles->admin, peer, scope))
        return ROLE_ADMIN;
    if (any_means(&roles->operate, peer, scope))
        return ROLE_OPERATE;
    return any_means(&roles->view, peer, scope) ? ROLE_VIEW : ROLE_NONE;
}
