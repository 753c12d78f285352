// Values that are addresses, networks and users, alone or as a list. A list of one may be written
// without its brackets.
#include <arpa/inet.h>
#include <string.h>

#include "base/cidr.h"
#include "base/text.h"
#include "config/value.h"

static const char *const unix_prefix = "unix:";

// 0 would be another port for each worker, so it is not one.
static bool parse_port(const char *s, uint16_t *out)
{
    uint64_t port;
    if (text_parse_u64(s, &port) != SL_OK || port == 0 || port > UINT16_MAX)
        return false;
    *out = (uint16_t)port;
    return true;
}

// Letters, digits, dots, hyphens, underscores, or "*" alone. Whether it resolves is for later.
static bool host_name(const char *host, size_t length)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (length == 1 && host[0] == '*')
        return true;
    return length > 0 && length <= 253 && strspn(host, allowed) >= length;
}

static bool ipv6(const char *host, size_t length)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    return text_copy_n(text, sizeof text, host, length) && inet_pton(AF_INET6, text, &address) == 1;
}

static bool parse_unix(struct config_reading *r, const char *path, struct config_address *out)
{
    size_t length = strlen(path);
    if (length == 0 || length > CONFIG_UNIX_PATH_MAX)
        return false;
    out->kind = CONFIG_ADDRESS_UNIX;
    out->path = config_store_text(r->store, path, length);
    return true;
}

// host:port or [ipv6]:port
static bool parse_tcp(struct config_reading *r, const char *s, struct config_address *out)
{
    const char *colon = strrchr(s, ':');
    if (colon == NULL || !parse_port(colon + 1, &out->port))
        return false;
    const char *host = s;
    size_t length = (size_t)(colon - s);
    if (length > 2 && s[0] == '[' && colon[-1] == ']') {
        host++;
        length -= 2;
        if (!ipv6(host, length))
            return false;
    } else if (!host_name(host, length)) {
        return false;
    }
    out->kind = CONFIG_ADDRESS_TCP;
    out->host = config_store_text(r->store, host, length);
    return true;
}

bool config_parse_address(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind != CONFIG_NODE_SCALAR)
        return config_value_refuse(r, node, NULL);
    struct config_address out = {0};
    size_t prefix = strlen(unix_prefix);
    bool local = strncmp(node->text, unix_prefix, prefix) == 0;
    if (local && node->length - prefix > CONFIG_UNIX_PATH_MAX)
        return config_value_refuse(r, node, "is longer than a socket path can be (107 bytes)");
    if (local ? !parse_unix(r, node->text + prefix, &out) : !parse_tcp(r, node->text, &out))
        return config_value_refuse(r, node, "is not an address");
    out.text = config_store_text(r->store, node->text, node->length);
    memcpy(field, &out, sizeof out);
    return true;
}

bool config_parse_http(struct config_reading *r, const struct config_node *node, void *field)
{
    // The field is http_on; the address is another field of the same struct.
    struct config_admin *admin =
        (struct config_admin *)(void *)((char *)field - offsetof(struct config_admin, http_on));
    if (node->kind == CONFIG_NODE_SCALAR && strcmp(node->text, "off") == 0) {
        admin->http_on = false;
        return true;
    }
    admin->http_on = config_parse_address(r, node, &admin->http);
    return admin->http_on;
}

typedef bool parse_item(struct config_reading *r, const struct config_node *node, void *field);

// Every list field is {pointer, count}.
struct any_list {
    void *items;
    size_t count;
};

// All items are parsed before the list is refused, so that each problem is named.
static bool parse_list(struct config_reading *r, const struct config_node *node, size_t size,
                       parse_item *parse, void *field)
{
    if (node->kind == CONFIG_NODE_MAP)
        return config_value_refuse(r, node, NULL);
    bool alone = node->kind == CONFIG_NODE_SCALAR, good = true;
    struct any_list list = {.count = alone ? 1 : node->count};
    list.items = config_store_alloc(r->store, list.count, size);
    char *at = list.items;
    if (alone)
        good = parse(r, node, at);
    else
        for (const struct config_node *item = node->children; item != NULL; item = item->next) {
            good = parse(r, item, at) && good;
            at += size;
        }
    if (good)
        memcpy(field, &list, sizeof list);
    return good;
}

