// Socket addresses to and from text.
#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"

static enum sl_code resolve_unix(const char *path, struct address *out, struct sl_error *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->sa;
    size_t n = strlen(path);
    if (n == 0)
        return sl_fail(err, SL_EINVAL, "\"unix:\" without a path");
    if (n >= sizeof un->sun_path)
        return sl_fail(err, SL_ETOOBIG, "socket path %s is longer than %zu bytes", path,
                       sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, n + 1);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return SL_OK;
}

// An IPv6 socket takes IPv4 too; a kernel without IPv6 gets the IPv4 one.
static void resolve_any(unsigned port, struct address *out)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        struct sockaddr_in *in = (struct sockaddr_in *)&out->sa;
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        out->len = sizeof *in;
        return;
    }
    close(fd);
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->sa;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    out->len = sizeof *in6;
}

static enum sl_code resolve_host(const char *host, unsigned port, struct address *out,
                                 struct sl_error *err)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV,
    };
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return sl_fail(err, SL_ENOTFOUND, "cannot resolve %s: %s", host, gai_strerror(rc));
    memcpy(&out->sa, list->ai_addr, list->ai_addrlen);
    out->len = list->ai_addrlen;
    freeaddrinfo(list);
    return SL_OK;
}

enum sl_code address_resolve(const char *host, unsigned port, struct address *out,
                             struct sl_error *err)
{
    memset(out, 0, sizeof *out);
    if (strncmp(host, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return resolve_unix(host + strlen(UNIX_PREFIX), out, err);
    if (port > UINT16_MAX)
        return sl_fail(err, SL_EINVAL, "port %u is not within 0 to 65535", port);
    if (strcmp(host, "*") == 0) {
        resolve_any(port, out);
        return SL_OK;
    }
    size_t n = strlen(host);
    if (n < 2 || host[0] != '[' || host[n - 1] != ']')
        return resolve_host(host, port, out, err);
    char bare[INET6_ADDRSTRLEN + 32]; // with a scope
    int used = snprintf(bare, sizeof bare, "%.*s", (int)(n - 2), host + 1);
    if (used < 0 || (size_t)used >= sizeof bare)
        return sl_fail(err, SL_EINVAL, "%s is not an IPv6 address", host);
    return resolve_host(bare, port, out, err);
}

// The host part and the port; 0 where there is none.
static unsigned split(const struct address *a, char *host, size_t size, bool *v6)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)&a->sa;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->sa;
    *v6 = false;
    if (a->sa.ss_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, host, (socklen_t)size);
        return ntohs(in->sin_port);
    }
    // An IPv4 client of a socket that takes both.
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, (socklen_t)size);
        return ntohs(in6->sin6_port);
    }
    *v6 = true;
    inet_ntop(AF_INET6, &in6->sin6_addr, host, (socklen_t)size);
    return ntohs(in6->sin6_port);
}

static bool is_ip(const struct address *a)
{
    return a->len > 0 && (a->sa.ss_family == AF_INET || a->sa.ss_family == AF_INET6);
}

const char *address_format(const struct address *a, char *out, size_t size)
{
    if (is_ip(a)) {
        char host[INET6_ADDRSTRLEN];
        bool v6;
        unsigned port = split(a, host, sizeof host, &v6);
        snprintf(out, size, v6 ? "[%s]:%u" : "%s:%u", host, port);
    } else if (address_is_unix(a)) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)&a->sa;
        bool named = a->len > offsetof(struct sockaddr_un, sun_path) && un->sun_path[0] != '\0';
        snprintf(out, size, named ? "unix:%.*s" : "unix", (int)sizeof un->sun_path, un->sun_path);
    } else {
        snprintf(out, size, "none");
    }
    return out;
}

const char *address_format_host(const struct address *a, char *out, size_t size)
{
    if (is_ip(a)) {
        char host[INET6_ADDRSTRLEN];
        bool v6;
        split(a, host, sizeof host, &v6);
        snprintf(out, size, "%s", host);
    } else {
        snprintf(out, size, address_is_unix(a) ? "localhost" : "none");
    }
    return out;
}

bool address_is_unix(const struct address *a)
{
    return a->len > 0 && a->sa.ss_family == AF_UNIX;
}
