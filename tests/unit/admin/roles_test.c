// Roles: which entries mean which peer.
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/roles.h"

static bool group_by_name(const char *name, gid_t *out)
{
    *out = 50;
    return strcmp(name, "dba") == 0;
}

static const struct role_scope SCOPE = {
    .self = 7, .socket_group = 20, .group_by_name = group_by_name};

static const struct config_principal EVERYONE = {.kind = CONFIG_PRINCIPAL_EVERYONE};

static const struct {
    struct config_principal who;
    bool means; // the peer below
} ROWS[] = {
    {{.kind = CONFIG_PRINCIPAL_USER, .name = "ann"}, true},
    {{.kind = CONFIG_PRINCIPAL_USER, .name = "bob"}, false},
    {{.kind = CONFIG_PRINCIPAL_GROUP, .name = "dba"}, true},
    {{.kind = CONFIG_PRINCIPAL_GROUP, .name = "nobody-has-it"}, false},
    {{.kind = CONFIG_PRINCIPAL_UID, .id = 1000}, true},
    {{.kind = CONFIG_PRINCIPAL_UID, .id = 0}, false},
    {{.kind = CONFIG_PRINCIPAL_GID, .id = 1000}, true},
    {{.kind = CONFIG_PRINCIPAL_GID, .id = 50}, true},
    {{.kind = CONFIG_PRINCIPAL_GID, .id = 51}, false},
    {{.kind = CONFIG_PRINCIPAL_SELF}, false},
    {{.kind = CONFIG_PRINCIPAL_SOCKET_GROUP}, false},
    {{.kind = CONFIG_PRINCIPAL_EVERYONE}, true},
};

Test(roles, principals)
{
    const struct peer ann = {
        .uid = 1000, .gid = 1000, .user = "ann", .groups = {50}, .group_count = 1};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct config_principal who = ROWS[i].who;
        const struct config_roles roles = {.operate = {&who, 1}};
        cr_expect_eq(role_of_peer(&roles, &ann, &SCOPE), ROWS[i].means ? ROLE_OPERATE : ROLE_NONE,
                     "row %zu", i);
    }
}

Test(roles, highest_wins)
{
    struct config_principal all = EVERYONE, self = {.kind = CONFIG_PRINCIPAL_SELF};
    const struct config_roles roles = {.view = {&all, 1}, .admin = {&self, 1}};
    const struct peer other = {.uid = 8}, daemon = {.uid = 7};
    cr_expect_eq(role_of_peer(&roles, &other, &SCOPE), ROLE_VIEW);
    cr_expect_eq(role_of_peer(&roles, &daemon, &SCOPE), ROLE_ADMIN);
}

Test(roles, nobody_without_entries)
{
    const struct config_roles roles = {0};
    const struct peer root = {.uid = 0, .user = "root"};
    cr_expect_eq(role_of_peer(&roles, &root, &SCOPE), ROLE_NONE);
}

Test(roles, kernel_says_who)
{
    int fds[2];
    struct peer p;
    struct sl_error err;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_eq(peer_of_socket(fds[0], &p, &err), SL_OK, "%s", err.text);
    cr_expect_eq(p.uid, geteuid());
    cr_expect_eq(p.gid, getegid());
    cr_expect_eq(p.pid, getpid());
    cr_expect(p.user[0] != '\0');
    close(fds[0]);
    close(fds[1]);
}