bool config_parse_addresses(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind == CONFIG_NODE_LIST && node->count == 0)
        return config_value_refuse(r, node, "without any address");
    return parse_list(r, node, sizeof(struct config_address), config_parse_address, field);
}

static bool parse_cidr(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind != CONFIG_NODE_SCALAR)
        return config_value_refuse(r, node, NULL);
    struct cidr cidr;
    struct sl_error why;
    if (cidr_parse(node->text, &cidr, &why) == SL_OK) {
        memcpy(field, &cidr, sizeof cidr);
        return true;
    }
    // base/cidr.h has the better words for what is nearly right; they begin with the value.
    if (strchr(node->text, '/') == NULL || node->length >= CIDR_TEXT_MAX)
        return config_value_refuse(r, node, "is not a network");
    text_make_printable(why.text);
    const struct config_place at = {r->store->file, node->line, node->column, r->key};
    config_errors_add(r->errors, &at, "%s", why.text);
    return false;
}

bool config_parse_cidrs(struct config_reading *r, const struct config_node *node, void *field)
{
    return parse_list(r, node, sizeof(struct cidr), parse_cidr, field);
}

// How an entry of admin.roles begins, or is.
static const struct {
    const char *text;
    enum config_principal_kind kind;
    enum { WHOLE, NUMBER, NAME } rest;
} principal_forms[] = {
    {"self", CONFIG_PRINCIPAL_SELF, WHOLE},
    {"socket-group", CONFIG_PRINCIPAL_SOCKET_GROUP, WHOLE},
    {"everyone", CONFIG_PRINCIPAL_EVERYONE, WHOLE},
    {"uid:", CONFIG_PRINCIPAL_UID, NUMBER},
    {"gid:", CONFIG_PRINCIPAL_GID, NUMBER},
    {"group:", CONFIG_PRINCIPAL_GROUP, NAME},
    {"user:", CONFIG_PRINCIPAL_USER, NAME},
    {"", CONFIG_PRINCIPAL_USER, NAME}, // a bare name is a user
};

// What follows the form's text. False: not this form, the next may fit.
static bool principal_rest(struct config_reading *r, size_t form, const char *rest,
                           struct config_principal *out)
{
    uint64_t id;
    switch (principal_forms[form].rest) {
    case WHOLE: return rest[0] == '\0';
    case NUMBER:
        // The last one means "no one" to the kernel.
        if (text_parse_u64(rest, &id) != SL_OK || id >= UINT32_MAX)
            return false;
        out->id = (uint32_t)id;
        return true;
    case NAME:
        if (rest[0] == '\0' || strchr(rest, ':') != NULL)
            return false;
        out->name = config_store_text(r->store, rest, strlen(rest));
        return true;
    }
    return false;
}

static bool parse_principal(struct config_reading *r, const struct config_node *node, void *field)
{
    if (node->kind != CONFIG_NODE_SCALAR)
        return config_value_refuse(r, node, NULL);
    for (size_t i = 0; i < sizeof principal_forms / sizeof principal_forms[0]; i++) {
        const char *text = principal_forms[i].text;
        if (strncmp(node->text, text, strlen(text)) != 0)
            continue;
        struct config_principal out = {.kind = principal_forms[i].kind};
        if (!principal_rest(r, i, node->text + strlen(text), &out))
            continue;
        out.text = config_store_text(r->store, node->text, node->length);
        memcpy(field, &out, sizeof out);
        return true;
    }
    return config_value_refuse(r, node, "is not a user or a group");
}

bool config_parse_principals(struct config_reading *r, const struct config_node *node, void *field)
{
    return parse_list(r, node, sizeof(struct config_principal), parse_principal, field);
}
